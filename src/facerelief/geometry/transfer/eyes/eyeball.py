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

_RIM = (0.014, 0.012)  # inter-ocular distances below the upper and above the lower lid that are not trusted
_BORDER = (1.04, 1.16)  # of an iris' radius, over which it goes over into white
_NEAR, _FAR = 0.03, 0.11  # deviations, inter-ocular distances, with which white is continued
_SHADOW, _SHADOW_HEIGHT = 0.38, 0.03  # of light that the upper lid takes at its edge; how far down, inter-ocular dist.


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
    known = _known(eye)
    white = _white(eye, known)
    iris, opacity = _iris(eye, known, np.zeros(2))
    seen = eye.pixels.astype(np.float64)
    if np.any(shift):
        seen, known = seen + opacity * (white - seen), known * (1 - opacity)
        raw = known
        levels = white + known * (seen - white)
        moved, cover = _iris(eye, _known(eye), shift)
        levels, raw = levels + cover * (moved - levels), raw * (1 - cover)
    else:
        raw = known
        hidden = white + opacity * (iris - white)
        levels = hidden + known * (seen - hidden)
    after, before = _shade(lids, eye.unit), _shade(eye.lids, eye.unit)
    own = known if not np.any(shift) else np.maximum(known, 0)
    light = after / (1 + own * (before - 1))
    return Eyeball(levels, raw, np.clip(light, 0.5, 1.3))


def _known(eye: Eye) -> Floats:
    """(S, S, 1): where the photo shows the eyeball, away from lids."""
    top, bottom = (rim * eye.unit for rim in _RIM)
    inner = Lids(eye.lids.upper + top, eye.lids.lower - bottom, eye.lids.corners)
    return inner.within(max(1.0, 0.01 * eye.unit))


def _white(eye: Eye, known: Floats) -> Floats:
    """(S, S, 3): the white of the eye, continued behind iris and lids."""
    columns, rows = np.meshgrid(*[np.arange(len(known)) + 0.5] * 2)
    away = np.hypot(columns - eye.iris.x, rows - eye.iris.y)[..., None] / eye.iris.radius
    weights = known * smoothstep((away - 1.1) / 0.1)
    luma = (eye.pixels @ LUMA)[..., None]
    bright = np.percentile(luma[weights > 0.5], 70) if (weights > 0.5).any() else 200.0
    weights = weights * smoothstep(luma / bright - 0.2) + 1e-9
    found = np.zeros(eye.pixels.shape)
    for deviation, floor in ((_FAR, 0.0), (_NEAR, 0.02)):
        both = np.dstack([eye.pixels * weights, weights])
        blurred = ndimage().gaussian_filter(both, (deviation * eye.unit, deviation * eye.unit, 0))
        total = blurred[..., 3:]
        here = blurred[..., :3] / np.maximum(total, 1e-12)
        found = found + total / (total + floor) * (here - found) if floor else here
    return found


def _iris(eye: Eye, known: Floats, shift: Floats) -> tuple[Floats, Floats]:
    """(S, S, 3) a whole iris, moved by `shift`, and its opacity (S, S, 1).

    What a lid hides is what mirrors it, from above to below; what is hidden there too, its mean at that radius.
    """
    columns, rows = np.meshgrid(*[np.arange(len(known)) + 0.5] * 2)
    right, down = columns - shift[0] - eye.iris.x, rows - shift[1] - eye.iris.y
    away = np.hypot(right, down) / eye.iris.radius
    source = np.dstack([eye.pixels, known]).astype(np.float64)
    here = sample_bilinear(source, np.dstack([eye.iris.x + right, eye.iris.y + down]))
    mirrored = sample_bilinear(source, np.dstack([eye.iris.x + right, eye.iris.y - down]))
    found = _radial(eye, known)[np.minimum((away * 20).astype(int), 29)]
    for levels in (mirrored, here):
        share = levels[..., 3:]
        found = found + share * (levels[..., :3] - found)
    opacity = 1 - smoothstep((away - _BORDER[0]) / (_BORDER[1] - _BORDER[0]))
    return found, opacity[..., None]


def _radial(eye: Eye, known: Floats) -> Floats:
    """(30, 3): the iris' mean colour at each twentieth of its radius."""
    columns, rows = np.meshgrid(*[np.arange(len(known)) + 0.5] * 2)
    away = np.hypot(columns - eye.iris.x, rows - eye.iris.y) / eye.iris.radius
    bins = np.minimum((away * 20).astype(int), 29).ravel()
    weights = known.ravel() + 1e-6
    total = np.bincount(bins, weights, minlength=30)
    sums = [np.bincount(bins, weights * eye.pixels[..., k].ravel(), minlength=30) for k in range(3)]
    means: Floats = np.stack(sums, axis=1) / np.maximum(total, 1e-9)[:, None]
    return means


def _shade(lids: Lids, unit: float) -> Floats:
    """(S, S, 1): the share of light that an upper lid leaves an eye."""
    rows = np.arange(len(lids.upper))[:, None] + 0.5
    below = np.maximum(rows - lids.upper, 0) / (_SHADOW_HEIGHT * unit)
    shade: Floats = 1 - _SHADOW * np.exp(-below)
    return shade[..., None]
