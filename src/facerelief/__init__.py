"""facerelief: edit the expression of a face in a photo, under the guidance of dense 3D geometry.

facerelief.load().edit("me.jpg", "happiness").save("happy.jpg")
"""

import importlib.metadata
import typing

from facerelief import errors
from facerelief.errors import FacereliefError
from facerelief.expressions import EXPRESSIONS

if typing.TYPE_CHECKING:
    from facerelief.api import Edited, Face, FaceEditor, load

try:
    __version__ = importlib.metadata.version("facerelief")
except importlib.metadata.PackageNotFoundError:  # run from the source tree, as on a training machine
    __version__ = "0.1.0"

__all__ = ["EXPRESSIONS", "Edited", "Face", "FaceEditor", "FacereliefError", "__version__", "errors", "load"]


if not typing.TYPE_CHECKING:  # else any name would pass for one of the package's

    def __getattr__(name: str) -> typing.Any:
        """What needs torch is imported when it is first used."""
        if name in ("Edited", "Face", "FaceEditor", "load"):
            from facerelief import api

            return getattr(api, name)
        raise AttributeError(f"module 'facerelief' has no attribute {name!r}")


def __dir__() -> list[str]:
    """The names above, which the Tab key then completes."""
    return __all__
