"""The packaged networks: their card, their checksums, and what happens where one is missing."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest
from scripts import run_script

from facerelief.errors import CheckpointError
from facerelief.faces.landmarks import networks
from facerelief.faces.landmarks.networks import CHECKSUMS, FACE_MESH, FOLDER, FaceNetwork, load_network
from facerelief.files import sha256
from facerelief.files.packaged import packaged_file


def test_the_card_and_the_program_know_the_files() -> None:
    card = packaged_file(*FOLDER, "README.md").read_text()
    assert dict(re.findall(r"\| `(\S+\.onnx)` \|[^|]*\| `(\w{64})` \|", card)) == dict(CHECKSUMS)
    for name, checksum in CHECKSUMS.items():
        assert sha256(packaged_file(*FOLDER, name)) == checksum
    for said in ("Apache-2.0", "facerelief morphable landmarks", "## What it cannot do"):
        assert said in card


@pytest.mark.parametrize(("content", "said"), [(None, "no face model at "), (b"", "is damaged or of another version")])
def test_a_file_that_is_missing_or_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None, said: str
) -> None:
    if content is not None:
        (tmp_path / FACE_MESH).write_bytes(content)
    monkeypatch.setattr(networks, "packaged_file", lambda *parts: tmp_path / parts[-1])
    with pytest.raises(CheckpointError, match=said + r".*; reinstall facerelief$") as caught:
        FaceNetwork(FACE_MESH)
    assert FACE_MESH in str(caught.value)


def test_pictures_together_give_what_each_gives() -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (3, 192, 192, 3), dtype=np.uint8)
    together = load_network(FACE_MESH)(pictures)
    for number, picture in enumerate(pictures):
        for whole, one in zip(together, load_network(FACE_MESH)(picture[None]), strict=True):
            np.testing.assert_allclose(whole[number], one[0], atol=1e-3)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, and forks")
def test_no_thread_is_left_that_reports_or_that_a_forked_process_would_wait_for(tmp_path: Path) -> None:
    """ONNX Runtime's telemetry is off; a process that is forked after faces were searched for searches and ends."""
    code = """
import os, sys
os.environ["OPENBLAS_NUM_THREADS"] = "1"
import numpy as np
from facerelief.faces.landmarks.landmarker import NetworkLandmarker
find = NetworkLandmarker()
find(np.zeros((64, 64, 3), np.uint8), 0)
print(os.environ["ORT_DISABLE_TELEMETRY"], len(os.listdir("/proc/self/task")), flush=True)
child = os.fork()
if not child:
    print(find(np.zeros((64, 64, 3), np.uint8), 0), flush=True)
    sys.exit(0)
print(os.waitpid(child, 0)[1])
"""
    ended = run_script(code, tmp_path, seconds=120)
    assert ended.out.splitlines() == ["1 1", "[]", "0"]
