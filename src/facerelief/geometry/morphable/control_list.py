"""The list of all that `controls.py` reads as words, by kind, and by the region of the face that it moves."""

from collections.abc import Mapping
from typing import Any

from facerelief.expressions import EXPRESSIONS
from facerelief.geometry.morphable.action_units import ACTION_UNITS, GAZE_SHAPES, GAZES, SIDES, Rig
from facerelief.geometry.morphable.controls import MOST, both_sides, package_presets

REGIONS = ("brows", "eyes", "nose", "mouth", "jaw")
_PREFIXES = {  # of a blendshape's name, the longer ones first; a raised cheek is seen around the eye
    "brow": "brows",
    "cheekSquint": "eyes",
    "cheekRaiser": "eyes",
    "eye": "eyes",
    "nose": "nose",
    "jaw": "jaw",
}


def list_controls(rig: Rig, presets: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Expressions, presets, action units and blendshapes, as JSON.

    Args:
        rig: Whose shapes may be named.
        presets: Names and what they stand for; by default the package's.

    Returns:
        Lists by kind. Of action units, `sides`: whether L or R, the person's own, may follow the name. Of blendshapes,
        `both`: the name that stands for this one and that of the other side at once, or None. `most`: the largest
        amount.
    """
    presets = package_presets() if presets is None else presets
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
    pairs = {stem + side: stem for stem in (*both_sides(rig), *GAZES) for side in SIDES}
    shapes = [{"name": name, "region": region_of(name), "both": pairs.get(name)} for name in (*rig.names, *GAZE_SHAPES)]
    return {
        "expressions": list(EXPRESSIONS),
        "presets": [{"name": name, "stands_for": words} for name, words in presets.items()],
        "action_units": sorted(units, key=lambda unit: REGIONS.index(unit["region"])),
        "blendshapes": shapes,
        "regions": list(REGIONS),
        "most": MOST,
    }


def region_of(shape: str) -> str:
    """The region that a blendshape moves, of `REGIONS`."""
    return next((region for prefix, region in _PREFIXES.items() if shape.startswith(prefix)), "mouth")
