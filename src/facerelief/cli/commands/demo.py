"""`facerelief demo`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facerelief.cli.console import err, say
from facerelief.cli.options import MethodOption, TaskFileOption, WeightsOption
from facerelief.cli.writes import check_folder_name, files_in, writes
from facerelief.errors import MissingExtra
from facerelief.expressions import EXPRESSIONS

if TYPE_CHECKING:
    from facerelief.photos.photo import Photo


@writes(files_in("out_folder", *(f"{name}.png" for name in (*EXPRESSIONS, "demo"))))
def demo(
    photo: Annotated[
        Path | None, typer.Argument(help="Your own photo. Default: scikit-image's astronaut.", show_default=False)
    ] = None,
    out_folder: Annotated[Path, typer.Option("-o", "--out", help="The output folder.")] = Path("demo"),
    method: MethodOption = None,
    weights: WeightsOption = None,
    task_file: TaskFileOption = None,
) -> None:
    """Edit one photo to every expression, and draw all edits as one picture."""
    check_folder_name(out_folder)
    import numpy as np

    from facerelief.editing import load_editor
    from facerelief.editing.face_choice import choose_faces
    from facerelief.editing.jobs.showcase import draw_showcase
    from facerelief.faces.detector import load_finder
    from facerelief.photos.photo import Photo, read_photo, save_photo
    from facerelief.photos.provenance.xmp import mark_edit

    source = read_photo(photo) if photo else _astronaut()
    editor = load_editor(weights, load_finder(task_file=task_file), method=method)
    faces = editor.find(source)
    face = choose_faces(faces, "largest", source.name)[0]
    notes = list(source.notes)
    if len(faces) > 1:
        notes.append(f"{len(faces)} faces; the largest is edited")
    say(*(f"{source.name}: {note}" for note in notes), to=err)
    edits = [editor(source, expression, faces=[face]) for expression in editor.expressions]
    for one in edits:
        path = out_folder / f"{one.expression}.png"
        save_photo(one.photo, path)
        say(str(path))
    picture = np.asarray(draw_showcase(editor, source, face, edits))
    save_photo(Photo(picture, name="demo", mark=mark_edit(None, "all of the picture's", ())), out_folder / "demo.png")
    say(str(out_folder / "demo.png"))
    say("Next: facerelief edit YOUR_PHOTO --to happiness", to=err)


def _astronaut() -> "Photo":
    import numpy as np

    from facerelief.photos.photo import Photo

    try:
        from skimage import data
    except ImportError as reason:
        raise MissingExtra("scikit-image", "demo") from reason
    return Photo(rgb=np.ascontiguousarray(data.astronaut()), name="astronaut")
