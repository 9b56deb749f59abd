"""One photo's edits as files: the edited pictures, and beside them depth and receipts as they are asked for."""

import contextlib
import dataclasses
import hashlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from facerelief import __version__
from facerelief.editing import load_editor, weights_file
from facerelief.editing.editor import Edit, Editor, Which
from facerelief.editing.fetch import Limits
from facerelief.editing.inputs import Input
from facerelief.editing.journal import Done, is_done, settings_digest
from facerelief.editing.mask import WHOLE
from facerelief.editing.outputs import STDOUT, Targets, depth_files, receipt_files
from facerelief.editing.receipt import Scores, make_receipt
from facerelief.editing.showcase import depth_picture, find_same, measure_relief
from facerelief.editing.strength import Strength
from facerelief.errors import FacereliefError, NoFaceFound
from facerelief.faces.detect import load_finder
from facerelief.faces.photo import Photo, encode_photo, save_photo
from facerelief.files import atomic, sha256, write_json

EDITED, SKIPPED, FAILED = "edited", "skipped", "failed"


@dataclass(frozen=True)
class Settings:
    """How photos are edited, the same for all of a batch: as `load_editor` and `Editor.__call__` take it, and more.

    depth: also write the depth before and after. receipt: also write receipts. scores: makes what a receipt asks of
    networks; it is sent to other processes. provenance: record in the file that it was edited. limits: of downloads.
    """

    strength: Strength = Strength()  # noqa: RUF009  (frozen)
    face: Which = "largest"
    part: str = WHOLE
    method: str | None = None
    weights: Path | None = None
    engine: str | None = None
    task_file: Path | None = None
    depth: bool = False
    receipt: bool = False
    scores: Callable[[], Scores] | None = None
    provenance: bool = True
    limits: Limits = Limits()  # noqa: RUF009

    def sides(self, target: Path) -> list[Path]:
        """What is written beside an edit; the depth after it only where a face is found again."""
        return [*(depth_files(target) if self.depth else ()), *(receipt_files(target) if self.receipt else ())]

    def digest(self, weights: str) -> str:
        """What stands for all that an edit depends on beside the photo. weights: their SHA-256."""
        plain = {name: repr(value) for name, value in vars(self).items() if name not in ("weights", "limits")}
        return settings_digest({**plain, "weights": weights, "version": __version__})


@dataclass(frozen=True)
class Job:
    """One photo or video, where its edits go, and what an earlier run knows of them."""

    source: Input
    targets: Targets
    known: dict[Path, Done] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What became of a job. state: "edited", "skipped" or "failed"; reason: why one of the latter. done: by target."""

    source: str
    state: str
    written: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()
    reason: str = ""
    done: dict[Path, Done] = dataclasses.field(default_factory=dict)


class FileEditor:
    """Edits photos from files to files; one a process."""

    def __init__(self, settings: Settings) -> None:
        """Raises `FacereliefError` for settings that cannot be followed."""
        finder = load_finder(task_file=settings.task_file)
        self.settings = settings
        self.editor: Editor = load_editor(settings.weights, finder, method=settings.method, engine=settings.engine)
        weights = weights_file(self.editor, settings.weights)
        self._weights = {"file": weights.name, "sha256": sha256(weights)}
        self.digest = settings.digest(self._weights["sha256"])
        self._scores = settings.scores() if settings.scores else None

    def __call__(self, job: Job) -> Outcome:
        """Edit one photo: all of its edits are written, or none. Raises `FacereliefError`."""
        digest = source_digest(job.source) if job.known else ""
        todo = {to: at for to, at in job.targets.items() if not self._is_done(job, at, digest)}
        if not todo:
            return Outcome(str(job.source), SKIPPED, reason="edited before, with the same settings")
        photo = job.source.photo(self.settings.limits)
        if photo.mark is not None and not job.source.named:
            return Outcome(str(job.source), SKIPPED, reason="is an edit itself")
        notes = [f"{job.source}: {note}" for note in photo.notes]
        edits = self._edits(photo, todo, notes)
        pictures = {at: edit.photo for at, edit in edits.items()}
        for at, edit in edits.items() if self.settings.depth else ():
            pictures |= self._depths(photo, edit, at, notes)
        for at, picture in pictures.items():
            write_picture(picture, at, self.settings.provenance)
        written = [*pictures]
        for at, edit in edits.items() if self.settings.receipt else ():
            written += self._write_receipt(photo, job.source, edit, at)
        digest = digest or source_digest(job.source)
        done = {at: Done(at.name, digest, self.digest, sha256(at)) for at in edits if at != STDOUT}
        return Outcome(str(job.source), EDITED, tuple(written), tuple(notes), done=done)

    def _is_done(self, job: Job, target: Path, digest: str) -> bool:
        sides = [side for side in self.settings.sides(target) if side != depth_files(target)[1]]
        known = is_done(job.known.get(target), target, digest, self.digest)
        return known and all(side.is_file() for side in sides)

    def _edits(self, photo: Photo, todo: Targets, notes: list[str]) -> dict[Path, Edit]:
        faces, which = self.editor.find(photo), self.settings.face
        if len(faces) > 1 and which == "largest":
            notes.append(f"{photo.name}: {len(faces)} faces; the largest is edited (choose with --face)")
        strength, part = self.settings.strength.constant, self.settings.part
        return {
            at: self.editor(photo, to, strength=strength, face=which, faces=faces, part=part) for to, at in todo.items()
        }

    def _depths(self, before: Photo, edit: Edit, target: Path, notes: list[str]) -> dict[Path, Photo]:
        """Depth of the first edited face as measured on the photos: before, and after where it is found again."""
        face = edit.faces[0].face
        places = depth_files(target)
        measured = [(before, face)]
        try:
            measured.append((edit.photo, find_same(self.editor, edit.photo, face)))
        except NoFaceFound:
            notes.append(f"{target}: no depth after, since no face is found in the edited photo")
        pictures = [depth_picture(measure_relief(*one)) for one in measured]
        return {place: Photo(rgb=rgb, name=place.name) for place, rgb in zip(places, pictures, strict=False)}

    def _write_receipt(self, photo: Photo, source: Input, edit: Edit, target: Path) -> tuple[Path, Path]:
        receipt = make_receipt(self.editor, photo, edit, self._scores)
        settings = self.settings
        asked = {
            "strength": settings.strength.constant,
            "face": settings.face,
            "part": settings.part,
            "method": self.editor.method,
        }
        files = {"source": {"name": str(source), "sha256": source_digest(source)}, "weights": self._weights}
        made = {"edited": {"name": target.name, "sha256": sha256(target)}}
        numbers_path, picture_path = receipt_files(target)
        write_json(numbers_path, {**receipt.numbers, "settings": asked, **files, **made})
        with atomic(picture_path) as part:
            receipt.picture.save(part)
        return numbers_path, picture_path


def write_picture(photo: Photo, target: Path, provenance: bool) -> None:
    """Write a picture to a file, or to standard output in the photo's own format, else PNG."""
    if target != STDOUT:
        save_photo(photo, target, provenance=provenance)
        return
    sys.stdout.buffer.write(encode_photo(photo, photo.kind, provenance=provenance))
    sys.stdout.buffer.flush()


def source_digest(source: Input) -> str:
    """SHA-256 of a file's bytes; of what is no file, of its address."""
    if isinstance(source.source, Path):
        with contextlib.suppress(OSError):
            return sha256(source.source)
        raise FacereliefError(f"{source} cannot be read any more; check the name")
    return hashlib.sha256(source.source.encode()).hexdigest()
