"""An edit of a face as named maps of its crop, and their application to the photo at full resolution."""

import dataclasses
import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from facerelief.array_types import RGB, Float32, Floats
from facerelief.colour import LUMA
from facerelief.faces.alignment import Crop
from facerelief.faces.warping import Window, average_warped, changed_box, crop_strips, warp_photo
from facerelief.geometry.filters import scaled_map
from facerelief.geometry.morphable.uv_map import sample_bilinear
from facerelief.geometry.transfer.eyes.motion import EyeMotion, draw_eye, eye_layers
from facerelief.geometry.transfer.lips import MeetingLips, PartedFlows, parted_flows
from facerelief.geometry.transfer.mouth.interior import MouthInterior
from facerelief.geometry.transfer.mouth.model import load_mouth
from facerelief.geometry.transfer.mouth.motion import MouthMotion
from facerelief.geometry.transfer.shading import limit_to_wrinkles, log_luminance, relight, skin_tint
from facerelief.geometry.transfer.unfolding import unfold

_FILLS, _TINTS = 0.02, 0.01  # change of log luminance from which a wrinkle is filled, and from which that has a colour
_COARSER = 2  # times coarser than a crop is the colour of skin around wrinkles


@dataclass(frozen=True, eq=False)
class WarpLayers:
    """An edit of one face at the resolution of its crop, side S. Each map falls to zero at the crop's border.

    They are applied in the order of `apply_layers`: warp, shade, relight, draw the mouth's inside.

    Attributes:
        flow: (S, S, 2), where each pixel comes from (backward warping): right and down, in crop pixels.
        light: (S, S, 1), change of log luminance, as `relight` takes it.
        fill: (S, S, 1), the most by which wrinkles are lightened besides; `filled` makes light of it.
        folds: (S, S, 1), share to which folds of a smile leave, whatever their depth; `filled` makes light of it, too.
        shade: (S, S, C), a network's colour, or for C = 1 its luminance: levels in [0, 255] times `shade_opacity`.
        shade_opacity: (S, S, 1), that of `shade`; what is above 1 counts as 1.
        mouth: What the mouth does, whose inside is drawn at the photo's resolution; None where it is left alone.
        lips: Lips that meet and were open, crop pixels; None where they do not.
        eyes: What eyes do; None where they only move with the skin around them.
    """

    flow: Floats
    light: Floats
    fill: Floats | None = None
    folds: Floats | None = None
    shade: Floats | None = None
    shade_opacity: Floats | None = None
    mouth: MouthMotion | None = None
    lips: MeetingLips | None = None
    eyes: EyeMotion | None = None

    @property
    def maps(self) -> dict[str, Floats]:
        """The maps that there are, by name."""
        return {name: value for name, value in vars(self).items() if isinstance(value, np.ndarray)}

    def masked(self, mask: Floats) -> "WarpLayers":
        """All maps times a mask (S, S, 1), float32."""
        masked: Any = {name: (value * mask).astype(np.float32) for name, value in self.maps.items()}
        return dataclasses.replace(self, **masked)

    def filled(self, wrinkles: Float32) -> "WarpLayers":
        """The layers with the wrinkles filled that leave.

        Args:
            wrinkles: (K S, K S), how deep those of the crop are before the warp, as `wrinkle_map` gives it.

        Returns:
            The same edit, its `light` (K S, K S, 1) and without `fill` and `folds`.
        """
        if self.fill is None:
            return self
        finer = limit_to_wrinkles(self.fill, self.flow, wrinkles, self.folds)
        light = finer + scaled_map(self.light[..., 0], len(finer))[..., None]
        return dataclasses.replace(self, light=light, fill=None, folds=None)

    def applied_flows(self) -> tuple[Floats, PartedFlows | None]:
        """The flow, and those of lips that meet, without folds, as the photo is warped by them."""
        flow = unfold(self.flow)
        return flow, parted_flows(flow, self.lips) if self.lips else None

    def warps(self, crop: Crop) -> list[Floats]:
        """All flows by which a photo is warped where its crop is `crop`, as `Editor.warps` gives them."""
        flow, lips = self.applied_flows()
        eyes = eye_layers(self.eyes, crop, flow) if self.eyes else []
        of_lids = [layer.maps[name] for layer in eyes for name in ("upper", "lower")]
        return [flow, *([lips.upper, lips.lower] if lips else []), *of_lids]


def apply_layers(rgb: RGB, crop: Crop, layers: WarpLayers) -> RGB:
    """Edit a photo at its own resolution.

    Args:
        rgb: (H, W, 3), the photo; it is not written to.
        crop: Where in the photo the layers lie.
        layers: The edit; wrinkles that are not `filled` stay.

    Returns:
        The edited photo (H, W, 3); outside the crop it is the photo, bit for bit.
    """
    out, (flow, parted) = rgb.copy(), layers.applied_flows()
    maps = {name: value for name, value in layers.maps.items() if name not in ("flow", "fill", "folds")}
    eyes = eye_layers(layers.eyes, crop, flow) if layers.eyes else []
    around = np.array(changed_box([flow, *maps.values()], crop.size))
    boxes = np.stack([around, *(_corners(eye.frame, crop) for eye in eyes)])
    changed = boxes[:, 0].min(axis=0), boxes[:, 1].max(axis=0)
    tint = _tint_after(rgb, crop, flow, layers.light) if layers.light.max() > _FILLS else None
    for place in crop_strips(crop, rgb.shape, changed):
        pixels, enlarged = warp_photo(rgb, crop, flow, maps, place)
        average_warped(pixels, rgb, crop, flow, place)
        if parted:
            _part_lips(pixels, rgb, crop, parted, place)
        for eye in eyes:
            draw_eye(pixels, rgb, eye, place)
        pixels, light = _shaded(pixels, **enlarged)
        relit = relight(pixels, light)
        if tint is not None:
            _fill_wrinkles(relit, pixels, light, tint, place)
        out[place] = np.clip(np.rint(relit, out=relit), 0, 255, out=relit)
    if layers.mouth:
        _mouth_interior().draw(out, rgb, layers.mouth)
    return out


def _tint_after(rgb: RGB, crop: Crop, flow: Floats, light: Floats) -> Callable[[Floats], Floats]:
    """The `skin_tint` (N, 3) at places (N, 2) of a photo whose crop a flow (S, S, 2) and light (K S, K S, 1) edit."""
    coarse = Crop(crop.matrix / _COARSER, crop.size // _COARSER)  # as it is smooth
    moved, step = flow[::_COARSER, ::_COARSER] / np.float32(_COARSER), len(light) // coarse.size
    centres = np.arange(coarse.size, dtype=np.float32) + np.float32(0.5)
    warped = sample_bilinear(coarse.cut(rgb).astype(np.float32), moved + np.dstack(np.meshgrid(centres, centres)))
    tint = skin_tint(warped, light[step // 2 :: step, step // 2 :: step])

    def at(places: Floats) -> Floats:
        return sample_bilinear(tint, (crop.to_crop(places) / _COARSER).astype(np.float32))

    return at


def _corners(part: Crop, crop: Crop) -> Floats:
    """Left and top, right and bottom of a part of the photo, (2, 2), in pixels of its crop."""
    square = float(part.size) * np.array([(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)])
    points = crop.to_crop(part.to_photo(square))
    return np.stack([points.min(axis=0), points.max(axis=0)])


def _part_lips(pixels: Float32, rgb: RGB, crop: Crop, parted: PartedFlows, place: Window) -> None:
    """Warp around lips that meet by their own flows, into the warped pixels (h, w, 3) of a place of the photo."""
    window = crop.window(*parted.around, place)
    inner = tuple(slice(w.start - p.start, w.stop - p.start) for w, p in zip(window, place, strict=True))
    if not pixels[inner].size:
        return
    above, maps = warp_photo(rgb, crop, parted.upper, {"below": parted.below}, window)
    beneath, _ = warp_photo(rgb, crop, parted.lower, {}, window)
    pixels[inner] = above + np.clip(0.5 + maps["below"] / crop.scale, 0, 1) * (beneath - above)


@functools.cache
def _mouth_interior() -> MouthInterior:
    return MouthInterior(load_mouth())


def _shaded(
    pixels: Float32, light: Float32, shade: Float32 | None = None, shade_opacity: Float32 | None = None
) -> tuple[Float32, Float32]:
    """Warped pixels (h, w, 3), in levels, under a network's colour, or the light with its luminance, (h, w, 1)."""
    if shade is not None and shade_opacity is not None:
        excess: Any = np.maximum(shade_opacity, 1)  # of strength above 1: no more than all may be covered
        shade, shade_opacity = shade / excess, shade_opacity / excess
        if shade.shape[2] == 3:
            pixels = np.asarray(pixels + shade - shade_opacity * pixels, dtype=np.float32)
        else:
            luma = (pixels @ LUMA.astype(np.float32))[..., None]
            change = log_luminance(luma + shade - shade_opacity * luma) - log_luminance(luma)
            light = np.asarray(light + change, dtype=np.float32)
    return pixels, light


def _fill_wrinkles(
    relit: Floats, pixels: Floats, light: Floats, tint: Callable[[Floats], Floats], place: Window
) -> None:
    """Give the wrinkles that more light fills the colour of the skin around them.

    Args:
        relit: (h, w, 3), the relit pixels of a place of the photo, to which those of wrinkles are written.
        pixels: (h, w, 3), those before.
        light: (h, w, 1), the change of light.
        tint: The skin's colour (N, 3), as of `skin_tint`, at places (N, 2) of the photo.
        place: Rows and columns of the photo.
    """
    rows, columns = np.nonzero(light[..., 0] > _TINTS)
    if len(rows):
        places = np.column_stack([columns + (place[1].start + 0.5), rows + (place[0].start + 0.5)])
        filled = relight(pixels[rows, columns][None], light[rows, columns][None], tint(places)[None])
        relit[rows, columns] = filled[0]
