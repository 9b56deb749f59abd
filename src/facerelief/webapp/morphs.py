"""`/v1/morph`: a photo that moves into its edit, as a GIF, WebP or MP4."""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from facerelief.editing import Editor
from facerelief.editing.editor import EditPlan
from facerelief.editing.face_choice import why_unfit
from facerelief.editing.video.morph import Morph, encode_morph, fit_size, render_morph
from facerelief.errors import NoFaceFound
from facerelief.faces.detector import Face
from facerelief.photos.photo import Photo
from facerelief.photos.provenance.xmp import mark_edit
from facerelief.webapp.errors import Problem
from facerelief.webapp.requests import Fields
from facerelief.webapp.server.limits import Ticket
from facerelief.webapp.service import Picture, Studio, Wish

KINDS = {"gif": "GIF", "webp": "WEBP", "mp4": "MP4"}  # what `format` may be
NUMBERS = {  # of the fields: the lowest, the highest, and the default
    "seconds": (0.2, 5.0, 1.5),
    "hold": (0.0, 3.0, 0.5),
    "fps": (5.0, 30.0, 25.0),
    "size": (64.0, 1080.0, 720.0),
}
PIXELS = 80_000_000  # of all frames together, which are in memory at a time: 240 MB

FIELDS = ("photo", "method", "format", "back", "provenance", *NUMBERS)


def make(studio: Studio, fields: Fields, wishes: tuple[Wish, ...], ticket: Ticket) -> Picture:
    """The photo moving into all that is wished for. Raises `Problem`, `FacereliefError`."""
    seconds, hold, fps, size = (fields.number(name, *limits) for name, limits in NUMBERS.items())
    how = Morph(seconds, fps, hold, fields.flag("back", False), int(size))
    kind = KINDS[fields.choice("format", KINDS, "gif")]
    signed, method = fields.flag("provenance", True), fields.method(studio.method)
    editor = studio.editor(method)
    rgb, chosen, photo = _prepared(studio, fields.photo, wishes, method, how, ticket)
    mark = photo.mark
    with studio.stage("edit", ticket):
        plans = list(_plans(editor, rgb, chosen, ticket))
    for (wish, _), (plan, _) in zip(chosen, plans, strict=True):
        mark = mark_edit(mark, editor.expressions[editor.label(wish.to)], [plan.crop])
    with studio.stage("morph", ticket):
        frames = _checked(render_morph(editor, rgb, plans, how), ticket)
        data = encode_morph(kind, frames, how, mark if signed else None, photo.history)
    return Picture(data, kind, photo.notes)


def _prepared(
    studio: Studio, data: bytes, wishes: tuple[Wish, ...], method: str, how: Morph, ticket: Ticket
) -> tuple[np.ndarray, list[tuple[Wish, Face]], Photo]:
    """The photo's pixels at the morph's size, each wish with a face in them, and the photo as it came."""
    photo, chosen = studio.chosen(data, wishes, method, ticket)
    rgb = fit_size(photo.rgb, how.size)
    _check_amount(rgb, how)
    scale = rgb.shape[1] / photo.rgb.shape[1]
    return rgb, [(wish, _shrunk(face, scale, how.size)) for wish, face in chosen], photo


def _plans(
    editor: Editor[Any], rgb: np.ndarray, chosen: Sequence[tuple[Wish, Face]], ticket: Ticket
) -> Iterator[tuple[EditPlan, float]]:
    for wish, face in chosen:
        ticket.check()
        yield editor.plan(rgb, face, editor.label(wish.to), wish.part), wish.strength


def _checked(frames: Iterator[np.ndarray], ticket: Ticket) -> Iterator[np.ndarray]:
    for frame in frames:
        ticket.check()
        yield frame


def _check_amount(rgb: np.ndarray, how: Morph) -> None:
    height, width = rgb.shape[:2]
    count = len(how.shares())
    if count * height * width > PIXELS:
        message = f"{count} frames of {width} x {height} pixels are more than {PIXELS // 1_000_000} megapixels together"
        raise Problem("bad_option", message, "choose fewer seconds, a smaller fps or a smaller size")


def _shrunk(face: Face, scale: float, size: int) -> Face:
    small = dataclasses.replace(face, landmarks=face.landmarks * np.float32(scale))
    reason = why_unfit(small)
    if reason:
        what = reason.partition(",")[0]
        raise NoFaceFound(f"in a morph of {size} pixels the face {what}; choose a larger size, or cut the photo to it")
    return small
