"""A morphable face whose left is its right, for tests that look into the mirror."""

import dataclasses
import functools

import numpy as np

from facerelief.geometry.morphable.action_units import SIDES, Rig
from facerelief.geometry.morphable.model import MorphableFace, load_face
from facerelief.geometry.morphable.procrustes import mirror_shapes
from facerelief.geometry.morphable.uv_map import FACE_VERTICES, with_border_ring


@functools.cache
def symmetric_face() -> MorphableFace:
    """The package's face without what differs from left to right: such modes become zero, its rig's sides alike."""
    face = load_face()
    mean = _even(face.mean)
    names = face.rig.names
    twins = [names.index(twin(name)) for name in names]
    shapes = (face.rig.shapes + mirror_shapes(face.rig.shapes[twins])) / 2
    return dataclasses.replace(
        face,
        mean=mean,
        identity=_even(face.identity),
        expression_modes=_even(face.expression_modes),
        rig=Rig(names, shapes.astype(np.float32)),
        template=with_border_ring(_even(face.template[:FACE_VERTICES]), mean),
    )


def twin(name: str) -> str:
    """The shape of the other side, or the same."""
    for here, there in (SIDES, SIDES[::-1]):
        if name.endswith(here):
            return name.removesuffix(here) + there
    return name


def _even(shapes: np.ndarray) -> np.ndarray:
    return (shapes + mirror_shapes(shapes)) / 2


def in_mirror(picture: np.ndarray) -> np.ndarray:
    """A picture (H, W, ...) with left and right exchanged, of a type that can be subtracted."""
    return picture[:, ::-1].astype(np.float64)
