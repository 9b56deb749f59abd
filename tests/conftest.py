"""What tests of several parts share: a portrait, a face finder, and weights of a tiny network."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from facerelief.config import ExpressionTraining
from facerelief.faces.detect import MediaPipeFinder, load_finder
from facerelief.networks.checkpoint import named_tensors, save_checkpoint
from facerelief.networks.stargan import build_generator


@pytest.fixture(scope="session")
def portrait() -> np.ndarray:
    """uint8 (512, 512, 3): one face, from the front, 106 pixels high."""
    from photos import astronaut

    pixels = astronaut()
    pixels.flags.writeable = False
    return pixels


@pytest.fixture(scope="module")
def finder() -> MediaPipeFinder:
    pytest.importorskip("mediapipe", exc_type=ImportError)
    return load_finder()


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Writes weights of an editor with random numbers, which change a face visibly; `settings` go into its config."""

    def write(**settings: object) -> Path:
        chosen = {"size": 32, "width": 4, "blocks": 1, "expressions": ("neutral", "happiness", "surprise")}
        config = ExpressionTraining(**{**chosen, **settings})
        torch.manual_seed(0)
        generator = build_generator(config)
        path = tmp_path_factory.mktemp("weights") / "weights.safetensors"
        save_checkpoint(path, "editor", named_tensors(generator=generator), {"config": dataclasses.asdict(config)})
        return path

    return write
