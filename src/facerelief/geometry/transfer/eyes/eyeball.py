"""What lies behind lids: the eye as the photo shows it, what lids hid of it, and an iris that looks elsewhere."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from facerelief.array_types import Floats
from facerelief.colour import LUMA, chroma
from facerelief.easing import smoothstep
from facerelief.geometry.morphable.uv_map import sample_bilinear
from facerelief.geometry.transfer.eyes.frame import blur, frame_places
from facerelief.geometry.transfer.eyes.lids import Lids
from facerelief.geometry.transfer.eyes.seen import Eye

_RIM = (0.03, 0.022)  # inter-ocular distances below the upper and above the lower lid in which lashes and shadows are
_OLD_EDGE, _BEYOND = 0.065, 0.02  # the same, of an edge that moved away; beyond an edge that did not
_SOFT = 0.016  # the same, over which this falls off
_BORDER = (1.03, 1.14)  # of an iris' radius, over which it goes over into white
_LEFT = (1.15, 1.3)  # the same, where nothing is left of an iris that was there
_GLINT = 1.3  # times the mean of an iris at that radius; what is brighter is a highlight
_TURNED = 0.01  # inter-ocular distances, by which an iris moves that is drawn anew
_BRIGHT, _BRIGHTEST = 85, 94  # percentiles of what may be white: the usual, and the most that is drawn
_WHITE = (0.65, 0.95)  # shares of the usual from which it is white, and surely is
_ALIKE, _BELOW = 1.25, 0.06  # times; inter-ocular distances below the lower lid
# Least luminance of the white over that of the skin, and the hue of what it lacks. In 33 sharp photos of the London set
# it is at least 0.95; in narrow eyes of small photos lashes are all that is seen of it.
_LEAST_WHITE, _WHITE_HUE = 0.95, np.array((1.06, 0.98, 0.96))
# The same, as the photo shows it: below, nothing but lashes is seen; from where on it surely is white. Of 46 eyes of 23
# photos, two whose iris could not be found have 0.28 and 0.44, the others 0.70 and more.
_LASHES, _SURELY = 0.4, 0.7
_COLOURED = 12.0  # mean distance from grey, levels, of an eye in full colour
_UNSEEN = 160.0  # levels, where no white is seen
_COARSE = 3  # pixels of the frame to one in which white is continued
_NEAR, _FAR, _LITTLE = 0.035, 0.12, 0.03  # inter-ocular distances with which white is continued; a small weight
_RISES, _DARK = 0.02, (0.5, 0.8)  # inter-ocular distances; of what is white, which in shadows of lashes is left
_SHADOW, _DARKEST = 0.4, 0.3  # of light that a lid takes where that cannot be seen; least light that it leaves
_STEP, _STEPS, _OPEN = 0.01, 9, 0.08  # inter-ocular distances; their number; of an opening that tells the shadow
_LIGHT = (0.4, 1.2)  # least and most


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


def eyeball(eye: Eye, lids: Lids, shift: Floats, whites: tuple[float, float] = (0.0, np.inf)) -> Eyeball:
    """An eye without lids.

    Args:
        eye: As the photo shows it.
        lids: Where its lids will be.
        shift: (2,), by which its iris moves, frame pixels.
        whites: How bright its white is at least, and at most, 0 to 255.
    """
    known, away, profile, before, white = _unmoved(eye)
    white = white * np.minimum(1, whites[1] / np.maximum(white @ LUMA, 1))[..., None]
    hue = _WHITE_HUE ** min(1.0, chroma(eye.pixels) / _COLOURED)
    white = white + np.maximum(0, whites[0] - white @ LUMA)[..., None] * hue
    after = _shadow(profile, lids, eye.unit)
    iris, opacity = _iris(eye, known, shift)
    seen, kept = eye.pixels.astype(np.float32), _uncovered(eye, lids)
    rises = np.clip((eye.lids.upper - lids.upper) / (_RISES * eye.unit), 0, 1).astype(np.float32)[:, None]
    luma = LUMA.astype(np.float32)
    dark = 1 - _fade((seen @ luma)[..., None] / np.maximum(white @ luma, 1)[..., None], *_DARK)
    kept = kept * (1 - rises * dark * _fade(away, *_LEFT))  # shadows of lashes that go up
    turned = float(np.clip(np.hypot(*shift) / (_TURNED * eye.unit), 0, 1))
    raw = kept * (1 - turned * np.maximum(1 - _fade(away, *_LEFT), opacity))
    hidden = white + opacity * (iris - white)
    levels = hidden + raw * (seen - hidden)
    light = after / (1 + raw * (before - 1))
    return Eyeball(levels, raw, np.clip(light, *_LIGHT))


def usual_whites(eyes: Sequence[Eye]) -> list[tuple[float, float]]:
    """How bright the white of each eye of a face is at least and at most, beside its skin.

    Not much brighter than that of the other eye: what glasses reflect is. Not darker than any white: lashes are.
    """
    most = _ALIKE * max(_LEAST_WHITE, min(map(_seen_white, eyes), default=1.0))
    return [(_LEAST_WHITE * level, most * level) for level in map(_skin_level, eyes)]


def known_share(eye: Eye) -> float:
    """From 0, an eye that is shut or shows but lashes, to 1, one that can be opened: its iris and white are seen."""
    return eye.clear * float(smoothstep((_seen_white(eye) - _LASHES) / (_SURELY - _LASHES)))


@functools.lru_cache(maxsize=8)  # as `_unmoved`
def _seen_white(eye: Eye) -> float:
    """The luminance of an eye's white as the photo shows it, over that of the skin."""
    return float(np.median(_unmoved(eye)[4] @ LUMA)) / _skin_level(eye)


@functools.lru_cache(maxsize=8)  # as `_unmoved`
def _skin_level(eye: Eye) -> float:
    """The usual luminance of the skin below an eye."""
    below = np.arange(len(eye.pixels))[:, None] > eye.lids.lower + _BELOW * eye.unit
    return max(1.0, float(np.median((eye.pixels @ LUMA)[below]))) if below.any() else _UNSEEN


@functools.lru_cache(maxsize=8)  # eyes: the same are edited again and again while a slider moves
def _unmoved(eye: Eye) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """What an eye shows whatever it does: `known`, `away`, `profile` and the light of its lids, and its white."""
    known, away = _known(eye), _from_iris(eye, np.zeros(2))
    profile = _shadow_profile(eye, away)
    light = _shadow(profile, eye.lids, eye.unit)
    return known, away, profile, light, _white(eye, known, away, light)


def _from_iris(eye: Eye, shift: Floats) -> Floats:
    """(S, S, 1): the distance from the centre of an iris that moved by `shift`, in its radii."""
    places = np.arange(len(eye.pixels), dtype=np.float32) + np.float32(0.5)
    right, down = places - (eye.iris.x + float(shift[0])), (places - (eye.iris.y + float(shift[1])))[:, None]
    away: Floats = np.hypot(right, down)[..., None] / eye.iris.radius
    return away


def _fade(values: Floats, zero: float, one: float) -> Floats:
    return smoothstep((values - zero) / (one - zero))


def _known(eye: Eye) -> Floats:
    """(S, S, 1): where the photo shows the eyeball, away from lids and lashes."""
    return _within(eye, *_RIM)


def _uncovered(eye: Eye, lids: Lids) -> Floats:
    """(S, S, 1): where the photo shows what `lids` leave open; where they open farther, away from the old edges."""
    moved = eye.lids.upper - lids.upper, lids.lower - eye.lids.lower
    rims = (np.clip(3 * far / eye.unit, 0, _OLD_EDGE) - _BEYOND for far in moved)
    return _within(eye, *rims)


def _within(eye: Eye, top: Floats | float, bottom: Floats | float) -> Floats:
    inner = Lids(eye.lids.upper + top * eye.unit, eye.lids.lower - bottom * eye.unit, eye.lids.corners)
    return inner.within(max(1.0, _SOFT * eye.unit))


def _white(eye: Eye, known: Floats, away: Floats, light: Floats) -> Floats:
    """The white of the eye, continued behind iris and lids, (S, S, 3).

    Args:
        eye: As the photo shows it.
        known: (S, S, 1), where the photo shows the eyeball.
        away: (S, S, 1), the distance from the iris, in its radii.
        light: (S, S, 1), the share of light that lids leave it, which is divided out.
    """
    white = (known * _fade(away, *_LEFT))[::_COARSE, ::_COARSE]
    pixels = eye.pixels[::_COARSE, ::_COARSE]
    lit = pixels / light[::_COARSE, ::_COARSE]
    luma, sure = (lit @ LUMA)[..., None], white[..., 0] > 0.5
    bright = max(1.0, np.percentile(luma[sure], _BRIGHT)) if sure.any() else _UNSEEN  # a black photo has no white
    brightest = np.percentile((pixels @ LUMA)[sure], _BRIGHTEST) if sure.any() else _UNSEEN
    weights = white * _fade(luma / bright, *_WHITE) + 1e-6
    both = np.dstack([lit * weights, weights]).astype(np.float32)
    found = np.zeros_like(lit)
    for deviation, little in ((_FAR, 0.0), (_NEAR, _LITTLE)):
        blurred = blur(both, deviation * eye.unit / _COARSE)
        total = blurred[..., 3:]
        here = blurred[..., :3] / np.maximum(total, 1e-12)
        found = found + total / (total + little) * (here - found)
    found = found * np.minimum(1, brightest / np.maximum(found @ LUMA, 1))[..., None]
    places = (np.arange(len(known), dtype=np.float32) + 0.5) / _COARSE
    return sample_bilinear(found, np.dstack(np.meshgrid(places, places)))


def _iris(eye: Eye, known: Floats, shift: Floats) -> tuple[Floats, Floats]:
    """(S, S, 3) a whole iris, moved by `shift`, and its opacity (S, S, 1).

    What a lid hides is what mirrors it, from above to below, without its highlight; what is hidden there too, its mean
    at that radius.
    """
    centre = (np.array((eye.iris.x, eye.iris.y)) + shift).astype(np.float32)
    right, down = np.moveaxis(frame_places(len(known)) - centre, 2, 0)
    away = _from_iris(eye, shift)
    source = np.dstack([eye.pixels, known]).astype(np.float32)
    found = _radial(eye, known).astype(np.float32)[np.minimum((away[..., 0] * 20).astype(int), 29)]
    for side in (-1, 1):
        there = sample_bilinear(source, np.dstack([eye.iris.x + right, eye.iris.y + side * down]))
        levels = there[..., :3] if side > 0 else np.minimum(there[..., :3], _GLINT * found)
        found = found + there[..., 3:] * (levels - found)
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


def _shadow_profile(eye: Eye, away: Floats) -> Floats:
    """(N,): the share of light that the upper lid leaves the white of an eye, at steps of `_STEP` below it."""
    rows = np.arange(len(away))[:, None] + 0.5
    white = eye.lids.within(1.0)[..., 0] * (away[..., 0] > _LEFT[1]) * (eye.lids.gap > _OPEN * eye.unit)
    below = (rows - eye.lids.upper) / (_STEP * eye.unit)
    bins = np.clip(below.astype(int), 0, _STEPS - 1).ravel()
    luma = (eye.pixels @ LUMA).ravel()
    count, total = (np.bincount(bins, white.ravel() * values, minlength=_STEPS) for values in (1.0, luma))
    if count.min() < 1:
        return 1 - _SHADOW * np.exp(-np.arange(_STEPS) / 2.0)
    means = total / count
    rising = np.maximum.accumulate(means / max(float(means.max()), 1.0))
    profile: Floats = np.clip(rising, _DARKEST, 1)
    return profile


def _shadow(profile: Floats, lids: Lids, unit: float) -> Floats:
    """(S, S, 1): the share of light that an upper lid leaves an eye, by its profile."""
    rows = np.arange(len(lids.upper))[:, None] + 0.5
    steps = (rows - lids.upper) / (_STEP * unit) - 0.5
    return np.interp(steps, np.arange(len(profile)), profile).astype(np.float32)[..., None]
