"""The life of a run around its steps: device and precision, optimisers and schedule, restore, log, sample, save.

session = Session("depth", config, folder, basis, progress)
nets = session.adopt({"translator": G, "critic": D}, fixed={"average": mean})
for step in session.steps(draw):
    ...
    session.descend("D_depth", terms, weights, step, "critic")
"""

import math
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from facerelief import equations as eq
from facerelief.config import Training
from facerelief.errors import FacereliefError, MissingExtra
from facerelief.training.processor import settled
from facerelief.training.run import Run
from facerelief.training.step import Noise

Progress = Callable[[int, int, dict[str, float]], None]


class Session:
    """One process's part in a run. Start several processes with torchrun; accelerate then shares the work."""

    def __init__(
        self, kind: str, config: Training, folder: Path, basis: Mapping[str, Any], progress: Progress | None = None
    ) -> None:
        config, _ = settled(config, folder)
        self.config, self.progress = config, progress or (lambda done, total, values: None)
        self.accelerator = _accelerator(config)
        self.device: torch.device = self.accelerator.device
        self.rank, self.world = self.accelerator.process_index, self.accelerator.num_processes
        with self.accelerator.main_process_first():  # the others find the folder as the main process leaves it
            self.run = Run(folder, kind, config, basis, main=self.accelerator.is_main_process)
        self._modules: dict[str, nn.Module] = {}
        self._optimisers: dict[str, torch.optim.Optimizer] = {}
        self._stepping: dict[str, Any] = {}
        self._log = Log()
        self._start = 0

    def adopt(self, learners: Mapping[str, nn.Module], fixed: Mapping[str, nn.Module]) -> list[nn.Module]:
        """Take networks in: `learners` get an Adam each, `fixed` (averages) are saved with them. Restores the state.

        Returns the learners as they are to be called (on the device, in the run's precision).
        """
        on_gpu = self.device.type == "cuda"
        for module in (*learners.values(), *fixed.values()):
            module.to(self.device)
            if on_gpu:  # how tensor cores want convolutions
                module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        rates = {name: self.config.d_lr if "critic" in name else self.config.lr for name in learners}
        self._modules = {**learners, **fixed}
        self._optimisers = {
            name: torch.optim.Adam(module.parameters(), rates[name], self.config.betas, fused=on_gpu)
            for name, module in learners.items()
        }
        self._start = self.run.restore(self._modules, self._optimisers)
        prepared = self.accelerator.prepare(*learners.values(), *self._optimisers.values())
        self._stepping = dict(zip(learners, prepared[len(learners) :], strict=True))
        return list(prepared[: len(learners)])

    def noise(self, step: int) -> Noise:
        """The random numbers of one step."""
        return Noise(self.config.seed, step, self.device, self.rank)

    def steps(self, draw: Callable[[Path], None]) -> Iterator[int]:
        """The steps still to do; between them logs, draws samples (`draw` gets the picture's path) and saves.

        Raises `FacereliefError` for a term that was not finite, before anything of it is logged or saved.
        """
        total = self.config.steps
        for step in range(self._start, total):
            torch.manual_seed((self.config.seed * 2_000_003 + step) * 64 + self.rank)  # dropout
            yield step
            done = step + 1
            saving = _due(done, self.config.save_every, total)
            if saving or _due(done, self.config.log_every, total):  # no sum is under way when the state is saved
                values = self._log.flush()
                self.run.log(done, values)
                self.progress(done, total, values)
            if _due(done, self.config.sample_every, total) and self.run.main:
                draw(self.run.folder / "samples" / f"step-{done:07d}.png")
            if saving:
                self.run.save(done, self._modules, self._optimisers)
        self.run.close()

    def descend(self, player: str, terms: eq.Terms, weights: Mapping[str, float], step: int, *names: str) -> None:
        """One optimiser step of the networks `names` down the weighted sum of `terms`, which are logged."""
        loss = eq.weighted_sum(terms, weights)
        self._log.add(player, terms, weights, step)
        chosen = [self._stepping[name] for name in names]
        for optimiser in chosen:
            optimiser.zero_grad(set_to_none=True)
        self.accelerator.backward(loss)
        for optimiser in chosen:
            for group in optimiser.param_groups:
                group["lr"] = group.setdefault("initial_lr", group["lr"]) * decay(step, self.config)
            optimiser.step()

    def close(self) -> None:
        """Leave the process group in order."""
        self.accelerator.wait_for_everyone()
        self.accelerator.end_training()


class Log:
    """Terms since the last line, and their means: raw, and weighted under `weighted/`."""

    def __init__(self) -> None:
        self._noted: list[tuple[int, str, Tensor]] = []
        self._weights: dict[str, float] = {}

    def add(self, player: str, terms: Mapping[str, Tensor], weights: Mapping[str, float], step: int) -> None:
        """Note one step of one player, e.g. "G_rgb". Values are not looked at: that would wait for the GPU."""
        for name, term in terms.items():
            self._noted.append((step, f"{player}/{name}", term.detach()))
            self._weights[f"{player}/{name}"] = weights[name]

    def flush(self) -> dict[str, float]:
        """The means, and start anew. Raises `FacereliefError` that names the first term that was not finite."""
        noted, self._noted = self._noted, []
        found: dict[str, list[float]] = {}
        values = torch.stack([term.float() for *_, term in noted]).tolist() if noted else []
        for (step, key, _), value in zip(noted, values, strict=True):
            if not math.isfinite(value):
                raise FacereliefError(f"{key} is not finite at step {step}; start again with a lower --set lr")
            found.setdefault(key, []).append(value)
        means = {key: sum(values) / len(values) for key, values in found.items()}
        return means | {f"weighted/{key}": mean * self._weights[key] for key, mean in means.items()}


def decay(step: int, config: Training) -> float:
    """Factor of the learning rates: 1, then from `decay_from` of the steps on linearly to zero."""
    start = config.decay_from * config.steps
    return 1.0 if step < start else (config.steps - step) / (config.steps - start)


def _due(done: int, every: int, total: int) -> bool:
    return done % every == 0 or done == total


def _accelerator(config: Training) -> Any:
    try:
        from accelerate import Accelerator
        from accelerate.state import AcceleratorState
        from accelerate.utils import set_seed
    except ImportError as reason:
        raise MissingExtra("accelerate", "train") from reason
    AcceleratorState._reset_state()  # else an earlier run of this process would fix the precision
    set_seed(config.seed)
    # Without cpu=True accelerate takes each of torchrun's processes on a machine without a GPU for the only one.
    several_on_cpu = "LOCAL_RANK" in os.environ and not torch.cuda.is_available()
    return Accelerator(cpu=several_on_cpu, mixed_precision=config.precision)
