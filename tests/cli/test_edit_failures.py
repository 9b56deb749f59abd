"""What goes wrong in the middle of `facerelief edit`: nothing else ends for it, and what was written is told."""

import os
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from photos import astronaut
from PIL import Image

from facerelief.editing.jobs import batch as batch_module
from facerelief.editing.jobs import photo_job as files_module
from facerelief.editing.jobs import video_job
from facerelief.editing.jobs.inputs import Input
from facerelief.editing.jobs.job import EditJob, EditOutcome, EditSettings, JobPlan
from facerelief.errors import FacereliefError
from facerelief.faces.detector import LandmarkFinder
from facerelief.files import write_text

Command = Callable[..., Any]
NAMES = ["me-happiness-tiny.png", "me-surprise-tiny.png"]


class Trouble:
    """In place of a `FileEditor`: what goes wrong is the file's name."""

    digest, settings = "", EditSettings()

    def __call__(self, job: EditJob) -> EditOutcome:
        name = str(job.source)
        if name == "memory":
            raise MemoryError
        if name == "fault":
            raise ZeroDivisionError("of\nby")
        if name == "death":
            os._exit(3)
        return EditOutcome(name, "edited")


def test_faults_and_want_of_memory_are_outcomes() -> None:
    jobs = [EditJob(Input(Path(name)), {}) for name in ("a", "memory", "fault", "b")]
    outcomes = list(batch_module.run_batch(jobs, Trouble()))  # type: ignore[arg-type]
    assert [one.state for one in outcomes] == ["edited", "failed", "failed", "edited"]
    assert outcomes[1].reason == "memory does not fit into memory; shrink it"
    assert outcomes[2].reason == "fault: ZeroDivisionError: of by; a fault of the program, report it"


class Fragile(batch_module.BatchEditor):
    """A worker without an editor."""

    def __init__(self, settings: EditSettings, threads: int | None = None) -> None:
        self._edit = Trouble()


def test_a_photo_that_ends_its_process_ends_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_module, "BatchEditor", Fragile)
    names = [*(f"p{k:02}" for k in range(15)), "death"]
    jobs = [EditJob(Input(Path(name)), {}) for name in names]
    outcomes = list(batch_module.run_batch(jobs, Trouble(), workers=2))  # type: ignore[arg-type]
    assert [one.source for one in outcomes] == names
    assert [one.source for one in outcomes if one.state == "failed"] == ["death"]
    assert "ends the process that edits it" in outcomes[15].reason


class Writer(Fragile):
    """A worker that writes the photo's name as its edit, and the first time ends after that of "death"."""

    def __init__(self, settings: EditSettings, threads: int | None = None) -> None:
        self._edit = self._write

    def _write(self, job: EditJob) -> EditOutcome:
        (target,) = job.targets.values()
        plan = JobPlan(job, str(job.source), EditSettings(), "weights")
        if plan.nothing_to_do:
            return plan.nothing_to_do
        plan.check()
        with plan.held([]):
            write_text(target, str(job.source))
        if str(job.source) == "death" and not (target.parent / "died").exists():
            (target.parent / "died").touch()
            os._exit(3)
        return EditOutcome(str(job.source), "edited", (target,))


def test_what_was_written_before_a_process_ended_is_nobody_elses(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Photos that are asked for again, and a command that runs beside the same command."""
    monkeypatch.setattr(batch_module, "BatchEditor", Writer)
    names = [*(f"p{k:02}" for k in range(8)), "death", *(f"q{k:02}" for k in range(8))]
    targets = {Input(Path(name)): {"fear": tmp_path / f"{name}-fear.txt"} for name in names}
    first, second = (batch_module.make_jobs(targets, EditSettings()) for _ in range(2))
    outcomes = list(batch_module.run_batch(first, Trouble(), workers=2))  # type: ignore[arg-type]
    assert [(one.state, one.written) for one in outcomes] == [
        ("edited", tuple(places.values())) for places in targets.values()
    ]
    assert {path.stem for path in tmp_path.glob("*.txt")} == {f"{name}-fear" for name in names}
    assert {Writer(EditSettings())(job).state for job in second} == {"skipped"}


@pytest.fixture
def edit(
    command: Command, finder: LandmarkFinder, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Command:
    """Runs `edit me.png --to happy,surprise --weights ...` in a folder with this photo."""
    monkeypatch.setattr(files_module, "load_finder", lambda **_: finder)
    monkeypatch.chdir(tmp_path)
    Image.fromarray(astronaut()[:230, 110:340]).save("me.png")
    return lambda *arguments: command("edit", "me.png", "--to", "happy,surprise", "--weights", weights, *arguments)


def fail_at(monkeypatch: pytest.MonkeyPatch, number: int, problem: BaseException) -> None:
    """Instead of writing the picture of that number, counted from 1."""
    write, left = files_module.write_picture, list(range(number))

    def fail(*arguments: Any) -> None:
        left.pop()
        if not left:
            raise problem
        write(*arguments)

    monkeypatch.setattr(files_module, "write_picture", fail)


@pytest.mark.parametrize(
    ("problem", "said"),
    [
        (FacereliefError("cannot write x: No space left on device; free space"), "cannot write x: No space left"),
        (MemoryError(), "me.png does not fit into memory; shrink it"),
        (ZeroDivisionError("by"), "me.png: ZeroDivisionError: by; a fault of the program, report it"),
    ],
)
def test_what_was_written_before_a_problem_is_named(
    edit: Command, monkeypatch: pytest.MonkeyPatch, problem: Exception, said: str
) -> None:
    fail_at(monkeypatch, 2, problem)
    result = edit()
    assert (result.code, result.out) == (2, f"{NAMES[0]}\n")
    assert result.err.count("\n") == 1
    assert result.err.startswith(f"facerelief: {said}")


def test_what_was_written_of_a_photo_of_several_before_a_problem_is_named(
    edit: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.new("RGB", (90, 90)).save("blank.png")
    fail_at(monkeypatch, 2, FacereliefError("the disk is full; free space"))
    result = edit("blank.png")
    assert (result.code, result.out) == (1, f"{NAMES[0]}\n")
    assert "edited        0  1 files written" in result.err
    assert "failed        2  the disk is full" in result.err


@pytest.mark.parametrize(("options", "number"), [((), 2), (("--to", "happy", "--save-depth"), 2)])
def test_an_interruption_after_an_edit_says_that_it_stays(
    edit: Command, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], number: int
) -> None:
    """Also where only what belongs beside it is missing."""
    fail_at(monkeypatch, number, KeyboardInterrupt())
    result = edit(*options)
    assert result.code == 130
    assert result.err == "facerelief: interrupted; finished edits are kept; run the same command again to resume\n"
    assert Path(NAMES[0]).is_file()


def test_what_was_written_of_a_video_before_a_problem_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def edit_video(editor: object, source: Path, target: Path, to: str, **_: object) -> SimpleNamespace:
        if to == "fear":
            raise FacereliefError("the disk is full; free space")
        write_text(target, to)
        return SimpleNamespace(notes=["no sound"])

    monkeypatch.setattr(video_job, "edit_video", edit_video)
    monkeypatch.setattr(video_job, "VideoSource", lambda _: nullcontext(SimpleNamespace(seconds=1.0)))
    monkeypatch.setattr(video_job, "sign_file", lambda *_, **__: False)
    clip = tmp_path / "clip.mp4"
    clip.write_text("frames")
    job = EditJob(Input(clip), {to: tmp_path / f"{to}.mp4" for to in ("anger", "fear")})
    editor: Any = SimpleNamespace(settings=EditSettings(), weights={"sha256": "w"}, editor=None)
    outcome = video_job.edit_video_job(editor, job)
    assert (outcome.state, outcome.written) == ("failed", (tmp_path / "anger.mp4",))
    assert outcome.reason == "the disk is full; free space"
    assert outcome.notes[0].startswith(f"{clip}: its manifest (C2PA) is damaged")
    assert outcome.notes[1:] == ("no sound",)


def test_what_is_beside_an_edit_and_not_of_it_is_told(edit: Command) -> None:
    """Typed anew without it, a receipt would tell of another picture."""
    happy = ("--to", "happy", "-o", "a.png")
    assert edit(*happy, "--receipt").code == 0
    assert edit(*happy, "--receipt", "--overwrite").err == ""
    result = edit(*happy, "--strength", "0.3", "--overwrite")
    assert (result.code, result.out) == (0, "a.png\n")
    assert result.err.splitlines() == [
        f"a-receipt.{kind} is not of this edit; add --receipt to write it anew, or remove it"
        for kind in ("json", "png")
    ]
