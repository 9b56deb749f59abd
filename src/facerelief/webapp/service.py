"""What the server computes; each of these runs in a worker thread and checks its ticket between steps."""

import base64
import contextlib
import io
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from facerelief.editing import METHODS, Editor, load_editor
from facerelief.editing.face_choice import FaceChoice, choose_faces, why_unfit
from facerelief.editing.jobs.showcase import depth_picture, measure_geometry, normal_picture
from facerelief.editing.regions import WHOLE
from facerelief.errors import NoFaceFound
from facerelief.expressions import ALIASES, EXPRESSIONS, resolve
from facerelief.faces.alignment import align
from facerelief.faces.detector import Face, FaceFinder
from facerelief.geometry.morphable.model import load_face
from facerelief.geometry.morphable.random_faces import random_person, random_setting, render_portrait
from facerelief.geometry.topology import eye_triangles, face_triangles, mouth_triangles
from facerelief.photos.photo import Photo, encode_photo, read_photo
from facerelief.webapp.server.limits import Ticket

KINDS = {"jpeg": "JPEG", "png": "PNG", "webp": "WEBP", "tiff": "TIFF"}  # what `format` may be
RELIEF_SIZE = 256  # pixels a side of depth and normal pictures
SAMPLES = 1000
_SAMPLE_SIZE = 448
_LARGEST = 1.5  # of the side of a square as large as the photo: larger faces would take crops of gigabytes


@dataclass(frozen=True)
class Wish:
    """One edit of one or all faces: which, as an editor is told, or a face whose landmarks are known. part: of it."""

    to: str
    strength: float
    face: FaceChoice | Face
    part: str = WHOLE


@dataclass(frozen=True)
class Order:
    """A photo's bytes and the edits to be done to it, one after another; how to encode it. kind None: as it came."""

    photo: bytes
    wishes: tuple[Wish, ...]
    method: str
    kind: str | None = None
    quality: int = 95
    provenance: bool = True


@dataclass(frozen=True)
class Picture:
    """An encoded picture, its media type, what was lost on the way, and what is known against the edit."""

    data: bytes
    kind: str
    notes: tuple[str, ...] = ()

    @property
    def media_type(self) -> str:
        """As in `Content-Type`."""
        return f"{'video' if self.kind == 'MP4' else 'image'}/{self.kind.lower()}"

    @property
    def url(self) -> str:
        """As a data URL."""
        return f"data:{self.media_type};base64,{base64.b64encode(self.data).decode()}"


class Studio:
    """Edits, finds and measures faces. Threads may share it."""

    def __init__(
        self,
        finder: FaceFinder,
        weights: Path | None = None,
        method: str | None = None,
        engine: str | None = None,
        pixels: int = 40_000_000,
        timed: Callable[[str, float], None] = lambda stage, seconds: None,
    ) -> None:
        """finder: one for many threads. weights, method, engine: of the default editor. timed: told stages' times."""
        self._finder, self._pixels, self._timed = finder, pixels, timed
        editor = load_editor(weights, finder, method=method, engine=engine)
        self.method = editor.method
        self._editors = {self.method: editor}
        self._loading = threading.Lock()

    def editor(self, method: str) -> Editor:
        """The editor of a method, loaded when it is first asked for."""
        with self._loading:
            if method not in self._editors:
                self._editors[method] = load_editor(None, self._finder, method=method)
            return self._editors[method]

    def warm_up(self) -> None:
        """Edit a drawn face once: the first edit loads and compiles what later ones find ready."""
        ticket = Ticket(float("inf"))
        with contextlib.suppress(NoFaceFound):
            self.previews(self.sample(0, ticket).data, None, WHOLE, self.method, ticket)

    def menu(self) -> dict[str, Any]:
        """The expressions, their other names, and which method knows which."""
        return {
            "expressions": [{"name": name, "aliases": list(ALIASES[name])} for name in EXPRESSIONS],
            "methods": [{"name": name, "expressions": list(self.editor(name).expressions)} for name in METHODS],
            "default_method": self.method,
        }

    def faces(self, data: bytes, ticket: Ticket) -> dict[str, Any]:
        """Where a photo's faces are, and what it says about itself."""
        photo = self._read(data, ticket)
        with self.stage("find", ticket):
            faces = self.editor(self.method).find(photo)
        height, width = photo.rgb.shape[:2]
        return {
            "width": width,
            "height": height,
            "format": photo.format.lower(),
            "edited_before": photo.mark.description or photo.mark.tool if photo.mark else None,
            "faces": [_described(number, face) for number, face in enumerate(faces, 1)],
        }

    def edit(self, order: Order, ticket: Ticket) -> Picture:
        """The photo with all wishes done."""
        editor = self.editor(order.method)
        photo, chosen = self.chosen(order.photo, order.wishes, order.method, ticket)
        for wish, face in chosen:
            with self.stage("edit", ticket):
                photo = editor(photo, wish.to, strength=wish.strength, faces=[face], part=wish.part).photo
        with self.stage("encode", ticket):
            return _encoded(photo, order)

    def chosen(
        self, data: bytes, wishes: tuple[Wish, ...], method: str, ticket: Ticket
    ) -> tuple[Photo, list[tuple[Wish, Face]]]:
        """A photo with notes on the edits, and the face or the faces of each wish, which a method must know."""
        for wish in wishes:
            self.editor(method).label(wish.to)  # refuses what it cannot do before any work
        photo = self._read(data, ticket)
        found = self._found(photo, wishes, ticket)
        photo = replace(photo, notes=(*photo.notes, *_cautions(self.editor(method), wishes, found)))
        return photo, [(wish, face) for wish in wishes for face in _chosen(wish.face, found, photo)]

    def previews(self, data: bytes, face: Face | None, part: str, method: str, ticket: Ticket) -> dict[str, str]:
        """A photo of one face with each expression, small JPEG pictures as data URLs; without provenance."""
        photo = self._read(data, ticket)
        face = self._one(photo, face, ticket)
        editor, pictures = self.editor(method), {}
        for name in editor.expressions:
            with self.stage("edit", ticket):
                edit = editor(photo, name, faces=[face], part=part)
            order = Order(b"", (), method, "JPEG", 85, provenance=False)
            pictures[name] = _encoded(edit.photo, order).url
        return pictures

    def geometry(self, data: bytes, face: Face | None, ticket: Ticket) -> dict[str, Any]:
        """Depth and normals of one face as pictures of its aligned crop, and its mesh."""
        photo = self._read(data, ticket)
        face = self._one(photo, face, ticket)
        crop = align(face.landmarks, 2 * RELIEF_SIZE)
        vertices = crop.to_crop(face.landmarks.astype(np.float64)) / crop.size
        with self.stage("geometry", ticket):
            relief = measure_geometry(photo, face, RELIEF_SIZE)
        return {
            "crop": _picture(crop.cut(photo.rgb), "JPEG").url,
            "depth": _picture(depth_picture(relief), "PNG").url,
            "normals": _picture(normal_picture(relief), "PNG").url,
            "vertices": np.round(vertices, 5).tolist(),
        }

    def triangles(self) -> dict[str, list[list[int]]]:
        """Which of the 468 vertices make the mesh's triangles."""
        parts = {"face": face_triangles(), "eyes": eye_triangles(), "mouth": mouth_triangles()}
        return {name: triangles.tolist() for name, triangles in parts.items()}

    def sample(self, seed: int, ticket: Ticket) -> Picture:
        """A portrait of somebody who does not exist, drawn by the morphable face."""
        ticket.check()
        random = np.random.default_rng(seed)
        face = load_face()
        person, setting = random_person(face, random), random_setting(random)
        rgb, _ = render_portrait(face, person, "neutral", setting, _SAMPLE_SIZE)
        return _picture(rgb, "JPEG")

    def _read(self, data: bytes, ticket: Ticket) -> Photo:
        with self.stage("decode", ticket):
            return read_photo(data, max_pixels=self._pixels, seconds=ticket.left_s)

    def _found(self, photo: Photo, wishes: tuple[Wish, ...], ticket: Ticket) -> list[Face]:
        """The photo's faces, unless all that is wished for is known."""
        if wishes and all(isinstance(wish.face, Face) for wish in wishes):
            return []
        with self.stage("find", ticket):
            return self.editor(self.method).find(photo)

    def _one(self, photo: Photo, face: Face | None, ticket: Ticket) -> Face:
        """The face that a request brought, or the photo's largest."""
        found = self._found(photo, (), ticket) if face is None else []
        return _chosen(face or "largest", found, photo)[0]

    @contextlib.contextmanager
    def stage(self, name: str, ticket: Ticket) -> Iterator[None]:
        """A step of the work, whose time is told; not begun where nobody waits any more."""
        ticket.check()
        start = time.perf_counter()
        yield
        self._timed(name, time.perf_counter() - start)


def _chosen(which: FaceChoice | Face, found: list[Face], photo: Photo) -> list[Face]:
    if isinstance(which, Face):
        _check_place(which, photo)
        return choose_faces([which], "largest", photo.name)
    return choose_faces(found, which, photo.name)


def _cautions(editor: Editor, wishes: tuple[Wish, ...], found: list[Face]) -> list[str]:
    """What is known against the edits, and what was chosen; the API's fields are called as the command's options."""
    known = [editor.caution(resolve(wish.to)) for wish in wishes if wish.strength]
    lines = [line.replace("--", "") for line in known if line]
    if len(found) > 1 and any(wish.face == "largest" for wish in wishes):
        lines.append(f"{len(found)} faces; the largest is edited (choose with face)")
    return list(dict.fromkeys(lines))


def _check_place(face: Face, photo: Photo) -> None:
    """Raise `NoFaceFound` for landmarks that came with a request and lie beside its photo, or are far larger."""
    height, width = photo.rgb.shape[:2]
    x0, y0, x1, y1 = face.box
    beside = x1 <= 0 or y1 <= 0 or x0 >= width or y0 >= height
    if beside or face.size > _LARGEST * (height * width) ** 0.5:
        raise NoFaceFound("the landmarks are of no face in this photo; send those that /v1/faces gave for it")


def _described(number: int, face: Face) -> dict[str, Any]:
    return {
        "number": number,
        "box": [round(value, 1) for value in face.box],
        "unfit": why_unfit(face),
        "landmarks": np.round(face.landmarks.astype(float), 2).tolist(),
    }


def _encoded(photo: Photo, order: Order) -> Picture:
    kind = order.kind or photo.kind
    data = encode_photo(photo, kind, quality=order.quality, provenance=order.provenance)
    return Picture(data, kind, photo.notes)


def _picture(rgb: np.ndarray, kind: str) -> Picture:
    stream = io.BytesIO()
    Image.fromarray(rgb).save(stream, kind, **({"quality": 90} if kind == "JPEG" else {"compress_level": 1}))
    return Picture(stream.getvalue(), kind)
