"""Arguments that are empty, and standard output that is full, closed or not read to its end."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from photos import astronaut
from PIL import Image

from facerelief.cli import app

Refused = Callable[..., str]
CALL = [sys.executable, "-m", "facerelief"]


def commands(group: Any = None, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command with the words that call it."""
    group = group or typer.main.get_command(app)
    for name, one in group.commands.items():
        if hasattr(one, "commands"):
            yield from commands(one, (*words, name))
        else:
            yield (*words, name), one


EVERY = dict(commands())


@pytest.mark.parametrize("words", EVERY, ids=" ".join)
def test_an_empty_argument_is_refused_by_every_command(refused: Refused, words: tuple[str, ...]) -> None:
    """Wherever it stands; as a path it would be the whole folder."""
    message = "perhaps from an unset variable; give a value, or leave it out"
    assert message in refused(*words, "")
    for option in (one for one in EVERY[words].params if one.param_type_name == "option" and not one.is_flag):
        name = max(option.opts, key=len)
        assert refused(*words, name, "") == f"an argument is empty (after {name}), {message}"
        assert refused(*words, f"{name}=") == f"an argument is empty ({name}), {message}"


def run(*arguments: str, redirect: str) -> subprocess.CompletedProcess[bytes]:
    """Through a shell, buffered and unbuffered streams alike."""
    line = " ".join(f"'{word}'" for word in (*CALL, *arguments))
    return subprocess.run(["bash", "-c", f"set -o pipefail; {line} {redirect}"], capture_output=True, timeout=300)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux's /dev/full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_standard_output(monkeypatch: pytest.MonkeyPatch, unbuffered: str) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    why = b"standard output cannot be written: No space left on device"
    said = b"facerelief: " + why + b"; free space, or redirect it elsewhere\n"
    for arguments in (("--version",), ("edit", "--help")):
        done = run(*arguments, redirect="> /dev/full")
        assert (done.returncode, done.stderr) == (1, said)
    assert run("--version", redirect="> /dev/full 2> /dev/full").returncode == 1


def test_a_reader_that_has_enough(tmp_path: Path) -> None:
    done = run("edit", "--help", redirect="| true")
    assert (done.returncode, done.stderr) == (1, b"")


def test_a_picture_for_a_full_or_closed_standard_output(weights: Path, tmp_path: Path) -> None:
    photo = tmp_path / "me.png"
    Image.fromarray(astronaut()[:230, 110:340]).save(photo)
    wish = ("edit", str(photo), "--to", "happy", "--weights", str(weights), "-o", "-")
    done = run(*wish, redirect="> /dev/full")
    assert done.returncode == 1
    assert done.stderr.startswith(b"facerelief: standard output cannot be written: No space left")
    done = run(*wish, redirect=">&-")
    assert (done.returncode, done.stderr) == (2, b"facerelief: standard output is closed; name a file with --out\n")


def test_what_is_closed_is_not_taken_by_a_file(tmp_path: Path) -> None:
    """Else a library's words for standard error would be written into it."""
    code = "import os; from facerelief.cli.streams import open_all; open_all(); print(os.open('a', os.O_CREAT) > 2)"
    done = subprocess.run(["bash", "-c", f'{sys.executable} -c "{code}" <&- 2>&-'], capture_output=True, cwd=tmp_path)
    assert done.stdout == b"True\n"


def test_names_do_not_give_orders_to_the_terminal(
    command: Callable[..., Any], weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where all goes well, too: a line each, and no control character."""
    monkeypatch.chdir(tmp_path)
    name = "\x1b]0;pwn\x07\x1b[31m\n[red]z\u202e.png"
    Image.fromarray(astronaut()[:230, 110:340]).save(name)
    os.mkdir("b")
    Image.new("RGB", (50, 50)).save("b/" + name)
    for call in (
        ("edit", name, "--to", "happy", "--weights", weights, "--receipt", "--depth"),
        ("edit", name, "b/" + name, "--to", "happy", "--weights", weights),
        ("edit", name, "b/" + name, "--to", "happy", "--weights", weights),
        ("morph", name, "--to", "happy", "--seconds", "0.1", "--weights", weights, "-o", name + ".gif"),
        ("demo", name, "--weights", weights, "-o", "\x1b[2J\nx"),
        ("verify", name, name + ".gif"),
    ):
        result = command(*call)
        printed = result.out + result.err
        assert "[red]z" in printed or "x/" in printed, printed
        assert all(letter.isprintable() for letter in printed.replace("\n", "")), ascii(printed)
        assert not [line for line in printed.splitlines() if line.startswith(("[red]", "x/"))]
