"""Drawn glasses are found and stay still; faces without any, or with a dark brow or a shadow, have none.

Whether thin rims are there is for the classifier to say (`test_glasses_classifier.py`).
"""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from facerelief.editing import load_editor
from facerelief.faces.detector import Face
from facerelief.geometry.morphable.model import load_face
from facerelief.geometry.transfer import glasses as module
from facerelief.geometry.transfer.glasses import rim_map

SIZE = 160


def landmarks(size: int = SIZE) -> np.ndarray:
    return load_face().mean * (0.33 * size) + np.array((0.5 * size, 0.36 * size, 0))


def face(size: int = SIZE, *, glasses: bool, rim: int = 40) -> np.ndarray:
    """Skin with eyes and brows; with round glasses, as dark as `rim`."""
    picture = Image.new("RGB", (size, size), (210, 165, 140))
    draw, unit = ImageDraw.Draw(picture), 0.33 * size
    for side in (-0.5, 0.5):
        x, y = (0.5 + 0.33 * side) * size, 0.36 * size
        draw.ellipse((x - 0.2 * unit, y - 0.07 * unit, x + 0.2 * unit, y + 0.07 * unit), fill=(60, 50, 50))
        draw.rectangle((x - 0.3 * unit, y - 0.42 * unit, x + 0.3 * unit, y - 0.34 * unit), fill=(70, 50, 40))
        if glasses:
            radius, width = 0.26 * unit, max(1, round(0.05 * unit))
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), outline=(rim,) * 3, width=width)
    if glasses:
        x, y = 0.5 * size, 0.355 * size
        draw.rectangle((x - 0.25 * unit, y - 0.03 * unit, x + 0.25 * unit, y + 0.03 * unit), fill=(rim,) * 3)
    return np.asarray(picture)


def test_dark_rims_are_found_where_they_are() -> None:
    found = rim_map(face(glasses=True), landmarks())
    dark = (face(glasses=True) != face(glasses=False)).any(axis=2)
    assert found[dark].mean() > 0.7
    away = np.ones((SIZE, SIZE), bool)
    rows, columns = np.nonzero(dark)
    away[max(0, rows.min() - 12) : rows.max() + 12, max(0, columns.min() - 12) : columns.max() + 12] = False
    away[: int(0.27 * SIZE)] = False  # a rim may lie over a brow
    assert not found[away].any()


def test_faces_without_glasses_have_none() -> None:
    assert not rim_map(face(glasses=False), landmarks()).any()
    shadow = face(glasses=False).copy()
    shadow[40:70, 74:86] //= 2  # a broad dark nose
    assert not rim_map(shadow, landmarks()).any()
    assert not rim_map(face(glasses=True), landmarks() + np.array((900.0, 0, 0))).any()


def test_where_a_classifier_sees_glasses_all_beside_the_eyes_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "load_glasses", lambda: lambda pixels: 2.0)
    found = rim_map(face(glasses=False), landmarks())
    unit, (x, y) = 0.33 * SIZE, (0.5 * SIZE, 0.36 * SIZE)
    places = {  # inter-ocular distances right and down of the middle of the eyes
        "bridge": (0, 0.0),
        "below an eye": (0.5, 0.25),
        "beside an eye": (0.95, 0.0),
    }
    for name, (right, down) in places.items():
        assert found[int(y + down * unit), int(x + right * unit)] > 0.9, name
    eyes = landmarks()[[159, 145, 386, 374], :2].astype(int)
    brows = landmarks()[[105, 334], :2].astype(int)
    assert found[eyes[:, 1], eyes[:, 0]].max() < 0.3
    assert found[brows[:, 1], brows[:, 0]].max() < 0.35
    assert not found[int(y + 0.6 * unit) :].any()  # cheeks and mouth are free
    monkeypatch.setattr(module, "load_glasses", lambda: lambda pixels: 0.5)
    np.testing.assert_allclose(rim_map(face(glasses=False), landmarks()), found / 2, atol=1e-6)


@pytest.mark.parametrize("expression", ["surprise", "anger"])
def test_rims_stay_where_they_are(expression: str) -> None:
    """Of the pixels of the rims nearly all stay dark; those of the brows above them move."""
    editor, size = load_editor(method="morphable"), 480
    photo, points = face(size, glasses=True), landmarks(size).astype(np.float32)
    plan = editor.plan(photo, Face(points), editor.target(expression))
    edited = editor.render(photo, plan, 1.0)
    rims = (photo != face(size, glasses=False)).any(axis=2)
    rims[: int(0.27 * size)] = False  # not where brows lie over them
    assert (edited[rims].max(axis=1) < 110).mean() > 0.9
    brows = (slice(int(0.2 * size), int(0.3 * size)), slice(int(0.25 * size), int(0.42 * size)))
    assert np.abs(edited[brows].astype(int) - photo[brows]).mean() > 2
