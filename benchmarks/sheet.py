"""Rows of pictures, as the docs show them: whole ones, or their faces, cut out as the first picture of the row is.

python benchmarks/sheet.py docs/stimuli.jpg --faces continuum/*.png --pictures stimuli/0??.png stimuli/average.png
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from facerelief.faces.alignment import align
from facerelief.faces.detector import load_finder
from facerelief.photos.photo import read_photo
from facerelief.tile_sheet import SheetStyle, draw_sheet

TILE, GAP = 200, 4  # pixels


def faces(paths: list[Path]) -> list[np.ndarray]:
    pictures = [read_photo(path).rgb for path in paths]
    crop = align(load_finder()(pictures[0])[0].landmarks, TILE)
    return [crop.cut(rgb) for rgb in pictures]


def whole(paths: list[Path]) -> list[np.ndarray]:
    pictures = (Image.fromarray(read_photo(path).rgb) for path in paths)
    return [np.asarray(picture.resize((TILE, TILE), Image.Resampling.LANCZOS)) for picture in pictures]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("--faces", type=Path, nargs="+", default=[], metavar="PHOTO", help="the first row")
    parser.add_argument("--pictures", type=Path, nargs="+", default=[], metavar="PICTURE", help="the second")
    args = parser.parse_args()
    rows = [row for row in (faces(args.faces) if args.faces else [], whole(args.pictures)) if row]
    draw_sheet(rows, style=SheetStyle(gap=GAP)).save(args.output, quality=88)


if __name__ == "__main__":
    main()
