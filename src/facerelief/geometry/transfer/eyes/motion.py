"""Eyes of an edit: lids that move over eyeballs, warped and drawn at the photo's resolution."""

import functools
from dataclasses import dataclass

import numpy as np

from facerelief.array_types import RGB, Float32, Floats
from facerelief.easing import smoothstep
from facerelief.faces.alignment import Crop
from facerelief.faces.bicubic import sample_bicubic
from facerelief.faces.warping import Window, average_where_shrunk, resample_map
from facerelief.geometry.filters import gaussian
from facerelief.geometry.morphable.uv_map import sample_bilinear
from facerelief.geometry.transfer.eyes.eyeball import eyeball, known_share, usual_whites
from facerelief.geometry.transfer.eyes.frame import frame_places
from facerelief.geometry.transfer.eyes.lids import Lids
from facerelief.geometry.transfer.eyes.seen import Eye
from facerelief.geometry.transfer.eyes.skin import lid_flows, plain_lid

_ROUNDS, _SMOOTH = 12, 0.03  # in which it is found where a flow takes a point; deviation along lids, inter-ocular dist.
_MEETS_AT = 0.12  # of an opening, from the lower lid, where lids meet
GAZE = np.array((0.085, 0.055))  # inter-ocular distances by which irises move in a full gaze
_MOST = 1.4  # of a full gaze
_FOLLOWS_DOWN, _FOLLOWS_UP = 0.35, 0.15  # of an opening, by which the upper lid follows a full gaze
_WIDER, _WIDE = 0.65, 0.06  # of the movement that detectors need to see an eye opened; where that is wide, inter-oc. d.
_USUAL, _AS_USUAL = 0.85, 0.6  # of an iris' diameter, that eyes are open; share of the way to it
_SOFT = 0.012  # inter-ocular distances over which a lid's edge goes over into the eye
_CORNER, _MARGIN = 0.08, 0.06  # inter-ocular distances beside the corners, over which all this falls off; of the frame
_SMALL = 80  # pixels, a side of an eye's frame in the photo, below which a row of lashes may be a pixel wide
_LEAST = 0.006  # inter-ocular distances by which lids move that are left to the skin around them
_CLOSES = 0.5  # of an eye, from which nothing is drawn that has to be seen clearly
_SEAM, _SEAM_HEIGHT = 0.45, 0.008  # of light, taken where lids meet; deviation, inter-ocular distances
_SEAM_ENDS = 0.1  # inter-ocular distances from a corner over which it begins


@dataclass(frozen=True, eq=False)
class EyeMotion:
    """What eyes do.

    Attributes:
        eyes: As the photo shows them.
        amounts: (2, 3), what each does, as `eye_amounts` gives it.
    """

    eyes: tuple[Eye, ...]
    amounts: Floats


@dataclass(frozen=True, eq=False)
class EyeLayer:
    """One eye of an edit, as maps of its frame, (S, S, C), that are to be enlarged.

    Attributes:
        frame: The frame.
        maps: By name. `upper` and `lower`: where skin comes from, as of `lid_flows`; `below`: how far below the line
            between the lids a pixel is; `plain` and `drawn_out`: levels and opacity of `plain_lid`, if there is one;
            `levels`, `raw`, `light` and `opacity`: of the eyeball; `seam`: what the line where lids meet leaves of the
            light; `share`: of all this.
    """

    frame: Crop
    maps: dict[str, Floats]

    @functools.cached_property
    def stacked(self) -> Float32:
        """All maps, (S, S, N), planar in memory."""
        planes = [np.moveaxis(values, 2, 0) for values in self.maps.values()]
        return np.moveaxis(np.concatenate(planes, dtype=np.float32), 0, 2)


def eye_layers(motion: EyeMotion, crop: Crop, flow: Floats) -> list[EyeLayer]:
    """The eyes of an edit that are seen to move.

    Args:
        motion: What they do.
        crop: The face's crop.
        flow: (S, S, 2), of that crop, without what only lids do.
    """
    turned = [bool(one.any()) for one in motion.amounts[:, 1:]]
    clear = [known_share(eye) for eye in motion.eyes]
    turns = min((one for one, turn in zip(clear, turned, strict=True) if turn), default=1.0)
    gaze = np.clip(2 * turns - 1, 0, 1)  # of both alike; less of it first, then less of all: two irises would be seen
    amounts = motion.amounts * (1, gaze, gaze)
    opens = min(clear, default=1.0)  # both eyes alike: else one of them would stare
    found = []
    for eye, does, whites in zip(motion.eyes, amounts, usual_whites(motion.eyes), strict=True):
        size, scale = eye.frame.size, eye.frame.scale / crop.scale
        places = crop.to_crop(eye.frame.to_photo(frame_places(size).reshape(-1, 2)))
        around = (sample_bilinear(flow, places.reshape(size, size, 2)) * scale).astype(np.float32)
        found.append(_layer(eye, does, opens, whites, around))
    return [layer for layer in found if layer]


def _layer(eye: Eye, amounts: Floats, opens: float, whites: tuple[float, float], around: Float32) -> EyeLayer | None:
    """What an eye does, by `amounts` (3,), where the flow of its frame is `around` (S, S, 2); None where nothing."""
    lids = _moved_lids(eye, around, float(np.clip(amounts[0], 0, 1)), float(amounts[2]), opens)
    moved = max(np.abs(lids.upper - eye.lids.upper).max(), np.abs(lids.lower - eye.lids.lower).max())
    if not amounts.any() and moved < _LEAST * eye.unit:
        return None
    ball = eyeball(eye, lids, np.clip(amounts[1:], -_MOST, _MOST) * GAZE * eye.unit, whites)
    upper, lower = lid_flows(eye, lids, around)
    soft = _SOFT * eye.unit
    maps = {
        "upper": upper,
        "lower": lower,
        "below": frame_places(eye.frame.size)[..., 1:] - lids.middle[:, None],
        "levels": ball.levels,
        "raw": ball.raw,
        "light": ball.light,
        "opacity": lids.within(soft) * smoothstep(lids.gap / (2 * soft))[:, None],
        **_borders(eye, lids),
    }
    if plain := plain_lid(eye, upper, lids):
        maps["plain"], maps["drawn_out"] = plain
    # An eye that is not clear can be closed only.
    share = eye.frontal * max(eye.clear, float(smoothstep(amounts[0] / _CLOSES)))
    if not amounts.any():  # so that nothing jumps where an edit grows
        share *= float(smoothstep(moved / (_LEAST * eye.unit) - 1))
    maps["share"] = maps["share"] * share
    return EyeLayer(eye.frame, maps)


def _borders(eye: Eye, lids: Lids) -> dict[str, Floats]:
    """`seam` and `share` of a layer."""
    columns, rows = np.moveaxis(frame_places(eye.frame.size), 2, 0)
    aside = np.minimum(columns[0] - lids.corners[0], lids.corners[1] - columns[0]) / eye.unit
    shut = np.clip(1 - lids.gap / (0.25 * np.maximum(eye.lids.gap, 1)), 0, 1)
    away = (rows - lids.middle) / (_SEAM_HEIGHT * eye.unit)
    seam = 1 - _SEAM * smoothstep(aside / _SEAM_ENDS) * shut * np.exp(-0.5 * away**2)
    margin = np.minimum(rows, eye.frame.size - rows) / (_MARGIN * eye.frame.size)
    share = smoothstep(aside / _CORNER + 1) * smoothstep(margin)
    return {"seam": seam[..., None], "share": share[..., None]}


def _moved_lids(eye: Eye, flow: Floats, closed: float, down: float, opens: float) -> Lids:
    """Where lids go: with the skin around them, over the eye as it closes, and along with its gaze.

    An eye that is opened wide and was narrow first becomes as wide as usual, to a share.
    """
    size = eye.frame.size
    columns = np.arange(size) + 0.5
    moved = []
    for points in eye.landmarks:
        place = points
        for number in range(_ROUNDS):  # smaller and smaller steps: flows jump where skin comes to lie over lids
            place = place - (place + sample_bilinear(flow, place[None])[0] - points) / (1.5 + 0.5 * number)
        along = np.interp(columns, points[:, 0], (place - points)[:, 1])
        moved.append(gaussian(along, _SMOOTH * eye.unit, "repeat"))
    upper, lower = moved
    follows = max(0.0, -down) * _FOLLOWS_UP - max(0.0, down) * _FOLLOWS_DOWN
    gap = eye.lids.gap
    wider, middle = lower - upper, int(np.clip(np.mean(eye.lids.corners), 0, size - 1))
    whole, wide = max(float(gap[middle]), 1.0), float(wider[middle])
    narrow = max(0.0, _USUAL * 2 * eye.iris.radius - whole)
    rises = _WIDER * wide + _AS_USUAL * narrow * float(smoothstep(wide / (_WIDE * eye.unit)))
    wider = np.asarray(opens * rises * gap / whole if wide > 0 else np.minimum(wider, 0))
    opened = np.maximum(gap + wider, 0) * (1 - closed) * max(0.0, 1 + follows)
    bottom = eye.lids.lower + lower - closed * _MEETS_AT * gap
    return Lids(bottom - opened, bottom, eye.lids.corners)


def draw_eye(pixels: Float32, photo: RGB, layer: EyeLayer, place: Window) -> None:
    """Draw an eye.

    Args:
        pixels: (h, w, 3), levels of a place of the photo, warped; written to.
        photo: (H, W, 3), before the edit.
        layer: The eye.
        place: Rows and columns of the photo.
    """
    frame = layer.frame
    window = frame.window((0.0, 0.0), (frame.size, frame.size), place)
    inner = tuple(slice(w.start - p.start, w.stop - p.start) for w, p in zip(window, place, strict=True))
    if not pixels[inner].size:
        return
    stacked = resample_map(frame, layer.stacked, window, "bilinear")
    ends = np.cumsum([values.shape[2] for values in layer.maps.values()])
    maps = dict(zip(layer.maps, np.split(stacked, ends[:-1], axis=2), strict=True))
    rows, columns = (np.arange(part.start, part.stop, dtype=np.float32) + 0.5 for part in window)
    here = np.dstack(np.meshgrid(columns, rows))
    turned = frame.inverse[:, :2].T.astype(np.float32)
    above, beneath = (_sampled(photo, here + maps[name] @ turned) for name in ("upper", "lower"))
    if "plain" in maps:
        above = above + maps["drawn_out"] * (maps["plain"] - above)
    skin = above + np.clip(0.5 + maps["below"] / frame.scale, 0, 1) * (beneath - above)
    ball = maps["levels"] + maps["raw"] * (photo[window] - maps["levels"])
    levels = skin + maps["opacity"] * (ball * maps["light"] - skin)
    pixels[inner] += maps["share"] * (levels * maps["seam"] - pixels[inner])


def _sampled(photo: RGB, points: Floats) -> Float32:
    """Pixels (h, w, 3) of a photo at points (h, w, 2); in small photos, lashes that come together are averaged."""
    places = points.astype(np.float32)
    pixels = sample_bicubic(photo, places)
    if points.shape[1] < _SMALL:
        average_where_shrunk(pixels, photo, np.pad(places, ((1, 1), (1, 1), (0, 0)), "edge"))
    return pixels
