"""What version 0.1.0 wrote loads and works: a synthetic dataset, runs of every kind, and their settings' names.

tests/stored/version-0.1.0.zip holds, made by that version: `dataset`, two expressions of five synthetic persons; the
runs `depth`, `relief`, `stargan`, `judge` and `identity` of two steps each, `relief` with its state; `expected`: what
that version's networks gave for all photos, and the weights of `relief` after two more steps.
"""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from facerelief.checkpoint import load_checkpoint
from facerelief.config import RENAMED_SETTINGS, ExpressionTraining
from facerelief.data import Dataset
from facerelief.data.batches import make_batch
from facerelief.editing.loading import load_network_editor
from facerelief.training.classifier import load_classifier
from facerelief.training.depth import load_depth_nets
from facerelief.training.identity import embed, load_identity
from facerelief.training.launch import run_expression
from facerelief.training.run.folder import read_run_settings
from facerelief.training.splits import load_split


@pytest.fixture
def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The stored folders, unpacked."""
    monkeypatch.setenv("ACCELERATE_USE_CPU", "true")
    with zipfile.ZipFile(Path(__file__).parent / "stored" / "version-0.1.0.zip") as archive:
        archive.extractall(tmp_path)
    return tmp_path


def edited(generator: nn.Module) -> Callable[[Tensor], Tensor]:
    return lambda image: generator(image, torch.tensor([[0.0, 1.0]]).expand(len(image), -1)).image


@torch.inference_mode()
def test_networks_give_what_they_gave(stored: Path) -> None:
    classifier, config = load_classifier(stored / "judge")
    encoder, _ = load_identity(stored / "identity")
    nets, _, _ = load_depth_nets(stored / "depth")
    networks: dict[str, Callable[[Tensor], Tensor]] = {
        "judge": classifier,
        "identity": lambda image: embed(encoder, image),
        "depth": nets.translator.eval(),
        **{name: edited(load_network_editor(stored / name).generator) for name in ("relief", "stargan")},
    }
    photos = load_split(Dataset(stored / "dataset"), "all", config)
    image = make_batch(photos, np.arange(len(photos.label)), "depth").image
    with np.load(stored / "expected" / "outputs.npz") as expected:
        assert set(expected) == set(networks)
        for name, network in networks.items():
            np.testing.assert_allclose(network(image).numpy(), expected[name], atol=1e-4, err_msg=name)


def test_a_run_resumes_under_the_settings_of_its_time(stored: Path) -> None:
    """Two more steps give the weights that the earlier version got."""
    written = json.loads((stored / "relief" / "config.json").read_text())["config"]
    assert {"backbone", "fewest", "full", "pair_weight", "way_weight"} == set(written) & set(RENAMED_SETTINGS)
    settings = read_run_settings(stored / "relief")["config"]
    assert (settings["edit_gain"], settings["min_photos"], settings["flow_distill_weight"]) == (1.2, 1, 0.4)
    settings |= {"steps": 4, "expressions": tuple(settings["expressions"]), "betas": tuple(settings["betas"])}
    config = ExpressionTraining(**settings)
    path = run_expression(Dataset(stored / "dataset"), config, stored / "relief", depth=stored / "depth")
    found, expected = (
        load_checkpoint(one, "editor").tensors for one in (path, stored / "expected/relief-after-4-steps.safetensors")
    )
    assert found.keys() == expected.keys()
    for name, value in found.items():
        torch.testing.assert_close(value, expected[name], atol=1e-4, rtol=0, msg=name)
