"""What `pip install facerelief` alone edits: every method, by the command line, by Python and over HTTP."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from photos import astronaut
from PIL import Image

import facerelief
from facerelief.editing import METHODS
from facerelief.errors import install_command

# The command line where only what the package itself depends on, and arguments before "--" name, is found.
BARE = """
import importlib.abc, sys

ABSENT = {"torch", "numba", "mediapipe", "onnx", "openvino", "accelerate", "tensorboard", "matplotlib", "skimage"}

class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ABSENT:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
"""
COMMAND = BARE + "import facerelief.cli; facerelief.cli.main()"
PYTHON = (
    BARE
    + """
import facerelief
for method in sys.argv[2:]:
    editor = facerelief.load(method=method)
    editor.edit(sys.argv[1], to="happiness").save(f"python-{method}.png")
    print(method, editor.engine)
"""
)
HTTP = (
    BARE
    + """
import io, threading, urllib.request, uuid
from facerelief.webapp.server.serve import serve

def ask(url, method, photo):
    line = uuid.uuid4().hex
    fields = "".join(
        f'--{line}\\r\\nContent-Disposition: form-data; name="{name}"\\r\\n\\r\\n{value}\\r\\n'
        for name, value in {"to": "happiness", "method": method, "format": "png"}.items()
    )
    head = f'--{line}\\r\\nContent-Disposition: form-data; name="photo"; filename="me.png"\\r\\n\\r\\n'
    body = fields.encode() + head.encode() + photo + f"\\r\\n--{line}--\\r\\n".encode()
    request = urllib.request.Request(url.rstrip("/") + "/v1/edit", body)
    request.add_header("Content-Type", f"multipart/form-data; boundary={line}")
    with urllib.request.urlopen(request) as answer:
        return answer.read()

def all_methods(url):
    photo = open(sys.argv[1], "rb").read()
    for method in sys.argv[2:]:
        open(f"http-{method}.png", "wb").write(ask(url, method, photo))
    print("served", flush=True)
    import os
    os._exit(0)

serve(port=0, ready=lambda url: threading.Thread(target=all_methods, args=(url,)).start())
"""
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a portrait, me.png."""
    path = tmp_path_factory.mktemp("bare")
    Image.fromarray(astronaut()).save(path / "me.png")
    return path


@pytest.fixture(scope="module")
def expected(folder: Path) -> dict[str, np.ndarray]:
    """What every method saves of it with torch."""
    edits = {}
    for method in METHODS:
        editor = facerelief.load(method=method, engine=None if method == "morphable" else "torch")
        editor.edit(folder / "me.png", to="happiness").save(folder / f"torch-{method}.png")
        with Image.open(folder / f"torch-{method}.png") as image:
            edits[method] = np.asarray(image.convert("RGB"))
    return edits


def run(script: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    call = [sys.executable, "-c", script, *arguments]
    return subprocess.run(call, capture_output=True, text=True, cwd=folder, timeout=600)


def assert_same(path: Path, expected: np.ndarray) -> None:
    with Image.open(path) as image:
        difference = abs(np.asarray(image.convert("RGB")).astype(int) - expected)
    assert difference.max() <= 2
    assert difference.mean() < 0.01


@pytest.mark.parametrize("method", METHODS)
def test_the_command_line(folder: Path, expected: dict[str, np.ndarray], method: str) -> None:
    done = run(COMMAND, folder, "edit", "me.png", "--to", "happiness", "--method", method, "-o", f"{method}.png")
    assert done.returncode == 0, done.stderr
    assert_same(folder / f"{method}.png", expected[method])


def test_python(folder: Path, expected: dict[str, np.ndarray]) -> None:
    done = run(PYTHON, folder, "me.png", *METHODS)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["morphable numpy", "relief onnx", "stargan onnx"]
    for method in METHODS:
        assert_same(folder / f"python-{method}.png", expected[method])


def test_http(folder: Path, expected: dict[str, np.ndarray]) -> None:
    pytest.importorskip("uvicorn", reason="needs the extra serve")
    done = run(HTTP, folder, "me.png", *METHODS)
    assert "served" in done.stdout, done.stderr
    for method in METHODS:
        assert_same(folder / f"http-{method}.png", expected[method])


@pytest.mark.parametrize(
    "words",
    [
        ["edit", "me.png", "--to", "happiness", "--method", "relief", "--engine", "torch"],
        ["edit", "me.png", "--to", "happiness", "--method", "stargan", "--engine", "auto"],
        ["edit", "me.png", "--to", "happiness", "--judge", "judge", "--receipt"],
        ["train", "depth", "photos", "--out", "run"],
        ["evaluate", "run", "--data", "photos", "--judge", "judge"],
    ],
    ids=" ".join,
)
def test_what_needs_torch_says_so_in_one_line(folder: Path, words: list[str]) -> None:
    done = run(COMMAND, folder, *words)
    assert done.returncode == 2
    lines = [line for line in done.stderr.splitlines() if "torch is not installed" in line]
    assert lines == [f"facerelief: torch is not installed; install it with: {install_command('train')}"]
    assert "Traceback" not in done.stderr


def test_the_doctor(folder: Path) -> None:
    done = run(COMMAND, folder, "doctor", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert "does not train, for want of torch" in told["machine"]
    states = {check["name"]: check["state"] for check in told["checks"]}
    assert {states[f"edit --method {method}"] for method in METHODS} == {"ok"}
    assert states["edit --engine torch"] == "lacks"
    assert states["edit --engine onnx"] == "ok"


def test_a_single_edit_imports_no_compiler(folder: Path) -> None:
    script = "import sys; from facerelief import load; load().edit('me.png', to='happiness'); print(*sys.modules)"
    done = run(script, folder)
    assert done.returncode == 0, done.stderr
    loaded = set(re.findall(r"\S+", done.stdout))
    assert not loaded & {"torch", "numba", "mediapipe", "scipy", "onnx", "matplotlib"}
