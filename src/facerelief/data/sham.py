"""Copies of a dataset whose depth maps carry no geometry: controls for what guidance by depth brings.

"luminance": the photo's own luminance inside the face, stored as depth. "shuffled": each photo has the depth map and
normals of another photo of its split, drawn at random. Photos, labels and splits are those of the dataset.
"""

import dataclasses
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from facerelief.colour import to_luma
from facerelief.data.dataset import Dataset
from facerelief.data.journal import open_dataset
from facerelief.data.linking import link
from facerelief.data.manifest import METADATA, REJECTS, Reject, Sample, write_rows
from facerelief.data.sources.depth_overlays import normals_from_depth
from facerelief.errors import DatasetError, FacereliefError
from facerelief.faces.alignment import inter_ocular
from facerelief.files import atomic, lock_folder
from facerelief.files.arrays import read_npz
from facerelief.files.png import read_png
from facerelief.geometry.depth_maps import FAR, NEAR, save_depth, save_normal
from facerelief.progress import Progress, no_progress

SHAMS = ("luminance", "shuffled")
_DARKEST = 1 / 65535  # depth 0 is the background


def make_sham(
    dataset: Dataset, out: Path, maps: str, *, seed: int = 0, progress: Progress = no_progress
) -> list[Sample]:
    """Write a dataset with the photos of another and maps without geometry; the same call again resumes.

    Args:
        dataset: A dataset of `dataset build` or `dataset synthesize`.
        out: The folder to write.
        maps: One of `SHAMS`.
        seed: Of the shuffle.
        progress: Called with the samples done and the total.

    Returns:
        The samples, in the dataset's order.

    Raises:
        DatasetError: `out` holds something else, `maps` is unknown, or a file of the dataset is damaged.
        FacereliefError: `out` cannot be written.
    """
    if maps not in SHAMS:
        raise DatasetError(f"no sham maps {maps!r}; choose from {', '.join(SHAMS)}")
    samples = dataset.samples
    settings = {"size": dataset.settings.get("size", 256), "seed": seed, "sham": maps, "of": dataset.digest}
    open_dataset(out, settings)
    with lock_folder(out), ThreadPoolExecutor() as pool:
        donors = shuffled_within_splits(samples, seed) if maps == "shuffled" else list(samples)
        rows = []
        for row in pool.map(lambda pair: _copied(dataset.path, out, maps, *pair), zip(samples, donors, strict=True)):
            rows.append(row)
            progress(len(rows), len(samples))
        write_rows(out / METADATA, Sample, rows)
        write_rows(out / REJECTS, Reject, [])
    return rows


def shuffled_within_splits(samples: Sequence[Sample], seed: int) -> list[Sample]:
    """For each sample another of its split whose maps it gets; each gives its maps once.

    Kept samples and others are shuffled by themselves: the maps of a photo that the review left out stay unused.
    """
    donors = list(samples)
    for group in {(sample.split, sample.keep) for sample in samples}:
        rows = [index for index, sample in enumerate(samples) if (sample.split, sample.keep) == group]
        order = np.random.default_rng(seed).permutation(len(rows))
        for place, follower in zip(order, np.roll(order, 1), strict=True):  # one cycle: nobody keeps its own
            donors[rows[place]] = samples[rows[follower]]
    return donors


def _copied(dataset: Path, out: Path, maps: str, sample: Sample, donor: Sample) -> Sample:
    """One sample in the new dataset. A map that is already there was written completely."""
    try:
        for name in (sample.file_name, sample.mask_file_name, sample.mesh):
            link(dataset / name, out / name)
        stem = Path(sample.file_name).stem
        depth, normal = f"depth/{stem}-{maps}.png", f"normal/{stem}-{maps}.png"
        if maps == "shuffled":
            link(dataset / donor.depth_file_name, out / depth)
            link(dataset / donor.normal_file_name, out / normal)
        elif not ((out / depth).is_file() and (out / normal).is_file()):
            _write_luminance(dataset, sample, out / depth, out / normal)
    except OSError as reason:
        raise FacereliefError(f"cannot write to {out}: {reason.strerror or reason}; free space") from reason
    return dataclasses.replace(sample, depth_file_name=depth, normal_file_name=normal)


def _write_luminance(dataset: Path, sample: Sample, depth_file: Path, normal_file: Path) -> None:
    """Luminance inside the face as depth, and the normals of the surface that it would be."""
    rgb, mask = read_png(dataset / sample.file_name, "RGB"), read_png(dataset / sample.mask_file_name, "L") > 0
    if mask.shape != rgb.shape[:2]:
        raise DatasetError(f"{sample.mask_file_name} has another size than its photo; build the dataset again")
    depth = luminance_depth(rgb, mask)
    landmarks = read_npz(dataset / sample.mesh)["landmarks"]
    normal = normals_from_depth(depth, mask, (NEAR - FAR) * inter_ocular(landmarks))
    with atomic(depth_file) as one, atomic(normal_file) as other:
        save_depth(one, depth)
        save_normal(other, normal)


def luminance_depth(rgb: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Depth (H, W) that is the luminance of a photo (H, W, 3) inside a mask (H, W), and 0, the background, outside.

    Example:
        >>> luminance_depth(np.full((1, 2, 3), 255, np.uint8), np.array([[True, False]])).tolist()
        [[1.0, 0.0]]
    """
    luma = to_luma(rgb).astype(np.float32) / 255
    return np.where(mask, np.maximum(luma, _DARKEST), 0).astype(np.float32)
