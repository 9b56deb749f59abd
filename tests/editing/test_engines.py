"""Engines against PyTorch, on both backbones, and exported models against the packages that they are for."""

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from facerelief.editing import Editor, load_editor
from facerelief.editing.engines.agreement import (
    Parity,
    compare_engines,
    example_inputs,
    load_engine,
    synthetic_inputs,
)
from facerelief.editing.engines.conversion import output_names, to_onnx, torch_engine
from facerelief.editing.engines.export import FORMATS, REPORT, export_editor
from facerelief.editing.engines.runtimes import ENGINES, load_openvino
from facerelief.editing.loading import load_network_editor
from facerelief.editing.methods.network import NetworkEditor
from facerelief.errors import FacereliefError, MissingExtra, install_command
from facerelief.faces.detector import LandmarkFinder
from facerelief.files import sha256
from facerelief.photos.photo import Photo

pytest.importorskip("onnxruntime", reason="needs the extra engines")
pytest.importorskip("onnx", reason="needs the extra engines")

Weights = Callable[..., Path]
BACKBONES = ("stargan", "relief")
EXACT = ("onnx", "openvino")
# OpenVINO reads from the processor that it has bf16, while its oneDNN is told not to use it: no real machine is so.
no_bf16 = pytest.mark.skipif("ONEDNN_MAX_CPU_ISA" in os.environ, reason="OpenVINO's bf16 knows nothing of emulation")


@pytest.fixture(scope="module")
def networks(tiny_weights: Weights) -> dict[str, NetworkEditor]:
    return {
        name: load_network_editor(tiny_weights(method=name, colour=colour))
        for name, colour in zip(BACKBONES, ("rgb", "luma"), strict=True)
    }


def example_of(editor: NetworkEditor) -> tuple[np.ndarray, np.ndarray]:
    """Inputs of the shapes that the network takes."""
    return example_inputs(editor.config, editor.condition)


@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize(
    "engine", [pytest.param(name, marks=no_bf16) if name.endswith("bf16") else name for name in ENGINES]
)
def test_engines_agree_with_pytorch(networks: dict[str, NetworkEditor], backbone: str, engine: str) -> None:
    editor = networks[backbone]
    images, conditions = synthetic_inputs(editor.config, editor.condition)
    assert images.shape == (9, editor.config.channels, 32, 32) and images.min() >= -1 and images.max() <= 1
    run, reference = (
        ENGINES[engine](editor.generator, example_of(editor)),
        torch_engine(editor.generator),
    )
    for batch in (images, images[:1]):
        expected, got = reference(batch, conditions[: len(batch)]), run(batch, conditions[: len(batch)])
        assert len(got) == len(expected) == len(output_names(editor.generator))
        for one, other in zip(got, expected, strict=True):
            assert (one.dtype, one.shape) == (np.float32, other.shape)
            assert abs(one - other).max() < (0.06 if engine.endswith("bf16") else 1e-4)


def test_a_model_takes_pictures_of_other_sizes(networks: dict[str, NetworkEditor]) -> None:
    generator, example = networks["relief"].generator, example_of(networks["relief"])
    image, condition = np.random.default_rng(0).uniform(-1, 1, (2, 1, 48, 48)).astype(np.float32), np.eye(3)[:2]
    for name in EXACT:
        got = ENGINES[name](generator, example)(image, condition.astype(np.float32))
        expected = torch_engine(generator)(image, condition.astype(np.float32))
        assert all(abs(one - other).max() < 1e-4 for one, other in zip(got, expected, strict=True))


@pytest.mark.parametrize("backbone", BACKBONES)
def test_an_edit_is_the_same_by_every_engine(
    tiny_weights: Weights, finder: LandmarkFinder, photo: Photo, backbone: str
) -> None:
    weights = tiny_weights(method=backbone)
    faces = finder(photo.rgb)
    expected = load_editor(weights, finder)(photo, "surprise", faces=faces).photo.rgb
    assert (expected != photo.rgb).any()
    for engine in EXACT:
        got = load_editor(weights, finder, engine=engine)(photo, "surprise", faces=faces).photo.rgb
        assert abs(got.astype(int) - expected).max() <= 1


def test_threads_share_an_engine(networks: dict[str, NetworkEditor]) -> None:
    """Each gets the answer to its own question."""
    editor = networks["stargan"]
    images, conditions = synthetic_inputs(editor.config, editor.condition)
    for name in EXACT:
        run = ENGINES[name](editor.generator, example_of(editor))
        expected = [run(images[k : k + 1], conditions[k : k + 1])[0] for k in range(9)]
        wrong: list[int] = []

        def ask(k: int, run=run, expected=expected, wrong=wrong) -> None:  # type: ignore[no-untyped-def]
            for _ in range(20):
                if abs(run(images[k : k + 1], conditions[k : k + 1])[0] - expected[k]).max() > 1e-5:
                    wrong.append(k)

        threads = [threading.Thread(target=ask, args=(k,)) for k in range(9)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == []


def test_auto_takes_the_fastest_that_agrees(
    networks: dict[str, NetworkEditor], monkeypatch: pytest.MonkeyPatch
) -> None:
    speeds = {"torch": 9.0, "onnx": 5.0, "openvino": 4.0, "openvino-bf16": 1.0}
    editor, lacking = networks["stargan"], set[str]()

    def compared(name: str, *_: object) -> Parity:
        if name in lacking:
            raise RuntimeError("no instructions for it")
        error = 0.5 if name == "openvino-bf16" else 0.0
        return Parity(name, {"edited": error}, {"edited": 0.0}, speeds[name])

    monkeypatch.setattr("facerelief.editing.engines.agreement.compare_engines", compared)
    assert load_engine("auto", editor.generator, editor.condition, editor.config)[0] == "openvino"
    speeds["onnx"] = 2.0
    assert load_engine("auto", editor.generator, editor.condition, editor.config)[0] == "onnx"
    lacking |= {"onnx", "openvino"}
    assert load_engine("auto", editor.generator, editor.condition, editor.config)[0] == "torch"


def test_an_engine_that_is_off_does_not_agree(networks: dict[str, NetworkEditor]) -> None:
    editor = networks["relief"]
    inputs, reference = (
        synthetic_inputs(editor.config, editor.condition, persons=1),
        torch_engine(editor.generator),
    )
    exact = compare_engines("torch", reference, reference, editor.generator, *inputs)
    assert exact.agrees and set(exact.largest) == {"flow", "mask", "colour"} and exact.milliseconds > 0
    off = compare_engines(
        "off", lambda *x: [part + 0.01 for part in reference(*x)], reference, editor.generator, *inputs
    )
    assert not off.agrees
    assert all(error == pytest.approx(0.01, rel=1e-3) for error in off.mean.values())


def test_openvino_runs_at_the_precision_that_is_asked_for_and_tells_nobody() -> None:
    """Its conversion tools, once imported, report that over the network."""
    pytest.importorskip("openvino")
    script = (
        "from facerelief.editing.engines.runtimes import import_openvino as i; i(); import sys; print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    modules = done.stdout.split()
    assert "openvino" in modules and not [name for name in modules if "telemetry" in name or "ovc" in name]


def test_names_that_are_wrong_or_not_installed(
    networks: dict[str, NetworkEditor], tiny_weights: Weights, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = tiny_weights()
    with pytest.raises(FacereliefError, match="no engine 'tensorrt'; choose from onnx, openvino, openvino-bf16, torch"):
        load_editor(weights, engine="tensorrt")
    with pytest.raises(FacereliefError, match="for networks, not for the morphable face"):
        load_editor(method="morphable", engine="onnx")
    assert isinstance(load_editor(method="morphable", engine="auto"), Editor)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(FacereliefError, match=r"does not load .*; pip install --force-reinstall onnxruntime"):
        load_editor(weights, engine="onnx")


@pytest.mark.parametrize("engine", [name for name in ENGINES if name != "torch"])
def test_an_engine_whose_exporter_is_missing_names_the_extra(
    networks: dict[str, NetworkEditor], engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingExtra, match=re.escape(install_command("engines"))):
        ENGINES[engine](networks["relief"].generator, example_of(networks["relief"]))


# -- export ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backbone", BACKBONES)
def test_an_exported_model_says_what_it_is_and_does_it(tiny_weights: Weights, tmp_path: Path, backbone: str) -> None:
    import onnx
    import onnxruntime

    weights = tiny_weights(method=backbone)
    path, compared = export_editor(tmp_path / "onnx", "onnx", weights)
    assert {one.name for one in path.parent.iterdir()} == {"model.onnx", REPORT}
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    facts = session.get_modelmeta().custom_metadata_map
    assert json.loads(facts["expressions"]) == ["neutral", "happiness", "surprise"]
    assert (facts["size"], facts["colour"], facts["backbone"]) == ("32", "rgb", backbone)
    assert facts["weights_sha256"] == sha256(weights)
    assert onnx.load(path).producer_name == "facerelief"
    editor = load_network_editor(weights)
    names = output_names(editor.generator)
    assert tuple(one.name for one in session.get_outputs()) == names and set(json.loads(facts["outputs"])) == set(names)
    images, conditions = synthetic_inputs(editor.config, editor.condition, persons=1, seed=5)
    got = session.run(None, {"image": images, "condition": conditions})
    for one, other in zip(got, torch_engine(editor.generator)(images, conditions), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)
    report = json.loads((path.parent / REPORT).read_text())
    assert report["metadata"] == facts and report["pictures"] == 9
    assert [one["engine"] for one in report["engines"]] == ["torch f32", "onnx f32"]
    assert all(one["agrees"] for one in report["engines"]) and compared[1].largest[names[0]] < 1e-4


@no_bf16
def test_an_openvino_export(tiny_weights: Weights, tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    path, compared = export_editor(tmp_path, "openvino", tiny_weights())
    assert {one.name for one in tmp_path.iterdir()} == {"model.xml", "model.bin", REPORT}
    assert [one.engine for one in compared] == ["torch f32", "openvino f32", "openvino bf16"]
    assert compared[1].largest["edited"] < 1e-4 <= compared[2].largest["edited"] < 0.06
    text = path.read_text()
    for name in ("weights_sha256", "expressions", "facerelief-editor"):
        assert name in text
    editor = load_network_editor(tiny_weights())
    images, conditions = synthetic_inputs(editor.config, editor.condition, persons=1)
    assert load_openvino(str(path), "f32")(images, conditions)[0].shape == (3, 3, 32, 32)


def test_what_cannot_be_exported_leaves_nothing(tiny_weights: Weights, tmp_path: Path) -> None:
    assert set(FORMATS) == {"onnx", "openvino"}
    with pytest.raises(FacereliefError, match="no export format 'coreml'; choose from onnx, openvino"):
        export_editor(tmp_path / "out", "coreml", tiny_weights())
    with pytest.raises(FacereliefError, match="no weights at"):
        export_editor(tmp_path / "out", "onnx", tmp_path / "absent.safetensors")
    assert not (tmp_path / "out").exists()


def test_the_model_is_a_function_of_the_weights(networks: dict[str, NetworkEditor]) -> None:
    generator, example = networks["stargan"].generator, example_of(networks["stargan"])
    assert to_onnx(generator, example) == to_onnx(generator, example)
