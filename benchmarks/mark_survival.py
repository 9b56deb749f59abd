"""How often the mark in the pixels is found again, and how often where there is none: figures of docs/provenance.md.

python benchmarks/mark_survival.py DATASET
python benchmarks/mark_survival.py DATASET chance
"""

import io
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from facerelief.data.manifest import read_samples
from facerelief.faces.alignment import Crop
from facerelief.photos.provenance import watermark_detection
from facerelief.photos.provenance.watermark import embed_watermark
from facerelief.photos.provenance.watermark_detection import detect_watermarks

PHOTOS, UNMARKED = 20, 100
FACES = (128, 64, 256)  # pixels: heights of faces; crops are about 1.36 times as large
CROP = 1.36


def saved(image: Image.Image, quality: int, kind: str = "JPEG") -> Image.Image:
    stream = io.BytesIO()
    image.save(stream, kind, quality=quality)
    return Image.open(stream).convert("RGB")


def resized(image: Image.Image, share: float) -> Image.Image:
    return image.resize((round(image.width * share), round(image.height * share)), Image.Resampling.BICUBIC)


# name: what is done to the picture, by which share it is resized, and how many pixels are cut off left and above
Way = tuple[Callable[[Image.Image], Image.Image], float, int]
WAYS: dict[str, Way] = {
    "PNG": (lambda image: image, 1, 0),
    "JPEG 75": (lambda image: saved(image, 75), 1, 0),
    "JPEG 50": (lambda image: saved(image, 50), 1, 0),
    "WebP 75": (lambda image: saved(image, 75, "WEBP"), 1, 0),
    "half": (lambda image: resized(image, 0.5), 0.5, 0),
    "half, JPEG 75": (lambda image: saved(resized(image, 0.5), 75), 0.5, 0),
    "0.8, JPEG 75": (lambda image: saved(resized(image, 0.8), 75), 0.8, 0),
    "cut, JPEG 75": (lambda image: saved(image.crop((5, 5, image.width, image.height)), 75), 1, 5),
    "not marked": (lambda image: image, 1, 0),
}


def main(dataset: Path) -> None:
    kept = [sample for sample in read_samples(dataset) if sample.keep]
    chosen = np.random.default_rng(0).choice(len(kept), PHOTOS, replace=False)
    print("| face, pixels | PSNR, dB | " + " | ".join(WAYS) + " |\n|--:|--:|" + "--:|" * len(WAYS))
    for face in FACES:
        side = 2 * round(CROP * face / 2)
        found, noise = dict.fromkeys(WAYS, 0), []
        for number, row in enumerate(chosen):
            with Image.open(dataset / kept[row].file_name) as image:
                rgb = np.asarray(image.convert("RGB").resize((side, side), Image.Resampling.LANCZOS))
            crop = Crop(np.array([[256 / side, 0, 0], [0, 256 / side, 0]]), 256)
            image = Image.fromarray(rgb)
            embed_watermark(image, [(crop, "happiness")])
            marked = np.asarray(image)
            noise.append(10 * np.log10(255**2 / np.square(marked.astype(float) - rgb).mean()))
            off = np.random.default_rng(number).normal(scale=2, size=2)  # of 256: what a finder's crops are off by
            for name, (way, share, cut) in WAYS.items():
                picture = way(Image.fromarray(rgb if name == "not marked" else marked))
                scale = 256 / side / share
                seen = Crop(np.array([[scale, 0, cut * scale + off[0]], [0, scale, cut * scale + off[1]]]), 256)
                found[name] += bool(detect_watermarks(np.asarray(picture), [seen]))
        shares = " | ".join(f"{100 * count / PHOTOS:.0f} %" for count in found.values())
        print(f"| {face} | {min(noise):.1f} | {shares} |", flush=True)


def chance(dataset: Path) -> None:
    """Shares of windows of unmarked photos that are as clear as a chance, against that chance."""
    kept = [sample for sample in read_samples(dataset) if sample.keep]
    found, marks = [], 0
    for row in np.random.default_rng(1).choice(len(kept), UNMARKED, replace=False):
        with Image.open(dataset / kept[row].file_name) as image:
            luma = np.asarray(image.convert("L"), dtype=np.float32)
        marks += len(detect_watermarks(np.repeat(luma[..., None], 3, axis=2).astype(np.uint8)))
        for size in (1.0, 2**0.5, 2.0, 8**0.5):
            found += [
                watermark_detection._chances()[watermark_detection._right(shown)]
                for _, shown in watermark_detection._windows(luma, size)
            ]
    windows = np.concatenate(found)
    print(f"{len(windows)} windows of {UNMARKED} photos, {marks} marks; the clearest {windows.min():.0e}")
    for bound in (0.1, 0.01, 0.001, 0.0001):
        print(f"below {bound}: {(windows < bound).mean() / bound:.2f} of it")


if __name__ == "__main__":
    (chance if sys.argv[2:] == ["chance"] else main)(Path(sys.argv[1]))
