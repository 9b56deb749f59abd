"""Edits the facial expression in photos, and trains such editors guided by dense 3D geometry.

Example:
    Edit a photo (the weights are part of the package):

    >>> import facerelief
    >>> editor = facerelief.load()  # doctest: +SKIP
    >>> editor.edit("me.jpg", "happiness").save("happy.jpg")  # doctest: +SKIP

    The expressions that there are:

    >>> facerelief.EXPRESSIONS
    ('neutral', 'happiness', 'sadness', 'surprise', 'fear', 'disgust', 'anger', 'contempt')
"""

import importlib.metadata
import os
import typing
from pathlib import Path

from facerelief import errors
from facerelief.errors import FacereliefError
from facerelief.expressions import EXPRESSIONS

# ONNX Runtime from 1.29 on reports its use to Microsoft unless this is set before it is imported; and the thread that
# does so keeps forked processes from ending.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

if typing.TYPE_CHECKING:
    from facerelief.api import Edited, Face, FaceEditor, load


def _version() -> str:
    """The installed version; in a source tree that is not installed, the version in its pyproject.toml."""
    try:
        return importlib.metadata.version("facerelief")
    except importlib.metadata.PackageNotFoundError:
        import tomllib

        file = Path(__file__).parents[2] / "pyproject.toml"
        project = tomllib.loads(file.read_text(encoding="utf-8"))["project"] if file.is_file() else {}
        return str(project["version"]) if project.get("name") == "facerelief" else "0+unknown"


__version__ = _version()

__all__ = ["EXPRESSIONS", "Edited", "Face", "FaceEditor", "FacereliefError", "__version__", "errors", "load"]


if not typing.TYPE_CHECKING:  # else any name would pass for one of the package's

    def __getattr__(name: str) -> typing.Any:
        """Import what edits photos when it is first used."""
        if name in ("Edited", "Face", "FaceEditor", "load"):
            from facerelief.processor import check_processor

            check_processor()
            from facerelief import api

            return getattr(api, name)
        raise AttributeError(f"module 'facerelief' has no attribute {name!r}")


def __dir__() -> list[str]:
    """The public names, for completion by the Tab key."""
    return __all__
