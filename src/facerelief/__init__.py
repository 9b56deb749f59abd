"""facerelief: edit the expression of a face in a photo, under the guidance of dense 3D geometry."""

from importlib.metadata import PackageNotFoundError, version

from facerelief.errors import FacereliefError
from facerelief.expressions import EXPRESSIONS

try:
    __version__ = version("facerelief")
except PackageNotFoundError:  # run from the source tree, as on a training machine
    __version__ = "0.1.0"

__all__ = ["EXPRESSIONS", "FacereliefError", "__version__"]
