"""An editor in other processes: it works there, or one line says how it would. Nothing hangs, nothing dies."""

import copy
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scripts import run_script

import facerelief
from facerelief import FacereliefError

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="fork, as Linux has it")

_SETTING = """
import multiprocessing, os, sys
import numpy as np
import facerelief
from PIL import Image

def digest(edit):
    return int(np.asarray(edit.image).astype(np.int64).sum())

photo = Image.open("me.png").convert("RGB")
method, engine = sys.argv[1:3]
"""
_FORKED = (
    _SETTING
    + """
editor = facerelief.load(method=method, engine=engine)
used = sys.argv[3:]
if "edited" in used:
    editor.edit(photo, "fear")
if "faces" in used:
    found = editor.faces(photo)

def one(number):
    try:
        here = facerelief.load(method=method, engine=engine) if "anew" in used else editor
        given = found if "given" in used else "largest"
        return str(digest(here.edit(photo, "fear", faces=given)))
    except facerelief.FacereliefError as problem:
        return str(problem)

with multiprocessing.get_context("fork").Pool(2) as pool:
    print(*set(pool.map(one, range(3))), sep="\\n")
print(digest(editor.edit(photo, "fear")))
"""
)
_SENT = (
    _SETTING
    + """
def one(editor):
    return digest(editor.edit(photo, "fear")), os.getpid()

def fails(editor):
    return editor.edit(photo, "fear", faces=9)

if __name__ == "__main__":
    editor = facerelief.load(method=method, engine=engine)
    print(digest(editor.edit(photo, "fear")))
    with multiprocessing.get_context("forkserver").Pool(1) as pool:
        print(*{sum for sum, pid in pool.map(one, [editor] * 3, chunksize=1) if pid != os.getpid()})
        try:
            pool.apply(fails, [editor])
        except facerelief.errors.NoFaceFound as problem:
            print(problem)
"""
)
_LEAVES = (
    _SETTING
    + """
editor = facerelief.load(method=method, engine=engine)
if "edited" in sys.argv:
    editor.edit(photo, "fear")
child = os.fork()
if not child:
    try:
        print(digest(editor.edit(photo, "fear")), flush=True)
    except facerelief.FacereliefError as problem:
        print(problem, flush=True)
    sys.exit(0)
print(os.waitpid(child, 0)[1])
"""
)


@pytest.fixture
def folder(tmp_path: Path, portrait: np.ndarray) -> Path:
    """A folder with a portrait."""
    Image.fromarray(portrait[:256, 96:352]).save(tmp_path / "me.png")
    return tmp_path


@pytest.mark.parametrize("options", [("relief", "torch"), ("relief", "onnx")])
def test_an_editor_that_was_not_used_works_in_forked_processes(folder: Path, options: tuple[str, ...]) -> None:
    if "onnx" in options:
        pytest.importorskip("onnxruntime")
        pytest.importorskip("onnx")
    ended = run_script(_FORKED, folder, *options)
    assert ended.code == 0, ended
    forked, parent = ended.out.splitlines()
    assert forked == parent


@pytest.mark.parametrize("used", ["edited", "faces", "anew"])
def test_after_faces_were_searched_for_an_editor_works_in_forked_processes(folder: Path, used: str) -> None:
    """Whether they edit with the editor that they inherited or with one that they load."""
    ended = run_script(_FORKED, folder, "morphable", "auto", "edited", used)
    assert ended.code == 0, ended
    forked, parent = ended.out.splitlines()
    assert forked == parent


def test_faces_that_were_found_before_can_be_edited_in_forked_processes(folder: Path) -> None:
    ended = run_script(_FORKED, folder, "relief", "torch", "faces", "given")
    assert ended.code == 0, ended
    forked, parent = ended.out.splitlines()
    assert forked == parent


def test_an_editor_is_sent_to_other_processes(folder: Path) -> None:
    """Of a server of forks; those that are spawned are in the docs, whose snippets are tested."""
    ended = run_script(_SENT, folder, "relief", "torch")
    assert ended.code == 0, ended
    here, *there = ended.out.splitlines()
    absent = "the image: there is no face 9; choose from 1 to 1, 1 is the largest"
    assert there == [here, absent]


@pytest.mark.parametrize("options", [("morphable", "auto", "edited"), ("relief", "openvino")])
def test_a_forked_process_that_leaves_by_itself_ends(folder: Path, options: tuple[str, ...]) -> None:
    """As gunicorn's do: by `sys.exit`, which ends what was inherited too."""
    if "openvino" in options:
        pytest.importorskip("openvino")
        pytest.importorskip("onnx")
    ended = run_script(_LEAVES, folder, *options)
    assert ended.code == 0, ended
    said, status = ended.out.splitlines()
    assert status == "0"
    assert said.isdecimal()


# -- what is sent ----------------------------------------------------------------------------------------------------


def test_what_is_sent_of_an_editor_is_what_it_was_loaded_from(portrait: np.ndarray) -> None:
    editor = facerelief.load(method="morphable")
    sent = pickle.dumps(editor)
    assert len(sent) < 1000
    for other in (pickle.loads(sent), copy.deepcopy(editor)):
        assert repr(other) == repr(editor)
        assert np.array_equal(other.edit(portrait, "fear").image, editor.edit(portrait, "fear").image)


def test_results_and_errors_can_be_sent_back(portrait: np.ndarray, tmp_path: Path) -> None:
    editor = facerelief.load(method="morphable")
    edits = pickle.loads(pickle.dumps(editor.edit(Image.fromarray(portrait), ["fear", "anger"])))
    edits[1].save(tmp_path / "angry.png")
    assert edits._repr_html_().startswith("<figure")
    faces = pickle.loads(pickle.dumps(editor.faces(portrait)))
    assert np.array_equal(editor.edit(portrait, "fear", faces=faces).image, editor.edit(portrait, "fear").image)
    with pytest.raises(FacereliefError) as caught:
        editor.edit(portrait, "fear", faces=9)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_weights_are_found_from_another_folder(
    tiny_weights: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tiny_weights()  # type: ignore[operator]
    monkeypatch.chdir(file.parent)
    sent = pickle.dumps(facerelief.load(file.name))
    monkeypatch.chdir(tmp_path)
    assert pickle.loads(sent)._here().expressions == ("neutral", "happiness", "surprise")
