"""Targets: a blend is the sum of its parts, each so much; what words stand for is the face's own shapes."""

import gc
import weakref

import numpy as np
import pytest

from facerelief.errors import FacereliefError
from facerelief.expressions import EXPRESSIONS
from facerelief.geometry.filters import box_blur
from facerelief.geometry.morphable.action_units import EMFACS
from facerelief.geometry.morphable.model import full_maps, load_face
from facerelief.geometry.transfer.targets import Target, Targets, shape_textures

FACE = load_face()


@pytest.fixture
def targets() -> Targets:
    return Targets(FACE)


def assert_same(one: Target, other: Target) -> None:
    np.testing.assert_allclose(one.movement, other.movement, atol=1e-6)
    np.testing.assert_allclose(one.texture, other.texture, atol=1e-6)
    np.testing.assert_allclose(one.typical, other.typical, atol=1e-6)


def test_an_expression_is_the_face_s_own(targets: Targets) -> None:
    for number, name in enumerate(EXPRESSIONS):
        np.testing.assert_allclose(targets(name).movement, FACE.expression(name), atol=1e-6)
        if name != "contempt":  # of one side, while learned textures are symmetric
            np.testing.assert_allclose(targets(name).texture, full_maps(FACE.texture_classes[number]), atol=1e-6)


def test_a_smile_is_drawn_with_few_of_the_wrinkles_that_smiles_have(targets: Targets) -> None:
    smile, frown = targets("happiness"), targets("sadness")
    np.testing.assert_allclose(smile.texture, EMFACS["happiness"].wrinkles * smile.typical, atol=1e-6)
    assert EMFACS["happiness"].wrinkles < 0.5
    np.testing.assert_array_equal(frown.texture, frown.typical)


@pytest.mark.parametrize(
    ("words", "adds"),
    [
        *(("AU12", True), ("jawOpen:0.3+AU4", True), ("wink-left", True), ("wink-left+AU4", True)),
        *(("happiness", False), ("neutral+AU12", False), ("AU12+happiness:0.1", False)),
        *(("closed-smile", False), ("kiss+AU4", False)),
    ],
)
def test_units_are_added_to_what_a_photo_shows_and_expressions_take_its_place(
    targets: Targets, words: str, adds: bool
) -> None:
    assert targets(words).adds is adds
    assert targets(words).times(0.5).adds is adds


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
        ("kiss", (("neutral", 1.0), ("mouthPucker", 0.9))),
    ],
)
def test_a_blend_is_the_sum_of_its_parts(targets: Targets, blend: str, parts: tuple[tuple[str, float], ...]) -> None:
    movement = sum(amount * targets(name).movement for name, amount in parts)
    texture, typical = (
        sum(amount * getattr(targets(name), kind) for name, amount in parts) for kind in ("texture", "typical")
    )
    assert_same(targets(blend), Target(movement, texture, typical))


def test_one_way_of_writing_is_as_good_as_another(targets: Targets) -> None:
    assert_same(targets("Happy:0.50"), targets("happiness:0.5"))


def test_a_side_moves_that_side(targets: Targets) -> None:
    """The person's own: the left one is at higher x."""
    moved = np.linalg.norm(targets("AU12L").movement, axis=1)
    assert moved[FACE.mean[:, 0] > 0.25].max() > 5 * moved[FACE.mean[:, 0] < -0.25].max()
    right = np.linalg.norm(targets("AU12R").movement, axis=1)
    assert right[FACE.mean[:, 0] < -0.25].max() > 5 * right[FACE.mean[:, 0] > 0.25].max()


@pytest.mark.parametrize("name", ["AU12", "AU9", "AU4"])
def test_wrinkles_are_where_skin_moves(targets: Targets, name: str) -> None:
    """A unit of one side draws them there, as its mirror image does on the other; both sides draw both."""
    left, right, both = (targets(name + side).texture for side in ("L", "R", ""))
    half = FACE.uv_map.size // 2
    assert np.abs(left[:, half:]).sum() > 4 * np.abs(left[:, :half]).sum()
    np.testing.assert_allclose(left, right[:, ::-1], atol=0.1 * float(left.max()))
    np.testing.assert_allclose(left + right, both, atol=1e-6)
    moved = np.concatenate([targets(name).movement, np.zeros((72, 3))])
    far = np.linalg.norm(FACE.uv_map.interpolate(moved), axis=2)
    assert np.abs(both[far < 0.002]).mean() < 0.1 * np.abs(both[far > 0.03]).mean()


def test_the_units_of_a_smile_draw_its_wrinkles(targets: Targets) -> None:
    amounts = zip(FACE.rig.names, FACE.amounts[EXPRESSIONS.index("happiness")], strict=True)
    units = "+".join(f"{name}:{amount}" for name, amount in amounts if amount > 0)
    made, learned = targets(units).texture, targets("happiness").texture
    rows, columns = (FACE.uv_map.points[[205, 425], axis].astype(int) for axis in (1, 0))  # beside the mouth
    for row, column in zip(rows, columns, strict=True):
        around = slice(row - 12, row + 12), slice(column - 12, column + 12)
        assert np.corrcoef(made[around].ravel(), learned[around].ravel())[0, 1] > 0.95
        np.testing.assert_allclose(made[around].mean(), learned[around].mean(), rtol=0.2)


def test_textures_of_shapes_solve_their_least_squares() -> None:
    """At a pixel beside the mouth, by another solver: ridge regression as least squares with further rows."""
    found, pixel = shape_textures(FACE), (110, 52)
    learned = [number for number, name in enumerate(EXPRESSIONS) if name != "contempt"]
    scale = [min(1.0, 0.5 / EMFACS[EXPRESSIONS[number]].wrinkles) for number in learned]
    lengths = np.zeros((540, len(FACE.rig.names)))
    lengths[:468] = np.linalg.norm(FACE.rig.shapes, axis=2).T
    moved = box_blur(FACE.uv_map.interpolate(lengths), 4)[pixel]
    wanted = full_maps(FACE.texture_classes)[learned][:, *pixel] * scale
    rows = np.concatenate([FACE.amounts[learned] * moved, 0.01 * np.eye(len(moved))])
    share = np.linalg.lstsq(rows, np.concatenate([wanted, np.zeros(len(moved))]), rcond=None)[0]
    assert np.abs(share * moved).max() > 0.02
    np.testing.assert_allclose(found[:, *pixel], share * moved, atol=1e-5)


def test_wrinkles_deepen_no_further_than_expressions_show(targets: Targets) -> None:
    np.testing.assert_allclose(targets("AU12+AU12L").texture, targets("AU12").texture, atol=1e-6)
    assert np.abs(targets("AU4:1.4").texture).max() > 1.3 * np.abs(targets("AU4").texture).max()


@pytest.mark.parametrize("name", ["AU43", "cheekPuff", "eyeLookUp"])
def test_of_unknown_wrinkles_none_are_drawn(targets: Targets, name: str) -> None:
    assert not targets(name).texture.any()


def test_names_of_one_s_own() -> None:
    targets = Targets(FACE, {"grin": "AU12:0.8+jawOpen:0.2"})
    assert_same(targets("grin:0.5"), targets("AU12:0.4+jawOpen:0.1"))
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
