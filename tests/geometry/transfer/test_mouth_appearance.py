"""How teeth, gums and the dark behind them look: hand numbers of the measured profiles, and what follows from them."""

import math

import numpy as np
import pytest

from facerelief.colour import LUMA
from facerelief.geometry.transfer.mouth.appearance import Surface, between_edges, lit, shaded_by_lips, thin_corners
from facerelief.geometry.transfer.mouth.maps import cheeks_depth

TEETH = np.array((0.8, 0.78, 0.74))


def surface(shape: tuple[int, int] = (1, 1), **values: float) -> Surface:
    """A tooth's front in full light, of 200 pixels to an inter-ocular distance, but for `values`."""
    usual = {
        "facing": 1.0,
        "exposure": 1.0,
        "tooth": 1.0,
        "aside": 0.0,
        "edge": 1.0,
        "side": 1.0,
        "jaw": 0.0,
        "level": 1.0,
    }
    planes = usual | {"gloss": 0.0, "reached": 1.0} | values
    return Surface(**{name: np.full(shape, value) for name, value in planes.items()}, unit=200.0)


def test_a_front_tooth_in_full_light_has_the_teeths_colour() -> None:
    np.testing.assert_allclose(lit(surface(), TEETH, 1.0)[0, 0], TEETH)


def test_teeth_get_darker_and_yellower_to_the_sides() -> None:
    """From 0.3 inter-ocular distances on: 0.88, 0.83 and 0.79 of red, green and blue."""
    np.testing.assert_allclose(lit(surface(aside=0.3), TEETH, 1.0)[0, 0], TEETH * (0.88, 0.83, 0.79))
    levels = [lit(surface(aside=place), TEETH, 1.0)[0, 0] @ LUMA for place in (0.05, 0.15, 0.25, 0.35)]
    assert levels == sorted(levels, reverse=True) and levels[0] == pytest.approx(TEETH @ LUMA)


def test_cheeks_and_tongue_hide_lower_molars() -> None:
    """From 0.3 inter-ocular distances on there is flesh in their place; upper ones are seen."""
    molar, flesh = (lit(surface(tooth=tooth, jaw=1.0, aside=0.3), TEETH, 1.0)[0, 0] for tooth in (1.0, 0.0))
    np.testing.assert_allclose(molar, flesh)
    front, upper = (lit(surface(**place), TEETH, 1.0)[0, 0] for place in ({"jaw": 1.0}, {"aside": 0.3}))
    assert min(front[1], upper[1]) > 1.2 * flesh[1]


def test_front_teeth_have_a_white_highlight_in_the_middle() -> None:
    """0.22 of (the teeth's colour)^0.3 at its middle; exp(-1/2) of it 0.022 further up; none at sides and on molars."""
    middle = {"edge": 0.09, "side": 0.065, "gloss": 1.0}
    plain = lit(surface(edge=0.09, side=0.065), TEETH, 1.0)[0, 0]
    white = 0.22 * TEETH**0.3
    wet = 0.8 * TEETH  # of the surface, where it faces the light
    np.testing.assert_allclose(lit(surface(**middle), TEETH, 1.0)[0, 0] - plain, white + wet)
    higher = lit(surface(**middle | {"edge": 0.112}), TEETH, 1.0)[0, 0] - plain
    np.testing.assert_allclose(higher, white * math.exp(-0.5) + wet)
    for none in ({"side": 0.0}, {"aside": 0.3}, {"tooth": 0.0}):
        without, without_gloss = (lit(surface(**middle | none | g), TEETH, 1.0)[0, 0] for g in ({}, {"gloss": 0.0}))
        np.testing.assert_allclose(without - without_gloss, wet if "tooth" not in none else 0.35 * wet, rtol=1e-6)
    assert np.ptp(white / white.mean()) < 0.5 * np.ptp(TEETH / TEETH.mean())


def test_the_inside_ends_softly_at_the_corners() -> None:
    """Over 0.05 inter-ocular distances; half way it is half there."""
    mask = np.zeros((20, 101), bool)
    mask[5:15, 10:91] = True
    found = thin_corners(mask, 200.0)[10]
    assert found[10] == 0 and found[15] == pytest.approx(0.5) and found[20:81].min() == 1 and found[95] == 0
    assert not thin_corners(np.zeros((5, 5), bool), 200.0).any()


def test_flesh_gets_darker_and_redder_with_depth() -> None:
    """Red over green is 2.0 in the dark of real mouths; tongues have a little more blue than green."""
    reds, lumas = [], []
    for reached in (1.0, 0.3, 0.2, 0.0):
        red, green, blue = colour = lit(surface(tooth=0.0, jaw=1.0, reached=reached), TEETH, 1.0)[0, 0]
        reds.append(red / green)
        lumas.append(colour @ LUMA)
        assert 0.96 < blue / green < 1.08
    assert lumas == sorted(lumas, reverse=True) and reds == sorted(reds)
    assert reds[0] == pytest.approx(0.66 / 0.335 * 0.8 / 0.78, abs=0.02) and reds[-1] > 2
    gums = lit(surface(tooth=0.0, reached=1.0), TEETH, 1.0)[0, 0]
    np.testing.assert_allclose(gums / TEETH, (0.63, 0.43, 0.42), atol=1e-6)
    assert 0.02 < lumas[-1] < 0.06 and lumas[0] == pytest.approx(0.43 * 0.78, abs=0.03)


def test_in_a_grey_photo_all_is_grey() -> None:
    grey, mask = np.full(3, 0.7), np.ones((40, 30), bool)
    for tooth in (0.0, 1.0):
        shown = surface((40, 30), tooth=tooth, reached=0.2, aside=0.2, edge=0.0)
        colours = shaded_by_lips(lit(shown, grey, 0.0), mask, shown.tooth, 200.0, np.full(3, 0.4), 0.0)
        assert np.ptp(colours, axis=2).max() < 1e-9


def test_gloss_is_where_the_surface_reflects_the_light_and_where_light_comes() -> None:
    plain, glossy, dark = (
        lit(surface(gloss=gloss, reached=reached), TEETH, 1.0)[0, 0] @ LUMA
        for gloss, reached in ((0.9, 1.0), (1.0, 1.0), (1.0, 0.0))
    )
    assert glossy > 1.3 * plain and dark < 0.2 * plain


def test_lower_teeth_are_in_the_shade_of_upper_ones() -> None:
    """0.55 exp(-d / 0.04) of the light is taken, d below the last row of upper teeth, and 0.1 of all the rest."""
    shown = surface((30, 2))
    shown.jaw[10:] = 1.0
    ratio = (lit(shown, TEETH, 1.0) / TEETH)[:, 0]
    np.testing.assert_allclose(ratio[:10], 1)
    for row in (10, 13, 29):
        left = 0.9 * (1 - 0.55 * math.exp(-(row - 9) / 200 / 0.04))
        np.testing.assert_allclose(ratio[row], [left**0.85, left**1.08, left**1.15], atol=1e-6)
    grey = (lit(shown, np.full(3, 0.7), 0.0) / 0.7)[13, 0]
    np.testing.assert_allclose(grey, 0.9 * (1 - 0.55 * math.exp(-4 / 200 / 0.04)), atol=1e-6)


def test_the_upper_lip_shades_what_is_right_below_it_and_reddens_it() -> None:
    """0.26 exp(-d / 0.02) of red is taken and 0.45 of blue; far from both lips nothing."""
    mask = np.zeros((200, 99), bool)
    mask[20:180] = True
    lips = np.array((0.6, 0.4, 0.4))
    shaded = shaded_by_lips(np.ones((200, 99, 3)), mask, np.ones((200, 99)), 400.0, lips, 1.0)[:, 49]
    for row in (20, 24, 34):
        away = (row - 19) / 400
        assert shaded[row, 0] == pytest.approx(1 - 0.26 * math.exp(-away / 0.02), abs=1e-3)
        assert shaded[row, 2] == pytest.approx(1 - 0.45 * math.exp(-away / 0.02), abs=1e-3)
    np.testing.assert_allclose(shaded[90], 1, atol=0.01)


def test_lips_turn_inwards() -> None:
    """At its edge its wet side is seen, darker than the lip; 0.025 inter-ocular distances wide where it is widest.

    The upper lip's is half as wide, and hidden by teeth.
    """
    lips, mask = np.array((0.6, 0.4, 0.4)), np.zeros((200, 5), bool)
    mask[20:180] = True
    rim = shaded_by_lips(np.zeros((200, 5, 3)), mask, np.zeros((200, 5)), 400.0, lips, 1.0)[:, 2]
    np.testing.assert_allclose(rim[179], lips * (0.8, 0.66, 0.66), rtol=0.02)
    assert rim[170, 0] == pytest.approx(0.48 * math.exp(-((10 / 10) ** 2)), abs=1e-3)  # 10 pixels are 0.025
    np.testing.assert_allclose(rim[20], lips * (0.55, 0.38, 0.38), rtol=0.05)
    assert rim[25, 0] == pytest.approx(0.33 * math.exp(-((6 / 5) ** 2)), abs=1e-3)
    toothed = shaded_by_lips(np.zeros((200, 5, 3)), mask, np.ones((200, 5)), 400.0, lips, 1.0)[:, 2]
    assert toothed[20].max() < 1e-6 and (toothed[100:] == rim[100:]).all()


def test_cheeks_are_nearest_at_the_corners_of_the_mouth() -> None:
    mask = np.zeros((50, 50), bool)
    mask[20:30, 10:41] = True
    depth = cheeks_depth(mask, 100.0)
    assert depth[10] == depth[40] == depth[0] == pytest.approx(0.35)
    assert depth[25] == pytest.approx(0.35 + 5 * 0.15)
    assert cheeks_depth(np.zeros((50, 50), bool), 100.0).shape == (50,)


def test_teeth_have_rounded_corners_with_dark_between_them() -> None:
    """Two front teeth of 28 pixels side by side, a gap of 4 between them, 30 pixels high above their edges."""
    column, row = np.arange(60.0), np.arange(30.0)[::-1]
    shown = surface((30, 60))
    shown.side[:] = np.where(column < 28, 27.5 - column, np.where(column < 32, 200.0, column - 31.5)) / 200
    shown.edge[:] = row[:, None] / 200
    shown.edge[:, 28:32] = 1.0
    found = between_edges(np.ones((30, 60, 3)), shown, 0.0) @ LUMA
    assert found[-1, 26:34].max() < 0.45  # at the edges the gap is dark, and so are the corners beside it
    assert found[-1, 10] > 0.95 and found[0, 10] > 0.95 and found[0, 29] > 0.5
    inside = np.hypot(9 - 1.5, 9 - 1.5)  # pixels from the centre of a corner of radius 9 to its very corner
    assert inside > 9 and found[-2, 26] < 0.6 < found[-7, 20]


def test_teeth_are_darker_where_they_touch() -> None:
    """By 0.18 at the contact, by 0.18 / e 0.01 inter-ocular distances beside it."""
    for side, left in ((0.0, 0.82), (0.01, 1 - 0.18 / math.e)):
        np.testing.assert_allclose(between_edges(np.ones((1, 1, 3)), surface(side=side), 1.0), np.full((1, 1, 3), left))


@pytest.mark.parametrize(("tooth", "left"), [(1.0, 0.4), (0.0, 0.8)])
def test_corners_of_the_mouth_are_dark(tooth: float, left: float) -> None:
    mask = np.zeros((60, 100), bool)
    mask[20:40, 10:90] = True
    shown = shaded_by_lips(np.ones((60, 100, 3)), mask, np.full((60, 100), tooth), 200.0, TEETH, 0.0)[30] @ LUMA
    assert shown[10] == pytest.approx(left * shown[50], abs=0.01)
    assert (np.diff(shown[10:31]) > 0).all() and shown[31] == pytest.approx(shown[50])
