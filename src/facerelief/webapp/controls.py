"""`/v1/controls`: what an edit's `to` may name, by the region of the face that it moves."""

from typing import Any

from facerelief.editing import Editor
from facerelief.errors import FacereliefError
from facerelief.expressions import EXPRESSIONS
from facerelief.geometry.morphable.action_units import ACTION_UNITS, SIDES, Rig
from facerelief.geometry.morphable.controls import MOST, package_presets

REGIONS = ("brows", "eyes", "nose", "mouth", "jaw")
_PREFIXES = {  # of a blendshape's name, the longer ones first; a raised cheek is seen around the eye
    "brow": "brows",
    "cheekSquint": "eyes",
    "cheekRaiser": "eyes",
    "eye": "eyes",
    "nose": "nose",
    "jaw": "jaw",
}


def list_controls(rig: Rig) -> dict[str, Any]:
    """Expressions, presets, action units and blendshapes.

    Args:
        rig: Whose shapes may be named.

    Returns:
        Lists by kind. `sides`: whether L or R, the person's own, may follow the name. `most`: the largest amount.
    """
    units = [
        {
            "name": f"AU{number}",
            "description": description,
            "shape": shape,
            "region": region_of(shape),
            "sides": shape + SIDES[0] in rig.names,
        }
        for number, (description, shape) in ACTION_UNITS.items()
        if shape in rig.names or shape + SIDES[0] in rig.names
    ]
    return {
        "expressions": list(EXPRESSIONS),
        "presets": [{"name": name, "stands_for": words} for name, words in package_presets().items()],
        "action_units": sorted(units, key=lambda unit: REGIONS.index(unit["region"])),
        "blendshapes": [{"name": name, "region": region_of(name)} for name in rig.names],
        "regions": list(REGIONS),
        "most": MOST,
    }


def has_controls(editor: Editor) -> bool:
    """Whether an editor knows more than expressions."""
    try:
        editor.target("AU26")
    except FacereliefError:
        return False
    return True


def region_of(shape: str) -> str:
    """The region that a blendshape moves, of `REGIONS`."""
    return next((region for prefix, region in _PREFIXES.items() if shape.startswith(prefix)), "mouth")
