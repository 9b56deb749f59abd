"""One photo's edits as files: the edited pictures, and beside them depth and receipts as they are asked for."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from facerelief.editing.edit import Edit, cautions_of
from facerelief.editing.editor import Editor
from facerelief.editing.face_choice import notes_on_choice
from facerelief.editing.jobs.inputs import STDIN, Input
from facerelief.editing.jobs.job import (
    EDITED,
    EditJob,
    EditOutcome,
    EditSettings,
    JobPlan,
    failed_outcome,
    source_digest,
)
from facerelief.editing.jobs.outputs import STDOUT, OutputPaths, depth_files, receipt_files
from facerelief.editing.jobs.receipt import make_receipt
from facerelief.editing.jobs.showcase import depth_picture, find_same, measure_geometry
from facerelief.editing.loading import load_editor, weights_file
from facerelief.editing.methods.network import NetworkEditor
from facerelief.errors import FacereliefError, NoFaceFound
from facerelief.faces.detector import Face, load_finder
from facerelief.files import atomic, sha256, write_json
from facerelief.photos.photo import SAVE_FORMATS, Photo, encode_photo, read_photo, save_photo
from facerelief.processes.threads import limit_threads, threads_for


class FileEditor:
    """Edits photos from files to files; one a process.

    Attributes:
        settings: How photos are edited.
        editor: What edits them.
        like: The words for what `settings.like` shows.
        weights: Name and SHA-256 of the weights' file.
    """

    def __init__(self, settings: EditSettings) -> None:
        """Load the editor and the face detector. Raises `FacereliefError` for settings that cannot be followed."""
        finder = load_finder(task_file=settings.task_file)
        self.settings = settings
        self.editor: Editor = load_editor(
            settings.weights,
            finder,
            method=settings.method,
            engine=settings.engine,
            teeth_from=settings.teeth_from,
            presets=settings.presets,
        )
        self.like = self._take(*settings.like) if settings.like else None
        if isinstance(self.editor, NetworkEditor):
            limit_threads(threads_for(1, self.editor.config.size, self.editor.config.width))
        weights = weights_file(self.editor, settings.weights)
        self.weights = {"file": weights.name, "sha256": sha256(weights)}
        self._scores = settings.scores() if settings.scores else None

    def _take(self, shows: Path, neutral: Path | None) -> str:
        return self.editor.take_expression(read_photo(shows), read_photo(neutral) if neutral else None)

    def __call__(self, job: EditJob) -> EditOutcome:
        """Edit one photo; each edit is written before the next is made.

        Args:
            job: The photo, and where each of its edits goes.

        Returns:
            What was written. Its state is "skipped" where nothing is to be done, and "failed" where an error came after
            the first file was written.

        Raises:
            FacereliefError: Nothing was written: there is no photo or no face, or a file is in the way.
        """
        early = job.source.photo() if job.source.source == STDIN or job.is_first_time else None
        digest = early.digest if early else source_digest(job.source)
        plan = JobPlan(job, digest, self.settings, self.weights["sha256"])
        if plan.nothing_to_do:
            return plan.nothing_to_do
        photo = early or job.source.photo(self.settings.limits)  # says what is wrong with it
        if photo.mark is not None and not job.source.named:
            return plan.left_alone
        plan.check()
        notes = [f"{job.source}: {note}" for note in photo.notes]
        if photo.mark is not None:
            notes.append(f"{job.source} is an edit itself ({photo.mark.description})")
        faces = self.editor.find(photo)
        notes += notes_on_choice(faces, self.settings.face, photo.name) if not self.settings.each else []
        written: list[Path] = []
        try:
            with plan.held(notes):
                for path in self._make(job, photo, faces, plan.todo, notes):
                    written.append(path)
        except Exception as problem:
            if not written:
                raise
            return failed_outcome(job, problem, written, notes)
        return EditOutcome(str(job.source), EDITED, tuple(written), tuple(notes))

    def _make(
        self, job: EditJob, photo: Photo, faces: Sequence[Face], todo: OutputPaths, notes: list[str]
    ) -> Iterator[Path]:
        """Write each edit, and depth and a receipt where they are asked for. Yields what is written, file by file."""
        settings = self.settings
        for to, at in todo.items():
            edit = self.editor(
                photo,
                dict(settings.each) or to,
                strength=settings.strength.constant,
                face=settings.face,
                faces=faces,
                part=settings.part,
            )
            notes += [f"{job.source}: {line}" for line in cautions_of(one.plan for one in edit.faces)]
            notes += [f"{job.source}: {line}" for line in lost_in(photo, at, job.source.file.suffix)]
            write_picture(edit.photo, at, settings.provenance)
            yield at
            for path, picture in self._depths(photo, edit, at, notes).items() if settings.depth else ():
                write_picture(picture, path, settings.provenance)
                yield path
            if settings.receipt:
                yield from self._write_receipt(photo, job.source, edit, at)
            notes += self._notes_of_sides(at)

    def _notes_of_sides(self, target: Path) -> list[str]:
        """Notes on what is beside an edit and was not written with it: it would tell of another picture."""
        sides = {} if self.settings.depth or target == STDOUT else dict.fromkeys(depth_files(target), "--save-depth")
        sides |= {} if self.settings.receipt or target == STDOUT else dict.fromkeys(receipt_files(target), "--receipt")
        there = [path for path in sides if path.is_file()]
        return [f"{path} is not of this edit; add {sides[path]} to write it anew, or remove it" for path in there]

    def _depths(self, before: Photo, edit: Edit, target: Path, notes: list[str]) -> dict[Path, Photo]:
        """Depth of the first edited face as measured on the photos: before, and after where it is found again."""
        face = edit.faces[0].face
        places = depth_files(target)
        measured = [(before, face)]
        try:
            measured.append((edit.photo, find_same(self.editor, edit.photo, face)))
        except NoFaceFound:
            notes.append(f"{target}: no depth after, since no face is found in the edited photo")
        pictures = [depth_picture(measure_geometry(*one)) for one in measured]
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
        files = {"source": {"name": str(source), "sha256": photo.digest}, "weights": self.weights}
        made = {"edited": {"name": target.name, "sha256": sha256(target)}}
        numbers_path, picture_path = receipt_files(target)
        write_json(numbers_path, {**receipt.numbers, "settings": asked, **files, **made})
        with atomic(picture_path) as part:
            receipt.picture.save(part)
        return numbers_path, picture_path


def lost_in(photo: Photo, target: Path, suffix: str) -> list[str]:
    """What a photo loses in the format that it is written in, a line each; `suffix`: of its own name."""
    written = photo.save_format if target == STDOUT else SAVE_FORMATS.get(target.suffix.lower(), "PNG")
    lost = []
    if written == "JPEG" and photo.alpha is not None and photo.alpha.min() < 255:
        lost.append("what is transparent is not so in JPEG; name the edit .png or .webp to keep it")
    if photo.lossless and written in ("JPEG", "WEBP"):
        lost.append(f"a lossless {photo.format} is written as lossy {written}; name the edit .png to lose nothing")
    if target != STDOUT and written != photo.format and suffix.lower() not in SAVE_FORMATS:
        lost.append(f"{photo.format} is written as {written}; name the edit by --out for another format")
    return lost


def write_picture(photo: Photo, target: Path, provenance: bool) -> None:
    """Write a picture to a file, or to standard output in the photo's own format, else PNG."""
    if target != STDOUT:
        save_photo(photo, target, provenance=provenance)
        return
    if sys.stdout is None:
        raise FacereliefError("standard output is closed; name a file with --out")
    sys.stdout.buffer.write(encode_photo(photo, photo.save_format, provenance=provenance))
    sys.stdout.buffer.flush()
