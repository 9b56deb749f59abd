"""Editors side by side on the same photos, held-out or anybody's, each edit as a user gets it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from facerelief.array_types import RGB, Int64
from facerelief.data.arrays import Arrays
from facerelief.data.crops import read_crop
from facerelief.data.dataset import Dataset
from facerelief.editing.editor import Editor
from facerelief.editing.face_choice import choose_faces
from facerelief.evaluation.metric_networks import MetricNetworks
from facerelief.evaluation.scoring import EditScores, score_edits
from facerelief.evaluation.systems import CropEdits, System, unedited
from facerelief.faces.alignment import align
from facerelief.files import atomic
from facerelief.photos.photo import Photo
from facerelief.progress import Progress, no_progress
from facerelief.tile_sheet import SheetStyle, check_picture, draw_sheet, resized

TILE = 160  # pixels


@dataclass(frozen=True)
class Comparison:
    """Test photos, their edits, and what was measured of those to other expressions than the photo's own.

    Attributes:
        source: The photos' crops, uint8 (N, H, W, 3).
        edits: By editor, uint8 (N, K, H, W, 3), one of each of the K expressions.
        rows: Which of the test photos they are, (N,).
        scores: By editor; "unedited" first.
    """

    source: np.ndarray
    edits: dict[str, np.ndarray]
    rows: Int64
    scores: dict[str, EditScores]


def compare(
    editors: Mapping[str, Editor],
    dataset: Dataset,
    test: Arrays,
    rows: Int64,
    networks: MetricNetworks,
    progress: Progress = no_progress,
) -> Comparison:
    """Edit the photos `rows` of `test` with every editor, at the size of the dataset's crops, and measure the edits."""
    classes = range(len(test.expressions))
    edits: dict[str, np.ndarray] = {}
    scores = {"unedited": score_edits(unedited(test), networks, test, rows)}
    for place, (name, editor) in enumerate(editors.items()):
        made = CropEdits(editor, dataset, test, keep=True)

        def move(done: int, total: int, place: int = place) -> None:
            progress(place * total + done, len(editors) * total)

        scores[name] = score_edits(System(name, made), networks, test, rows, move, batch=1)
        edits[name] = np.stack([np.stack([made.crop(int(row), target) for target in classes]) for row in rows])
    source = np.stack([read_crop(dataset.path, test.samples[row])[0] for row in rows])
    return Comparison(source, edits, rows, scores)


def generation_rates(compared: Comparison) -> dict[str, float]:
    """Share of each editor's edits that the classifier predicts as their target; of the photos, "photo"."""
    shares = {name: float((one.predicted == one.target).mean()) for name, one in compared.scores.items()}
    return {"photo": shares.pop("unedited"), **shares}


def mean_distances(compared: Comparison) -> dict[str, float]:
    """Mean identity distance of each editor's edits from their photos."""
    return {name: float(compared.scores[name].values["identity"].mean(dtype=float)) for name in compared.edits}


def compare_on(
    editors: Mapping[str, Editor],
    photos: Sequence[Photo],
    expressions: Sequence[str],
    progress: Progress = no_progress,
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


def save_sheet(path: Path, source: np.ndarray, edits: Mapping[str, np.ndarray], expressions: Sequence[str]) -> None:
    """Draw a block of rows a photo, one an editor: the photo, then its edit to every expression.

    Args:
        path: The picture.
        source: Photos, uint8 (N, H, W, 3).
        edits: By editor, uint8 (N, K, H, W, 3).
        expressions: The K expressions.

    Raises:
        FacereliefError: For a name that says no picture format.
    """
    check_picture(path)
    sheet = _draw(list(source), {name: [list(tiles) for tiles in made] for name, made in edits.items()}, expressions)
    with atomic(path) as part:
        sheet.save(part, quality=92)  # for .jpg


def _draw(
    source: Sequence[RGB], edits: Mapping[str, Sequence[Sequence[RGB | None]]], expressions: Sequence[str]
) -> Image.Image:
    rows = [
        [None if tile is None else resized(tile, TILE) for tile in (photo, *made[number])]
        for number, photo in enumerate(source)
        for made in edits.values()
    ]
    style = SheetStyle(left=26, top=30, font=15, block=len(edits), block_gap=6, empty="not learnt")
    return draw_sheet(rows, ("photo", *expressions), list(edits) * len(source), style)
