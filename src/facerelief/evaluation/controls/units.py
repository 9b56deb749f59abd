"""Each action unit and blendshape given to people by itself: how much of it, and of all others, is then measured."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from facerelief.array_types import Float64
from facerelief.data.sources.labelled import Labelled
from facerelief.editing.editor import Editor
from facerelief.evaluation.outside.people import FaceLandmarks
from facerelief.faces.detector import Face
from facerelief.geometry.morphable.action_units import ACTION_UNITS, Rig
from facerelief.geometry.morphable.measuring import Amount, looked_at_again, measure_face
from facerelief.geometry.morphable.measuring.responses import given_amounts
from facerelief.geometry.morphable.model import load_face
from facerelief.photos.photo import read_photo
from facerelief.progress import NotedProgress, no_progress

UNITS, SHAPES = "action units", "blendshapes"
_NEXT = 3  # others that are named in the place of a unit


@dataclass(frozen=True)
class GivenUnit:
    """One edit that gives one unit or shape.

    Attributes:
        identity: The person.
        kind: `UNITS` or `SHAPES`.
        name: What was given.
        given: How much of it.
        measured: How much of each of its kind is measured; empty where no face was found.
    """

    identity: str
    kind: str
    name: str
    given: float
    measured: Mapping[str, Amount]


def all_units(rig: Rig) -> list[tuple[str, str, float]]:
    """Kind, name and amount of all that is given: action units on both sides at once, shapes each by itself."""
    given = given_amounts(rig)
    units = []
    for number, (_, stem) in ACTION_UNITS.items():
        sides = [amount for name, amount in given.items() if name.removesuffix("Left").removesuffix("Right") == stem]
        if sides:
            units.append((UNITS, f"AU{number}", min(sides)))
    return units + [(SHAPES, name, amount) for name, amount in given.items()]


def give_units(
    editor: Editor, photos: Sequence[Labelled], landmarks: FaceLandmarks, progress: NotedProgress = no_progress
) -> list[GivenUnit]:
    """Give neutral photos every unit and shape, and measure each edit against the photo.

    Args:
        editor: Makes the edits; one that takes action units.
        photos: One a person.
        landmarks: Finds their faces.
        progress: Called with the number of photos done, the total, and the photo's name.
    """
    wanted, found = all_units(load_face().rig), []
    for done, one in enumerate(photos):
        progress(done, len(photos), one.photo.name)
        rgb, face = read_photo(one.photo).rgb, Face(landmarks(one))
        before = looked_at_again(editor.finder, rgb, face) or face
        for kind, name, amount in wanted:
            plan = editor.plan(rgb, before, editor.target(f"{name}:{amount}"))
            after = looked_at_again(editor.finder, editor.render(rgb, plan, 1.0), before)
            measured: Mapping[str, Amount] = {}
            if after is not None:
                shown = measure_face(load_face(), after.landmarks, before.landmarks)
                both = shown.action_units.items()
                units = {unit: value for unit, value in both if unit[-1].isdigit()}
                measured = units if kind == UNITS else shown.blendshapes
            found.append(GivenUnit(one.identity, kind, name, amount, measured))
    progress(len(photos), len(photos))
    return found


def summarise_units(given: Sequence[GivenUnit]) -> dict[str, Any]:
    """How well units are told apart.

    Returns:
        For `UNITS` and `SHAPES`: `names`; `confusion`, rows what was given, columns the median amount measured; `each`,
        by name: `given`, `measured` (median), `largest` (share of the people in whom it is the largest, each as a share
        of what is given of it by itself, for a full jaw drop moves farther than any other unit), `instead`
        (what else is, and in what share), `deviation` and `seen` (of its estimate, before it is looked at), `n`; and
        `largest_of_seen`, `largest_of_all`, means over names.
    """
    return {kind: _summary([one for one in given if one.kind == kind]) for kind in (UNITS, SHAPES)}


def _summary(given: Sequence[GivenUnit]) -> dict[str, Any]:
    names = list(dict.fromkeys(one.name for one in given))
    amount_of = {one.name: one.given for one in given}
    full: Float64 = np.array([amount_of[name] for name in names])
    each, rows = {}, []
    for name in names:
        some = [one for one in given if one.name == name and one.measured]
        amounts: Float64 = np.array([[one.measured[other].amount for other in names] for one in some])
        amounts = amounts.reshape(-1, len(names))
        rows.append(np.median(amounts, axis=0).tolist() if len(some) else [None] * len(names))
        each[name] = _of_one(name, names, full, amounts, [one for one in given if one.name == name], some)
    seen = [one["largest"] for one in each.values() if one["seen"] and one["n"]]
    return {
        "names": names,
        "confusion": rows,
        "each": each,
        "largest_of_seen": float(np.mean(seen)) if seen else None,
        "largest_of_all": float(np.mean([one["largest"] for one in each.values() if one["n"]])) if given else None,
    }


def _of_one(
    name: str,
    names: Sequence[str],
    full: Float64,
    amounts: Float64,
    given: Sequence[GivenUnit],
    found: Sequence[GivenUnit],
) -> dict[str, Any]:
    at, first = names.index(name), [names[place] for place in (amounts / full).argmax(axis=1)]
    nothing = amounts.max(axis=1, initial=0) <= 0
    largest = np.array([one == name for one in first]) & ~nothing
    others = [one for one, none in zip(first, nothing, strict=True) if one != name and not none]
    common = sorted(set(others), key=lambda one: (-others.count(one), one))[:_NEXT]
    deviations = [one.measured[name].deviation for one in found]
    return {
        "given": given[0].given,
        "measured": float(np.median(amounts[:, at])) if len(found) else None,
        "largest": float(largest.mean()) if len(found) else None,
        "instead": [[one, others.count(one) / len(found)] for one in common],
        "deviation": float(np.median(deviations)) if deviations else None,
        "seen": bool(np.mean([one.measured[name].seen for one in found]) >= 0.5) if found else False,
        "not_found": len(given) - len(found),
        "n": len(found),
    }
