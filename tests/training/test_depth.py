"""Stage 1: its terms by name, who set_requires_grad from which, and that it set_requires_grad."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from facerelief.checkpoint import load_checkpoint
from facerelief.config import DepthTraining
from facerelief.data.arrays import Arrays
from facerelief.data.batches import Batch, make_batch
from facerelief.errors import CheckpointError, FacereliefError
from facerelief.networks.stargan import DiscriminatorOutput
from facerelief.tile_sheet import SheetStyle
from facerelief.training import depth as stage1
from facerelief.training.depth import (
    DepthNets,
    build_depth_nets,
    depth_generator_terms,
    depth_generator_weights,
    load_depth_nets,
    train_depth,
)
from facerelief.training.steps.gan_step import set_requires_grad
from facerelief.training.steps.step_random import StepRandom

Small = Callable[..., Any]
Splits = dict[str, Arrays]
DATA_FACTS = {"metadata_sha256": "ab"}
CHANNELS = {"depth": 1, "normal": 3, "both": 4}


def noise(config: DepthTraining, step: int = 0) -> StepRandom:
    return StepRandom(config.seed, step, torch.device("cpu"))


def first_batch(splits: Splits, guide: str) -> Batch:
    return make_batch(splits["train"], np.arange(6), guide)


def halves(maps: Tensor) -> list[Tensor]:
    """Features that a reader can compute."""
    return [maps, maps[..., ::2, ::2]]


@pytest.mark.parametrize("guide", CHANNELS)
@pytest.mark.parametrize("colour", ["rgb", "luma"])
def test_networks_of_every_mode(small: Small, guide: str, colour: str) -> None:
    nets = build_depth_nets(small(DepthTraining, guide=guide, colour=colour))
    image = torch.zeros(2, {"rgb": 3, "luma": 1}[colour], 32, 32)
    geometry = nets.translator(image)
    assert geometry.shape == (2, CHANNELS[guide], 32, 32)
    assert nets.translator(geometry, to="image").shape == image.shape
    assert nets.discriminator(geometry)[1].shape == (2, 3)


@pytest.mark.parametrize("guide", CHANNELS)
def test_the_terms_and_their_weights_go_by_the_same_names(small: Small, splits: Splits, guide: str) -> None:
    config = small(DepthTraining, guide=guide, adv_weight=2, cls_weight=3, rec_weight=4, pix_weight=5, per_weight=6)
    nets, batch = build_depth_nets(config), first_batch(splits, guide)
    assert set(depth_generator_terms(nets, batch, nets.translator(batch.image), config, None, noise(config))) == {
        "adv",
        "cls",
        "rec",
        "pix",
    }
    terms = depth_generator_terms(nets, batch, nets.translator(batch.image), config, halves, noise(config))
    assert depth_generator_weights(config) == {"adv": 2.0, "cls": 3.0, "rec": 4.0, "pix": 5.0, "per": 6.0}
    assert set(terms) == set(depth_generator_weights(config))
    assert all(term.shape == () and torch.isfinite(term) for term in terms.values())


class Shifted(nn.Module):
    """G_depth that knows the map but for an offset, and G'_depth that gives back a grey image."""

    def __init__(self, geometry: Tensor, offset: float) -> None:
        super().__init__()
        self.guess = geometry + offset

    def forward(self, x: Tensor, to: str = "geometry") -> Tensor:
        return self.guess if to == "geometry" else torch.zeros(len(x), 3, 32, 32)


class Level(nn.Module):
    """A critic whose logits are the map's mean, and whose classes are equally likely."""

    def forward(self, x: Tensor) -> DiscriminatorOutput:
        return DiscriminatorOutput(x.mean(dim=(1, 2, 3), keepdim=True), torch.zeros(len(x), 3), None)


def test_the_terms_by_hand(small: Small, splits: Splits) -> None:
    config = small(DepthTraining, objective="wgan-gp", augment=False)
    batch = first_batch(splits, "depth")
    nets = DepthNets(Shifted(batch.geometry, 0.25), Level())
    terms = depth_generator_terms(nets, batch, nets.translator(batch.image), config, halves, noise(config))
    expected = {
        "adv": -batch.geometry.mean() - 0.25,
        "cls": math.log(3),
        "rec": batch.image.abs().mean(),
        "pix": 0.25,
        "per": 0.25,
    }
    assert {name: term.item() for name, term in terms.items()} == pytest.approx(
        {name: float(value) for name, value in expected.items()}, abs=1e-6
    )


def test_every_term_teaches_the_translator_and_none_the_frozen_critic(small: Small, splits: Splits) -> None:
    config = small(DepthTraining)
    nets = build_depth_nets(config)
    set_requires_grad(nets.discriminator, False)
    first = next(nets.translator.parameters())
    batch = first_batch(splits, "depth")
    terms = depth_generator_terms(nets, batch, nets.translator(batch.image), config, halves, noise(config))
    for name, term in terms.items():
        (gradient,) = torch.autograd.grad(term, first, retain_graph=True)
        assert gradient.abs().max() > 0, name
    sum(terms.values()).backward()
    assert all(p.grad is None for p in nets.discriminator.parameters())
    assert all(p.grad is not None for p in nets.translator.parameters())


def test_in_a_run_each_player_moves_the_other_not_at_all(
    small: Small, splits: Splits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With two critic steps for each of the translator's; gradients are looked at where the optimisers step."""
    seen: list[tuple[str, bool, bool]] = []
    nets: list[DepthNets] = []

    class Watched(stage1.Session):
        def optimizer_step(self, player: str, *arguments: Any) -> None:
            before = [[p.detach().clone() for p in m.parameters()] for m in (nets[0].translator, nets[0].discriminator)]
            super().optimizer_step(player, *arguments)
            after = [list(m.parameters()) for m in (nets[0].translator, nets[0].discriminator)]
            moved = [
                any(not torch.equal(a, b) for a, b in zip(x, y, strict=True))
                for x, y in zip(before, after, strict=True)
            ]
            seen.append((player, *moved))

    monkeypatch.setattr(stage1, "Session", Watched)
    monkeypatch.setattr(stage1, "build_depth_nets", lambda config: nets.append(build_depth_nets(config)) or nets[0])
    train_depth(small(DepthTraining, steps=4, d_steps=2), splits["train"], splits["val"], tmp_path, DATA_FACTS)
    critic, translator = ("D_depth", False, True), ("G_depth", True, False)
    assert seen == [critic, critic, translator, critic, critic, translator]


@pytest.mark.parametrize("objective", ["wgan-gp", "vanilla", "hinge", "r1"])
def test_a_run_of_every_objective(
    small: Small, splits: Splits, tmp_path: Path, metrics: Callable[[Path], list[dict[str, float]]], objective: str
) -> None:
    config = small(DepthTraining, steps=3, objective=objective, r1_every=2, guide="both", colour="rgb")
    weights = train_depth(config, splits["train"], splits["val"], tmp_path, DATA_FACTS, halves)
    assert weights == tmp_path / "weights.safetensors"
    lines = metrics(tmp_path)
    expected = {"D_depth/adv", "D_depth/cls"} | {f"G_depth/{name}" for name in ("adv", "cls", "rec", "pix", "per")}
    for step, line in enumerate(lines):
        penalty = {"wgan-gp": {"D_depth/gp"}, "r1": {"D_depth/r1"} if step % 2 == 0 else set()}.get(objective, set())
        names = expected | penalty
        assert set(line) == {"step"} | names | {f"weighted/{name}" for name in names}
        assert line["weighted/G_depth/pix"] == pytest.approx(10 * line["G_depth/pix"])
    assert len(lines) == 3


def test_a_finished_run_can_be_loaded_and_shows_what_it_learnt(small: Small, splits: Splits, tmp_path: Path) -> None:
    config = small(DepthTraining, steps=2, guide="both", ema=0.0)
    path = train_depth(config, splits["train"], splits["val"], tmp_path, DATA_FACTS)
    for place in (tmp_path, path):
        nets, loaded, saved = load_depth_nets(place)
        assert loaded == config
        assert saved.facts["metadata_sha256"] == "ab"
    state = load_checkpoint(tmp_path / "state.safetensors", "state")
    for name, module in (("translator", nets.translator), ("critic", nets.discriminator)):
        part = state.part(name)
        assert all(
            np.array_equal(value, part[key]) for key, value in module.state_dict().items()
        )  # ema 0: the last ones
    with Image.open(tmp_path / "samples" / "step-0000002.png") as grid:
        # 6 validation photos, 32 px enlarged to 128; photo, depth | normals, depth | normals, photo
        assert grid.size == (6 * 128, SheetStyle().top + 6 * 128)
    assert "depth network" in (tmp_path / "README.md").read_text(encoding="utf-8")


def test_weights_of_something_else_are_refused(small: Small, splits: Splits, tmp_path: Path) -> None:
    train_depth(small(DepthTraining, steps=1), splits["train"], splits["val"], tmp_path / "run", DATA_FACTS)
    with pytest.raises(CheckpointError, match=r"no weights at .*nowhere"):
        load_depth_nets(tmp_path / "nowhere")
    with pytest.raises(CheckpointError, match="is facerelief-state, not facerelief-depth"):
        load_depth_nets(tmp_path / "run" / "state.safetensors")


def test_a_learning_rate_that_blows_up_ends_with_the_terms_name(small: Small, splits: Splits, tmp_path: Path) -> None:
    config = small(DepthTraining, steps=40, lr=1e30, d_lr=1e30)
    with pytest.raises(
        FacereliefError, match=r"^[DG]_depth/\w+ is not finite at step \d; start again with a lower --set lr"
    ):
        train_depth(config, splits["train"], splits["val"], tmp_path, DATA_FACTS)
    assert not (tmp_path / "weights.safetensors").exists()


def test_it_learns_a_few_samples_by_heart(
    small: Small, splits: Splits, tmp_path: Path, metrics: Callable[[Path], list[dict[str, float]]]
) -> None:
    config = small(DepthTraining, steps=60, batch=8, lr=4e-3, decay_from=1.0, augment=False)
    few = Arrays(
        *(getattr(splits["train"], name)[:8] for name in ("image", "depth", "normal", "label")),
        splits["train"].expressions,
        splits["train"].samples[:8],
    )
    train_depth(config, few, splits["val"], tmp_path, DATA_FACTS)
    lines = metrics(tmp_path)
    assert lines[-1]["G_depth/pix"] < 0.25 * lines[0]["G_depth/pix"]
    nets, _, _ = load_depth_nets(tmp_path)
    batch = make_batch(few, np.arange(8), "depth")
    with torch.no_grad():
        learnt = (nets.translator(batch.image) - batch.geometry).abs().mean()
    trivial = (batch.geometry.mean() - batch.geometry).abs().mean()
    assert learnt < 0.5 * trivial
