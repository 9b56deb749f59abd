"""Apple's names of blendshapes, and what the rig has of them."""

import numpy as np

from facerelief.array_types import Float32
from facerelief.geometry.morphable.action_units import SIDES, Rig

_EYE = ("Blink", "LookDown", "LookIn", "LookOut", "LookUp", "Squint", "Wide")
_MOUTH = ("Smile", "Frown", "Dimple", "Stretch")
# `ARFaceAnchor.BlendShapeLocation` of ARKit, in the order of Apple's documentation.
ARKIT_NAMES = (
    *(f"eye{what}{side}" for side in SIDES for what in _EYE),
    *("jawForward", "jawLeft", "jawRight", "jawOpen"),
    *("mouthClose", "mouthFunnel", "mouthPucker", "mouthLeft", "mouthRight"),
    *(f"mouth{what}{side}" for what in _MOUTH for side in SIDES),
    *("mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper"),
    *(f"mouth{what}{side}" for what in ("Press", "LowerDown", "UpperUp") for side in SIDES),
    *("browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight"),
    *("cheekPuff", "cheekSquintLeft", "cheekSquintRight", "noseSneerLeft", "noseSneerRight", "tongueOut"),
)


def arkit_shapes(rig: Rig) -> Float32:
    """What each of ARKit's blendshapes moves.

    Args:
        rig: The shapes that there are. Two sides of a shape that ARKit has once (`browInnerUp`, `cheekPuff`) are added.

    Returns:
        (52, 468, 3), as `Rig.shapes`, in the order of `ARKIT_NAMES`; 0 of what the rig lacks: the gaze and the tongue.

    Example:
        >>> from facerelief.geometry.morphable import load_face
        >>> shapes = arkit_shapes(load_face().rig)
        >>> shapes.shape, [name for name, shape in zip(ARKIT_NAMES, shapes) if not shape.any()][-1]
        ((52, 468, 3), 'tongueOut')
    """
    found = np.zeros((len(ARKIT_NAMES), *rig.shapes.shape[1:]), np.float32)
    for shape, name in zip(found, ARKIT_NAMES, strict=True):
        for part in (name, *(name + side for side in SIDES)):
            if part in rig.names:
                shape += rig.shapes[rig.names.index(part)]
    return found
