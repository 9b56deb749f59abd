"""Editors from weights on disk, and without weights."""

import functools
from pathlib import Path

from facerelief.checkpoint import Checkpoint, load_checkpoint, stored_kind, weights_in
from facerelief.config import ExpressionTraining
from facerelief.editing.editor import Editor
from facerelief.editing.engines.agreement import AUTO
from facerelief.editing.methods.morphable import MorphableEditor
from facerelief.editing.methods.network import NetworkEditor, TrainedNetwork
from facerelief.editing.methods.relief import ReliefEditor
from facerelief.editing.methods.stargan import StarGANEditor
from facerelief.errors import CheckpointError, FacereliefError, MissingExtra
from facerelief.faces.detector import FaceFinder
from facerelief.files import packaged_file
from facerelief.geometry.morphable.controls import package_presets, read_presets
from facerelief.geometry.morphable.model import FACE_FILE, face_file, load_face
from facerelief.photos.photo import read_photo

DEFAULT = "morphable"  # where neither a method nor weights are named
_NETWORK = "relief"  # where a network is wanted, and neither is named
METHODS: tuple[str, ...] = (DEFAULT, _NETWORK, "stargan")
_EDITORS: dict[str, type[NetworkEditor]] = {"relief": ReliefEditor}  # others repaint the crop


def load_editor(
    weights: Path | None = None,
    finder: FaceFinder | None = None,
    *,
    method: str | None = None,
    engine: str | None = None,
    teeth_from: Path | None = None,
    presets: Path | None = None,
) -> Editor:
    """Load an editor: "morphable", which needs no training, or a trained network, named after its method.

    Args:
        weights: A run's folder, a fitted face's folder, or the .safetensors file of either; by default the package's.
        finder: What finds faces; by default loaded when it is needed.
        method: One of `METHODS`, with weights of any method that was trained; by default what the weights are for, and
            `DEFAULT` without weights.
        engine: What runs a network, of `ENGINES`, or "auto" for the fastest that is installed and agrees; by default
            ONNX Runtime for the package's own, and PyTorch for others.
        teeth_from: A photo in which the person who is to be edited shows teeth, as of `Editor.take_teeth`.
        presets: A TOML file of further names, as `read_presets` takes it.

    Raises:
        CheckpointError: The weights are absent, damaged, or of another kind or version.
        FacereliefError: The method is unknown, or does not fit the weights or the engine.

    Example:
        >>> load_editor(method="morphable").expressions[:3]
        ('neutral', 'happiness', 'sadness')
    """
    editor = _load(weights, finder, method, engine, presets)
    if teeth_from:
        editor.take_teeth(read_photo(teeth_from))
    return editor


def _load(
    weights: Path | None, finder: FaceFinder | None, method: str | None, engine: str | None, presets: Path | None
) -> Editor:
    if method is not None and method not in METHODS:
        _check_trained(method, weights)
    if method is None and weights is None:
        method = DEFAULT
    if method == "morphable" or (method is None and weights is not None and _is_face(weights)):
        if engine not in (None, AUTO):
            raise FacereliefError(
                f"--engine {engine} is for networks, not for the morphable face; take --method relief"
            )
        face = load_face(weights)
        own = read_presets(presets, face.rig) if presets else {}
        return MorphableEditor(face, finder, package_presets() | own)
    if presets:
        raise FacereliefError("presets are for the morphable face; take --method morphable, or leave --presets out")
    editor = load_network_editor(weights, finder, method or _NETWORK, engine)
    found = editor.config.method
    if method not in (None, found):
        raise FacereliefError(f"{weights} holds weights of {found}, not {method}; choose another --method or --weights")
    return editor


def load_network_editor(
    weights: Path | None = None,
    finder: FaceFinder | None = None,
    method: str = _NETWORK,
    engine: str | None = None,
) -> NetworkEditor:
    """Load an editor with a trained network.

    Args:
        weights: A run's folder or a .safetensors file; by default the package's own of a method.
        finder: What finds faces; by default loaded when it is needed.
        method: Which of the package's networks, where no weights are named.
        engine: What runs the network, of `ENGINES`, or "auto" for the fastest that is installed and agrees; by default
            "onnx" for weights with a graph, as the package's, and "torch" for others.

    Raises:
        CheckpointError: The weights are absent, damaged, or not those of an editor of this version.
        MissingExtra: A package is not installed.
    """
    path = network_file(weights, method)
    saved = load_checkpoint(path, "editor")
    config = saved.config(ExpressionTraining)
    editor = _EDITORS.get(config.method, StarGANEditor)
    return editor(functools.partial(_build, saved, config), config, finder, engine, _scores(saved), path)


def _build(saved: Checkpoint, config: ExpressionTraining) -> TrainedNetwork:
    """The network of weights. Raises `MissingExtra` where torch is not installed."""
    try:
        from facerelief.data.conditions import build_condition
        from facerelief.networks.backbones import build_backbone
        from facerelief.networks.weights import build_network
    except ModuleNotFoundError as reason:
        raise MissingExtra("torch", "train") from reason
    generator = build_network(saved, lambda: build_backbone(config), "generator")
    return TrainedNetwork(generator, build_network(saved, lambda: build_condition(config), "condition"))


def weights_file(editor: Editor, weights: Path | None = None) -> Path:
    """The file that `load_editor(weights)` took an editor's weights from."""
    if isinstance(editor, NetworkEditor):
        return network_file(weights, editor.config.method)
    return face_file(weights)


def network_file(weights: Path | None, method: str) -> Path:
    """The file of a run's folder or of a file, without one the package's own of a method; it may be absent."""
    return weights_in(weights or carried_weights(method))


def carried_weights(method: str) -> Path:
    """The file inside the package with the weights of a method."""
    return packaged_file("weights", method, f"{method}-depth.safetensors")


def _check_trained(method: str, weights: Path | None) -> None:
    """Raise `FacereliefError` unless weights are given and `train expression` knows their method."""
    try:
        from facerelief.networks.backbones import BACKBONES
    except ModuleNotFoundError as reason:
        if weights is not None:
            raise MissingExtra("torch", "train") from reason
        trained: frozenset[str] = frozenset()
    else:
        trained = frozenset(BACKBONES)
    if weights is None or method not in trained:
        hint = f", or give a run of {method} with --weights" if method in trained else ""
        raise FacereliefError(f"no method {method!r}; choose from {', '.join(METHODS)}{hint}")


def _scores(saved: Checkpoint) -> dict[str, dict[str, float]]:
    """Shares by expression, where the weights were measured; they may hold other scores too."""
    found = saved.fact("scores", dict) if "scores" in saved.facts else {}
    for name, shares in found.items():
        if not isinstance(shares, dict) or not all(map(_is_share, shares.values())):
            raise CheckpointError(f"{saved.path} has scores {name!a:.40} that are no shares; get the file again")
    return found


def _is_share(value: object) -> bool:
    return isinstance(value, int | float) and 0 <= value <= 1


def _is_face(weights: Path) -> bool:
    return (weights / FACE_FILE).is_file() if weights.is_dir() else stored_kind(weights) == "face"
