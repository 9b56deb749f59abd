"""Jobs that need one another: their order, what a failure takes with it, and several processes."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from children import spawned

from facerelief.errors import FacereliefError
from facerelief.processes.graph import run_graph

NEEDS = {"score b": ("b", "judge"), "judge": (), "a": (), "b": ("a",), "c": ()}


class Notes:
    """Notes in a folder who did what; a job whose name is in `failing` fails."""

    def __init__(self, folder: Path, failing: str = "", dies: str = "") -> None:
        self.folder, self.failing, self.dies = folder, failing, dies

    def __call__(self, name: str) -> int:
        if name == self.dies:
            os._exit(7)
        if name == self.failing:
            raise FacereliefError(f"{name} has no data; bring some")
        before = [path.name for path in self.folder.iterdir()]
        assert set(NEEDS[name]) <= set(before)
        time.sleep(0.05)
        (self.folder / name).touch()
        return os.getpid()


def never(*arguments: object) -> Callable[[str], None]:
    raise FacereliefError("no device; bring one")


@pytest.mark.parametrize("processes", [1, 2])
def test_each_job_runs_once_after_those_that_it_needs(tmp_path: Path, processes: int) -> None:
    done: dict[str, int] = {}
    assert run_graph(NEEDS, Notes, (tmp_path,), processes, done.__setitem__) == {}
    assert sorted(done) == sorted(NEEDS)
    assert {path.name for path in tmp_path.iterdir()} == set(NEEDS)
    here = os.getpid()
    assert (set(done.values()) == {here}) == (processes == 1)


def test_a_failure_takes_with_it_what_needs_it_and_nothing_else(tmp_path: Path) -> None:
    done: dict[str, int] = {}
    failures = run_graph(NEEDS, Notes, (tmp_path, "a"), 1, done.__setitem__)
    assert failures == {
        "a": "a has no data; bring some",
        "b": "needs a, which failed",
        "score b": "needs b, which failed",
    }
    assert sorted(done) == ["c", "judge"]


def test_jobs_that_are_done_are_not_waited_for(tmp_path: Path) -> None:
    for name in ("a", "judge"):
        (tmp_path / name).touch()
    open_jobs = {"score b": ("b", "judge"), "b": ("a",)}
    assert run_graph(open_jobs, Notes, (tmp_path,), 1) == {}


def test_a_process_that_dies_ends_the_graph_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(FacereliefError, match="with fewer --processes"):
        run_graph(NEEDS, Notes, (tmp_path, "", "b"), 2)


class Dying:
    """Does "slow" for a long time, and dies by "dies" while it does."""

    def __init__(self, folder: Path) -> None:
        self.begun = folder / "begun"

    def __call__(self, name: str) -> int:
        if name == "slow":
            self.begun.touch()
            time.sleep(600)
        while not self.begun.exists():
            time.sleep(0.05)
        os._exit(1)


def test_a_job_that_goes_on_when_another_process_dies_is_ended(tmp_path: Path) -> None:
    with pytest.raises(FacereliefError, match="with fewer --processes"):
        run_graph({"slow": (), "dies": ()}, Dying, (tmp_path,), 2)
    assert not spawned()


class Endless:
    """Does "quick" at once, and "endless" never."""

    def __call__(self, name: str) -> int:
        while name == "endless":
            time.sleep(0.1)
        return os.getpid()


def test_an_interruption_does_not_wait_for_a_job_that_has_hours_to_go() -> None:
    def interrupted(name: str, result: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_graph({"endless": (), "quick": ()}, Endless, (), 2, interrupted)
    assert not spawned()


def test_what_the_start_of_a_process_raises_is_what_every_job_fails_of(tmp_path: Path) -> None:
    failures = run_graph({"a": (), "b": ("a",)}, never, (), 2)
    assert failures == {"a": "no device; bring one", "b": "needs a, which failed"}
