"""What results depend on beside their input, to compare machines."""

import functools
import hashlib
import importlib.metadata
import platform
from pathlib import Path

from facerelief import __version__

_RESULTS_FROM = ("numpy", "pillow", "onnxruntime", "torch")  # packages on which results depend


def versions() -> dict[str, str]:
    """What results depend on: the package with a digest of its code, Python, and other packages."""
    found = {"facerelief": f"{__version__} ({_code()})", "Python": ".".join(platform.python_version_tuple()[:2])}
    for name in _RESULTS_FROM:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "none"
    return found


@functools.cache
def _code() -> str:
    root = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for file in sorted(root.rglob("*.py")):
        digest.update(file.relative_to(root).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:8]
