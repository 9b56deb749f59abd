"""What landmarks lose on small photos: the same faces at 256 pixels, and shrunk and found again.

python benchmarks/small_faces.py DATASET -o docs/small-faces.png

Photos of 48 pixels, as FER2013's, are enlarged by the face finder. Each crop of a dataset is shrunk to a side, and its
face is found as in any photo. The error is the mean distance of its 468 landmarks from those found at 256 pixels, in
inter-ocular distances; the same without the shift that all landmarks share, which moves a map against its photo but
does not change it; and that of the depth map, rendered from them, over the pixels that both call face.
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from facerelief.data import Dataset
from facerelief.data.sources.labelled import fixed_draw
from facerelief.errors import NoFaceFound
from facerelief.faces.alignment import align, inter_ocular
from facerelief.faces.detector import FaceFinder, load_finder
from facerelief.files.png import read_png
from facerelief.geometry.depth_maps import FAR, NEAR, render_geometry
from facerelief.geometry.reconstructors import AlignedFace, load_reconstructor

SIDES = (192, 128, 96, 64, 48, 32)
FINE = 256
TITLES = ("landmarks", "their shape", "depth")


def landmarks_of(finder: FaceFinder, rgb: np.ndarray) -> np.ndarray | None:
    """(468, 3) of the largest face, pixels; None where none is found."""
    try:
        faces = finder(rgb)
    except NoFaceFound:
        return None
    return faces[0].landmarks.astype(np.float64) if faces else None


def depth_of(landmarks: np.ndarray, side: int) -> np.ndarray:
    """The depth map (128, 128), 0 where there is no face, as `dataset build` renders it from landmarks."""
    crop = align(landmarks, 128)
    points = crop.to_crop(landmarks)
    mesh = load_reconstructor("mediapipe")(AlignedFace(points, crop, Path("photo"), (side, side)))
    return render_geometry(mesh, points, 128).depth


def errors(fine: np.ndarray, found: np.ndarray, scale: float, side: int) -> tuple[float, float, float]:
    """Of landmarks (mean distance), of their shape, and of depth (mean absolute), in inter-ocular distances."""
    apart, unit = found[:, :2] * scale - fine[:, :2], inter_ocular(fine)
    distance, shape = (np.linalg.norm(one, axis=1).mean() / unit for one in (apart, apart - apart.mean(axis=0)))
    one, other = depth_of(fine, FINE), depth_of(found, side)
    both = (one > 0) & (other > 0)
    return float(distance), float(shape), float(np.abs(one - other)[both].mean() * (NEAR - FAR))


def main() -> None:
    """Print a table, and draw it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("-o", "--out", type=Path, default=None)
    parser.add_argument("--photos", type=int, default=200)
    asked = parser.parse_args()
    data, finder = Dataset(asked.dataset), load_finder()
    samples = sorted((s for s in data.samples if s.keep and s.face_size > FINE / 2), key=lambda s: fixed_draw(s.source))
    found: dict[int, list[tuple[float, float, float] | None]] = {side: [] for side in SIDES}
    for sample in samples[: asked.photos]:
        rgb = read_png(data.path / sample.file_name, "RGB")
        fine = landmarks_of(finder, rgb)
        if fine is None:
            continue
        for side in SIDES:
            small = np.asarray(Image.fromarray(rgb).resize((side, side), Image.Resampling.BOX))
            again = landmarks_of(finder, small)
            found[side].append(None if again is None else errors(fine, again, FINE / side, side))
    rows = []
    for side, some in found.items():
        there = np.array([one for one in some if one is not None])
        median, most = np.median(there, axis=0), np.quantile(there, 0.95, axis=0)
        rows.append((side, len(there) / len(some), *median, *most))
        shown = (f"{title} {a:.4f}, 95 % below {b:.4f}" for title, a, b in zip(TITLES, median, most, strict=True))
        print(f"{side:4d} px: found {rows[-1][1]:.3f} of {len(some)}; {'; '.join(shown)}", flush=True)
    if asked.out:
        draw(np.array(rows), asked.out)


def draw(rows: np.ndarray, path: Path) -> None:
    """Median and 95 % of both errors by side."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(5, 3))
    for column, (title, colour) in enumerate(zip(TITLES, ("tab:blue", "tab:green", "tab:orange"), strict=True), 2):
        axes.plot(rows[:, 0], rows[:, column], "o-", color=colour, label=f"{title}, median")
        axes.plot(rows[:, 0], rows[:, column + 3], "o:", color=colour, label=f"{title}, 95 % below")
    axes.set_xscale("log", base=2)
    axes.set_xticks(rows[:, 0], [f"{side:.0f}" for side in rows[:, 0]])
    axes.set_xlabel("side of the photo, pixels")
    axes.set_ylabel("inter-ocular distances")
    axes.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main()
