"""`facerelief edit` and `facerelief demo`."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from facerelief import __version__
from facerelief.cli.console import bar, explain, out
from facerelief.editing.editor import Edit, Editor, choose_faces, load_editor
from facerelief.editing.showcase import depth_picture, find_same, measure_relief, showcase
from facerelief.errors import FacereliefError, MissingExtra, NoFaceFound
from facerelief.expressions import resolve_all
from facerelief.faces.detect import load_finder
from facerelief.faces.mark import EditMark
from facerelief.faces.photo import SUFFIXES, Photo, read_photo, save_photo

Weights = Annotated[
    Path | None, typer.Option(help="A run's folder or a .safetensors file. Default: those of the package.")
]
Strength = Annotated[float, typer.Option(help="Share of the full change, 0 to 1.5.")]


def edit(
    photos: Annotated[list[Path], typer.Argument(help="One photo or several.", show_default=False)],
    to: Annotated[str, typer.Option(help="The expression; several separated by commas, or all.", show_default=False)],
    out_path: Annotated[
        Path | None,
        typer.Option("-o", "--out", help="A file, or a folder. Default: beside the photo, NAME-EXPRESSION."),
    ] = None,
    strength: Strength = 1.0,
    face: Annotated[str, typer.Option(help="largest, all, or a number counted from the largest.")] = "largest",
    weights: Weights = None,
    depth: Annotated[bool, typer.Option("--depth", help="Also write the depth before and after, as measured.")] = False,
    mark: Annotated[bool, typer.Option(help="Record in the file that it was edited.")] = True,
    task_file: Annotated[
        Path | None, typer.Option(help="A face_landmarker.task file, for mediapipe versions without bundled models.")
    ] = None,
) -> None:
    """Edit the expression of a face: one photo in, the same photo out, at its own size, orientation and colours.

    A photo that cannot be edited is named with the reason; the others are still done, and the exit code is 1.

        facerelief edit me.jpg --to happiness
    """
    editor = load_editor(weights, load_finder(task_file=task_file))
    wanted = editor.expressions if to.strip().lower() == "all" else resolve_all(to)
    for expression in wanted:
        editor.label(expression)
    single = len(photos) == 1 and len(wanted) == 1
    targets = {photo: _targets(photo, wanted, out_path, single) for photo in photos}
    failed = 0
    with bar("editing", "photos") as move:
        for done, photo in enumerate(photos, 1):
            try:
                written = _edit_one(editor, photo, targets[photo], strength, face, depth, mark)
                out.print("\n".join(written), markup=False)
            except FacereliefError as problem:
                if len(photos) == 1:
                    raise
                failed += 1
                explain(str(problem))
            move(done, len(photos))
    if failed:
        explain(f"{failed} of {len(photos)} photos were not edited")
        raise typer.Exit(1)


def demo(
    out_folder: Annotated[Path, typer.Option("-o", "--out", help="Where to write.")] = Path("demo"),
    photo: Annotated[Path | None, typer.Option(help="Your own photo. Default: scikit-image's astronaut.")] = None,
    weights: Weights = None,
) -> None:
    """Edit one photo to every expression and draw it all as one picture."""
    source = read_photo(photo) if photo else _astronaut()
    editor = load_editor(weights, load_finder())
    face = choose_faces(editor.find(source), "largest", source.name)[0]
    edits = [editor(source, expression, faces=[face]) for expression in editor.expressions]
    for one in edits:
        path = out_folder / f"{one.expression}.png"
        save_photo(one.photo, path, _mark(one))
        out.print(str(path), markup=False)
    sheet = out_folder / "demo.png"
    save_photo(Photo(rgb=np.asarray(showcase(editor, source, face, edits)), name="demo"), sheet, _mark(edits[0]))
    out.print(f"{sheet}\n\nNext: facerelief edit YOUR_PHOTO --to happiness", markup=False)


def _edit_one(
    editor: Editor, path: Path, targets: dict[str, Path], strength: float, face: str, depth: bool, mark: bool
) -> Iterable[str]:
    photo = read_photo(path)
    faces = editor.find(photo)
    written = [f"{path}: {note}" for note in photo.notes]
    if len(faces) > 1 and face == "largest":
        written.append(f"{path}: {len(faces)} faces; the largest is edited (choose with --face)")
    for expression, target in targets.items():
        done = editor(photo, expression, strength=strength, face=face, faces=faces)
        save_photo(done.photo, target, _mark(done) if mark else None)
        written.append(str(target))
        if depth:
            written += _write_depth(editor, photo, done, target)
    return written


def _write_depth(editor: Editor, before: Photo, edit: Edit, target: Path) -> list[str]:
    face = edit.faces[0].face
    measured = [("before", before, face)]
    lines = []
    try:
        measured.append(("after", edit.photo, find_same(editor, edit.photo, face)))
    except NoFaceFound:
        lines.append(f"{target}: no depth after, since no face is found in the edited photo")
    for when, photo, one in measured:
        path = target.with_name(f"{target.stem}-depth-{when}.png")
        save_photo(Photo(rgb=depth_picture(measure_relief(photo, one)), name=path.name), path)
        lines.append(str(path))
    return lines


def _targets(photo: Path, wanted: Iterable[str], out_path: Path | None, single: bool) -> dict[str, Path]:
    """Where each expression of a photo goes. Raises `FacereliefError` where `out_path` cannot take them."""
    suffix = photo.suffix.lower() if photo.suffix.lower() in SUFFIXES else ".png"
    is_file = out_path is not None and out_path.suffix.lower() in SUFFIXES and not out_path.is_dir()
    if out_path is not None and is_file:
        if not single:
            raise FacereliefError(f"{out_path} is one file for several pictures; name a folder with --out")
        return {expression: out_path for expression in wanted}
    folder = out_path or photo.parent
    return {expression: folder / f"{photo.stem}-{expression}{suffix}" for expression in wanted}


def _mark(edit: Edit) -> EditMark:
    return EditMark(f"facerelief {__version__}", f"facial expression edited to {edit.expression}")


def _astronaut() -> Photo:
    try:
        from skimage import data
    except ImportError as reason:
        raise MissingExtra("scikit-image", "demo") from reason
    return Photo(rgb=np.ascontiguousarray(data.astronaut()), name="astronaut")
