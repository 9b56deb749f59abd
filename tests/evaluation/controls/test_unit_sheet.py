"""The sheet of units that landmarks do not tell apart: which they are, and that each is cut where it moves."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facerelief.data.sources.labelled import Labelled
from facerelief.editing import load_editor
from facerelief.evaluation.controls import unit_sheet
from facerelief.evaluation.controls.unit_sheet import cut_region, draw_unseen_units, moved_region, unseen_units
from facerelief.evaluation.outside.people import FaceLandmarks
from facerelief.faces.detector import load_finder
from facerelief.geometry.morphable.model import load_face

FACE = load_face()
CARD = Path(unit_sheet.__file__).parents[2] / "weights" / "responses" / "README.md"


def test_those_are_drawn_that_the_card_calls_unseen() -> None:
    """Its table says which: beyond a deviation of 0.4."""
    rows = [
        line.split("|")[1:3] for line in CARD.read_text().splitlines() if line.startswith("| ") and ". " not in line
    ]
    numbers = {name.strip().removesuffix(", both sides"): number for name, number in rows if "0." in number}
    assert len(numbers) == 66
    surely = {name for name, number in numbers.items() if float(number) > 0.4}
    perhaps = {name for name, number in numbers.items() if float(number) >= 0.4}  # rounded
    names = [name for name, _ in unseen_units(FACE)]
    assert surely <= set(names) <= perhaps and len(set(names)) == len(names)


@pytest.mark.parametrize(("name", "right", "below"), [("AU4", 0, 0), ("AU15", 0, 1), ("mouthSmileLeft", 1, 1)])
def test_where_a_unit_moves(name: str, right: int, below: int) -> None:
    """The person's left side is on the right in the picture; the centre between the eyes is (0, 0)."""
    (x, y), side = moved_region(FACE, name)
    assert (x > 0.15) == bool(right) and (right or abs(x) < 0.03)
    assert (y > 0.4) == bool(below)
    assert 0.8 <= side < 2.5


def test_a_region_is_cut_around_its_centre() -> None:
    """Eyes 60 pixels apart; the region is as wide, around a point 30 below and 15 to the right."""
    rgb = np.zeros((300, 300, 3), np.uint8)
    points = FACE.mean.astype(np.float64) * 60 + (150, 120, 0)
    rgb[148:152, 163:167] = 255
    tile = cut_region(rgb, points.astype(np.float32), np.array((0.25, 0.5)), 1.0)
    assert tile.shape == (200, 200, 3)
    rows, columns = np.nonzero(tile[..., 0] > 128)
    assert abs(rows.mean() - 99.5) < 8 and abs(columns.mean() - 99.5) < 8
    assert 10 < np.ptp(rows) < 16  # 4 pixels, 3.3 times as large


def test_a_row_a_unit(portrait: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photo = tmp_path / "a.png"
    Image.fromarray(portrait).save(photo)
    monkeypatch.setattr(unit_sheet, "unseen_units", lambda face: [("AU4", 1.0), ("mouthFrownLeft", 0.5)])
    editor = load_editor(finder=load_finder(), method="morphable")
    some = [Labelled(photo, "neutral", "a")]
    done: list[int] = []
    sheet = draw_unseen_units(editor, some, FaceLandmarks(editor.finder), lambda number, *_: done.append(number))
    assert sheet.size == (22 + 2 * 204, 22 + 2 * 204)
    tiles = np.asarray(sheet)[22:, 22:].astype(int)
    for row in (0, 204):
        before, after = (tiles[row : row + 200, column : column + 200] for column in (0, 204))
        assert 1 < np.abs(after - before).mean() < 30
    assert done == [0, 1]
