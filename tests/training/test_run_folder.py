"""A run folder: what may be continued, what is written, and what a kill leaves behind."""

import dataclasses
import errno
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from facerelief.checkpoint import load_checkpoint, save_checkpoint
from facerelief.config import ClassifierTraining, DepthTraining, ExpressionTraining, from_json
from facerelief.errors import CheckpointError, FacereliefError
from facerelief.files import atomic
from facerelief.training.run.folder import Run, read_metrics, read_run_settings

Small = Callable[..., Any]
DATA_FACTS = {"dataset": "faces", "metadata_sha256": "ab"}


def refusal(action: Callable[[], object], error: type[FacereliefError] = FacereliefError) -> str:
    with pytest.raises(error) as caught:
        action()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def learner(steps: int) -> tuple[nn.Module, torch.optim.Optimizer]:
    """A layer and its Adam after some steps towards fixed targets."""
    torch.manual_seed(0)
    layer = nn.Linear(4, 3)
    optimiser = torch.optim.Adam(layer.parameters(), 0.1, (0.5, 0.999))
    descend(layer, optimiser, steps)
    return layer, optimiser


def descend(layer: nn.Module, optimiser: torch.optim.Optimizer, steps: int) -> None:
    for _ in range(steps):
        optimiser.zero_grad()
        (layer(torch.eye(4)) - torch.arange(3.0)).square().sum().backward()
        optimiser.step()


def test_the_configuration_is_written_complete_and_read_back(tmp_path: Path, small: Small) -> None:
    config = small(DepthTraining, guide="both", betas="0.4,0.9")
    Run(tmp_path / "deep" / "run", "depth", config, DATA_FACTS)
    settings = read_run_settings(tmp_path / "deep" / "run")
    assert {k: v for k, v in settings.items() if k != "config"} == {"kind": "depth", **DATA_FACTS}
    assert from_json(DepthTraining, settings["config"]) == config


@pytest.mark.parametrize(
    ("changes", "data_facts", "kind", "named"),
    [
        ({"lr": 1e-3}, {}, "depth", "config.lr"),
        ({"betas": (0.4, 0.999)}, {}, "depth", "config.betas"),
        ({"expressions": ("neutral", "happiness")}, {}, "depth", "config.expressions"),
        ({}, {"metadata_sha256": "cd"}, "depth", "metadata_sha256"),
        ({}, {"depth_weights_sha256": "ef"}, "depth", "depth_weights_sha256"),
        ({}, {}, "editor", "kind"),
    ],
)
def test_another_run_in_the_same_folder_is_refused_and_named(
    tmp_path: Path, small: Small, changes: dict[str, Any], data_facts: dict[str, str], kind: str, named: str
) -> None:
    config = small(DepthTraining)
    Run(tmp_path, "depth", config, DATA_FACTS)
    before = (tmp_path / "config.json").read_bytes()
    message = refusal(lambda: Run(tmp_path, kind, dataclasses.replace(config, **changes), DATA_FACTS | data_facts))
    assert f"{tmp_path} holds a run with another {named};" in message
    assert (tmp_path / "config.json").read_bytes() == before


def test_another_method_is_named_before_the_settings_that_come_with_it(tmp_path: Path) -> None:
    Run(tmp_path, "editor", ExpressionTraining(method="elegant", lr=5e-4), DATA_FACTS)
    message = refusal(lambda: Run(tmp_path, "editor", ExpressionTraining(method="stgan"), DATA_FACTS))
    assert message == f"{tmp_path} holds a run with another config.method; choose another folder or delete it"


def test_the_length_and_how_often_it_reports_may_change(tmp_path: Path, small: Small) -> None:
    config = small(DepthTraining)
    Run(tmp_path, "depth", config, DATA_FACTS)
    longer = dataclasses.replace(config, steps=99, log_every=7, sample_every=8, save_every=9)
    Run(tmp_path, "depth", longer, DATA_FACTS)
    assert from_json(DepthTraining, read_run_settings(tmp_path)["config"]) == longer


def test_a_file_and_a_folder_of_something_else_are_refused(tmp_path: Path, small: Small) -> None:
    other = tmp_path / "notes.txt"
    other.write_text("mine")
    assert "name a folder" in refusal(lambda: Run(other, "depth", small(DepthTraining), DATA_FACTS))
    assert "choose an empty folder" in refusal(lambda: Run(tmp_path, "depth", small(DepthTraining), DATA_FACTS))
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_what_a_kill_left_half_written_is_swept(tmp_path: Path, small: Small) -> None:
    """The very first file may be the one that was cut off. What somebody is still writing, or has named so, stays."""
    for name in (".partial-abcdefgh.json", ".partial-0123_567.safetensors"):
        (tmp_path / name).write_text("{")
    with atomic(tmp_path / "at_work.png") as at_work:
        Run(tmp_path, "depth", small(DepthTraining), DATA_FACTS)
        assert {path.name for path in tmp_path.iterdir()} == {"config.json", at_work.name}
        at_work.touch()
    (tmp_path / ".partial-notes of mine.txt").touch()
    Run(tmp_path, "depth", small(DepthTraining), DATA_FACTS)
    assert {path.name for path in tmp_path.iterdir()} == {"config.json", "at_work.png", ".partial-notes of mine.txt"}


def test_a_folder_of_files_that_are_only_named_like_unfinished_ones_is_no_run(tmp_path: Path, small: Small) -> None:
    (tmp_path / ".partial-notes of mine.txt").touch()
    assert "choose an empty folder" in refusal(lambda: Run(tmp_path, "depth", small(DepthTraining), DATA_FACTS))


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '{"kind": "depth"}', '{"config": 1}'])
def test_a_damaged_configuration(tmp_path: Path, small: Small, text: str) -> None:
    (tmp_path / "config.json").write_text(text)
    message = refusal(lambda: Run(tmp_path, "depth", small(DepthTraining), DATA_FACTS), CheckpointError)
    assert str(tmp_path / "config.json") in message
    assert "choose another run" in message


def test_a_folder_without_a_run(tmp_path: Path) -> None:
    assert f"{tmp_path} is not a run" in refusal(lambda: read_run_settings(tmp_path), CheckpointError)


def test_state_goes_on_bit_for_bit(tmp_path: Path, small: Small) -> None:
    unbroken, _ = learner(9)
    layer, optimiser = learner(4)
    Run(tmp_path, "judge", small(ClassifierTraining), DATA_FACTS).save(4, {"net": layer}, {"net": optimiser})
    layer, optimiser = learner(2)  # another state, to be replaced
    assert (
        Run(tmp_path, "judge", small(ClassifierTraining), DATA_FACTS).restore({"net": layer}, {"net": optimiser}) == 4
    )
    descend(layer, optimiser, 5)
    assert all(torch.equal(a, b) for a, b in zip(layer.parameters(), unbroken.parameters(), strict=True))


def test_without_a_state_it_starts_at_step_0_and_forgets_what_was_logged(tmp_path: Path, small: Small) -> None:
    Run(tmp_path, "judge", small(ClassifierTraining), DATA_FACTS).log(3, {"judge/cls": 1.0})
    layer, optimiser = learner(0)
    assert (
        Run(tmp_path, "judge", small(ClassifierTraining), DATA_FACTS).restore({"net": layer}, {"net": optimiser}) == 0
    )
    assert read_metrics(tmp_path) == []


def test_lines_after_the_saved_state_and_a_torn_line_are_forgotten(tmp_path: Path, small: Small) -> None:
    run = Run(tmp_path, "judge", small(ClassifierTraining), DATA_FACTS)
    layer, optimiser = learner(1)
    for step in range(1, 8):
        run.log(step, {"judge/cls": step / 3, "weighted/judge/cls": 1e-9 * step})
        if step == 5:
            run.save(step, {"net": layer}, {"net": optimiser})
    run.close()
    with (tmp_path / "metrics.jsonl").open("a") as stream:
        stream.write('{"step": 8, "judge')
    whole = (tmp_path / "metrics.jsonl").read_text().splitlines()
    Run(tmp_path, "judge", small(ClassifierTraining), DATA_FACTS).restore({"net": layer}, {"net": optimiser})
    assert (tmp_path / "metrics.jsonl").read_text() == "".join(line + "\n" for line in whole[:5])


def test_lines_of_a_log_that_cannot_be_read_count_for_nothing(tmp_path: Path) -> None:
    bad = [
        "\x00\x00",
        "[" * 100_000,
        '{"step": "2"}',
        '{"step": 2, "G/adv": [1]}',
        '{"G/adv": 1}',
        '{"step": NaN}',
        "3",
    ]
    for line in bad:
        (tmp_path / "metrics.jsonl").write_text(f'{{"step": 1}}\n{line}\n{{"step": 3}}\n')
        assert read_metrics(tmp_path) == [{"step": 1}, {"step": 3}]
    (tmp_path / "metrics.jsonl").write_bytes(b'{"step": 1}\n\xff\n{"step": 3}\n')
    assert read_metrics(tmp_path) == [{"step": 1}, {"step": 3}]


def test_a_state_of_other_networks_or_no_state_at_all(tmp_path: Path, small: Small) -> None:
    run = Run(tmp_path, "judge", small(ClassifierTraining), DATA_FACTS)
    layer, optimiser = learner(1)
    run.save(1, {"net": layer}, {"net": optimiser})
    message = refusal(lambda: run.restore({"net": nn.Linear(4, 2)}, {"net": optimiser}), CheckpointError)
    assert "net does not fit this version" in message
    path = tmp_path / "state.safetensors"
    path.write_bytes(path.read_bytes()[:100])
    assert str(path) in refusal(lambda: run.restore({"net": layer}, {"net": optimiser}), CheckpointError)


@pytest.mark.parametrize("place", ["abc", "2", "-1", "0 ", ""])
def test_a_state_with_moments_of_no_parameter(tmp_path: Path, small: Small, place: str) -> None:
    """There are two parameters, 0 and 1; a step alone has a shape that fits any."""
    run = Run(tmp_path, "judge", small(ClassifierTraining), DATA_FACTS)
    layer, optimiser = learner(1)
    run.save(1, {"net": layer}, {"net": optimiser})
    saved = load_checkpoint(tmp_path / "state.safetensors", "state")
    tensors = saved.tensors | {f"optimiser.net.{place}.step": np.array(1.0, np.float32)}
    save_checkpoint(tmp_path / "state.safetensors", "state", tensors, {"step": 1})
    message = refusal(lambda: run.restore({"net": layer}, {"net": optimiser}), CheckpointError)
    assert f"'optimiser.net.{place}.step' does not fit this run; delete the file" in message


def test_processes_other_than_the_main_one_write_nothing(tmp_path: Path, small: Small) -> None:
    run = Run(tmp_path / "run", "judge", small(ClassifierTraining), DATA_FACTS, main=False)
    layer, optimiser = learner(1)
    run.log(1, {"judge/cls": 1.0})
    run.save(1, {"net": layer}, {"net": optimiser})
    run.close()
    assert list(tmp_path.iterdir()) == []


def test_the_same_numbers_go_to_tensorboard(tmp_path: Path, small: Small) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = Run(tmp_path, "judge", small(ClassifierTraining), DATA_FACTS)
    run.log(2, {"judge/cls": 0.5})
    run.log(4, {"judge/cls": 0.25})
    run.close()
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [(event.step, event.value) for event in events.Scalars("judge/cls")] == [(2, 0.5), (4, 0.25)]
    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [{"step": 2, "judge/cls": 0.5}, {"step": 4, "judge/cls": 0.25}]


def test_fewer_steps_than_were_done_are_refused_and_change_nothing(tmp_path: Path, small: Small) -> None:
    config = small(DepthTraining, steps=9)
    layer, optimiser = learner(2)
    Run(tmp_path, "depth", config, DATA_FACTS).save(6, {"layer": layer}, {"layer": optimiser})
    before = (tmp_path / "config.json").read_bytes()
    message = refusal(lambda: Run(tmp_path, "depth", dataclasses.replace(config, steps=5), DATA_FACTS))
    assert message == f"{tmp_path} has done 6 steps already; give --steps 6 or more, or another folder"
    assert (tmp_path / "config.json").read_bytes() == before
    Run(tmp_path, "depth", dataclasses.replace(config, steps=6), DATA_FACTS)


def test_a_dataset_that_was_renamed_is_the_same(tmp_path: Path, small: Small) -> None:
    Run(tmp_path, "depth", small(DepthTraining), DATA_FACTS)
    Run(tmp_path, "depth", small(DepthTraining), DATA_FACTS | {"dataset": "elsewhere"})


def test_a_full_disk_while_logging_is_one_line(tmp_path: Path, small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(tmp_path, "depth", small(DepthTraining), DATA_FACTS)

    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "open", fail)
    message = refusal(lambda: run.log(1, {"G/adv": 1.0}))
    assert message.startswith(f"cannot write {tmp_path / 'metrics.jsonl'}: No space left on device; free space")


def test_a_run_that_another_process_trains_is_left_alone(tmp_path: Path, small: Small) -> None:
    code = "import sys; from pathlib import Path; from facerelief.files import lock_folder\n"
    code += "with lock_folder(Path(sys.argv[1])): print('in', flush=True); input()"
    call = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(call, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout and other.stdout.readline() == "in\n"
        message = refusal(lambda: Run(tmp_path, "depth", small(DepthTraining), DATA_FACTS))
        assert message.startswith(f"another process is working in {tmp_path}; wait for it")
        assert list(tmp_path.iterdir()) == []
        other.kill()
    run = Run(tmp_path, "depth", small(DepthTraining), DATA_FACTS)
    run.close()
