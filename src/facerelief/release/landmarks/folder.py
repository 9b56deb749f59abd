"""The folder of the networks that find faces."""

from pathlib import Path
from typing import NamedTuple

from facerelief import __version__
from facerelief.errors import FacereliefError
from facerelief.faces.landmarks.networks import FACE_MESH, FULL_RANGE, SHORT_RANGE
from facerelief.files import atomic, sha256, write_text
from facerelief.release.folders import CARD, check_model_folder
from facerelief.release.landmarks.conversion import convert_graph
from facerelief.release.landmarks.tflite import read_tflite

LANDMARK_FILES = (SHORT_RANGE, FULL_RANGE, FACE_MESH, CARD)


class _Model(NamedTuple):
    source: str  # in mediapipe's folder `modules`
    black: float  # what the network expects for black; 1 for white
    outputs: dict[str, tuple[int, ...]]


_MODELS = {
    SHORT_RANGE: _Model("face_detection/face_detection_short_range.tflite", -1, {"boxes": (896, 16), "scores": (896,)}),
    FULL_RANGE: _Model(
        "face_detection/face_detection_full_range_sparse.tflite", -1, {"boxes": (2304, 16), "scores": (2304,)}
    ),
    FACE_MESH: _Model("face_landmark/face_landmark.tflite", 0, {"landmarks": (468, 3), "presence": ()}),
}

_LIMITS = """## What was done

- Weights are those of the sources, in half precision as there; sparse ones are written out. Nothing was trained.
- Input is a picture's bytes, uint8 (N, side, side, 3): 128 for the short range, 192 for the others. Its range is
  mapped to that of the networks inside.
- PReLU is written as a sum of two channel-wise products, paddings are part of the convolutions, and channels are filled
  up with zeros to multiples of 16: ONNX Runtime takes less than half the time for these.
- Coordinates differ from LiteRT's by some 1e-4 pixels of the input.

## What it cannot do

- The face mesh reports strong movements too small: of a raised brow a quarter, of a smile 0.6 (`weights/responses`).
  It says nothing of teeth, tongue and irises.
- Faces below 40 pixels, in profile, upside down or half covered are missed, or their landmarks are wrong.
- The detectors find drawn faces too. They say where a face is, not whose.
"""


def make_landmarks(modules: Path, folder: Path) -> list[Path]:
    """Convert MediaPipe's networks, and write them with their card.

    Args:
        modules: The folder `mediapipe/modules` of MediaPipe's wheel.
        folder: Where to write.

    Returns:
        The files.

    Raises:
        FacereliefError: A network is missing or damaged, or `folder` holds something else or cannot be written.
    """
    check_model_folder(folder, FACE_MESH, "networks")
    if not modules.is_dir():
        raise FacereliefError(f"no folder {modules}; name the folder mediapipe/modules of a mediapipe 0.10.21")
    for name, (source, black, outputs) in _MODELS.items():
        model = convert_graph(read_tflite(modules / source), black, 1, outputs)
        with atomic(folder / name) as part:
            part.write_bytes(model.SerializeToString(deterministic=True))
    write_text(folder / CARD, _card(modules, folder))
    return [folder / name for name in LANDMARK_FILES]


def _card(modules: Path, folder: Path) -> str:
    rows = "\n".join(
        f"| `{name}` | {(folder / name).stat().st_size / 1e6:.2f} MB | `{sha256(folder / name)}` |" for name in _MODELS
    )
    sources = "\n".join(f"- `{one.source}`, SHA-256 `{sha256(modules / one.source)}`" for one in _MODELS.values())
    return f"""# landmarks

Find faces and their 468 landmarks: two detectors and a face mesh, as ONNX. Converted with facerelief {__version__}.

| file | size | SHA-256 |
|---|--:|---|
{rows}

## Source

MediaPipe 0.10.21 (google-ai-edge/mediapipe), Apache-2.0, Copyright The MediaPipe Authors. Files of its wheel, in
`mediapipe/modules`:

{sources}

Bazarevsky et al., BlazeFace: Sub-millisecond Neural Face Detection on Mobile GPUs, 2019. Kartynnik et al., Real-time
Facial Surface Geometry from Monocular Video on Mobile GPUs, 2019.

```
facerelief morphable landmarks mediapipe/modules -o LANDMARKS
```

{_LIMITS}"""
