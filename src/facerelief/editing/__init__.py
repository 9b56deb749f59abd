"""Photo in, edited photo out."""

from pathlib import Path

from facerelief.editing.editor import Edit, Editor
from facerelief.editing.morphable import MorphableEditor
from facerelief.editing.network import load_network_editor
from facerelief.errors import FacereliefError
from facerelief.faces.detect import FaceFinder
from facerelief.geometry.morphable.model import FACE, load_face
from facerelief.networks.checkpoint import stored_kind

METHODS = ("morphable", "stargan")

__all__ = ["METHODS", "Edit", "Editor", "load_editor"]


def load_editor(weights: Path | None = None, finder: FaceFinder | None = None, *, method: str | None = None) -> Editor:
    """An editor: "morphable", which needs no training, or "stargan", a trained network.

    weights: a run's folder, a fitted face's folder, or the .safetensors file of either; by default the package's.
    method: by default what the weights are for, and "morphable" without weights.
    Raises `CheckpointError` where they are absent, damaged, or of another kind or version.
    """
    if method is None:
        method = "morphable" if weights is None or _is_face(weights) else "stargan"
    if method == "morphable":
        return MorphableEditor(load_face(weights), finder)
    if method != "stargan":
        raise FacereliefError(f"no method {method!r}; choose from {', '.join(METHODS)}")
    return load_network_editor(weights, finder)


def _is_face(weights: Path) -> bool:
    return (weights / FACE).is_file() if weights.is_dir() else stored_kind(weights) == "face"
