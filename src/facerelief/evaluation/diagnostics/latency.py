"""How long an edit takes from file to file, and which part of it."""

import io
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from PIL import Image

from facerelief.editing import Editor
from facerelief.editing.face_choice import choose_faces
from facerelief.faces.alignment import align
from facerelief.faces.detector import Face
from facerelief.geometry.morphable.model import load_face
from facerelief.geometry.morphable.random_faces import random_person, random_setting, render_portrait
from facerelief.photos.photo import Photo, encode_photo, read_photo
from facerelief.photos.provenance.xmp import mark_edit
from facerelief.progress import Progress, no_progress

STAGES = ("decode", "detect", "change", "paint", "encode")
PREVIEW = 128  # pixels a side of a preview, as of the page's slider


@dataclass(frozen=True)
class Latency:
    """seconds: (N,), of each of `STAGES`, of the "whole" and of a "preview" whose face is known.

    face: the face's size in pixels. shape: the photo's height and width.
    """

    seconds: dict[str, np.ndarray]
    face: float
    shape: tuple[int, int]

    def median(self, part: str) -> float:
        """Seconds."""
        return float(np.median(self.seconds[part]))

    def p95(self, part: str) -> float:
        """Seconds."""
        return float(np.percentile(self.seconds[part], 95))


def measure_latency(
    editor: Editor,
    data: bytes,
    to: str = "happiness",
    repeats: int = 30,
    progress: Progress = no_progress,
) -> Latency:
    """Edit a photo, a file's bytes, over and over: the largest face, the file's format. The first two are not counted.

    change: the face is aligned, and fitted or shown to the network; paint: the edit is brought into the photo. Encoding
    includes provenance.
    Raises as reading and editing do.
    """
    seconds: dict[str, list[float]] = {part: [] for part in (*STAGES, "whole", "preview")}

    @contextmanager
    def timed(part: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        seconds[part].append(time.perf_counter() - start)

    wanted = editor.target(to)
    for done in range(repeats + 2):
        with timed("whole"):
            with timed("decode"):
                photo = read_photo(data)
            with timed("detect"):
                face = choose_faces(editor.find(photo), "largest", photo.name)[0]
            with timed("change"):
                plan = editor.plan(photo.rgb, face, wanted)
            with timed("paint"):
                edited = photo.with_rgb(editor.render(photo.rgb, plan, 1.0))
            with timed("encode"):
                encode_photo(edited, photo.save_format, mark_edit(photo.mark, wanted, [plan.marked]))
        small, known = preview_of(photo, face)
        with timed("preview"):
            editor(small, to, strength=0.5, faces=[known])
        progress(done + 1, repeats + 2)
    found = {part: np.array(values[2:]) for part, values in seconds.items()}
    return Latency(found, face.size, (photo.rgb.shape[0], photo.rgb.shape[1]))


def preview_of(photo: Photo, face: Face) -> tuple[Photo, Face]:
    """A face's aligned crop as a small photo, and the face in it."""
    crop = align(face.landmarks, PREVIEW)
    return Photo(crop.cut(photo.rgb)), Face(crop.to_crop(face.landmarks.astype(np.float64)).astype(np.float32))


def drawn_photo(side: int = 1000, face: int = 420, seed: int = 0) -> bytes:
    """A JPEG (side, side) with a drawn face in it, its crop `face` pixels: a photo that every machine has."""
    random = np.random.default_rng(seed)
    model = load_face()
    rgb, _ = render_portrait(model, random_person(model, random), "neutral", random_setting(random), face)
    canvas = Image.fromarray(rgb).resize((side, side), Image.Resampling.BICUBIC)
    canvas = canvas.reduce(50).resize((side, side), Image.Resampling.BICUBIC)
    canvas.paste(Image.fromarray(rgb), (side // 3, side // 4))
    stream = io.BytesIO()
    canvas.save(stream, "JPEG", quality=92)
    return stream.getvalue()
