"""Measures moved by hand, in the mirror, and on a head whose parts lie where a head's do."""

import numpy as np
import pytest
from heads import head

from facerelief.expressions import EXPRESSIONS
from facerelief.geometry.morphable.learning.action_units import (
    AU_TARGETS,
    ISOLATED_UNITS,
    UNITS,
    au_targets,
    lone_movements,
    measure_units,
)
from facerelief.geometry.morphable.procrustes import mirror_shapes

BROWS, LIDS, UPPER_LIP, CORNERS, CHIN = "inner brow up", "upper lid up", "upper lip up", "corners up", "jaw down"


def named(mesh: np.ndarray) -> dict[str, float]:
    return dict(zip(UNITS, measure_units(mesh[None])[0].tolist(), strict=True))


def moved(vertices: tuple[int, ...], x: float = 0.0, y: float = 0.0) -> np.ndarray:
    change = np.zeros((468, 3))
    change[list(vertices), :2] = x, y
    return change


# Each region raised (y down) or drawn by 0.1, in MediaPipe's own numbering, and all that changes then.
MOVES = (
    ((55, 107, 285, 336), (0, -0.1), {"inner brow up": 0.1}),
    ((46, 63, 70, 276, 293, 300), (0, -0.1), {"outer brow up": 0.1}),
    ((55, 107), (0.1, 0), {"brows together": 0.1}),  # at the picture's left, so inwards
    ((285, 336), (0.1, 0), {"brows together": -0.1}),
    ((158, 159, 160, 385, 386, 387), (0, -0.1), {"upper lid up": 0.1}),
    ((144, 145, 153, 373, 374, 380), (0, -0.1), {"lower lid up": 0.1}),
    ((64, 98, 294, 327), (0, -0.1), {"nose wings up": 0.1}),
    ((0, 37, 267, 13), (0, -0.1), {"upper lip up": 0.1, "lips apart": 0.1}),
    ((61, 291), (0, -0.1), {"corners up": 0.1}),
    ((61,), (-0.1, 0), {"corners apart": 0.1}),
    ((291,), (0.1, 0), {"corners apart": 0.1}),
    ((152, 17, 84, 314, 14), (0, 0.1), {"jaw down": 0.1, "lips apart": 0.1}),
    ((17, 84, 314, 14), (0, -0.1), {"lower lip up": 0.1, "lips apart": -0.1}),
    ((0, 37, 267), (0, 0.05), {"upper lip up": -0.05, "lips thin": 0.05}),  # the lip's red grows thinner from above
    ((17, 84, 314), (0, -0.05), {"lower lip up": 0.05}),
    ((291,), (0, -0.1), {"corners up": 0.05, "one corner up": -0.1}),
    ((61,), (0, -0.1), {"corners up": 0.05, "one corner up": 0.1}),
)


@pytest.mark.parametrize(("vertices", "by", "expected"), MOVES)
def test_a_region_that_moves(vertices: tuple[int, ...], by: tuple[float, float], expected: dict[str, float]) -> None:
    changed = {name: value for name, value in named(moved(vertices, *by)).items() if abs(value) > 1e-12}
    assert changed == pytest.approx(expected)


def test_measures_are_linear_and_in_the_order_of_their_names() -> None:
    random = np.random.default_rng(0)
    a, b = random.normal(size=(2, 5, 468, 3))
    assert len(set(UNITS)) == 14
    assert measure_units(a).shape == (5, 14)
    np.testing.assert_allclose(measure_units(2.5 * a - b), 2.5 * measure_units(a) - measure_units(b), atol=1e-12)
    np.testing.assert_allclose(measure_units(a)[3], measure_units(a[3:4])[0])


def test_only_one_sided_measures_tell_left_from_right() -> None:
    mesh = np.random.default_rng(1).normal(size=(468, 3))
    here, there = named(mesh), named(mirror_shapes(mesh))
    assert there.pop("one corner up") == pytest.approx(-here.pop("one corner up"))
    assert there == pytest.approx(here)
    assert named(head())["one corner up"] == pytest.approx(0, abs=1e-12)


def test_depth_is_not_measured_and_places_do_not_matter_to_distances() -> None:
    mesh = head()
    before, deeper, shifted = named(mesh), named(mesh * (1, 1, 3)), named(mesh + np.array((0.7, 0.3, 0)))
    assert deeper == before
    distances = ("brows together", "corners apart", "lips apart", "lower lip up", "lips thin", "one corner up")
    for name in UNITS:
        lowered = 0 if name in distances else (0.3 if name == "jaw down" else -0.3)
        assert shifted[name] - before[name] == pytest.approx(lowered), name


def test_the_parts_of_a_head_lie_above_each_other() -> None:
    """Drawn from the triangles alone, so that the regions' vertices are the parts that they are called."""
    found = named(head())
    heights = [found[name] for name in ("inner brow up", LIDS, "lower lid up", "nose wings up", UPPER_LIP, CORNERS)]
    heights.append(-found[CHIN])
    assert heights == sorted(heights, reverse=True)
    assert found["lower lid up"] > found["nose wings up"]
    assert found["outer brow up"] > found["upper lid up"]
    for name in ("lips apart", "lower lip up", "corners apart"):
        assert found[name] > 0, name
    assert found["brows together"] < 0  # their distance, less as they come together


def test_every_expression_has_a_recipe_of_known_movements() -> None:
    assert tuple(AU_TARGETS) == EXPRESSIONS
    for name, parts in AU_TARGETS.items():
        assert set(parts) <= set(UNITS), name
        found = au_targets(name)
        assert found.shape == (14,)
        assert np.count_nonzero(found) == len(parts)
        assert np.abs(found).max(initial=0) < 0.3  # 0.3 of 63 mm are 19 mm
        assert {n: found[UNITS.index(n)] for n in parts} == parts
    assert not au_targets("neutral").any()


@pytest.mark.parametrize(
    ("expression", "movement", "sign"),
    [
        ("happiness", "corners up", 1),  # AU 6 + 12
        ("sadness", "inner brow up", 1),  # AU 1 + 4 + 15
        ("sadness", "brows together", 1),
        ("sadness", "corners up", -1),
        ("surprise", "outer brow up", 1),  # AU 1 + 2 + 5 + 26
        ("surprise", "upper lid up", 1),
        ("surprise", "jaw down", 1),
        ("fear", "corners apart", 1),  # AU 1 + 2 + 4 + 5 + 20 + 26
        ("fear", "upper lid up", 1),
        ("disgust", "nose wings up", 1),  # AU 9 + 15 + 16
        ("anger", "brows together", 1),  # AU 4 + 5 + 7 + 23
        ("anger", "inner brow up", -1),
        ("contempt", "one corner up", 1),  # AU 14 of one side
    ],
)
def test_recipes_follow_ekman_and_friesen(expression: str, movement: str, sign: int) -> None:
    assert au_targets(expression)[UNITS.index(movement)] * sign > 0.015


def test_only_contempt_is_one_sided() -> None:
    one_sided = [name for name in EXPRESSIONS if au_targets(name)[UNITS.index("one corner up")]]
    assert one_sided == ["contempt"]


def test_a_lone_movement_grows_its_measure_alone_and_near_its_points() -> None:
    mean, free = head(), np.ones((468, 1))
    found = lone_movements(mean, free)
    here = [UNITS.index(name) for name in ISOLATED_UNITS]
    np.testing.assert_allclose(measure_units(found)[:, here], np.eye(len(ISOLATED_UNITS)), atol=1e-9)
    moved = dict(zip(ISOLATED_UNITS, np.linalg.norm(found, axis=2), strict=True))
    brow, corner, chin = 107, 61, 152
    for name in ("inner brow up", "outer brow up", "brows together"):
        assert moved[name][[corner, chin]].max() < 0.01
    assert moved["corners up"][[brow, chin]].max() < 0.01
    between = 0.5 * (moved["corners up"][corner] + moved["corners up"][0])  # from the corner to the lip's middle
    assert 0 < moved["corners up"][0] < between < moved["corners up"][corner]


def test_lone_movements_are_symmetric_but_for_the_one_corners() -> None:
    found = lone_movements(head(), np.ones((468, 1)))
    for name, movement in zip(ISOLATED_UNITS, found, strict=True):
        sign = -1 if name == "one corner up" else 1
        np.testing.assert_allclose(movement, sign * mirror_shapes(movement), atol=1e-6)


def test_what_is_not_free_does_not_move() -> None:
    free = np.ones((468, 1))
    free[[46, 276, 10]] = 0
    assert not lone_movements(head(), free)[:, [46, 276, 10]].any()
