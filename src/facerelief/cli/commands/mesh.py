"""`facerelief mesh`."""

from pathlib import Path
from typing import Annotated

import typer

from facerelief.cli.console import err, say, waiting
from facerelief.cli.options import (
    ActionUnitsOption,
    BlendshapesOption,
    FacesOption,
    PartOption,
    PresetsOption,
    ShowOneOption,
    TaskFileOption,
    TeethOption,
)
from facerelief.cli.writes import files_at, writes
from facerelief.errors import FacereliefError


@writes(files_at("out_path"))
def mesh(
    photo: Annotated[Path, typer.Argument(help="A photo.", show_default=False)],
    out_path: Annotated[Path, typer.Option("-o", "--out", help="A file: .glb.", show_default=False)],
    to: ShowOneOption = None,
    au: ActionUnitsOption = None,
    blendshape: BlendshapesOption = None,
    strength: Annotated[str, typer.Option(help="Share of the full change, 0 to 1.5.")] = "1",
    face: FacesOption = "largest",
    part: PartOption = "face",
    weights: Annotated[
        Path | None,
        typer.Option(help="A folder or file of `morphable fit`. Default: the package's.", show_default=False),
    ] = None,
    task_file: TaskFileOption = None,
    teeth_from: TeethOption = None,
    presets: PresetsOption = None,
    provenance: Annotated[
        bool, typer.Option("--provenance/--no-provenance", help="Record the edit in the file.")
    ] = True,
) -> None:
    """Write a photo's face as a 3D mesh (binary glTF), with the photo as texture and ARKit's 52 morph targets.

    With --to, --au or --blendshape the edited face stands beside the photo's own. Blender, Unity, Unreal and three.js
    read it. A neutral photo gives the best base for morph targets.

        facerelief mesh me.jpg --to happiness -o me.glb
    """
    if out_path.suffix.lower() != ".glb":
        raise FacereliefError(f"cannot write {out_path}: a mesh is binary glTF; name it .glb")
    words = (to, au, blendshape)
    shows_edit = any(words)
    if not shows_edit and (strength != "1" or part != "face"):
        raise FacereliefError("--strength and --part are of an edit; say which with --to, --au or --blendshape")
    with waiting("getting ready"):
        from facerelief.cli.wanted import check_options, notes_on_references, one_of_words
        from facerelief.editing.face_choice import choose_faces, notes_on_choice, parse_face_choice
        from facerelief.editing.mesh_export import MeshEdit, face_glb
        from facerelief.editing.methods import MorphableEditor
        from facerelief.editing.regions import check_part
        from facerelief.editing.strength import parse_strength
        from facerelief.faces.detector import load_finder
        from facerelief.files import atomic
        from facerelief.geometry.morphable.controls import package_presets, read_presets
        from facerelief.geometry.morphable.model import load_face
        from facerelief.photos.photo import read_photo

        if shows_edit:
            check_options({"--to": to, "--au": au, "--blendshape": blendshape}, None, face)
        which, share = parse_face_choice(face), parse_strength(strength).constant
        if which == "all":
            raise FacereliefError("a mesh is of one face; choose --face 1, 2 ... or X,Y, a point of it in pixels")
        face_model = load_face(weights)
        named = package_presets() | (read_presets(presets, face_model.rig) if presets else {})
        editor = MorphableEditor(face_model, load_finder(task_file=task_file), named)
        if teeth_from:
            editor.take_teeth(read_photo(teeth_from))
        shows = one_of_words(editor, *words, what="a mesh") if shows_edit else None
        edit = MeshEdit(shows, share, check_part(part)) if shows else None
        source = read_photo(photo)
        faces = editor.find(source)
        data = face_glb(editor, source, choose_faces(faces, which, source.name)[0], edit, provenance=provenance)
        notes = [*notes_on_choice(faces, which, source.name), *notes_on_references(editor, teeth_from)]
    with atomic(out_path) as temporary:
        temporary.write_bytes(data)
    say(*[f"{photo}: {note}" for note in source.notes], *notes, to=err)
    say(str(out_path))
