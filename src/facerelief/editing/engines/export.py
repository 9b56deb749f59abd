"""A trained editor's network for other programs, with what it is, and how true it is to PyTorch."""

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from facerelief import __version__
from facerelief.editing.engines.agreement import Parity, compare_engines, example_inputs, synthetic_inputs
from facerelief.editing.engines.conversion import output_names, to_onnx, torch_engine
from facerelief.editing.engines.runtimes import (
    INPUTS,
    Engine,
    import_openvino,
    imported,
    load_onnx,
    load_openvino,
)
from facerelief.editing.loading import load_network_editor, network_file
from facerelief.editing.methods.network import NetworkEditor
from facerelief.files import atomic, sha256, write_json
from facerelief.registry import Registry

# an ONNX model with its metadata, to a file in a folder; returns the file, and the engines that read it by precision
Writer = Callable[[bytes, dict[str, str], Path], tuple[Path, dict[str, Engine]]]
FORMATS: Registry[Writer] = Registry("export format")
REPORT = "parity.json"


def export_editor(
    folder: Path, to: str, weights: Path | None = None, method: str = "stargan"
) -> tuple[Path, list[Parity]]:
    """Write an editor's network in another format, and beside it `REPORT`: how it compares with PyTorch.

    The file is read back and compared on synthetic faces, each with every expression, at every precision that the
    format runs at.

    Args:
        folder: Where it goes.
        to: A format of `FORMATS`.
        weights: A run's folder or a .safetensors file; by default the package's own of a method.
        method: Which of the package's networks, where no weights are named.

    Returns:
        The model's file and the comparison.

    Raises:
        CheckpointError: The weights cannot be read.
        FacereliefError: There is no such format.
        MissingExtra: The format's package is not installed.
    """
    write = FORMATS[to]
    editor = load_network_editor(weights, None, method)
    facts = metadata(editor, sha256(network_file(weights, method)))
    path, engines = write(to_onnx(editor.generator, example_inputs(editor.config, editor.condition)), facts, folder)
    images, conditions = synthetic_inputs(editor.config, editor.condition)
    reference = torch_engine(editor.generator)
    contenders = {"torch f32": reference, **{f"{to} {precision}": one for precision, one in engines.items()}}
    compared = [
        compare_engines(name, engine, reference, editor.generator, images, conditions)
        for name, engine in contenders.items()
    ]
    results = [dataclasses.asdict(one) | {"agrees": one.agrees} for one in compared]
    write_json(folder / REPORT, {"model": path.name, "metadata": facts, "pictures": len(images), "engines": results})
    return path, compared


def metadata(editor: NetworkEditor, digest: str) -> dict[str, str]:
    """What travels inside the model: what it is, what goes in, and what comes out."""
    config, names = editor.config, output_names(editor.generator)
    meaning = {
        "edited": "the edited crop, [-1, 1]",
        "flow": "where each pixel comes from, right and down, in sides of the crop",
        "mask": "share of the colour, [0, 1]",
        "colour": "colour that is painted, [-1, 1]",
    }
    return {
        "format": "facerelief-editor",
        "version": __version__,
        "backbone": config.method,
        "expressions": json.dumps(config.expressions),
        "size": str(config.size),
        "colour": config.colour,
        "weights_sha256": digest,
        "inputs": json.dumps(
            {INPUTS[0]: "aligned crop, (N, C, size, size), [-1, 1]", INPUTS[1]: editor.condition.meaning}
        ),
        "outputs": json.dumps({name: meaning[name] for name in names}),
    }


@FORMATS.add("onnx")
def write_onnx(model: bytes, facts: dict[str, str], folder: Path) -> tuple[Path, dict[str, Engine]]:
    """`model.onnx`, with the facts in its metadata."""
    onnx = imported("onnx")
    whole = onnx.load_model_from_string(model)
    whole.producer_name, whole.producer_version = "facerelief", __version__
    onnx.helper.set_model_props(whole, facts)
    onnx.checker.check_model(whole)
    path = folder / "model.onnx"
    with atomic(path) as temporary:
        temporary.write_bytes(whole.SerializeToString())
    return path, {"f32": load_onnx(str(path))}


@FORMATS.add("openvino")
def write_openvino(model: bytes, facts: dict[str, str], folder: Path) -> tuple[Path, dict[str, Engine]]:
    """`model.xml` and `model.bin`, weights in fp32, with the facts in the section `facerelief` of its runtime info."""
    openvino: Any = import_openvino()
    whole = openvino.Core().read_model(model)
    for name, value in facts.items():
        whole.set_rt_info(value, ["facerelief", name])
    path = folder / "model.xml"
    with atomic(path) as temporary, atomic(path.with_suffix(".bin")) as values:
        openvino.save_model(whole, temporary, compress_to_fp16=False)
        made = temporary.with_suffix(".bin")
        shutil.copyfile(made, values)  # not renamed onto it: Windows replaces no open file
        made.unlink()
    return path, {precision: load_openvino(str(path), precision) for precision in ("f32", "bf16")}
