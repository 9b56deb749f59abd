"""The parts of an edit's time: they make up the whole, and the photo is really edited."""

import io
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facerelief.editing import load_editor
from facerelief.errors import NoFaceFound
from facerelief.evaluation.diagnostics import latency
from facerelief.evaluation.diagnostics.latency import STAGES, drawn_photo, measure_latency, preview_of
from facerelief.faces.detector import LandmarkFinder
from facerelief.photos.photo import read_photo


def test_the_parts_make_up_the_whole(
    finder: LandmarkFinder, tiny_weights: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    moved, encoded, encode = [], [], latency.encode_photo
    monkeypatch.setattr(latency, "encode_photo", lambda photo, *rest: encoded.append(photo.rgb) or encode(photo, *rest))
    found = measure_latency(
        load_editor(tiny_weights(), finder),
        data := drawn_photo(500, 300),
        repeats=5,
        progress=lambda *now: moved.append(now),
    )
    assert moved == [(k, 7) for k in range(1, 8)]
    assert len(encoded) == 7
    assert all((rgb != read_photo(data).rgb).any() for rgb in encoded)
    assert {part: len(values) for part, values in found.seconds.items()} == dict.fromkeys(
        (*STAGES, "whole", "preview"), 5
    )
    parts = np.sum([found.seconds[part] for part in STAGES], axis=0)
    assert (parts <= found.seconds["whole"]).all()
    assert parts.sum() > 0.95 * found.seconds["whole"].sum()
    assert found.shape == (500, 500)
    assert 100 < found.face < 300
    assert found.median("whole") <= found.p95("whole")


def test_a_slow_part_is_named(finder: LandmarkFinder, tiny_weights: Callable[..., Path]) -> None:
    def slow(rgb: np.ndarray) -> list:
        time.sleep(0.3)
        return finder(rgb)

    found = measure_latency(load_editor(tiny_weights(), slow), drawn_photo(400, 300), repeats=3)
    assert found.median("detect") >= 0.3
    assert found.median("decode") < found.median("detect") < found.median("whole")


def test_a_drawn_photo_is_the_same_everywhere_and_holds_one_face(finder: LandmarkFinder) -> None:
    data = drawn_photo()
    assert data == drawn_photo()
    assert Image.open(io.BytesIO(data)).size == (1000, 1000)
    photo = read_photo(data)
    (face,) = finder(photo.rgb)
    small, known = preview_of(photo, face)
    assert small.rgb.shape == (128, 128, 3)
    assert np.abs(known.landmarks[:, :2] - 64).max() < 64


def test_a_photo_without_a_face(finder: LandmarkFinder, tiny_weights: Callable[..., Path]) -> None:
    stream = io.BytesIO()
    Image.new("RGB", (200, 200)).save(stream, "PNG")
    with pytest.raises(NoFaceFound):
        measure_latency(load_editor(tiny_weights(), finder), stream.getvalue())
