"""Threads by the size of the work."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from facerelief.processes import cores
from facerelief.processes.threads import threads_for, torch_threads

LATER = """
import sys
from facerelief.processes.threads import available_threads, limit_threads
limit_threads(1)
assert "torch" not in sys.modules
print(available_threads())
import facerelief.networks, torch
print(torch.get_num_threads(), available_threads())
limit_threads(3)
print(torch.get_num_threads(), available_threads())
"""


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity on this system")
def test_cores_are_those_that_the_process_may_use() -> None:
    """As under SLURM: one of however many there are."""
    script = (
        "import os; os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1]); "
        "from facerelief.processes.cores import available_cores; "
        "from facerelief.processes.threads import available_threads; print(available_cores(), available_threads())"
    )
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.split() == ["1", "1"]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"cpu.max": "150000 100000"}, 2),
        ({"cpu.max": "max 100000"}, 8),
        ({"cpu.max": "20000 100000"}, 1),
        ({"cpu/cpu.cfs_quota_us": "300000", "cpu/cpu.cfs_period_us": "100000"}, 3),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 8),
        ({}, 8),
    ],
)
def test_cores_are_those_of_the_containers_share_of_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], expected: int
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"{text}\n")
    monkeypatch.setattr(cores, "_CGROUP", tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(8), raising=False)
    assert cores.available_cores() == expected


@pytest.mark.parametrize(
    ("work", "cores", "expected"),
    [
        ((6, 32, 8), 2, 1),  # 49,152 values a map
        ((16, 64, 32), 2, 2),  # 2.1 million: training with the preset `cpu`
        ((16, 64, 32), 64, 10),
        ((32, 128, 64), 64, 64),
        ((1, 128, 48), 2, 2),  # an edit by the package's network
    ],
)
def test_threads_follow_the_size_of_the_work(
    monkeypatch: pytest.MonkeyPatch, work: tuple[int, int, int], cores: int, expected: int
) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: cores)
    assert threads_for(*work) == expected


def test_threads_are_given_back_whatever_happens() -> None:
    def fail() -> None:
        assert torch.get_num_threads() == 3
        raise KeyError

    before = torch.get_num_threads()
    with pytest.raises(KeyError), torch_threads(3):
        fail()
    assert torch.get_num_threads() == before


def test_a_limit_holds_for_torch_whenever_it_is_imported() -> None:
    done = subprocess.run([sys.executable, "-c", LATER], capture_output=True, text=True, timeout=300)
    assert done.stdout.split() == ["1", "1", "1", "3", "3"], done.stderr
