"""Eyes behind lids, measured on drawn eyes: irises stay round, closed eyes hide them, and a gaze moves them."""

import dataclasses

import numpy as np
import pytest
from drawn_eyes import RADIUS, UNIT, drawn_eyes, fitted_circle, iris_centre, iris_pixels

from facerelief.editing.methods.morphable import MorphableEditor, MorphablePlan
from facerelief.faces.alignment import inter_ocular
from facerelief.faces.detector import Face
from facerelief.geometry.morphable.controls import eye_amounts
from facerelief.geometry.morphable.model import load_face
from facerelief.geometry.topology import lid_curves
from facerelief.geometry.transfer.eyes.eyeball import eyeball, known_share, usual_whites
from facerelief.geometry.transfer.eyes.lids import Lids
from facerelief.geometry.transfer.eyes.motion import GAZE, EyeMotion, eye_layers
from facerelief.geometry.transfer.eyes.seen import eye_measures, seen_eyes, with_measures
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
        both = eye_layers(layers.eyes, plan.crop, layers.applied_flows()[0])
        assert len(both) == 2
        for layer in both:
            below = layer.maps["below"][:-1, :-1, 0]
            for name, used in (("upper", below < -1), ("lower", below > 1)):
                least = jacobian_determinants(layer.maps[name].astype(np.float64)).min(axis=0)
                shown = used & (layer.maps["share"][:-1, :-1, 0] > 0)
                assert least[shown].min() > 0


def test_measures_are_averaged(drawn: tuple[np.ndarray, Face]) -> None:
    """Of a video's frames: the mean of an eye's own and of one with another iris and lids lies halfway."""
    eye = seen_eyes(drawn[0], drawn[1].landmarks)[0]
    size, own = eye.frame.size, eye_measures(eye)
    same = with_measures(eye, own)
    assert (same.iris, same.clear) == (eye.iris, eye.clear)
    np.testing.assert_allclose(same.lids.upper, eye.lids.upper, atol=1e-9)
    higher = dataclasses.replace(eye.lids, upper=eye.lids.upper - 4.0, lower=eye.lids.lower + 2.0)
    other = dataclasses.replace(eye, lids=higher, iris=dataclasses.replace(eye.iris, x=eye.iris.x + 6), clear=0.0)
    mean = with_measures(eye, (own + eye_measures(other)) / 2)
    assert mean.iris.x == pytest.approx(eye.iris.x + 3) and mean.iris.y == pytest.approx(eye.iris.y)
    assert mean.clear == pytest.approx(eye.clear / 2)
    middle = int(np.mean(eye.lids.corners))
    assert mean.lids.upper[middle] == pytest.approx(eye.lids.upper[middle] - 2)
    assert mean.lids.lower[middle] == pytest.approx(eye.lids.lower[middle] + 1)
    assert mean.lids.upper[0] == eye.lids.upper[0] and size == mean.frame.size
    unknown = with_measures(eye, np.full_like(own, np.nan))
    assert unknown.iris == eye.iris and unknown.clear == eye.clear


def test_shut_eyes_are_not_torn_open(editor: MorphableEditor, drawn: tuple[np.ndarray, Face]) -> None:
    """Nothing is known of what is behind lids; an edit says so."""
    assert min(eye.clear for eye in seen_eyes(drawn[0], drawn[1].landmarks)) > 0.9
    assert not editor.plan(*drawn, "AU5").cautions
    shut, points = edited(editor, drawn, "AU43"), drawn[1].landmarks.copy()
    for upper, lower in zip(*(np.array(lids) for lids in zip(*lid_curves(), strict=True)), strict=True):
        points[upper] = points[lower] - (0, 0.04 * UNIT, 0)
    face = Face(points)
    assert max(eye.clear for eye in seen_eyes(shut, points)) < 0.1
    plan = editor.plan(shut, face, editor.target("look-left"))
    assert plan.cautions == ("an eye is shut or hardly seen; it is not opened or turned",)
    for out in (editor.render(shut, plan, 1.0), edited(editor, (shut, face), "AU5")):
        assert out[EYES][..., 2].max() < 150 and not iris_pixels(out, 0).any()
    assert editor.plan(shut, face, "AU5").cautions and not editor.plan(shut, face, "AU43").cautions


def test_eyes_turn_together(editor: MorphableEditor, drawn: tuple[np.ndarray, Face]) -> None:
    """Where one is not clear, neither turns all the way: eyes would squint."""
    rgb, face = drawn
    plan = editor.plan(rgb, face, editor.target("look-left"))
    before = [fitted_circle(iris_pixels(rgb, eye))[0][0] for eye in range(2)]
    for clear, share in ((1.0, 1.0), (0.75, 0.5), (0.5, 0.0)):
        unclear = dataclasses.replace(plan, eye_measures=plan.eye_measures.copy())
        unclear.eye_measures[1, 0] = clear
        out = editor.render(rgb, unclear, 1.0)
        moved = [fitted_circle(iris_pixels(out, eye))[0][0] - before[eye] for eye in range(2)]
        np.testing.assert_allclose(moved, share * GAZE[0] * UNIT, atol=0.08 * RADIUS)


def test_eyes_of_a_head_that_is_turned_far_stay(editor: MorphableEditor, drawn: tuple[np.ndarray, Face]) -> None:
    rgb, face = drawn
    points = face.landmarks.copy()
    points[:, 2] = -points[:, 0]  # by 45 degrees
    plan = editor.plan(rgb, Face(points), "AU43")
    assert plan.cautions == ("the head is turned too far for its eyes to be opened, closed or turned",)
    after, before = (iris_pixels(some, 0).sum() for some in (editor.render(rgb, plan, 1.0), rgb))
    assert after > 0.4 * before


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


def openings(editor: MorphableEditor, drawn: tuple[np.ndarray, Face], to: str, clear: float = 1.0) -> list[float]:
    """How far both eyes are open in the middle, in diameters of irises, if they were open by half of one."""
    rgb, face = drawn
    plan = editor.plan(rgb, face, editor.target(to))
    eyes = []
    for eye in seen_eyes(rgb, face.landmarks):
        half = 0.5 * eye.iris.radius / max(eye.lids.gap.max(), 1.0)
        lids = Lids(eye.lids.middle - half * eye.lids.gap, eye.lids.middle + half * eye.lids.gap, eye.lids.corners)
        eyes.append(dataclasses.replace(eye, lids=lids))
    eyes[1] = dataclasses.replace(eyes[1], clear=clear)
    flow = editor.layers(plan, 1.0).applied_flows()[0]
    layers = eye_layers(EyeMotion(tuple(eyes), np.zeros((2, 3))), plan.crop, flow)
    return [
        float(layer.maps["opacity"][:, int(np.mean(eye.lids.corners)), 0].sum() / (2 * eye.iris.radius))
        for layer, eye in zip(layers, eyes, strict=False)
    ]


def test_narrow_eyes_that_are_opened_wide_become_nearly_as_wide_as_usual(
    editor: MorphableEditor, drawn: tuple[np.ndarray, Face]
) -> None:
    """From 0.5 of an iris' diameter 0.6 of the way to 0.85, and what the units do besides; a little: no such leap."""
    for left, right in (openings(editor, drawn, to) for to in ("surprise", "fear")):
        assert 0.5 + 0.6 * 0.35 < left < 1.05 and right == pytest.approx(left, abs=0.1)
    assert all(0.48 < one < 0.62 for one in openings(editor, drawn, "AU5:0.2"))


def test_both_eyes_are_opened_alike(editor: MorphableEditor, drawn: tuple[np.ndarray, Face]) -> None:
    """Where one of them is hardly seen, the other does not stare."""
    (both, _), (other, *_) = openings(editor, drawn, "surprise"), openings(editor, drawn, "surprise", clear=0.5)
    assert 0.5 < other < 0.5 + 0.6 * (both - 0.5)


def test_the_white_of_an_eye_is_no_brighter_beside_its_skin_than_the_others(drawn: tuple[np.ndarray, Face]) -> None:
    """One lens mirrors the sky. And an eye in the shade limits the other no more than its skin is dark."""
    rgb, face = drawn
    left, right = seen_eyes(rgb, face.landmarks)
    usual = [most for _, most in usual_whites((left, right))]
    glare = dataclasses.replace(right, pixels=np.where(right.pixels > 200, 255, right.pixels).astype(np.uint8))
    shade = dataclasses.replace(right, pixels=right.pixels // 2)
    assert [most for _, most in usual_whites((left, glare))] == pytest.approx(usual, rel=0.02)
    assert [most for _, most in usual_whites((left, shade))] == pytest.approx((usual[0], usual[1] / 2), rel=0.1)


def test_the_white_of_an_eye_is_no_darker_than_any_white(drawn: tuple[np.ndarray, Face]) -> None:
    """0.95 of the skin below it, where lashes are all that is seen between the lids."""
    rgb, face = drawn
    left, right = seen_eyes(rgb, face.landmarks)
    between = left.lids.within(1.0) > 0.01
    dark = dataclasses.replace(left, pixels=np.where(between, 30, left.pixels).astype(np.uint8))
    (least, most), _ = usual_whites((dark, right))
    rows = np.arange(len(left.pixels))[:, None]
    skin = np.median((left.pixels @ np.array((0.299, 0.587, 0.114)))[rows > left.lids.lower + 0.06 * left.unit])
    assert least == pytest.approx(0.95 * skin, rel=0.02) and most >= least
    opened = dataclasses.replace(left.lids, upper=left.lids.upper - 0.1 * left.unit)
    hidden = (opened.within(1.0) > 0.99)[..., 0] & (left.lids.within(1.0) < 0.01)[..., 0]
    away = np.abs(np.arange(len(rows)) + 0.5 - left.iris.x)[None, :] > 1.5 * left.iris.radius
    levels = (eyeball(dark, opened, np.zeros(2), (least, most)).levels @ np.array((0.299, 0.587, 0.114)))[hidden & away]
    assert len(levels) and np.median(levels) == pytest.approx(least, rel=0.1)


def test_an_eye_that_shows_no_white_is_not_opened(drawn: tuple[np.ndarray, Face]) -> None:
    """From 0.7 of the skin's luminance on white is seen, below 0.4 it is not: nothing tells where its iris ends."""
    eye = seen_eyes(drawn[0], drawn[1].landmarks)[0]
    between = eye.lids.within(1.0) > 0.01
    below = np.arange(len(eye.pixels))[:, None] > eye.lids.lower + 0.06 * eye.unit
    skin = np.median((eye.pixels @ np.array((0.299, 0.587, 0.114)))[below])
    shares = []
    for white in (0.35, 0.55, 0.75):
        pixels = np.where(between, white * skin, eye.pixels).astype(np.uint8)
        shares.append(known_share(dataclasses.replace(eye, pixels=pixels)))
    assert shares == pytest.approx([0, 0.5, 1], abs=0.1) and known_share(eye) == pytest.approx(eye.clear)
