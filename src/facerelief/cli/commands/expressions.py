"""`facerelief expressions`."""

from typing import Any

from facerelief.cli.answers import Json, answer
from facerelief.cli.console import say
from facerelief.cli.options import PresetsOption, WeightsOption
from facerelief.expressions import ALIASES


def expressions(presets: PresetsOption = None, weights: WeightsOption = None, as_json: Json = False) -> None:
    """List what --to takes: expressions, presets, action units and blendshapes.

    Joined by +, each with an amount of 0 to 2, they are a blend: happiness:0.6+AU4L:0.3

        facerelief expressions --json
    """
    from facerelief.geometry.morphable.control_list import list_controls
    from facerelief.geometry.morphable.controls import package_presets, read_presets
    from facerelief.geometry.morphable.model import load_face

    rig = load_face(weights).rig
    found = list_controls(rig, package_presets() | (read_presets(presets, rig) if presets else {}))
    if not as_json:
        for title, lines in _sections(found).items():
            width = max(len(name) for name, _ in lines)
            say(title, *(f"  {name:<{width}}  {text}".rstrip() for name, text in lines), "")
    answer(found, as_json)


def _sections(found: dict[str, Any]) -> dict[str, list[tuple[str, str]]]:
    """Lines of text (name, what it is) by their titles."""
    sides: dict[str, list[str]] = {}
    for one in found["blendshapes"]:
        sides.setdefault(one["both"] or one["name"], []).extend([one["name"]] if one["both"] else [])
    return {
        "expressions": [(name, ", ".join(ALIASES[name])) for name in found["expressions"]],
        "presets (sides are the person's own)": [(one["name"], one["stands_for"]) for one in found["presets"]],
        "action units (FACS)": [
            (one["name"], one["description"] + f"; of one side: {one['name']}L, {one['name']}R" * one["sides"])
            for one in found["action_units"]
        ],
        "blendshapes (ARKit)": [
            (name, f"of one side: {', '.join(of_one)}" if of_one else "") for name, of_one in sorted(sides.items())
        ],
    }
