"""Random faces: pose against the pose that landmarks tell, symmetry against the mirror, and streams against streams."""

import dataclasses

import numpy as np
import pytest
from symmetry import in_mirror, symmetric_face

from facerelief.faces.alignment import EYE_INNER, EYE_OUTER, align
from facerelief.faces.pose import head_pose
from facerelief.geometry.morphable.model import load_face
from facerelief.geometry.morphable.random_faces import (
    Person,
    Setting,
    pose_shape,
    random_person,
    random_setting,
    render_portrait,
)
from facerelief.geometry.morphable.renderer import Light, Skin

SIZE = 64


def somebody(seed: int = 0) -> Person:
    return random_person(load_face(), np.random.default_rng(seed))


def plain() -> Person:
    """The average person."""
    return Person(np.zeros(0), np.zeros(0), Skin(), (0.3, 0.2, 0.1))


# -- pose -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pitch", [0.0, 12.0, -15.0])
@pytest.mark.parametrize("yaw", [0.0, 25.0, -25.0])
def test_yaw_is_what_the_landmarks_tell(yaw: float, pitch: float) -> None:
    """Right is positive, as in the measured pose; a symmetric face gives the very angle."""
    landmarks, _ = pose_shape(symmetric_face().mean, Setting(yaw=yaw, pitch=pitch), SIZE)
    assert head_pose(landmarks)[0] == pytest.approx(yaw, abs=1e-4)


@pytest.mark.parametrize("pitch", [14.0, -14.0])
def test_pitch_is_what_the_landmarks_tell(pitch: float) -> None:
    """Up is positive. The measure has a zero of its own: forehead and chin are not equally near."""
    up, ahead = (pose_shape(symmetric_face().mean, Setting(pitch=p), SIZE)[0] for p in (pitch, 0.0))
    assert head_pose(up)[1] - head_pose(ahead)[1] == pytest.approx(pitch, abs=1e-4)
    assert (up[1, 1] < ahead[1, 1]) == (pitch > 0)  # the nose points up


def test_the_nose_points_where_the_face_looks() -> None:
    noses = [pose_shape(load_face().mean, Setting(yaw=yaw), SIZE)[0] for yaw in (-20.0, 20.0)]
    aside = [points[1, 0] - points[[*EYE_OUTER, *EYE_INNER], 0].mean() for points in noses]
    assert aside[0] < -2
    assert aside[1] > 2


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("size", [64, 192])
def test_a_placed_face_is_aligned_already_and_was_only_turned_and_scaled(seed: int, size: int) -> None:
    face, random = load_face(), np.random.default_rng(seed)
    setting = random_setting(random)
    shape = face.shape(random_person(face, random).identity) + face.expression("surprise", setting.strength)
    landmarks, matrix = pose_shape(shape, setting, size)
    np.testing.assert_allclose(align(landmarks, size).matrix, np.eye(2, 3), atol=1e-9)
    np.testing.assert_allclose(np.column_stack([shape, np.ones(468)]) @ matrix.T, landmarks, atol=1e-9)
    linear = matrix[:, :3]
    scale = np.cbrt(np.linalg.det(linear))  # no reflection: positive
    assert scale > 0.25 * size
    np.testing.assert_allclose(linear @ linear.T, scale**2 * np.eye(3), atol=1e-9 * size**2)


def test_a_portraits_landmarks_are_those_of_its_shape_at_any_size() -> None:
    face, person, setting = load_face(), somebody(), random_setting(np.random.default_rng(1))
    shape = face.shape(person.identity) + face.expression("happiness", setting.strength)
    picture, landmarks = render_portrait(face, person, "happiness", setting, SIZE)
    assert (picture.shape, picture.dtype) == ((SIZE, SIZE, 3), np.uint8)
    np.testing.assert_array_equal(landmarks, pose_shape(shape, setting, SIZE)[0])
    np.testing.assert_allclose(render_portrait(face, person, "happiness", setting, 2 * SIZE)[1], 2 * landmarks)


# -- symmetry -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("expression", ["neutral", "happiness", "surprise"])
def test_a_symmetric_person_from_the_front_is_its_own_mirror_image(expression: str) -> None:
    """But for the glints in the eyes, which are on one side, and a few quads that are split one way on both."""
    person, setting = somebody(4), Setting(light=Light((0, 0.4, 1)))
    picture, landmarks = render_portrait(symmetric_face(), person, expression, setting, 96)
    difference = np.abs(picture - in_mirror(picture)).max(axis=2)
    eyes = landmarks[[*EYE_OUTER, *EYE_INNER], :2]
    row, column = np.mgrid[:96, :96] + 0.5
    inside = (np.abs(row - eyes[:, 1].mean()) < 5) & (column > eyes[:, 0].min()) & (column < eyes[:, 0].max())
    assert (difference[~inside] > 6).mean() < 0.002 and difference[~inside].max() <= 12
    assert (difference[~inside] <= 1).mean() > 0.9
    assert difference[~inside].mean() < 0.5


def test_turned_to_the_other_side_it_is_the_mirror_image() -> None:
    face, person = symmetric_face(), somebody(3)
    lit = Setting(yaw=18, pitch=5, light=Light((0.6, 0.4, 1)))
    other = Setting(yaw=-18, pitch=5, light=Light((-0.6, 0.4, 1)))
    pictures = [render_portrait(face, person, "happiness", setting, 96)[0] for setting in (lit, other)]
    difference = np.abs(pictures[0] - in_mirror(pictures[1]))
    assert difference.mean() < 0.5
    assert np.abs(pictures[0] - in_mirror(pictures[0])).mean() > 5


# -- what makes a difference ----------------------------------------------------------------------------------------


def test_no_strength_is_neutral_and_more_strength_is_more_change() -> None:
    face, person = load_face(), somebody()
    neutral, _ = render_portrait(face, person, "neutral", Setting(), SIZE)
    pictures = [render_portrait(face, person, "surprise", Setting(strength=s), SIZE)[0] for s in (0.0, 0.5, 1.0)]
    np.testing.assert_array_equal(pictures[0], neutral)
    change = [np.abs(picture.astype(float) - neutral).mean() for picture in pictures]
    assert change[2] > 1.3 * change[1] > 0


def test_who_is_who_in_every_setting() -> None:
    """Skin, texture and shape of a person tell two persons apart more than a little turn of the head does."""
    face = load_face()
    first, second = (
        render_portrait(face, somebody(seed), "neutral", Setting(), SIZE)[0].astype(float) for seed in (0, 1)
    )
    turned = render_portrait(face, somebody(0), "neutral", Setting(yaw=2), SIZE)[0]
    assert np.abs(first - second).mean() > 2 * np.abs(first - turned).mean() > 0


def test_the_settings_lamp_lights_the_person() -> None:
    left, right = (
        render_portrait(load_face(), plain(), "neutral", Setting(light=Light((x, 0.2, 0.6), 0.6)), SIZE)[0].astype(
            float
        )
        for x in (-1.0, 1.0)
    )
    middle = slice(SIZE // 4, 3 * SIZE // 4)
    change = (left - right)[middle]
    assert change[:, SIZE // 4 : SIZE // 2].mean() > 10
    assert change[:, SIZE // 2 : 3 * SIZE // 4].mean() < -10


def test_a_background_is_enlarged_behind_the_face() -> None:
    face, person = load_face(), plain()
    planes = np.zeros((3, 4, 4))
    planes[0, :, :2] = planes[2, :, 2:] = 1.0  # red on the left, blue on the right
    picture, landmarks = render_portrait(face, person, "neutral", Setting(background=planes), SIZE)
    grey, _ = render_portrait(face, person, "neutral", Setting(), SIZE)
    change = picture.astype(int) - grey
    assert change[0, 0, 0] > change[0, 0, 2]
    assert change[0, -1, 2] > change[0, -1, 0]
    column, row = np.rint(landmarks[1, :2]).astype(int)
    assert not change[row - 8 : row + 8, column - 8 : column + 8].any()


# -- random streams -------------------------------------------------------------------------------------------------


def drawn(seed: int) -> np.ndarray:
    face, random = load_face(), np.random.default_rng(seed)
    person, setting = random_person(face, random), random_setting(random)
    return render_portrait(face, person, "fear", setting, SIZE)[0]


def test_the_same_stream_gives_the_same_picture_and_another_another() -> None:
    np.testing.assert_array_equal(drawn(7), drawn(7))
    pictures = [drawn(seed).astype(float) for seed in range(4)]
    for n, one in enumerate(pictures):
        assert all(np.abs(one - other).mean() > 5 for other in pictures[:n])


def test_random_persons_and_settings_stay_in_range() -> None:
    face, random = load_face(), np.random.default_rng(0)
    people = [random_person(face, random) for _ in range(200)]
    assert {p.identity.shape for p in people} == {(len(face.identity),)}
    assert {p.texture.shape for p in people} == {(len(face.texture_identity),)}
    assert all(0.5 < p.skin.level < 1.3 for p in people)
    assert len({p.iris for p in people}) > 2
    assert max(np.abs(p.identity).max() for p in people) < 6  # deviations: no monsters
    spread = np.std([p.identity for p in people], axis=0)
    assert spread.min() > 0.25  # nor clones
    settings = [random_setting(random) for _ in range(200)]
    assert max(abs(s.yaw) for s in settings) <= 30
    assert max(abs(s.pitch) for s in settings) <= 18
    assert min(s.yaw for s in settings) < -10 < 10 < max(s.yaw for s in settings)
    assert all(0.5 < s.strength < 1.2 for s in settings)
    assert all(s.light.direction[2] > 0 for s in settings)
    backgrounds = np.stack([s.background for s in settings if s.background is not None])
    assert backgrounds.shape[:2] == (200, 3)
    assert backgrounds.min() >= 0
    assert backgrounds.max() <= 1


def test_a_face_of_one_kind_is_enough_for_people() -> None:
    """As one learned from few persons."""
    face = dataclasses.replace(load_face(), clusters=load_face().clusters[:1])
    person = random_person(face, np.random.default_rng(0))
    assert np.isfinite(person.identity).all()
    assert person.texture.shape == (len(face.texture_identity),)
