"""A video among the things to edit: the same settings, journal and outcome as a photo's."""

from pathlib import Path

from facerelief import __version__
from facerelief.editing.files import EDITED, SKIPPED, FileEditor, Job, Outcome, source_digest
from facerelief.editing.journal import Done, is_done
from facerelief.editing.video import Progress, edit_video
from facerelief.errors import VideoError
from facerelief.faces.credentials import sign_file
from facerelief.faces.film import MADE_BY, film_comment
from facerelief.faces.mark import mark_edit
from facerelief.files import sha256


def edit_video_job(editor: FileEditor, job: Job, progress: Progress = lambda done, total: None) -> Outcome:
    """Edit a video to each of a job's expressions, one after the other. Raises `FacereliefError`."""
    settings, path = editor.settings, job.source.source
    if not isinstance(path, Path):
        raise VideoError(f"{job.source}: videos are edited from files; download it first")
    if settings.receipt or settings.depth:
        raise VideoError(f"{path}: --receipt and --save-depth are for photos; leave them out")
    digest = source_digest(job.source) if job.known else ""
    todo = {to: at for to, at in job.targets.items() if not is_done(job.known.get(at), at, digest, editor.digest)}
    if not todo:
        return Outcome(str(path), SKIPPED, reason="edited before, with the same settings")
    if not job.source.named and MADE_BY in film_comment(path):
        return Outcome(str(path), SKIPPED, reason="is an edit itself")
    notes: tuple[str, ...] = ()
    for to, at in todo.items():
        mark = mark_edit(None, to, ())
        made = edit_video(
            editor.editor,
            path,
            at,
            to,
            strength=settings.strength,
            face=settings.face,
            part=settings.part,
            comment=f"{mark.description}{MADE_BY}{__version__}" if settings.provenance else None,
            progress=progress,
        )
        if settings.provenance:
            sign_file(at, mark)
        notes = made.notes
    digest = digest or source_digest(job.source)
    done = {at: Done(at.name, digest, editor.digest, sha256(at)) for at in todo.values()}
    return Outcome(str(path), EDITED, tuple(todo.values()), notes, done=done)
