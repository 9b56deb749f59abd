"""Editors by networks with random numbers for weights: faces come out as noise."""

from collections.abc import Callable
from pathlib import Path

import pytest
from photos import astronaut

from facerelief.editing import Editor, load_editor
from facerelief.faces.detector import LandmarkFinder
from facerelief.photos.photo import Photo


@pytest.fixture(scope="session")
def photo() -> Photo:
    return Photo(astronaut(), name="portrait.png")


@pytest.fixture(scope="module")
def editor(finder: LandmarkFinder, tiny_weights: Callable[..., Path]) -> Editor:
    return load_editor(tiny_weights(), finder)


@pytest.fixture(scope="module")
def luma_editor(finder: LandmarkFinder, tiny_weights: Callable[..., Path]) -> Editor:
    return load_editor(tiny_weights(colour="luma"), finder)
