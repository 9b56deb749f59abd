"""All of a run but its steps: device and precision, optimisers and schedule, restore, log, sample, save.

session = Session("depth", config, folder, data_facts, progress)
nets = session.prepare({"translator": Learner(G, lr), "critic": Learner(D, d_lr)}, fixed={"average": mean})
for step in session.steps(draw):
    ...
    session.optimizer_step("D_depth", terms, weights, step, "critic")
"""

import contextlib
import math
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from facerelief.checkpoint import read_facts
from facerelief.config import Training
from facerelief.errors import FacereliefError, Interrupted, MissingExtra
from facerelief.processes.threads import threads_for, torch_threads
from facerelief.progress import StepProgress, no_progress
from facerelief.training import losses as eq
from facerelief.training.run.folder import STATE, Run
from facerelief.training.run.precision import resolve_precision
from facerelief.training.steps.step_random import StepRandom


@dataclass(frozen=True)
class Learner:
    """A network that learns, by an Adam of its own.

    Attributes:
        module: The network.
        lr: The initial rate.
        betas: Of Adam; by default the run's.
    """

    module: nn.Module
    lr: float
    betas: tuple[float, float] | None = None


class Session:
    """One process's part in a run. Start several processes with torchrun; accelerate then shares the work.

    Args:
        kind: As of `Run`.
        config: The run's settings.
        folder: The run's folder.
        data_facts: As of `Run`.
        progress: Called after every step.

    Raises:
        FacereliefError: As of `Run`.
        MissingExtra: accelerate is not installed.
    """

    def __init__(
        self,
        kind: str,
        config: Training,
        folder: Path,
        data_facts: Mapping[str, Any],
        progress: StepProgress = no_progress,
    ) -> None:
        config, _ = resolve_precision(config, folder)
        self.config, self.progress = config, progress
        self.accelerator = _accelerator(config)
        self.device: torch.device = self.accelerator.device
        self.rank, self.world = self.accelerator.process_index, self.accelerator.num_processes
        with self.accelerator.main_process_first():  # the others find the folder as the main process leaves it
            self.run = Run(folder, kind, config, data_facts, main=self.accelerator.is_main_process)
        self._modules: dict[str, nn.Module] = {}
        self._optimisers: dict[str, torch.optim.Optimizer] = {}
        self._stepping: dict[str, Any] = {}
        self._log = Log()
        self._start = 0

    def prepare(self, learners: Mapping[str, Learner], fixed: Mapping[str, nn.Module]) -> dict[str, nn.Module]:
        """Make an optimizer for each network, and restore the run's state where there is one.

        Args:
            learners: The networks that learn, by name in the state's file.
            fixed: Other modules to save with them, such as averages.

        Returns:
            The learners on the device, in the run's precision; call these, not the originals.
        """
        on_gpu = self.device.type == "cuda"
        modules = {name: learner.module for name, learner in learners.items()}
        for module in (*modules.values(), *fixed.values()):
            module.to(self.device)
            if on_gpu:  # how tensor cores want convolutions
                module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._modules = {**modules, **fixed}
        decay = self.config.weight_decay
        self._optimisers = {
            name: torch.optim.Adam(
                one.module.parameters(), one.lr, one.betas or self.config.betas, weight_decay=decay, fused=True
            )
            for name, one in learners.items()
        }
        self._start = self.run.restore(self._modules, self._optimisers)
        self._log = Log(read_facts(self.run.folder / STATE).get("log"))
        for name, optimiser in self._optimisers.items():
            self._stepping[name] = self.accelerator.prepare_optimizer(optimiser)
        # In "evaluation mode" accelerate sets the precision but does not wrap: processes average gradients in
        # `optimizer_step`, whichever networks a method calls, however often, before it goes back.
        return {name: self.accelerator.prepare_model(one, evaluation_mode=True) for name, one in modules.items()}

    def noise(self, step: int) -> StepRandom:
        """The random numbers of one step."""
        return StepRandom(self.config.seed, step, self.device, self.rank)

    def steps(self, draw: Callable[[Path], None]) -> Iterator[int]:
        """The steps still to do; between them logs, draws samples and saves.

        Args:
            draw: Writes a grid of samples to the path that it gets.

        Raises:
            Interrupted: By SIGINT or SIGTERM, after the step has ended and its state is saved; a second signal does
                not wait.
            FacereliefError: A term was not finite; then nothing of it is logged or saved.
        """
        total = self.config.steps
        values: dict[str, float] = {}
        work = self.config.batch, self.config.size, self.config.width
        with _noted_interruptions() as interruptions, torch_threads(threads_for(*work)):
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
                if saving or interruptions:
                    self.run.save(done, self._modules, self._optimisers, self._log.noted())
                if interruptions:
                    self.run.close()
                    raise Interrupted(f"{done:,} of {total:,} steps are saved in {self.run.folder}")
        self.run.close()

    def optimizer_step(
        self, network: str, terms: eq.Terms, weights: Mapping[str, float], step: int, *names: str
    ) -> None:
        """One optimiser step down the weighted sum of `terms`, which are logged.

        Args:
            network: Prefix of the terms in the log, e.g. "D_rgb".
            terms: Unweighted scalars.
            weights: Of each term; others are ignored.
            step: The step's number.
            *names: The networks to update, as named in `prepare`.
        """
        loss = eq.weighted_sum(terms, weights)
        self._log.add(network, terms, weights, step)
        chosen = [self._stepping[name] for name in names]
        for optimiser in chosen:
            optimiser.zero_grad(set_to_none=True)
        self.accelerator.backward(loss)
        if self.world > 1:
            self._average_gradients(names)
        for optimiser in chosen:
            for group in optimiser.param_groups:
                group["lr"] = group.setdefault("initial_lr", group["lr"]) * decay(step, self.config)
            optimiser.step()

    def _average_gradients(self, names: Sequence[str]) -> None:
        """Give every process the mean of all processes' gradients; what has none in any process gets none."""
        for name in names:
            learning = [one for one in self._modules[name].parameters() if one.requires_grad]
            found = [torch.zeros_like(one) if one.grad is None else one.grad for one in learning]
            there = torch.tensor([float(one.grad is not None) for one in learning], device=self.device)
            flat = torch.cat([there, *(one.flatten() for one in found)])
            shares, *means = self.accelerator.reduce(flat, reduction="mean").split(
                [len(there), *(one.numel() for one in found)]
            )
            for one, share, mean in zip(learning, shares.tolist(), means, strict=True):
                one.grad = mean.view_as(one).clone() if share else None

    def close(self) -> None:
        """Leave the process group in order."""
        self.accelerator.wait_for_everyone()
        self.accelerator.end_training()


class Log:
    """Terms since the last line, and their means: raw, and weighted under `weighted/`.

    Args:
        noted: Terms of a state that was saved between two lines, as `noted` gave them.
    """

    def __init__(self, noted: Mapping[str, Any] | None = None) -> None:
        found = noted or {"terms": [], "weights": {}}
        self._noted: list[tuple[int, str, Tensor]] = [(s, key, torch.tensor(value)) for s, key, value in found["terms"]]
        self._weights: dict[str, float] = dict(found["weights"])

    def add(self, network: str, terms: Mapping[str, Tensor], weights: Mapping[str, float], step: int) -> None:
        """Note the terms of one network's step, e.g. "D_rgb". Values are read later: reading waits for the GPU."""
        for name, term in terms.items():
            self._noted.append((step, f"{network}/{name}", term.detach()))
            self._weights[f"{network}/{name}"] = weights[name]

    def noted(self) -> dict[str, Any]:
        """What is noted, for JSON; {} where nothing is. Raises as `flush` does."""
        terms = self._values()
        return {"terms": terms, "weights": self._weights} if terms else {}

    def _values(self) -> list[tuple[int, str, float]]:
        values = torch.stack([term.float() for *_, term in self._noted]).tolist() if self._noted else []
        terms = [(step, key, value) for (step, key, _), value in zip(self._noted, values, strict=True)]
        for step, key, value in terms:
            if not math.isfinite(value):
                raise FacereliefError(f"{key} is not finite at step {step}; start again with a lower --set lr")
        return terms

    def flush(self) -> dict[str, float]:
        """The means, and start anew. Raises `FacereliefError` that names the first term that was not finite."""
        found: dict[str, list[float]] = {}
        for _, key, value in self._values():
            found.setdefault(key, []).append(value)
        self._noted = []
        means = {key: sum(values) / len(values) for key, values in found.items()}
        return means | {f"weighted/{key}": mean * self._weights[key] for key, mean in means.items()}


def decay(step: int, config: Training) -> float:
    """Factor of the learning rates: `lr_factor` each `lr_every` steps, and from `decay_from` on linearly to zero."""
    start = config.decay_from * config.steps
    linear = 1.0 if step < start else (config.steps - step) / (config.steps - start)
    return linear * config.lr_factor ** (step // config.lr_every)


@contextlib.contextmanager
def _noted_interruptions() -> Iterator[list[int]]:
    """Signals that would raise `KeyboardInterrupt` are noted in the list instead; the second one raises."""
    noted: list[int] = []

    def note(number: int, frame: Any) -> None:
        if noted:
            raise KeyboardInterrupt
        noted.append(number)

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    if threading.current_thread() is not threading.main_thread():  # which alone may handle signals
        before = {}
    mine = [number for number, handler in before.items() if handler is signal.default_int_handler]
    for number in mine:
        signal.signal(number, note)
    try:
        yield noted
    finally:
        for number in mine:
            signal.signal(number, signal.default_int_handler)


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
