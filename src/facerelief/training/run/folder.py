"""A run folder: its configuration, what it logged, its pictures, and the state from which it resumes bit for bit.

RUN/config.json          the configuration and what the run learns from (dataset, depth network), with checksums
RUN/metrics.jsonl        one line each `log_every` steps and at each save: every term, raw and weighted, by its name
RUN/tensorboard/         the same for TensorBoard
RUN/samples/             grids of held-out photos
RUN/state.safetensors    weights, optimisers, averages and the step; replaced as a whole
RUN/weights.safetensors  what others use, with RUN/README.md as its card
"""

import contextlib
import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from facerelief.checkpoint import Checkpoint, load_checkpoint, read_facts, save_checkpoint
from facerelief.config import Training, rename_settings
from facerelief.errors import CheckpointError, FacereliefError, MissingExtra
from facerelief.files import is_partial, lock_folder, write_json, write_text
from facerelief.files.json import append_lines, read_lines, read_object
from facerelief.networks.weights import as_arrays, fill_network

CONFIG, METRICS, STATE, CARD = "config.json", "metrics.jsonl", "state.safetensors", "README.md"


class Run:
    """One run folder, new or resumed.

    Args:
        folder: The folder; made where it is absent.
        kind: "depth", "editor", "judge" or "identity".
        config: The run's settings.
        data_facts: What config.json records of the data and of networks that the run learns from.
        main: Whether this is the main process; others write nothing.

    Raises:
        FacereliefError: As of `check_folder`, or another process has the folder.
    """

    def __init__(
        self, folder: Path, kind: str, config: Training, data_facts: Mapping[str, Any], *, main: bool = True
    ) -> None:
        self.folder, self.main = folder, main
        self._writer: Any = None
        self.settings = check_folder(folder, kind, config, data_facts)
        self._lock = contextlib.ExitStack()
        if main:
            self._lock.enter_context(lock_folder(folder))
            write_json(folder / CONFIG, self.settings)

    def restore(self, modules: Mapping[str, nn.Module], optimisers: Mapping[str, torch.optim.Optimizer]) -> int:
        """Load the saved state, if there is one, and drop what was logged after it.

        Returns:
            The step at which training resumes; 0 without a state.

        Raises:
            CheckpointError: The state is damaged, or of other networks.
        """
        if not (self.folder / STATE).is_file():
            self._forget_after(0)
            return 0
        saved = load_checkpoint(self.folder / STATE, "state")
        for name, module in modules.items():
            fill_network(saved, module, name)
        for name, optimiser in optimisers.items():
            _restore_optimiser(optimiser, saved, f"optimiser.{name}")
        step: int = saved.fact("step", int)
        self._forget_after(step)
        return step

    def save(
        self,
        step: int,
        modules: Mapping[str, nn.Module],
        optimisers: Mapping[str, torch.optim.Optimizer],
        log: Mapping[str, Any] | None = None,
    ) -> None:
        """Write the state from which `restore` resumes at `step`.

        Args:
            step: Steps done.
            modules: Networks and averages, by name.
            optimisers: Of the networks that learn.
            log: Terms that are not in the log yet, as `Log.noted` gives them.
        """
        if not self.main:
            return
        tensors = {
            f"{name}.{key}": value for name, module in modules.items() for key, value in module.state_dict().items()
        }
        for name, optimiser in optimisers.items():
            for place, values in optimiser.state_dict()["state"].items():
                tensors |= {f"optimiser.{name}.{place}.{key}": value for key, value in values.items()}
        save_checkpoint(
            self.folder / STATE, "state", as_arrays(tensors), {"step": step} | ({"log": log} if log else {})
        )

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Append one line of metrics."""
        if not self.main:
            return
        try:
            append_lines(self.folder / METRICS, {"step": step, **values})
            writer = self._tensorboard(step)
            for name, value in values.items():
                writer.add_scalar(name, value, step)
        except OSError as reason:
            raise FacereliefError(
                f"cannot write to {self.folder}: {reason.strerror or reason}; free space and run the same command again"
            ) from reason

    def close(self) -> None:
        """Flush TensorBoard's file, and unlock the folder."""
        if self._writer is not None:
            self._writer.close()
        self._lock.close()

    def _forget_after(self, step: int) -> None:
        """Lines logged after the saved state would be logged twice."""
        path = self.folder / METRICS
        if self.main and path.is_file():
            kept = [line for line in read_metrics(self.folder) if line["step"] <= step]
            write_text(path, "".join(json.dumps(line) + "\n" for line in kept))

    def _tensorboard(self, step: int) -> Any:
        if self._writer is None:
            try:
                from torch.utils.tensorboard.writer import SummaryWriter
            except ImportError as reason:
                raise MissingExtra("tensorboard", "train") from reason
            self._writer = SummaryWriter(str(self.folder / "tensorboard"), purge_step=step)
        return self._writer


def check_folder(folder: Path, kind: str, config: Training, data_facts: Mapping[str, Any]) -> dict[str, Any]:
    """What a run's config.json is to hold; nothing is written. Arguments as of `Run`.

    Raises:
        FacereliefError: The folder holds another run, one that has done more steps, or other files.
    """
    # Through JSON, so that what is compared is what is written.
    settings: dict[str, Any] = json.loads(
        json.dumps({"kind": kind, "config": dataclasses.asdict(config), **data_facts})
    )
    if folder.is_file():
        raise FacereliefError(f"{folder} is a file; name a folder for the run")
    before = read_run_settings(folder) if (folder / CONFIG).is_file() else None
    if before is not None:  # a setting that is newer than the run had its default
        default = json.loads(json.dumps({k: v for k, v in _defaults(config).items() if k not in before["config"]}))
        _same_run(folder, {**before, "config": default | before["config"]}, settings)
        _check_steps(folder, config.steps)
    elif folder.is_dir() and not all(is_partial(path.name) for path in folder.iterdir()):
        raise FacereliefError(f"{folder} holds other files; choose an empty folder for the run")
    return settings


def _defaults(config: Training) -> dict[str, Any]:
    return {one.name: getattr(type(config), one.name, {}) for one in dataclasses.fields(config)}


def read_run_settings(folder: Path) -> dict[str, Any]:
    """config.json of a run. Raises `CheckpointError` where there is none."""
    path = folder / CONFIG
    if not path.is_file():
        raise CheckpointError(f"{folder} is not a run (no {CONFIG}); name the folder that a training wrote")
    settings = read_object(path, "choose another run", CheckpointError)
    if not isinstance(settings.get("config"), dict):
        raise CheckpointError(f"{path} is not a run's configuration; choose another run")
    return {**settings, "config": rename_settings(settings["config"])}


def read_metrics(folder: Path) -> list[dict[str, float]]:
    """The lines of metrics.jsonl; those that cannot be read, as the last one after a kill, count for nothing."""
    return [line for line in read_lines(folder / METRICS) if _is_logged(line)]


def _is_logged(line: Mapping[str, Any]) -> bool:
    return isinstance(line.get("step"), int) and all(isinstance(value, int | float) for value in line.values())


def _same_run(folder: Path, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Refuse to resume another run. Settings that do not change its steps may differ, and the dataset's name."""
    free = ("steps", "accumulate", "log_every", "sample_every", "save_every", "edit_gain", "precision")
    old, new = ({**run, "config": {k: v for k, v in run["config"].items() if k not in free}} for run in (before, now))
    changed = [f"{k}.{j}" for k in ("config",) for j in new[k] if old[k].get(j) != new[k][j]]
    changed += [k for k in new if k not in ("config", "dataset") and old.get(k) != new[k]]
    changed.sort(key=lambda name: name not in ("kind", "config.method"))  # which say most
    if changed:
        raise FacereliefError(f"{folder} holds a run with another {changed[0]}; choose another folder or delete it")


def _check_steps(folder: Path, steps: int) -> None:
    """Raise `FacereliefError` where a run has done more steps than it is to have."""
    done = read_facts(folder / STATE).get("step", 0)
    if isinstance(done, int) and done > steps:
        raise FacereliefError(f"{folder} has done {done} steps already; give --steps {done} or more, or another folder")


def _restore_optimiser(optimiser: torch.optim.Optimizer, saved: Checkpoint, prefix: str) -> None:
    """Adam's moments, compared with the parameters before any of them is read."""
    parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    shapes = {str(place): tuple(parameter.shape) for place, parameter in enumerate(parameters)}
    state: dict[int, dict[str, Tensor]] = {}
    for name, spec in saved.below(prefix).items():
        place, _, key = name.partition(".")
        wanted = {"step": (), "exp_avg": shapes.get(place), "exp_avg_sq": shapes.get(place)}.get(key)
        if place not in shapes or spec.shape != wanted:
            raise _unfit(saved, f"{prefix}.{name}")
        state.setdefault(int(place), {})[key] = torch.from_numpy(saved.read(f"{prefix}.{name}"))
    for at, moments in state.items():
        if len(moments) < 3:  # a parameter that never had a gradient has none
            raise _unfit(saved, f"{prefix}.{at}")
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})


def _unfit(saved: Checkpoint, name: str) -> CheckpointError:
    return CheckpointError(f"{saved.path}: {name!a:.60} does not fit this run; delete the file to begin the run anew")
