"""`facerelief continuum`."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from facerelief import __version__
from facerelief.cli.console import bar, err, say
from facerelief.cli.options import (
    MORPHS,
    TIMINGS,
    ActionUnitsOption,
    BlendshapesOption,
    FacesOption,
    MethodOption,
    PartOption,
    PresetsOption,
    ShowOneOption,
    TaskFileOption,
    TeethOption,
    WeightsOption,
    one_of,
)
from facerelief.cli.writes import OutputFiles, Overwrite, check_folder_name, claims_of
from facerelief.files.ownership import claimed, was_written

if TYPE_CHECKING:
    from facerelief.editing.continuum import ContinuumFiles


def _files(values: Any) -> list[Path | None]:
    from facerelief.editing.continuum import continuum_files

    files = continuum_files(values["photo"], values["to"], values["steps"], values["folder"])
    return [*files.all, values["video"]]


_OUTPUTS = OutputFiles(("folder", "video"), _files, what="continuum")


def continuum(
    photo: Annotated[Path, typer.Argument(help="A photo.", show_default=False)],
    folder: Annotated[Path, typer.Option("-o", "--out", help="The folder of the frames.", show_default=False)],
    to: ShowOneOption = None,
    au: ActionUnitsOption = None,
    blendshape: BlendshapesOption = None,
    steps: Annotated[int, typer.Option(min=2, max=201, help="Frames, from the photo to the expression.")] = 11,
    timing: Annotated[
        str,
        one_of(choices=TIMINGS, help="Strengths evenly spaced, along a logistic curve, or slow at both ends."),
    ] = "linear",
    strength: Annotated[float, typer.Option(help="Share of the full change at the end, above 0 to 1.5.")] = 1.0,
    video: Annotated[
        Path | None, typer.Option(help=f"Also a film or moving picture, a frame a step: {', '.join(MORPHS)}.")
    ] = None,
    fps: Annotated[float, typer.Option(help="Frames per second of the video.")] = 25.0,
    size: Annotated[int, typer.Option(min=32, help="The longer side of the video in pixels, at most.")] = 1080,
    face: FacesOption = "largest",
    part: PartOption = "face",
    method: MethodOption = None,
    weights: WeightsOption = None,
    task_file: TaskFileOption = None,
    teeth_from: TeethOption = None,
    presets: PresetsOption = None,
    provenance: Annotated[
        bool, typer.Option("--provenance/--no-provenance", help="Record the edit in the files.")
    ] = True,
    overwrite: Overwrite = False,
) -> None:
    """Make a continuum: frames of a photo from none to all of an expression, a sheet, and a table.

    The table has, for each frame, its strength, the motion of landmarks from the first frame (mean, in inter-ocular
    distances; and along the motion of the last frame, as a share of it), and action units, measured in the written
    frames. An interrupted command goes on where it stopped.

        facerelief continuum me.jpg --to anger --steps 11 -o anger
    """
    from facerelief.cli.wanted import check_options, notes_on_references, one_of_words, typed_words
    from facerelief.editing import load_editor, weights_file
    from facerelief.editing.continuum import Continuum, continuum_files, video_frames, write_continuum
    from facerelief.editing.video.morph import check_suffix, notes_on_loss, save_morph
    from facerelief.faces.detector import load_finder
    from facerelief.files import sha256
    from facerelief.photos.photo import read_photo
    from facerelief.photos.provenance.xmp import mark_edit

    check_folder_name(folder)
    check_options({"--to": to, "--au": au, "--blendshape": blendshape}, None, face)
    words = (to, au, blendshape)
    to = typed_words(*words)  # by which files are named
    values = {name: value for name, value in locals().items() if name in _OPTIONS}
    how = Continuum(steps, strength, timing, face, part, fps, provenance)
    if video:
        check_suffix(video)
    editor = load_editor(
        weights, load_finder(task_file=task_file), method=method, teeth_from=teeth_from, presets=presets
    )
    shows = one_of_words(editor, *words, what="a continuum")
    made_by = {"version": __version__, "weights_sha256": sha256(weights_file(editor, weights))}
    claims = claims_of("continuum", _OUTPUTS, values | made_by, overwrite)
    with claimed(claims):
        kept = {claim.path for claim in claims if claim.is_ours()}
        source, files = read_photo(photo), continuum_files(photo, to, steps, folder)
        with bar("making", "frames", keeps=True) as move:
            notes = write_continuum(editor, source, shows, how, files, kept, move)
        if video:
            mark = mark_edit(None, shows, ()) if provenance else None
            save_morph(video, video_frames(files, size), how, mark, source.history)
            notes += notes_on_loss(source, video, provenance)
    if overwrite:
        notes += _without_old(files)
    notes += notes_on_references(editor, teeth_from)
    say(*(f"{photo}: {note}" for note in source.notes), *notes, to=err)
    say(str(files.sheet), str(files.table), *([str(video)] if video else []))
    say(*dict.fromkeys(note for claim in claims for note in claim.notes), to=err)


def _without_old(files: "ContinuumFiles") -> list[str]:
    """Remove this command's own frames, unchanged, that an earlier run with other steps left. Returns a note."""
    form = re.compile(re.escape(files.sheet.stem) + r"-\d{1,3}\.png")
    named = sorted(path for path in files.sheet.parent.iterdir() if form.fullmatch(path.name))
    old = [path for path in named if path not in files.frames and was_written(path, _OUTPUTS.what)]
    for path in old:
        path.unlink()
    return [f"removed {len(old)} frames of an earlier run: {old[0]} ..."] if old else []


_OPTIONS = (
    *("photo", "to", "folder", "steps", "timing", "strength", "video", "fps", "size", "face", "part", "method"),
    *("weights", "task_file", "teeth_from", "presets", "provenance"),
)
