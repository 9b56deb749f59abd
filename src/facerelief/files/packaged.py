"""Files that the package carries."""

from importlib import resources
from pathlib import Path


def packaged_file(*parts: str) -> Path:
    """The path of a file inside the package; it may be absent.

    Args:
        parts: Folders and name, from the package's root.

    Example:
        >>> packaged_file("weights", "face", "face.safetensors").name
        'face.safetensors'
    """
    with resources.as_file(resources.files("facerelief").joinpath(*parts)) as path:
        return path
