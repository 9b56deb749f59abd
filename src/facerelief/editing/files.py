"""One photo's edits as files: the edited pictures, and beside them depth and receipts as they are asked for."""

import sys
from pathlib import Path

import torch

from facerelief.editing import load_editor, weights_file
from facerelief.editing.editor import Edit, Editor
from facerelief.editing.inputs import STDIN, Input
from facerelief.editing.jobs import EDITED, Job, Outcome, Plan, Settings, source_digest
from facerelief.editing.network import NetworkEditor
from facerelief.editing.outputs import STDOUT, depth_files, receipt_files
from facerelief.editing.receipt import make_receipt
from facerelief.editing.showcase import depth_picture, find_same, measure_relief
from facerelief.errors import FacereliefError, NoFaceFound
from facerelief.faces.detect import load_finder
from facerelief.faces.photo import Photo, encode_photo, save_photo
from facerelief.files import atomic, sha256, write_json
from facerelief.threads import threads_for


class FileEditor:
    """Edits photos from files to files; one a process."""

    def __init__(self, settings: Settings) -> None:
        """Raises `FacereliefError` for settings that cannot be followed."""
        finder = load_finder(task_file=settings.task_file)
        self.settings = settings
        self.editor: Editor = load_editor(settings.weights, finder, method=settings.method, engine=settings.engine)
        if isinstance(self.editor, NetworkEditor):
            torch.set_num_threads(threads_for(1, self.editor.config.size, self.editor.config.width))
        weights = weights_file(self.editor, settings.weights)
        self.weights = {"file": weights.name, "sha256": sha256(weights)}
        self._scores = settings.scores() if settings.scores else None

    def __call__(self, job: Job) -> Outcome:
        """Edit one photo; each edit is written before the next is made. Raises `FacereliefError`."""
        early = None if job.source.source != STDIN else job.source.photo()
        digest = early.digest if early else source_digest(job.source)
        plan = Plan(job, digest, self.settings, self.weights["sha256"])
        if plan.nothing_to_do:
            return plan.nothing_to_do
        photo = early or job.source.photo(self.settings.limits)  # says what is wrong with it
        if photo.mark is not None and not job.source.named:
            return plan.left_alone
        plan.check()
        notes = [f"{job.source}: {note}" for note in photo.notes]
        if photo.mark is not None:
            notes.append(f"{job.source} is an edit itself ({photo.mark.description})")
        settings = self.settings
        faces, which = self.editor.find(photo), settings.face
        if len(faces) > 1 and which == "largest":
            notes.append(f"{photo.name}: {len(faces)} faces; the largest is edited (choose with --face)")
        written: list[Path] = []
        with plan.held(notes):
            for to, at in plan.todo.items():
                edit = self.editor(
                    photo, to, strength=settings.strength.constant, face=which, faces=faces, part=settings.part
                )
                written += self._write(photo, edit, at, notes)
                if settings.receipt:
                    written += self._write_receipt(photo, job.source, digest, edit, at)
        return Outcome(str(job.source), EDITED, tuple(written), tuple(notes))

    def _write(self, photo: Photo, edit: Edit, target: Path, notes: list[str]) -> list[Path]:
        """Write an edit, and depth before and after where it is asked for."""
        pictures = {target: edit.photo}
        if self.settings.depth:
            pictures |= self._depths(photo, edit, target, notes)
        for place, picture in pictures.items():
            write_picture(picture, place, self.settings.provenance)
        return [*pictures]

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

    def _write_receipt(self, photo: Photo, source: Input, digest: str, edit: Edit, target: Path) -> tuple[Path, Path]:
        receipt = make_receipt(self.editor, photo, edit, self._scores)
        settings = self.settings
        asked = {
            "strength": settings.strength.constant,
            "face": settings.face,
            "part": settings.part,
            "method": self.editor.method,
        }
        files = {"source": {"name": str(source), "sha256": digest}, "weights": self.weights}
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
    if sys.stdout is None:
        raise FacereliefError("standard output is closed; name a file with --out")
    sys.stdout.buffer.write(encode_photo(photo, photo.kind, provenance=provenance))
    sys.stdout.buffer.flush()
