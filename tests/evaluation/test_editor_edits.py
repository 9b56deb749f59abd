"""Edits by the morphable face as a judge sees them: the editor's, on the dataset's own crops, shrunk by averaging."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from facerelief.data import Dataset
from facerelief.data.arrays import Arrays, load_arrays
from facerelief.editing.methods.morphable import MorphableEditor
from facerelief.evaluation.systems import CropEdits
from facerelief.expressions import EXPRESSIONS
from facerelief.faces.detector import Face
from facerelief.geometry.morphable.model import load_face
from facerelief.photos.photo import Photo

ORDER = ("surprise", "neutral", "anger", "happiness")  # not that of the package


@pytest.fixture(scope="module")
def editor() -> MorphableEditor:
    return MorphableEditor(load_face())


def held_out(dataset: Path, size: int, colour: str = "rgb", expressions: tuple[str, ...] = ORDER) -> Arrays:
    return load_arrays(data := Dataset(dataset), data.select("test", expressions), size, colour, expressions)


def by_hand(editor: MorphableEditor, dataset: Path, test: Arrays, row: int, to: str) -> np.ndarray:
    """The edited crop, levels (S, S, 3), as `Editor` edits photos; each pixel the mean of a square of the crop's."""
    sample = test.samples[row]
    crop = Photo(np.asarray(Image.open(dataset / sample.file_name)))
    with np.load(dataset / sample.mesh) as arrays:
        edited = editor(crop, to, faces=[Face(arrays["landmarks"])]).photo.rgb
    side = len(edited) // test.size
    means: np.ndarray = edited.reshape(test.size, side, test.size, side, 3).mean(axis=(1, 3))
    return means


@pytest.mark.parametrize(("size", "rounding"), [(64, 0.01), (32, 1.01)])  # Pillow rounds rows, then columns
def test_they_are_the_editors_in_the_order_of_the_rows(
    synthetic: Path, editor: MorphableEditor, size: int, rounding: float
) -> None:
    test = held_out(synthetic, size)
    edit = CropEdits(editor, Dataset(synthetic), test)
    rows = np.array([2, 0, 3])
    for label, name in enumerate(ORDER):
        found = edit(rows, label)
        assert (found.shape, found.dtype) == ((3, 3, size, size), torch.float32)
        levels = (found.permute(0, 2, 3, 1).numpy() + 1) * 127.5
        for row, picture in zip(rows, levels, strict=True):
            apart = np.abs(picture - by_hand(editor, synthetic, test, int(row), name))
            assert np.quantile(apart, 0.999) <= rounding and apart.max() <= 1.01  # a level may be rounded either way


def test_luma_is_weighed_as_pillow_does(synthetic: Path, editor: MorphableEditor) -> None:
    colour, grey = held_out(synthetic, 32), held_out(synthetic, 32, "luma")
    rows = np.arange(len(grey.label))
    in_colour = (CropEdits(editor, Dataset(synthetic), colour)(rows, 0) + 1) * 127.5
    luma = (CropEdits(editor, Dataset(synthetic), grey)(rows, 0) + 1) * 127.5
    assert luma.shape == (len(rows), 1, 32, 32)
    for picture, levels in zip(in_colour.permute(0, 2, 3, 1).round().byte().numpy(), luma[:, 0].numpy(), strict=True):
        assert np.abs(levels - np.asarray(Image.fromarray(picture).convert("L"), dtype=float)).max() < 1.01


def test_an_edit_comes_nearer_to_the_same_person_with_the_expression(synthetic: Path, editor: MorphableEditor) -> None:
    """Which the dataset has beside it: all eight pictures of a person differ by nothing else. Mouths, of which drawn
    people lack the inside, are left out.
    """
    test = held_out(synthetic, 64, expressions=EXPRESSIONS)
    edit = CropEdits(editor, Dataset(synthetic), test)
    truth = torch.from_numpy(np.array(test.image)).float() / 127.5 - 1
    beside_mouth = torch.ones(64, 64)
    beside_mouth[40:55, 20:44] = 0
    neutral = EXPRESSIONS.index("neutral")
    # Drawn contempt has wrinkles on both sides.
    others = [label for label, name in enumerate(EXPRESSIONS) if name not in ("neutral", "contempt")]
    edits = torch.cat([edit(np.array([neutral]), label) for label in others])
    apart = (beside_mouth * (edits[:, None] - truth[None, others])).abs().mean(dim=(2, 3, 4))  # of each from each
    unedited = (beside_mouth * (truth[neutral] - truth[others])).abs().mean(dim=(1, 2, 3))
    assert apart.diagonal().mean() < 0.98 * unedited.mean()  # drawn people lack deep folds
    assert (apart.argmin(dim=0) == torch.arange(len(others))).float().mean() > 0.6
