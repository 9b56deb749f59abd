"""Times a training step of stage 1 (preset `cpu`) in fp32 and in bf16, in turns, and fails where `auto` is the slower.

python benchmarks/precision.py
"""

import sys
import time

import numpy as np
import torch

from facerelief.config import DepthTraining
from facerelief.data.batches import Batch
from facerelief.training import losses as eq
from facerelief.training.depth import DepthNets, build_depth_nets, depth_generator_terms, depth_generator_weights
from facerelief.training.presets import make_config
from facerelief.training.run.precision import PRECISION_NAMES, fastest_precision
from facerelief.training.steps.gan_step import discriminator_terms, discriminator_weights, set_requires_grad
from facerelief.training.steps.step_random import StepRandom

ROUNDS = 6
NOISE = 1.1  # the chosen precision may measure this many times the other's time


def random_batch(config: DepthTraining) -> Batch:
    """Photos and depth maps of noise: what they show does not change the time that they take."""
    shape = config.batch, config.channels, config.size, config.size
    label = torch.arange(config.batch) % len(config.expressions)
    rows = np.arange(config.batch)
    return Batch(torch.rand(shape) * 2 - 1, torch.rand(shape)[:, :1] * 2 - 1, label, rows, rows < 0)


def step(nets: DepthNets, batch: Batch, config: DepthTraining, number: int, bf16: bool) -> None:
    """Both players' terms and gradients, as `train_depth` computes them; the optimisers are the same in both."""
    noise = StepRandom(config.seed, number, torch.device("cpu"))

    def computing() -> torch.autocast:
        return torch.autocast("cpu", torch.bfloat16, enabled=bf16)

    with computing():
        d_hat = nets.translator(batch.image)
        set_requires_grad(nets.discriminator, True)
        fake = d_hat.detach()
        terms = discriminator_terms(
            nets.discriminator, batch.geometry, fake, batch.label, config, noise, config.conf_penalty
        )
    eq.weighted_sum(terms, discriminator_weights(config)).backward()
    with computing():
        set_requires_grad(nets.discriminator, False)
        terms = depth_generator_terms(nets, batch, d_hat, config, None, noise)
    eq.weighted_sum(terms, depth_generator_weights(config)).backward()


def main() -> None:
    """Print both times and what `auto` takes."""
    config = make_config(DepthTraining, "cpu")
    nets, batch = build_depth_nets(config), random_batch(config)
    best = dict.fromkeys(PRECISION_NAMES, float("inf"))
    for number in range(ROUNDS):
        for precision in PRECISION_NAMES:
            start = time.perf_counter()
            step(nets, batch, config, number, precision == "bf16")
            best[precision] = min(best[precision], time.perf_counter() - start)
    for precision, name in PRECISION_NAMES.items():
        print(f"{name}: {1000 * best[precision]:.0f} ms a step")
    chosen, why = fastest_precision()
    print(f"auto takes {PRECISION_NAMES[chosen]}: {why}")
    if best[chosen] > NOISE * min(best.values()):
        sys.exit(
            f"the slower one: {PRECISION_NAMES[chosen]} takes {best[chosen] / min(best.values()):.1f} times as long"
        )


if __name__ == "__main__":
    main()
