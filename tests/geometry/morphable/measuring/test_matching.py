"""Amounts that explain another face's movement: known sums of responses are found again."""

from dataclasses import replace

import numpy as np
import pytest

from facerelief.geometry.morphable.action_units import Rig
from facerelief.geometry.morphable.measuring import Responses, load_responses, match_movement
from facerelief.geometry.morphable.model import load_face


def shape(name: str) -> np.ndarray:
    responses = load_responses()
    return responses.shapes[responses.names.index(name)].astype(np.float64)


def reported(amounts: dict[str, float], matched: dict[str, float] | None = None) -> np.ndarray:
    return sum(((matched or amounts).get(name, 0) * shape(name) for name in load_responses().names), np.zeros((468, 3)))


def turned(points: np.ndarray) -> np.ndarray:
    """At another place, size and roll."""
    angle = 0.2
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    return 90 * points @ turn.T + 400


def test_the_same_movement_is_reported() -> None:
    face = load_face()
    wanted = {"mouthSmileLeft": 0.9, "mouthSmileRight": 0.9, "jawOpen": 0.2, "browOuterUpLeft": 0.5}
    moved = reported(wanted)
    found = match_movement(face, turned(face.mean + moved), 120 * face.mean)
    made = reported({}, found)
    cosine = (made * moved).sum() / np.linalg.norm(made) / np.linalg.norm(moved)
    assert cosine > 0.98
    assert np.linalg.norm(made) / np.linalg.norm(moved) == pytest.approx(1 / 0.87, abs=0.12)


def test_a_movement_of_one_side_stays_on_it() -> None:
    face = load_face()
    found = match_movement(face, 100 * (face.mean + 0.8 * shape("mouthSmileLeft")), 100 * face.mean)
    assert found["mouthSmileLeft"] > 0.5 > 2 * found.get("mouthSmileRight", 0.0)


def test_no_movement_is_nothing_and_none_is_more_than_two() -> None:
    face = load_face()
    assert match_movement(face, turned(face.mean), 100 * face.mean) == {}
    far = match_movement(face, 100 * (face.mean + 5 * shape("jawOpen")), 100 * face.mean)
    assert max(far.values()) == 2.0


def test_shapes_that_the_rig_lacks_are_left_out() -> None:
    face = load_face()
    rows = [face.rig.names.index(name) for name in ("jawOpen", "mouthPucker")]
    small = replace(face, rig=Rig(("jawOpen", "mouthPucker"), face.rig.shapes[rows]))
    found = match_movement(small, 100 * (face.mean + reported({"jawOpen": 0.4, "mouthSmileLeft": 1})), 100 * face.mean)
    assert set(found) <= {"jawOpen", "mouthPucker"} and found["jawOpen"] > 0.2


def test_other_responses() -> None:
    """Of a detector that reports the half of a dropped jaw, twice the amount."""
    face, own = load_face(), load_responses()
    half = Responses(own.names, (own.shapes / 2).astype(np.float32), own.errors)
    moved = 100 * (face.mean + 0.2 * shape("jawOpen"))
    whole, twice = (match_movement(face, moved, 100 * face.mean, one)["jawOpen"] for one in (own, half))
    assert twice == pytest.approx(2 * whole, rel=0.05)
