"""The morphable model: a mean, modes of identity and expression in shape and texture, and the eight expressions."""

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from facerelief.array_types import Float32, Floats
from facerelief.checkpoint import Checkpoint, half, load_checkpoint, save_checkpoint
from facerelief.errors import CheckpointError
from facerelief.expressions import EXPRESSIONS
from facerelief.files import packaged_file
from facerelief.geometry.morphable.action_units import Rig
from facerelief.geometry.morphable.log_albedo import unfold_symmetric
from facerelief.geometry.morphable.uv_map import UVMap

FACE_FILE = "face.safetensors"  # in its folder
UV_SIZE = 160  # side of the UV map in pixels
_MOST, _LEAST = 30.0, 0.5  # of a number in a face's file, and of a shape's extent: beyond is no face
_SHAPES = ("mean", "identity", "expression_modes", "amounts", "template", "clusters")
_MAPS = ("texture", "texture_identity", "texture_expression", "texture_classes", "chroma")


@dataclass(frozen=True, eq=False)
class MorphableFace:
    """A morphable model.

    Shapes are in inter-ocular distances from the point between the eyes (y down, +z to the viewer). Textures are log
    albedo of the left half of the UV map, (A, A / 2). Every mode is one standard deviation long.

    Attributes:
        mean: (468, 3).
        identity: (K, 468, 3), modes.
        expression_modes: (E, 468, 3), in which the expression of a photo is found.
        rig: The shapes in which expressions are given.
        amounts: (8, R), how much of them each expression has at full strength.
        template: (540, 3), the UV map's own shape.
        texture: (A, A / 2), the mean.
        texture_identity: (T, A, A / 2), modes.
        texture_expression: (F, A, A / 2), what the first F expression modes add; the others add nothing.
        texture_classes: (8, A, A / 2), what full expressions add.
        chroma: (3, A, A / 2), each channel over the luma.
        clusters: (C, K + T), mean coefficients of groups of similar persons: identity, then texture.
    """

    mean: Float32
    identity: Float32
    expression_modes: Float32
    rig: Rig
    amounts: Float32
    template: Float32
    texture: Float32
    texture_identity: Float32
    texture_expression: Float32
    texture_classes: Float32
    chroma: Float32
    clusters: Float32

    @functools.cached_property
    def uv_map(self) -> UVMap:
        """The frame of the textures."""
        return UVMap(self.template.astype(np.float64), self.texture.shape[0])

    def shape(self, identity: Floats) -> Floats:
        """The neutral shape (468, 3) of identity coefficients, at most (K,)."""
        found: Floats = self.mean + np.tensordot(identity, self.identity[: len(identity)], 1)
        return found

    def movement(self, coefficients: Floats) -> Floats:
        """What coefficients (E,) of expression modes move, (468, 3)."""
        moved: Floats = np.tensordot(coefficients, self.expression_modes, 1)
        return moved

    def wrinkles(self, coefficients: Floats) -> Floats:
        """What coefficients (E,) of expression modes add to the texture, (A, A / 2)."""
        added: Floats = np.tensordot(coefficients[: len(self.texture_expression)], self.texture_expression, 1)
        return added

    def expression(self, name: str, strength: float = 1.0) -> Floats:
        """What an expression moves, (468, 3); strength 1 is a clear one."""
        return strength * self.rig.movement(self.amounts[EXPRESSIONS.index(name)])

    def log_albedo(self, person: Floats, name: str, strength: float = 1.0) -> Floats:
        """The texture (A, A) of texture coefficients, at most (T,), with an expression, one of `EXPRESSIONS`."""
        half = self.texture + np.tensordot(person, self.texture_identity[: len(person)], 1)
        return full_maps(half + strength * self.texture_classes[EXPRESSIONS.index(name)])

    @functools.cached_property
    def tint(self) -> Float32:
        """The mean chroma (A, A, 3)."""
        return np.ascontiguousarray(np.moveaxis(full_maps(self.chroma), 0, 2))


def full_maps(half: Floats) -> Floats:
    """Left halves (..., A, A / 2) with their mirror images, (..., A, A)."""
    return unfold_symmetric(half.reshape(*half.shape[:-2], -1), half.shape[-2])


def save_face(path: Path, face: MorphableFace, facts: dict[str, Any]) -> None:
    """Write a morphable model: shapes in half precision, maps in 8 bits. The same model gives the same bytes.

    Args:
        path: The file.
        face: The model.
        facts: What the file records of the photos that the model was learned from; JSON.

    Raises:
        FacereliefError: The file cannot be written.
    """
    tensors = half({_stored(name): getattr(face, name) for name in _SHAPES} | {"rig": face.rig.shapes})
    for name in _MAPS:
        maps = getattr(face, name)
        scale = np.abs(maps).max(axis=(-2, -1), keepdims=True).clip(1e-6) / 127
        tensors |= {name: np.rint(maps / scale).astype(np.int8), f"{name}.scale": scale}
    save_checkpoint(path, "face", tensors, facts | {"rig": list(face.rig.names)})


def load_face(path: Path | None = None) -> MorphableFace:
    """Load a morphable model; it is kept in memory until the file changes.

    Args:
        path: A file or a folder that `facerelief morphable fit` wrote; by default the package's own model.

    Raises:
        CheckpointError: It is absent, damaged or of another version.

    Example:
        >>> face = load_face()
        >>> smiling = face.shape(face.clusters[0, :30]) + face.expression("happiness", 0.8)
        >>> smiling.shape
        (468, 3)
    """
    path = path or carried_face()
    path = path / FACE_FILE if path.is_dir() else path
    return _load(path, path.stat().st_mtime_ns if path.is_file() else 0)


@functools.lru_cache(maxsize=4)
def _load(path: Path, changed: int) -> MorphableFace:
    """Kept in memory until the file has `changed`."""
    saved = load_checkpoint(path, "face")
    _check_shapes(saved)
    parts = {name: saved.read(_stored(name)) for name in _SHAPES}
    for name in _MAPS:
        parts[name] = saved.read(name, "I8").astype(np.float32) * saved.read(f"{name}.scale")
    rig = Rig(tuple(map(str, saved.fact("rig", list))), saved.read("rig"))
    moved = {"rig": rig.shapes, "amounts": rig.movement(parts["amounts"])}
    for name, values in (parts | moved).items():
        if np.abs(values).max(initial=0) > _MOST:
            raise CheckpointError(f"{path}: {_stored(name)} holds numbers that no face has; fit the face again")
    if any(np.ptp(parts[name], axis=0).min() < _LEAST for name in ("mean", "template")):
        raise CheckpointError(f"{path}: its face has no extent; fit the face again")
    return MorphableFace(rig=rig, **parts)


def _check_shapes(saved: Checkpoint) -> None:
    """Raise `CheckpointError` where the parts do not fit each other, before any of them is read."""
    sizes = saved.specs
    counted = ("identity", "expression_modes", "texture_identity", "texture_expression", "kinds", "texture")
    k, e, t, f, c, a = (sizes[name].shape[0] if name in sizes and sizes[name].shape else 0 for name in counted)
    maps = {
        "texture": (a, a // 2),
        "texture_identity": (t, a, a // 2),
        "texture_expression": (min(f, e), a, a // 2),
        "texture_classes": (len(EXPRESSIONS), a, a // 2),
        "chroma": (3, a, a // 2),
    }
    names = saved.fact("rig", list)
    wanted: dict[str, tuple[int, ...]] = {
        "mean": (468, 3),
        "identity": (k, 468, 3),
        "expression_modes": (e, 468, 3),
        "rig": (len(names), 468, 3),
        "amounts": (len(EXPRESSIONS), len(names)),
        "template": (540, 3),
        "kinds": (c, k + t),
        **maps,
        **{f"{name}.scale": (*shape[:-2], 1, 1) for name, shape in maps.items()},
    }
    for name, shape in wanted.items():
        if name not in sizes:
            raise CheckpointError(f"{saved.path} lacks {name!r}; fit the face again with this version")
        if sizes[name].shape != shape or 0 in shape:
            raise CheckpointError(
                f"{saved.path}: {name} is {sizes[name].shape}, which does not fit the rest; fit the face again"
            )


def _stored(name: str) -> str:
    """What a part is called in files."""
    return "kinds" if name == "clusters" else name


def face_file(path: Path | None = None) -> Path:
    """The file of a morphable model that is named by its file or folder; by default the package's."""
    if path is None:
        return carried_face()
    return path / FACE_FILE if path.is_dir() else path


def carried_face() -> Path:
    """The file of the package's morphable model."""
    return packaged_file("weights", "face", FACE_FILE)
