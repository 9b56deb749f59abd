"""What goes wrong in the middle of `facerelief edit`: nothing else ends for it, and what was written is told."""

import os
from pathlib import Path

import pytest

from facerelief.editing import batch as batch_module
from facerelief.editing.inputs import Input
from facerelief.editing.jobs import Job, Outcome, Plan, Settings
from facerelief.files import write_text


class Trouble:
    """In place of a `FileEditor`: what goes wrong is the file's name."""

    digest, settings = "", Settings()

    def __call__(self, job: Job) -> Outcome:
        name = str(job.source)
        if name == "memory":
            raise MemoryError
        if name == "fault":
            raise ZeroDivisionError("of\nby")
        if name == "death":
            os._exit(3)
        return Outcome(name, "edited")


def test_faults_and_want_of_memory_are_outcomes() -> None:
    jobs = [Job(Input(Path(name)), {}) for name in ("a", "memory", "fault", "b")]
    outcomes = list(batch_module.run_batch(jobs, Trouble()))  # type: ignore[arg-type]
    assert [one.state for one in outcomes] == ["edited", "failed", "failed", "edited"]
    assert outcomes[1].reason == "memory does not fit into memory; shrink it"
    assert outcomes[2].reason == "fault: ZeroDivisionError: of by; a fault of the program, report it"


class Fragile(batch_module.BatchEditor):
    """A worker without an editor."""

    def __init__(self, settings: Settings, threads: int | None = None) -> None:
        self._edit = Trouble()


def test_a_photo_that_ends_its_process_ends_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_module, "BatchEditor", Fragile)
    monkeypatch.setattr(batch_module, "_IN_FLIGHT", 1)
    names = [*(f"p{k:02}" for k in range(15)), "death"]
    jobs = [Job(Input(Path(name)), {}) for name in names]
    outcomes = list(batch_module.run_batch(jobs, Trouble(), workers=2))  # type: ignore[arg-type]
    assert [one.source for one in outcomes] == names
    assert [one.source for one in outcomes if one.state == "failed"] == ["death"]
    assert "ends the process that edits it" in outcomes[15].reason


class Writer(Fragile):
    """A worker that writes the photo's name as its edit, and the first time ends after that of "death"."""

    def __init__(self, settings: Settings, threads: int | None = None) -> None:
        self._edit = self._write

    def _write(self, job: Job) -> Outcome:
        (target,) = job.targets.values()
        plan = Plan(job, str(job.source), Settings(), "weights")
        if plan.nothing_to_do:
            return plan.nothing_to_do
        plan.check()
        with plan.held([]):
            write_text(target, str(job.source))
        if str(job.source) == "death" and not (target.parent / "died").exists():
            (target.parent / "died").touch()
            os._exit(3)
        return Outcome(str(job.source), "edited", (target,))


def test_what_was_written_before_a_process_ended_is_nobody_elses(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Photos that are asked for again, and a command that runs beside the same command."""
    monkeypatch.setattr(batch_module, "BatchEditor", Writer)
    names = [*(f"p{k:02}" for k in range(8)), "death", *(f"q{k:02}" for k in range(8))]
    targets = {Input(Path(name)): {"fear": tmp_path / f"{name}-fear.txt"} for name in names}
    first, second = (batch_module.make_jobs(targets, Settings()) for _ in range(2))
    outcomes = list(batch_module.run_batch(first, Trouble(), workers=2))  # type: ignore[arg-type]
    assert [one.reason for one in outcomes if one.state == "failed"] == []
    assert {path.stem for path in tmp_path.glob("*.txt")} == {f"{name}-fear" for name in names}
    assert {Writer(Settings())(job).state for job in second} == {"skipped"}
