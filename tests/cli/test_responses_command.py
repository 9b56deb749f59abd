"""facerelief morphable responses: what is refused before long work; what it learns is tested in geometry."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

Refused = Callable[..., str]


@pytest.fixture
def photos(portrait: np.ndarray, tmp_path: Path) -> Path:
    (tmp_path / "photos" / "neutral").mkdir(parents=True)
    Image.fromarray(portrait[:64, :64]).save(tmp_path / "photos" / "neutral" / "a.png")  # no face
    return tmp_path / "photos"


def test_what_is_refused(refused: Refused, photos: Path, tmp_path: Path) -> None:
    words = ("morphable", "responses", str(photos), "-o")
    assert "8 people are needed" in refused(*words, str(tmp_path / "out"))
    assert "no neutral photo of nobody" in refused(*words, str(tmp_path / "out"), "--people", "nobody")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    assert "holds something else" in refused(*words, str(tmp_path / "full"))
