"""Photo in, edited photo out."""

from pathlib import Path

from facerelief.checkpoint import stored_kind
from facerelief.editing.editor import Edit, Editor
from facerelief.editing.engines.agreement import AUTO
from facerelief.editing.loading import load_network_editor, network_file
from facerelief.editing.methods.morphable import MorphableEditor
from facerelief.editing.methods.network import NetworkEditor
from facerelief.errors import FacereliefError
from facerelief.faces.detector import FaceFinder
from facerelief.geometry.morphable.model import FACE, carried_face, load_face
from facerelief.networks.backbones import BACKBONES

DEFAULT = "relief"  # where neither a method nor weights are named
METHODS: tuple[str, ...] = (DEFAULT, "morphable", *(name for name in BACKBONES if name != DEFAULT))

__all__ = ["DEFAULT", "METHODS", "Edit", "Editor", "load_editor", "weights_file"]


def load_editor(
    weights: Path | None = None,
    finder: FaceFinder | None = None,
    *,
    method: str | None = None,
    engine: str | None = None,
) -> Editor:
    """An editor: "morphable", which needs no training, or a trained network, named after its backbone.

    weights: a run's folder, a fitted face's folder, or the .safetensors file of either; by default the package's.
    method: by default what the weights are for, and `DEFAULT` without weights. engine: what runs a network, of
    `ENGINES`, or "auto" for the fastest that is installed and agrees; by default PyTorch.
    Raises `CheckpointError` where they are absent, damaged, or of another kind or version.
    """
    if method is not None and method not in METHODS:
        raise FacereliefError(f"no method {method!r}; choose from {', '.join(METHODS)}")
    if method is None and weights is None:
        method = DEFAULT
    if method == "morphable" or (method is None and weights is not None and _is_face(weights)):
        if engine not in (None, AUTO, "torch"):
            raise FacereliefError(f"--engine {engine} runs networks, and the morphable face is none; leave it out")
        return MorphableEditor(load_face(weights), finder)
    editor = load_network_editor(weights, finder, method or DEFAULT, engine or "torch")
    found = editor.config.backbone
    if method not in (None, found):
        raise FacereliefError(f"{weights} is a {found} network, not {method}; choose another --method or --weights")
    return editor


def weights_file(editor: Editor, weights: Path | None = None) -> Path:
    """The file that `load_editor(weights)` took an editor's weights from."""
    if isinstance(editor, NetworkEditor):
        return network_file(weights, editor.config.backbone)
    path = weights or carried_face()
    return path / FACE if path.is_dir() else path


def _is_face(weights: Path) -> bool:
    return (weights / FACE).is_file() if weights.is_dir() else stored_kind(weights) == "face"
