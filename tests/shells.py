"""Tiny datasets on disk, made without a face finder: shells of known depth under smooth pictures."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from facerelief.data import Dataset
from facerelief.data.arrays import Arrays, load_arrays
from facerelief.data.manifest import METADATA, REJECTS, Reject, Sample, read_samples, write_rows, write_settings
from facerelief.geometry.depth_maps import save_depth, save_normal

CLASSES = ("neutral", "happiness", "surprise")
SPLITS = {"train": 8, "val": 2, "test": 2}  # people; one photo of each class of each
FOLDERS = ("rgb", "depth", "normal", "mask", "mesh")
MOUTHS = ((0, 0), (0.5, 0.15), (0.15, 0.5))  # half width and height by class, in radii: closed, wide, tall
RADIUS = 0.45  # of the crop's side


def shell(size: int, label: int) -> tuple[np.ndarray, np.ndarray]:
    """Depth (S, S) and normals (3, S, S) of a half-sphere with an open mouth, which is background."""
    y, x = (np.mgrid[:size, :size] + 0.5 - size / 2) / (RADIUS * size)
    z = np.sqrt(np.maximum(0, 1 - x**2 - y**2))
    width, height = MOUTHS[label]
    face = (z > 0) & ~((abs(x) < width) & (abs(y - 0.3) < height))
    normal = np.where(face, np.stack([x, -y, z]), 0)
    return np.where(face, 0.3 + 0.6 * z, 0).astype(np.float32), normal.astype(np.float32)


def mark(size: int, label: int) -> tuple[slice, slice]:
    """Rows and columns of the bright bar in a picture: high, low, or upright in the middle."""
    q = size // 8
    return (
        (slice(q, 2 * q), slice(q, -q)),
        (slice(-2 * q, -q), slice(q, -q)),
        (slice(q, -q), slice(3 * q, 5 * q)),
    )[label]


def smooth(seed: int, size: int) -> np.ndarray:
    """uint8 (S, S, 3): smooth noise."""
    coarse = np.random.default_rng(seed).integers(30, 150, (5, 5, 3), dtype=np.uint8)
    return np.array(Image.fromarray(coarse).resize((size, size), Image.Resampling.BICUBIC))


def marked(seed: int, size: int, label: int, grey: bool = False) -> np.ndarray:
    """uint8 (S, S, 3): smooth noise under the bar of its class."""
    rgb = smooth(seed, size)
    if grey:
        rgb[:] = rgb.mean(axis=2, keepdims=True)
    rgb[mark(size, label)] = 250
    return rgb


def number_of(name: str) -> int:
    """A number of 64 bits, the same for a name in every process."""
    return int.from_bytes(np.random.default_rng(list(name.encode())).bytes(8), "big")


def row_of(name: str, **changes: Any) -> Sample:
    """The row of a flawless face of a person of its own."""
    paths = [f"{folder}/{name}.{'npz' if folder == 'mesh' else 'png'}" for folder in FOLDERS]
    flawless = Sample(
        *paths,
        expression="neutral",
        identity=name,
        split="train",
        source=f"photos/{name}.jpg",
        faces=1,
        yaw=0.0,
        pitch=0.0,
        roll=0.0,
        face_size=200.0,
        sharpness=0.2,
        coverage=1.0,
        fingerprint=f"{number_of(name):016x}",
    )
    return dataclasses.replace(flawless, **changes)


class Handmade:
    """A dataset in the making: `add` samples, `write`, and `read` what has become of them."""

    def __init__(self, path: Path, size: int = 64) -> None:
        self.path, self.size = path, size
        self.samples: list[Sample] = []
        self.rejects: list[Reject] = []
        for name in FOLDERS:
            (path / name).mkdir(parents=True)
        random = np.random.default_rng(0)
        turn, out = random.uniform(0, 2 * np.pi, 468), np.sqrt(random.uniform(0, 0.9, 468))
        self._plane = np.column_stack([np.cos(turn), np.sin(turn)]) * out[:, None]
        self._bends = random.normal(size=(4, 468, 2)) * 0.015

    def landmarks(self, seed: int) -> np.ndarray:
        """(468, 3): points of the shell, bent a little in ways that faces share."""
        random = np.random.default_rng(seed)
        xy = self._plane + np.tensordot(random.normal(size=4), self._bends, 1)
        z = np.sqrt(np.maximum(0, 1 - (xy**2).sum(axis=1)))
        return np.column_stack([xy, z]) * RADIUS * self.size + (self.size / 2, self.size / 2, 0)

    def add(
        self,
        name: str,
        like: str | None = None,
        landmarks: np.ndarray | None = None,
        picture: np.ndarray | None = None,
        **changes: Any,
    ) -> Sample:
        """Add a face; `like` gives it the picture, fingerprint and shape of another, saved a little differently."""
        seed = number_of(like or name) % 2**32
        twin = {"fingerprint": f"{number_of(like) ^ 0b101:016x}"} if like else {}
        sample = row_of(name, **{**twin, **changes})
        depth, normal = shell(self.size, CLASSES.index(sample.expression) if sample.expression in CLASSES else 0)
        rgb = smooth(seed, self.size) if picture is None else picture
        points = self.landmarks(seed) + (0.1 if like else 0) if landmarks is None else landmarks
        Image.fromarray(rgb // 8 * 8 if like else rgb).save(self.path / sample.file_name)
        save_depth(self.path / sample.depth_file_name, depth)
        save_normal(self.path / sample.normal_file_name, normal)
        Image.fromarray(np.where(depth > 0, 255, 0).astype(np.uint8)).save(self.path / sample.mask_file_name)
        size = np.array([self.size, self.size])
        np.savez(self.path / sample.mesh, landmarks=points, vertices=points, matrix=np.eye(2, 3), photo_size=size)
        self.samples.append(sample)
        return sample

    def write(self) -> Path:
        """Write the tables and return the dataset's folder."""
        write_rows(self.path / METADATA, Sample, self.samples)
        write_rows(self.path / REJECTS, Reject, self.rejects)
        write_settings(self.path, {"size": self.size})
        return self.path

    def overrule(self, *lines: str) -> None:
        """Write overrides.csv with these lines."""
        text = "\n".join(["file_name,decision,expression,note", *lines])
        (self.path / "overrides.csv").write_text(text + "\n", encoding="utf-8")

    def read(self) -> dict[str, Sample]:
        """The samples on disk by the stem of their file."""
        return {Path(sample.file_name).stem: sample for sample in read_samples(self.path)}


def write_dataset(folder: Path, size: int = 32, grey: float = 0.0) -> Path:
    """12 people with 3 expressions each, told by their pictures' bars; `grey`: the share of photos without colour."""
    dataset = Handmade(folder, size)
    people = [(split, f"{split}{number}") for split, count in SPLITS.items() for number in range(count)]
    faces = [(split, person, label) for split, person in people for label in range(len(CLASSES))]
    for number, (split, person, label) in enumerate(faces):
        is_grey = number < grey * len(faces)
        dataset.add(
            f"{number:06}",
            picture=marked(number, size, label, is_grey),
            expression=CLASSES[label],
            identity=person,
            split=split,
            source=f"{CLASSES[label]}/{person}.jpg",
            chroma=0.0 if is_grey else 20.0,
        )
    return dataset.write()


def change_rows(dataset: Path, which: Callable[[Sample], bool], **changes: object) -> None:
    """Rewrite some rows of a dataset's table."""
    rows = [dataclasses.replace(row, **changes) if which(row) else row for row in read_samples(dataset)]
    write_rows(dataset / METADATA, Sample, rows)


def read_split(dataset: Path, split: str, size: int = 32, colour: str = "rgb") -> Arrays:
    """One split of a dataset as arrays."""
    return load_arrays(data := Dataset(dataset), data.select(split, CLASSES), size, colour, CLASSES)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file by its name, but for what reading a dataset leaves beside it."""
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in files.items() if not name.startswith(".arrays/")}
