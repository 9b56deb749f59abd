"""Teeth in drawn mouths, whose parts are known."""

import os
from pathlib import Path

import numpy as np
import pytest
from drawn_mouths import DARK, LIP, TONGUE, TOOTH, WHITE, Colour, draw, halves, landmarks

from facerelief.evaluation.outside.mouths import cut_mouth, look_at_mouth, own_side, teeth_mask
from facerelief.faces.detector import LandmarkFinder
from facerelief.photos.photo import read_photo


@pytest.mark.parametrize("grey", [False, True])
@pytest.mark.parametrize(
    ("upper", "lower", "shown"),
    [(TOOTH, DARK, "upper"), (DARK, DARK, ""), (TOOTH, TOOTH, "both"), (DARK, TONGUE, ""), (WHITE, LIP, "upper")],
)
def test_the_share_that_shows_teeth(upper: Colour, lower: Colour, shown: str, grey: bool) -> None:
    """As it was drawn, in colour and in grey; tongue and gums are none."""
    points = landmarks()
    found = look_at_mouth(draw(points, upper, lower, grey), points)
    inside, above = halves(points)
    share = {"": 0.0, "both": 1.0, "upper": (inside & above).sum() / inside.sum()}[shown]
    assert found.is_open
    assert found.teeth == pytest.approx(share, abs=0.06)


def test_a_photo_in_another_light_shows_as_much() -> None:
    points = landmarks()
    pixels = draw(points)
    dim = np.rint(pixels * 0.5).astype(np.uint8)
    warm = np.clip(pixels * (1.1, 0.95, 0.8), 0, 255).astype(np.uint8)
    wanted = look_at_mouth(pixels, points).teeth
    assert look_at_mouth(dim, points).teeth == pytest.approx(wanted, abs=0.02)
    assert look_at_mouth(warm, points).teeth == pytest.approx(wanted, abs=0.02)


def test_a_closed_mouth_has_no_inside() -> None:
    points = landmarks("neutral")
    found = look_at_mouth(draw(points), points)
    assert not found.is_open
    assert np.isnan([found.teeth, found.detail]).all()


def test_detail_tells_stripes_from_a_smooth_patch() -> None:
    points = landmarks("surprise")
    smooth = draw(points, TOOTH, TOOTH)
    stripes = smooth.copy()
    _, inside = teeth_mask(smooth, points)
    columns = np.broadcast_to(np.arange(smooth.shape[1]) % 12 < 6, inside.shape)
    stripes[inside & columns] = DARK
    rough = np.random.default_rng(0).integers(-8, 9, smooth.shape)  # the lips' texture, of which detail is a share
    with_texture = [np.where(inside[..., None], one, np.clip(one + rough, 0, 255)) for one in (smooth, stripes)]
    smooth_one, striped = (look_at_mouth(one.astype(np.uint8), points).detail for one in with_texture)
    assert smooth_one < 0.1
    assert striped > 10 * max(smooth_one, 0.1)


def test_a_mouth_is_cut_upright_at_the_photo_s_own_resolution() -> None:
    points = landmarks()
    assert own_side(points) == pytest.approx(200 / 0.33, rel=0.02)  # eyes that narrow are 1.8 % nearer
    mouth = cut_mouth(draw(points), points)
    high, wide = mouth.shape[:2]
    assert high == pytest.approx(0.32 * own_side(points), abs=2)
    assert wide == pytest.approx(0.52 * own_side(points), abs=2)
    middle = mouth[:, wide // 2].astype(int)
    assert (np.abs(middle - TOOTH).sum(axis=1) < 30).sum() > 5
    assert cut_mouth(draw(points), points, 100).shape == (32, 52, 3)


def test_real_smiles_show_teeth_and_closed_mouths_do_not(finder: LandmarkFinder) -> None:
    shared = Path(os.environ.get("FACERELIEF_SHARED", Path(__file__).resolve().parents[2].parent / "shared"))
    photos = shared / "data" / "london"
    if not photos.is_dir():
        pytest.skip(f"no development photos at {photos}; FACERELIEF_SHARED names their folder")
    for name, low, high in (("002", 0.6, 0.85), ("103", 0.6, 0.95), ("043", 0.0, 0.05)):
        rgb = read_photo(photos / "happiness" / f"{name}.jpg").rgb
        assert low <= look_at_mouth(rgb, finder(rgb)[0].landmarks).teeth <= high, name
