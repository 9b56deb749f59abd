"""Help, typing errors and completion cost little: commands import what they use, when they use it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from commands import commands
from photos import astronaut
from PIL import Image

from facerelief.cli import app, options
from facerelief.data.review.limits import Thresholds
from facerelief.data.sources.layouts import SOURCES
from facerelief.data.synthesize import SIZES, Plan
from facerelief.editing import METHODS
from facerelief.editing.continuum import TIMINGS
from facerelief.editing.engines.agreement import AUTO
from facerelief.editing.engines.runtimes import ENGINES
from facerelief.editing.loading import carried_weights
from facerelief.editing.regions import PARTS
from facerelief.editing.video.morph import MORPH_SUFFIXES
from facerelief.geometry.reconstructors import RECONSTRUCTORS, load_reconstructor
from facerelief.networks.backbones import BACKBONES

HEAVY = {
    "torch",
    "numpy",
    "PIL",
    "mediapipe",
    "safetensors",
    "scipy",
    "numba",
    "matplotlib",
    "starlette",
    "onnxruntime",
}
# Asks for the help of every command, for completions after it and mistypes it; tells what was imported after each.
ALL = """
import contextlib, io, json, os, sys
from facerelief.cli import main

def ask(*words, **environment):
    os.environ |= environment
    sys.argv = ["facerelief", *words]
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said), contextlib.suppress(SystemExit):
        main()
    for name in environment:
        del os.environ[name]
    return [said.getvalue(), sorted({name.split(".")[0] for name in sys.modules})]

found = {}
for command in json.loads(sys.argv[1]):
    words = command.split()
    line = " ".join(["facerelief", *words, "--"])
    found[command] = {
        "help": ask(*words, "--help"),
        "typo": ask(*words, "--hlep"),
        "completion": ask(_FACERELIEF_COMPLETE="complete_bash", COMP_WORDS=line, COMP_CWORD=str(len(words) + 1)),
    }
print(json.dumps(found))
"""


def test_no_help_no_mistake_and_no_completion_imports_what_is_heavy() -> None:
    everything = commands()
    environment = {**os.environ, "PYTHONWARNINGS": "error"}
    call = [sys.executable, "-c", ALL, json.dumps(list(everything))]
    done = subprocess.run(call, capture_output=True, text=True, env=environment, timeout=300)
    assert done.returncode == 0, done.stderr
    for command, asked in json.loads(done.stdout).items():
        for what, (said, modules) in asked.items():
            assert not HEAVY & set(modules), (command, what)
            assert {"help": "Usage: facerelief", "typo": "No such", "completion": "--"}[what] in said, (command, what)


EDIT = """
import sys
import facerelief
facerelief.load(method=sys.argv[1]).edit(sys.argv[2], "happiness")
print(*sorted({"matplotlib.pyplot", "torch._dynamo", "torch._inductor", "sympy", "starlette"} & sys.modules.keys()))
"""


@pytest.mark.parametrize("method", METHODS)
def test_an_edit_imports_no_compiler_no_drawings_and_no_server(method: str, tmp_path: Path) -> None:
    Image.fromarray(astronaut()).save(tmp_path / "me.png")
    call = [sys.executable, "-c", EDIT, method, str(tmp_path / "me.png")]
    done = subprocess.run(call, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout.split()) == (0, []), done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="GNU's OpenMP tells what it goes by")
def test_threads_that_wait_sleep(tmp_path: Path) -> None:
    call = [sys.executable, "-m", "facerelief", "report", "depth", str(tmp_path), "--data", str(tmp_path)]
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    done = subprocess.run(
        call, capture_output=True, text=True, timeout=300, env=environment | {"OMP_DISPLAY_ENV": "true"}
    )
    assert "OMP_WAIT_POLICY = 'PASSIVE'" in done.stderr


def test_the_choices_that_are_offered_are_those_there_are() -> None:
    assert tuple(options.METHODS) == METHODS
    assert set(options.TRAINED) == set(BACKBONES)
    assert [name for name in options.TRAINED if carried_weights(name).is_file()] == list(options.CARRIED)
    assert options.PARTS == PARTS
    assert options.MORPHS == MORPH_SUFFIXES
    assert options.TIMINGS == TIMINGS
    assert set(options.ENGINES) == {*ENGINES, AUTO}
    load_reconstructor("mediapipe")  # registers all
    assert set(options.RECONSTRUCTORS) == set(RECONSTRUCTORS)
    assert set(options.SOURCES) == {"auto", *SOURCES}
    assert options.SIZES == SIZES


def test_defaults_that_are_repeated_are_the_originals() -> None:
    everything = commands()
    assert default(everything["dataset synthesize"], "count") == Plan.count
    assert default(everything["dataset synthesize"], "size") == Plan.size
    assert default(everything["dataset synthesize"], "settings") == Plan.scenes_per_person
    assert default(everything["dataset synthesize"], "seed") == Plan.seed
    assert told_default(everything["dataset review"], "max_yaw") == Thresholds.max_yaw
    assert told_default(everything["dataset review"], "min_face_size") == Thresholds.min_face_size


def default(command: Any, name: str) -> Any:
    return next(one.default for one in command.params if one.name == name)


def told_default(command: Any, name: str) -> float:
    """The default in the text of an option that has none of its own: a folder may hold another."""
    text = next(one.help for one in command.params if one.name == name)
    return float(text.split("Default: ")[1].split()[0].rstrip("."))


def test_every_command_can_be_quiet_and_set_from_the_environment() -> None:
    assert app.rich_markup_mode is None
    for words, command in commands().items():
        if not hasattr(command, "commands"):
            assert any("-q" in one.opts for one in command.params), words
