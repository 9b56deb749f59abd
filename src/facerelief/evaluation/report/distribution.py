"""The paper's Fig. 4, drawn with Pillow: distributions as lines over one axis, references as filled shapes."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from facerelief.errors import FacereliefError
from facerelief.files import atomic

WIDTH, HEIGHT, BINS = 960, 460, 60
LINES = ((31, 119, 180), (255, 127, 14), (148, 103, 189), (214, 39, 40), (140, 86, 75), (227, 119, 194))
FILLS = ((90, 170, 90, 100), (130, 130, 130, 80))  # transparent, so that both are seen where they overlap
_INK, _PAPER = (32, 32, 32), (255, 255, 255)
_LEFT, _TOP, _RIGHT, _BOTTOM = 24, 48, 24, 52  # margins
_FINER = 2  # drawn so much larger, then shrunk, so that lines are smooth


@dataclass(frozen=True)
class _Plane:
    """From a distance and a share to a pixel of the enlarged sheet."""

    longest: float
    highest: float

    def __call__(self, distance: float, share: float) -> tuple[float, float]:
        x = _LEFT + distance / self.longest * (WIDTH - _LEFT - _RIGHT)
        y = HEIGHT - _BOTTOM - share / self.highest * (HEIGHT - _TOP - _BOTTOM)
        return x * _FINER, y * _FINER


def save_distributions(
    path: Path, title: str, lines: Mapping[str, np.ndarray], references: Mapping[str, np.ndarray]
) -> None:
    """Draw the shares of distances (N,) by name, `lines` over up to two filled `references`, and the lines' medians.

    Raises `FacereliefError` for a name that says no picture format.
    """
    check_picture(path)
    everything = {**references, **lines}
    longest = np.ceil(max(np.quantile(values, 0.999) for values in everything.values()) * 10 + 1e-6) / 10
    edges = np.linspace(0, longest, BINS + 1)
    shares = {name: np.histogram(values, edges)[0] / len(values) for name, values in everything.items()}
    plane = _Plane(float(longest), 1.05 * max(float(share.max()) for share in shares.values()))
    colours: dict[str, tuple[int, ...]] = dict(zip(references, FILLS, strict=False))
    colours |= {name: LINES[k % len(LINES)] for k, name in enumerate(lines)}
    sheet = Image.new("RGB", (WIDTH * _FINER, HEIGHT * _FINER), _PAPER)
    draw = ImageDraw.Draw(sheet, "RGBA")
    for name, share in shares.items():
        points = [plane(float(x), float(y)) for x, y in zip((edges[1:] + edges[:-1]) / 2, share, strict=True)]
        if name in references:
            draw.polygon([plane(0, 0), *points, plane(plane.longest, 0)], fill=colours[name])
        else:
            draw.line(points, fill=colours[name], width=2 * _FINER, joint="curve")
            foot = plane(float(np.median(everything[name])), 0)
            draw.line([foot, (foot[0], foot[1] - 16 * _FINER)], fill=colours[name], width=2 * _FINER)
    _axis(draw, plane, title)
    _legend(draw, {name: (colours[name], float(np.median(values))) for name, values in everything.items()})
    with atomic(path) as part:
        sheet.reduce(_FINER).save(part, quality=92)  # for .jpg


def check_picture(path: Path) -> None:
    """Raise `FacereliefError` for a name that says no picture format."""
    if path.suffix.lower() not in (".png", ".jpg", ".jpeg", ".webp"):
        raise FacereliefError(f"{path} names no picture format; end it with .png, .jpg or .webp")


def _axis(draw: ImageDraw.ImageDraw, plane: _Plane, title: str) -> None:
    font = ImageFont.load_default(14 * _FINER)
    draw.line([plane(0, 0), plane(plane.longest, 0)], fill=_INK, width=_FINER)
    for tenth in range(0, round(plane.longest * 10) + 1, 2 if plane.longest > 0.8 else 1):
        x, y = plane(tenth / 10, 0)
        draw.line([(x, y), (x, y + 5 * _FINER)], fill=_INK, width=_FINER)
        draw.text((x, y + 8 * _FINER), f"{tenth / 10:.1f}", _INK, font, anchor="ma")
    draw.text((WIDTH * _FINER / 2, (HEIGHT - 8) * _FINER), title, _INK, font, anchor="ms")


def _legend(draw: ImageDraw.ImageDraw, entries: Mapping[str, tuple[tuple[int, ...], float]]) -> None:
    font = ImageFont.load_default(14 * _FINER)
    x = float(_LEFT * _FINER)
    for name, (colour, median) in entries.items():
        draw.rectangle([x, 14 * _FINER, x + 18 * _FINER, 26 * _FINER], fill=colour)
        text = f"{name} (median {median:.2f})"
        draw.text((x + 24 * _FINER, 20 * _FINER), text, _INK, font, anchor="lm")
        x += 44 * _FINER + draw.textlength(text, font)
