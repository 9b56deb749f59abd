"""Targets: a blend is the sum of its parts, each so much; what words stand for is the face's own shapes."""

import gc
import weakref

import numpy as np
import pytest

from facerelief.errors import FacereliefError
from facerelief.expressions import EXPRESSIONS
from facerelief.geometry.morphable.model import full_maps, load_face
from facerelief.geometry.transfer.targets import Target, Targets

FACE = load_face()


@pytest.fixture
def targets() -> Targets:
    return Targets(FACE)


def assert_same(one: Target, other: Target) -> None:
    np.testing.assert_allclose(one.movement, other.movement, atol=1e-6)
    np.testing.assert_allclose(one.texture, other.texture, atol=1e-6)


def test_an_expression_is_the_face_s_own(targets: Targets) -> None:
    for number, name in enumerate(EXPRESSIONS):
        np.testing.assert_allclose(targets(name).movement, FACE.expression(name), atol=1e-6)
        np.testing.assert_allclose(targets(name).texture, full_maps(FACE.texture_classes[number]), atol=1e-6)


def test_a_blendshape_is_the_rig_s(targets: Targets) -> None:
    shape = FACE.rig.shapes[FACE.rig.names.index("jawOpen")]
    np.testing.assert_allclose(targets("jawOpen:0.3").movement, 0.3 * shape, atol=1e-6)
    np.testing.assert_array_equal(targets("AU26:0.3").movement, targets("jawOpen:0.3").movement)


@pytest.mark.parametrize(
    ("blend", "parts"),
    [
        ("happiness:0.6+surprise:0.4", (("happiness", 0.6), ("surprise", 0.4))),
        ("AU12:0.8+AU4:0.3", (("AU12", 0.8), ("AU4", 0.3))),
        ("AU12", (("AU12L", 1.0), ("AU12R", 1.0))),
        ("wink-left:0.5+jawOpen:0", (("wink-left", 0.5),)),
        ("kiss", (("mouthPucker", 0.9),)),
    ],
)
def test_a_blend_is_the_sum_of_its_parts(targets: Targets, blend: str, parts: tuple[tuple[str, float], ...]) -> None:
    movement = sum(amount * targets(name).movement for name, amount in parts)
    texture = sum(amount * targets(name).texture for name, amount in parts)
    assert_same(targets(blend), Target(movement, texture))


def test_one_way_of_writing_is_as_good_as_another(targets: Targets) -> None:
    assert_same(targets("Happy:0.50"), targets("happiness:0.5"))


def test_a_side_moves_that_side(targets: Targets) -> None:
    """The person's own: the left one is at higher x."""
    moved = np.linalg.norm(targets("AU12L").movement, axis=1)
    assert moved[FACE.mean[:, 0] > 0.25].max() > 5 * moved[FACE.mean[:, 0] < -0.25].max()
    right = np.linalg.norm(targets("AU12R").movement, axis=1)
    assert right[FACE.mean[:, 0] < -0.25].max() > 5 * right[FACE.mean[:, 0] > 0.25].max()


def test_names_of_one_s_own() -> None:
    targets = Targets(FACE, {"grin": "AU12:1.2+jawOpen:0.2"})
    assert_same(targets("grin:0.5"), targets("AU12:0.6+jawOpen:0.1"))
    assert str(targets.control("GRIN")) == "grin"
    with pytest.raises(FacereliefError, match="nothing is called 'kiss'"):
        targets("kiss")


def test_a_target_of_one_s_own_is_a_name_like_others(targets: Targets) -> None:
    given = targets("AU4:0.7")
    targets.learned["like-1234abcd"] = given
    assert str(targets.control("like-1234abcd:0.5+AU12")) == "like-1234abcd:0.5+AU12"
    assert_same(targets("like-1234abcd:0.5+AU12"), given.times(0.5) + targets("AU12"))


def test_only_so_many_are_kept(targets: Targets) -> None:
    """A server is asked for any amount."""
    first = weakref.ref(targets("AU12:0"))
    for number in range(1, 100):
        targets(f"AU12:{number / 100}")
    gc.collect()
    assert first() is None
