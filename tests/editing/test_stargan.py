"""Editors by networks whose answer is known and by random ones: what changes, and what must not."""

from pathlib import Path

import numpy as np
import pytest
from edits import around, changed
from photos import astronaut
from PIL import Image
from scipy import ndimage
from torch import Tensor, nn

from facerelief.config import ExpressionTraining
from facerelief.data.conditions import OneHot
from facerelief.editing import Editor
from facerelief.editing.methods.network import TrainedNetwork
from facerelief.editing.methods.stargan import StarGANEditor, StarGANPlan, paste_back
from facerelief.editing.regions import face_mask
from facerelief.faces.alignment import align
from facerelief.faces.detector import LandmarkFinder
from facerelief.networks.backbones import GeneratorOutput
from facerelief.photos.photo import Photo, read_photo, save_photo

CHOICES = ("neutral", "happiness", "surprise")


class Brighter(nn.Module):
    """Adds 5.1 levels to whatever it sees, and keeps what it saw."""

    def __init__(self, by: float = 0.04) -> None:
        super().__init__()
        self.by = by
        self.seen: list[tuple[Tensor, Tensor]] = []

    def forward(self, image: Tensor, condition: Tensor) -> GeneratorOutput:
        self.seen.append((image, condition))
        return GeneratorOutput(image + self.by)


def known_editor(network: nn.Module, finder: LandmarkFinder, colour: str = "rgb") -> StarGANEditor:
    config = ExpressionTraining(size=64, colour=colour, expressions=CHOICES)
    return StarGANEditor(lambda: TrainedNetwork(network, OneHot(config)), config, finder)


# -- what changes, and what must not --------------------------------------------------------------------------------


@pytest.mark.parametrize("side", [512, 300, 1700])
def test_only_the_face_changes_at_the_photos_own_size(editor: Editor, side: int) -> None:
    photo = Photo(np.asarray(Image.fromarray(astronaut()).resize((side, side * 3 // 4), Image.Resampling.BICUBIC)))
    before = photo.rgb.copy()
    edit = editor(photo, "happy")
    assert edit.expression == "happiness"
    assert edit.photo.rgb.shape == (side * 3 // 4, side, 3)
    assert edit.photo.rgb.dtype == np.uint8
    np.testing.assert_array_equal(photo.rgb, before)  # the source is left alone
    (face,) = editor.find(photo)
    moved = changed(photo, edit.photo)
    assert not moved[~around([face], photo.rgb.shape)].any()
    x, y = face.landmarks[1, :2].astype(int)
    assert moved[y - side // 50 : y + side // 50, x - side // 50 : x + side // 50].mean() > 0.9


def test_a_network_that_changes_nothing_gives_the_very_photo(finder: LandmarkFinder, photo: Photo) -> None:
    edit = known_editor(Brighter(0), finder)(photo, "neutral")
    np.testing.assert_array_equal(edit.photo.rgb, photo.rgb)
    np.testing.assert_array_equal(edit.faces[0].after, edit.faces[0].before)
    assert not edit.faces[0].plan.change.any()


def test_strength_nought_gives_the_very_photo(editor: Editor, luma_editor: Editor, photo: Photo) -> None:
    for one in (editor, luma_editor):
        np.testing.assert_array_equal(one(photo, "surprise", strength=0).photo.rgb, photo.rgb)


@pytest.mark.parametrize(("strength", "levels"), [(1.0, 5), (0.5, 3), (1.5, 8)])
def test_strength_is_the_share_of_the_change(
    finder: LandmarkFinder, photo: Photo, strength: float, levels: int
) -> None:
    """5.1 levels, wherever the mask is whole and there is room up to 255."""
    edit = known_editor(Brighter(), finder)(photo, "happy", strength=strength)
    face = edit.faces[0].face
    x, y = face.landmarks[6, :2].astype(int)  # the bridge of the nose
    part = (slice(y - 10, y + 10), slice(x - 10, x + 10))
    before, after = photo.rgb[part].astype(int), edit.photo.rgb[part].astype(int)
    assert set(np.unique((after - before)[before < 230])) == {levels}
    assert (edit.photo.rgb >= photo.rgb).all()


def test_a_strong_change_replaces_the_photos_own_detail(finder: LandmarkFinder, photo: Photo) -> None:
    """Else the old mouth would show through the new one."""
    large = Photo(np.asarray(Image.fromarray(photo.rgb).resize((1024, 1024), Image.Resampling.BICUBIC)))
    weak, strong = (known_editor(Brighter(by), finder)(large, "happy") for by in (-0.05, -0.4))
    x, y = weak.faces[0].face.landmarks[33, :2].astype(int)  # the corner of an eye
    part = (slice(y - 12, y + 12), slice(x - 12, x + 12))

    def detail(picture: Photo) -> float:
        luma = picture.rgb[part].astype(float).mean(axis=2)
        return float(np.std(luma - ndimage.gaussian_filter(luma, 3)))

    assert detail(weak.photo) == pytest.approx(detail(large), rel=0.1)
    assert detail(strong.photo) < 0.8 * detail(large)


def test_what_the_network_is_shown(finder: LandmarkFinder, photo: Photo) -> None:
    colour, luma = Brighter(), Brighter()
    edit = known_editor(colour, finder)(photo, "surprise")
    known_editor(luma, finder, "luma")(photo, "surprise")
    (seen, condition), (grey, _) = colour.seen[0], luma.seen[0]
    assert (seen.shape, grey.shape) == ((1, 3, 64, 64), (1, 1, 64, 64))
    assert condition.tolist() == [[0, 0, 1]]
    expected = align(edit.faces[0].face.landmarks, 64).cut(photo.rgb)
    np.testing.assert_array_equal(edit.faces[0].before, expected)
    np.testing.assert_allclose(seen[0].permute(1, 2, 0).numpy(), expected / 127.5 - 1, atol=1e-6)
    luminance = np.asarray(Image.fromarray(expected).convert("L"), dtype=float)
    np.testing.assert_allclose((grey[0, 0].numpy() + 1) * 127.5, luminance, atol=1.01)


def test_luma_weights_change_all_channels_alike(luma_editor: Editor, photo: Photo) -> None:
    edit = luma_editor(photo, "happy")
    before, after = photo.rgb.astype(int), edit.photo.rgb.astype(int)
    free = ((after > 0) & (after < 255)).all(axis=2) & changed(photo, edit.photo)
    assert free.sum() > 3000
    delta = (after - before)[free]
    assert (delta == delta[:, :1]).all()
    assert edit.faces[0].plan.change.shape == (32, 32, 1)


def test_two_calls_give_the_same_pixels(editor: Editor, photo: Photo) -> None:
    first = editor(photo, "happy").photo.rgb
    editor(photo, "surprise")
    np.testing.assert_array_equal(editor(photo, "happy").photo.rgb, first)
    assert (editor(photo, "surprise").photo.rgb != first).any()


def test_what_belongs_to_the_photo_stays_with_it(editor: Editor, photo: Photo) -> None:
    alpha = np.random.default_rng(0).integers(0, 256, photo.rgb.shape[:2], dtype=np.uint8)
    rich = Photo(photo.rgb, alpha, b"a profile", b"a block", "TIFF", "me.tif", ("16-bit reduced to 8-bit",))
    edited = editor(rich, "happy").photo
    assert (edited.icc, edited.exif, edited.format, edited.name) == (b"a profile", b"a block", "TIFF", "me.tif")
    np.testing.assert_array_equal(edited.alpha, alpha)


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_a_photo_turned_by_exif_is_edited_as_the_upright_one(editor: Editor, tmp_path: Path, orientation: int) -> None:
    upright = Image.fromarray(astronaut()).crop((60, 0, 460, 300))
    turn = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}[orientation]
    tags = Image.Exif()
    tags[0x0112] = orientation
    upright.transpose(turn).save(tmp_path / "turned.png", exif=tags)
    turned = read_photo(tmp_path / "turned.png")
    np.testing.assert_array_equal(turned.rgb, np.asarray(upright))
    edit = editor(turned, "happy")
    np.testing.assert_array_equal(edit.photo.rgb, editor(Photo(np.asarray(upright)), "happy").photo.rgb)
    save_photo(edit.photo, tmp_path / "edited.png")
    with Image.open(tmp_path / "edited.png") as saved:
        assert saved.size == (400, 300)
        assert saved.getexif().get(0x0112, 1) == 1


def test_a_face_at_the_edge_of_the_photo(editor: Editor) -> None:
    photo = Photo(np.ascontiguousarray(astronaut()[60:, 200:]))  # its left cheek and hair lie outside
    edit = editor(photo, "happy")
    assert changed(photo, edit.photo).any()
    assert not changed(photo, edit.photo)[~around([edit.faces[0].face], photo.rgb.shape)].any()


# -- mask and paste -------------------------------------------------------------------------------------------------


def test_the_mask_is_whole_in_the_face_and_nothing_at_the_border(finder: LandmarkFinder, photo: Photo) -> None:
    (face,) = finder(photo.rgb)
    for size in (32, 128):
        crop = align(face.landmarks, size)
        mask = face_mask(crop, face)
        assert mask.shape == (size, size)
        assert mask.dtype == np.float32
        assert (mask.min(), mask.max()) == (0, pytest.approx(1))
        border = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
        assert not border.any()
        inner = crop.to_crop(face.landmarks[[33, 133, 263, 362, 1, 61, 291, 168]])[:, :2].astype(int)
        assert mask[inner[:, 1], inner[:, 0]].min() > 0.9
        assert np.abs(np.diff(mask, axis=0)).max() < 17 / size  # soft


def test_a_change_out_of_range_is_clipped(finder: LandmarkFinder, photo: Photo) -> None:
    (face,) = finder(photo.rgb)
    crop = align(face.landmarks, 64)
    x, y = face.landmarks[6, :2].astype(int)
    for levels, expected in ((900.0, 255), (-900.0, 0)):
        change = np.full((64, 64, 3), levels, np.float32)
        out = paste_back(photo.rgb, StarGANPlan(face, crop, crop.cut(photo.rgb), change), 1.0)
        assert (out[y - 5 : y + 5, x - 5 : x + 5] == expected).all()
