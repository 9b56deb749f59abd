"""The jobs of `facerelief edit`, and their output on the terminal."""

from collections import Counter
from collections.abc import Mapping, Sequence

import typer

from facerelief.cli.console import bar, err, explain, keep, say, waiting
from facerelief.editing.jobs.batch import make_jobs, run_batch, run_video
from facerelief.editing.jobs.inputs import Input
from facerelief.editing.jobs.job import EDITED, FAILED, SKIPPED, EditJob, EditOutcome
from facerelief.editing.jobs.outputs import STDOUT, OutputPaths
from facerelief.editing.jobs.photo_job import FileEditor
from facerelief.editing.jobs.video_job import edit_video_job
from facerelief.errors import FacereliefError

_MAX_ROWS = 20  # of failures in the table
_STAY = "finished edits are kept"


def edit_all(targets: Mapping[Input, OutputPaths], editor: FileEditor, workers: int | None, cluster: str) -> None:
    """Edit what is not finished. The error of a single photo is raised; if one of several fails, the exit code is 1."""
    jobs = make_jobs(targets, editor.settings)
    if len(jobs) == 1:
        targets_of_one, sides = jobs[0].targets.values(), editor.settings.sides
        if sum(1 + len(sides(at)) for at in targets_of_one) > 1:
            keep(_STAY)
        _conclude(_edit_one(jobs[0], editor, workers))
    else:
        _edit_several(jobs, editor, workers, cluster)


def _edit_one(job: EditJob, editor: FileEditor, workers: int | None) -> EditOutcome:
    if not job.source.is_video:
        with waiting(f"editing {job.source}"):
            return editor(job)
    with bar(job.source.file.name, "frames") as move:
        return edit_video_job(editor, job, move, workers)


def _conclude(outcome: EditOutcome) -> None:
    """Print the outcome of a single photo, and the names of its edits, also of earlier ones.

    Raises `FacereliefError` if it failed.
    """
    if outcome.state == FAILED:
        _say_written(outcome)
        raise FacereliefError(outcome.reason)
    _report(outcome)
    if outcome.there:
        say(f"{outcome.source} was {outcome.reason}; --overwrite edits it again", to=err)
        say(*map(str, outcome.there))
    elif outcome.state == SKIPPED:
        say(f"{outcome.source} {outcome.reason}", to=err)


def _edit_several(jobs: Sequence[EditJob], editor: FileEditor, workers: int | None, cluster: str) -> None:
    """Edit photos in parallel, then videos one by one. Exits with 1 if one failed."""
    photos, videos = [[job for job in jobs if job.source.is_video is kind] for kind in (False, True)]
    outcomes = []
    keep(_STAY)
    if photos:
        with bar("editing", "photos", keeps=True) as move:
            for outcome in run_batch(photos, editor, workers, cluster):
                outcomes.append(outcome)
                _report(outcome)
                move(len(outcomes), len(photos))
    for job in videos:
        with bar(job.source.file.name, "frames") as move:
            outcomes.append(run_video(job, editor, move, workers))
        _report(outcomes[-1])
    _finish(outcomes)


def _report(outcome: EditOutcome) -> None:
    """Print what was written; notes and failures go to standard error."""
    if outcome.state == FAILED:
        explain(outcome.reason)
    _say_written(outcome)


def _say_written(outcome: EditOutcome) -> None:
    say(*outcome.notes, to=err)
    say(*(str(path) for path in outcome.written if path != STDOUT))


def _finish(outcomes: Sequence[EditOutcome]) -> None:
    """Print a summary of the batch on standard error. Exits with 1 if one failed."""
    edited = [one for one in outcomes if one.state == EDITED]
    failed = [one for one in outcomes if one.state == FAILED]
    rows = [(EDITED, len(edited), f"{sum(len(one.written) for one in outcomes)} files written")]
    skipped = Counter(one.reason for one in outcomes if one.state == SKIPPED)
    rows += [(SKIPPED, count, reason) for reason, count in skipped.items()]
    rows += [(FAILED, len(failed), failed[0].reason)] if failed else []
    lines = [f"{state:<8}{count:>7}  {reason}" for state, count, reason in rows]
    lines += [" " * 17 + one.reason for one in failed[1:_MAX_ROWS]]
    if len(failed) > _MAX_ROWS:
        lines.append(" " * 17 + f"and {len(failed) - _MAX_ROWS} more, each named above")
    say(*lines, to=err)
    if failed:
        explain(f"{len(failed)} of {len(outcomes)} were not edited")
        raise typer.Exit(1)
