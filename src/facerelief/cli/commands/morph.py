"""`facerelief morph`."""

from pathlib import Path
from typing import Annotated

import typer

from facerelief.cli.console import bar, err, say
from facerelief.cli.options import MORPHS, Faces, Method, Part, TaskFile, To, Weights
from facerelief.expressions import resolve


def morph(
    photo: Annotated[Path, typer.Argument(help="A photo.", show_default=False)],
    to: To,
    out_path: Annotated[Path, typer.Option("-o", "--out", help=f"A file: {', '.join(MORPHS)}.", show_default=False)],
    seconds: Annotated[float, typer.Option(help="From the photo to the expression.")] = 1.5,
    hold: Annotated[float, typer.Option(help="Seconds that it stays there.")] = 0.5,
    back: Annotated[bool, typer.Option("--back", help="And back again.")] = False,
    fps: Annotated[float, typer.Option(help="Frames a second.")] = 25.0,
    size: Annotated[int, typer.Option(help="The longer side at most, in pixels.")] = 720,
    strength: Annotated[str, typer.Option(help="Share of the full change at the end, 0 to 1.5.")] = "1",
    face: Faces = "largest",
    part: Part = "face",
    method: Method = None,
    weights: Weights = None,
    task_file: TaskFile = None,
    provenance: Annotated[
        bool, typer.Option("--provenance/--no-provenance", help="Record in the file that it was edited.")
    ] = True,
) -> None:
    """A photo that moves into an expression, as a film, GIF or WebP.

    facerelief morph me.jpg --to happiness --back -o smile.gif
    """
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
    how = Morph(seconds, fps, hold, back, size, parse_strength(strength).constant, check_part(part))
    expression, total = resolve(to), len(how.shares())
    which = parse_face_choice(face)
    editor = load_editor(weights, load_finder(task_file=task_file), method=method)
    source = read_photo(photo)
    notes = [f"{photo}: {note}" for note in source.notes] + notes_on_loss(source, out_path, provenance)
    if source.mark is not None:
        notes.append(f"{photo} is an edit itself ({source.mark.description})")
    frames = morphed(editor, source, expression, how, which, notes)
    with bar("morphing", "frames") as move:
        seen = (rgb for done, rgb in enumerate(frames, 1) if move(done, total) is None)
        mark = mark_edit(None, expression, ()) if provenance else None
        save_morph(out_path, seen, how, mark, source.history)
    say(*notes, to=err)
    say(str(out_path))
