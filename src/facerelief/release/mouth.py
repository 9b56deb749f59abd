"""The mouth model to publish: its file, and its card."""

from pathlib import Path

from facerelief import __version__
from facerelief.files import sha256, write_text
from facerelief.geometry.morphable.learning.ict_facekit import JAW_OPEN, NEUTRAL
from facerelief.geometry.morphable.learning.mouth import learn_mouth
from facerelief.geometry.morphable.model import load_face
from facerelief.geometry.transfer.mouth.model import MOUTH_FILE, MouthModel, save_mouth
from facerelief.release.folders import CARD, check_model_folder

MOUTH_FILES = (MOUTH_FILE, CARD)
_SOURCE = "ICT-FaceKit (ICT-VGL/ICT-FaceKit), MIT licence, Copyright (c) 2020 USC Institute for Creative Technologies"


def make_mouth(source: Path, folder: Path) -> list[Path]:
    """Make the mouth model from ICT-FaceKit's head, and write it with its card.

    Args:
        source: ICT-FaceKit's folder FaceXModel.
        folder: Where to write.

    Returns:
        The files.

    Raises:
        FacereliefError: The source is not that head, or `folder` holds something else or cannot be written.
    """
    check_model_folder(folder, MOUTH_FILE, "mouth")
    mouth = learn_mouth(source, load_face())
    digests = {name: sha256(source / name) for name in (NEUTRAL, JAW_OPEN)}
    save_mouth(folder / MOUTH_FILE, mouth, {"source": _SOURCE, "sha256": digests})
    write_text(folder / CARD, _card(folder / MOUTH_FILE, mouth, digests))
    return [folder / name for name in MOUTH_FILES]


def _card(path: Path, mouth: MouthModel, digests: dict[str, str]) -> str:
    files = "\n".join(f"- `{name}`, SHA-256 `{digest}`" for name, digest in digests.items())
    return f"""# mouth

Teeth, gums and tongue of a human head as geometry: {len(mouth.vertices):,} vertices,
{len(mouth.triangles):,} triangles. Made with facerelief {__version__}; safetensors, {path.stat().st_size / 1e6:.2f} MB,
SHA-256 `{sha256(path)}`.

## Source

{_SOURCE}.
Li et al., Learning Formation of Physically-Based Face Attributes, CVPR 2020. It is a sculpted head, no scan of a
person. Its files:

{files}

```
facerelief morphable mouth FaceXModel -o MOUTH
```

## What was done

- Teeth (without the third molars), gums and tongue were brought into the frame of the package's morphable face: the
  point between the eyes, the distance between the eyes, the height and depth of the lips. They stand so high that
  smiles show as much of the upper ones as people's do; their edges rise to the sides as in people's smiles, and upper
  front teeth cover lower ones by 2 mm.
- Teeth are subdivided once by Loop's scheme.
- The jaw is the rigid motion of the lower teeth in the head's shape `jawOpen`. Gums and tongue have a share of it.
- `exposure` is how much light from the front reaches a vertex past its own jaw's teeth and gums (ambient occlusion).
- Triangles that no view through the lips shows, such as roots, are left out.

## What it cannot do

- It is one set of teeth, complete and regular. The width of a person's mouth scales it; gaps, crowns and braces come
  only from the photo itself or from another one of the same person (`--teeth-from`).
"""
