"""The second face finder, mediapipe: what it prints, what may be missing, its Tasks API, and forks."""

import re
import sys
import threading
import types
import zipfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from scripts import run_script

from facerelief.errors import FacereliefError, MissingExtra, install_command
from facerelief.faces import mediapipe_models
from facerelief.faces.detector import load_finder
from facerelief.faces.mediapipe_models import import_mediapipe, mesh_landmarker
from facerelief.faces.placeholder import placeholder_face

installed = pytest.mark.skipif(not find_spec("mediapipe"), reason="mediapipe is not installed")


def test_a_picture_is_framed_as_numpy_pads_it() -> None:
    random = np.random.default_rng(0)
    for height, width, side, top, left in ((5, 7, 11, 3, 2), (4, 4, 4, 0, 0), (3, 9, 9, 6, 0), (8, 2, 13, 0, 11)):
        rgb = random.integers(0, 255, (height, width, 3), dtype=np.uint8)
        expected = np.pad(rgb, ((top, side - height - top), (left, side - width - left), (0, 0)), mode="edge")
        assert np.array_equal(mediapipe_models._framed(rgb, side, top, left), expected)


@installed
def test_the_drawn_face_by_which_models_are_tried_is_one() -> None:
    import_mediapipe()
    assert len(mesh_landmarker()(placeholder_face(), 0)) == 1


@installed
def test_a_search_without_a_face_holds_up_nobody_and_silences_nobody() -> None:
    """Only while models are made is the process quiet, one thread at a time: here another holds that lock."""
    import_mediapipe()
    search, blank = mesh_landmarker(), np.zeros((64, 64, 3), np.uint8)
    assert search(blank, 0) == []  # for which the second model was made
    found: list[object] = []
    with mediapipe_models._STDERR_LOCK:
        thread = threading.Thread(target=lambda: found.append(search(blank, 0)), daemon=True)
        thread.start()
        thread.join(60)
    assert found == [[]]


@installed
def test_a_forked_process_says_what_to_do(tmp_path: Path) -> None:
    code = """
import os, sys
import numpy as np
from facerelief import FacereliefError
from facerelief.faces.detector import load_finder
find = load_finder("mediapipe")
if not os.fork():
    try:
        find(np.zeros((64, 64, 3), np.uint8))
    except FacereliefError as problem:
        print(problem, flush=True)
    os._exit(0)
os.wait()
"""
    ended = run_script(code, tmp_path)
    assert ended.code == 0, ended
    assert ended.out.startswith("this process was forked from one that has used mediapipe, which does not work after")
    assert "get_context('spawn')" in ended.out


def test_without_mediapipe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    with pytest.raises(MissingExtra, match="mediapipe is not installed; .*" + re.escape(install_command("mediapipe"))):
        load_finder("mediapipe")


def test_without_opencvs_system_libraries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mediapipe.py").write_text("raise ImportError('libGL.so.1: cannot open shared object file')")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [name for name in sys.modules if name.partition(".")[0] == "mediapipe"]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(
        FacereliefError, match=r"does not load \(libGL\.so\.1: .*\); install the system packages libgl1"
    ):
        load_finder("mediapipe")


def test_a_mediapipe_that_carries_no_models(monkeypatch: pytest.MonkeyPatch) -> None:
    later = types.ModuleType("mediapipe")
    later.__version__ = "1.2.2"  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "mediapipe", later)
    with pytest.raises(FacereliefError, match=r"mediapipe 1\.2\.2 has no bundled models; install .* --task-file"):
        load_finder("mediapipe")


# -- the Tasks API --------------------------------------------------------------------------------------------------


@installed
def test_task_files_that_are_absent_or_something_else(tmp_path: Path) -> None:
    (tmp_path / "text.task").write_text("not a model")
    with zipfile.ZipFile(tmp_path / "zip.task", "w") as archive:
        archive.writestr("readme.txt", "not a model")
    (tmp_path / "empty.task").touch()
    with pytest.raises(FacereliefError, match=r"no task file given; download face_landmarker\.task and give it with"):
        load_finder("tasks")
    for name in ("absent.task", "."):
        with pytest.raises(FacereliefError, match=r"task file .*; download face_landmarker\.task and give it with"):
            load_finder(task_file=tmp_path / name)
    for name in ("text.task", "zip.task", "empty.task"):
        with pytest.raises(FacereliefError, match=rf"{name} is not a face landmarker task file; download") as caught:
            load_finder(task_file=tmp_path / name)
        assert "\n" not in str(caught.value)


def test_the_tasks_backend_runs(tmp_path: Path, portrait: np.ndarray, capfd: pytest.CaptureFixture[str]) -> None:
    """With the bundled models packed as a task file: its coordinates are off, since that task expects other outputs."""
    models = Path(pytest.importorskip("mediapipe", exc_type=ImportError).__file__).parent / "modules"
    parts = {
        "face_detector.tflite": models / "face_detection" / "face_detection_short_range.tflite",
        "face_landmarks_detector.tflite": models / "face_landmark" / "face_landmark.tflite",
    }
    if not all(part.is_file() for part in parts.values()):
        pytest.skip("this mediapipe carries no models")
    task = tmp_path / "mechanical.task"
    with zipfile.ZipFile(task, "w", zipfile.ZIP_STORED) as archive:
        for name, part in parts.items():
            archive.write(part, name)
    finder = load_finder(task_file=task)
    faces = finder(portrait)
    assert [face.landmarks.shape for face in faces] == [(468, 3)]
    assert np.isfinite(faces[0].landmarks).all()
    assert finder(portrait * 0) == []
    assert capfd.readouterr().err == ""
