"""Whatever stands in a weights file, every loader loads numbers or says in one line why not, in bounded memory."""

import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from damage import damaged, packed, unpacked
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from memory import memory_growth
from runs import write_depth, write_encoder, write_judge
from torch import Tensor, nn

from facerelief.checkpoint import read_facts, stored_kind
from facerelief.config import ClassifierTraining
from facerelief.editing.loading import load_network_editor
from facerelief.errors import CheckpointError, FacereliefError
from facerelief.geometry.morphable.measuring.responses import RESPONSES_FILE, load_responses, save_responses
from facerelief.geometry.morphable.model import FACE_FILE, load_face, save_face
from facerelief.networks.identity import Encoder
from facerelief.training.classifier import build_classifier, load_classifier
from facerelief.training.depth import load_depth_nets
from facerelief.training.identity import known_persons, load_identity
from facerelief.training.run.folder import Run

MOST = 400 << 20  # bytes that all damaged files of a loader may take
NAMES = ("relief", "stargan", "face", "responses", "depth", "judge", "identity", "state")
JUDGE = ClassifierTraining(size=32, width=4)


def of_editor(path: Path) -> list[Tensor]:
    editor = load_network_editor(path, finder=object())  # type: ignore[arg-type]  # which is not asked
    for expression in editor.expressions:
        editor.caution(expression)
    return list(editor.generator.state_dict().values())


def of_face(path: Path) -> list[Tensor]:
    load_face.__globals__["_load"].cache_clear()
    face = load_face(path)
    return [torch.from_numpy(getattr(face, name)) for name in ("mean", "identity", "clusters", "texture", "chroma")]


def of_responses(path: Path) -> list[Tensor]:
    load_responses.__globals__["_loaded"].cache_clear()
    responses = load_responses(path)
    return [torch.from_numpy(responses.shapes), torch.from_numpy(responses.errors)]


def of_depth(path: Path) -> list[Tensor]:
    nets, _, _ = load_depth_nets(path)
    return [*nets.translator.state_dict().values(), *nets.discriminator.state_dict().values()]


def of_state(path: Path) -> list[Tensor]:
    judge, optimiser = learner(steps=0)
    assert path.name == "state.safetensors"
    run = Run(path.parent, "judge", JUDGE, {})
    try:
        run.restore({"judge": judge}, {"judge": optimiser})
    finally:
        run.close()
    return [*judge.state_dict().values(), *(v for s in optimiser.state.values() for v in s.values())]


LOADERS: dict[str, Callable[[Path], list[Tensor]]] = {
    "relief": of_editor,
    "stargan": of_editor,
    "face": of_face,
    "responses": of_responses,
    "depth": of_depth,
    "judge": lambda path: list(load_classifier(path)[0].state_dict().values()),
    "identity": lambda path: list(load_identity(path)[0].state_dict().values()),
    "state": of_state,
}


def learner(steps: int) -> tuple[nn.Module, torch.optim.Optimizer]:
    torch.manual_seed(0)
    judge = build_classifier(JUDGE)
    optimiser = torch.optim.Adam(judge.parameters(), 1e-3)
    for _ in range(steps):
        judge(torch.zeros(2, 3, 32, 32)).sum().backward()
        optimiser.step()
    return judge, optimiser


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, tiny_weights: Callable[..., Path]) -> dict[str, Path]:
    """A valid file for each loader, under the name that it is read by."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("whole")
    run = Run(folder / "state", "judge", JUDGE, {})
    judge, optimiser = learner(steps=1)
    run.save(3, {"judge": judge}, {"judge": optimiser})
    run.close()
    save_face(folder / FACE_FILE, load_face(), {"photos": {"neutral": 3}})
    save_responses(folder / RESPONSES_FILE, load_responses(), {"people": 3})
    return {
        "relief": tiny_weights(method="relief"),
        "stargan": tiny_weights(),
        "face": folder / FACE_FILE,
        "responses": folder / RESPONSES_FILE,
        "depth": write_depth(folder / "depth") / "weights.safetensors",
        "judge": write_judge(folder / "judge") / "weights.safetensors",
        "identity": write_encoder(folder / "identity") / "weights.safetensors",
        "state": folder / "state" / "state.safetensors",
    }


@pytest.mark.parametrize("name", NAMES)
def test_a_whole_file_loads(whole: dict[str, Path], name: str) -> None:
    assert LOADERS[name](whole[name])


@pytest.mark.parametrize("name", NAMES)
def test_any_damage_gives_numbers_or_one_line(whole: dict[str, Path], tmp_path: Path, name: str) -> None:
    data = whole[name].read_bytes()
    path = whole[name] if name == "state" else tmp_path / whole[name].name

    @settings(max_examples=250, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(st.integers(0, 2**32))
    def check(seed: int) -> None:
        path.write_bytes(damaged(data, random.Random(seed)))
        read_facts(path)
        stored_kind(path)
        try:
            if name in ("judge", "identity"):
                known_persons(path, name)
            tensors = LOADERS[name](path)
        except FacereliefError as problem:
            assert "\n" not in str(problem)
            assert str(problem).isprintable()
            assert len(str(problem)) < 500
        else:
            assert all(value.isfinite().all() for value in tensors)

    try:
        with memory_growth() as growth:
            check()
    finally:
        path.write_bytes(data)
    assert growth.bytes < MOST


# What the changes by chance may miss.


def with_config(data: bytes, **changes: Any) -> bytes:
    header, numbers = unpacked(data)
    facts = json.loads(header["__metadata__"]["facts"])
    facts["config"] |= changes
    header["__metadata__"]["facts"] = json.dumps(facts)
    return packed(header, numbers)


@pytest.mark.parametrize("name", ["relief", "stargan", "depth", "judge", "identity"])
@pytest.mark.parametrize(
    "changes", [{"width": 400}, {"width": 1_000_000}, {"width": 10**18}, {"blocks": 100_000}, {"d_max_channels": 10**9}]
)
def test_networks_that_a_small_file_asks_for_take_no_memory(
    whole: dict[str, Path], tmp_path: Path, name: str, changes: dict[str, int]
) -> None:
    path = tmp_path / "weights.safetensors"
    path.write_bytes(with_config(whole[name].read_bytes(), **changes))
    unused = "blocks" in changes and name in ("judge", "identity")
    if "d_max_channels" in changes or unused:
        changes = {"d_width": 10**9, **changes}  # which every config refuses
        path.write_bytes(with_config(whole[name].read_bytes(), **changes))
    with memory_growth() as growth, pytest.raises(CheckpointError):
        LOADERS[name](path)
    assert growth.bytes < 64 << 20


@pytest.mark.parametrize("name", NAMES)
def test_files_of_gigabytes_are_refused_unread(whole: dict[str, Path], tmp_path: Path, name: str) -> None:
    """A header that fits a sparse file, and names one tensor of its whole length."""
    data = whole[name].read_bytes()
    header, numbers = unpacked(data)
    first = next(key for key in header if key != "__metadata__")
    path = whole[name] if name == "state" else tmp_path / whole[name].name
    wide = {"dtype": "F32", "shape": [1 << 30, 1], "data_offsets": [len(numbers), len(numbers) + (4 << 30)]}
    for key in (f"{first}.more", first):
        changed = header | {key: wide}
        path.write_bytes(packed(changed, numbers))
        os.truncate(path, path.stat().st_size + (4 << 30))
        with memory_growth() as growth, pytest.raises(CheckpointError):
            LOADERS[name](path)
        assert growth.bytes < 32 << 20
    path.write_bytes(data)


@pytest.mark.parametrize("scores", ["x", [1], 3, {"edits": 5}, {"edits": {"happiness": -1e300}}, {"edits": {"a": [1]}}])
def test_scores_that_are_none(whole: dict[str, Path], tmp_path: Path, scores: Any) -> None:
    header, numbers = unpacked(whole["relief"].read_bytes())
    facts = json.loads(header["__metadata__"]["facts"]) | {"scores": scores}
    header["__metadata__"]["facts"] = json.dumps(facts)
    path = tmp_path / "weights.safetensors"
    path.write_bytes(packed(header, numbers))
    with pytest.raises(CheckpointError, match="scores"):
        of_editor(path)


def test_a_state_of_another_kind_of_numbers(whole: dict[str, Path]) -> None:
    data = whole["state"].read_bytes()
    header, numbers = unpacked(data)
    for step in ("x", 2.5, None, True, [1]):
        header["__metadata__"]["facts"] = json.dumps({"step": step})
        whole["state"].write_bytes(packed(header, numbers))
        with pytest.raises(CheckpointError, match="says no step, or one that is no int"):
            of_state(whole["state"])
    whole["state"].write_bytes(data)


def test_loading_draws_no_random_numbers_of_its_own(whole: dict[str, Path]) -> None:
    """A network is planned without memory first, which must not move the seeds that come after."""
    torch.manual_seed(0)
    with torch.device("meta"):
        Encoder(width=4)
    assert torch.rand(1).item() == pytest.approx(torch.rand(1, generator=torch.Generator().manual_seed(0)).item())
