"""Compare the package's face finder with mediapipe's on photos: faces found, landmarks, and CPU time of each.

python benchmarks/finders.py FOLDER [FOLDER ...] --photos 1000
python benchmarks/finders.py FOLDER --only onnx; python benchmarks/finders.py FOLDER --only mediapipe
"""

import random
import time
from collections.abc import Iterator
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
    only: Annotated[str | None, typer.Option(help="Time one finder in this process: onnx or mediapipe.")] = None,
) -> None:
    """Print where the finders differ, and how much; or how long one of them takes."""
    paths = sorted(path for folder in folders for path in folder.rglob("*") if path.suffix.lower() in PHOTO_SUFFIXES)
    chosen = random.Random(seed).sample(paths, min(photos, len(paths)))
    if only:
        finder = load_finder(only)
        ms = 1e3 * np.array([_seconds(finder, rgb) for _, rgb in _photos(chosen, "timing")])
        print(f"{only}: {len(ms)} photos, CPU time of one, median: {np.median(ms):.2f} ms")
        return
    finders = [load_finder("onnx"), load_finder("mediapipe")]
    found, count, apart = np.zeros(2, int), 0, list[tuple[float, float, float]]()
    for path, rgb in _photos(chosen, "comparing"):
        ours, theirs = (finder(rgb) for finder in finders)
        found += bool(ours), bool(theirs)
        count += 1
        pairs = [_apart(_nearest(ours, face), face) for face in theirs if ours]
        apart += pairs
        if len(ours) != len(theirs) or any(mean > 0.02 for mean, _, _ in pairs):
            print(f"{path}: {len(ours)} and {len(theirs)} faces, {[f'{mean:.2%}' for mean, _, _ in pairs]}")
    share, distances = found / count, np.array(apart)
    print(f"{count} photos; with a face: {share[0]:.4f} and {share[1]:.4f} of them")
    for name, values in zip(("mean", "99th percentile", "largest"), distances.T, strict=True):
        middle, far = np.percentile(values, (50, 99))
        print(
            f"{name} of a face's landmarks, in inter-ocular distances: median {middle:.4%}, 99th percentile {far:.3%}"
        )


def _photos(paths: list[Path], what: str) -> Iterator[tuple[Path, np.ndarray]]:
    for path in track(paths, what):
        try:
            yield path, read_photo(path).rgb
        except PhotoError:
            continue


def _seconds(finder: FaceFinder, rgb: np.ndarray) -> float:
    """Of processor time."""
    start = time.process_time()
    finder(rgb)
    return time.process_time() - start


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
