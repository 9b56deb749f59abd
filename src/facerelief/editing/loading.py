"""Editors from weights on disk."""

from importlib import resources
from pathlib import Path

from facerelief.checkpoint import Checkpoint, load_checkpoint, weights_in
from facerelief.config import ExpressionTraining
from facerelief.editing.methods.network import NetworkEditor
from facerelief.editing.methods.relief import ReliefEditor
from facerelief.editing.methods.stargan import StarGANEditor
from facerelief.errors import CheckpointError
from facerelief.faces.detector import FaceFinder
from facerelief.networks.backbones import build_backbone

_EDITORS: dict[str, type[NetworkEditor]] = {"stargan": StarGANEditor, "relief": ReliefEditor}


def load_network_editor(
    weights: Path | None = None,
    finder: FaceFinder | None = None,
    backbone: str = "stargan",
    engine: str = "torch",
) -> NetworkEditor:
    """An editor with the weights of a run folder or .safetensors file; without one, the package's own of a backbone.

    engine: what runs the network, of `ENGINES`, or "auto" for the fastest that is installed and agrees.
    Raises `CheckpointError` where they are absent, damaged, or not those of an editor of this version.
    """
    path = network_file(weights, backbone)
    saved = load_checkpoint(path, "editor")
    config = saved.config(ExpressionTraining)
    generator = saved.build(lambda: build_backbone(config), "generator")
    return _EDITORS[config.backbone](generator, config, finder, engine, _scores(saved))


def _scores(saved: Checkpoint) -> dict[str, dict[str, float]]:
    """Shares by expression, where the weights were measured; they may hold other scores too."""
    found = saved.fact("scores", dict) if "scores" in saved.facts else {}
    for name, shares in found.items():
        if not isinstance(shares, dict) or not all(map(_is_share, shares.values())):
            raise CheckpointError(f"{saved.path} has scores {name!a:.40} that are no shares; get the file again")
    return found


def _is_share(value: object) -> bool:
    return isinstance(value, int | float) and 0 <= value <= 1


def network_file(weights: Path | None, backbone: str = "stargan") -> Path:
    """The file of a run's folder or of a file, without one the package's own of a backbone; it may be absent."""
    return weights_in(weights or carried_weights(backbone))


def carried_weights(backbone: str = "stargan") -> Path:
    """The file inside the package with the weights of a backbone."""
    folder = resources.files("facerelief") / "weights" / backbone
    with resources.as_file(folder / f"{backbone}-depth.safetensors") as path:
        return path
