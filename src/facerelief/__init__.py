"""facerelief: edit the expression of a face in a photo, under the guidance of dense 3D geometry.

facerelief.load().edit("me.jpg", "happiness").save("happy.jpg")
"""

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from facerelief.errors import FacereliefError
from facerelief.expressions import EXPRESSIONS

if TYPE_CHECKING:
    from facerelief.api import Edited, FaceEditor, load

try:
    __version__ = version("facerelief")
except PackageNotFoundError:  # run from the source tree, as on a training machine
    __version__ = "0.1.0"

__all__ = ["EXPRESSIONS", "Edited", "FaceEditor", "FacereliefError", "__version__", "load"]


def __getattr__(name: str) -> Any:
    """What needs torch is imported when it is first used."""
    if name in ("Edited", "FaceEditor", "load"):
        from facerelief import api

        return getattr(api, name)
    raise AttributeError(f"module 'facerelief' has no attribute {name!r}")
