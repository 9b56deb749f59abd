"""Shapes learned from people that were made up: what they were made of comes back."""

from dataclasses import dataclass

import numpy as np
import pytest
from heads import head, similarities

from facerelief.errors import DatasetError
from facerelief.geometry.morphable.learning.shape import Shapes, learn_shapes, lips_closed
from facerelief.geometry.morphable.procrustes import (
    STABLE_LANDMARKS,
    apply_similarity,
    fit_similarity,
    mirror_shapes,
)

PEOPLE, SURPRISED, STRANGERS = 200, 60, 60
# What moves: a vertex of the person's right side and which way, with the other side alike, or opposite to it.
ALIKE = (
    *((105, (0.0, -1.0, 0.0)), (107, (1.0, 0.5, 0.0)), (50, (0.0, -0.5, 0.5)), (61, (-1.0, 0.0, -0.5))),
    *((61, (0.0, -1.0, 0.0)), (13, (0.0, -1.0, 0.2)), (17, (0.0, 1.0, 0.0))),
)
OPPOSITE = ((61, (0.0, -1.0, 0.0)), (105, (0.0, -1.0, 0.0)), (17, (1.0, 0.0, 0.0)))
TRUTH = {"happiness": (0, 0, 0.05, 0.1, 0.1, 0.05, 0.05), "surprise": (0.12, -0.03, 0, -0.05, 0, 0.05, 0.2)}


def movements() -> np.ndarray:
    """(10, 468, 3): smooth, by 1 at the most; the points that hold a face in its frame stay."""
    mesh, found = head(), []
    for parts, sign in ((ALIKE, 1), (OPPOSITE, -1)):
        for vertex, way in parts:
            distance = np.linalg.norm(mesh - mesh[vertex], axis=1)
            bump = np.exp(-((distance / 0.25) ** 2))[:, None] * np.array(way)
            bump[list(STABLE_LANDMARKS)] = 0
            both = bump + sign * mirror_shapes(bump)
            found.append(both / np.abs(both).max())
    return np.stack(found)


@dataclass
class World:
    """People, their photos, how each differs from its person, and what is learned from them."""

    base: np.ndarray
    identity: np.ndarray
    meshes: np.ndarray
    changes: np.ndarray
    expression: np.ndarray
    person: np.ndarray
    shapes: Shapes
    coefficients: np.ndarray


@pytest.fixture(scope="module")
def world() -> World:
    """200 people with a neutral and a happy photo, 60 of them surprised as well, 60 strangers who are only angry."""
    random = np.random.default_rng(0)
    base, moves = head(), movements()
    x, y, _ = base.T
    zero = np.zeros(468)
    # The last one is askew: people are lopsided, a face is not.
    fields = (x * y, zero, zero), (zero, zero, x * x), (zero, y * y, zero), (zero, x * y, zero)
    identity = 0.02 * np.stack([np.column_stack(field) for field in fields])
    shows = [("neutral", p) for p in range(PEOPLE)] + [("happiness", p) for p in range(PEOPLE)]
    shows += [("surprise", p) for p in range(SURPRISED)] + [("anger", PEOPLE + p) for p in range(STRANGERS)]
    people = np.tensordot(random.normal(size=(PEOPLE + STRANGERS, 4)), identity, 1)
    changes = []
    for name, _ in shows:
        amounts = random.normal(scale=0.03, size=len(moves)) * (name != "neutral")
        amounts[: len(ALIKE)] += TRUTH.get(name, (0.0, 0.1, 0.0, 0.0, 0.0, 0.0, 0.0) if name == "anger" else (0.0,) * 7)
        changes.append(np.tensordot(amounts, moves, 1))
    meshes = np.stack([base + people[p] + change for (_, p), change in zip(shows, changes, strict=True)])
    photographed = apply_similarity(meshes, *similarities(len(meshes), random, degrees=5))
    expression = np.array([name for name, _ in shows])
    person = np.array([f"person {number}" for _, number in shows])
    learned = learn_shapes(photographed, expression, person)
    return World(base, identity, photographed, np.stack(changes), expression, person, *learned)


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float((a * b).sum() / np.linalg.norm(a) / np.linalg.norm(b))


def gap(shape: np.ndarray) -> float:
    """Between the lips' middles."""
    return float(shape[14, 1] - shape[13, 1])


def away_from_lips() -> np.ndarray:
    mesh = head()
    found: np.ndarray = np.linalg.norm(mesh[:, :2] - mesh[[13, 14], :2].mean(axis=0), axis=1) > 0.5
    return found


def test_lips_are_brought_together_half_way_each() -> None:
    """Each person's own opening, and nothing that is far from the lips; lips that overlap stay as they are."""
    shut = head()
    shut[[13, 14], 1] = shut[[13, 14], 1].mean()
    wide, pressed = shut.copy(), shut.copy()
    wide[14, 1], wide[13, 1] = wide[14, 1] + 0.15, wide[13, 1] - 0.05
    pressed[14, 1] -= 0.1
    found = lips_closed(np.stack([wide, pressed, shut]), shut)
    assert gap(found[0]) == pytest.approx(0, abs=0.01)
    np.testing.assert_allclose(found[0][[13, 14]] - wide[[13, 14]], [(0, 0.1, 0), (0, -0.1, 0)], atol=0.005)
    np.testing.assert_array_equal(found[1], pressed)
    np.testing.assert_array_equal(found[2], shut)
    np.testing.assert_array_equal(found[0][:, [0, 2]], wide[:, [0, 2]])
    assert np.abs(found[0] - wide)[[1, 4, 33, 263, 105, 334, 168, 10]].max() < 0.01


def test_the_mean_is_the_base_with_its_lips_brought_together(world: World) -> None:
    mean = world.shapes.mean
    np.testing.assert_allclose(mean, mirror_shapes(mean), atol=1e-9)
    assert gap(world.base) > 0.05
    assert abs(gap(mean)) < 0.01
    far = away_from_lips()
    found = apply_similarity(mean[None], *fit_similarity(mean[None, far], world.base[far]))[0]
    np.testing.assert_allclose(found[far], world.base[far], atol=0.008)


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
        meshes, there = world.meshes[:, away_from_lips()], shape[away_from_lips()]  # photos have open mouths
        placed = apply_similarity(meshes, *fit_similarity(meshes, there))
        distance = np.linalg.norm(placed - there, axis=(1, 2))
        distance[world.expression != "neutral"] = np.inf
        assert world.person[distance.argmin()] == name


def test_explained_variance_grows_to_at_most_all(world: World) -> None:
    for part, count in zip(world.shapes.explained, (30, 12), strict=True):
        assert part.shape == (count,)
        assert (np.diff(part) >= -1e-12).all()
        assert 0 < part[0] <= part[-1] <= 1 + 1e-9
    lengths = (world.shapes.identity**2).sum(axis=(1, 2)), (world.shapes.expression**2).sum(axis=(1, 2))
    for length, part in zip(lengths, world.shapes.explained, strict=True):  # variance is what the modes' lengths say
        np.testing.assert_allclose(length / length[0], np.diff(part, prepend=0) / part[0], atol=1e-6)


def test_modes_are_symmetric_or_their_opposite(world: World) -> None:
    """Every face counts with its mirror image, so that no side is favoured."""
    for modes in (world.shapes.identity[:4], world.shapes.expression[:10]):
        for mode in modes:
            assert abs(cosine(mode, mirror_shapes(mode))) == pytest.approx(1, abs=1e-4)


def test_coefficients_describe_each_photo(world: World) -> None:
    """Beside its person's neutral one, in ten movements that twelve modes can hold."""
    assert world.coefficients.shape == (len(world.meshes), 12)
    np.testing.assert_allclose(world.coefficients[world.expression == "neutral"], 0, atol=1e-6)
    rebuilt = np.tensordot(world.coefficients, world.shapes.expression, 1)
    for name in ("happiness", "surprise"):
        photos = world.expression == name
        for found, true in zip(rebuilt[photos][::10], world.changes[photos][::10], strict=True):
            assert cosine(found, true) > 0.97
            assert np.linalg.norm(found) == pytest.approx(np.linalg.norm(true), rel=0.1)


def test_who_has_no_neutral_photo_is_compared_with_the_mean_face(world: World) -> None:
    """So that what they have in common comes back: drawn brows. Mouths are not compared: the mean's is closed."""
    strangers = world.expression == "anger"
    found = np.tensordot(world.coefficients[strangers].mean(axis=0), world.shapes.expression, 1)
    true = world.changes[strangers].mean(axis=0)
    brows = np.linalg.norm(true, axis=1) > 0.02
    assert cosine(found[brows], true[brows]) > 0.9


def test_expression_modes_are_at_right_angles_and_one_deviation_long(world: World) -> None:
    flat = world.shapes.expression[:10].reshape(10, -1)
    flat = flat / np.linalg.norm(flat, axis=1, keepdims=True)
    np.testing.assert_allclose(flat @ flat.T, np.eye(10), atol=1e-6)
    paired = world.expression != "anger"
    lengths = (world.coefficients[paired][:, :4] ** 2).mean(axis=0)
    assert lengths[0] == pytest.approx(1, abs=0.05)


def test_people_in_the_mirror_give_the_same_face(world: World) -> None:
    other, coefficients = learn_shapes(mirror_shapes(world.meshes), world.expression, world.person)
    np.testing.assert_allclose(other.mean, world.shapes.mean, atol=1e-6)
    for part, twin in zip(world.shapes.explained, other.explained, strict=True):
        np.testing.assert_allclose(part, twin, atol=1e-9)
    here, there = (
        np.tensordot(c[world.expression == "happiness"].mean(axis=0), s.expression, 1)
        for c, s in ((world.coefficients, world.shapes), (coefficients, other))
    )
    np.testing.assert_allclose(there, mirror_shapes(here), atol=1e-6)


def test_too_few_neutral_people() -> None:
    random = np.random.default_rng(5)
    meshes = head() + random.normal(scale=0.01, size=(40, 468, 3))
    expression = np.array(["neutral"] * 39 + ["fear"])
    person = np.array([f"person {number % 29}" for number in range(40)])
    with pytest.raises(DatasetError, match=r"29 persons have a neutral photo, 30 are needed.*add photos"):
        learn_shapes(meshes, expression, person)


def test_too_few_people_who_move() -> None:
    """All have a neutral photo, and eleven another; twelve modes need twelve."""
    meshes = head() + np.random.default_rng(5).normal(scale=0.01, size=(51, 468, 3))
    expression = np.array(["neutral"] * 40 + ["fear"] * 11)
    person = np.array([f"person {number % 40}" for number in range(51)])
    with pytest.raises(DatasetError, match=r"11 persons have a neutral photo and another, 12 are needed.*add photos"):
        learn_shapes(meshes, expression, person)
