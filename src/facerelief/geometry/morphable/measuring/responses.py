"""What a landmark model reports of each blendshape, and how much it errs: the model by which faces are measured.

Landmark models shorten movements and mix them: a raised brow is reported at a quarter of its height, and moves the
eyes. So a shape's *response* is not the shape itself, but what the landmark model reports of photos that were edited
to show it. How much responses differ from person to person is in error modes.
"""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from facerelief.array_types import Float32, Floats
from facerelief.checkpoint import half, load_checkpoint, save_checkpoint
from facerelief.errors import CheckpointError
from facerelief.files import packaged_file
from facerelief.geometry.morphable.action_units import SIDES, Rig
from facerelief.geometry.morphable.fitting import pose_modes
from facerelief.geometry.morphable.procrustes import mirror_shapes

RESPONSES_FILE = "responses.safetensors"  # in its folder
_FARTHEST = 0.25  # inter-ocular distances that a point is moved when a shape is given: a jaw falls farther
_ERROR_MODES = 100  # more did not tell shapes apart better in people who were not learned from
_NOISE = 0.0002  # of a landmark's coordinate, inter-ocular distances, in the mean of several looks
_MOST = 30.0  # inter-ocular distances, of a number in a file: beyond is no face
DEPTH = 0.5  # weight of the third coordinate, which landmark models guess


@dataclass(frozen=True, eq=False)
class Responses:
    """What a landmark model reports of a rig's shapes.

    Attributes:
        names: R names, the rig's.
        shapes: (R, 468, 3), how detected landmarks move by an amount of 1, inter-ocular distances.
        errors: (M, 468, 3), independent errors, each one standard deviation long.
    """

    names: tuple[str, ...]
    shapes: Float32
    errors: Float32

    @property
    def noise(self) -> float:
        """Standard deviation of each coordinate beside the errors, inter-ocular distances."""
        return _NOISE


def given_amounts(rig: Rig) -> dict[str, float]:
    """How much of each shape a face is given to see what is reported of it: 1, less of those that move far."""
    farthest = np.linalg.norm(rig.shapes, axis=2).max(axis=1)
    return {name: round(min(1.0, _FARTHEST / far), 2) for name, far in zip(rig.names, farthest.tolist(), strict=True)}


def learn_shape_responses(rig: Rig, mean: Floats, reported: Sequence[Mapping[str, Floats]]) -> Responses:
    """Learn responses from edits of neutral photos.

    Args:
        rig: The shapes.
        mean: (468, 3), the mean face.
        reported: For each person, by shape, how far landmarks moved (468, 3), when the photo was edited to show
            `given_amounts` of it; in the frame of the mean face, inter-ocular distances. People may lack shapes.

    Returns:
        Mean responses, left and right mirror images, and the principal modes of what people's differ from them by.
    """
    given = given_amounts(rig)
    means = {name: _mean([one[name] / given[name] for one in reported if name in one]) for name in rig.names}
    even = {name: (means[name] + mirror_shapes(means[mirrored_name(name, rig)])) / 2 for name in rig.names}
    left = [one[name] - given[name] * even[name] for one in reported for name in rig.names if name in one]
    both = np.concatenate([left, mirror_shapes(np.stack(left))]) * (1, 1, DEPTH)
    flat, pose = both.reshape(len(both), -1), (pose_modes(mean) * (1, 1, DEPTH)).reshape(7, -1)
    frame, _ = np.linalg.qr(pose.T)  # a turned head is no error
    _, lengths, modes = np.linalg.svd(flat - (flat @ frame) @ frame.T, full_matrices=False)
    errors = modes[:_ERROR_MODES] * (lengths[:_ERROR_MODES, None] / np.sqrt(len(both)))
    shapes = np.stack([even[name] for name in rig.names]).astype(np.float32)
    return Responses(rig.names, shapes, (errors.reshape(-1, 468, 3) / (1, 1, DEPTH)).astype(np.float32))


def mirrored_name(name: str, rig: Rig) -> str:
    """The shape of the other side, or itself."""
    for side, other in (SIDES, SIDES[::-1]):
        if name.endswith(side) and name.removesuffix(side) + other in rig.names:
            return name.removesuffix(side) + other
    return name


def _mean(some: list[Floats]) -> Floats:
    return np.mean(some, axis=0) if some else np.zeros((468, 3))


def save_responses(path: Path, responses: Responses, facts: dict[str, Any]) -> None:
    """Write responses, in half precision.

    Args:
        path: The file.
        responses: The responses.
        facts: What the file records of their source; JSON.
    """
    tensors = half({name: getattr(responses, name) for name in ("shapes", "errors")})
    save_checkpoint(path, "responses", tensors, facts | {"names": list(responses.names)})


def carried_responses() -> Path:
    """The file of the package's responses."""
    return packaged_file("weights", "responses", RESPONSES_FILE)


def load_responses(path: Path | None = None) -> Responses:
    """Load responses; they are kept in memory until the file changes.

    Args:
        path: The file; by default the package's own, of the face mesh of MediaPipe.

    Raises:
        CheckpointError: It is absent, damaged or of another version.

    Example:
        >>> load_responses().shapes.shape
        (47, 468, 3)
    """
    file = path or carried_responses()
    return _loaded(file, file.stat().st_mtime_ns if file.is_file() else 0)


@functools.lru_cache(maxsize=2)
def _loaded(path: Path, _changed: int) -> Responses:
    saved = load_checkpoint(path, "responses")
    names = tuple(map(str, saved.fact("names", list)))
    for name in ("shapes", "errors"):
        if name not in saved.specs or saved.specs[name].shape[1:] != (468, 3):
            raise CheckpointError(f"{saved.path}: {name} does not fit; get the file again")
    shapes, errors = (saved.read(name) for name in ("shapes", "errors"))
    if len(shapes) != len(names):
        raise CheckpointError(f"{saved.path}: {len(shapes)} shapes and {len(names)} names; get the file again")
    if max(float(np.abs(one).max(initial=0)) for one in (shapes, errors)) > _MOST:
        raise CheckpointError(f"{saved.path}: it holds numbers that no face has; get the file again")
    return Responses(names, shapes, errors)
