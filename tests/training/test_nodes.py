"""Several machines, each with an agent of torchrun: they are one run, also when one of them dies and comes back."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from facerelief.checkpoint import load_checkpoint
from facerelief.config import ClassifierTraining, DepthTraining
from facerelief.data import Dataset
from facerelief.data.shards.convert import pack
from facerelief.training.launch import run_classifier, run_depth

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
Metrics = Callable[[Path], list[dict[str, float]]]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def assert_one_run(run: Path, alone: Path, metrics: Metrics) -> None:
    """State and log of a run on two machines are those of one process that computes each batch in two parts."""
    found, expected = (load_checkpoint(one / "state.safetensors", "state") for one in (run, alone))
    assert found.facts == expected.facts and found.tensors.keys() == expected.tensors.keys()
    for name, value in expected.tensors.items():
        np.testing.assert_allclose(found.tensors[name], value, rtol=1e-5, atol=1e-6, err_msg=name)
    lines = metrics(run), metrics(alone)
    assert [line["step"] for line in lines[0]] == [line["step"] for line in lines[1]]
    for line, other in zip(*lines, strict=True):
        assert line.keys() == other.keys()
        assert max(abs(line[name] - other[name]) for name in line) < 1e-5


def test_two_machines_of_slurm(
    faces: Path, tmp_path: Path, small: Callable[..., Any], command_line: Any, metrics: Metrics
) -> None:
    """The job script, with `scontrol` and `srun` of a cluster whose two machines are this one, from shards.

    The judge has dropout and batch norm.
    """
    pack(faces, str(tmp_path / "shards"), 10)
    for name, lines in {
        "scontrol": "echo 127.0.0.1; echo 127.0.0.1",
        "srun": 'shift; "$@" & "$@"; code=$?; wait $! && exit $code',
    }.items():
        (tmp_path / name).write_text(f"#!/bin/bash\n{lines}\n")
        (tmp_path / name).chmod(0o755)
    settings = {"steps": 5, "augment": True}
    job = {"SLURM_JOB_NODELIST": "node[1-2]", "SLURM_JOB_NUM_NODES": "2", "SLURM_JOB_ID": "7", "PORT": str(free_port())}
    job |= {"PYTHON": sys.executable, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    job |= {"FACERELIEF_DATASETS": str(tmp_path / "cache")}
    words = command_line.words("judge", tmp_path / "shards", tmp_path / "run", **settings)
    process = subprocess.run(
        ["bash", DEPLOY / "train.slurm", *words], env=command_line.environment | job, capture_output=True, text=True
    )
    assert process.returncode == 0, process.stderr
    assert process.stdout.count("accuracy on test photos") == 1  # one process speaks
    run_classifier(Dataset(faces), small(ClassifierTraining, accumulate=2, **settings), tmp_path / "alone")
    assert_one_run(tmp_path / "run", tmp_path / "alone", metrics)


class Machines:
    """Agents of torchrun, as on machines of their own."""

    def __init__(self, command_line: Any, words: list[str]) -> None:
        self.port = free_port()
        rendezvous = ["--rdzv-backend", "c10d", "--rdzv-endpoint", f"127.0.0.1:{self.port}", "--rdzv-id", "a"]
        several = ["--nnodes", "2", "--nproc-per-node", "1", "--max-restarts", "3"]
        self.command = [sys.executable, "-m", "torch.distributed.run", *several, *rendezvous, "-m", "facerelief"]
        self.command += ["train", *words]
        self.environment = {**command_line.environment, "TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1"}
        self.environment.pop("PYTHONWARNINGS")  # torchrun has some of its own
        self.agents: list[subprocess.Popen[str]] = []

    def start(self) -> subprocess.Popen[str]:
        agent = subprocess.Popen(self.command, env=self.environment, stdout=-1, stderr=-1, text=True)
        self.agents.append(agent)
        while len(self.agents) == 1:  # the first is where the others meet
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                break
            assert agent.poll() is None
            time.sleep(0.05)
        return agent

    @staticmethod
    def die(agent: subprocess.Popen[str]) -> None:
        """As a machine that loses power: the agent, and the training that it started."""
        workers = Path(f"/proc/{agent.pid}/task/{agent.pid}/children").read_text().split()
        for one in (agent.pid, *map(int, workers)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(one, signal.SIGKILL)
        agent.communicate()

    def end(self) -> None:
        for agent in self.agents:
            if agent.poll() is None:
                self.die(agent)


def test_a_machine_that_dies_and_comes_back(
    faces: Path, tmp_path: Path, small: Callable[..., Any], command_line: Any, metrics: Metrics
) -> None:
    """The others wait for it and go on with it from the last state, to the result of an undisturbed run."""
    run, settings = tmp_path / "run", {"steps": 60, "augment": True, "objective": "wgan-gp", "save_every": 10}
    machines = Machines(command_line, command_line.words("depth", faces, run, **settings))
    try:
        first = machines.start()
        second = machines.start()
        while not (run / "state.safetensors").is_file() or len(metrics(run)) < 12:
            assert first.poll() is None and second.poll() is None
            time.sleep(0.02)
        machines.die(second)
        assert not (run / "weights.safetensors").exists()
        third = machines.start()
        for agent in (first, third):
            out, err = agent.communicate(timeout=300)
            assert agent.returncode == 0, out + err
    finally:
        machines.end()
    run_depth(Dataset(faces), small(DepthTraining, accumulate=2, **settings), tmp_path / "alone")
    assert_one_run(run, tmp_path / "alone", metrics)
