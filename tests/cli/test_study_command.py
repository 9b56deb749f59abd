"""`facerelief study`: from nothing to a table, through a kill, and what is refused."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from shells import write_dataset

Command = Callable
Refused = Callable[..., str]

pytest.importorskip("scipy")

_PROGRAM = """
import sys
from facerelief.evaluation.experiments import studies
small = {"blocks": 1, "d_width": 8, "d_max_channels": 32, "steps": 3, "save_every": 1}
every = {**studies.SCALES["smoke"].all, "batch": 6}
studies.SCALES["smoke"] = studies.Scale(
    "cpu", 2, 24, 1, 64, every, {"steps": 3}, {"steps": 2}, small, {**small, "warm_up": 0}
)
if __name__ == "__main__":
    from facerelief.cli import main
    main()
"""


@pytest.fixture
def study(tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    """Starts `facerelief study ARGUMENTS` with a smoke scale of a few steps, in a process of its own."""
    program = tmp_path / "program.py"
    program.write_text(_PROGRAM)
    environment = {**os.environ, "ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "error"}

    def start(*words: object) -> subprocess.Popen[str]:
        command = [sys.executable, str(program), "study", *map(str, words)]
        return subprocess.Popen(command, stdout=-1, stderr=-1, text=True, env=environment)

    return start


def children(process: subprocess.Popen[str]) -> list[Path]:
    """What stands for the running processes of a process."""
    pids = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return [Path(f"/proc/{pid}") for pid in pids]


def test_from_photos_to_a_table_through_a_kill_of_two_processes(
    study: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    """The second call does only what the first one left, and the processes of the killed one do not live on."""
    faces = write_dataset(tmp_path / "faces")
    words = ["table2", "--data", faces, "--scale", "smoke", "--expressions", "neutral,happiness,surprise"]
    words += ["-o", tmp_path / "out"]
    first = study(*words, "--processes", 2)
    jobs = tmp_path / "out" / "second" / "jobs.jsonl"
    deadline = time.monotonic() + 240
    while not (jobs.is_file() and len(jobs.read_text().splitlines()) >= 3):
        assert first.poll() is None, first.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    workers = children(first)
    assert len(workers) >= 2
    first.send_signal(signal.SIGKILL)
    first.communicate()
    while any(path.exists() for path in workers):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    before = [json.loads(line)["job"] for line in jobs.read_text().splitlines()]
    second = study(*words)
    out, err = second.communicate(timeout=300)
    assert second.returncode == 0, out + err
    assert all(line.startswith(("dataset: ", "table2: ")) for line in err.splitlines())  # on a slow machine
    after = [json.loads(line)["job"] for line in jobs.read_text().splitlines()]
    assert len(after) == len(set(after))
    # Instruments, stage 1, cells, scores, bases; but for a job of each process that was killed before it was noted.
    assert 14 - 2 <= len(after) <= 14 == 3 + 2 + 4 + 4 + 1
    assert after[: len(before)] == before
    results = json.loads((tmp_path / "out" / "second" / "table2.json").read_text())
    assert [len(cell["seeds"]) for cell in results["cells"]] == [2, 2]
    assert results["command"].startswith("facerelief study table2 --data")
    assert "minus StarGAN" in out
    assert out.splitlines()[-1] == str(tmp_path / "out" / "second" / "table2.html")
    assert (tmp_path / "out" / "second" / "table2-fig6.jpg").is_file()


def test_table_4_counts_a_dataset(command: Command, tmp_path: Path) -> None:
    result = command("study", "table4", "--data", write_dataset(tmp_path / "faces"))
    assert (result.code, result.err) == (0, "")
    line = next(line.split() for line in result.out.splitlines() if line.strip().startswith("faces"))
    assert line[1:] == ["0", "0", "0", "0", "12", "12", "0", "12", "36"]  # Table 4's order, and the total


def test_what_is_refused(refused: Refused, tmp_path: Path) -> None:
    faces = write_dataset(tmp_path / "faces")
    line = refused("study", "table7")
    names = "table1, table2, table3, penalty, anchors, objectives, backbone, methods, evidence, table4"
    assert line == f"no study 'table7'; choose from {names}"
    assert refused("study", "table1", "--scale", "huge").startswith(
        "no scale 'huge'; choose from smoke, cpu, gpu, paper"
    )
    assert refused("study", "table4") == "table4 counts the photos of a dataset; give it with --data"
    line = refused("study", "table1", "--set", "steps", "--data", faces)
    assert line == "--set steps is not NAME=VALUE; e.g. --set steps=4000"
    line = refused("study", "table1", "--stage1", "steps", "--data", faces)
    assert line == "--stage1 steps is not NAME=VALUE; e.g. --stage1 steps=4000"
    words = ["study", "table1", "--scale", "smoke", "--data", faces, "-o", tmp_path / "out"]
    assert refused(*words, "--stage1", "speed=3").startswith("no setting 'speed'; choose from size,")
    assert refused(*words, "--set", "speed=3").startswith("no setting 'speed'; choose from size,")
    assert refused("study", "table1", "--data", tmp_path / "nowhere").startswith(
        f"{tmp_path / 'nowhere'} is not a dataset"
    )
    line = refused(*words, "--set", "steps=many")
    assert line == "steps cannot be 'many'; it is a int"


def test_an_expression_without_photos_is_named_before_anything_is_trained(refused: Refused, tmp_path: Path) -> None:
    faces = write_dataset(tmp_path / "faces")
    line = refused("study", "table1", "--scale", "smoke", "--data", faces, "-o", tmp_path / "out")
    assert line == (
        f"{faces} has no kept photos of sadness, fear, disgust, anger, contempt in this split; leave it out with "
        "--expressions neutral,happiness,surprise"
    )
