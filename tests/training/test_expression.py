"""Stage 2: which terms a guide brings, what they teach whom, and what stays frozen."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from stage2 import Nets, build_nets, edit_batch, generator_terms, generator_weights
from torch import Tensor

from facerelief.checkpoint import load_checkpoint
from facerelief.config import DepthTraining, ExpressionTraining
from facerelief.data.arrays import Arrays
from facerelief.data.batches import make_batch
from facerelief.errors import FacereliefError
from facerelief.networks.conversion import one_hot
from facerelief.tile_sheet import SheetStyle
from facerelief.training import depth as stage1
from facerelief.training import expression as stage2
from facerelief.training import losses as eq
from facerelief.training.depth import DepthNets
from facerelief.training.expression import train_expression
from facerelief.training.guidance import Guidance
from facerelief.training.steps.gan_step import set_requires_grad
from facerelief.training.steps.step_random import StepRandom

Small = Callable[..., Any]
Splits = dict[str, Arrays]
Metrics = Callable[[Path], list[dict[str, float]]]
DATA_FACTS = {"metadata_sha256": "ab"}
RGB = {"rgb/adv", "rgb/cls", "rgb/rec"}
DEPTH = {"depth/adv", "depth/cls", "depth/rec"}
ANCHOR = {"depth/pix", "depth/per"}


def depth_nets(small: Small, guide: str = "depth") -> DepthNets:
    torch.manual_seed(1)
    return stage1.build_depth_nets(small(DepthTraining, guide=guide))


def halves(maps: Tensor) -> list[Tensor]:
    """Features that a reader can compute."""
    return [maps, maps[..., ::2, ::2]]


def terms_of(
    nets: Nets, config: ExpressionTraining, splits: Splits, features: Callable[[Tensor], list[Tensor]] | None = None
) -> eq.Terms:
    guide = "depth" if config.guide == "none" else config.guide
    batch = make_batch(splits["train"], np.arange(6), guide)
    noise = StepRandom(0, 0, torch.device("cpu"))
    edited = edit_batch(nets, batch, noise.permuted(batch.label), len(config.expressions))
    return generator_terms(nets, batch, edited, config, features, noise)


@pytest.mark.parametrize("guide", ["depth", "normal", "both"])
@pytest.mark.parametrize("frozen", [False, True])
def test_the_terms_of_a_guided_step(small: Small, splits: Splits, guide: str, frozen: bool) -> None:
    config = small(ExpressionTraining, guide=guide, freeze_depth=frozen)
    nets = build_nets(config, depth_nets(small, guide))
    without, with_features = terms_of(nets, config, splits), terms_of(nets, config, splits, halves)
    assert set(with_features) == RGB | DEPTH | (set() if frozen else ANCHOR)
    assert set(without) == set(with_features) - {"depth/per"}
    assert set(with_features) <= set(generator_weights(config))
    assert all(term.shape == () and torch.isfinite(term) for term in with_features.values())


def test_without_a_guide_it_is_stargan(small: Small, splits: Splits) -> None:
    """StarGAN's generator loss, written out: adversarial + cross-entropy of the target + 10 cycle."""
    config = small(ExpressionTraining, guide="none", objective="wgan-gp", cls_weight=1, augment=False)
    nets = build_nets(config, None)
    batch = make_batch(splits["train"], np.arange(6), "depth")
    y_t = batch.label.roll(1)
    terms = generator_terms(
        nets, batch, edit_batch(nets, batch, y_t, 3), config, halves, StepRandom(0, 0, torch.device("cpu"))
    )
    assert set(terms) == RGB
    fake = nets.generator(batch.image, one_hot(y_t, 3)).image
    logits, class_logits, _ = nets.discriminator(fake)
    cycled = nets.generator(fake, one_hot(batch.label, 3)).image
    expected = -logits.mean() + torch.nn.functional.cross_entropy(class_logits, y_t)
    expected = expected + 10 * (batch.image - cycled).abs().mean()
    torch.testing.assert_close(eq.weighted_sum(terms, generator_weights(config)), expected)


def test_an_edit_is_to_pass_for_a_real_one_of_its_target(small: Small, splits: Splits) -> None:
    """Of D_rgb's match logits that of the target counts, and nothing of a target that no photo shows."""
    config = small(ExpressionTraining, guide="none", objective="r1", match_weight=0.5, augment=False)
    nets = build_nets(config, None)
    batch, noise = make_batch(splits["train"], np.arange(6), "depth"), StepRandom(0, 0, torch.device("cpu"))
    y_t = torch.tensor([0, 1, 2, 2, 1, 2])
    edited = edit_batch(nets, batch, y_t, 3)
    terms = generator_terms(nets, batch, edited, config, halves, noise, torch.tensor([True, True, False]))
    matches = nets.discriminator(edited.i_t).matches
    wanted = torch.stack([matches[0, 0], matches[1, 1], matches[4, 1]])
    expected = torch.nn.functional.softplus(-wanted).mean() / 2 + math.log(2) / 2
    torch.testing.assert_close(terms["rgb/match"], expected)
    gradient = torch.autograd.grad(terms["rgb/match"], edited.output.image)[0].flatten(1).abs().amax(dim=1)
    assert [bool(g > 0) for g in gradient] == [True, True, False, False, True, False]
    assert build_nets(small(ExpressionTraining, guide="none"), None).discriminator.matches is None


def test_nobody_is_asked_for_expressions_that_critics_know_from_no_photo(small: Small, splits: Splits) -> None:
    config = small(ExpressionTraining, augment=False)
    nets = build_nets(config, depth_nets(small))
    batch, noise = make_batch(splits["train"], np.arange(6), "depth"), StepRandom(0, 0, torch.device("cpu"))
    y_t = torch.tensor([0, 1, 2, 2, 1, 2])
    edited = edit_batch(nets, batch, y_t, 3)
    assert edited.d_t is not None
    terms = generator_terms(nets, batch, edited, config, halves, noise, torch.tensor([True, True, False]))
    asked = y_t != 2
    for name, critic, seen in (
        ("rgb/cls", nets.discriminator, edited.i_t),
        ("depth/cls", nets.depth.discriminator, edited.d_t),
    ):
        expected = torch.nn.functional.cross_entropy(critic(seen)[1][asked], y_t[asked])
        torch.testing.assert_close(terms[name], expected)


def test_the_weights_are_the_papers(small: Small) -> None:
    """Table 3's weight scales the depth network's adversarial and classification terms, not its reconstruction."""
    config = small(
        ExpressionTraining,
        depth_weight=0.3,
        depth_rec_weight=7,
        adv_weight=2,
        cls_weight=3,
        rec_weight=11,
        pix_weight=5,
    )
    assert generator_weights(config) == pytest.approx(
        {
            "rgb/adv": 2,
            "rgb/cls": 3,
            "rgb/match": 0,
            "rgb/rec": 11,
            "rgb/pair": 3,
            "rgb/way": 0.5,
            "rgb/paint": 0,
            "rgb/id": 0,
            "depth/adv": 0.6,
            "depth/cls": 0.9,
            "depth/rec": 7,
            "depth/pix": 5,
            "depth/per": 1,
        }
    )


@pytest.mark.parametrize("frozen", [False, True])
def test_eqs_5_to_7_teach_the_editor_and_the_anchor_does_not(small: Small, splits: Splits, frozen: bool) -> None:
    config = small(ExpressionTraining, freeze_depth=frozen)
    nets = build_nets(config, depth_nets(small))
    assert nets.depth is not None
    set_requires_grad(nets.depth.translator, not frozen)
    terms = terms_of(nets, config, splits, halves)
    editor, translator = (list(m.parameters()) for m in (nets.generator, nets.depth.translator))
    for name in DEPTH:
        gradients = torch.autograd.grad(terms[name], editor, retain_graph=True)
        assert all(g.abs().max() > 0 for g in gradients), name
    for name in ANCHOR & set(terms):
        assert torch.autograd.grad(terms[name], editor[0], retain_graph=True, allow_unused=True) == (None,)
        assert all(g.abs().max() > 0 for g in torch.autograd.grad(terms[name], translator, retain_graph=True))


def test_no_critic_learns_in_the_generators_step(
    small: Small, splits: Splits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Gradients are looked at where the optimisers step, weights after it."""
    depth, seen = depth_nets(small), {}

    class Watched(stage2.Session):
        def optimizer_step(self, player: str, *arguments: Any) -> None:
            parts = {"G_rgb": self._modules["generator"], "D_rgb": self._modules["critic"]}
            parts |= {"G_depth": depth.translator, "D_depth": depth.discriminator}
            for module in parts.values():
                module.zero_grad(set_to_none=True)
            before = {name: [p.detach().clone() for p in module.parameters()] for name, module in parts.items()}
            super().optimizer_step(player, *arguments)
            with_gradient = {name for name, m in parts.items() if any(p.grad is not None for p in m.parameters())}
            moved = {
                name
                for name, module in parts.items()
                if not all(torch.equal(a, b) for a, b in zip(before[name], module.parameters(), strict=True))
            }
            seen.setdefault(player, []).append((with_gradient, moved))

    monkeypatch.setattr(stage2, "Session", Watched)
    config = small(ExpressionTraining, steps=2)
    train_expression(config, splits["train"], splits["val"], tmp_path, DATA_FACTS, depth and Guidance(depth))
    assert seen == {
        "D_rgb": [({"D_rgb"}, {"D_rgb"})] * 2,
        "D_depth": [({"D_depth"}, {"D_depth"})] * 2,
        "G": [({"G_rgb", "G_depth"}, {"G_rgb", "G_depth"})] * 2,
    }


def run(
    small: Small, splits: Splits, folder: Path, depth: DepthNets | None, **settings: Any
) -> tuple[ExpressionTraining, Path]:
    config = small(ExpressionTraining, **{"steps": 3, **settings})
    return config, train_expression(
        config, splits["train"], splits["val"], folder, DATA_FACTS, depth and Guidance(depth, halves)
    )


@pytest.mark.parametrize("frozen", [False, True])
def test_a_frozen_depth_network_stays_bit_for_bit_and_a_free_one_learns_on(
    small: Small, splits: Splits, tmp_path: Path, metrics: Metrics, frozen: bool
) -> None:
    depth, before = depth_nets(small), depth_nets(small)
    run(small, splits, tmp_path, depth, freeze_depth=frozen)
    pairs = zip(before.translator.parameters(), depth.translator.parameters(), strict=True)
    assert all(torch.equal(a, b) == frozen for a, b in pairs)
    assert not any(
        torch.equal(a, b)
        for a, b in zip(before.discriminator.parameters(), depth.discriminator.parameters(), strict=True)
    )
    saved = load_checkpoint(tmp_path / "state.safetensors", "state").part("translator")
    assert all(
        torch.equal(value, torch.from_numpy(saved[name])) for name, value in depth.translator.state_dict().items()
    )
    anchored = {"G/depth/pix", "G/depth/per"} <= set(metrics(tmp_path)[-1])
    assert anchored != frozen


@pytest.mark.parametrize("objective", ["wgan-gp", "vanilla", "hinge", "r1"])
def test_what_is_logged(small: Small, splits: Splits, tmp_path: Path, metrics: Metrics, objective: str) -> None:
    run(small, splits, tmp_path, depth_nets(small), objective=objective, r1_every=1, d_steps=2, log_every=2, steps=2)
    penalty = {"wgan-gp": {"gp"}, "r1": {"r1"}}.get(objective, set())
    names = {f"{critic}/{term}" for critic in ("D_rgb", "D_depth") for term in {"adv", "cls"} | penalty}
    names |= {f"G/{name}" for name in RGB | DEPTH | ANCHOR}
    (line,) = metrics(tmp_path)
    assert set(line) == {"step"} | names | {f"weighted/{name}" for name in names}
    assert line["weighted/G/depth/adv"] == pytest.approx(0.1 * line["G/depth/adv"])


def test_in_the_warm_up_the_editor_only_learns_to_copy(
    small: Small, splits: Splits, tmp_path: Path, metrics: Metrics
) -> None:
    depth, before = depth_nets(small), depth_nets(small)
    run(small, splits, tmp_path, depth, warm_up=2, steps=2)
    for line in metrics(tmp_path):
        assert {name for name in line if name.startswith("G/")} == {"G/rgb/rec"}
        assert {"D_rgb/adv", "D_depth/adv"} <= set(line)
    pairs = zip(before.translator.parameters(), depth.translator.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def test_the_weights_are_the_averaged_editor_alone(small: Small, splits: Splits, tmp_path: Path) -> None:
    config, path = run(small, splits, tmp_path, depth_nets(small), ema=0.5)
    saved = load_checkpoint(path, "editor")
    assert {name.split(".")[0] for name in saved.tensors} == {"generator"}
    assert saved.facts["config"]["guide"] == config.guide
    state = load_checkpoint(tmp_path / "state.safetensors", "state")
    average, last = state.part("average.module"), state.part("generator")
    assert all(np.array_equal(value, average[name]) for name, value in saved.part("generator").items())
    assert not any(np.array_equal(value, last[name]) for name, value in saved.part("generator").items())


@pytest.mark.parametrize(("guide", "rows", "columns"), [("none", 6, 4), ("depth", 12, 4), ("both", 12, 8)])
def test_the_grid_shows_every_expression_and_below_it_its_relief(
    small: Small, splits: Splits, tmp_path: Path, guide: str, rows: int, columns: int
) -> None:
    depth = None if guide == "none" else depth_nets(small, guide)
    run(small, splits, tmp_path, depth, guide=guide, steps=1)
    with Image.open(tmp_path / "samples" / "step-0000001.png") as grid:
        style = SheetStyle()
        assert grid.size == (style.left * (guide != "none") + columns * 128, style.top + rows * 128)


@pytest.mark.parametrize(("guide", "given"), [("none", True), ("depth", False), ("both", False)])
def test_a_guide_and_a_depth_network_come_together(small: Small, guide: str, given: bool) -> None:
    with pytest.raises(FacereliefError, match=f"guide {guide} and the depth network do not fit: give --depth RUN"):
        build_nets(small(ExpressionTraining, guide=guide), depth_nets(small) if given else None)


def test_a_term_that_is_not_finite_is_named(small: Small, splits: Splits, tmp_path: Path) -> None:
    depth = depth_nets(small)
    with torch.no_grad():
        next(depth.translator.parameters()).fill_(torch.nan)
    with pytest.raises(FacereliefError, match=r"^D_depth/adv is not finite at step 0; "):
        run(small, splits, tmp_path, depth)


def test_it_learns_to_copy_and_to_edit(small: Small, splits: Splits, tmp_path: Path, metrics: Metrics) -> None:
    """A few samples by heart: the cycle closes, and D_rgb calls photos by their class and edits by their target."""
    run(small, splits, tmp_path, None, guide="none", steps=60, lr=2e-3, d_lr=2e-3, decay_from=1.0, augment=False)
    first, last = metrics(tmp_path)[0], metrics(tmp_path)[-1]
    assert last["G/rgb/rec"] < 0.6 * first["G/rgb/rec"]
    assert last["D_rgb/cls"] < 0.6 * first["D_rgb/cls"]
    assert last["G/rgb/cls"] < 0.5 * first["G/rgb/cls"]
