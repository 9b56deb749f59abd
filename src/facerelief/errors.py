"""Errors that a user can fix; the command line prints each as one line and exits with code 2."""

import json
import os
import sysconfig
import traceback
from pathlib import Path
from typing import Any

_INSTALLED = (os.path.dirname(os.path.abspath(__file__)), *(sysconfig.get_path(kind) for kind in ("stdlib", "purelib")))


class FacereliefError(Exception):
    """An error that the user can fix. The message is one line: what, why, and the remedy."""

    def __str__(self) -> str:
        return printable(super().__str__())  # file names may contain line ends

    def _render_traceback_(self) -> list[str]:
        """What IPython and Jupyter show in place of a traceback: the message and the user's line."""
        message = f"{type(self).__name__}: {self}"
        frames = traceback.extract_tb(self.__traceback__)
        own = [frame for frame in frames if not frame.filename.startswith(_INSTALLED)]
        return [message, f"    line {own[-1].lineno}: {own[-1].line}"] if own else [message]


class PhotoError(FacereliefError):
    """A file that cannot be read as a photo."""


class VideoError(FacereliefError):
    """A file that cannot be read or written as a video."""


class NoFaceFound(FacereliefError):
    """A photo without a usable face."""


class DatasetError(FacereliefError):
    """A dataset that is missing, of another version, or too small."""


class CheckpointError(FacereliefError):
    """Weights or training state that are missing, damaged, or of another kind."""


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
    """The command that installs an extra, from where the package was installed: a clone, a URL, or the index."""
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
    """The URL of a package that was not installed from an index, for pip (PEP 610)."""
    vcs = origin.get("vcs_info", {})
    prefix = f"{vcs['vcs']}+" if vcs else ""
    at = f"@{vcs['commit_id']}" if vcs.get("commit_id") else ""
    return f" @ {prefix}{origin['url']}{at}"


def shown(value: object) -> str:
    """A value for a message: on one line and shortened."""
    try:
        said = " ".join(repr(value).split())
    except Exception:  # of any user class
        said = f"a {type(value).__name__}"
    return said if len(said) <= 60 else f"{said[:57]}..."


def one_line(reason: BaseException, most: int = 200) -> str:
    r"""What an exception says, on one line and shortened; its type where it says nothing.

    Example:
        >>> one_line(ValueError("no such\n  file")), one_line(MemoryError())
        ('no such file', 'MemoryError')
    """
    return (" ".join(str(reason).split()) or type(reason).__name__)[:most]


def printable(text: str) -> str:
    """Escape control characters, since file names may contain terminal sequences."""
    kept = (letter if letter.isprintable() or _is_surrogate(letter) else ascii(letter)[1:-1] for letter in text)
    return "".join(kept)


def _is_surrogate(letter: str) -> bool:
    """An undecodable byte of a file name; the stream escapes it."""
    return "\ud800" <= letter <= "\udfff"
