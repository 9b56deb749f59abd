"""`facerelief morph`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facerelief.cli.console import bar, err, say
from facerelief.cli.options import (
    MORPHS,
    ActionUnitsOption,
    BlendshapesOption,
    FacesOption,
    LikeNeutralOption,
    LikeOption,
    MethodOption,
    PartOption,
    PresetsOption,
    ShowOneOption,
    TaskFileOption,
    TeethOption,
    WeightsOption,
)
from facerelief.cli.writes import files_at, writes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from facerelief.array_types import RGB
    from facerelief.progress import Progress


@writes(files_at("out_path"))
def morph(
    photo: Annotated[Path, typer.Argument(help="A photo.", show_default=False)],
    out_path: Annotated[Path, typer.Option("-o", "--out", help=f"A file: {', '.join(MORPHS)}.", show_default=False)],
    to: ShowOneOption = None,
    au: ActionUnitsOption = None,
    blendshape: BlendshapesOption = None,
    like: LikeOption = None,
    like_neutral: LikeNeutralOption = None,
    presets: PresetsOption = None,
    seconds: Annotated[float, typer.Option(help="Seconds from the photo to the expression.")] = 1.5,
    hold: Annotated[float, typer.Option(help="Seconds for which the expression is held.")] = 0.5,
    back: Annotated[bool, typer.Option("--back", help="Also back to the photo.")] = False,
    fps: Annotated[float, typer.Option(help="Frames per second.")] = 25.0,
    size: Annotated[int, typer.Option(help="The longer side in pixels, at most.")] = 720,
    strength: Annotated[str, typer.Option(help="Share of the full change at the end, 0 to 1.5.")] = "1",
    face: FacesOption = "largest",
    part: PartOption = "face",
    method: MethodOption = None,
    weights: WeightsOption = None,
    task_file: TaskFileOption = None,
    teeth_from: TeethOption = None,
    provenance: Annotated[
        bool, typer.Option("--provenance/--no-provenance", help="Record the edit in the file.")
    ] = True,
) -> None:
    """Animate a photo into an expression, as a video, GIF or WebP.

    facerelief morph me.jpg --to happiness --back -o smile.gif
    """
    from facerelief.cli.wanted import check_options, notes_on_references, one_of_words
    from facerelief.editing import load_editor
    from facerelief.editing.face_choice import parse_face_choice
    from facerelief.editing.regions import check_part
    from facerelief.editing.strength import parse_strength
    from facerelief.editing.video.morph import Morph, check_suffix, notes_on_loss, save_morph
    from facerelief.editing.video.morph import morph_frames as morphed
    from facerelief.faces.detector import load_finder
    from facerelief.photos.photo import read_photo
    from facerelief.photos.provenance.xmp import mark_edit

    check_suffix(out_path)
    check_options({"--to": to, "--au": au, "--blendshape": blendshape, "--like": like}, like_neutral, face)
    settings = Morph(seconds, fps, hold, back, size, parse_strength(strength).constant, check_part(part))
    which = parse_face_choice(face)
    finder = load_finder(task_file=task_file)
    editor = load_editor(weights, finder, method=method, teeth_from=teeth_from, presets=presets)
    if like:
        expression = editor.take_expression(read_photo(like), read_photo(like_neutral) if like_neutral else None)
    else:
        expression = one_of_words(editor, to, au, blendshape, what="a morph")
    source = read_photo(photo)
    notes = [f"{photo}: {note}" for note in source.notes] + notes_on_loss(source, out_path, provenance)
    if source.mark is not None:
        notes.append(f"{photo} is an edit itself ({source.mark.description})")
    frames = morphed(editor, source, expression, settings, which, notes)
    with bar("morphing", "frames") as move:
        mark = mark_edit(None, expression, ()) if provenance else None
        save_morph(out_path, _reported(frames, len(settings.shares()), move), settings, mark, source.history)
    say(*notes, *notes_on_references(editor, like, like_neutral, teeth_from), to=err)
    say(str(out_path))


def _reported(frames: "Iterator[RGB]", total: int, progress: "Progress") -> "Iterator[RGB]":
    for done, frame in enumerate(frames, 1):
        progress(done, total)
        yield frame
