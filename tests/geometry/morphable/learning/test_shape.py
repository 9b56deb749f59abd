"""Shapes learned from people that were made up: what they were made of comes back."""

from dataclasses import dataclass

import numpy as np
import pytest
from facerelief.geometry.morphable.learning.action_units import ISOLATED_UNITS, UNITS, au_targets, measure_units
from heads import head, similarities

from facerelief.errors import DatasetError
from facerelief.expressions import EXPRESSIONS
from facerelief.geometry.morphable.learning.shape import TRUST, Shapes, learn_shapes
from facerelief.geometry.morphable.procrustes import apply_similarity, fit_similarity, mirror_shapes

PEOPLE, SURPRISED, STRANGERS = 200, TRUST, 30
# What happiness and surprise are in this world, unlike their recipes. In measures; those of the lips agree: lips grow
# thin as the upper lip goes down, the lips apart, the lower lip up against the chin, and the chin up.
TRUTH = {
    "happiness": {"nose wings up": 0.15, "outer brow up": 0.1, "jaw down": 0.15, "lips apart": 0.15},
    "surprise": {"brows together": 0.1, "corners up": 0.15, "upper lip up": 0.1, "lower lip up": 0.1},
}


@dataclass
class World:
    """People, their photos, and what is learned from them."""

    base: np.ndarray
    movements: np.ndarray
    identity: np.ndarray
    meshes: np.ndarray
    expression: np.ndarray
    person: np.ndarray
    shapes: Shapes
    coefficients: np.ndarray


def single_movements() -> np.ndarray:
    """(14, 468, 3): the least movement that changes one measure by 1 and the others not, or as little as they can."""
    of_each_coordinate = measure_units(np.eye(468 * 3).reshape(-1, 468, 3))
    found: np.ndarray = np.linalg.pinv(of_each_coordinate).reshape(14, 468, 3)
    return found


def tied(amounts: np.ndarray) -> np.ndarray:
    """Amounts (14,) with an eye's lids opening alike: with the lips' agreement, 12 degrees of freedom for 12 modes."""
    found = dict(zip(UNITS, amounts.tolist(), strict=True))
    return np.array(list((found | {"lower lid up": -found["upper lid up"]}).values()))


@pytest.fixture(scope="module")
def world() -> World:
    """200 people with a neutral and a happy photo, 40 of them surprised as well, 30 strangers who are only angry."""
    random = np.random.default_rng(0)
    base, movements = head(), single_movements()
    x, y, _ = base.T
    zero = np.zeros(468)
    # The last one is askew: people are lopsided, a face is not.
    fields = (x * y, zero, zero), (zero, zero, x * x), (zero, y * y, zero), (zero, x * y, zero)
    identity = 0.02 * np.stack([np.column_stack(field) for field in fields])
    jitter = 0.05 / np.linalg.norm(movements, axis=(1, 2))
    shows = [("neutral", p) for p in range(PEOPLE)] + [("happiness", p) for p in range(PEOPLE)]
    shows += [("surprise", p) for p in range(SURPRISED)] + [("anger", PEOPLE + p) for p in range(STRANGERS)]
    people = np.tensordot(random.normal(size=(PEOPLE + STRANGERS, 4)), identity, 1)
    meshes = []
    for name, number in shows:
        amounts = np.zeros(14)
        if name != "neutral":
            parts = TRUTH.get(name, {})
            amounts = np.array([parts.get(n, 0.0) for n in UNITS]) + tied(random.normal(size=14) * jitter)
        meshes.append(base + people[number] + np.tensordot(amounts, movements, 1))
    photographed = apply_similarity(np.stack(meshes), *similarities(len(meshes), random, degrees=5))
    expression = np.array([name for name, _ in shows])
    person = np.array([f"person {number}" for _, number in shows])
    learned = learn_shapes(photographed, expression, person)
    return World(base, movements, identity, photographed, expression, person, *learned)


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float((a * b).sum() / np.linalg.norm(a) / np.linalg.norm(b))


def shown(shapes: Shapes, name: str) -> np.ndarray:
    """An expression's change of shape (468, 3)."""
    change: np.ndarray = np.tensordot(shapes.classes[EXPRESSIONS.index(name)], shapes.expression, 1)
    return change


def measured(change: np.ndarray) -> np.ndarray:
    return measure_units(change[None])[0]


def test_the_mean_is_the_base_with_its_lips_brought_together(world: World) -> None:
    mean = world.shapes.mean
    np.testing.assert_allclose(mean, mirror_shapes(mean), atol=1e-9)
    apart = UNITS.index("lips apart")
    gap = measured(world.base)[apart]
    assert gap > 0.05
    assert abs(measured(mean)[apart]) < 0.5 * gap
    closed = world.base - gap * np.tensordot(world.shapes.movements[apart], world.shapes.expression, 1)
    found = apply_similarity(mean[None], *fit_similarity(mean[None], closed))[0]
    np.testing.assert_allclose(found, closed, atol=0.006)
    assert np.abs(found - world.base).max() > 0.03


def test_identity_modes_span_what_people_differ_in(world: World) -> None:
    """Up to similarities, which alignment takes from every shape."""
    modes, (explained, _) = world.shapes.identity, world.shapes.explained
    assert modes.shape == (30, 468, 3)
    assert explained[3] > 0.95
    x, y, z = np.eye(3)
    shape = world.shapes.mean
    turns = [np.cross(axis, shape) for axis in (x, y, z)]
    shifts = [np.tile(axis, (468, 1)) for axis in (x, y, z)]
    span = np.stack([*modes[:4], shape, *turns, *shifts]).reshape(11, -1).T
    for truth in world.identity:
        rest = truth.ravel() - span @ np.linalg.lstsq(span, truth.ravel(), rcond=None)[0]
        assert np.linalg.norm(rest) < 0.1 * np.linalg.norm(truth)


def test_each_persons_coefficients_give_that_persons_shape(world: World) -> None:
    """By name: among all photos a neutral one is the nearest; and modes are one deviation long."""
    names = sorted(f"person {number}" for number in range(PEOPLE))
    assert world.shapes.people.shape == (PEOPLE, 30)
    np.testing.assert_allclose((world.shapes.people[:, :4] ** 2).mean(axis=0), 1, atol=1e-3)
    for name, coefficients in list(zip(names, world.shapes.people, strict=True))[::20]:
        shape = world.shapes.mean + np.tensordot(coefficients, world.shapes.identity, 1)
        placed = apply_similarity(world.meshes, *fit_similarity(world.meshes, shape))
        distance = np.linalg.norm(placed - shape, axis=(1, 2))
        distance[world.expression != "neutral"] = np.inf
        assert world.person[distance.argmin()] == name


def test_explained_variance_grows_to_at_most_all(world: World) -> None:
    for part, count in zip(world.shapes.explained, (30, 12), strict=True):
        assert part.shape == (count,)
        assert (np.diff(part) >= -1e-12).all()
        assert 0 < part[0] <= part[-1] <= 1 + 1e-9
    lengths = (world.shapes.identity**2).sum(axis=(1, 2)), (world.shapes.expression[:12] ** 2).sum(axis=(1, 2))
    for length, part in zip(lengths, world.shapes.explained, strict=True):  # variance is what the modes' lengths say
        np.testing.assert_allclose(length / length[0], np.diff(part, prepend=0) / part[0], atol=1e-6)


def test_modes_are_symmetric_or_their_opposite(world: World) -> None:
    """Every face counts with its mirror image, so that no side is favoured."""
    for modes in (world.shapes.identity[:4], world.shapes.expression):
        for mode in modes:
            assert abs(cosine(mode, mirror_shapes(mode))) == pytest.approx(1, abs=1e-4)


def test_coefficients_describe_each_photo(world: World) -> None:
    assert world.coefficients.shape == (len(world.meshes), 12 + len(ISOLATED_UNITS))
    rebuilt = measure_units(np.tensordot(world.coefficients, world.shapes.expression, 1))
    for name, parts in TRUTH.items():
        photos = world.expression == name
        expected = np.array([parts.get(n, 0.0) for n in UNITS])
        assert cosine(rebuilt[photos].mean(axis=0), expected) > 0.98
    np.testing.assert_allclose(world.coefficients[world.expression == "neutral"], 0, atol=1e-6)


def test_a_movement_moves_its_measure(world: World) -> None:
    """Ridge regression shortens it somewhat, and those that are tied share theirs."""
    moves = measure_units(np.tensordot(world.shapes.movements, world.shapes.expression, 1))
    assert np.median(np.diag(moves)) > 0.8
    others = moves - np.diag(np.diag(moves))
    assert np.median(np.abs(others)) < 0.05


def test_a_common_expression_is_what_photos_show(world: World) -> None:
    """200 people outweigh the recipe more than three to one."""
    truth = np.tensordot([TRUTH["happiness"].get(n, 0.0) for n in UNITS], world.movements, 1)
    found = shown(world.shapes, "happiness")
    assert cosine(found, truth) > 0.9
    assert cosine(measured(found), au_targets("happiness")) < 0.5
    assert np.linalg.norm(found) == pytest.approx(PEOPLE / (PEOPLE + TRUST) * np.linalg.norm(truth), rel=0.25)


@pytest.mark.parametrize("name", ["contempt", "disgust", "anger"])
def test_an_expression_that_nobody_showed_beside_a_neutral_photo_is_its_recipe(world: World, name: str) -> None:
    found, wanted = measured(shown(world.shapes, name)), au_targets(name)
    assert cosine(found, wanted) > 0.85
    alone = [UNITS.index(one) for one in ISOLATED_UNITS]
    np.testing.assert_allclose(found[alone], wanted[alone], atol=1e-6)


def test_expression_modes_are_at_right_angles(world: World) -> None:
    flat = world.shapes.expression.reshape(12 + len(ISOLATED_UNITS), -1)
    flat = flat / np.linalg.norm(flat, axis=1, keepdims=True)
    np.testing.assert_allclose(flat @ flat.T, np.eye(len(flat)), atol=1e-6)


def test_as_many_people_as_trust_asks_for_meet_the_recipe_half_way(world: World) -> None:
    found = measured(shown(world.shapes, "surprise"))
    truth = np.array([TRUTH["surprise"].get(n, 0.0) for n in UNITS])
    shares = np.linalg.lstsq(np.column_stack([truth, au_targets("surprise")]), found, rcond=None)[0]
    assert shares == pytest.approx([0.5, 0.5], abs=0.15)


def test_neutral_is_no_expression(world: World) -> None:
    assert not world.shapes.classes[EXPRESSIONS.index("neutral")].any()


def test_people_in_the_mirror_give_the_same_face_with_mirrored_expressions(world: World) -> None:
    other, _ = learn_shapes(mirror_shapes(world.meshes), world.expression, world.person)
    np.testing.assert_allclose(other.mean, world.shapes.mean, atol=1e-6)
    for name in ("happiness", "surprise"):
        np.testing.assert_allclose(shown(other, name), mirror_shapes(shown(world.shapes, name)), atol=1e-6)
    for part, twin in zip(world.shapes.explained, other.explained, strict=True):
        np.testing.assert_allclose(part, twin, atol=1e-9)


def test_too_few_neutral_people() -> None:
    random = np.random.default_rng(5)
    meshes = head() + random.normal(scale=0.01, size=(40, 468, 3))
    expression = np.array(["neutral"] * 39 + ["fear"])
    person = np.array([f"person {number % 29}" for number in range(40)])
    with pytest.raises(DatasetError, match=r"29 persons have a neutral photo, 30 are needed.*add photos"):
        learn_shapes(meshes, expression, person)
