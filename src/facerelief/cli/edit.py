"""`facerelief edit`."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from facerelief.cli.console import bar, err, explain, out, printable
from facerelief.cli.options import Engine, Faces, Method, Part, TaskFile, ToSeveral, Weights
from facerelief.errors import FacereliefError
from facerelief.expressions import resolve_all

if TYPE_CHECKING:
    from facerelief.editing.files import FileEditor, Job, Outcome

_MOST_ROWS = 20  # of failures in the table


def edit(
    inputs: Annotated[
        list[str],
        typer.Argument(
            help="Photos: files, folders, patterns ('album/**/*.jpg'), http(s) addresses, or - for standard input. "
            "Videos: files.",
            show_default=False,
        ),
    ],
    to: ToSeveral,
    out_path: Annotated[
        str | None,
        typer.Option(
            "-o",
            "--out",
            help="A file, a folder, a pattern of {name}, {expression}, {strength} and {face}, or - for standard output."
            " Default: beside the photo, NAME-EXPRESSION.",
        ),
    ] = None,
    strength: Annotated[
        str, typer.Option(help="Share of the full change, 0 to 1.5; in a video also seconds:strength, as in 0:0,2.5:1.")
    ] = "1",
    face: Faces = "largest",
    part: Part = "face",
    method: Method = None,
    weights: Weights = None,
    engine: Engine = None,
    depth: Annotated[
        bool, typer.Option("--save-depth", help="Also write the depth before and after, as measured.")
    ] = False,
    receipt: Annotated[
        bool, typer.Option("--receipt", help="Also write what changed: depth, normals, numbers (JSON and PNG).")
    ] = False,
    judge: Annotated[Path | None, typer.Option(help="A judge's run: its scores go into the receipt.")] = None,
    encoder: Annotated[
        Path | None, typer.Option(help="A run of `train identity`: the identity distance goes into the receipt.")
    ] = None,
    provenance: Annotated[
        bool,
        typer.Option(
            "--provenance/--no-provenance",
            help="Record that it was edited: XMP, a signed manifest, a mark in the pixels.",
        ),
    ] = True,
    task_file: TaskFile = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes of a batch. Default: one a core.")] = None,
    again: Annotated[bool, typer.Option("--again", help="Edit anew what an earlier run has finished.")] = False,
    private: Annotated[
        bool, typer.Option("--allow-private-urls", help="Also fetch from this machine and private networks.")
    ] = False,
) -> None:
    """Edit the expression of a face: one photo in, the same photo out, at its own size, orientation and colours.

    A photo that cannot be edited is named with the reason; the others are still done, and the exit code is 1. The same
    command, typed again after an interruption, goes on.

        facerelief edit me.jpg --to happiness

        facerelief edit album --to all -o edited

        curl -s URL | facerelief edit - --to sadness > sad.jpg

        facerelief edit clip.mp4 --to surprise --strength 0:0,2.5:1
    """
    if (judge or encoder) and not receipt:
        raise FacereliefError("--judge and --encoder score receipts; add --receipt")
    from facerelief.editing.batch import make_jobs
    from facerelief.editing.editor import which_face
    from facerelief.editing.fetch import Limits
    from facerelief.editing.files import SKIPPED, FileEditor, Job, Settings
    from facerelief.editing.inputs import expand
    from facerelief.editing.mask import check_part
    from facerelief.editing.outputs import all_targets
    from facerelief.editing.strength import parse_strength
    from facerelief.evaluation.verdict import scores_of

    settings = Settings(
        parse_strength(strength), which_face(face), check_part(part), method, weights, engine, task_file, depth,
        receipt, scores_of(judge, encoder), provenance, Limits(private),
    )  # fmt: skip
    folder = Path(out_path) if out_path and Path(out_path).is_dir() else None
    found = expand(inputs, without=folder)
    editor = FileEditor(settings)
    every = "all" in [name.strip().lower() for name in to.split(",")]
    wanted = editor.editor.expressions if every else resolve_all(to)
    targets = all_targets(found, wanted, out_path, strength, face, settings.sides)
    for expression in wanted:
        editor.editor.label(expression)
        if caution := editor.editor.caution(expression):
            err.print(caution, markup=False)
    jobs = make_jobs(targets, again)
    if len(jobs) == 1:
        outcome = _edit_one(Job(jobs[0].source, jobs[0].targets), editor)  # also where it was edited before
        _report(outcome)
        if outcome.state == SKIPPED:
            err.print(f"{outcome.source} {outcome.reason}; name the file itself to edit it", markup=False)
    else:
        _edit_all(jobs, editor, workers)


def _edit_one(job: "Job", editor: "FileEditor") -> "Outcome":
    """Raises what is wrong with it."""
    from facerelief.editing.video_job import edit_video_job

    if not job.source.is_video:
        return editor(job)
    with bar(job.source.file.name, "frames") as move:
        return edit_video_job(editor, job, move)


def _edit_all(jobs: "Sequence[Job]", editor: "FileEditor", workers: int | None) -> None:
    """Photos first, together; then videos, one by one. Ends the command with 1 where something failed."""
    from facerelief.editing.batch import run_batch, run_video

    photos, videos = [[job for job in jobs if job.source.is_video is kind] for kind in (False, True)]
    outcomes = []
    if photos:
        with bar("editing", "photos", keeps=True) as move:
            for outcome in run_batch(photos, editor, workers):
                outcomes.append(outcome)
                _report(outcome)
                move(len(outcomes), len(photos))
    for job in videos:
        with bar(job.source.file.name, "frames") as move:
            outcomes.append(run_video(job, editor, move))
        _report(outcomes[-1])
    _finish(outcomes)


def _report(outcome: "Outcome") -> None:
    """Say what was written, and what was lost on the way; what was not, on standard error."""
    from facerelief.editing.files import EDITED, FAILED
    from facerelief.editing.outputs import STDOUT

    if outcome.state == FAILED:
        explain(outcome.reason)
    if outcome.state == EDITED:
        console: Console = err if STDOUT in outcome.written else out
        lines = [*outcome.notes, *(str(path) for path in outcome.written if path != STDOUT)]
        if lines:
            console.print("\n".join(lines), markup=False)


def _finish(outcomes: "Sequence[Outcome]") -> None:
    """The table of a batch, on standard error. Ends the command with 1 where something failed."""
    from facerelief.editing.files import EDITED, FAILED, SKIPPED

    edited = [one for one in outcomes if one.state == EDITED]
    failed = [one for one in outcomes if one.state == FAILED]
    rows = [(EDITED, len(edited), f"{sum(len(one.written) for one in edited)} files written")]
    skipped = Counter(one.reason for one in outcomes if one.state == SKIPPED)
    rows += [(SKIPPED, count, reason) for reason, count in skipped.items()]
    rows += [(FAILED, len(failed), failed[0].reason)] if failed else []
    lines = [f"{state:<8}{count:>7}  {reason}" for state, count, reason in rows]
    lines += [" " * 17 + one.reason for one in failed[1:_MOST_ROWS]]
    if len(failed) > _MOST_ROWS:
        lines.append(" " * 17 + f"and {len(failed) - _MOST_ROWS} more, each named above")
    err.print("\n".join(map(printable, lines)), markup=False)
    if failed:
        explain(f"{len(failed)} of {len(outcomes)} were not edited")
        raise typer.Exit(1)
