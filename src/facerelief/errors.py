"""Errors that a user can remedy; the command line prints each as one line and exits with code 2."""

import os
import sysconfig
import traceback

_INSTALLED = (os.path.dirname(os.path.abspath(__file__)), *(sysconfig.get_path(kind) for kind in ("stdlib", "purelib")))


class FacereliefError(Exception):
    """Something the user can put right. The message is one line: what, why, and the remedy."""

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
        return f"{package} is not installed; install it with: pip install 'facerelief[{extra}]'"


def shown(value: object) -> str:
    """A value that was given, as a message shows it: on one line, and not at any length."""
    try:
        said = " ".join(repr(value).split())
    except Exception:  # of a stranger's class
        said = f"a {type(value).__name__}"
    return said if len(said) <= 60 else f"{said[:57]}..."
