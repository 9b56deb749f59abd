"""`facerelief expressions`."""

from pathlib import Path
from typing import Any

from facerelief.cli.answers import Json, answer
from facerelief.cli.console import say
from facerelief.cli.options import PresetsOption, WeightsOption


def expressions(presets: PresetsOption = None, weights: WeightsOption = None, as_json: Json = False) -> None:
    """List what --to takes: expressions, presets, action units and blendshapes.

    Joined by +, each with an amount of 0 to 2, they are a blend: happiness:0.6+AU4L:0.3

        facerelief expressions --json
    """
    found = _listed(presets, weights)
    if not as_json:
        for title, lines in _sections(found).items():
            width = max(len(name) for name, _ in lines)
            say(title, *(f"  {name:<{width}}  {text}".rstrip() for name, text in lines), "")
    answer(found, as_json)


def _listed(presets: Path | None, weights: Path | None) -> dict[str, Any]:
    """What there is, as JSON."""
    from facerelief.expressions import ALIASES
    from facerelief.geometry.morphable.action_units import ACTION_UNITS, SIDES
    from facerelief.geometry.morphable.controls import both_sides, package_presets, read_presets
    from facerelief.geometry.morphable.model import load_face

    rig = load_face(weights).rig
    named = package_presets() | (read_presets(presets, rig) if presets else {})
    units = {number: words for number, words in ACTION_UNITS.items() if _has(rig.names, words[1], SIDES)}
    sided = both_sides(rig)
    single = [name for name in rig.names if name not in [stem + side for stem in sided for side in SIDES]]
    return {
        "expressions": [{"name": name, "aliases": list(aliases)} for name, aliases in ALIASES.items()],
        "presets": [{"name": name, "stands_for": words} for name, words in named.items()],
        "action_units": [
            {"name": f"AU{number}", "number": number, "description": name, "sides": stem in sided}
            for number, (name, stem) in units.items()
        ],
        "blendshapes": [{"name": name, "sides": name in sided} for name in sorted([*sided, *single])],
    }


def _has(names: tuple[str, ...], stem: str, sides: tuple[str, ...]) -> bool:
    return any(stem + side in names for side in ("", *sides))


def _sections(found: dict[str, Any]) -> dict[str, list[tuple[str, str]]]:
    """Lines of text (name, what it is) by their titles."""
    return {
        "expressions": [(one["name"], ", ".join(one["aliases"])) for one in found["expressions"]],
        "presets (sides are the person's own)": [(one["name"], one["stands_for"]) for one in found["presets"]],
        "action units (FACS)": [
            (one["name"], one["description"] + f"; of one side: {one['name']}L, {one['name']}R" * one["sides"])
            for one in found["action_units"]
        ],
        "blendshapes (ARKit)": [
            (one["name"], f"of one side: {one['name']}Left, {one['name']}Right" if one["sides"] else "")
            for one in found["blendshapes"]
        ],
    }
