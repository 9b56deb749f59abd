"""ARKit's names, and the shapes that they have here."""

import numpy as np

from facerelief.geometry.export.arkit import ARKIT_NAMES, arkit_shapes
from facerelief.geometry.morphable.action_units import Rig
from facerelief.geometry.morphable.model import load_face

# By Apple's page of ARFaceAnchor.BlendShapeLocation, in its order, which Unreal's EARFaceBlendShape repeats.
APPLE = [
    *("eyeBlinkLeft", "eyeLookDownLeft", "eyeLookInLeft", "eyeLookOutLeft", "eyeLookUpLeft", "eyeSquintLeft"),
    *("eyeWideLeft", "eyeBlinkRight", "eyeLookDownRight", "eyeLookInRight", "eyeLookOutRight", "eyeLookUpRight"),
    *("eyeSquintRight", "eyeWideRight", "jawForward", "jawLeft", "jawRight", "jawOpen", "mouthClose", "mouthFunnel"),
    *("mouthPucker", "mouthLeft", "mouthRight", "mouthSmileLeft", "mouthSmileRight", "mouthFrownLeft"),
    *("mouthFrownRight", "mouthDimpleLeft", "mouthDimpleRight", "mouthStretchLeft", "mouthStretchRight"),
    *("mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper", "mouthPressLeft", "mouthPressRight"),
    *("mouthLowerDownLeft", "mouthLowerDownRight", "mouthUpperUpLeft", "mouthUpperUpRight", "browDownLeft"),
    *("browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight", "cheekPuff", "cheekSquintLeft"),
    *("cheekSquintRight", "noseSneerLeft", "noseSneerRight", "tongueOut"),
]


def test_the_names_are_apples_in_its_order() -> None:
    assert list(ARKIT_NAMES) == APPLE
    assert len(set(APPLE)) == 52


def test_sides_are_added_where_arkit_has_none() -> None:
    names = ("browInnerUpLeft", "browInnerUpRight", "jawOpen", "mouthSmileLeft", "cheekRaiserLeft")
    rig = Rig(names, np.arange(1, 6, dtype=np.float32)[:, None, None] * np.ones((1, 468, 3), np.float32))
    found = dict(zip(ARKIT_NAMES, arkit_shapes(rig)[:, 7, 1].tolist(), strict=True))
    assert {name: amount for name, amount in found.items() if amount} == {
        "browInnerUp": 1 + 2,
        "jawOpen": 3,
        "mouthSmileLeft": 4,
    }


def test_the_packages_rig_has_all_but_the_gaze_and_the_tongue() -> None:
    shapes = arkit_shapes(load_face().rig)
    still = [name for name, shape in zip(ARKIT_NAMES, shapes, strict=True) if not shape.any()]
    assert still == [name for name in APPLE if name.startswith("eyeLook")] + ["tongueOut"]
