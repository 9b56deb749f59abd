"""A video among the things to edit: the same settings, journal and outcome as a photo's."""

import functools
from pathlib import Path

from facerelief.editing.editor import Editor
from facerelief.editing.jobs.job import (
    EDITED,
    EditJob,
    EditOutcome,
    EditSettings,
    JobPlan,
    failed_outcome,
    source_digest,
)
from facerelief.editing.jobs.photo_job import FileEditor
from facerelief.editing.video.edit import edit_video
from facerelief.editing.video.reader import VideoSource
from facerelief.errors import VideoError
from facerelief.photos.provenance.content_credentials import sign_file
from facerelief.photos.provenance.xmp import EditMark, mark_edit, to_comment
from facerelief.processes.threads import limit_threads
from facerelief.progress import Progress, no_progress


def edit_video_job(
    editor: FileEditor, job: EditJob, progress: Progress = no_progress, workers: int | None = None
) -> EditOutcome:
    """Edit a video to each of a job's expressions, one after the other, by processes, one a core unless told.

    Raises `FacereliefError` where that leaves nothing written.
    """
    settings, path = editor.settings, job.source.source
    if not isinstance(path, Path):
        raise VideoError(f"{job.source}: videos are edited from files; download it first")
    if settings.receipt or settings.depth:
        raise VideoError(f"{path}: --receipt and --save-depth are for photos; leave them out")
    if settings.each:
        raise VideoError(f"{path}: --edit is for photos; edit one face of a video after the other, with --face")
    plan = JobPlan(job, source_digest(job.source), settings, editor.weights["sha256"])
    if plan.nothing_to_do:
        return plan.nothing_to_do
    if not job.source.named and job.source.tells_of_an_edit():
        return plan.left_alone
    plan.check()
    notes: list[str] = []
    written: list[Path] = []
    try:
        for to, at in plan.todo.items():
            _edit_to(editor, path, to, at, plan, notes, progress, workers)
            written.append(at)
    except Exception as problem:
        if not written:
            raise
        return failed_outcome(job, problem, written, notes)
    return EditOutcome(str(path), EDITED, tuple(written), tuple(dict.fromkeys(notes)))


def _edit_to(
    editor: FileEditor,
    path: Path,
    to: str,
    at: Path,
    plan: JobPlan,
    notes: list[str],
    progress: Progress,
    workers: int | None,
) -> None:
    """Edit a video to one expression. notes: takes what was lost on the way."""
    settings, mark = editor.settings, mark_edit(None, to, ())
    with VideoSource(path) as film:
        seconds = film.seconds
    still = not settings.strength.most(seconds)
    if still and len(settings.strength.keys) > 1:
        notes.append(f"{path}: the strength is 0 to the end of it, at {seconds:.3g} s; nothing is changed")
    marked = settings.provenance and not still
    signed = {"finish": functools.partial(_sign, mark=mark, source=path, notes=notes)} if marked else {}
    with plan.held(notes, **signed):
        made = edit_video(
            editor.editor,
            path,
            at,
            to,
            strength=settings.strength,
            face=settings.face,
            part=settings.part,
            comment=to_comment(mark) if marked else None,
            make_editor=functools.partial(_editor_of, settings),
            workers=workers,
            progress=progress,
        )
    notes += made.notes


def _editor_of(settings: EditSettings) -> Editor:
    """The editor, in one of as many processes as there are cores."""
    limit_threads(1)
    return FileEditor(settings).editor


def _sign(part: Path, mark: EditMark, source: Path, notes: list[str]) -> None:
    if not sign_file(part, mark, parent=source):
        notes.append(f"{source}: its manifest (C2PA) is damaged or cannot be read, and the edit does not carry it on")
