"""Options that several commands share, and choices that the shell completes.

Imported for every help text and completion: nothing here may import torch, numpy or mediapipe. Names that modules
with such imports define are repeated here; a test compares them.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from facerelief.errors import FacereliefError
from facerelief.expressions import EXPRESSIONS

METHODS = ("morphable", "relief", "stargan")
CARRIED = ("stargan", "relief")  # whose weights the package carries
TRAINED = (
    "stargan",
    "relief",
    "ganimation",
    "gannotation",
    "cyclegan",
    "icgan",
    "attgan",
    "stgan",
    "elegant",
    "diat",
)  # what `train expression` trains
PARTS = ("face", "eyes", "mouth")
ENGINES = ("torch", "onnx", "openvino", "openvino-bf16", "auto")
FORMATS = ("onnx", "openvino")
RECONSTRUCTORS = ("mediapipe", "morphable", "meshfile")
MESH_AXES = ("y-down", "y-up")
SHAMS = ("luminance", "shuffled")
SOURCES = ("auto", "folder", "csv", "affectnet", "rafd", "ferplus", "london")
SPLITS = ("test", "val", "train", "all")
SIZES = (64, 96, 128, 192, 256)  # of synthetic pictures
COLOURS = ("rgb", "luma")
FACES = ("largest", "all")
TIMINGS = ("linear", "sigmoid", "ease")
MORPHS = (".mp4", ".mov", ".mkv", ".webm", ".gif", ".webp")


def check_different(names: Sequence[str]) -> None:
    """Raises `FacereliefError` if two editors have the same name."""
    if len(set(names)) < len(names):
        raise FacereliefError(f"two of {', '.join(names)} have the same name; rename a run's folder")


def one_of(*flags: str, choices: Sequence[object], **more: Any) -> Any:
    """An option with `choices`, which the help lists and the shell completes. The command checks it, with aliases."""
    words = [str(choice) for choice in choices]
    return typer.Option(*flags, **{"metavar": "|".join(words), "autocompletion": _completer(words), **more})


def argument_of(*, choices: Sequence[str], **more: Any) -> Any:
    """An argument that is one of `choices`."""
    return typer.Argument(autocompletion=_completer(choices), **more)


def some_of(*flags: str, choices: Sequence[str], **more: Any) -> Any:
    """An option that takes several of `choices`, separated by commas."""
    return typer.Option(*flags, metavar="NAME[,NAME...]", autocompletion=_list_completer(choices), **more)


def _completer(words: Sequence[str]) -> Callable[[str], list[str]]:
    def complete(incomplete: str) -> list[str]:
        return [word for word in words if word.startswith(incomplete)]

    return complete


def _list_completer(words: Sequence[str]) -> Callable[[str], list[str]]:
    """Complete the last name of a list with names that are not in it."""

    def complete(incomplete: str) -> list[str]:
        before, comma, last = incomplete.rpartition(",")
        given = before.split(",")
        return [before + comma + word for word in words if word.startswith(last) and word not in given]

    return complete


_LISTED = ", ".join(EXPRESSIONS)
ToOption = Annotated[str, one_of(choices=EXPRESSIONS, metavar="EXPRESSION", help=f"{_LISTED}.")]
ToSeveralOption = Annotated[
    str,
    some_of(choices=(*EXPRESSIONS, "all"), help=f"{_LISTED}; several separated by commas, or all.", show_default=False),
]
_GRAMMAR = "action units (AU12L:0.5), blendshapes, presets and blends (joy:0.6+AU4:0.3): see `facerelief expressions`"
ShowOption = Annotated[
    str | None,
    some_of(choices=(*EXPRESSIONS, "all"), help=f"{_LISTED}, or all; {_GRAMMAR}.", show_default=False),
]
ShowOneOption = Annotated[
    str | None,
    one_of(choices=EXPRESSIONS, metavar="EXPRESSION", help=f"{_LISTED}; {_GRAMMAR}.", show_default=False),
]
ActionUnitsOption = Annotated[
    str | None,
    typer.Option("--au", metavar="AU=AMOUNT,...", help="Action units, as in AU12=0.8,AU4L=0.3."),
]
BlendshapesOption = Annotated[
    str | None,
    typer.Option("--blendshape", metavar="NAME=AMOUNT,...", help="Blendshapes by ARKit's names, as in jawOpen=0.3."),
]
LikeOption = Annotated[
    Path | None, typer.Option(help="A photo: its face's expression is shown, whoever is in it.", exists=True)
]
LikeNeutralOption = Annotated[
    Path | None,
    typer.Option(help="With --like: a photo of that person without expression, to take the difference.", exists=True),
]
PresetsOption = Annotated[
    Path | None, typer.Option(help='A TOML file of further names, with lines such as grin = "AU12:1.2+jawOpen:0.2".')
]
ExpressionsOption = Annotated[
    str | None, some_of(choices=EXPRESSIONS, help=f"Expressions, separated by commas: {_LISTED}. Default: all eight.")
]
FacesOption = Annotated[
    str,
    one_of(
        choices=FACES,
        metavar="largest|all|N|X,Y",
        help="N: counted from the largest. X,Y: the face at that point, in the photo's pixels.",
    ),
]
TaskFileOption = Annotated[Path | None, typer.Option(help="A face_landmarker.task file: mediapipe finds faces by it.")]
TeethOption = Annotated[
    Path | None,
    typer.Option(
        "--teeth-from", help="A photo in which the same person smiles openly. Default: teeth are rendered.", exists=True
    ),
]
WeightsOption = Annotated[
    Path | None,
    typer.Option(help="A folder of a run or a morphable face, or a .safetensors file. Default: the package's."),
]
MethodOption = Annotated[
    str | None,
    one_of(
        choices=METHODS,
        help="morphable: a 3D morphable face, without training. relief: a network that warps the photo. "
        "stargan: a baseline. Default: the method of --weights, else morphable.",
        show_default=False,
    ),
]
PartOption = Annotated[
    str,
    one_of(choices=PARTS, help="The region that may change: all, the eyes and brows, or all below them (for glasses)."),
]
EngineOption = Annotated[
    str | None,
    one_of(
        choices=ENGINES,
        help="The inference engine. auto: the fastest that is installed and agrees with PyTorch. "
        "Default: onnx for the package's networks, torch for others.",
        show_default=False,
    ),
]
WorkersOption = Annotated[int | None, typer.Option(min=1, help="Processes. Default: one per core, of all machines.")]
ClusterOption = Annotated[
    str,
    typer.Option(
        metavar="local|auto|ray://HOST:PORT",
        help="Where the work is done: on this machine, on the Ray cluster that it belongs to, or on another one.",
    ),
]
TrainingData = Annotated[
    str,
    typer.Argument(
        metavar="DATASET",
        help="A folder made by `facerelief dataset build`, or shards by path or URL, which are copied once.",
        show_default=False,
    ),
]
DatasetFolder = Annotated[
    Path, typer.Argument(metavar="DATASET", help="A folder made by `facerelief dataset build`.", show_default=False)
]
