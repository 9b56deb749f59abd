"""A finished study of a tiny scale, which tests read."""

import dataclasses
from collections.abc import Callable, Iterator

import pytest
import torch
from shells import CLASSES, write_dataset

from facerelief.evaluation.experiments import studies
from facerelief.evaluation.experiments.grid import Grid
from facerelief.evaluation.experiments.study import StudyRequest, run_study

_SIZE = {"blocks": 1, "d_width": 8, "d_max_channels": 32, "steps": 2}
TINY = studies.Scale(
    "cpu",
    seeds=2,
    pictures=24,
    scenes_per_person=1,
    picture_size=64,
    all={**studies.SCALES["smoke"].all, "batch": 6, "log_every": 1},
    judge={"steps": 4},
    identity={"steps": 2},
    depth=_SIZE,
    editor={**_SIZE, "warm_up": 0},
)


@pytest.fixture(scope="session")
def tiny_scale() -> Iterator[str]:
    """A scale of a second."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACCELERATE_USE_CPU", "true")
        patch.setitem(studies.SCALES, "tiny", TINY)
        torch.set_num_threads(1)
        yield "tiny"


@pytest.fixture(scope="session")
def asked(tiny_scale: str, tmp_path_factory: pytest.TempPathFactory) -> StudyRequest:
    """Table 2 with its two cells and two seeds, on handmade faces."""
    root = tmp_path_factory.mktemp("study")
    return StudyRequest("table2", tiny_scale, root / "study", write_dataset(root / "faces"), expressions=CLASSES)


@pytest.fixture(scope="session")
def finished(asked: StudyRequest) -> Grid:
    """The study, finished; not to be changed."""
    grid, failures = run_study(asked)
    assert failures == {}
    return grid


@pytest.fixture
def moved(asked: StudyRequest) -> Callable[..., StudyRequest]:
    """Makes wishes like it, with some things otherwise."""

    def like(**changes: object) -> StudyRequest:
        return dataclasses.replace(asked, **changes)

    return like
