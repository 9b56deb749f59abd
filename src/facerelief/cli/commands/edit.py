"""`facerelief edit`."""

from pathlib import Path
from typing import Annotated

import typer

from facerelief.cli.console import waiting
from facerelief.cli.options import Engine, Faces, Method, Part, TaskFile, ToSeveral, Weights
from facerelief.errors import FacereliefError


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
            help="A file, a folder, a pattern of {name}, {expression}, {strength}, {face}, {part} and {method}, or - "
            "for standard output. Default: beside the photo, NAME-EXPRESSION and what else differs from the defaults.",
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
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Edit anew what is finished, and replace whatever has the edit's name.")
    ] = False,
    private: Annotated[
        bool, typer.Option("--allow-private-urls", help="Also fetch from this machine and private networks.")
    ] = False,
) -> None:
    """Edit the expression of a face: one photo in, the same photo out, at its own size, orientation and colours.

    A photo that cannot be edited is named with the reason; the others are still done, and the exit code is 1. The same
    command, typed again after an interruption, goes on. No file is replaced without --overwrite, but for what this very
    command has written.

        facerelief edit me.jpg --to happiness

        facerelief edit album --to all -o edited

        curl -s URL | facerelief edit - --to sadness > sad.jpg

        facerelief edit clip.mp4 --to surprise --strength 0:0,2.5:1
    """
    if (judge or encoder) and not receipt:
        raise FacereliefError("--judge and --encoder score receipts; add --receipt")
    with waiting("getting ready"):
        from facerelief.cli.edited import edit_all, wanted_of
        from facerelief.editing.face_choice import parse_face_choice
        from facerelief.editing.jobs.fetch import DownloadLimits
        from facerelief.editing.jobs.inputs import expand
        from facerelief.editing.jobs.journal import EditSettings, is_edit
        from facerelief.editing.jobs.outputs import Typed, all_targets
        from facerelief.editing.jobs.photo_job import FileEditor
        from facerelief.editing.regions import check_part
        from facerelief.editing.strength import parse_strength
        from facerelief.evaluation.receipt_scores import scores_of

        settings = EditSettings(
            parse_strength(strength), parse_face_choice(face), check_part(part), method, weights, engine, task_file,
            depth, receipt, scores_of(judge, encoder), provenance, DownloadLimits(private), overwrite,
        )  # fmt: skip
        folder = Path(out_path) if out_path and Path(out_path).is_dir() else None
        found = expand(inputs, without=folder)
        editor = FileEditor(settings)
    wanted = wanted_of(to, editor.editor)
    typed = Typed(strength, face, part, editor.editor.method, weights)
    targets = all_targets(found, wanted, out_path, typed, settings.sides, is_edit if overwrite else None)
    edit_all(targets, editor, workers)
