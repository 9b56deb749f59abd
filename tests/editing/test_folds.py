"""No edit folds: the warp that is applied has a positive Jacobian everywhere, by any method, strength and part."""

from itertools import product
from typing import Any

import numpy as np
import pytest
from scipy.ndimage import minimum_filter

from facerelief.editing import load_editor
from facerelief.editing.editor import Editor
from facerelief.faces.alignment import Crop
from facerelief.faces.detector import Face
from facerelief.faces.warping import flow_in_photo, resample_map
from facerelief.geometry.morphable import load_face
from facerelief.geometry.morphable.random_faces import random_person, random_setting, render_portrait
from facerelief.geometry.transfer import warp_layers
from facerelief.geometry.transfer.eyes.motion import EyeLayer
from facerelief.geometry.transfer.unfolding import folds, jacobian_determinants

PERSONS = 16


@pytest.fixture(scope="module", params=["relief", "morphable"])
def editor(request: pytest.FixtureRequest) -> Editor:
    return load_editor(method=request.param)


@pytest.fixture(scope="module")
def portraits() -> list[tuple[np.ndarray, Face]]:
    """Persons with some expression, 200 pixels a side."""
    found = []
    for number in range(PERSONS):
        face, random = load_face(), np.random.default_rng(number)
        shown = ("neutral", "happiness", "surprise", "anger")[number % 4]
        rgb, landmarks = render_portrait(face, random_person(face, random), shown, random_setting(random), 200)
        found.append((rgb, Face(landmarks.astype(np.float32))))
    return found


@pytest.fixture
def warps(monkeypatch: pytest.MonkeyPatch) -> list[tuple[np.ndarray, np.ndarray]]:
    """The flow of each edit, and what it is at the photo's resolution."""
    found: list[tuple[np.ndarray, np.ndarray]] = []
    real = warp_layers.warp_photo

    def recorded(rgb: np.ndarray, crop: Crop, flow: np.ndarray, maps: Any, place: Any) -> Any:
        found.append((flow, flow_in_photo(crop, resample_map(crop, flow, place, "bilinear")).astype(np.float64)))
        return real(rgb, crop, flow, maps, place)

    monkeypatch.setattr(warp_layers, "warp_photo", recorded)
    return found


@pytest.fixture
def lids(monkeypatch: pytest.MonkeyPatch) -> list[tuple[EyeLayer, np.ndarray, Any]]:
    """Each eye that is drawn, the flow of one of its lids, and where in the photo."""
    found: list[tuple[EyeLayer, np.ndarray, Any]] = []
    real = warp_layers.draw_eye

    def recorded(pixels: np.ndarray, photo: np.ndarray, eye: EyeLayer, place: Any) -> None:
        found.extend((eye, eye.maps[name], place) for name in ("upper", "lower"))
        real(pixels, photo, eye, place)

    monkeypatch.setattr(warp_layers, "draw_eye", recorded)
    return found


WAYS = [(1.5, "face"), (1.0, "face"), (0.6, "face"), (1.5, "mouth"), (1.5, "eyes")]


@pytest.mark.parametrize(("strength", "part"), WAYS)
def test_no_edit_folds(
    editor: Editor, portraits: list[tuple[np.ndarray, Face]], warps: list[Any], strength: float, part: str
) -> None:
    some = portraits if strength == 1.5 else portraits[:4]
    for rgb, face in some:
        for to in editor.expressions:
            editor.apply(rgb, face, to, strength, part)
    assert len(warps) >= 8 * len(some)
    assert [number for number, (flow, _) in enumerate(warps) if folds(flow).any()] == []
    large = [flow for _, flow in warps if min(flow.shape[:2]) > 1]  # where nothing moves hardly a pixel is warped
    assert len(large) > len(warps) / 2
    assert min(jacobian_determinants(flow).min() for flow in large) > 0


@pytest.mark.parametrize("to", ["AU43", "wink-left", "AU43R:0.5", "AU5", "look-down+AU43:0.3", "look-up+AU5:2"])
def test_no_lid_folds(portraits: list[tuple[np.ndarray, Face]], lids: list[Any], to: str) -> None:
    """Where lids are drawn; at the photo's resolution too."""
    editor = load_editor(method="morphable")
    for (rgb, face), strength in product(portraits[:4], (0.5, 1.0, 1.5)):
        editor.apply(rgb, face, editor.target(to), strength)
    assert len(lids) >= 24
    moved = 0.0
    for eye, flow, place in lids:
        shown = eye.maps["share"]
        fine = flow_in_photo(eye.frame, resample_map(eye.frame, flow, place, "bilinear"))
        for field, share in ((flow, shown), (fine, resample_map(eye.frame, shown, place, "bilinear"))):
            inside = minimum_filter(share[..., 0], 2, origin=-1)[:-1, :-1] > 0
            assert inside.any()
            assert jacobian_determinants(field.astype(np.float64)).min(axis=0)[inside].min() > 0
        moved = max(moved, np.abs(flow).max() / eye.frame.size)
    assert moved > 0.02


def test_an_editor_tells_the_warps_that_it_applies(
    editor: Editor, portraits: list[tuple[np.ndarray, Face]], warps: list[Any], lids: list[Any]
) -> None:
    """Of a mouth that is shut three: of the face and of both lips; of each eye that opens or closes two."""
    edits = [("surprise", 0, 1), ("neutral", 6, 3)] + [("AU43", 0, 1)] * (editor.method == "morphable")
    for to, person, count in edits:
        rgb, face = portraits[person]
        warps.clear()
        lids.clear()
        plan = editor.plan(rgb, face, to)
        editor.render(rgb, plan, 1.2)
        told = editor.warps(plan, 1.2)
        applied = [flow for flow, _ in warps] + [flow for _, flow, _ in lids]
        assert len(told) == count + len({id(eye) for eye, _, _ in lids}) * 2
        assert all(any(np.array_equal(one, flow) for flow in applied) for one in told)
        assert all(any(np.array_equal(one, flow) for one in told) for flow in applied)


def test_without_it_they_would(
    editor: Editor, portraits: list[tuple[np.ndarray, Face]], warps: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warp_layers, "unfold", lambda flow: flow)
    for rgb, face in portraits[:4]:
        for to in editor.expressions:
            editor.apply(rgb, face, to, 1.5)
    assert any(folds(flow).any() for flow, _ in warps)
