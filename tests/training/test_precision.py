"""The precision that a run computes in, by what processors can do, and how many threads a step is worth."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from facerelief.config import DepthTraining
from facerelief.training.presets import PRESETS, make_config
from facerelief.training.run import precision
from facerelief.training.run.session import Learner, Session

Small = Callable[..., Any]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes torch tell of another machine: the processor's flags, and what torch and oneDNN use of them."""

    def become(*flags: str, level: str = "AVX512", onednn: bool = True, gpu: bool | None = None) -> None:
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: dict.fromkeys(flags, True))
        monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: level)
        monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: onednn, raising=False)
        monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu is not None)
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: bool(gpu))

    return become


@pytest.mark.parametrize(
    ("flags", "level", "onednn", "fastest"),
    [
        (("avx2", "avx512_f", "avx512_bf16"), "AVX512", True, "bf16"),  # AMD Zen 4 and later
        (("avx2", "avx512_f", "amx_bf16"), "AVX512", True, "bf16"),  # Intel Sapphire Rapids and later
        (("avx2", "avx512_f"), "AVX512", True, "no"),  # Intel Skylake to Ice Lake: oneDNN would emulate it
        (("avx2",), "AVX2", False, "no"),
        (("avx2", "avx512_f", "avx512_bf16"), "AVX2", True, "no"),  # torch was told to use less
        (("avx2", "avx512_f", "avx512_bf16"), "AVX512", False, "no"),  # oneDNN was
        (("neon",), "DEFAULT", False, "no"),
    ],
)
def test_bf16_is_taken_where_the_processor_has_instructions_for_it(
    machine: Callable[..., None], flags: tuple[str, ...], level: str, onednn: bool, fastest: str
) -> None:
    machine(*flags, level=level, onednn=onednn)
    assert precision.fastest_precision()[0] == fastest


def test_a_torch_that_does_not_tell_computes_in_fp32(machine: Callable[..., None], monkeypatch: Any) -> None:
    machine("avx512_bf16")
    monkeypatch.delattr(torch.cpu, "get_capabilities")
    assert precision.fastest_precision()[0] == "no"


@pytest.mark.parametrize(("gpu", "fastest"), [(True, "bf16"), (False, "no")])
def test_on_a_gpu_the_gpu_decides(machine: Callable[..., None], gpu: bool, fastest: str) -> None:
    machine(level="AVX2", onednn=False, gpu=gpu)
    assert precision.fastest_precision()[0] == fastest


def test_no_preset_asks_for_what_a_processor_may_lack() -> None:
    kinds = {kind for preset in PRESETS.values() for kind in preset}
    assert {make_config(kind, preset).precision for kind in kinds for preset in PRESETS} == {"auto", "no"}


def test_one_line_tells_the_precision_and_why(small: Small, tmp_path: Path, machine: Callable[..., None]) -> None:
    def told(asked: str) -> tuple[str, str]:
        config, line = precision.resolve_precision(small(DepthTraining, precision=asked), tmp_path / "new")
        return config.precision, line

    machine("avx512_bf16")
    assert told("auto") == ("bf16", "precision bf16, because the processor has instructions for it")
    chosen, line = told("no")
    assert chosen == "no" and "it was asked for; bf16 is faster here" in line and "--set precision=bf16" in line
    machine()
    assert told("auto") == ("no", "precision fp32, because the processor has no instructions for bf16")
    chosen, line = told("bf16")
    assert chosen == "bf16" and "fp32 is faster here" in line and "--set precision=no" in line


def test_a_run_goes_on_elsewhere_as_it_began_or_says_that_results_differ(
    small: Small, tmp_path: Path, machine: Callable[..., None]
) -> None:
    run = tmp_path / "run"
    machine("amx_bf16")
    Session("depth", small(DepthTraining, precision="auto"), run, {}).run.close()
    assert json.loads((run / "config.json").read_text())["config"]["precision"] == "bf16"
    machine()
    session = Session("depth", small(DepthTraining, precision="auto"), run, {})
    session.run.close()
    assert session.config.precision == session.accelerator.mixed_precision == "bf16"
    _, line = precision.resolve_precision(small(DepthTraining, precision="auto"), run)
    assert "the run began in it; fp32 is faster here" in line
    config, line = precision.resolve_precision(small(DepthTraining, precision="no"), run)
    assert config.precision == "no" and "began in bf16, so its results will differ" in line
    Session("depth", config, run, {}).run.close()
    assert json.loads((run / "config.json").read_text())["config"]["precision"] == "no"


def test_a_small_run_steps_in_one_thread_and_gives_the_others_back(small: Small, tmp_path: Path) -> None:
    torch.set_num_threads(2)
    session = Session("depth", small(DepthTraining, steps=2), tmp_path / "run", {})
    session.prepare({"translator": Learner(torch.nn.Linear(1, 1), 1e-4)}, fixed={})
    assert [torch.get_num_threads() for _ in session.steps(lambda path: None)] == [1, 1]
    assert torch.get_num_threads() == 2
