"""Edits by flow, mask and colour, brought to the photo's own resolution."""

import numpy as np
import pytest
import torch
from edits import around, changed
from torch import Tensor, nn

from facerelief.config import ExpressionTraining
from facerelief.editing.relief import ReliefEdit, ReliefEditor, moved
from facerelief.faces.align import Crop, align
from facerelief.faces.colour import LUMA
from facerelief.faces.detect import Face, MediaPipeFinder
from facerelief.faces.photo import Photo
from facerelief.networks.backbones import Relief
from facerelief.networks.relief import Maps

SIDE = 24
CHOICES = ("neutral", "happiness")
ZERO = np.zeros((SIDE, SIDE, 6), dtype=np.float32)


@pytest.fixture
def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(60, 160, (SIDE, SIDE, 3), dtype=np.uint8)


def edit_of(layers: np.ndarray, scale: float = 1.0) -> ReliefEdit:
    """An edit of a picture whose crop is the picture itself, `scale` times as large."""
    crop = Crop(np.array([(scale, 0, 0), (0, scale, 0)]), len(layers))
    nothing = np.zeros((SIDE, SIDE, 3), np.uint8)
    return ReliefEdit(Face(np.zeros((468, 3), np.float32)), crop, nothing, nothing, layers.astype(np.float32))


def test_nothing_is_nothing(picture: np.ndarray) -> None:
    for scale in (1.0, 0.5):
        np.testing.assert_array_equal(
            moved(picture, edit_of(ZERO[: int(SIDE * scale), : int(SIDE * scale)], scale), 1.0), picture
        )


def test_a_flow_is_in_crop_pixels_and_scales_with_strength(picture: np.ndarray) -> None:
    """Of a crop half as large: one of its pixels is two of the photo's."""
    half = np.zeros((SIDE // 2, SIDE // 2, 6), np.float32)
    half[..., 0] = 1
    np.testing.assert_array_equal(moved(picture, edit_of(half, 0.5), 1.0)[:, : SIDE - 4], picture[:, 2:-2])
    np.testing.assert_array_equal(moved(picture, edit_of(half, 0.5), 0.5)[:, : SIDE - 4], picture[:, 1:-3])


def test_paint_in_colour_by_hand(picture: np.ndarray) -> None:
    layers = ZERO.copy()
    layers[..., 2] = 0.25
    layers[..., 3:] = 0.25 * np.array((40, 80, 200))
    expected = 0.75 * picture + 0.25 * np.array((40, 80, 200))
    np.testing.assert_allclose(moved(picture, edit_of(layers), 1.0), expected, atol=0.51)
    half = 0.875 * picture + 0.125 * np.array((40, 80, 200))
    np.testing.assert_allclose(moved(picture, edit_of(layers), 0.5), half, atol=0.51)


@pytest.mark.parametrize("level", [20, 240])
def test_paint_of_luminance_keeps_the_hue_of_what_darkens(picture: np.ndarray, level: float) -> None:
    """And adds the same to all three channels of what it lightens."""
    layers = ZERO[..., :4].copy()
    layers[..., 2], layers[..., 3] = 0.5, 0.5 * level
    out, before = moved(picture, edit_of(layers), 1.0).astype(float), picture.astype(float)
    np.testing.assert_allclose(out @ LUMA, 0.5 * (picture @ LUMA) + level / 2, atol=0.51)
    if level < before.min():
        np.testing.assert_allclose(out / out[..., :1], before / before[..., :1], rtol=0.05)
    else:
        np.testing.assert_allclose(out - out[..., :1], before - before[..., :1], atol=1.01)


def test_more_than_all_is_not_painted(picture: np.ndarray) -> None:
    layers = ZERO.copy()
    layers[..., 2], layers[..., 3:] = 1.0, 90
    np.testing.assert_array_equal(moved(picture, edit_of(layers), 1.5), np.full_like(picture, 90))


class Known(Relief):
    """A network that moves a square of the face's middle by a known way, without paint."""

    def __init__(self, way: float) -> None:
        nn.Module.__init__(self)
        self.way = way

    def maps(self, image: Tensor, condition: Tensor) -> Maps:
        flow = torch.zeros(1, 2, *image.shape[2:])
        flow[:, 1, 16:48, 16:48] = self.way * condition[0, 1]
        return Maps(flow, torch.zeros(1, 1, *image.shape[2:]), torch.zeros_like(image))


def known_editor(way: float, finder: MediaPipeFinder, colour: str = "rgb") -> ReliefEditor:
    config = ExpressionTraining(size=64, colour=colour, expressions=CHOICES, backbone="relief")
    return ReliefEditor(Known(way), config, finder)


@pytest.mark.parametrize("colour", ["rgb", "luma"])
def test_what_only_moves_stays_as_sharp_as_the_photo(finder: MediaPipeFinder, photo: Photo, colour: str) -> None:
    editor = known_editor(-2 / 64, finder, colour)
    face = editor.find(photo)[0]
    edit = editor(photo, "happiness")
    crop = align(face.landmarks, 64)
    x, y = crop.to_photo(np.array([(32.0, 32.0)]))[0].astype(int)
    way = crop.to_photo(np.array([(32.0, 30.0)]))[0] - crop.to_photo(np.array([(32.0, 32.0)]))[0]
    window = photo.rgb[y - 6 : y + 6, x - 6 : x + 6].astype(float)
    found = edit.photo.rgb[y - 6 : y + 6, x - 6 : x + 6].astype(float)
    dx, dy = np.rint(way).astype(int)
    there = photo.rgb[y - 6 + dy : y + 6 + dy, x - 6 + dx : x + 6 + dx].astype(float)
    assert np.abs(found - there).mean() < 0.25 * np.abs(found - window).mean()
    assert found.std() > 0.9 * there.std()
    assert not changed(photo, edit.photo)[~around([face], photo.rgb.shape)].any()
    np.testing.assert_array_equal(edit.faces[0].after, edit.faces[0].crop.cut(edit.photo.rgb))


def test_the_expression_and_strength_reach_the_network(finder: MediaPipeFinder, photo: Photo) -> None:
    editor = known_editor(-2 / 64, finder)
    assert not changed(photo, editor(photo, "neutral").photo).any()
    assert not changed(photo, editor(photo, "happiness", strength=0).photo).any()
    weak, strong = (editor(photo, "happiness", strength=s).photo for s in (0.3, 1.0))
    difference = [np.abs(p.rgb.astype(int) - photo.rgb).mean() for p in (weak, strong)]
    assert 0 < difference[0] < difference[1]


class Paints(Relief):
    """A network that would paint the whole crop white."""

    def __init__(self) -> None:
        nn.Module.__init__(self)

    def maps(self, image: Tensor, condition: Tensor) -> Maps:
        plane = torch.ones(1, 1, *image.shape[2:])
        return Maps(torch.zeros(1, 2, *image.shape[2:]), plane, torch.ones_like(image))


def test_paint_is_no_lighter_than_the_face(finder: MediaPipeFinder, photo: Photo) -> None:
    """White paint on a photo at half its brightness is half as bright: teeth in the shade."""
    config = ExpressionTraining(size=64, expressions=CHOICES, backbone="relief")
    editor, lips = ReliefEditor(Paints(), config, finder), []
    face = editor.find(photo)[0]
    for share in (1.0, 0.5):
        shown = Photo((photo.rgb * share).astype(np.uint8), name="shade")
        edit = editor(shown, "happiness", faces=[face])
        x, y = face.landmarks[17, :2].astype(int)  # the lower lip's lower edge
        lips.append(float(edit.photo.rgb[y, x].mean()))
    assert lips[0] > 170
    assert lips[1] == pytest.approx(lips[0] / 2, rel=0.05)


def test_skin_is_shaded_and_the_mouth_painted(finder: MediaPipeFinder, photo: Photo) -> None:
    """By all-white paint the lips change much, the nose by a twelfth of the range of two at most, the rest not."""
    config = ExpressionTraining(size=64, expressions=CHOICES, backbone="relief")
    editor = ReliefEditor(Paints(), config, finder)
    face = editor.find(photo)[0]
    edit = editor(photo, "happiness")
    crop = align(face.landmarks, 64)
    shown, before = crop.cut(edit.photo.rgb), crop.cut(photo.rgb)
    change = np.abs(shown.astype(int) - before).max(axis=2)
    points = crop.to_crop(face.landmarks)[:, :2].astype(int)
    assert change[points[17, 1], points[17, 0]] > 30
    for skin in (1, 9, 50, 280):  # nose, between the brows, cheeks
        assert 0 < change[points[skin, 1], points[skin, 0]] <= 12
    corners = [(slice(55, 60), slice(4, 9)), (slice(55, 60), slice(55, 60))]  # beside the chin
    for place in corners:
        np.testing.assert_array_equal(shown[place], before[place])
