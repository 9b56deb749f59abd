"""How edits fail: synthetic faces with what is hard about real ones, or photos, each edited to every expression.

python benchmarks/hard_faces.py docs/failures.jpg                          # of editors: --method morphable
python benchmarks/hard_faces.py docs/failures-real.jpg --photos PHOTO ...   # rows of your own photos
python benchmarks/hard_faces.py docs/controls.jpg --to wink-left AU4 --photos PHOTO ...  # to what `edit --to` takes

Faces are found in the pictures as in any photo; nothing that the drawing knows reaches the editor.
"""

import argparse
import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from facerelief.editing import DEFAULT, METHODS, Editor, load_editor
from facerelief.expressions import EXPRESSIONS
from facerelief.faces.alignment import align
from facerelief.geometry.morphable.model import load_face
from facerelief.geometry.morphable.random_faces import random_person, random_setting, render_portrait
from facerelief.photos.photo import Photo, read_photo

SIZE, FINE, TILE = 384, 4, 150  # pixels; drawn so many times finer; of the sheet
DARK = (28, 22, 20)
EYES, MOUTH = ((33, 133), (362, 263)), (61, 291)  # outer and inner corners
JAW = (234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288, 361, 323, 454)

Rows = list[tuple[str, list[np.ndarray]]]  # a title, and pictures (H, W, 3) uint8
Hard = Callable[[Image.Image, np.ndarray, np.random.Generator], Image.Image]


def glasses(picture: Image.Image, points: np.ndarray, random: np.random.Generator) -> Image.Image:
    draw, eye_line = ImageDraw.Draw(picture), np.linalg.norm(points[33] - points[263])
    inner = []
    for a, b in EYES:
        centre = points[[a, b]].mean(axis=0) + np.array([0, 0.06 * eye_line])
        half = np.linalg.norm(points[a] - points[b]) * np.array([0.85, 0.72])
        box = [*(centre - half), *(centre + half)]
        draw.rounded_rectangle(box, half[1] * 0.8, outline=DARK, width=round(0.045 * eye_line))
        inner.append(centre + half * (1 if a == 33 else -1, -0.1))
    draw.line([tuple(point) for point in inner], fill=DARK, width=round(0.04 * eye_line))
    return picture


def beard(picture: Image.Image, points: np.ndarray, random: np.random.Generator) -> Image.Image:
    """Short dark strokes that hang from cheeks, chin and upper lip, not from the lips."""
    left, right = points[list(MOUTH)]
    where = Image.new("L", picture.size)
    draw = ImageDraw.Draw(where)
    draw.polygon([tuple(point) for point in [*points[list(JAW[3:-3])], points[2]]], fill=255)
    lips = (left + right) / 2
    half = np.array([np.linalg.norm(right - left) * 0.56, (points[17, 1] - points[0, 1]) * 0.6])
    draw.ellipse([*(lips - half), *(lips + half)], fill=0)
    share = np.asarray(where.filter(ImageFilter.GaussianBlur(6))) / 255
    hairs = Image.new("L", picture.size)
    pen = ImageDraw.Draw(hairs)
    for x, y in random.uniform((0, 0), picture.size, (60_000, 2)):
        if random.random() < share[int(y), int(x)]:
            lean = 14 * (x - lips[0]) / picture.width
            pen.line([x, y, x + lean, y + random.uniform(10, 24)], fill=int(random.uniform(90, 230)), width=2)
    return Image.composite(Image.new("RGB", picture.size, (58, 42, 34)), picture, hairs)


def plain(picture: Image.Image, points: np.ndarray, random: np.random.Generator) -> Image.Image:
    return picture


@dataclasses.dataclass(frozen=True)
class Case:
    title: str
    person: int
    expression: str
    yaw: float
    worn: Hard = plain
    part: str = "face"


CASES = (
    Case("mouth wide open", 3, "surprise", 0),
    Case("half-profile", 12, "neutral", 34),
    Case("half-profile", 21, "happiness", -34),
    Case("glasses", 41, "neutral", 0, glasses),
    Case("glasses", 44, "happiness", 15, glasses),
    Case("--part mouth", 44, "happiness", 15, glasses, "mouth"),
    Case("beard", 52, "neutral", -8, beard),
)


def photo(case: Case) -> Photo:
    face = load_face()
    person = random_person(face, np.random.default_rng((5, case.person)))
    setting = random_setting(np.random.default_rng((6, case.person)))
    rgb, landmarks = render_portrait(
        face, person, case.expression, dataclasses.replace(setting, yaw=case.yaw, strength=1.2), SIZE
    )
    fine = Image.fromarray(rgb).resize((SIZE * FINE, SIZE * FINE), Image.Resampling.BICUBIC)
    worn = case.worn(fine, landmarks[:, :2] * FINE, np.random.default_rng(case.person))
    return Photo(np.asarray(worn.resize((SIZE, SIZE), Image.Resampling.LANCZOS)), name=case.title)


def rows_of_cases(editor: Editor, to: list[str]) -> Rows:
    """Each synthetic case before and after every edit."""
    rows: Rows = []
    for case in CASES:
        one = photo(case)
        faces = editor.find(one)
        edits = [editor(one, words, faces=faces, part=case.part).photo.rgb for words in to]
        rows.append((case.title, [one.rgb, *edits]))
    return rows


def rows_of_photos(editor: Editor, photos: list[Path], to: list[str]) -> Rows:
    """The largest face of each photo before and after every edit."""
    rows: Rows = []
    for path in photos:
        one = read_photo(path)
        faces = editor.find(one)[:1]
        crop = align(faces[0].landmarks, SIZE)
        edits = [editor(one, words, faces=faces).photo.rgb for words in to]
        rows.append((path.stem, [crop.cut(rgb) for rgb in (one.rgb, *edits)]))
    return rows


def sheet(rows: Rows, titles: list[str]) -> Image.Image:
    """Rows of pictures (H, W, 3), each with its title."""
    side, head = 24, 28
    paper = Image.new("RGB", (side + len(titles) * TILE, head + len(rows) * TILE), "white")
    draw, font = ImageDraw.Draw(paper), ImageFont.load_default(14)
    for column, title in enumerate(titles):
        draw.text((side + (column + 0.5) * TILE, head / 2), title, "black", font, anchor="mm")
    for number, (title, tiles) in enumerate(rows):
        label = Image.new("RGB", (TILE, side), "white")
        ImageDraw.Draw(label).text((TILE / 2, side / 2), title, "black", font, anchor="mm")
        paper.paste(label.rotate(90, expand=True), (0, head + number * TILE))
        for column, tile in enumerate(tiles):
            small = Image.fromarray(tile).resize((TILE, TILE), Image.Resampling.LANCZOS)
            paper.paste(small, (side + column * TILE, head + number * TILE))
    return paper


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--method", choices=METHODS, default=DEFAULT)
    parser.add_argument("--photos", type=Path, nargs="+", default=[])
    parser.add_argument("--to", nargs="+", default=list(EXPRESSIONS))
    arguments = parser.parse_args()
    editor = load_editor(method=arguments.method)
    to, photos = arguments.to, arguments.photos
    rows = rows_of_photos(editor, photos, to) if photos else rows_of_cases(editor, to)
    sheet(rows, ["photo", *to]).save(arguments.picture, quality=88)


if __name__ == "__main__":
    main()
