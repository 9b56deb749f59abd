"""All of a run but its steps: device and precision, optimisers and schedule, restore, log, sample, save.

session = Session("depth", config, folder, data_facts, progress)
nets = session.prepare({"translator": Learner(G, lr), "critic": Learner(D, d_lr)}, fixed={"average": mean})
for step in session.steps(draw):
    ...
    session.optimizer_step("D_depth", terms, weights, step, "critic")
"""

import contextlib
import dataclasses
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn

from facerelief.checkpoint import read_facts
from facerelief.config import Training
from facerelief.data.batches import Rows
from facerelief.errors import FacereliefError, Interrupted, MissingExtra
from facerelief.processes.threads import threads_for, torch_threads
from facerelief.progress import StepProgress, no_progress
from facerelief.training import losses as eq
from facerelief.training.run.collectives import await_first_process, check_agreement, gathered, summed
from facerelief.training.run.folder import STATE, Run
from facerelief.training.run.interruptions import noted_interruptions
from facerelief.training.run.log import Log
from facerelief.training.run.precision import resolve_precision
from facerelief.training.run.running_statistics import RunningStatistics
from facerelief.training.steps.step_random import StepRandom

Made = TypeVar("Made")


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
        check_agreement({**dataclasses.asdict(config), **data_facts, "version of torch": torch.__version__})
        with self.accelerator.main_process_first():  # the others find the folder as the main process leaves it
            self.run = Run(folder, kind, config, data_facts, main=self.accelerator.is_main_process)
        self._modules: dict[str, nn.Module] = {}
        self._optimisers: dict[str, torch.optim.Optimizer] = {}
        self._stepping: dict[str, Any] = {}
        self._log = Log()
        self._start = self._seed = 0
        self._statistics = RunningStatistics(())  # as the last optimiser step left them
        self._shares = [1.0 / self.world]

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
                one.module.parameters(), one.lr, one.betas or self.config.betas, weight_decay=decay, fused=on_gpu
            )
            for name, one in learners.items()
        }
        self._start = self.run.restore(self._modules, self._optimisers)
        if len(set(gathered(self._start))) > 1:
            raise FacereliefError(
                f"not every process of this training sees the same {self.run.folder}; put the run on a disk that all "
                "machines share"
            )
        self._log = Log(read_facts(self.run.folder / STATE).get("log"), main=self.run.main)
        for name, optimiser in self._optimisers.items():
            self._stepping[name] = self.accelerator.prepare_optimizer(optimiser)
        # In "evaluation mode" accelerate sets the precision but does not wrap: processes average gradients in
        # `optimizer_step`, whichever networks a method calls, however often, before it goes back.
        prepared = {name: self.accelerator.prepare_model(one, evaluation_mode=True) for name, one in modules.items()}
        self._statistics = RunningStatistics(modules.values())  # of tensors that it may have moved
        return prepared

    def parts(self, photos: int) -> list[Rows]:
        """Which rows of a batch this process computes, one pass after the other.

        Args:
            photos: Of the batch.

        Returns:
            `accumulate` parts; those that the processes compute at the same time lie side by side.

        Raises:
            FacereliefError: There are more parts than photos.
        """
        count = self.world * self.config.accumulate
        if count > photos:
            raise FacereliefError(
                f"a batch of {photos} photos cannot be divided into {count} parts (processes times accumulate); give a "
                "larger --set batch, or fewer of them"
            )
        rows = [Rows.part(photos, number, count) for number in range(self.rank, count, self.world)]
        self._shares = [one.share for one in rows]
        return rows

    def noise(self, step: int, rows: Rows | None = None) -> StepRandom:
        """The random numbers of one step, for all of its photos or for some."""
        return StepRandom(self.config.seed, step, self.device, rows if rows and rows.share < 1 else None)

    def by_part(self, made: Iterable[Made], *, counts: bool = True) -> Iterator[Made]:
        """What is made of each of the `parts`, in turn. Dropout and batch norm do not depend on who computes them.

        Args:
            made: An iterator that computes with a part of the batch when it is asked for the next.
            counts: Whether running statistics of batch norm change.
        """
        made = iter(made)
        if self._shares == [1.0] and counts:
            yield from made
            return
        statistics = self._statistics if counts else RunningStatistics(self._learning())
        for number, share in enumerate(self._shares):
            torch.manual_seed(self._seed + number * self.world + self.rank)
            one = next(made)
            statistics.end_part(share)
            yield one
        if counts:
            statistics.end()
            self._statistics = RunningStatistics(self._learning())

    def steps(self, draw: Callable[[Path], None]) -> Iterator[int]:
        """The steps still to do; between them logs, draws samples and saves. However it ends, the run is closed.

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
        with contextlib.closing(self.run), noted_interruptions() as interruptions, torch_threads(threads_for(*work)):
            for step in range(self._start, total):
                self._seed = (self.config.seed * 2_000_003 + step) * 64  # of dropout
                torch.manual_seed(self._seed + self.rank)
                yield step
                done = step + 1
                saving = _due(done, self.config.save_every, total)
                if saving or _due(done, self.config.log_every, total):  # no sum is under way when the state is saved
                    values = self._log.flush()
                    self.run.log(done, values)
                self.progress(done, total, values)
                if _due(done, self.config.sample_every, total) and self.run.main:
                    draw(self.run.folder / "samples" / f"step-{done:07d}.png")
                stopping = self._stopping(bool(interruptions))
                if saving or stopping:
                    self.run.save(done, self._modules, self._optimisers, self._log.noted())
                if stopping:
                    raise Interrupted(f"{done:,} of {total:,} steps are saved in {self.run.folder}")

    def _learning(self) -> list[nn.Module]:
        return [self._modules[name] for name in self._optimisers]

    def _stopping(self, here: bool) -> bool:
        """Whether any process was interrupted: all of them stop after the same step."""
        return here if self.world == 1 else bool(summed(torch.tensor(float(here), device=self.device)) > 0)

    def optimizer_step(
        self, network: str, terms: eq.Terms | Iterable[eq.Terms], weights: Mapping[str, float], step: int, *names: str
    ) -> None:
        """One optimiser step down the weighted sum of `terms`, which are logged. Not divided, a batch has one part.

        Args:
            network: Prefix of the terms in the log, e.g. "D_rgb".
            terms: Unweighted scalars; of a batch in parts an iterator that computes those of each part in turn.
            weights: Of each term; others are ignored.
            step: The step's number.
            *names: The networks to update, as named in `prepare`.
        """
        chosen = [self._stepping[name] for name in names]
        for optimiser in chosen:
            optimiser.zero_grad(set_to_none=True)
        totals: eq.Terms = {}
        for share, part in zip(self._shares, self.by_part([terms] if isinstance(terms, dict) else terms), strict=True):
            self.accelerator.backward(share * eq.weighted_sum(part, weights))
            for name, term in part.items():
                totals[name] = totals[name] + share * term.detach() if name in totals else share * term.detach()
        self._log.add(network, totals, weights, step)
        if self.world > 1:
            self._sum_gradients(names)
        for optimiser in chosen:
            for group in optimiser.param_groups:
                group["lr"] = group.setdefault("initial_lr", group["lr"]) * decay(step, self.config)
            optimiser.step()

    def _sum_gradients(self, names: Sequence[str]) -> None:
        """Give every process the sum of all processes' gradients; what has none in any process gets none."""
        for name in names:
            learning = [one for one in self._modules[name].parameters() if one.requires_grad]
            found = [torch.zeros_like(one) if one.grad is None else one.grad for one in learning]
            there = torch.tensor([float(one.grad is not None) for one in learning], device=self.device)
            flat = torch.cat([there, *(one.flatten() for one in found)])
            counts, *sums = torch.split(summed(flat), [len(there), *(one.numel() for one in found)])
            for one, count, gradient in zip(learning, counts.tolist(), sums, strict=True):
                one.grad = gradient.view_as(one).clone() if count else None

    def close(self) -> None:
        """Leave the process group in order."""
        self.accelerator.wait_for_everyone()
        self.accelerator.end_training()


def decay(step: int, config: Training) -> float:
    """Factor of the learning rates: `lr_factor` each `lr_every` steps, and from `decay_from` on linearly to zero."""
    start = config.decay_from * config.steps
    linear = 1.0 if step < start else (config.steps - step) / (config.steps - start)
    return linear * config.lr_factor ** (step // config.lr_every)


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
    await_first_process()
    # Without cpu=True accelerate takes each of torchrun's processes on a machine without a GPU for the only one.
    several_on_cpu = "LOCAL_RANK" in os.environ and not torch.cuda.is_available()
    return Accelerator(cpu=several_on_cpu, mixed_precision=config.precision)
