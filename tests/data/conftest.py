"""Datasets written by hand, and rows of them."""

from collections.abc import Callable
from pathlib import Path

import pytest
from shells import Handmade, row_of

from facerelief.data.manifest import Sample


@pytest.fixture
def handmade(tmp_path: Path) -> Handmade:
    """An empty dataset."""
    return Handmade(tmp_path / "faces")


@pytest.fixture
def row() -> Callable[..., Sample]:
    """Rows without files: `row("a", yaw=50)`."""
    return row_of
