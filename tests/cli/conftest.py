"""The command line, called in this process and as a program of its own."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from photos import astronaut
from PIL import Image

from facerelief.cli import console, main


@dataclass(frozen=True)
class Result:
    """What a command left behind: its exit code and what it printed."""

    code: int
    out: str
    err: str


Command = Callable[..., Result]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs `facerelief ARGUMENTS` in this process, on a terminal of so many columns."""

    def run(*arguments: object, columns: int = 150) -> Result:
        monkeypatch.setattr(sys, "argv", ["facerelief", *map(str, arguments)])
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setattr(console, "FIRST_S", float("inf"))  # else what is said depends on the machine's pace
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main()
        printed = capsys.readouterr()
        return Result(int(end.value.code or 0), printed.out, printed.err)

    return run


@pytest.fixture
def program(tmp_path: Path) -> Command:
    """Runs `python -m facerelief ARGUMENTS`; other options are those of `subprocess.run`."""

    def run(*arguments: object, **options: object) -> Result:
        environment = {**os.environ, "COLUMNS": "150", "PYTHONDONTWRITEBYTECODE": "1"}
        call = [sys.executable, "-m", "facerelief", *map(str, arguments)]
        done = subprocess.run(call, capture_output=True, text=True, env=environment, **options)  # type: ignore[call-overload]
        return Result(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def refused(command: Command, tmp_path: Path) -> Callable[..., str]:
    """Runs a command that must be refused: exit code 2, one line, and tmp_path as it was. Returns the line."""

    def run(*arguments: object, by: Command = command) -> str:
        before = listing(tmp_path)
        result = by(*arguments)
        line = one_line(result)
        assert listing(tmp_path) == before
        return line

    return run


def one_line(result: Result) -> str:
    """The one line of a refusal, without the program's name."""
    assert result.code == 2, result
    assert result.err.count("\n") == 1, result.err
    assert result.err.startswith("facerelief: ")
    assert "Traceback" not in result.out
    return result.err.removeprefix("facerelief: ").rstrip("\n")


def listing(folder: Path) -> dict[str, str]:
    """Every path below a folder, with a digest of the files' bytes."""
    found = {}
    for path in folder.rglob("*"):
        name = os.fsencode(path.relative_to(folder)).decode(errors="replace")
        found[name] = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
    return found


@pytest.fixture(scope="session")
def weights(tiny_weights: Callable[..., Path]) -> Path:
    """In a folder of a known name, which is part of the edits' names."""
    path = tiny_weights()
    path.with_name("tiny").mkdir()
    return path.rename(path.parent / "tiny" / path.name)


@pytest.fixture
def portrait_jpg(tmp_path: Path) -> Path:
    """A folder with nothing but a portrait."""
    path = tmp_path / "photos" / "me.jpg"
    path.parent.mkdir()
    Image.fromarray(astronaut()).save(path, quality=95)
    return path
