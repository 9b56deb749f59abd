"""Datasets written by hand, and rows of them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from shells import Handmade, row_of

from facerelief.data import build
from facerelief.data.manifest import Sample
from facerelief.processes import cluster


@pytest.fixture
def handmade(tmp_path: Path) -> Handmade:
    """An empty dataset."""
    return Handmade(tmp_path / "faces")


@pytest.fixture
def row() -> Callable[..., Sample]:
    """Rows without files: `row("a", yaw=50)`."""
    return row_of


@pytest.fixture(autouse=True)
def _small_builds_are_done_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are about what is written; the process that each would start takes seconds, and `test_pool` tries it."""

    def nearby(*arguments: Any, here: Callable[[Any], Any], **options: Any) -> Iterator[Any]:
        items = arguments[3]
        return map(here, items) if len(items) < 16 else cluster.map_over(*arguments, here=here, **options)

    monkeypatch.setattr(build, "map_over", nearby)
