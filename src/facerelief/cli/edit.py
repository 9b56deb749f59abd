"""`facerelief edit`."""

import contextlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from facerelief.cli.console import bar, err, explain, printable, say
from facerelief.editing.batch import make_jobs, run_batch, run_video
from facerelief.editing.editor import which_face
from facerelief.editing.fetch import Limits
from facerelief.editing.files import FileEditor
from facerelief.editing.inputs import expand
from facerelief.editing.jobs import EDITED, FAILED, SKIPPED, Job, Outcome, Settings, is_edit
from facerelief.editing.mask import PARTS, WHOLE, check_part
from facerelief.editing.outputs import STDOUT, Typed, all_targets
from facerelief.editing.strength import parse_strength
from facerelief.editing.video_job import edit_video_job
from facerelief.errors import FacereliefError
from facerelief.evaluation.verdict import scores_of
from facerelief.expressions import EXPRESSIONS, resolve_all

TaskFile = Annotated[
    Path | None, typer.Option(help="A face_landmarker.task file, for mediapipe versions without bundled models.")
]
Weights = Annotated[
    Path | None, typer.Option(help="A run's or a face's folder, or a .safetensors file. Default: the package's.")
]
Method = Annotated[
    str | None,
    typer.Option(
        help="relief: a network that moves the photo's own pixels. morphable: a statistical face, without training. "
        "stargan: a baseline. Default: what --weights are for, else relief.",
        show_default=False,
    ),
]
Part = Annotated[
    str,
    typer.Option(help=f"What may change: {', '.join(PARTS)}; eyes and brows alone, or all below them (for glasses)."),
]
_MOST_ROWS = 20  # of failures in the table
Engine = Annotated[
    str | None,
    typer.Option(
        help="What runs a network: torch, onnx, openvino, openvino-bf16, or auto: the fastest that is installed and "
        "agrees with PyTorch. Default: torch.",
        show_default=False,
    ),
]


def edit(
    inputs: Annotated[
        list[str],
        typer.Argument(
            help="Photos: files, folders, patterns ('album/**/*.jpg'), http(s) addresses, or - for standard input. "
            "Videos: files.",
            show_default=False,
        ),
    ],
    to: Annotated[str, typer.Option(help="The expression; several separated by commas, or all.", show_default=False)],
    out_path: Annotated[
        str | None,
        typer.Option(
            "-o",
            "--out",
            help="A file, a folder, a pattern of {name}, {expression}, {strength}, {face}, {part} and {method}, or - "
            "for standard output. Default: beside the photo, NAME-EXPRESSION and what else differs from the defaults.",
        ),
    ] = None,
    strength: Annotated[
        str, typer.Option(help="Share of the full change, 0 to 1.5; in a video also seconds:strength, as in 0:0,2.5:1.")
    ] = "1",
    face: Annotated[
        str, typer.Option(help="largest, all, a number counted from the largest, or X,Y: a point of it in pixels.")
    ] = "largest",
    part: Part = WHOLE,
    method: Method = None,
    weights: Weights = None,
    engine: Engine = None,
    depth: Annotated[bool, typer.Option("--depth", help="Also write the depth before and after, as measured.")] = False,
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
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Edit anew what is finished, and replace whatever has the edit's name.")
    ] = False,
    again: Annotated[bool, typer.Option("--again", hidden=True)] = False,
    private: Annotated[
        bool, typer.Option("--allow-private-urls", help="Also fetch from this machine and private networks.")
    ] = False,
) -> None:
    """Edit the expression of a face: one photo in, the same photo out, at its own size, orientation and colours.

    A photo that cannot be edited is named with the reason; the others are still done, and the exit code is 1. The same
    command, typed again after an interruption, goes on. No file is ever replaced without --overwrite, but for what this
    very command has written.

        facerelief edit me.jpg --to happiness

        facerelief edit album --to all -o edited

        curl https://example.org/me.jpg | facerelief edit - --to sadness > sad.jpg

        facerelief edit clip.mp4 --to surprise --strength 0:0,2.5:1
    """
    if (judge or encoder) and not receipt:
        raise FacereliefError("--judge and --encoder score receipts; add --receipt")
    if again:
        err.print("--again edits anew what this command wrote; --overwrite does, and replaces other files too")
    settings = Settings(
        parse_strength(strength), which_face(face), check_part(part), method, weights, engine, task_file, depth,
        receipt, scores_of(judge, encoder), provenance, Limits(private), again, overwrite,
    )  # fmt: skip
    folder = Path(out_path) if out_path and Path(out_path).is_dir() else None
    found = expand(inputs, without=folder)
    with _waiting("getting ready"):
        editor = FileEditor(settings)
    wanted = _wanted(to, editor)
    typed = Typed(strength, face, part, editor.editor.method, weights)
    targets = all_targets(found, wanted, out_path, typed, settings.sides, is_edit if overwrite else None)
    jobs = make_jobs(targets, settings)
    if len(jobs) == 1:
        _conclude_one(_edit_one(jobs[0], editor))
    else:
        _edit_all(jobs, editor, workers)


@contextlib.contextmanager
def _waiting(for_what: str) -> Iterator[None]:
    """On a terminal, a sign that something goes on: networks take seconds to load."""
    with err.status(escape(for_what)) if err.is_terminal else contextlib.nullcontext():
        yield


def _wanted(to: str, editor: FileEditor) -> Sequence[str]:
    """The expressions that are asked for; what is to be known of them is said on standard error."""
    every = "all" in [name.strip().lower() for name in to.split(",")]
    wanted = editor.editor.expressions if every else resolve_all(to)
    missing = [name for name in EXPRESSIONS if name not in wanted] if every else []
    if missing:
        err.print(f"these weights know {len(wanted)} of {len(EXPRESSIONS)} expressions; left out: {', '.join(missing)}")
    for expression in wanted:
        editor.editor.label(expression)
        if caution := editor.editor.caution(expression):
            err.print(caution, markup=False)
    return wanted


def _edit_one(job: Job, editor: FileEditor) -> Outcome:
    """Raises what is wrong with it."""
    if not job.source.is_video:
        with _waiting(printable(f"editing {job.source}")):
            return editor(job)
    with bar(printable(job.source.file.name), "frames") as move:
        return edit_video_job(editor, job, move)


def _conclude_one(outcome: Outcome) -> None:
    """Say what became of a single photo; the names of its edits go to standard output also where they were there."""
    _report(outcome)
    if outcome.state == SKIPPED:
        err.print(printable(f"{outcome.source} {outcome.reason}"), markup=False)
    if outcome.there:
        say(*map(str, outcome.there))


def _edit_all(jobs: Sequence[Job], editor: FileEditor, workers: int | None) -> None:
    """Photos first, together; then videos, one by one. Ends the command with 1 where something failed."""
    photos, videos = [[job for job in jobs if job.source.is_video is kind] for kind in (False, True)]
    outcomes = []
    if photos:
        with bar("editing", "photos") as move:
            for outcome in run_batch(photos, editor, workers):
                outcomes.append(outcome)
                _report(outcome)
                move(len(outcomes), len(photos))
    for job in videos:
        with bar(printable(job.source.file.name), "frames") as move:
            outcomes.append(run_video(job, editor, move))
        _report(outcomes[-1])
    _finish(outcomes)


def _report(outcome: Outcome) -> None:
    """Say what was written, and what was lost on the way; what was not, on standard error."""
    if outcome.state == FAILED:
        explain(outcome.reason)
    if outcome.state == EDITED:
        say(*outcome.notes, to=err)
        say(*(str(path) for path in outcome.written if path != STDOUT))


def _finish(outcomes: Sequence[Outcome]) -> None:
    """The table of a batch, on standard error. Ends the command with 1 where something failed."""
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
