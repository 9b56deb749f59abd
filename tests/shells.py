"""A tiny dataset on disk, made without a face finder: shells of known depth under smooth pictures with a class mark."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from facerelief.data.arrays import Arrays, load_arrays
from facerelief.data.manifest import METADATA, REJECTS, Reject, Sample, chosen, read_samples, write_rows, write_settings
from facerelief.geometry.relief import save_depth, save_normal

CLASSES = ("neutral", "happiness", "surprise")
SPLITS = {"train": 8, "val": 2, "test": 2}  # people; one photo of each class of each
FOLDERS = ("rgb", "depth", "normal", "mask", "mesh")
MOUTHS = ((0, 0), (0.5, 0.15), (0.15, 0.5))  # half width and height by class, in radii: closed, wide, tall


def shell(size: int, label: int) -> tuple[np.ndarray, np.ndarray]:
    """Depth (S, S) and normals (3, S, S) of a half-sphere with an open mouth, which is background."""
    y, x = (np.mgrid[:size, :size] + 0.5 - size / 2) / (0.45 * size)
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


def picture(seed: int, size: int, label: int, grey: bool = False) -> np.ndarray:
    """uint8 (S, S, 3): smooth noise under the bar of its class."""
    coarse = np.random.default_rng(seed).integers(30, 150, (5, 5, 3), dtype=np.uint8)
    rgb = np.array(Image.fromarray(coarse).resize((size, size), Image.Resampling.BICUBIC))
    if grey:
        rgb[:] = rgb.mean(axis=2, keepdims=True)
    rgb[mark(size, label)] = 250
    return rgb


def write_dataset(folder: Path, size: int = 32, grey: float = 0.0) -> Path:
    """12 people with 3 expressions each; `grey`: the share of photos without colour."""
    for name in FOLDERS:
        (folder / name).mkdir(parents=True)
    people = [(split, f"{split}{number}") for split, count in SPLITS.items() for number in range(count)]
    faces = [(split, person, label) for split, person in people for label in range(len(CLASSES))]
    samples = []
    for number, (split, person, label) in enumerate(faces):
        is_grey = number < grey * len(faces)
        sample = _row(number, split, person, CLASSES[label], chroma=0.0 if is_grey else 20.0)
        depth, normal = shell(size, label)
        Image.fromarray(picture(number, size, label, is_grey)).save(folder / sample.file_name)
        save_depth(folder / sample.depth_file_name, depth)
        save_normal(folder / sample.normal_file_name, normal)
        Image.fromarray(np.where(depth > 0, 255, 0).astype(np.uint8)).save(folder / sample.mask_file_name)
        np.savez(folder / sample.mesh, vertices=np.zeros((468, 3)), landmarks=np.zeros((468, 3)), matrix=np.eye(2, 3))
        samples.append(sample)
    write_rows(folder / METADATA, Sample, samples)
    write_rows(folder / REJECTS, Reject, [])
    write_settings(folder, {"size": size})
    return folder


def change_rows(dataset: Path, which: Callable[[Sample], bool], **changes: object) -> None:
    """Rewrite some rows of a dataset's table."""
    rows = [dataclasses.replace(row, **changes) if which(row) else row for row in read_samples(dataset)]
    write_rows(dataset / METADATA, Sample, rows)


def read_split(dataset: Path, split: str, size: int = 32, colour: str = "rgb") -> Arrays:
    """One split of a dataset as arrays."""
    return load_arrays(dataset, chosen(read_samples(dataset), split, CLASSES), size, colour, CLASSES)


def _row(number: int, split: str, person: str, expression: str, chroma: float) -> Sample:
    return Sample(
        *(f"{name}/{number:06}.{'npz' if name == 'mesh' else 'png'}" for name in FOLDERS),
        expression=expression,
        identity=person,
        split=split,
        source=f"{expression}/{person}.jpg",
        faces=1,
        yaw=0.0,
        pitch=0.0,
        roll=0.0,
        face_size=200.0,
        sharpness=0.2,
        coverage=1.0,
        fingerprint=f"{number:016x}",
        chroma=chroma,
    )
