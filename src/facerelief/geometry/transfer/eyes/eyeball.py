"""What lies behind lids: the eye as the photo shows it, what lids hid of it, and an iris that looks elsewhere."""

from dataclasses import dataclass

import numpy as np

from facerelief.array_types import Floats
from facerelief.colour import LUMA
from facerelief.easing import smoothstep
from facerelief.geometry.filters import ndimage
from facerelief.geometry.morphable.uv_map import sample_bilinear
from facerelief.geometry.transfer.eyes.lids import Lids
from facerelief.geometry.transfer.eyes.seen import Eye

_RIM = (0.03, 0.012)  # inter-ocular distances below the upper and above the lower lid in which lashes and shadows are
_BORDER = (1.03, 1.14)  # of an iris' radius, over which it goes over into white
_LEFT = (1.15, 1.3)  # the same, where nothing is left of an iris that was there
_BRIGHT, _WHITE = 75, (0.55, 0.85)  # percentile of what may be white; shares of it from which it is and surely is
_NEAR, _FAR, _LITTLE = 0.035, 0.12, 0.03  # inter-ocular distances with which white is continued; a small weight
_SHADOW, _HEIGHT = 0.3, 0.025  # of light that the upper lid takes at its edge; how far down, inter-ocular distances
_LIGHT = (0.6, 1.25)  # least and most


@dataclass(frozen=True, eq=False)
class Eyeball:
    """An eyeball in its frame.

    Attributes:
        levels: (S, S, 3), 0 to 255, without its lids.
        raw: (S, S, 1), share to which the photo itself shows it.
        light: (S, S, 1), what it is to be multiplied with.
    """

    levels: Floats
    raw: Floats
    light: Floats


def eyeball(eye: Eye, lids: Lids, shift: Floats) -> Eyeball:
    """An eye without lids.

    Args:
        eye: As the photo shows it.
        lids: Where its lids will be.
        shift: (2,), by which its iris moves, frame pixels.
    """
    known, away = _known(eye), _from_iris(eye, np.zeros(2))
    white = _white(eye, known, away)
    iris, opacity = _iris(eye, known, shift)
    seen, kept = eye.pixels.astype(np.float64), _uncovered(eye, lids)
    if shift.any():
        kept = kept * _fade(away, *_LEFT)
        levels = white + kept * (seen - white)
        levels, raw = levels + opacity * (iris - levels), kept * (1 - opacity)
    else:
        hidden = white + opacity * (iris - white)
        levels, raw = hidden + kept * (seen - hidden), kept
    light = _shade(lids, eye.unit) / (1 + raw * (_shade(eye.lids, eye.unit) - 1))
    return Eyeball(levels, raw, np.clip(light, *_LIGHT))


def _from_iris(eye: Eye, shift: Floats) -> Floats:
    """(S, S, 1): the distance from the centre of an iris that moved by `shift`, in its radii."""
    places = np.arange(len(eye.pixels)) + 0.5
    right, down = places - eye.iris.x - shift[0], (places - eye.iris.y - shift[1])[:, None]
    return np.hypot(right, down)[..., None] / eye.iris.radius


def _fade(values: Floats, zero: float, one: float) -> Floats:
    return smoothstep((values - zero) / (one - zero))


def _known(eye: Eye) -> Floats:
    """(S, S, 1): where the photo shows the eyeball, away from lids and lashes."""
    return _within(eye, *_RIM)


def _uncovered(eye: Eye, lids: Lids) -> Floats:
    """(S, S, 1): where the photo shows what `lids` leave open; where they open farther, away from the old edges."""
    rises, falls = eye.lids.upper - lids.upper, lids.lower - eye.lids.lower
    rims = (np.clip(2 * moved / eye.unit, 0, rim) for moved, rim in zip((rises, falls), _RIM, strict=True))
    return _within(eye, *rims)


def _within(eye: Eye, top: Floats | float, bottom: Floats | float) -> Floats:
    inner = Lids(eye.lids.upper + top * eye.unit, eye.lids.lower - bottom * eye.unit, eye.lids.corners)
    return inner.within(max(1.0, 0.012 * eye.unit))


def _white(eye: Eye, known: Floats, away: Floats) -> Floats:
    """(S, S, 3): the white of the eye, continued behind iris and lids; away: (S, S, 1), from the iris, in its radii."""
    white = known * _fade(away, *_LEFT)
    luma = (eye.pixels @ LUMA)[..., None]
    bright = np.percentile(luma[white > 0.5], _BRIGHT) if (white > 0.5).any() else 160.0
    weights = white * _fade(luma / bright, *_WHITE) + 1e-9
    both = np.dstack([eye.pixels * weights, weights])
    found: Floats | None = None
    for deviation in (_FAR, _NEAR):
        blurred = ndimage().gaussian_filter(both, (deviation * eye.unit, deviation * eye.unit, 0), truncate=3.0)
        total = blurred[..., 3:]
        here = blurred[..., :3] / np.maximum(total, 1e-12)
        found = here if found is None else found + total / (total + _LITTLE) * (here - found)
    assert found is not None
    return found


def _iris(eye: Eye, known: Floats, shift: Floats) -> tuple[Floats, Floats]:
    """(S, S, 3) a whole iris, moved by `shift`, and its opacity (S, S, 1).

    What a lid hides is what mirrors it, from above to below; what is hidden there too, its mean at that radius.
    """
    places = np.arange(len(known)) + 0.5
    right, down = np.meshgrid(places - shift[0] - eye.iris.x, places - shift[1] - eye.iris.y)
    away = _from_iris(eye, shift)
    source = np.dstack([eye.pixels, known]).astype(np.float64)
    found = _radial(eye, known)[np.minimum((away[..., 0] * 20).astype(int), 29)]
    for side in (-1, 1):
        there = sample_bilinear(source, np.dstack([eye.iris.x + right, eye.iris.y + side * down]))
        found = found + there[..., 3:] * (there[..., :3] - found)
    return found, 1 - _fade(away, *_BORDER)


def _radial(eye: Eye, known: Floats) -> Floats:
    """(30, 3): the iris' mean colour at each twentieth of its radius."""
    away = _from_iris(eye, np.zeros(2))
    bins = np.minimum((away * 20).astype(int), 29).ravel()
    weights = known.ravel() + 1e-6
    total = np.bincount(bins, weights, minlength=30)
    sums = [np.bincount(bins, weights * eye.pixels[..., k].ravel(), minlength=30) for k in range(3)]
    means: Floats = np.stack(sums, axis=1) / np.maximum(total, 1e-9)[:, None]
    return means


def _shade(lids: Lids, unit: float) -> Floats:
    """(S, S, 1): the share of light that an upper lid leaves an eye."""
    rows = np.arange(len(lids.upper))[:, None] + 0.5
    below = np.maximum(rows - lids.upper, 0) / (_HEIGHT * unit)
    shade: Floats = 1 - _SHADOW * np.exp(-below)
    return shade[..., None]
