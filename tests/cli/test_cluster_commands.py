"""Commands with `--cluster` give what they give without, on a Ray cluster of two nodes on this machine."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from photos import astronaut, write_tree
from PIL import Image
from ray_nodes import ray_cluster
from runs import write_encoder, write_judge, write_run

Command = Callable
Refused = Callable[..., str]
pytest.importorskip("ray", reason="needs the extra `cluster`")
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # files that Ray leaves open
PORT = 27000


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """The address."""
    with ray_cluster(PORT, 2):
        yield f"ray://127.0.0.1:{PORT}"


def contents(folder: Path, *, but: tuple[str, ...] = ()) -> dict[str, bytes]:
    found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return {name: content for name, content in found.items() if name not in but}


def test_edit(command: Command, cluster: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "album").mkdir()
    for k in range(3):
        Image.fromarray(np.roll(astronaut()[:230, 110:340], k, axis=0)).save(tmp_path / "album" / f"head{k}.png")
    (tmp_path / "album" / "none.png").touch()
    words = ("edit", "album", "--to", "happiness", "--no-provenance")
    here, there = command(*words, "-o", "here"), command(*words, "-o", "there", "--cluster", cluster)
    assert there.code == here.code == 1
    assert there.out.replace("there", "here") == here.out
    assert "3 files written" in there.err and "none.png" in there.err
    journal = (".facerelief.jsonl",)
    assert contents(tmp_path / "there", but=journal) == contents(tmp_path / "here", but=journal)
    again = command(*words, "-o", "there", "--cluster", cluster)
    assert "edited before, with the same settings" in again.err


def test_a_dataset_in_a_folder(command: Command, cluster: str, tmp_path: Path) -> None:
    write_tree(tmp_path / "photos", ("neutral", "happy"), 3)
    words = ("dataset", "build", tmp_path / "photos", "-o")
    assert command(*words, tmp_path / "here", "--workers", 1).code == 0
    assert command(*words, tmp_path / "there", "--cluster", cluster).code == 0
    but = ("build.jsonl", "review.html")
    assert contents(tmp_path / "there", but=but) == contents(tmp_path / "here", but=but)


def test_evaluate(
    command: Command, cluster: str, synthetic: Path, tiny_weights: Callable[..., Path], tmp_path: Path
) -> None:
    torch.set_num_threads(1)
    run = write_run(tmp_path / "noise", tiny_weights())
    words = ["evaluate", run, "--data", synthetic, "--judge", write_judge(tmp_path / "judge")]
    words += ["--encoder", write_encoder(tmp_path / "encoder"), "--photos", 4]
    assert command(*words, "-o", tmp_path / "here").code == 0
    assert command(*words, "-o", tmp_path / "there", "--cluster", cluster).code == 0
    here, there = (json.loads((tmp_path / name / "report.json").read_text()) for name in ("here", "there"))
    assert there["editors"] == here["editors"]


def test_another_address_is_refused(refused: Refused, cluster: str, tmp_path: Path) -> None:
    for k in range(2):
        Image.fromarray(astronaut()).save(tmp_path / f"{k}.png")
    words = ("edit", tmp_path / "0.png", tmp_path / "1.png", "--to", "happiness", "--cluster", "ray://nowhere")
    assert "give local, auto or ray://HOST:PORT" in refused(*words)
