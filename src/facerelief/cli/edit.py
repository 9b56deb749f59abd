"""`facerelief edit` and `facerelief demo`."""

import contextlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from facerelief.cli.console import bar, explain, out
from facerelief.editing import Edit, Editor, load_editor
from facerelief.editing.editor import choose_faces, which_face
from facerelief.editing.showcase import depth_picture, find_same, measure_relief, showcase
from facerelief.errors import FacereliefError, MissingExtra, NoFaceFound
from facerelief.expressions import resolve_all
from facerelief.faces.detect import load_finder
from facerelief.faces.mark import mark_edit
from facerelief.faces.photo import SUFFIXES, Photo, read_photo, save_photo

Weights = Annotated[
    Path | None, typer.Option(help="A run's or a face's folder, or a .safetensors file. Default: the package's.")
]
Method = Annotated[
    str | None,
    typer.Option(
        help="morphable: without training, all eight expressions. stargan, relief: trained networks. Default: what "
        "--weights are for, else morphable.",
        show_default=False,
    ),
]
Strength = Annotated[float, typer.Option(min=0, max=1.5, help="Share of the full change.")]


def edit(
    photos: Annotated[list[Path], typer.Argument(help="One photo or several.", show_default=False)],
    to: Annotated[str, typer.Option(help="The expression; several separated by commas, or all.", show_default=False)],
    out_path: Annotated[
        Path | None,
        typer.Option("-o", "--out", help="A file, or a folder. Default: beside the photo, NAME-EXPRESSION."),
    ] = None,
    strength: Strength = 1.0,
    face: Annotated[str, typer.Option(help="largest, all, or a number counted from the largest.")] = "largest",
    method: Method = None,
    weights: Weights = None,
    depth: Annotated[bool, typer.Option("--depth", help="Also write the depth before and after, as measured.")] = False,
    provenance: Annotated[
        bool, typer.Option("--provenance/--no-provenance", help="Record in the file that it was edited.")
    ] = True,
    task_file: Annotated[
        Path | None, typer.Option(help="A face_landmarker.task file, for mediapipe versions without bundled models.")
    ] = None,
) -> None:
    """Edit the expression of a face: one photo in, the same photo out, at its own size, orientation and colours.

    A photo that cannot be edited is named with the reason; the others are still done, and the exit code is 1.

        facerelief edit me.jpg --to happiness
    """
    editor = load_editor(weights, load_finder(task_file=task_file), method=method)
    wanted = editor.expressions if to.strip().lower() == "all" else resolve_all(to)
    for expression in wanted:
        editor.label(expression)
    which = which_face(face)
    photos = list(dict.fromkeys(photos))
    targets = _all_targets(photos, wanted, out_path)
    failed = 0
    with bar("editing", "photos") as move:
        for done, photo in enumerate(photos, 1):
            try:
                written = _edit_one(editor, photo, targets[photo], strength, which, depth, provenance)
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
    method: Method = None,
    weights: Weights = None,
) -> None:
    """Edit one photo to every expression and draw it all as one picture."""
    source = read_photo(photo) if photo else _astronaut()
    editor = load_editor(weights, load_finder(), method=method)
    face = choose_faces(editor.find(source), "largest", source.name)[0]
    edits = [editor(source, expression, faces=[face]) for expression in editor.expressions]
    for one in edits:
        path = out_folder / f"{one.expression}.png"
        save_photo(one.photo, path)
        out.print(str(path), markup=False)
    sheet = out_folder / "demo.png"
    picture = np.asarray(showcase(editor, source, face, edits))
    save_photo(Photo(picture, name="demo", mark=mark_edit(None, "all of the picture's", ())), sheet)
    out.print(f"{sheet}\n\nNext: facerelief edit YOUR_PHOTO --to happiness", markup=False)


def _edit_one(
    editor: Editor,
    path: Path,
    targets: dict[str, Path],
    strength: float,
    face: int | str,
    depth: bool,
    provenance: bool,
) -> Iterable[str]:
    """Write one photo's edits, or none where one of them cannot be made. Returns what to print."""
    photo = read_photo(path)
    faces = editor.find(photo)
    notes = [f"{path}: {note}" for note in photo.notes]
    if len(faces) > 1 and face == "largest":
        notes.append(f"{path}: {len(faces)} faces; the largest is edited (choose with --face)")
    pictures: dict[Path, Photo] = {}
    for expression, target in targets.items():
        done = editor(photo, expression, strength=strength, face=face, faces=faces)
        pictures[target] = done.photo
        if depth:
            depths = _depths(editor, photo, done)
            pictures |= {target.with_name(f"{target.stem}-depth-{when}.png"): d for when, d in depths.items()}
            if "after" not in depths:
                notes.append(f"{target}: no depth after, since no face is found in the edited photo")
    for target, picture in pictures.items():
        save_photo(picture, target, provenance=provenance)
    return [*notes, *map(str, pictures)]


def _depths(editor: Editor, before: Photo, edit: Edit) -> dict[str, Photo]:
    """Depth of the (largest) edited face as measured on the photos: "before", and "after" where it is found again."""
    face = edit.faces[0].face
    measured = {"before": (before, face)}
    with contextlib.suppress(NoFaceFound):
        measured["after"] = edit.photo, find_same(editor, edit.photo, face)
    return {when: Photo(rgb=depth_picture(measure_relief(*one)), name=when) for when, one in measured.items()}


def _all_targets(photos: list[Path], wanted: Sequence[str], out_path: Path | None) -> dict[Path, dict[str, Path]]:
    """Where each expression of each photo goes. Raises `FacereliefError` where two would go to one place."""
    targets = {photo: _targets(photo, wanted, out_path, len(photos) * len(wanted) == 1) for photo in photos}
    taken: dict[Path, Path] = {}
    for photo, places in targets.items():
        for place in places.values():
            if taken.setdefault(place, photo) != photo:
                raise FacereliefError(
                    f"{taken[place]} and {photo} would both be written to {place}; edit them one at a time"
                )
    return targets


def _targets(photo: Path, wanted: Iterable[str], out_path: Path | None, single: bool) -> dict[str, Path]:
    """Where each expression of a photo goes. Raises `FacereliefError` where `out_path` cannot take them."""
    suffix = photo.suffix.lower() if photo.suffix.lower() in SUFFIXES else ".png"
    if out_path is None or out_path.is_dir() or not out_path.suffix[1:].isalpha():
        folder = out_path or photo.parent
        return {expression: folder / f"{photo.stem}-{expression}{suffix}" for expression in wanted}
    if out_path.suffix.lower() not in SUFFIXES:
        raise FacereliefError(
            f"cannot save {out_path}: unknown suffix {out_path.suffix!r}; choose from {', '.join(SUFFIXES)}, "
            "or name a folder that exists"
        )
    if not single:
        raise FacereliefError(f"{out_path} is one file for several pictures; name a folder with --out")
    return {expression: out_path for expression in wanted}


def _astronaut() -> Photo:
    try:
        from skimage import data
    except ImportError as reason:
        raise MissingExtra("scikit-image", "demo") from reason
    return Photo(rgb=np.ascontiguousarray(data.astronaut()), name="astronaut")
