"""Editors side by side on the same photos, held-out or anybody's, each edit as a user gets it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor, nn

from facerelief.data.arrays import Arrays
from facerelief.editing.editor import Editor
from facerelief.editing.face_choice import choose_faces
from facerelief.evaluation.rate import seen
from facerelief.evaluation.report.distribution import check_picture
from facerelief.faces.alignment import align
from facerelief.faces.detector import Face
from facerelief.files import atomic
from facerelief.photos.photo import Photo
from facerelief.training.classifier import judged
from facerelief.training.identity import embed
from facerelief.training.steps.pseudo_targets import read_crop

TILE = 160  # pixels
_SIDE, _HEAD, _GAP = 26, 30, 6
_INK, _SOFT, _PAPER = (32, 32, 32), (128, 128, 128), (255, 255, 255)
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Comparison:
    """Photos and their edits. source: uint8 (N, H, W, 3). edits: by editor, uint8 (N, K, H, W, 3), one of each of the
    K expressions; that of the photo's own is an edit too.
    """

    source: np.ndarray
    edits: dict[str, np.ndarray]
    rows: np.ndarray
    test: Arrays

    def others(self) -> np.ndarray:
        """Which edits are to another expression than the photo's, bool (N, K); the scores are theirs."""
        return self.test.label[self.rows][:, None] != np.arange(len(self.test.expressions))


def compare(
    editors: Mapping[str, Editor],
    dataset: Path,
    test: Arrays,
    rows: np.ndarray,
    progress: Progress = lambda done, total: None,
) -> Comparison:
    """Edit the photos `rows` of `test` with every editor to every expression, at the size of the dataset's crops."""
    source: list[np.ndarray] = []
    edits: dict[str, list[np.ndarray]] = {name: [] for name in editors}
    for done, row in enumerate(rows, 1):
        rgb, landmarks = read_crop(dataset, test.samples[row])
        source.append(rgb)
        for name, editor in editors.items():
            made = [editor.apply(rgb, Face(landmarks), editor.label(e), 1.0)[0] for e in test.expressions]
            edits[name].append(np.stack(made))
        progress(done, len(rows))
    return Comparison(np.stack(source), {name: np.stack(made) for name, made in edits.items()}, rows, test)


def called_rates(judge: nn.Module, compared: Comparison) -> dict[str, float]:
    """Share of each editor's edits that a judge calls by their target, and of the sources, as "photo"."""
    others = torch.from_numpy(compared.others())
    target = torch.arange(others.shape[1]).expand_as(others)
    photo = judged(judge, _seen(compared.source, compared.test))[:, None]
    rates = {"photo": float((photo == target)[others].float().mean())}
    for name, edits in compared.edits.items():
        called = judged(judge, _seen(edits.reshape(-1, *edits.shape[2:]), compared.test)).reshape(others.shape)
        rates[name] = float((called == target)[others].float().mean())
    return rates


def mean_distances(encoder: nn.Module, compared: Comparison) -> dict[str, float]:
    """Mean identity distance of each editor's edits from their photos."""
    others = torch.from_numpy(compared.others())
    photo = embed(encoder, _seen(compared.source, compared.test))[:, None]
    distances = {}
    for name, edits in compared.edits.items():
        vectors = embed(encoder, _seen(edits.reshape(-1, *edits.shape[2:]), compared.test))
        near = (vectors.reshape(*others.shape, -1) * photo).sum(dim=2)
        distances[name] = float(1 - near[others].mean())
    return distances


def compare_on(
    editors: Mapping[str, Editor],
    photos: Sequence[Photo],
    expressions: Sequence[str],
    progress: Progress = lambda done, total: None,
) -> Image.Image:
    """Edit the largest face of any photos with every editor and draw it: a row an editor, a column an expression.

    What an editor cannot do stays empty. Raises `NoFaceFound` that names the photo, before anything is edited.
    """
    finder = next(iter(editors.values()))
    faces = [choose_faces(finder.find(photo), "largest", photo.name)[0] for photo in photos]
    source: list[np.ndarray] = []
    edits: dict[str, list[list[np.ndarray | None]]] = {name: [] for name in editors}
    for done, (photo, face) in enumerate(zip(photos, faces, strict=True), 1):
        crop = align(face.landmarks, 2 * TILE)
        source.append(crop.cut(photo.rgb))
        for name, editor in editors.items():
            edits[name].append(
                [
                    crop.cut(editor(photo, one, faces=[face]).photo.rgb) if one in editor.expressions else None
                    for one in expressions
                ]
            )
        progress(done, len(photos))
    return _draw(source, edits, expressions)


def save_comparison(path: Path, compared: Comparison) -> None:
    """Draw a block of rows a photo, one an editor: the photo, then its edit to every expression.

    Raises `FacereliefError` for a name that says no picture format.
    """
    check_picture(path)
    edits = {name: [list(tiles) for tiles in made] for name, made in compared.edits.items()}
    sheet = _draw(list(compared.source), edits, compared.test.expressions)
    with atomic(path) as part:
        sheet.save(part, quality=92)  # for .jpg


def _draw(
    source: Sequence[np.ndarray], edits: Mapping[str, Sequence[Sequence[np.ndarray | None]]], expressions: Sequence[str]
) -> Image.Image:
    names, titles = list(edits), ["photo", *expressions]
    height = _HEAD + len(source) * (len(names) * TILE + _GAP)
    sheet = Image.new("RGB", (_SIDE + len(titles) * TILE, height), _PAPER)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(15)
    for column, title in enumerate(titles):
        draw.text((_SIDE + column * TILE + TILE // 2, _HEAD // 2), title, _INK, font, anchor="mm")
    for number, photo in enumerate(source):
        for place, name in enumerate(names):
            top = _HEAD + number * (len(names) * TILE + _GAP) + place * TILE
            label = Image.new("RGB", (TILE, _SIDE), _PAPER)
            ImageDraw.Draw(label).text((TILE // 2, _SIDE // 2), name, _INK, font, anchor="mm")
            sheet.paste(label.rotate(90, expand=True), (0, top))
            _paste(sheet, [photo, *edits[name][number]], top)
    return sheet


def _paste(sheet: Image.Image, tiles: Sequence[np.ndarray | None], top: int) -> None:
    for column, tile in enumerate(tiles):
        left = _SIDE + column * TILE
        if tile is None:
            place = (left + TILE // 2, top + TILE // 2)
            ImageDraw.Draw(sheet).text(place, "not learnt", _SOFT, ImageFont.load_default(15), anchor="mm")
            continue
        shown = Image.fromarray(tile).resize((TILE, TILE), Image.Resampling.LANCZOS)
        sheet.paste(shown, (left, top))


def _seen(crops: np.ndarray, test: Arrays) -> Tensor:
    """Crops uint8 (N, H, W, 3) as the networks see them, (N, C, S, S) in [-1, 1]."""
    return torch.from_numpy(np.stack([seen(crop, test) for crop in crops])).float() / 127.5 - 1
