"""What measures: face-api's expression judge and dlib's identity network, and how a face is cut out for them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from facerelief.array_types import RGB, Float32, Landmarks
from facerelief.evaluation.outside.face_api_weights import load_tfjs, tfjs_digest
from facerelief.geometry.topology import INNER_LIPS, LIPS
from facerelief.networks.face_api import EXPRESSION_SIZE, RECOGNITION_SIZE, FaceApiExpressions, FaceApiRecognition

# The six points of an eye in dlib's 68 landmarks (36 to 41, 42 to 47), as vertices of MediaPipe's mesh.
_EYES = ((33, 160, 158, 133, 153, 144), (362, 385, 387, 263, 373, 380))
_RELATIVE_X, _RELATIVE_Y, _RELATIVE_SCALE = 0.5, 0.43, 0.45  # face-api's alignment (FaceLandmarks.ts)
_JUDGE, _RECOGNISER = "face_expression", "face_recognition"


@dataclass(frozen=True)
class Seen:
    """What the instruments say of one face.

    Attributes:
        expression: Probabilities (7,), in the order of `FACE_API_EXPRESSIONS`.
        identity: (128,); the L2 distance between two is below 0.6 for photos of one person.
    """

    expression: Float32
    identity: Float32


class Instruments:
    """Both networks, on the CPU.

    Attributes:
        sha256: Of the files with their weights, by name.
    """

    def __init__(self, folder: Path) -> None:
        """Load the networks.

        Args:
            folder: `model` of the npm package @vladmandic/face-api.

        Raises:
            CheckpointError: The weights are missing or damaged.
        """
        self._judge = load_tfjs(FaceApiExpressions(), folder, _JUDGE)
        self._recogniser = load_tfjs(FaceApiRecognition(), folder, _RECOGNISER)
        self.sha256 = {name: tfjs_digest(folder, name) for name in (_JUDGE, _RECOGNISER)}

    def __call__(self, rgb: RGB, landmarks: Landmarks) -> Seen:
        """Look at a face of a photo (H, W, 3) with landmarks (468, 3) in its pixels."""
        square = face_square(rgb, landmarks)
        with torch.inference_mode():
            expression = self._judge(_levels(square, EXPRESSION_SIZE))[0].numpy()
            identity = self._recogniser(_levels(square, RECOGNITION_SIZE))[0].numpy()
        return Seen(expression, identity)


def face_box(landmarks: Landmarks, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """The box that face-api cuts for dlib's network: the distance from eyes to mouth is 0.45 of its side.

    Args:
        landmarks: (468, 3), pixels of the photo.
        shape: Of the photo: height, width, ...

    Returns:
        x0, y0, x1, y1 in whole pixels, inside the photo.
    """
    points = landmarks[:, :2].astype(float)
    left, right = (points[list(eye)].mean(axis=0) for eye in _EYES)
    mouth = points[[*LIPS, *INNER_LIPS]].mean(axis=0)
    side = int((np.linalg.norm(mouth - left) + np.linalg.norm(mouth - right)) / 2 / _RELATIVE_SCALE)
    x, y = (left + right + mouth) / 3 - np.array((_RELATIVE_X, _RELATIVE_Y)) * side
    x0, y0 = (int(np.clip(start, 0, length - 2)) for start, length in zip((x, y), shape[1::-1], strict=True))
    return x0, y0, min(x0 + max(side, 2), shape[1]), min(y0 + max(side, 2), shape[0])


def face_square(rgb: RGB, landmarks: Landmarks) -> RGB:
    """`face_box` cut out of a photo (H, W, 3) and padded to a square by black, half on each side."""
    x0, y0, x1, y1 = face_box(landmarks, rgb.shape)
    cut = rgb[y0:y1, x0:x1]
    side = max(cut.shape[:2])
    top, left = (side - cut.shape[0]) // 2, (side - cut.shape[1]) // 2
    square = np.zeros((side, side, 3), dtype=np.uint8)
    square[top : top + cut.shape[0], left : left + cut.shape[1]] = cut
    return square


def _levels(square: RGB, side: int) -> torch.Tensor:
    """A picture resized bilinearly, and antialiased where it shrinks: (1, 3, S, S), levels 0 to 255."""
    small = np.asarray(Image.fromarray(square).resize((side, side), Image.Resampling.BILINEAR), dtype=np.float32)
    return torch.from_numpy(np.ascontiguousarray(small.transpose(2, 0, 1)))[None]
