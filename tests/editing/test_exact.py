"""What every method promises: strength 0 is the very photo, and far from the face no pixel ever changes."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from photos import astronaut

from facerelief.editing import METHODS, Editor, load_editor
from facerelief.errors import FacereliefError
from facerelief.faces.alignment import Crop, align
from facerelief.faces.detector import Face, LandmarkFinder
from facerelief.photos.photo import Photo, read_photo, save_photo

PORTRAIT = astronaut()


@pytest.fixture(scope="module", params=METHODS)
def editor(request: pytest.FixtureRequest, finder: LandmarkFinder, tiny_weights: Callable[..., Path]) -> Editor:
    """Of each method, networks with random numbers, which change all that they may."""
    weights = None if request.param == "morphable" else tiny_weights(method=request.param)
    return load_editor(weights, finder, method=request.param)


@pytest.fixture(scope="module")
def face(finder: LandmarkFinder) -> Face:
    return finder(PORTRAIT)[0]


def outside(crop: Crop, shape: tuple[int, ...]) -> np.ndarray:
    """bool (H, W): pixels whose centres lie outside a crop."""
    rows, columns = np.mgrid[: shape[0], : shape[1]] + 0.5
    places = crop.to_crop(np.column_stack([columns.ravel(), rows.ravel()])).reshape(*shape[:2], 2)
    return ((places < 0) | (places > crop.size)).any(axis=2)


def turned(face: Face, degrees: float, scale: float, x: float, y: float) -> Face:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    points = (face.landmarks - face.landmarks.mean(axis=0)) * scale
    return Face((points @ np.array([(c, s, 0), (-s, c, 0), (0, 0, 1)]) + (x, y, 0)).astype(np.float32))


@settings(max_examples=6, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    degrees=st.floats(-180, 180),
    scale=st.floats(0.5, 3),
    x=st.floats(-40, 240),
    y=st.floats(-40, 200),
    strength=st.sampled_from([0.01, 0.5, 1.0, 1.5]),
    seed=st.integers(0, 99),
)
def test_pixels_outside_the_face_never_change(
    editor: Editor, face: Face, degrees: float, scale: float, x: float, y: float, strength: float, seed: int
) -> None:
    """Wherever the face is, whichever way it is turned, however strong the edit; also where it leaves the photo."""
    rgb = np.random.default_rng(seed).integers(0, 256, (160, 200, 3), dtype=np.uint8)
    placed = turned(face, degrees, scale, x, y)
    to = editor.target("surprise")
    done = editor.apply(rgb, placed, to, strength)
    far = outside(done.crop, rgb.shape)
    np.testing.assert_array_equal(done.photo[far], rgb[far])
    np.testing.assert_array_equal(editor.apply(rgb, placed, to, 0.0).photo, rgb)


def test_something_does_change(editor: Editor, face: Face) -> None:
    done = editor.apply(PORTRAIT, face, editor.target("surprise"), 1.0)
    near = ~outside(done.crop, PORTRAIT.shape)
    assert (done.photo != PORTRAIT).any(axis=2)[near].mean() > 0.3


def test_strength_nought_is_the_photo_through_a_png(editor: Editor, tmp_path: Path) -> None:
    """With transparency, also under what is transparent; the pixels' digest is that of the source's."""
    alpha = np.random.default_rng(0).integers(0, 256, PORTRAIT.shape[:2], dtype=np.uint8)
    save_photo(Photo(PORTRAIT, alpha), tmp_path / "me.png")
    photo = read_photo(tmp_path / "me.png")
    for expression in editor.expressions:
        save_photo(editor(photo, expression, strength=0.0, face="all").photo, tmp_path / "same.png")
        same = read_photo(tmp_path / "same.png")
        assert digest(same.rgb) == digest(PORTRAIT)
        assert same.alpha is not None and digest(same.alpha) == digest(alpha)


def digest(pixels: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest()


def test_a_plan_rendered_later_is_the_edit(editor: Editor, face: Face) -> None:
    """Made once and rendered at any strength, in any order, on the same photo: as if each were asked for by itself."""
    to = editor.target("happiness")
    plan = editor.plan(PORTRAIT, face, to)
    kept = PORTRAIT.copy()
    for strength in (1.0, 0.3, 0.0, 1.5, 0.3):
        once = editor.apply(PORTRAIT, face, to, strength).photo
        later = editor.render(PORTRAIT, plan, strength)
        assert np.abs(once.astype(int) - later).max() <= 1  # networks' last bits differ from call to call
    np.testing.assert_array_equal(PORTRAIT, kept)
    assert editor.render(PORTRAIT, plan, 0.0) is not PORTRAIT


@pytest.mark.parametrize("strength", [0.6, 1.5])
def test_what_is_not_of_the_part_stays(editor: Editor, face: Face, strength: float) -> None:
    """Below the cheeks an edit of the eyes changes nothing, nor one of the mouth from the lower lids up."""
    to = editor.target("surprise")
    whole = editor.apply(PORTRAIT, face, to, strength).photo
    rows = np.arange(len(PORTRAIT)) + 0.5
    middle = align(face.landmarks, 100).to_photo(np.array([(50.0, 50.0), (50.0, 51.0)]))
    assert abs(middle[1, 0] - middle[0, 0]) < 0.35 * (middle[1, 1] - middle[0, 1])  # upright, within 20 degrees
    lids, lips = face.landmarks[[145, 374], 1], face.landmarks[[61, 0, 291], 1]
    for part, stays in (("eyes", rows > lips.max() + 20), ("mouth", rows < lids.min() - 20)):
        done = editor.apply(PORTRAIT, face, to, strength, part)
        out = done.photo
        assert done.part == part
        np.testing.assert_array_equal(out[stays], PORTRAIT[stays])
        assert (whole[stays] != PORTRAIT[stays]).any()
        own = rows < lids.min() - 20 if part == "eyes" else rows > lips.max() + 20
        assert np.abs(out[own].astype(int) - whole[own]).max() <= 1  # networks' last bits differ from call to call
        assert (out[own] != PORTRAIT[own]).any()
    with pytest.raises(FacereliefError) as caught:
        editor.apply(PORTRAIT, face, to, strength, "nose")
    assert str(caught.value) == "no part 'nose' of a face; choose from face, eyes, mouth"


def test_what_is_smoothed_over_time_is_there(editor: Editor, face: Face) -> None:
    plan = editor.plan(PORTRAIT, face, editor.target("happiness"))
    assert plan.smoothing_windows
    for name, reach in plan.smoothing_windows.items():
        values = getattr(plan, name)
        assert isinstance(values, np.ndarray) and np.issubdtype(values.dtype, np.floating)
        assert reach > 0
