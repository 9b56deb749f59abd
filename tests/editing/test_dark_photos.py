"""Photos that show next to nothing: what is divided by how bright they are is never zero."""

import numpy as np
import pytest

from facerelief.editing import load_editor
from facerelief.faces.detector import LandmarkFinder
from facerelief.photos.photo import Photo


@pytest.mark.parametrize("level", [0, 1, 255])
@pytest.mark.parametrize("to", ["surprise", "happiness", "AU43:0.5", "look-left"])
def test_even_photos_are_edited(finder: LandmarkFinder, photo: Photo, to: str, level: int) -> None:
    """With the landmarks of a face that the photo does not show; warnings are errors here."""
    editor = load_editor(method="morphable", finder=finder)
    face, even = editor.find(photo)[0], np.full_like(photo.rgb, level)
    edited = editor.render(even, editor.plan(even, face, to), 1.0)
    assert (edited[:4] == level).all() and (edited[-4:] == level).all()
    assert abs(edited.astype(float) - level).mean() < 8  # a mouth and eyes are drawn, and nothing else
    if to == "surprise":
        assert (edited != level).any()
