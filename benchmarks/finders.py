"""Compare the package's face finder with mediapipe's on photos: faces found, landmarks, and CPU time of each.

python benchmarks/finders.py FOLDER [FOLDER ...] --photos 1000
"""

import random
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.progress import track

from facerelief.errors import PhotoError
from facerelief.faces import Face, FaceFinder, inter_ocular, load_finder
from facerelief.photos.photo import read_photo
from facerelief.suffixes import PHOTO_SUFFIXES


def main(
    folders: Annotated[list[Path], typer.Argument(help="Folders of photos.")],
    photos: Annotated[int, typer.Option(help="As many of them, drawn at random.")] = 1000,
    seed: int = 0,
) -> None:
    """Print where the finders differ, and how much."""
    paths = sorted(path for folder in folders for path in folder.rglob("*") if path.suffix.lower() in PHOTO_SUFFIXES)
    chosen = random.Random(seed).sample(paths, min(photos, len(paths)))
    finders = [load_finder("onnx"), load_finder("mediapipe")]
    found, times, apart = np.zeros(2, int), list[tuple[float, float]](), list[tuple[float, float, float]]()
    for path in track(chosen, "comparing"):
        try:
            rgb = read_photo(path).rgb
        except PhotoError:
            continue
        (ours, theirs), taken = zip(*(_timed(finder, rgb) for finder in finders), strict=True)
        found += bool(ours), bool(theirs)
        times.append(taken)
        pairs = [_apart(_nearest(ours, face), face) for face in theirs if ours]
        apart += pairs
        if len(ours) != len(theirs) or any(mean > 0.02 for mean, _, _ in pairs):
            print(f"{path}: {len(ours)} and {len(theirs)} faces, {[f'{mean:.2%}' for mean, _, _ in pairs]}")
    share, ms, distances = found / len(times), 1e3 * np.median(times, axis=0), np.array(apart)
    print(f"{len(times)} photos; with a face: {share[0]:.4f} and {share[1]:.4f} of them")
    print(f"CPU time a photo, medians: {ms[0]:.1f} and {ms[1]:.1f} ms")
    for name, values in zip(("mean", "99th percentile", "largest"), distances.T, strict=True):
        middle, far = np.percentile(values, (50, 99))
        print(
            f"{name} of a face's landmarks, in inter-ocular distances: median {middle:.4%}, 99th percentile {far:.3%}"
        )


def _timed(finder: FaceFinder, rgb: np.ndarray) -> tuple[list[Face], float]:
    start = time.process_time()
    return finder(rgb), time.process_time() - start


def _nearest(faces: list[Face], other: Face) -> Face:
    """The face whose middle is nearest to that of another."""
    middle = other.landmarks.mean(axis=0)
    return min(faces, key=lambda face: float(np.linalg.norm(face.landmarks.mean(axis=0) - middle)))


def _apart(face: Face, other: Face) -> tuple[float, float, float]:
    """Mean, 99th percentile and largest distance of landmarks in the image, in inter-ocular distances."""
    away = np.linalg.norm((face.landmarks - other.landmarks)[:, :2], axis=1) / inter_ocular(other.landmarks)
    return float(away.mean()), float(np.percentile(away, 99)), float(away.max())


if __name__ == "__main__":
    typer.run(main)
