"""Eyes behind lids, measured on drawn eyes: irises stay round, closed eyes hide them, and a gaze moves them."""

import numpy as np
import pytest
from drawn_eyes import RADIUS, UNIT, drawn_eyes, fitted_circle, iris_centre, iris_pixels

from facerelief.editing.methods.morphable import MorphableEditor, MorphablePlan
from facerelief.faces.alignment import inter_ocular
from facerelief.faces.detector import Face
from facerelief.geometry.morphable.controls import eye_amounts
from facerelief.geometry.morphable.model import load_face
from facerelief.geometry.transfer.eyes.motion import GAZE, EyeMotion, eye_layers
from facerelief.geometry.transfer.eyes.seen import seen_eyes
from facerelief.geometry.transfer.unfolding import jacobian_determinants

EYES = (slice(180, 380), slice(130, 570))  # of the drawn photo


@pytest.fixture(scope="module")
def editor() -> MorphableEditor:
    return MorphableEditor(load_face())


@pytest.fixture(scope="module")
def drawn() -> tuple[np.ndarray, Face]:
    return drawn_eyes()


def edited(editor: MorphableEditor, drawn: tuple[np.ndarray, Face], to: str, strength: float = 1.0) -> np.ndarray:
    rgb, face = drawn
    return editor.render(rgb, editor.plan(rgb, face, editor.target(to)), strength)


def test_irises_are_found_where_they_are_drawn(drawn: tuple[np.ndarray, Face]) -> None:
    rgb, face = drawn
    for number, eye in enumerate(seen_eyes(rgb, face.landmarks)):
        found = eye.frame.to_photo(np.array([[eye.iris.x, eye.iris.y]]))[0]
        np.testing.assert_allclose(found, iris_centre(face.landmarks.astype(float), number), atol=0.01 * UNIT)
        assert eye.iris.radius / eye.frame.scale == pytest.approx(RADIUS, rel=0.05)
        assert eye.unit / eye.frame.scale == pytest.approx(inter_ocular(face.landmarks))


@pytest.mark.parametrize("to", ["surprise", "fear", "happiness", "anger", "AU5", "AU7", "AU43:0.4"])
def test_irises_stay_round_and_where_they_are(editor: MorphableEditor, drawn: tuple[np.ndarray, Face], to: str) -> None:
    out = edited(editor, drawn, to)
    for eye in range(2):
        (centre, away), (before, _) = (fitted_circle(iris_pixels(rgb, eye)) for rgb in (out, drawn[0]))
        np.testing.assert_allclose(away, RADIUS, rtol=0.07)
        np.testing.assert_allclose(centre, before, atol=0.05 * RADIUS)


def test_a_wider_eye_shows_what_its_lid_hid(editor: MorphableEditor, drawn: tuple[np.ndarray, Face]) -> None:
    """The circle goes on above: a drawn iris is cut by the lid a little above its centre."""
    before, after = (iris_pixels(rgb, 0).any(axis=1).sum() for rgb in (drawn[0], edited(editor, drawn, "AU5")))
    assert before < after <= 2 * RADIUS + 2


def test_a_closed_eye_shows_neither_white_nor_iris(editor: MorphableEditor, drawn: tuple[np.ndarray, Face]) -> None:
    for to in ("eyes-closed", "AU43", "AU43:2", "eyeBlink"):
        out = edited(editor, drawn, to)
        assert not iris_pixels(out, 0).any() and not iris_pixels(out, 1).any()
        assert out[EYES][..., 2].max() < 150  # skin has 125, white 240


def test_a_wink_closes_one_eye_and_leaves_the_iris_of_the_other(
    editor: MorphableEditor, drawn: tuple[np.ndarray, Face]
) -> None:
    out = edited(editor, drawn, "AU43L")
    assert not iris_pixels(out, 1).any()
    assert (iris_pixels(out, 0) != iris_pixels(drawn[0], 0)).sum() < 0.02 * iris_pixels(drawn[0], 0).sum()


def test_lids_come_down_as_far_as_asked(editor: MorphableEditor, drawn: tuple[np.ndarray, Face]) -> None:
    """What is open in the middle of an eye falls in proportion, whether by amount or by strength."""
    photo = drawn[0]

    def opening(rgb: np.ndarray) -> int:
        column = rgb[EYES[0], 248].astype(int)
        return int((column[:, 2] > column[:, 0]).sum())

    half = opening(edited(editor, drawn, "AU43:0.5"))
    assert half == pytest.approx(0.5 * opening(photo), abs=2.5)
    assert opening(edited(editor, drawn, "AU43", 0.5)) == pytest.approx(half, abs=1)


@pytest.mark.parametrize(
    ("to", "share", "moved"),
    [
        ("look-left", 1.0, (1, 0)),
        ("look-right", 0.5, (-0.5, 0)),
        ("eyeLookUp", 1.0, (0, -1)),
        ("eyeLookDown:0.5", 1.0, (0, 0.5)),
        ("look-left:0.5+look-up:0.5", 1.0, (0.5, -0.5)),
    ],
)
def test_a_gaze_moves_irises_as_far_as_asked(
    editor: MorphableEditor, drawn: tuple[np.ndarray, Face], to: str, share: float, moved: tuple[float, float]
) -> None:
    out = edited(editor, drawn, to, share)
    for eye in range(2):
        centre, away = fitted_circle(iris_pixels(out, eye))
        expected = iris_centre(drawn[1].landmarks.astype(float), eye) + GAZE * moved * UNIT
        np.testing.assert_allclose(centre, expected, atol=0.08 * RADIUS)
        assert away.mean() == pytest.approx(RADIUS, rel=0.05)


def test_arkits_names_of_gazes() -> None:
    """Left is the person's own; the right eye is the one on the left in the picture."""
    rig = load_face().rig
    np.testing.assert_array_equal(eye_amounts("eyeLookOutLeft", rig), [[0, 0, 0], [0, 1, 0]])
    np.testing.assert_array_equal(eye_amounts("eyeLookInLeft", rig), [[0, 0, 0], [0, -1, 0]])
    np.testing.assert_array_equal(eye_amounts("eyeLookInRight", rig), [[0, 1, 0], [0, 0, 0]])
    np.testing.assert_array_equal(eye_amounts("eyeLookUp", rig), [[0, 0, -1], [0, 0, -1]])
    np.testing.assert_array_equal(eye_amounts("eyeBlinkLeft", rig), [[0, 0, 0], [1, 0, 0]])
    np.testing.assert_array_equal(eye_amounts("AU43", rig), [[1, 0, 0], [1, 0, 0]])
    np.testing.assert_array_equal(eye_amounts("AU12", rig), np.zeros((2, 3)))


def test_what_does_not_move_eyes_leaves_them_alone(editor: MorphableEditor, drawn: tuple[np.ndarray, Face]) -> None:
    rgb, face = drawn
    for to in ("neutral", "AU12", "kiss", "open-mouth"):
        assert not editor.plan(rgb, face, to).eyes
    plan: MorphablePlan = editor.plan(rgb, face, "eyes-closed", "mouth")
    np.testing.assert_array_equal(iris_pixels(editor.render(rgb, plan, 1.0), 0), iris_pixels(rgb, 0))


@pytest.mark.parametrize("to", ["surprise", "anger", "eyes-closed", "AU43:0.5", "look-down"])
def test_skin_of_lids_does_not_fold(editor: MorphableEditor, drawn: tuple[np.ndarray, Face], to: str) -> None:
    """Each lid's flow, up to the line between the lids, where it is used."""
    rgb, face = drawn
    plan = editor.plan(rgb, face, editor.target(to))
    for strength in (0.5, 1.0, 1.5):
        layers = editor.layers(plan, strength)
        assert isinstance(layers.eyes, EyeMotion)
        for layer in eye_layers(layers.eyes, plan.crop, layers.applied_flows()[0]):
            below = layer.maps["below"][:-1, :-1, 0]
            for name, used in (("upper", below < -1), ("lower", below > 1)):
                least = jacobian_determinants(layer.maps[name].astype(np.float64)).min(axis=0)
                shown = used & (layer.maps["share"][:-1, :-1, 0] > 0)
                assert least[shown].min() > 0


def test_a_small_or_closed_eye_is_no_error(editor: MorphableEditor) -> None:
    """Of eyes without an opening, or a few pixels wide, nothing is known; an edit still succeeds."""
    rgb, face = drawn_eyes()
    small = Face(face.landmarks * np.float32(0.06))
    shut = face.landmarks.copy()
    for upper, lower in zip((159, 160, 161, 158, 157), (145, 144, 163, 153, 154), strict=True):
        shut[upper] = shut[lower]
    for one, photo in ((small, rgb[::16, ::16]), (Face(shut), np.full_like(rgb, 120))):
        for to in ("eyes-closed", "look-left", "surprise"):
            assert edited(editor, (np.ascontiguousarray(photo), one), to).shape == photo.shape
