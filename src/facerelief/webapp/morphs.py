"""`/v1/morph`: an animation from the photo to its edit, as GIF, WebP or MP4."""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from facerelief.array_types import RGB
from facerelief.editing import Editor
from facerelief.editing.edit import EditPlan, cautions_of
from facerelief.editing.face_choice import why_unfit
from facerelief.editing.video.morph import Morph, encode_morph, fit_size, render_morph
from facerelief.errors import NoFaceFound
from facerelief.faces.detector import Face
from facerelief.photos.color_modes import to_srgb
from facerelief.photos.photo import Photo
from facerelief.photos.provenance.xmp import mark_edit
from facerelief.webapp.edits import EditSpec, with_notes
from facerelief.webapp.errors import ApiError
from facerelief.webapp.pictures import EncodedPicture
from facerelief.webapp.requests import Fields
from facerelief.webapp.server.limits import CancelToken
from facerelief.webapp.service import EditService

MORPH_FORMATS = {"gif": "GIF", "webp": "WEBP", "mp4": "MP4"}  # values of the field `format`
NUMBERS = {  # of each field: lowest, highest, default
    "seconds": (0.2, 5.0, 1.5),
    "hold": (0.0, 3.0, 0.5),
    "fps": (5.0, 30.0, 25.0),
    "size": (64.0, 1080.0, 720.0),
}
MAX_MORPH_PIXELS = 80_000_000  # of all frames together, which are in memory at once: 240 MB

FIELDS = ("photo", "method", "format", "back", "provenance", *NUMBERS)


def make_morph(service: EditService, fields: Fields, specs: tuple[EditSpec, ...], token: CancelToken) -> EncodedPicture:
    """Animate the photo into all its edits. Raises `ApiError`, `FacereliefError`."""
    seconds, hold, fps, size = (fields.number(name, *limits) for name, limits in NUMBERS.items())
    morph = Morph(seconds, fps, hold, fields.flag("back", False), int(size))
    format = MORPH_FORMATS[fields.choice("format", MORPH_FORMATS, "gif")]
    signed, editor = fields.flag("provenance", True), service.editor(fields.method(service.method)).private()
    rgb, chosen, photo = _prepare(service, fields.photo, specs, editor, morph, token)
    mark = photo.mark
    with service.stage("edit", token):
        plans = list(_plans(editor, rgb, chosen, token))
        ends = [
            editor.carry_out(rgb, plan, editor.target(spec.to), spec.strength)
            for (spec, _), (plan, _) in zip(chosen, plans, strict=True)
        ]
    for (spec, _), (end, changed) in zip(chosen, ends, strict=True):
        mark = mark_edit(mark, editor.target(spec.to), [end.plan.marked]) if changed else mark
    with service.stage("morph", token):
        frames = _until_cancelled(render_morph(editor, rgb, plans, morph), token)
        data = encode_morph(format, frames, morph, mark if signed else None, photo.history)
    said = cautions_of(end.plan for (spec, _), (end, _) in zip(chosen, ends, strict=True) if spec.strength)
    return EncodedPicture(data, format, with_notes(photo, said).notes)


def _prepare(
    service: EditService,
    data: bytes,
    specs: tuple[EditSpec, ...],
    editor: Editor[Any],
    morph: Morph,
    token: CancelToken,
) -> tuple[RGB, list[tuple[EditSpec, Face]], Photo]:
    """The photo's pixels at the morph's size, each edit with its face in them, and the photo itself."""
    photo, chosen = service.read_and_choose(data, specs, editor, token)
    rgb = fit_size(to_srgb(photo.rgb, photo.icc), morph.size)  # a morph has no profile
    _check_amount(rgb, morph)
    scale = rgb.shape[1] / photo.rgb.shape[1]
    return rgb, [(spec, _shrunk(face, scale, morph.size)) for spec, face in chosen], photo


def _plans(
    editor: Editor[Any], rgb: RGB, chosen: Sequence[tuple[EditSpec, Face]], token: CancelToken
) -> Iterator[tuple[EditPlan, float]]:
    for spec, face in chosen:
        token.check()
        yield editor.plan(rgb, face, editor.target(spec.to), spec.part), spec.strength


def _until_cancelled(frames: Iterator[RGB], token: CancelToken) -> Iterator[RGB]:
    for frame in frames:
        token.check()
        yield frame


def _check_amount(rgb: RGB, morph: Morph) -> None:
    height, width = rgb.shape[:2]
    count = len(morph.shares())
    if count * height * width > MAX_MORPH_PIXELS:
        most = MAX_MORPH_PIXELS // 1_000_000
        message = f"{count} frames of {width} x {height} pixels are more than {most} megapixels together"
        raise ApiError("bad_option", message, "choose fewer seconds, a smaller fps or a smaller size")


def _shrunk(face: Face, scale: float, size: int) -> Face:
    small = dataclasses.replace(face, landmarks=face.landmarks * np.float32(scale))
    reason = why_unfit(small)
    if reason:
        what = reason.partition(",")[0]
        raise NoFaceFound(
            f"in a morph of {size} pixels the face {what}; choose a larger size, or crop the photo to the face"
        )
    return small
