"""Sheets of tiles: what is pasted where."""

import numpy as np
import pytest

from facerelief.tile_sheet import SheetStyle, draw_sheet, enlarged


def tile(level: int, height: int = 10, width: int = 20) -> np.ndarray:
    return np.full((height, width, 3), level, dtype=np.uint8)


def test_tiles_lie_side_by_side_and_rows_below_one_another() -> None:
    sheet = np.asarray(draw_sheet([[tile(10), tile(20)], [tile(30), tile(40)]]))
    assert sheet.shape == (20, 40, 3)
    assert [sheet[y, x, 0] for y in (5, 15) for x in (10, 30)] == [10, 20, 30, 40]


def test_titles_names_and_gaps_take_their_room() -> None:
    style = SheetStyle(left=30, top=16, gap=4, block=2, block_gap=7)
    rows = [[tile(level), tile(level)] for level in (10, 20, 30, 40)]
    sheet = np.asarray(draw_sheet(rows, ("a", "b"), "wxyz", style))
    assert sheet.shape == (16 + 4 * 14 + 2 * 7, 30 + 2 * 24, 3)
    corners = [sheet[y, 30, 0] for y in (16, 30, 51, 65)]  # the third row is the second block's first
    assert corners == [10, 20, 30, 40]
    assert (sheet[:16].min() < 128) and (sheet[16:, :30].min() < 128)  # something is written there


def test_a_row_of_wider_tiles_and_a_tile_that_is_not_there() -> None:
    sheet = np.asarray(draw_sheet([[tile(10), None], [tile(20, width=40), tile(30)]], style=SheetStyle(empty="")))
    assert sheet.shape == (20, 60, 3)
    assert (sheet[:10, 20:] == 255).all()
    assert sheet[15, 39, 0] == 20 and sheet[15, 40, 0] == 30


@pytest.mark.parametrize("factor", [1, 3])
def test_enlarging_repeats_pixels(factor: int) -> None:
    small = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    np.testing.assert_array_equal(enlarged(small, factor), np.kron(small, np.ones((factor, factor, 1), np.uint8)))
