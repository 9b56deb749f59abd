"""Pictures against closed forms: light, skin, eyes and background, each alone."""

import dataclasses

import numpy as np
import pytest
from symmetry import in_mirror, symmetric_face

from facerelief.faces.alignment import EYE_INNER, EYE_OUTER
from facerelief.geometry.depth_maps import polygon_mask
from facerelief.geometry.morphable.log_albedo import FLOOR
from facerelief.geometry.morphable.random_faces import Setting, pose_shape
from facerelief.geometry.morphable.renderer import Appearance, Eyes, Light, Skin, render_face
from facerelief.geometry.morphable.uv_map import FACE_VERTICES, with_border_ring
from facerelief.geometry.topology import INNER_LIPS, OUTLINE

SIZE = 96
PLAIN = Light(share=0.0, gloss=0.0)  # the same everywhere: levels stay as they are
LUMA = np.array((0.299, 0.587, 0.114))
GREY = np.full((SIZE, SIZE, 3), 0.5)


def frontal(size: int = SIZE) -> np.ndarray:
    return pose_shape(symmetric_face().mean, Setting(), size)[0]


def look(**changes: object) -> Appearance:
    """The average person in a light that is the same everywhere, but for `changes`."""
    face = symmetric_face()
    plain = Appearance(face.uv_map, face.log_albedo(np.zeros(0), "neutral"), face.tint, PLAIN)
    return dataclasses.replace(plain, **changes)  # type: ignore[arg-type]


def flat(level: float, chroma: tuple[float, float, float] = (1, 1, 1), **changes: object) -> Appearance:
    """A look of one albedo and one colour."""
    uv_map = symmetric_face().uv_map
    texture = np.full((uv_map.size, uv_map.size), np.log(level + FLOOR))
    return look(texture=texture, chroma=np.broadcast_to(np.array(chroma), (*texture.shape, 3)), **changes)


def drawn(one: Appearance, background: np.ndarray = GREY, landmarks: np.ndarray | None = None) -> np.ndarray:
    points = frontal() if landmarks is None else landmarks
    return render_face(points, points, one, background)


def off_eyes(landmarks: np.ndarray, size: int) -> np.ndarray:
    """bool (S, S): farther from the eyes' centres than their corners."""
    row, column = np.mgrid[:size, :size] + 0.5
    away = np.ones((size, size), dtype=bool)
    for outer, inner in zip(EYE_OUTER, EYE_INNER, strict=True):
        (x, y), width = (
            (landmarks[outer] + landmarks[inner])[:2] / 2,
            np.linalg.norm(landmarks[outer] - landmarks[inner]),
        )
        away &= np.hypot(column - x, row - y) > 0.55 * width
    return away


def skin(landmarks: np.ndarray, size: int = SIZE) -> np.ndarray:
    """bool (S, S): the face without eyes and mouth."""
    face = polygon_mask(landmarks[list(OUTLINE), :2], size) & ~polygon_mask(landmarks[list(INNER_LIPS), :2], size)
    return face & off_eyes(landmarks, size)


# -- light ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("light", "normal", "factor"),
    [
        (Light((0, 0, 1), share=0.0, strength=1.0), (0.6, 0.0, 0.8), 1.0),
        (Light((0, 0, 1), share=0.0, strength=0.5), (0.6, 0.0, 0.8), 0.5),
        (Light((0, 0, 9), share=0.5, strength=1.0), (0.0, 0.0, 1.0), 0.5 + 0.5 * 1.4),
        (Light((0, 0, 1), share=0.5, strength=2.0), (0.6, 0.0, 0.8), 2 * (0.5 + 0.5 * 1.4 * 0.85)),
        (Light((-1, 0, 0), share=1.0, strength=1.0), (1.0, 0.0, 0.0), 1.4 * 0.25),  # turned away: what wraps around
        (Light((0, 3, 4), share=1.0, strength=1.0), (0.0, 0.6, 0.8), 1.4),  # from above; y is up
    ],
)
def test_light_worked_out_by_hand(light: Light, normal: tuple[float, float, float], factor: float) -> None:
    """Factors are of linear light; levels are its 2.2nd root."""
    found, _ = light.on(np.array(normal))
    assert found**2.2 == pytest.approx(factor)


def test_the_skin_shines_half_way_between_lamp_and_viewer() -> None:
    light = Light((1, 0, 0), share=0.5, gloss=0.2)
    turn = np.radians(np.arange(0, 91))
    _, shine = light.on(np.column_stack([np.sin(turn), 0 * turn, np.cos(turn)]))
    assert shine.argmax() == 45
    assert shine[45] == pytest.approx(0.5 * 0.2)
    assert shine[45 + 20] == pytest.approx(0.1 * np.cos(np.radians(20)) ** 24)
    assert not Light(share=0.0, gloss=0.2).on(np.eye(3))[1].any()


def test_twice_the_light_gives_levels_times_its_root() -> None:
    dim, bright = (drawn(look(light=Light(share=0, gloss=0, strength=s))).astype(float) for s in (0.3, 0.6))
    inside = skin(frontal())
    assert bright[inside].max() < 255
    np.testing.assert_allclose(bright[inside], dim[inside] * 2 ** (1 / 2.2), atol=1.3)  # half a level, twice


def test_a_lamp_from_the_left_lights_the_left_and_is_the_mirror_image_of_one_from_the_right() -> None:
    points, lamp = frontal(), Light(share=0.5, gloss=0.05)
    left, right = (drawn(look(light=dataclasses.replace(lamp, direction=(x, 0.2, 0.8)))) for x in (-1, 1))
    inside = skin(points)
    columns = np.broadcast_to(np.arange(SIZE), inside.shape)
    assert left[inside & (columns < SIZE // 2)].mean() > left[inside & (columns >= SIZE // 2)].mean() + 20
    difference = np.abs(left - in_mirror(right))
    assert difference[inside].max() <= 5  # a few quads of the mesh are split one way on both sides
    assert difference[inside].mean() < 0.2
    assert difference[off_eyes(points, SIZE)].mean() < 0.3


# -- skin and colour ------------------------------------------------------------------------------------------------


def test_an_albedo_is_its_level() -> None:
    found = drawn(flat(0.4))[skin(frontal())]
    assert np.unique(found).tolist() == [102]  # 0.4 * 255


@pytest.mark.parametrize("level", [0.5, 1.2])
def test_the_skins_level_is_a_factor(level: float) -> None:
    found = drawn(flat(0.4, skin=Skin(level)))[skin(frontal())]
    assert np.unique(found).tolist() == [round(102 * level)]


def test_warmth_is_the_power_of_the_chroma_and_keeps_the_brightness() -> None:
    chroma = np.array((1.4, 0.9, 0.7))
    for warmth in (0.0, 1.0, 1.5):
        found = drawn(flat(0.4, tuple(chroma), skin=Skin(warmth=warmth)))[skin(frontal())]
        colour = chroma**warmth / (chroma**warmth @ LUMA)
        np.testing.assert_array_equal(found, np.broadcast_to(np.rint(102 * colour), found.shape))
        assert found @ LUMA == pytest.approx(102, abs=0.6)


# -- eyes -----------------------------------------------------------------------------------------------------------


def darkness_at(picture: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Where the eyes are dark: the centroid (2, x and y) of what is darker than half of the picture's left eye."""
    x0, x1 = landmarks[33, 0], landmarks[133, 0]
    y0, y1 = landmarks[159, 1], landmarks[145, 1]
    part = picture[int(y0) : int(y1) + 1, int(x0) : int(x1) + 1].mean(axis=2)
    weight = np.maximum(np.median(part) - part, 0)
    row, column = np.mgrid[: part.shape[0], : part.shape[1]]
    return np.array([(weight * column).sum(), (weight * row).sum()]) / weight.sum()


def test_pupils_follow_the_gaze() -> None:
    size = 256
    points, background = frontal(size), np.full((size, size, 3), 0.5)

    def gaze(*where: float) -> np.ndarray:
        return darkness_at(render_face(points, points, flat(0.6, eyes=Eyes(gaze=where)), background), points)  # type: ignore[arg-type]

    radius = 0.093 * 0.33 * size
    across = gaze(0.5, 0)[0] - gaze(-0.5, 0)[0]
    assert 0.5 * radius < across < 1.2 * radius  # the pupil moves by a radius, and the lids hide nothing of it
    assert gaze(0, 0.3)[1] > gaze(0, -0.3)[1]


def test_irises_have_their_colour_and_nothing_else_has_it() -> None:
    points, inside = frontal(), off_eyes(frontal(), SIZE)
    green, red = (drawn(flat(0.6, eyes=Eyes(colour=c))) for c in ((0.1, 0.6, 0.1), (0.6, 0.1, 0.1)))
    np.testing.assert_array_equal(green[inside], red[inside])
    changed = (green != red).any(axis=2)
    assert changed.any()
    assert (green[changed][:, 1] >= red[changed][:, 1]).all()
    assert (red[changed][:, 0] >= green[changed][:, 0]).all()
    x = np.nonzero(changed)[1] + 0.5
    centres = [points[[a, b], 0].mean() for a, b in zip(EYE_OUTER, EYE_INNER, strict=True)]
    assert np.abs(x[:, None] - centres).min(axis=1).max() < 0.093 * 0.33 * SIZE + 1  # within an iris of an eye's centre


def test_eyes_of_a_few_pixels_get_no_irises() -> None:
    points = frontal(24)
    pictures = [drawn(flat(0.6, eyes=Eyes(colour=(c, c, c))), np.zeros((24, 24, 3)), points) for c in (0.0, 1.0)]
    np.testing.assert_array_equal(*pictures)


# -- background -----------------------------------------------------------------------------------------------------


def small_face() -> np.ndarray:
    """A face of which a third of the picture is far off."""
    return (frontal() - (SIZE / 2, SIZE / 2, 0)) * 0.3 + (SIZE / 2, SIZE / 2, 0)


def test_outside_the_border_rings_the_background_is_untouched_and_the_face_shows_none_of_it() -> None:
    points = small_face()
    ring = with_border_ring(points, points)[FACE_VERTICES:, :2]
    x, y = np.mgrid[:SIZE, :SIZE].transpose(0, 2, 1) + 0.5
    outside = (x < ring[:, 0].min()) | (x > ring[:, 0].max()) | (y < ring[:, 1].min()) | (y > ring[:, 1].max())
    assert 0.2 < outside.mean() < 0.9
    random = np.random.default_rng(0)
    one, other = random.uniform(size=(2, SIZE, SIZE, 3))
    first, second = drawn(look(), one, points), drawn(look(), other, points)
    np.testing.assert_array_equal(first[outside], np.rint(one * 255)[outside])
    face = polygon_mask(points[list(OUTLINE), :2], SIZE)
    np.testing.assert_array_equal(first[face], second[face])


def test_the_border_rings_fade_into_the_background() -> None:
    """From the face outwards a white background shows more and more through black hair."""
    points = small_face()
    picture = drawn(flat(0.0), np.ones((SIZE, SIZE, 3)), points)
    row = int(points[[33, 263], 1].mean())
    start = int(points[356, 0]) + 1
    profile = picture[row, start:, 0].astype(int)
    assert profile[0] == 0
    assert profile[-1] == 255
    assert (np.diff(profile) >= 0).all()
    assert np.diff(profile).max() < 80
