"""What a detector reports of known movements, by a detector that is known to report a third of them."""

import numpy as np
import pytest
from known_detector import Shortening, hand_edits_on

from facerelief.faces.alignment import Crop
from facerelief.geometry.morphable.action_units import EMFACS
from facerelief.geometry.morphable.learning import Portrait
from facerelief.geometry.morphable.learning.responses import learn_responses, still_faces
from facerelief.geometry.morphable.model import load_face
from facerelief.geometry.morphable.procrustes import align_shapes, mirror_shapes
from facerelief.geometry.morphable.random_faces import Setting, random_person, render_portrait
from facerelief.geometry.transfer import ExpressionTransfer
from facerelief.geometry.transfer.lips import LOWER, UPPER

FACE = load_face()
UNITS = sorted({unit for prototype in EMFACS.values() for unit in prototype.units})
SIZE = 96


class Drawn:
    """Neutral portraits of three people, seen from a little aside."""

    def __init__(self) -> None:
        random = np.random.default_rng(0)
        self.pose = np.array([(-8.0, 3.0), (0.0, -5.0), (10.0, 4.0)])
        made = [
            render_portrait(FACE, random_person(FACE, random), "neutral", Setting(*pose), SIZE) for pose in self.pose
        ]
        self.pictures = [picture for picture, _ in made]
        self.landmarks = np.stack([landmarks for _, landmarks in made])
        self.expression, self.identity = np.array(["neutral"] * 3), np.array(["a", "b", "c"])
        self.coloured = np.full(3, 20.0)

    def __getitem__(self, row: int) -> Portrait:
        return Portrait(self.pictures[row], Crop(np.eye(2, 3), SIZE), (SIZE, SIZE))


@pytest.fixture
def edits_are_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    hand_edits_on(monkeypatch)


def reported(unit: int, share: float) -> np.ndarray:
    """Of the average face: an amount of 0.5 of a unit, given, found by a share, and brought into the face's frame.

    Edits move a face less towards its outline; and units move some points by which faces are brought there.
    """
    given = 0.5 * FACE.rig.movement(FACE.rig.amounts({unit: 1.0})) * ExpressionTransfer(FACE)._free
    still, moved = align_shapes(np.stack([FACE.mean, FACE.mean + share * given]).astype(np.float64), FACE.mean)
    found: np.ndarray = (moved - still) / 0.5
    return found


def learned(finder: Shortening, rows: tuple[int, ...] = (0, 1, 2)) -> tuple[dict[int, np.ndarray], int]:
    """Responses, and how many photos were counted."""
    counted: list[None] = []
    found = learn_responses(Drawn(), np.array(rows), FACE, finder, lambda: counted.append(None))  # type: ignore[arg-type]
    return found, len(counted)


@pytest.mark.parametrize("share", [1 / 3, 1.0])
def test_responses_are_the_share_that_is_found_of_the_rigs_movements(edits_are_handed_on: None, share: float) -> None:
    """Whatever the place, size and pose of the photos, and whatever the detector misplaces in all of them."""
    finder = Shortening(share)
    found, counted = learned(finder)
    assert list(found) == UNITS
    assert counted == 3 and finder.calls == 3 * (1 + len(UNITS))
    for unit, response in found.items():
        expected = reported(unit, share)
        if unit == 17:  # the chin raiser presses lips together, which edits keep from overlapping
            response, expected = (np.delete(one, [*UPPER, *LOWER], axis=0) for one in (response, expected))
        length = (response * expected).sum() / (expected**2).sum()
        assert length == pytest.approx(1, abs=0.06), unit
        assert np.linalg.norm(response - expected) < 0.13 * np.linalg.norm(expected), unit


def test_responses_are_symmetric(edits_are_handed_on: None) -> None:
    for response in learned(Shortening(0.5))[0].values():
        np.testing.assert_allclose(response, mirror_shapes(response), atol=1e-9)


def test_a_photo_in_which_no_face_is_found_does_not_count(edits_are_handed_on: None) -> None:
    each = 1 + len(UNITS)
    without, counted = learned(Shortening(0.5, range(each, each + 1)))  # of the second, not even the unmoved face
    assert counted == 3
    others, _ = learned(Shortening(0.5), (0, 2))
    for unit in UNITS:
        np.testing.assert_allclose(without[unit], others[unit], atol=1e-9)
    nothing, counted = learned(Shortening(0.5, range(3 * each)))
    assert counted == 3
    for unit in UNITS:  # then movements are taken to be reported as they are
        np.testing.assert_allclose(nothing[unit], FACE.rig.movement(FACE.rig.amounts({unit: 1.0})), atol=1e-3)


# -- the photos that are edited -------------------------------------------------------------------------------------


class Listed:
    """Faces whose mouths are as far open, and which look as far aside, as is said; without pictures."""

    coloured = np.zeros(0)

    def __init__(self, shown: list[tuple[str, float, float]]) -> None:
        landmarks = 50 * np.repeat(FACE.mean[None].astype(np.float64), len(shown), axis=0)
        landmarks[:, 14, 1] = landmarks[:, 13, 1] + 50 * np.array([gap for _, gap, _ in shown])
        self.landmarks = landmarks
        self.expression = np.array([name for name, _, _ in shown])
        self.identity = self.expression
        self.pose = np.array([(yaw, 0.0) for _, _, yaw in shown])

    def __getitem__(self, row: int) -> Portrait:
        raise AssertionError("no picture is needed")


def test_still_faces_are_neutral_closed_and_from_the_front() -> None:
    shown = [("neutral", 0.0, 0.0), ("happiness", 0.0, 0.0), ("neutral", 0.1, 0.0), ("neutral", 0.02, -11.0)]
    assert still_faces(Listed([*shown, ("neutral", 0.0, 13.0)])).tolist() == [0, 3]


def test_where_none_is_still_all_neutral_ones_do() -> None:
    assert still_faces(Listed([("anger", 0.0, 0.0), ("neutral", 0.2, 0.0), ("neutral", 0.0, 15.0)])).tolist() == [1, 2]


def test_of_many_24_are_taken_from_all_over() -> None:
    rows = still_faces(Listed([("neutral", 0.0, 0.0)] * 100))
    assert len(rows) == len(set(rows.tolist())) == 24
    assert (rows[0], rows[-1]) == (0, 99)
    assert np.diff(rows).max() <= 5
