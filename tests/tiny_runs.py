"""Runs that no training made."""

import dataclasses
import shutil
from pathlib import Path

import torch

from facerelief.config import ExpressionTraining, IdentityTraining, JudgeTraining
from facerelief.files import write_json
from facerelief.networks.checkpoint import named_tensors, save_checkpoint
from facerelief.training.identity import build_encoder, person_digest
from facerelief.training.judge import build_judge

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


def write_judge(folder: Path, **settings: object) -> Path:
    """The run of a judge that has learnt nothing."""
    config = JudgeTraining(**{"size": 32, "width": 4, "expressions": CHOICES, **settings})
    torch.manual_seed(0)
    facts = {"config": dataclasses.asdict(config)}
    save_checkpoint(folder / "weights.safetensors", "judge", named_tensors(judge=build_judge(config)), facts)
    return folder
