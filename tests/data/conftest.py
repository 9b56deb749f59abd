"""Datasets written by hand: faces that are shells of known depth, and pictures that differ as pictures do."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from facerelief.data.manifest import (
    METADATA,
    REJECTS,
    Reject,
    Sample,
    read_samples,
    write_rows,
    write_settings,
)

SIZE = 64
_BEST = Sample(
    file_name="",
    depth_file_name="",
    normal_file_name="",
    mask_file_name="",
    mesh="",
    expression="neutral",
    identity="",
    split="train",
    source="",
    faces=1,
    yaw=0.0,
    pitch=0.0,
    roll=0.0,
    face_size=200.0,
    sharpness=0.2,
    coverage=1.0,
    fingerprint="",
)


def _sample(name: str, **changes: Any) -> Sample:
    """The row of a flawless face of a person of its own."""
    paths = {
        "file_name": f"rgb/{name}.png",
        "depth_file_name": f"depth/{name}.png",
        "normal_file_name": f"normal/{name}.png",
        "mask_file_name": f"mask/{name}.png",
        "mesh": f"mesh/{name}.npz",
    }
    number = abs(hash_of(name)) % 2**64
    own = {"identity": name, "source": f"photos/{name}.jpg", "fingerprint": f"{number:016x}"}
    return dataclasses.replace(_BEST, **{**paths, **own, **changes})


def hash_of(name: str) -> int:
    """The same number for a name in every process."""
    return int.from_bytes(np.random.default_rng(list(name.encode())).bytes(8), "big")


class Handmade:
    """A dataset in the making: `add` samples, `write`, and `read` what has become of them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.samples: list[Sample] = []
        self.rejects: list[Reject] = []
        for name in ("rgb", "depth", "mesh"):
            (path / name).mkdir(parents=True)
        random = np.random.default_rng(0)
        turn, out = random.uniform(0, 2 * np.pi, 468), np.sqrt(random.uniform(0, 0.9, 468))
        self._plane = np.column_stack([np.cos(turn), np.sin(turn)]) * out[:, None]
        self._bends = random.normal(size=(4, 468, 2)) * 0.015

    def landmarks(self, seed: int) -> np.ndarray:
        """(468, 3): points of a shell over a disc of 24 pixels, bent a little in ways that faces share."""
        random = np.random.default_rng(seed)
        xy = self._plane + np.tensordot(random.normal(size=4), self._bends, 1)
        z = np.sqrt(np.maximum(0, 1 - (xy**2).sum(axis=1)))
        return np.column_stack([xy, z]) * 24 + (SIZE / 2, SIZE / 2, 0)

    def depth(self) -> np.ndarray:
        """The shell's depth map (64, 64), 16 bit."""
        y, x = (np.mgrid[:SIZE, :SIZE] + 0.5 - SIZE / 2) / 24
        z = np.sqrt(np.maximum(0, 1 - x**2 - y**2))
        return np.where(z > 0, 20000 + 40000 * z, 0).astype(np.uint16)

    def picture(self, seed: int) -> np.ndarray:
        """uint8 (64, 64, 3), smooth."""
        coarse = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
        return np.asarray(Image.fromarray(coarse).resize((SIZE, SIZE), Image.Resampling.BICUBIC))

    def add(self, name: str, like: str | None = None, landmarks: np.ndarray | None = None, **changes: Any) -> Sample:
        """Add a face; `like` gives it the picture, fingerprint and shape of another, saved a little differently."""
        seed = hash_of(like or name) % 2**32
        twin = {"fingerprint": f"{int(_sample(like).fingerprint, 16) ^ 0b101:016x}"} if like else {}
        sample = _sample(name, **{**twin, **changes})
        picture = self.picture(seed)
        Image.fromarray(picture // 8 * 8 if like else picture).save(self.path / sample.file_name)
        Image.fromarray(self.depth()).save(self.path / sample.depth_file_name)
        points = self.landmarks(seed) + (0.1 if like else 0) if landmarks is None else landmarks
        np.savez(self.path / sample.mesh, landmarks=points, vertices=points, matrix=np.eye(2, 3))
        self.samples.append(sample)
        return sample

    def write(self) -> Path:
        """Write the tables and return the dataset's folder."""
        write_rows(self.path / METADATA, Sample, self.samples)
        write_rows(self.path / REJECTS, Reject, self.rejects)
        write_settings(self.path, {"size": SIZE})
        return self.path

    def overrule(self, *lines: str) -> None:
        """Write overrides.csv with these lines."""
        text = "\n".join(["file_name,decision,expression,note", *lines])
        (self.path / "overrides.csv").write_text(text + "\n", encoding="utf-8")

    def read(self) -> dict[str, Sample]:
        """The samples on disk by the stem of their file."""
        return {Path(sample.file_name).stem: sample for sample in read_samples(self.path)}


@pytest.fixture
def handmade(tmp_path: Path) -> Handmade:
    """An empty dataset."""
    return Handmade(tmp_path / "faces")


@pytest.fixture
def row() -> Callable[..., Sample]:
    """Rows without files: `row("a", yaw=50)`."""
    return _sample
