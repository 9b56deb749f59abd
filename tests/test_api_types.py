"""The type hints as mypy sees them in a user's program: what is right passes, what is misspelt does not."""

import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from facerelief.api import arguments
from facerelief.editing import METHODS
from facerelief.editing.engines.agreement import AUTO
from facerelief.editing.engines.runtimes import ENGINES
from facerelief.editing.regions import PARTS
from facerelief.expressions import ALIASES, EXPRESSIONS, Alias

_PROGRAM = """
from pathlib import Path
import numpy as np
from PIL import Image
import facerelief
from facerelief import Edited, Face, FaceEditor, FacereliefError
from facerelief.expressions import resolve

editor: FaceEditor = facerelief.load("runs/guided", method="stargan", engine="openvino-bf16")
image: Image.Image = editor.edit("me.jpg", "happy").image
array: np.ndarray = editor.edit(np.zeros((64, 64, 3), np.uint8), "fear", part="eyes").image
several: list[Edited[Image.Image]] = editor.edit(Path("me.jpg"), ["fear", "anger"], faces="all")
arrays: list[Edited[np.ndarray]] = editor.edit(array, "all", faces=(3.0, 4.0))
faces: list[Face] = editor.faces(image)
one: Edited[Image.Image] = editor.edit(b"", resolve("Happy "), faces=faces[0])
some: Edited[Image.Image] = editor.edit(image, "fear", faces=faces[1:])
blend: Edited[Image.Image] = editor.edit(image, "AU12:0.8+AU4:0.3")
blends: list[Edited[Image.Image]] = editor.edit(image, ["kiss", "AU12L"])
each: Edited[np.ndarray] = editor.edit(array, {1: "fear", 2: "jawOpen:0.5"})
alike: Edited[Image.Image] = editor.edit(image, editor.like("other.jpg", neutral=array) + ":0.5")
for name in editor.expressions:
    editor.edit(image, name, strength=1)
for edit in editor.edit_all([image, "me.jpg", array], "fear"):
    edit.save("x.png", provenance=False)
for done in editor.edit_all(iter([image]), ("fear", "sad"), errors="return"):
    if not isinstance(done, FacereliefError):
        done[0].save(Path("x.png"), quality=90)
"""
_WRONG = """
editor.edit(image, "fear", part="nose")
editor.edit(image, "fear", strength="0.5")
editor.edit(image, "fear", faces="biggest")
editor.edit_all([image], "fear", errors="skip")
editor.edit(5, "fear")
editor.edit(image, 5)
editor.edit(image, {"fear": 1})
facerelief.load(method="releif")
facerelief.load(engine="onxx")
facerelief.lead()
wrong: Image.Image = editor.edit(array, "fear").image
"""


def test_mypy_passes_what_is_right_and_finds_each_line_that_is_wrong(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    (tmp_path / "program.py").write_text(_PROGRAM + _WRONG)
    options = ["--strict", "--disable-error-code=type-arg", "--cache-dir", str(tmp_path / "cache")]
    call = [sys.executable, "-m", "mypy", *options, "--follow-imports=silent", "program.py"]
    said = subprocess.run(call, cwd=tmp_path, capture_output=True, text=True, timeout=1200).stdout
    found = sorted({int(line) for line in re.findall(r"^program.py:(\d+): error", said, re.MULTILINE)})
    first = _PROGRAM.count("\n") + 2
    assert found == list(range(first, first + _WRONG.count("\n") - 1)), said


def test_hints_name_what_there_is() -> None:
    assert get_args(arguments.Method) == METHODS
    assert get_args(arguments.EngineName) == (*ENGINES, AUTO)
    assert get_args(arguments.Part) == PARTS
    assert [name for names in ALIASES.values() for name in names] == list(get_args(Alias))
    assert tuple(ALIASES) == EXPRESSIONS
