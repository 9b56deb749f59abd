"""The service behind the API. Its methods run in worker threads and check their token between steps."""

import contextlib
import io
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from facerelief.editing import METHODS, Editor, load_editor
from facerelief.editing.edit import cautions_of
from facerelief.editing.face_choice import why_unfit
from facerelief.editing.jobs.showcase import depth_picture, measure_geometry, normal_picture
from facerelief.editing.regions import WHOLE
from facerelief.errors import NoFaceFound
from facerelief.expressions import ALIASES, EXPRESSIONS
from facerelief.faces.alignment import align
from facerelief.faces.detector import Face, FaceFinder
from facerelief.geometry.morphable.model import load_face
from facerelief.geometry.morphable.random_faces import random_person, random_setting, render_portrait
from facerelief.geometry.topology import eye_triangles, face_triangles, mouth_triangles
from facerelief.photos.photo import Photo, encode_photo, read_photo
from facerelief.photos.provenance.xmp import mark_edit
from facerelief.webapp.edits import EditRequest, EditSpec, choose_for_each, faces_of_edit, warnings, with_notes
from facerelief.webapp.likes import check_named, in_words
from facerelief.webapp.pictures import EncodedPicture, encode_picture
from facerelief.webapp.plans import PlanCache
from facerelief.webapp.server.limits import CancelToken

PHOTO_FORMATS = {"jpeg": "JPEG", "png": "PNG", "webp": "WEBP", "tiff": "TIFF"}  # values of the field `format`
GEOMETRY_SIZE = 256  # pixels a side of the depth and normal maps
SAMPLES = 1000
_SAMPLE_SIZE = 448
_SMALL = 3 * 300 * 300  # bytes of pixels: previews and moving sliders, whose plans are kept


@dataclass(frozen=True)
class EditorOptions:
    """The default editor, as `load_editor` takes it. All None: the package's own weights."""

    weights: Path | None = None
    method: str | None = None
    engine: str | None = None
    presets: Path | None = None


class EditService:
    """Finds, edits and measures faces. Thread-safe."""

    def __init__(
        self,
        finder: FaceFinder,
        options: EditorOptions,
        pixels: int = 40_000_000,
        on_stage: Callable[[str, float], None] = lambda stage, seconds: None,
    ) -> None:
        """Load the default editor.

        Args:
            finder: A thread-safe face finder.
            options: The default editor.
            pixels: The most of one photo.
            on_stage: Called with the name of each finished stage and its seconds.
        """
        self._finder, self._pixels, self._on_stage = finder, pixels, on_stage
        editor = load_editor(
            options.weights, finder, method=options.method, engine=options.engine, presets=options.presets
        )
        self.method = editor.method
        self._editors = {self.method: editor}
        self._loading = {name: threading.Lock() for name in (*METHODS, self.method)}
        self._plans = PlanCache()

    def editor(self, method: str) -> Editor:
        """The editor of a method, loaded at its first use."""
        if method in self._editors:  # is not made to wait while another one is loaded
            return self._editors[method]
        with self._loading[method]:
            if method not in self._editors:
                self._editors[method] = load_editor(None, self._finder, method=method)
            return self._editors[method]

    def warm_up(self) -> None:
        """Edit a synthetic face once, which loads and compiles what all edits share."""
        token = CancelToken(float("inf"))
        with contextlib.suppress(NoFaceFound):
            self.previews(self.sample(0, token).data, None, WHOLE, self.method, (), token)

    def expressions(self) -> dict[str, Any]:
        """The expressions with their aliases, and which method supports which."""
        return {
            "expressions": [{"name": name, "aliases": list(ALIASES[name])} for name in EXPRESSIONS],
            "methods": [{"name": name, "expressions": list(self.editor(name).expressions)} for name in METHODS],
            "default_method": self.method,
        }

    def controls(self) -> dict[str, Any]:
        """What an edit's `to` may name, by kind, and the methods that know more of it than expressions."""
        known = {name: found for name in METHODS if (found := self.editor(name).controls())}
        return {**next(iter(known.values())), "methods": list(known)}

    def faces(self, data: bytes, token: CancelToken) -> dict[str, Any]:
        """The faces of a photo, and its size, format and earlier edits."""
        photo = self._read(data, token)
        with self.stage("find", token):
            faces = self.editor(self.method).find(photo)
        height, width = photo.rgb.shape[:2]
        return {
            "width": width,
            "height": height,
            "format": photo.format.lower(),
            "edited_before": photo.mark.description or photo.mark.tool if photo.mark else None,
            "faces": [_described(number, face) for number, face in enumerate(faces, 1)],
        }

    def edit(self, request: EditRequest, token: CancelToken) -> EncodedPicture:
        """The edited photo."""
        editor = self.editor(request.method).private()
        photo, chosen = self.read_and_choose(request.photo, request.specs, editor, token)
        for spec, face in chosen:
            with self.stage("edit", token):
                photo = self._edited(editor, photo, face, spec)
        with self.stage("encode", token):
            return _encoded(photo, request)

    def _edited(self, editor: Editor, photo: Photo, face: Face, spec: EditSpec) -> Photo:
        """The edited photo; its notes say what of the edit cannot be done."""
        if photo.rgb.size > _SMALL:
            edit = editor(photo, spec.to, strength=spec.strength, faces=[face], part=spec.part)
            edited, plans = edit.photo, [one.plan for one in edit.faces]
        else:
            to = editor.target(spec.to)
            plan = self._plans.plan(editor, photo.rgb, face, to, spec.part)
            done, changed = editor.carry_out(photo.rgb, plan, to, spec.strength)
            edited, plans = photo.with_rgb(done.photo), [done.plan]
            edited = replace(edited, mark=mark_edit(photo.mark, to, [plan.marked])) if changed else edited
        return with_notes(edited, cautions_of(plans) if spec.strength else ())

    def read_and_choose(
        self, data: bytes, specs: tuple[EditSpec, ...], editor: Editor, token: CancelToken
    ) -> tuple[Photo, list[tuple[EditSpec, Face]]]:
        """Decode a photo and find the face or faces of each edit. Warnings about the edits are added to its notes.

        Args:
            data: The photo's file.
            specs: The edits.
            editor: A `private` one, which learns what the photos of `like` show.
            token: The request's.
        """
        specs = tuple(self._with_like(editor, spec, token) for spec in specs)
        for spec in specs:
            editor.target(spec.to)  # refuses an unsupported expression before any work
        photo = self._read(data, token)
        found = self._found(photo, specs, token)
        photo = with_notes(photo, warnings(editor, specs, found))
        return photo, choose_for_each(specs, found, photo)

    def _with_like(self, editor: Editor, spec: EditSpec, token: CancelToken) -> EditSpec:
        """An edit whose `to` says what `like` shows in the editor's words. Raises `FacereliefError`."""
        check_named(spec.to, spec.like is not None)
        if spec.like is None:
            return spec
        like = self._read(spec.like, token, "like")
        neutral = self._read(spec.like_neutral, token, "like_neutral") if spec.like_neutral else None
        with self.stage("find", token):
            return replace(spec, to=in_words(editor, spec.to, like, neutral), like=None, like_neutral=None)

    def previews(
        self, data: bytes, face: Face | None, part: str, method: str, names: Sequence[str], token: CancelToken
    ) -> dict[str, str]:
        """A photo of one face with each of `names` (none: the method's expressions): JPEG as data URLs, unmarked."""
        editor, pictures = self.editor(method), {}
        list(map(editor.target, names))  # refuses what is unknown before any work
        photo = self._read(data, token)
        face = self._one(photo, face, token)
        for name in names or editor.expressions:
            with self.stage("edit", token):
                edited = self._edited(editor, photo, face, EditSpec(name, 1.0, face, part))
            request = EditRequest(b"", (), method, "JPEG", 85, provenance=False)
            pictures[name] = _encoded(edited, request).url
        return pictures

    def geometry(self, data: bytes, face: Face | None, token: CancelToken) -> dict[str, Any]:
        """The aligned crop of one face, its depth and normal map, and its mesh."""
        photo = self._read(data, token)
        face = self._one(photo, face, token)
        crop = align(face.landmarks, 2 * GEOMETRY_SIZE)
        vertices = crop.to_crop(face.landmarks.astype(np.float64)) / crop.size
        with self.stage("geometry", token):
            maps = measure_geometry(photo, face, GEOMETRY_SIZE)
        return {
            "crop": encode_picture(crop.cut(photo.rgb), "JPEG").url,
            "depth": encode_picture(depth_picture(maps), "PNG").url,
            "normals": encode_picture(normal_picture(maps), "PNG").url,
            "vertices": np.round(vertices, 5).tolist(),
        }

    def triangles(self) -> dict[str, list[list[int]]]:
        """The triangles of the mesh, as indices of its 468 vertices."""
        parts = {"face": face_triangles(), "eyes": eye_triangles(), "mouth": mouth_triangles()}
        return {name: triangles.tolist() for name, triangles in parts.items()}

    def sample(self, seed: int, token: CancelToken) -> EncodedPicture:
        """A synthetic face, rendered by the morphable model."""
        token.check()
        random = np.random.default_rng(seed)
        face = load_face()
        person, setting = random_person(face, random), random_setting(random)
        rgb, _ = render_portrait(face, person, "neutral", setting, _SAMPLE_SIZE)
        return encode_picture(rgb, "JPEG")

    def _read(self, data: bytes, token: CancelToken, field: str = "photo") -> Photo:
        with self.stage("decode", token):
            stream = io.BytesIO(data)
            stream.name = field  # what messages call it
            return read_photo(stream, max_pixels=self._pixels, seconds=token.remaining_s)

    def _found(self, photo: Photo, specs: tuple[EditSpec, ...], token: CancelToken) -> list[Face]:
        """The photo's faces; [] if every edit brings its own landmarks."""
        if specs and all(isinstance(spec.face, Face) for spec in specs):
            return []
        with self.stage("find", token):
            return self.editor(self.method).find(photo)

    def _one(self, photo: Photo, face: Face | None, token: CancelToken) -> Face:
        """The face of the request, or the photo's largest."""
        found = self._found(photo, (), token) if face is None else []
        return faces_of_edit(face or "largest", found, photo)[0]

    @contextlib.contextmanager
    def stage(self, name: str, token: CancelToken) -> Iterator[None]:
        """Time one stage; it is not begun if the request was cancelled."""
        token.check()
        start = time.perf_counter()
        yield
        self._on_stage(name, time.perf_counter() - start)


def _described(number: int, face: Face) -> dict[str, Any]:
    return {
        "number": number,
        "box": [round(value, 1) for value in face.box],
        "unfit": why_unfit(face),
        "landmarks": np.round(face.landmarks.astype(float), 2).tolist(),
    }


def _encoded(photo: Photo, request: EditRequest) -> EncodedPicture:
    data = encode_photo(
        photo, request.format or photo.save_format, quality=request.quality, provenance=request.provenance
    )
    return EncodedPicture(data, request.format or photo.save_format, photo.notes)
