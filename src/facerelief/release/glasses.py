"""The classifier of glasses to publish: learned from photos that somebody sorted, with its card."""

from pathlib import Path

import numpy as np

from facerelief import __version__
from facerelief.array_types import RGB, Bool, Floats, Int64
from facerelief.data.sources.labelled import fixed_draw, guess_identity, photos_under
from facerelief.errors import FacereliefError, PhotoError
from facerelief.faces.alignment import align
from facerelief.faces.detector import FaceFinder, load_finder
from facerelief.files import sha256, write_text
from facerelief.geometry.transfer.glasses_classifier import (
    CROP_SIDE,
    GLASSES_FILE,
    gradient_histograms,
    learn_glasses,
    save_glasses,
)
from facerelief.photos.photo import read_photo
from facerelief.progress import NotedProgress, no_progress
from facerelief.release.folders import CARD, check_model_folder

GLASSES_FILES = (GLASSES_FILE, CARD)
WITH, WITHOUT = "glasses", "without"  # folders of photos
_FEWEST = 20  # faces of either kind
_SMALLEST = 60  # pixels a face
_FOLDS = 10


def make_glasses(source: Path, folder: Path, data_note: str, progress: NotedProgress = no_progress) -> list[Path]:
    """Learn the classifier from photos of people with and without glasses, and write it with its card.

    Args:
        source: A folder with the folders `glasses` and `without`; of each photo the largest face counts.
        folder: Where to write.
        data_note: What the card says of the photos, Markdown.
        progress: Called with the number of photos done, the total, and the photo's name.

    Returns:
        The files.

    Raises:
        FacereliefError: There are too few faces, or `folder` holds something else or cannot be written.
    """
    check_model_folder(folder, GLASSES_FILE, "classifier")
    crops, glasses, groups = _read(source, progress)
    histograms, mirrored = (
        np.stack([gradient_histograms(one) for one in some]) for some in (crops, [one[:, ::-1] for one in crops])
    )
    classifier, scores = learn_glasses(histograms, mirrored, glasses, groups)
    save_glasses(folder / GLASSES_FILE, classifier, {"photos": len(crops)})
    write_text(folder / CARD, _card(folder / GLASSES_FILE, glasses, scores, data_note))
    return [folder / name for name in GLASSES_FILES]


def _read(source: Path, progress: NotedProgress) -> tuple[list[RGB], Bool, Int64]:
    """Aligned crops, who of them wears glasses, and the fold of each person."""
    photos = [(path, name == WITH) for name in (WITH, WITHOUT) for path in photos_under(source / name)]
    crops, glasses, groups = [], [], []
    finder = load_finder()
    for done, (path, wears) in enumerate(photos):
        progress(done, len(photos), path.name)
        crop = _crop(path, finder)
        if crop is not None:
            crops.append(crop)
            glasses.append(wears)
            groups.append(int(_FOLDS * fixed_draw(guess_identity(path))))
    progress(len(photos), len(photos))
    few = min(sum(glasses), len(glasses) - sum(glasses))
    if few < _FEWEST:
        raise FacereliefError(
            f"{source} holds too few faces ({sum(glasses)} in {WITH}, {len(glasses) - sum(glasses)} in {WITHOUT}); "
            f"put at least {_FEWEST} photos of people with glasses into {WITH}, and of people without into {WITHOUT}"
        )
    return crops, np.array(glasses), np.array(groups)


def _crop(path: Path, finder: FaceFinder) -> RGB | None:
    """The largest face of a photo, aligned; None where there is none of a useful size."""
    try:
        rgb = read_photo(path).rgb
    except PhotoError:
        return None
    faces = [face for face in finder(rgb) if face.size >= _SMALLEST]
    return align(faces[0].landmarks, CROP_SIDE).cut(rgb) if faces else None


def _card(path: Path, glasses: Bool, scores: Floats, data_note: str) -> str:
    found, false = scores[glasses], scores[~glasses]
    return f"""# glasses

Says whether a face wears glasses, so that edits leave thin, light and missing rims where they are: a linear
classifier of histograms of gradients around the eyes. Made with facerelief {__version__}; safetensors,
{path.stat().st_size / 1e3:.1f} kB, SHA-256 `{sha256(path)}`.

## Photos

{data_note}

Faces: {len(found)} with glasses, {len(false)} without; each is used in the mirror too.

```
facerelief morphable glasses PHOTOS -o GLASSES
```

## Scores

0 or less: no glasses; from 0 to 1 edits hold the rims more and more; 1 or more: they hold them altogether. Measured on
people from whom the measured classifier has not learned ({_FOLDS} folds):

| | score above 0 | above 0.5 |
|---|--:|--:|
| faces with glasses | {(found > 0).mean():.3f} | {(found > 0.5).mean():.3f} |
| faces without | {(false > 0).mean():.3f} | {(false > 0.5).mean():.3f} |

## What it cannot do

- It does not say where the rims are, nor what they are like.
- Sunglasses, and glasses in blurred photos, are missed more often. Faces turned to the side were not tested.
"""
