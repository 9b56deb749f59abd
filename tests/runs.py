"""Runs that no training made."""

import dataclasses
import shutil
from pathlib import Path

import torch

from facerelief.checkpoint import save_checkpoint
from facerelief.config import ClassifierTraining, DepthTraining, ExpressionTraining, IdentityTraining
from facerelief.files import write_json
from facerelief.networks.weights import named_tensors
from facerelief.training.classifier import build_classifier
from facerelief.training.depth import build_depth_nets
from facerelief.training.identity import build_encoder
from facerelief.training.verification import person_digest

CHOICES = ("neutral", "happiness", "surprise")


def write_encoder(folder: Path, knows: str = "nobody", **settings: object) -> Path:
    """The run of an encoder that has learnt nothing."""
    config = IdentityTraining(**{"size": 32, "width": 4, "dimensions": 8, "expressions": CHOICES, **settings})
    torch.manual_seed(0)
    facts = {"config": dataclasses.asdict(config), "persons_sha256": [person_digest(knows)]}
    tensors = named_tensors(encoder=build_encoder(config))
    save_checkpoint(folder / "weights.safetensors", "identity", tensors, facts)
    return folder


def write_run(folder: Path, weights: Path, **settings: object) -> Path:
    """The run of stage 2 that such weights could come from; `settings`: those of `tiny_weights`."""
    folder.mkdir()
    shutil.copy(weights, folder / "weights.safetensors")
    config = ExpressionTraining(**{"size": 32, "width": 4, "blocks": 1, "expressions": CHOICES, **settings})
    write_json(folder / "config.json", {"kind": "expression", "config": dataclasses.asdict(config)})
    return folder


def write_depth(folder: Path, **settings: object) -> Path:
    """The run of a depth network that has learnt nothing."""
    small = {"size": 32, "width": 4, "blocks": 1, "d_width": 4, "d_max_channels": 8, "expressions": CHOICES}
    config = DepthTraining(**{**small, **settings})
    torch.manual_seed(0)
    nets = build_depth_nets(config)
    tensors = named_tensors(translator=nets.translator, critic=nets.discriminator)
    save_checkpoint(folder / "weights.safetensors", "depth", tensors, {"config": dataclasses.asdict(config)})
    return folder


def write_judge(folder: Path, knows: str = "nobody", metadata_sha256: str = "", **settings: object) -> Path:
    """The run of a judge that has learnt nothing. metadata_sha256: of its dataset's table."""
    config = ClassifierTraining(**{"size": 32, "width": 4, "expressions": CHOICES, **settings})
    torch.manual_seed(0)
    facts = {"config": dataclasses.asdict(config), "persons_sha256": [person_digest(knows)]}
    facts |= {"metadata_sha256": metadata_sha256}
    save_checkpoint(folder / "weights.safetensors", "judge", named_tensors(judge=build_classifier(config)), facts)
    return folder
