"""Action units: movements by hand, shapes of one side and of both, and what the literature makes expressions of."""

import numpy as np
import pytest

from facerelief.expressions import EXPRESSIONS
from facerelief.geometry.morphable.action_units import ACTION_UNITS, EMFACS, SIDES, Rig

NAMES = ("browInnerUpLeft", "browInnerUpRight", "jawOpen", "mouthSmileLeft", "mouthSmileRight")
SHAPES = np.random.default_rng(0).normal(size=(5, 468, 3)).astype(np.float32)
RIG = Rig(NAMES, SHAPES)

# Friesen and Ekman, EMFACS-7 (1983), as it is commonly quoted; contempt is shown on one side.
QUOTED = {
    "neutral": set(),
    "happiness": {6, 12},
    "sadness": {1, 4, 15},
    "surprise": {1, 2, 5, 26},
    "fear": {1, 2, 4, 5, 7, 20, 26},
    "disgust": {9, 15, 16},
    "anger": {4, 5, 7, 23},
    "contempt": {12, 14},
}
# Of these, what ours do not require: 16 and 26 may be seen, 7 is left out, and the rig has no shape for 23.
OMITTED = {"fear": {7, 26}, "disgust": {16}, "anger": {23}}


def test_a_movement_is_so_much_of_each_shape() -> None:
    expected = 0.5 * SHAPES[0] - 2 * SHAPES[2] + SHAPES[4]
    np.testing.assert_allclose(RIG.movement(np.array((0.5, 0, -2, 0, 1))), expected, atol=1e-5)
    several = RIG.movement(np.array([(1, 0, 0, 0, 0), (0, 0, 0, 3, 0)]))
    np.testing.assert_allclose(several, np.stack([SHAPES[0], 3 * SHAPES[3]]), atol=1e-5)


def test_a_unit_is_shown_by_the_shapes_of_its_name() -> None:
    assert RIG.amounts({}).tolist() == [0, 0, 0, 0, 0]
    assert RIG.amounts({1: 0.7}).tolist() == [0.7, 0.7, 0, 0, 0]  # inner brow raiser
    assert RIG.amounts({12: 0.25, 26: 1.5}).tolist() == [0, 0, 1.5, 0.25, 0.25]  # lip corner puller, jaw drop


def test_on_one_side_what_has_no_side_moves_as_well() -> None:
    assert RIG.amounts({12: 0.25, 26: 1.5}, ["Left"]).tolist() == [0, 0, 1.5, 0.25, 0]
    assert RIG.amounts({12: 0.25, 26: 1.5}, ["Right"]).tolist() == [0, 0, 1.5, 0, 0.25]


def test_what_a_rig_has_no_shape_of_it_does_not_show() -> None:
    assert RIG.amounts({43: 1.0, 26: 0.5}).tolist() == [0, 0, 0.5, 0, 0]


def test_no_shape_shows_two_units() -> None:
    shapes = [shape for _, shape in ACTION_UNITS.values()]
    assert len(set(shapes)) == len(shapes)
    assert not any(shape.endswith(SIDES) for shape in shapes)


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_what_an_expression_requires_is_what_the_literature_names(name: str) -> None:
    prototype = EMFACS[name]
    assert set(prototype.required) == QUOTED[name] - OMITTED.get(name, set())
    assert not set(prototype.required) & set(prototype.optional)
    assert prototype.units == {**prototype.required, **prototype.optional}
    assert set(prototype.units) <= set(ACTION_UNITS)
    assert all(0 < amount <= 2 for amount in prototype.required.values())
    assert all(0 <= amount <= 2 for amount in prototype.optional.values())


def test_only_contempt_is_one_sided_and_only_neutral_requires_nothing() -> None:
    assert [name for name in EXPRESSIONS if EMFACS[name].sides != SIDES] == ["contempt"]
    assert [name for name in EXPRESSIONS if not EMFACS[name].required] == ["neutral"]
