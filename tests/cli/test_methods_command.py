"""`--method` of training, and what is refused of methods, their settings and their weights: a line each."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from shells import write_dataset

from facerelief.checkpoint import load_checkpoint, save_checkpoint
from facerelief.config import ExpressionTraining
from facerelief.editing.loading import load_editor, load_network_editor
from facerelief.errors import CheckpointError, FacereliefError
from facerelief.networks.backbones import BACKBONES

Weights = Callable[..., Path]


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("data") / "faces")


def test_what_training_refuses(refused: Any, faces: Path, tmp_path: Path) -> None:
    words = ["train", "expression", faces, "-o", tmp_path / "run", "--guide", "none"]
    words += ["--expressions", "neutral,happiness,surprise"]
    assert refused(*words, "--method", "unet") == f"no method 'unet'; choose from {', '.join(sorted(BACKBONES))}"
    line = refused(*words, "--method", "ganimation", "--set", "attention=1")
    assert line.startswith("no setting 'attention'; choose from size,") and line.endswith("variation_weight")
    assert refused(*words, "--set", "unit_weight=1").startswith("no setting 'unit_weight'; choose from size,")
    line = refused(*words, "--method", "ganimation", "--set", "unit_weight=-1")
    assert line == "'unit_weight' must be a number of 0 or more, not -1.0"
    assert refused(*words, "--method", "ganimation", "--set", "unit_weight=much") == (
        "unit_weight cannot be 'much'; it is a float"
    )
    line = refused(*words, "--method", "diat", "--objective", "wgan-gp")
    assert line == "diat has no gradient penalty; choose --set objective=vanilla, hinge or r1"
    for length in ("0", "2.5"):
        line = refused(*words, "--method", "cyclegan", "--set", f"pool={length}")
        assert line == f"pool is a whole number of edits, 1 or more, not {length}"
    assert not (tmp_path / "run").exists()


def test_a_dataset_that_cannot_feed_a_method(refused: Any, tmp_path: Path) -> None:
    """Its mesh files are gone: classes need none, units and landmarks do."""
    faces = write_dataset(tmp_path / "faces")
    mesh = sorted((faces / "mesh").iterdir())
    for path in mesh:
        path.unlink()
    small = ["--set", "size=32", "--set", "batch=4", "--set", "precision=no"]
    for method in ("ganimation", "gannotation"):
        words = ["train", "expression", faces, "-o", tmp_path / method, "--guide", "none", "--method", method]
        line = refused(*words, *small, "--expressions", "neutral,happiness,surprise")
        assert line.startswith(f"{faces}/mesh/") and line.endswith("build the dataset again")


def changed(path: Path, out: Path, tensors: dict[str, torch.Tensor], **config: Any) -> Path:
    """A weights file with other tensors or settings."""
    saved = load_checkpoint(path, "editor")
    facts = saved.facts | {"config": saved.facts["config"] | config}
    save_checkpoint(out, "editor", saved.tensors | tensors, facts)
    return out


def test_weights_whose_conditions_do_not_fit(tiny_weights: Weights, tmp_path: Path) -> None:
    weights = tiny_weights(method="ganimation")
    assert load_network_editor(weights).condition.shape == (17,)
    other = changed(weights, tmp_path / "a.safetensors", {"condition.table": torch.zeros(3, 64, 12)})
    with pytest.raises(CheckpointError, match=r"condition does not fit .*: table is \(3, 64, 12\), not \(3, 64, 17\)"):
        load_network_editor(other)
    endless = changed(weights, tmp_path / "b.safetensors", {"condition.table": torch.full((3, 64, 17), torch.inf)})
    with pytest.raises(CheckpointError, match=r"condition\.table holds NaN or infinity"):
        load_network_editor(endless)


def test_weights_of_another_method(tiny_weights: Weights, tmp_path: Path) -> None:
    weights = tiny_weights(method="ganimation")
    with pytest.raises(FacereliefError) as caught:
        load_editor(weights, method="attgan")
    line = f"{weights} holds weights of ganimation, not attgan; choose another --method or --weights"
    assert str(caught.value) == line
    with pytest.raises(FacereliefError) as caught:
        load_editor(method="attgan")
    assert str(caught.value) == (
        "no method 'attgan'; choose from morphable, relief, stargan, or give a run of attgan with --weights"
    )
    lying = changed(weights, tmp_path / "lying.safetensors", {}, method="stargan")
    with pytest.raises(CheckpointError, match="generator does not fit this version: it lacks"):
        load_network_editor(lying)
    unknown = changed(weights, tmp_path / "unknown.safetensors", {}, method="unet")
    with pytest.raises(FacereliefError, match=r"^no method 'unet'; choose from attgan"):
        load_network_editor(unknown)


@pytest.mark.parametrize("options", [{"unit_weight": True}, {"unit_weight": "1"}, {"unit_weight": -1.0}])
def test_options_of_a_file_are_checked(tiny_weights: Weights, tmp_path: Path, options: dict[str, Any]) -> None:
    path = changed(tiny_weights(method="ganimation"), tmp_path / "w.safetensors", {}, options=options)
    with pytest.raises(CheckpointError, match="'unit_weight' must be a number of 0 or more"):
        load_network_editor(path)


def test_options_are_in_the_configuration_of_a_run() -> None:
    config = ExpressionTraining(method="ganimation", options={"unit_weight": 2.0})
    assert json.loads(json.dumps(dataclasses.asdict(config)))["options"] == {"unit_weight": 2.0}
