"""The responses to publish: what the landmark model reports of each blendshape in edited photos, with their card."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from facerelief import __version__
from facerelief.array_types import Floats
from facerelief.data.sources.labelled import Labelled
from facerelief.data.sources.layouts import read_labelled
from facerelief.editing.editor import Editor
from facerelief.editing.face_choice import choose_faces
from facerelief.editing.loading import load_editor
from facerelief.errors import FacereliefError, NoFaceFound
from facerelief.faces.detector import load_finder
from facerelief.files import sha256, write_text
from facerelief.geometry.morphable.measuring.amounts import SEEN, measure_face
from facerelief.geometry.morphable.measuring.looks import looked_at_again
from facerelief.geometry.morphable.measuring.responses import (
    RESPONSES_FILE,
    Responses,
    given_amounts,
    learn_shape_responses,
    load_responses,
    save_responses,
)
from facerelief.geometry.morphable.model import load_face
from facerelief.geometry.morphable.procrustes import align_shapes
from facerelief.photos.photo import read_photo
from facerelief.progress import NotedProgress, no_progress
from facerelief.release.folders import CARD, check_model_folder

RESPONSES_FILES = (RESPONSES_FILE, CARD)
_FEWEST = 8  # people


def make_responses(
    photos: Path, folder: Path, people: Sequence[str], data_note: str, progress: NotedProgress = no_progress
) -> list[Path]:
    """Learn responses from neutral photos, edited by the morphable method, and write them with their card.

    Args:
        photos: A folder with one folder per expression, or a CSV file with labels.
        folder: Where to write.
        people: Identities; by default all.
        data_note: What the card says of the photos, Markdown.
        progress: Called with the number of photos done, the total, and the photo's name.

    Returns:
        The files.

    Raises:
        FacereliefError: There are too few people, or `folder` holds something else or cannot be written.
    """
    check_model_folder(folder, RESPONSES_FILE, "responses")
    neutral = {one.identity: one for one in read_labelled(photos, "auto").photos if one.expression == "neutral"}
    strangers = sorted({*people} - {*neutral})
    if strangers:
        raise FacereliefError(f"no neutral photo of {', '.join(strangers[:3])}; name people as the photos' labels do")
    chosen = [one for name, one in sorted(neutral.items()) if not people or name in people]
    editor, reported = load_editor(finder=load_finder(), method="morphable"), []
    for done, one in enumerate(chosen):
        progress(done, len(chosen), one.photo.name)
        reported += _reported(editor, one)
    progress(len(chosen), len(chosen))
    if len(reported) < _FEWEST:
        raise FacereliefError(f"{len(reported)} neutral photos with a face; {_FEWEST} people are needed, give more")
    face = load_face()
    save_responses(
        folder / RESPONSES_FILE, learn_shape_responses(face.rig, face.mean, reported), {"people": len(reported)}
    )
    write_text(folder / CARD, _card(folder / RESPONSES_FILE, len(reported), data_note))
    return [folder / name for name in RESPONSES_FILES]


def _reported(editor: Editor, one: Labelled) -> list[Mapping[str, Floats]]:
    """How far landmarks move by shape, (468, 3), in one person's edits; empty where no face is found."""
    photo, face = read_photo(one.photo), load_face()
    try:
        before = choose_faces(editor.finder(photo.rgb), "largest", photo.name)[0]
    except NoFaceFound:
        return []
    before = looked_at_again(editor.finder, photo.rgb, before) or before  # as edits are looked at
    points: dict[str, Floats] = {}
    for name, amount in given_amounts(face.rig).items():
        edit = editor.render(photo.rgb, editor.plan(photo.rgb, before, editor.target(f"{name}:{amount}")), 1.0)
        after = looked_at_again(editor.finder, edit, before)
        if after is not None:
            points[name] = after.landmarks
    shapes = align_shapes(np.stack([before.landmarks, *points.values()]).astype(np.float64), face.mean)
    return [dict(zip(points, shapes[1:] - shapes[0], strict=True))]


def _card(path: Path, people: int, data_note: str) -> str:
    responses = load_responses(path)
    return f"""# responses

What MediaPipe's face mesh reports of each of the {len(responses.names)} blendshapes of the package's rig, and how much
that differs from person to person: {len(responses.errors)} error modes. `facerelief measure` finds amounts by them.
Made with facerelief {__version__}; safetensors, {path.stat().st_size / 1e6:.2f} MB, SHA-256 `{sha256(path)}`.

## Photos

Neutral photos of {people} people, each edited to show each blendshape.

{data_note}

```
facerelief morphable responses PHOTOS -o RESPONSES
```

## What landmarks tell apart

Standard deviation of an amount of 1, where nothing is known of the other shapes. Beyond {SEEN:g} a unit counts as not
seen. Share: how much of the movement given is reported along it, in x and y.

| shape | deviation | share |
|---|--:|--:|
{_rows(responses)}

## What it cannot do

- It is of one landmark model, and of edits: a movement that the rig has not, or that edits do not show as people do, is
  taken for others.
- Photos were frontal, in even light, 1350 pixels a side. Other photos add errors that are not in the error modes.
"""


def _rows(responses: Responses) -> str:
    face = load_face()
    still = 100 * face.mean.astype(np.float64)
    found = measure_face(face, still, still, responses)
    lines = []
    for name, response, shape in zip(responses.names, responses.shapes, face.rig.shapes, strict=True):
        share = float((response * shape)[:, :2].sum() / (shape[:, :2] ** 2).sum())
        lines.append(f"| {name} | {found.blendshapes[name].deviation:.2f} | {share:.2f} |")
    units = [(name, one) for name, one in found.action_units.items() if name[-1].isdigit()]
    lines += [f"| {name}, both sides | {one.deviation:.2f} | |" for name, one in units]
    return "\n".join(lines)
