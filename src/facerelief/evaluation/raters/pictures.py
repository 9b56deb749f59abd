"""What raters are shown: photos as they are and edits of others, mixed, all written in the same way."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from facerelief.data.sources.labelled import Labelled
from facerelief.editing.editor import Editor
from facerelief.errors import FacereliefError
from facerelief.evaluation.outside.people import FaceLandmarks, short_name
from facerelief.evaluation.raters.form import FORM_COLUMNS, GUIDE
from facerelief.evaluation.raters.key import KEY, read_key
from facerelief.faces.detector import Face
from facerelief.files import atomic, write_json, write_text
from facerelief.photos.photo import read_photo
from facerelief.progress import NotedProgress, no_progress

FORM, GUIDE_FILE, PICTURES = "form.csv", "guide.md", "pictures"


@dataclass(frozen=True)
class Shown:
    """A picture: a photo edited to `target`, or as it is where that is None."""

    photo: Labelled
    target: str | None


def show_once(photos: Sequence[Labelled], targets: Sequence[str], seed: int) -> list[Shown]:
    """A photo of every person, in random order, half of them edited to targets that are not their label.

    Each target is taken about as often. Nobody is shown twice: raters compare two pictures of one face.

    Raises:
        FacereliefError: No photo has a label that is not the only target.
    """
    random = np.random.default_rng(seed)
    mixed = [photos[number] for number in random.permutation(len(photos))]
    people = list({one.identity: one for one in mixed}.values())
    editable = [one for one in people if {*targets} - {one.expression}]
    if not editable:
        raise FacereliefError(f"every photo shows {targets[0]} already; name other targets by --to")
    count: Counter[str] = Counter()
    target_of: dict[Labelled, str] = {}
    for one in editable[: max(1, len(people) // 2)]:
        free = [name for name in targets if name != one.expression]
        target_of[one] = min(free, key=lambda name: (count[name], random.random()))
        count[target_of[one]] += 1
    return [Shown(people[number], target_of.get(people[number])) for number in random.permutation(len(people))]


def show_each(photos: Sequence[Labelled], targets: Sequence[str], seed: int) -> list[Shown]:
    """Every photo as it is and edited to each target, all in random order."""
    every = [Shown(one, target) for one in photos for target in (None, *targets)]
    return [every[number] for number in np.random.default_rng(seed).permutation(len(every))]


def write_pictures(
    editor: Editor,
    shown: Sequence[Shown],
    landmarks: FaceLandmarks,
    folder: Path,
    made_with: dict[str, Any],
    strength: float = 1.0,
    size: int = 900,
    progress: NotedProgress = no_progress,
) -> Path:
    """Write the pictures with the form that raters fill in, a guide for them, and the key that they must not see.

    Pictures carry no mark, no metadata and no name, which would tell; all are PNG files of one largest size.

    Args:
        editor: Makes the edits.
        shown: As `show_once` or `show_each` gives it; picture 1 is the first.
        landmarks: Finds the faces of the photos.
        folder: Where all goes.
        made_with: Names and values for the key.
        strength: Share of the full change.
        size: Largest side in pixels; larger pictures are made smaller.
        progress: Called with the number of pictures that are done, and of all.

    Returns:
        The form.

    Raises:
        FacereliefError: The folder has pictures that are not of an earlier call, or a photo cannot be read.
    """
    _remove_earlier(folder)
    digits = max(3, len(str(len(shown))))
    names = [f"{number:0{digits}}.png" for number in range(1, len(shown) + 1)]
    for number, (name, one) in enumerate(zip(names, shown, strict=True)):
        progress(number, len(shown), name)
        photo = read_photo(one.photo.photo)
        if one.target:
            photo = editor(photo, one.target, strength=strength, faces=[Face(landmarks(one.photo))]).photo
        picture = Image.fromarray(photo.rgb)
        picture.thumbnail((size, size), Image.Resampling.LANCZOS)
        with atomic(folder / PICTURES / name) as part:
            picture.save(part, "PNG")
    progress(len(shown), len(shown))
    key = [
        {
            "picture": name,
            "photo": short_name(one.photo),
            "identity": one.photo.identity,
            "label": one.photo.expression,
            "target": one.target,
        }
        for name, one in zip(names, shown, strict=True)
    ]
    write_json(folder / KEY, {"made_with": made_with, "pictures": key})
    write_text(folder / GUIDE_FILE, GUIDE)
    commas = "," * (len(FORM_COLUMNS) - 1)
    write_text(folder / FORM, "\n".join([",".join(FORM_COLUMNS), *(f"{name}{commas}" for name in names)]) + "\n")
    return folder / FORM


def _remove_earlier(folder: Path) -> None:
    """Remove the pictures of an earlier call, which may have been more."""
    if (folder / KEY).exists():
        for name in read_key(folder)[0]:
            (folder / PICTURES / Path(name).name).unlink(missing_ok=True)
    elif (folder / PICTURES).exists():
        raise FacereliefError(f"{folder / PICTURES} exists and has no key beside it; choose another folder")
