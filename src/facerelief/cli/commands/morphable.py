"""`facerelief morphable fit | mouth | glasses | responses | landmarks`."""

import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from facerelief.cli.command import Commands
from facerelief.cli.console import bar, say
from facerelief.cli.writes import OutputFiles, writes

app = Commands(help="Make the models of faces, mouths, glasses and landmarks that edits use.")


ModelFolder = Annotated[Path, typer.Option("-o", "--out", help="The model's folder.", show_default=False)]
DataNote = Annotated[str, typer.Option(help="The source of the photos, for the model card.", show_default=False)]


def _files(module: str, names: str) -> Callable[[Mapping[str, Any]], list[Path | None]]:
    """Names the files that a command writes into its folder: those that a module of `release` lists."""

    def files(values: Mapping[str, Any]) -> list[Path | None]:
        listed = getattr(importlib.import_module(f"facerelief.release.{module}"), names)
        return [values["folder"] / name for name in listed]

    return files


@app.command("fit")
@writes(OutputFiles(("folder",), _files("morphable", "FACE_FILES")))
def fit(
    dataset: Annotated[Path, typer.Argument(help="A folder made by `facerelief dataset build`.", show_default=False)],
    folder: ModelFolder,
    expressions_from: Annotated[
        list[Path] | None,
        typer.Option(help="A dataset to learn expressions from, with neutral photos; repeatable.", show_default=False),
    ] = None,
    rig: Annotated[
        Path | None,
        typer.Option(
            help="ICT-FaceKit's folder FaceXModel, for the shapes that expressions are made of.",
            show_default="those of the package's face",
        ),
    ] = None,
    data_note: DataNote = "Not stated.",
) -> None:
    """Learn mean, identity, expressions and texture of faces from the frontal training photos of a dataset.

    Expressions come from `--expressions-from` where enough people show them there, such as people
    who were asked for them, or photos on whose labels many raters agreed.

    Writes face.safetensors, a model card, and pictures of its modes and expressions. Use it as `--weights FACE` of
    `edit --method morphable` and `dataset synthesize`.
    """
    from facerelief.release.morphable import fit_and_write

    with bar("learning", "photos") as move:
        written = fit_and_write(dataset, folder, data_note, expressions_from or [], rig, move)
    say(*map(str, written))


@app.command("mouth")
@writes(OutputFiles(("folder",), _files("mouth", "MOUTH_FILES")))
def mouth(
    source: Annotated[
        Path, typer.Argument(help="The folder FaceXModel of ICT-FaceKit (github.com/ICT-VGL).", show_default=False)
    ],
    folder: ModelFolder,
) -> None:
    """Make the package's model of teeth, gums and tongue from ICT-FaceKit's head."""
    from facerelief.release.mouth import make_mouth

    say(*map(str, make_mouth(source, folder)))


@app.command("glasses")
@writes(OutputFiles(("folder",), _files("glasses", "GLASSES_FILES")))
def glasses(
    photos: Annotated[
        Path, typer.Argument(help="A folder with photos in the folders glasses and without.", show_default=False)
    ],
    folder: ModelFolder,
    data_note: DataNote = "Not stated.",
) -> None:
    """Learn whether a face wears glasses, from photos of people with and without."""
    from facerelief.release.glasses import make_glasses

    with bar("learning", "photos") as move:
        written = make_glasses(photos, folder, data_note, move)
    say(*map(str, written))


def _responses_files(values: Mapping[str, Any]) -> list[Path | None]:
    from facerelief.release.responses import RESPONSES_FILES

    return [values["folder"] / name for name in RESPONSES_FILES]


@app.command("responses")
@writes(OutputFiles(("folder",), _responses_files))
def responses(
    photos: Annotated[
        Path,
        typer.Argument(help="A folder with one folder per expression, or a CSV file with labels.", show_default=False),
    ],
    folder: Annotated[Path, typer.Option("-o", "--out", help="The folder of the responses.", show_default=False)],
    people: Annotated[str | None, typer.Option(help="Identities, separated by commas. Default: all.")] = None,
    data_note: Annotated[
        str, typer.Option(help="The source of the photos, for the model card.", show_default=False)
    ] = "Not stated.",
) -> None:
    """Learn what the landmark model reports of each blendshape, for `measure`, from neutral photos that are edited."""
    from facerelief.release.responses import make_responses

    names = [name.strip() for name in people.split(",")] if people else []
    with bar("learning", "photos") as move:
        written = make_responses(photos, folder, names, data_note, move)
    say(*map(str, written))


@app.command("landmarks")
@writes(OutputFiles(("folder",), _files("landmarks", "LANDMARK_FILES")))
def landmarks(
    modules: Annotated[
        Path, typer.Argument(help="The folder mediapipe/modules of mediapipe 0.10.21.", show_default=False)
    ],
    folder: ModelFolder,
) -> None:
    """Convert MediaPipe's networks, which find faces and their landmarks, to ONNX."""
    from facerelief.release.landmarks import make_landmarks

    say(*map(str, make_landmarks(modules, folder)))
