"""Expressions in datasets that were made up: who is compared with whom, in which form, and what they are made of."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from heads import head, similarities

from facerelief.geometry.morphable.action_units import EMFACS
from facerelief.geometry.morphable.learning import Portrait
from facerelief.geometry.morphable.learning.expressions import Evidence, find_evidence, fit_amounts
from facerelief.geometry.morphable.learning.shape import free_to_move
from facerelief.geometry.morphable.model import load_face
from facerelief.geometry.morphable.procrustes import STABLE_LANDMARKS, apply_similarity, mirror_shapes

pytest.importorskip("scipy", reason="amounts are fitted with scipy")

MEAN = load_face().mean.astype(np.float64)
SMILE = {12: 0.7, 6: 0.5, 10: 0.4, 26: 0.3}  # teeth show
CLOSED = {12: 0.7, 6: 0.5}
FROWN = {4: 1.0, 7: 0.3}


def movement(units: Mapping[int, float], sides: Sequence[str] = ("Left", "Right")) -> np.ndarray:
    """What the carried rig moves, (468, 3), without the points that hold a face in its frame."""
    rig = load_face().rig
    moved: np.ndarray = rig.movement(rig.amounts(units, sides))
    moved[list(STABLE_LANDMARKS)] = 0
    return moved


class Photos:
    """Faces that each lie, turn and are as large as they like; without pictures."""

    coloured = np.zeros(0)

    def __init__(
        self, shown: Sequence[tuple[str, str, np.ndarray]], pose: np.ndarray | None = None, seed: int = 0
    ) -> None:
        random = np.random.default_rng(seed)
        shapes = np.stack([shape for _, _, shape in shown])
        self.landmarks = apply_similarity(shapes, *similarities(len(shapes), random, degrees=5))
        self.expression = np.array([name for name, _, _ in shown])
        self.identity = np.array([person for _, person, _ in shown])
        self.pose = np.zeros((len(shown), 2)) if pose is None else pose

    def __getitem__(self, row: int) -> Portrait:
        raise AssertionError("no picture is needed")


def people(count: int, seed: int = 1, size: float = 0.5) -> list[np.ndarray]:
    random, face = np.random.default_rng(seed), load_face()
    return [MEAN + np.tensordot(size * random.normal(size=30), face.identity, 1) for _ in range(count)]


def paired(count: int, move: np.ndarray, name: str = "happiness", strengths: Sequence[float] = (1.0,)) -> Photos:
    """People with a neutral photo each, and another."""
    persons = people(count)
    strong = [strengths[k % len(strengths)] for k in range(count)]
    shown = [("neutral", f"{k}", person) for k, person in enumerate(persons)]
    shown += [(name, f"{k}", person + s * move) for k, (person, s) in enumerate(zip(persons, strong, strict=True))]
    return Photos(shown)


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float((a * b).sum() / np.linalg.norm(a) / np.linalg.norm(b))


def assert_alike(found: np.ndarray, true: np.ndarray, off: float) -> None:
    """As long, and nowhere farther away than so many inter-ocular distances."""
    assert np.linalg.norm(found) == pytest.approx(np.linalg.norm(true), rel=0.1)
    assert np.linalg.norm(found - true, axis=1).max() < off


# -- how people change ----------------------------------------------------------------------------------------------


def test_people_are_compared_with_themselves() -> None:
    found = find_evidence([paired(20, movement(SMILE))], MEAN)
    assert list(found) == ["happiness"]
    one = found["happiness"]
    assert (one.people, one.paired, one.open, one.source) == (20, True, True, 0)
    np.testing.assert_array_equal(one.rows, np.arange(20, 40))
    np.testing.assert_array_equal(one.neutral, np.arange(20))
    assert_alike(one.change, movement(SMILE), 0.015)


def test_an_expression_is_the_median_not_the_mean() -> None:
    """Of five people one laughs four times as much as the others: the mean is 1.6, the median 1."""
    one = find_evidence([paired(20, movement(SMILE), strengths=(1, 1, 1, 1, 4))], MEAN)["happiness"]
    assert_alike(one.change, movement(SMILE), 0.015)


def test_a_lopsided_smile_is_shown_on_both_sides() -> None:
    """What one side does counts half on each: expressions are symmetric."""
    lopsided = movement(SMILE, ["Left"])
    one = find_evidence([paired(20, lopsided)], MEAN)["happiness"]
    np.testing.assert_allclose(one.change, mirror_shapes(one.change), atol=1e-9)
    assert_alike(one.change, (lopsided + mirror_shapes(lopsided)) / 2, 0.015)


def test_strangers_are_compared_at_the_same_pose() -> None:
    """Frowning people look down more often, which moves landmarks, too: this is not taken for the frown."""
    random = np.random.default_rng(3)
    persons = people(400, size=0.2)
    pitch = np.concatenate([random.normal(0, 8, 200), random.normal(-8, 8, 200)])
    bent = 0.1 * movement({17: 1.0})  # each ten degrees
    shown = [
        ("neutral" if k < 200 else "anger", f"{k}", person + pitch[k] / 10 * bent + (k >= 200) * movement(FROWN))
        for k, person in enumerate(persons)
    ]
    pose = np.column_stack([random.normal(0, 5, 400), pitch])
    one = find_evidence([Photos(shown, pose)], MEAN)["anger"]
    assert (one.people, one.paired, one.open) == (len(one.rows), False, False)
    assert_alike(one.change, movement(FROWN), 0.02)
    ignored = find_evidence([Photos(shown, np.zeros((400, 2)))], MEAN)["anger"]

    def bending(change: np.ndarray) -> float:
        """How much of it there is, in tens of degrees."""
        return float(((change - movement(FROWN)) * bent).sum() / (bent**2).sum())

    assert abs(bending(one.change)) < 0.3
    assert bending(ignored.change) == pytest.approx(-0.8, abs=0.3)


@pytest.mark.parametrize(("open_mouths", "taken"), [(24, True), (16, False)])
def test_of_two_forms_the_more_frequent_is_taken(open_mouths: int, taken: bool) -> None:
    """Laughs and closed smiles; the mean of both would be a mouth that is half open."""
    persons = people(40)
    shown = [("neutral", f"{k}", person) for k, person in enumerate(persons)]
    shown += [
        ("happiness", f"{k}", person + movement(SMILE if k < open_mouths else CLOSED))
        for k, person in enumerate(persons)
    ]
    one = find_evidence([Photos(shown)], MEAN)["happiness"]
    assert (one.open, one.people) == (taken, open_mouths if taken else 40 - open_mouths)
    assert_alike(one.change, movement(SMILE if taken else CLOSED), 0.02)
    np.testing.assert_array_equal(one.lit, np.arange(40, 80))  # wrinkles are of both
    np.testing.assert_array_equal(one.neutral, np.arange(40))


def test_forms_are_counted_over_all_datasets_and_peoples_own_changes_come_first() -> None:
    closed = movement(CLOSED)
    few = paired(30, movement(SMILE))
    crowd = [("neutral", f"n{k}", person) for k, person in enumerate(people(60, seed=5))]
    crowd += [("happiness", f"h{k}", person + closed) for k, person in enumerate(people(60, seed=6))]
    found = find_evidence([few, Photos(crowd), paired(10, closed)], MEAN)["happiness"]  # 70 of 100 are closed
    assert (found.open, found.source, found.paired, found.people) == (False, 2, True, 10)
    found = find_evidence([paired(9, closed), few, Photos(crowd)], MEAN)["happiness"]  # nine pairs are too few
    assert (found.source, found.paired, found.people) == (2, False, 60)


def test_datasets_keep_their_numbers_where_the_first_are_left_out() -> None:
    datasets = [paired(30, movement(SMILE)), paired(12, movement(FROWN), "anger")]
    assert {name: one.source for name, one in find_evidence(datasets, MEAN).items()} == {"happiness": 0, "anger": 1}
    assert {name: one.source for name, one in find_evidence(datasets, MEAN, first=1).items()} == {"anger": 1}


def test_strangers_are_compared_with_neutral_photos_whose_mouths_are_closed() -> None:
    """Who talks in a neutral photo is left out, unless all do."""
    persons, talking = people(40), movement({26: 0.4})
    shown = [("neutral", f"n{k}", person + (k % 2) * talking) for k, person in enumerate(persons)]
    shown += [("anger", f"a{k}", person + movement(FROWN)) for k, person in enumerate(persons)]
    one = find_evidence([Photos(shown)], MEAN)["anger"]
    np.testing.assert_array_equal(one.neutral, np.arange(0, 40, 2))
    shown = [(name, who, shape + (name == "neutral") * talking) for name, who, shape in shown[1:40:2] + shown[40:]]
    assert len(find_evidence([Photos(shown)], MEAN)["anger"].neutral) == 20


def test_what_nobody_shows_and_what_has_no_neutral_photos() -> None:
    assert find_evidence([], MEAN) == {}
    assert find_evidence([Photos([("fear", f"{k}", p) for k, p in enumerate(people(5))])], MEAN) == {}
    assert list(find_evidence([paired(3, movement(FROWN), "anger")], MEAN)) == ["anger"]


def test_one_sided_expressions_have_no_mean() -> None:
    assert find_evidence([paired(20, movement({12: 0.5}, ["Left"]), "contempt")], MEAN) == {}


def test_the_head_of_the_tests_is_not_the_mean() -> None:
    """Alignment does not need faces of the mean's shape."""
    smile = movement(SMILE)
    shown = [("neutral", f"{k}", head()) for k in range(12)]
    shown += [("happiness", f"{k}", head() + smile) for k in range(12)]
    one = find_evidence([Photos(shown)], MEAN)["happiness"]
    assert cosine(one.change, smile) > 0.9


# -- what it is made of ---------------------------------------------------------------------------------------------


def evidence(change: np.ndarray, people: int, pairs: bool = False) -> Evidence:
    return Evidence(0, np.arange(people), np.arange(people), np.arange(people), change, people, pairs, False)


def responses(seed: int = 0) -> dict[int, np.ndarray]:
    """Of each unit another movement, like nothing that a rig has; up to a twentieth of an inter-ocular distance."""
    random = np.random.default_rng(seed)
    units = {unit for prototype in EMFACS.values() for unit in prototype.units}
    return {unit: random.uniform(-0.05, 0.05, (468, 3)) for unit in sorted(units)}


def change(units: Mapping[int, float]) -> np.ndarray:
    found: np.ndarray = np.sum([amount * responses()[unit] for unit, amount in units.items()], axis=0)
    return found


@pytest.mark.parametrize("name", ["happiness", "sadness", "surprise", "fear", "disgust", "anger"])
def test_amounts_of_many_people_come_back(name: str) -> None:
    """However far they are from what is typical."""
    true = dict(zip(EMFACS[name].units, np.linspace(1.8, 0.3, len(EMFACS[name].units)).tolist(), strict=True))
    found = fit_amounts(name, evidence(change(true), 10**6), responses(), MEAN)
    assert found.units == pytest.approx(true, abs=0.01)
    assert found.explained == pytest.approx(1, abs=1e-3)
    assert found.typical == ()


def test_amounts_of_few_people_are_near_the_typical_ones() -> None:
    true, typical = {1: 1.5, 4: 0.2, 15: 0.4, 17: 1.0}, EMFACS["sadness"].units

    def found(people: int, pairs: bool = False) -> dict[int, float]:
        return fit_amounts("sadness", evidence(change(true), people, pairs), responses(), MEAN).units

    off = [max(abs(found(people)[unit] - typical[unit]) for unit in typical) for people in (1, 20, 400, 8000)]
    assert off == sorted(off)
    assert off[0] < 0.05 * off[-1]
    assert found(30, pairs=True) == pytest.approx(found(100))  # who are compared with themselves count more


def test_amounts_against_the_normal_equations() -> None:
    """Least squares with a prior of 0.6 inter-ocular distances for 100 people; depth counts 0.3, the rim not at all."""
    random = np.random.default_rng(5)
    true = {6: 0.9, 12: 1.1, 10: 0.5, 16: 0.4, 26: 0.6}
    seen = change(true) + random.normal(scale=0.02, size=(468, 3))
    found = fit_amounts("happiness", evidence(seen, 100), responses(), MEAN)
    weight = (free_to_move(MEAN) * (1, 1, 0.3)).ravel()
    units = EMFACS["happiness"].units
    columns = np.stack([responses()[unit].ravel() * weight for unit in units], axis=1)
    wanted, doubt = seen.ravel() * weight, 0.6**2
    normal = columns.T @ columns + doubt * np.eye(len(units))
    expected = np.linalg.solve(normal, columns.T @ wanted + doubt * np.array(list(units.values())))
    assert (expected > 0).all() and (expected < 2).all()
    assert list(found.units.values()) == pytest.approx(expected, abs=1e-5)
    rest = wanted - columns @ expected
    assert found.explained == pytest.approx(1 - (rest @ rest) / (wanted @ wanted), abs=1e-5)


def test_amounts_stay_between_none_and_two() -> None:
    true = {1: 3.5, 4: 0.7, 15: 0.9, 17: -1.0}
    found = fit_amounts("sadness", evidence(change(true), 10**6), responses(), MEAN).units
    assert found[1] == pytest.approx(2, abs=1e-3)
    assert found[17] == pytest.approx(0, abs=1e-3)
    assert all(0 <= amount <= 2 for amount in found.values())


def test_what_is_required_and_not_seen_has_its_typical_amount() -> None:
    """An optional unit that nobody shows stays away; of few people, none is missed."""
    true = {1: 1.2, 4: 0.4, 15: 0.0, 17: 0.0}
    found = fit_amounts("sadness", evidence(change(true), 10**6), responses(), MEAN)
    assert found.typical == (15,)
    assert found.units == pytest.approx(true | {15: EMFACS["sadness"].units[15]}, abs=0.01)
    assert found.explained == pytest.approx(1, abs=1e-3)  # of what was seen
    against = fit_amounts("sadness", evidence(change(true | {15: -0.8}), 10**6), responses(), MEAN)
    assert against.typical == (15,)
    assert against.explained < 0.9


def test_what_moves_at_the_rim_is_no_unit() -> None:
    """Temples and hairline move with the pose, not with an expression."""
    true = {6: 0.9, 12: 1.1, 10: 0.5, 16: 0.4, 26: 0.6}
    rim = (free_to_move(MEAN) == 0) * np.array((0.3, -0.2, 0.1))
    assert rim.any()
    seen = change(true), change(true) + rim
    one, other = (fit_amounts("happiness", evidence(each, 100), responses(), MEAN) for each in seen)
    assert dataclasses.astuple(one) == dataclasses.astuple(other)


@pytest.mark.parametrize(
    ("people", "pairs", "doubt"), [(100, False, 0.6), (400, False, 0.3), (30, True, 0.6), (1, True, 3.29)]
)
def test_doubt_falls_with_the_root_of_the_number_of_people(people: int, pairs: bool, doubt: float) -> None:
    assert evidence(np.zeros((468, 3)), people, pairs).doubt == pytest.approx(doubt, abs=0.01)
