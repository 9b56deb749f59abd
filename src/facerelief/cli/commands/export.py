"""`facerelief export`."""

from pathlib import Path
from typing import Annotated

import typer

from facerelief.cli.console import say
from facerelief.cli.options import CARRIED, FORMATS, one_of
from facerelief.cli.writes import check_folder_name, files_in, writes
from facerelief.errors import FacereliefError


@writes(files_in("folder", "model.onnx", "model.xml", "model.bin", "parity.json"))
def export(
    folder: Annotated[Path, typer.Option("-o", "--out", help="A folder for the model.", show_default=False)],
    kind: Annotated[
        str, one_of("--format", choices=FORMATS, help="onnx: model.onnx. openvino: model.xml and model.bin.")
    ] = "onnx",
    weights: Annotated[
        Path | None,
        typer.Argument(help="A run's folder or a .safetensors file. Default: the package's.", show_default=False),
    ] = None,
    method: Annotated[
        str, one_of(choices=CARRIED, help="Which of the package's networks, if no weights are given.")
    ] = "stargan",
) -> None:
    """Write an editor's network for other programs, read it back, and compare it with PyTorch.

    The model's metadata holds its expressions in order, size, colour and the weights' SHA-256. parity.json gives the
    largest and mean error of each output on synthetic faces. To edit photos faster you need no export: use
    `facerelief edit --engine`.

        facerelief export runs/guided --format openvino -o model
    """
    check_folder_name(folder)
    if method == "morphable":
        raise FacereliefError("the morphable face is no network that could be exported; choose stargan or relief")
    from facerelief.editing.engines.agreement import errors_in_words
    from facerelief.editing.engines.export import export_editor as write

    path, compared = write(folder, kind, weights, method)
    say(str(path), "errors against PyTorch, largest / mean:", *errors_in_words(compared))
