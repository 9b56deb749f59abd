"""Amounts of shapes found in landmarks that are made of known ones, and against SciPy's bounded least squares."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.optimize import lsq_linear, nnls

from facerelief.geometry.morphable.action_units import Rig
from facerelief.geometry.morphable.fitting import pose_modes
from facerelief.geometry.morphable.measuring import Responses, load_responses, measure_face
from facerelief.geometry.morphable.measuring.amounts import non_negative
from facerelief.geometry.morphable.measuring.responses import DEPTH, given_amounts, learn_shape_responses, mirrored_name
from facerelief.geometry.morphable.model import load_face
from facerelief.geometry.morphable.procrustes import align_shapes, mirror_shapes

Person = Callable[[dict[str, float]], tuple[np.ndarray, np.ndarray]]


def turned(points: np.ndarray, degrees: float = 4.0, scale: float = 130.0) -> np.ndarray:
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    return scale * points @ turn.T + (300, 400, 20)


def responding(amounts: dict[str, float]) -> np.ndarray:
    responses = load_responses()
    row = np.array([amounts.get(name, 0.0) for name in responses.names])
    return np.tensordot(row, responses.shapes, 1)


@pytest.fixture(scope="module")
def person() -> np.ndarray:
    face, random = load_face(), np.random.default_rng(4)
    return face.shape(random.normal(size=len(face.identity)))


def test_one_side_of_a_smile_in_a_turned_head(person: np.ndarray) -> None:
    smiling = person + responding({"mouthSmileLeft": 0.8})
    found = measure_face(load_face(), turned(smiling), turned(person, -2, 110))
    units = found.action_units
    assert units["AU12L"].amount == pytest.approx(0.8, abs=0.08) and units["AU12R"].amount < 0.08
    assert units["AU12"].amount == pytest.approx((units["AU12L"].amount + units["AU12R"].amount) / 2)


def test_a_blend(person: np.ndarray) -> None:
    given = {"browOuterUpLeft": 0.9, "browOuterUpRight": 0.9, "jawOpen": 0.4, "mouthLeft": 0.5}
    found = measure_face(load_face(), turned(person + responding(given)), turned(person)).blendshapes
    assert {name: found[name].amount for name in given} == pytest.approx(given, abs=0.15)
    assert max(one.amount for name, one in found.items() if name not in given) < 0.2


def test_a_face_that_does_nothing(person: np.ndarray) -> None:
    found = measure_face(load_face(), turned(person, 6), turned(person, -6, 90))
    assert found.amounts.max() < 0.05


def test_without_a_neutral_photo_an_amount_is_less_sure(person: np.ndarray) -> None:
    smiling = turned(person + responding({"mouthSmileLeft": 1.0, "mouthSmileRight": 1.0}))
    alone, compared = measure_face(load_face(), smiling), measure_face(load_face(), smiling, turned(person))
    assert all(alone.blendshapes[name].deviation > one.deviation for name, one in compared.blendshapes.items())
    assert alone.action_units["AU12"].amount > 0.5


def test_sides_are_mirror_images(person: np.ndarray) -> None:
    smiling = person + responding({"mouthSmileLeft": 0.8, "browDownRight": 1.0})
    found = measure_face(load_face(), turned(smiling, 0), turned(person, 0))
    in_mirror = measure_face(load_face(), turned(mirror_shapes(smiling), 0), turned(mirror_shapes(person), 0))
    rig = load_face().rig
    other = [in_mirror.blendshapes[mirrored_name(name, rig)].amount for name in found.names]
    assert found.amounts == pytest.approx(other, abs=0.03)  # a face's own mean is symmetric, its errors nearly


def test_amounts_are_those_of_bounded_least_squares(person: np.ndarray) -> None:
    """The same problem as one system of rows: landmarks, priors of nuisances, priors of amounts."""
    random = np.random.default_rng(2)
    mean, face = load_face().mean.astype(float), load_face()
    noisy = mean + responding({"jawOpen": 0.3, "noseSneerLeft": 0.7}) + 0.003 * random.normal(size=(468, 3))
    found = measure_face(face, 100 * noisy, 100 * mean)
    responses = load_responses()
    base, seen = align_shapes(np.stack([100 * mean, 100 * noisy]), mean)
    modes = np.concatenate([pose_modes(base), responses.errors, responses.shapes]) * (1, 1, DEPTH) / responses.noise
    count, free = len(modes), 7 + len(responses.errors)
    rows = np.concatenate([modes.reshape(count, -1).T, np.eye(count)[7:]])
    # A pull of 4 towards none is a prior whose mean is -4, at inverse variance 1.
    right = np.concatenate([((seen - base) * (1, 1, DEPTH) / responses.noise).ravel(), np.zeros(count - 7)])
    right[-len(responses.shapes) :] = -4.0
    low = np.where(np.arange(count) < free, -np.inf, 0.0)
    solved = lsq_linear(rows, right, (low, np.inf), method="bvls", tol=1e-14, max_iter=2000).x[free:]
    assert found.amounts == pytest.approx(solved, abs=2e-3)


def test_responses_are_learned() -> None:
    """A landmark model that reports 0.3 of all movements, and in each person a little more or less."""
    face, random = load_face(), np.random.default_rng(0)
    given = given_amounts(face.rig)
    people = []
    for _ in range(12):
        share = 0.3 + 0.02 * random.normal()
        people.append({name: share * given[name] * shape for name, shape in zip(given, face.rig.shapes, strict=True)})
    del people[0]["jawOpen"]
    learned = learn_shape_responses(face.rig, face.mean, people)
    shares = (learned.shapes * face.rig.shapes).sum(axis=(1, 2)) / (face.rig.shapes**2).sum(axis=(1, 2))
    assert shares == pytest.approx(np.full(len(shares), 0.3), abs=0.02)
    assert isinstance(learned, Responses) and len(learned.errors) == 100


def test_no_point_is_given_to_move_far() -> None:
    rig = load_face().rig
    far = [
        given * np.linalg.norm(shape, axis=1).max()
        for given, shape in zip(given_amounts(rig).values(), rig.shapes, strict=True)
    ]
    assert max(far) < 0.26 and given_amounts(rig)["browDownLeft"] == 1


def test_the_other_side() -> None:
    rig = Rig(("jawLeft", "jawRight", "jawOpen"), np.zeros((3, 468, 3), np.float32))
    assert [mirrored_name(name, rig) for name in rig.names] == ["jawRight", "jawLeft", "jawOpen"]


@pytest.mark.parametrize("count", [1, 5, 40])
def test_non_negative_amounts_are_scipys(count: int) -> None:
    """Values that are let go from 0, some of which have to go back there."""
    random = np.random.default_rng(count)
    for _ in range(20):
        rows = random.normal(size=(count + 3, count))
        right = random.normal(size=count + 3)
        expected = nnls(rows, right)[0]
        np.testing.assert_allclose(non_negative(rows.T @ rows, rows.T @ right), expected, atol=1e-9)
