"""`facerelief edit`."""

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import typer

from facerelief.cli.console import err, say, waiting
from facerelief.cli.options import (
    ActionUnitsOption,
    BlendshapesOption,
    ClusterOption,
    EngineOption,
    FacesOption,
    LikeNeutralOption,
    LikeOption,
    MethodOption,
    PartOption,
    PresetsOption,
    ShowOption,
    TaskFileOption,
    TeethOption,
    WeightsOption,
)
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
    to: ShowOption = None,
    au: ActionUnitsOption = None,
    blendshape: BlendshapesOption = None,
    like: LikeOption = None,
    like_neutral: LikeNeutralOption = None,
    edits: Annotated[
        list[str] | None,
        typer.Option(
            "--edit",
            metavar="N:EXPRESSION",
            help="What the N-th largest face is to show; give one --edit for each face.",
            show_default=False,
        ),
    ] = None,
    presets: PresetsOption = None,
    out_path: Annotated[
        str | None,
        typer.Option(
            "-o",
            "--out",
            help="A file, a folder, a pattern of {name}, {expression}, {strength}, {face}, {part} and {method}, or - "
            "for standard output. Default: NAME-EXPRESSION beside the photo, with options that are not defaults.",
        ),
    ] = None,
    strength: Annotated[
        str, typer.Option(help="Share of the full change, 0 to 1.5; in a video also seconds:strength, as in 0:0,2.5:1.")
    ] = "1",
    face: FacesOption = "largest",
    part: PartOption = "face",
    method: MethodOption = None,
    weights: WeightsOption = None,
    engine: EngineOption = None,
    teeth_from: TeethOption = None,
    depth: Annotated[
        bool, typer.Option("--save-depth", help="Also write the measured depth before and after the edit.")
    ] = False,
    receipt: Annotated[
        bool,
        typer.Option("--receipt", help="Also write a report of the change: depth, normals, numbers (JSON and PNG)."),
    ] = False,
    judge: Annotated[
        Path | None, typer.Option(help="A run of `train judge`, the classifier that scores the edit in the receipt.")
    ] = None,
    encoder: Annotated[
        Path | None, typer.Option(help="A run of `train identity`: adds the identity distance to the receipt.")
    ] = None,
    provenance: Annotated[
        bool,
        typer.Option(
            "--provenance/--no-provenance",
            help="Record the edit in the file: XMP, a signed manifest, a watermark.",
        ),
    ] = True,
    task_file: TaskFileOption = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes of a batch or a video. Default: one per core.")
    ] = None,
    cluster: ClusterOption = "local",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Edit finished photos again, and replace other files of the same name.")
    ] = False,
    private: Annotated[
        bool, typer.Option("--allow-private-urls", help="Also download from this machine and private networks.")
    ] = False,
) -> None:
    """Edit the expression of faces in photos and videos. Size, orientation and colours stay the same.

    If some photos cannot be edited, the reasons are listed, the others are edited, and the exit code is 1. Run the same
    command again to resume after an interruption. Only files that this command wrote are replaced, unless --overwrite
    is given.

        facerelief edit me.jpg --to happiness

        facerelief edit album --to all -o edited

        curl -s URL | facerelief edit - --to sadness > sad.jpg

        facerelief edit clip.mp4 --to surprise --strength 0:0,2.5:1

        facerelief edit me.jpg --to happiness:0.6+surprise:0.4,wink-left

        facerelief edit me.jpg --like friend.jpg

        facerelief edit album --to happiness -o edited --cluster ray://head:10001
    """
    if (judge or encoder) and not receipt:
        raise FacereliefError("--judge and --encoder score receipts; add --receipt")
    with waiting("getting ready"):
        from facerelief.cli.edited import edit_all
        from facerelief.cli.wanted import check_options, edits_of, names_in_files, notes_on_references, words_of
        from facerelief.editing.editor import words_of_each
        from facerelief.editing.face_choice import parse_face_choice
        from facerelief.editing.jobs.fetch import DownloadLimits
        from facerelief.editing.jobs.inputs import STDIN, expand
        from facerelief.editing.jobs.job import EditSettings, is_edit
        from facerelief.editing.jobs.outputs import OutputNaming, all_targets, check_not_read
        from facerelief.editing.jobs.photo_job import FileEditor
        from facerelief.editing.regions import check_part
        from facerelief.editing.strength import parse_strength
        from facerelief.processes.cluster import check_cluster

        check_cluster(cluster)
        said = {"--to": to, "--au": au, "--blendshape": blendshape, "--like": like, "--edit": edits}
        check_options(said, like_neutral, face)
        settings = EditSettings(
            strength=parse_strength(strength),
            face=parse_face_choice(face),
            part=check_part(part),
            method=method,
            weights=weights,
            engine=engine,
            task_file=task_file,
            teeth_from=teeth_from,
            presets=presets,
            like=(like, like_neutral) if like else None,
            depth=depth,
            receipt=receipt,
            scores=_scores(judge, encoder),
            provenance=provenance,
            limits=DownloadLimits(private),
            overwrite=overwrite,
        )
        folder = Path(out_path) if out_path and Path(out_path).is_dir() else None
        skipped: list[str] = []
        found = expand([STDIN if one == "/dev/stdin" else one for one in inputs], without=folder, notes=skipped)
    say(*skipped, to=err)
    with waiting("getting ready"):
        editor = FileEditor(settings)
    if edits:
        editor.settings = settings = dataclasses.replace(settings, each=edits_of(editor.editor, edits))
        wanted = [words_of_each(dict(settings.each))]
    else:
        wanted = [editor.like] if editor.like else words_of(editor.editor, to, au, blendshape)
    called = names_in_files(like, like_neutral, settings.each)
    typed = OutputNaming(
        strength,
        face,
        part,
        editor.editor.method,
        weights,
        bool(teeth_from),
        {wanted[0]: called} if called else {},
    )
    say(*notes_on_references(editor.editor, like, like_neutral, teeth_from), to=err)
    targets = all_targets(found, wanted, out_path, typed, settings.sides, is_edit if overwrite else None)
    check_not_read(targets, settings.sides, [path for path in (teeth_from, presets, like, like_neutral) if path])
    edit_all(targets, editor, workers, cluster)


def _scores(judge: Path | None, encoder: Path | None) -> Any:
    """What makes the scores of receipts, which needs torch; None where none are asked for."""
    if not (judge or encoder):
        return None
    from facerelief.evaluation.receipt_scores import crop_scorer_factory

    return crop_scorer_factory(judge, encoder)
