"""Errors that a user can remedy; the command line prints each as one line and exits with code 2."""

import json
import os
import sysconfig
import traceback
from pathlib import Path
from typing import Any

_INSTALLED = (os.path.dirname(os.path.abspath(__file__)), *(sysconfig.get_path(kind) for kind in ("stdlib", "purelib")))


class FacereliefError(Exception):
    """Something the user can put right. The message is one line: what, why, and the remedy."""

    def __str__(self) -> str:
        return printable(super().__str__())  # names of files may hold line ends

    def _render_traceback_(self) -> list[str]:
        """What IPython and Jupyter show in place of a traceback: the message, and the user's line that led to it."""
        message = f"{type(self).__name__}: {self}"
        frames = traceback.extract_tb(self.__traceback__)
        own = [frame for frame in frames if not frame.filename.startswith(_INSTALLED)]
        return [message, f"    line {own[-1].lineno}: {own[-1].line}"] if own else [message]


class PhotoError(FacereliefError):
    """A file that cannot be read as a photo."""


class VideoError(FacereliefError):
    """A file that cannot be read or written as a video."""


class NoFaceFound(FacereliefError):
    """A photo without a face that can be used."""


class DatasetError(FacereliefError):
    """A dataset that is absent, of another version, or too small for what is asked."""


class CheckpointError(FacereliefError):
    """Weights or training state that are absent, damaged, or of another kind."""


class MissingExtra(FacereliefError):
    """An optional dependency that is not installed."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(package, extra)  # as given, so that it can be sent between processes

    def __str__(self) -> str:
        package, extra = self.args
        return f"{package} is not installed; install it with: {install_command(extra)}"


class Interrupted(KeyboardInterrupt):
    """An interruption after work that was saved. The message says what was: "120 of 400 steps are saved in RUN"."""


def install_command(extra: str) -> str:
    """The command that adds an extra to this installation: from its source, its address, or the package index."""
    from importlib import metadata

    source = Path(__file__).parents[2]
    if (source / "pyproject.toml").is_file():  # a clone, installed with -e or not at all
        return f"pip install -e '{source}[{extra}]'"
    try:
        origin = metadata.distribution("facerelief").read_text("direct_url.json")
    except metadata.PackageNotFoundError:
        origin = None
    return f"pip install 'facerelief[{extra}]{_address(json.loads(origin)) if origin else ''}'"


def _address(origin: dict[str, Any]) -> str:
    """Where a package came from that no index gave, as pip takes it (PEP 610)."""
    vcs = origin.get("vcs_info", {})
    prefix = f"{vcs['vcs']}+" if vcs else ""
    at = f"@{vcs['commit_id']}" if vcs.get("commit_id") else ""
    return f" @ {prefix}{origin['url']}{at}"


def shown(value: object) -> str:
    """A value that was given, as a message shows it: on one line, and not at any length."""
    try:
        said = " ".join(repr(value).split())
    except Exception:  # of a stranger's class
        said = f"a {type(value).__name__}"
    return said if len(said) <= 60 else f"{said[:57]}..."


def printable(text: str) -> str:
    """Text whose control characters are spelled out, since names of files may hold what terminals obey."""
    kept = (letter if letter.isprintable() or _is_surrogate(letter) else ascii(letter)[1:-1] for letter in text)
    return "".join(kept)


def _is_surrogate(letter: str) -> bool:
    """A byte of a name that is no text; the stream spells it out."""
    return "\ud800" <= letter <= "\udfff"
