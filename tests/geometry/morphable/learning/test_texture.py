"""Textures of known light, known people and known expressions, and what is learned of them."""

import numpy as np
import pytest
from heads import head

from facerelief.expressions import EXPRESSIONS
from facerelief.geometry.depth_maps import polygon_mask
from facerelief.geometry.mesh import vertex_normals
from facerelief.geometry.morphable.learning.texture import _TRUST as TRUST
from facerelief.geometry.morphable.learning.texture import LightRemoval, Textures, joined_over_noses, learn_textures
from facerelief.geometry.morphable.log_albedo import FLOOR, SKIN, fold_symmetric, unfold_symmetric
from facerelief.geometry.morphable.model import load_face
from facerelief.geometry.morphable.uv_map import UVMap, rendered_triangles, skin_mask, with_border_ring
from facerelief.geometry.topology import NOSE

SIZE, PIXELS, MODES = 64, 30, 3
FULL = np.zeros((8, MODES))  # each expression's modes at full strength
FULL[1:] = np.random.default_rng(9).normal(size=(7, MODES))


@pytest.fixture(scope="module")
def uv_map() -> UVMap:
    return UVMap(with_border_ring(head(), head()), SIZE)


def lamp(uv_map: UVMap, towards: tuple[float, float, float], ambient: float = 0.4) -> np.ndarray:
    """Lambert's law on the head, (A, A): light from `towards` (x right, y up, z to the viewer) and from all around."""
    normals = uv_map.interpolate(vertex_normals(with_border_ring(head(), head()), rendered_triangles()))
    normals /= np.linalg.norm(normals, axis=2, keepdims=True)
    direct: np.ndarray = np.maximum(normals @ (np.array(towards) / np.linalg.norm(towards)), 0)
    return ambient + (1 - ambient) * direct


def painted(seed: int = 0) -> np.ndarray:
    """An albedo (A, A) with lighter and darker marks."""
    row, column = np.mgrid[:SIZE, :SIZE] / SIZE
    marks = np.sin(40 * column + seed) * np.cos(37 * row)
    return SKIN * (1 + 0.15 * np.sign(marks) * (np.abs(marks) > 0.5))


def unevenness(values: np.ndarray, where: np.ndarray) -> float:
    return float(values[where].std() / values[where].mean())


def lamps(count: int, random: np.random.Generator) -> list[tuple[float, float, float]]:
    return [(float(x), float(y), 1.0) for x, y in random.normal(scale=0.8, size=(count, 2))]


@pytest.mark.parametrize("towards", [(0.8, 0.3, 1.0), (-1.5, 0.0, 1.0), (0.0, 1.0, 1.0)])
def test_light_on_even_skin_is_taken_out(uv_map: UVMap, towards: tuple[float, float, float]) -> None:
    skin, light = skin_mask(uv_map), lamp(uv_map, towards)
    found = LightRemoval(uv_map, head(), skin)(0.5 * light, np.ones((SIZE, SIZE), bool))
    assert unevenness(light, skin) > 0.1
    assert unevenness(found, skin) < 0.25 * unevenness(light, skin)
    assert found[skin].mean() == pytest.approx(SKIN, rel=0.02)  # however dark the photo


def test_only_what_is_seen_tells_of_the_light(uv_map: UVMap) -> None:
    skin, luma = skin_mask(uv_map), 0.5 * lamp(uv_map, (0.4, 0.2, 1.0))
    seen = np.ones((SIZE, SIZE), bool)
    seen[:, 2 * SIZE // 3 :] = False
    delight = LightRemoval(uv_map, head(), skin)
    found = delight(luma, seen)
    np.testing.assert_array_equal(delight(np.where(seen, luma, 1.0), seen)[seen], found[seen])
    assert unevenness(found, skin & seen) < 0.3 * unevenness(luma, skin & seen)


def test_started_with_photos_it_tells_marks_from_light(uv_map: UVMap) -> None:
    random, skin = np.random.default_rng(0), skin_mask(uv_map)
    everywhere, albedo = np.ones((SIZE, SIZE), bool), painted()
    photos = np.stack([albedo * lamp(uv_map, towards) for towards in lamps(30, random)])
    delight = LightRemoval(uv_map, head(), skin)
    assert delight.start(photos, np.ones(photos.shape, bool)) is delight
    for towards in lamps(5, random):
        luma = albedo * lamp(uv_map, towards)
        before, after = unevenness(luma / albedo, skin), unevenness(delight(luma, everywhere) / albedo, skin)
        assert after < 0.3 * before
        assert delight(luma, everywhere)[skin].mean() == pytest.approx(SKIN, rel=0.03)


def test_the_skin_keeps_its_level_under_a_beard(uv_map: UVMap) -> None:
    random, skin = np.random.default_rng(3), skin_mask(uv_map)
    albedo = np.full((SIZE, SIZE), 0.8)
    albedo[2 * SIZE // 3 :] = 0.2
    photos = np.stack([albedo * lamp(uv_map, towards) for towards in lamps(20, random)])
    delight = LightRemoval(uv_map, head(), skin).start(photos, np.ones(photos.shape, bool))
    found = np.stack([delight(photo, np.ones((SIZE, SIZE), bool)) for photo in photos])
    assert found[:, skin].mean() == pytest.approx(SKIN, rel=0.02)
    beard = np.arange(SIZE)[:, None] >= 2 * SIZE // 3
    assert found[:, skin & beard].mean() < 0.5 * found[:, skin & ~beard].mean()


def test_what_no_photo_shows_does_not_spoil_the_start(uv_map: UVMap) -> None:
    random, skin = np.random.default_rng(1), skin_mask(uv_map)
    photos = np.stack([painted() * lamp(uv_map, towards) for towards in lamps(10, random)])
    seen = np.ones(photos.shape, bool)
    seen[:, :10] = False
    found = [
        LightRemoval(uv_map, head(), skin).start(p, seen)(photos[0], seen[0])
        for p in (photos, np.where(seen, photos, 0))
    ]
    assert np.isfinite(found[0]).all()
    np.testing.assert_array_equal(found[0][10:], found[1][10:])


def test_the_albedo_stays_in_its_range(uv_map: UVMap) -> None:
    """However dark a photo's shadows are, or its lights."""
    skin, everywhere = skin_mask(uv_map), np.ones((SIZE, SIZE), bool)
    delight = LightRemoval(uv_map, head(), skin)
    for luma in (np.zeros((SIZE, SIZE)), np.eye(SIZE), lamp(uv_map, (9.0, 0.0, 0.1), ambient=0.0)):
        found = delight(luma, everywhere)
        assert found.shape == (SIZE, SIZE)
        assert 0 <= found.min() <= found.max() <= 2


def test_folding_a_symmetric_map_and_back() -> None:
    half = np.random.default_rng(2).uniform(0, 2, (6, 3))
    log, seen = fold_symmetric(np.concatenate([half, half[:, ::-1]], axis=1), np.ones((6, 6), bool))
    assert log.shape == seen.shape == (18,)
    assert log.dtype == np.float32
    assert seen.all()
    whole = unfold_symmetric(log, 6)
    np.testing.assert_allclose(np.exp(whole[:, :3]) - FLOOR, half, atol=1e-6)
    np.testing.assert_array_equal(whole, whole[:, ::-1])


def test_folding_by_hand() -> None:
    """In the columns: seen on both sides, on the left, on the right, nowhere. Darkness has a logarithm too."""
    albedo = np.array([(1.0, 0.5, 9.0, 9.0, 9.0, 0.3, 9.0, 0.25), (0.0, 0, 0, 0, 0, 0, 0, 0)])
    seen = np.array([(1, 1, 0, 0, 0, 1, 0, 1), (1, 1, 1, 1, 1, 1, 1, 1)], bool)
    log, shown = fold_symmetric(albedo, seen)
    a, b, c, d = np.log(np.array((1.0, 0.25, 0.5, 0.3)) + FLOOR)
    np.testing.assert_allclose(log, [(a + b) / 2, c, d, 0, *[np.log(FLOOR)] * 4], rtol=1e-6)
    assert shown.tolist() == [True, True, True, False, True, True, True, True]


def test_unfolding_a_stack() -> None:
    halves = np.arange(16.0).reshape(2, 8)
    found = unfold_symmetric(halves, 4)
    assert found.shape == (2, 4, 4)
    np.testing.assert_array_equal(found[1], [(8, 9, 9, 8), (10, 11, 11, 10), (12, 13, 13, 12), (14, 15, 15, 14)])


class Album:
    """Photos of people in log albedo: a person's own texture, and what their expressions add."""

    def __init__(self, people: int, seed: int = 0) -> None:
        self.random = np.random.default_rng(seed)
        self.mean = self.random.normal(-0.5, 0.2, PIXELS)
        self.mode = self.random.normal(size=PIXELS) * 0.2
        self.place = self.random.normal(size=people)
        self.own = self.mean + self.place[:, None] * self.mode + self.random.normal(scale=0.01, size=(people, PIXELS))
        self.log, self.rows, self.coefficients = list(self.own), [("neutral", p) for p in range(people)], []
        self.coefficients = [np.zeros(MODES)] * people

    def add(self, name: str, person: int, coefficients: np.ndarray, change: np.ndarray) -> None:
        """A photo more; a person whose own texture is unknown has a negative number."""
        self.log.append((self.own[person] if person >= 0 else self.mean) + change)
        self.rows.append((name, person))
        self.coefficients.append(coefficients)

    def learn(self, seen: np.ndarray | None = None) -> Textures:
        log = np.array(self.log, dtype=np.float32)
        seen = np.ones(log.shape, bool) if seen is None else seen
        expression, identity = (np.array([str(row[k]) for row in self.rows]) for k in (0, 1))
        return learn_textures(log, seen, np.array(self.coefficients), expression, identity, FULL)


def test_people_differ_by_their_mode() -> None:
    album = Album(people=200)
    found = album.learn()
    assert found.mean.shape == (PIXELS,)
    assert found.identity.shape[1:] == (PIXELS,)
    np.testing.assert_allclose(found.mean, album.own.mean(axis=0), atol=1e-5)
    cosine = found.identity[0] @ album.mode / np.linalg.norm(found.identity[0]) / np.linalg.norm(album.mode)
    assert abs(cosine) > 0.999
    length = np.linalg.norm(found.identity[0]) / np.linalg.norm(album.mode)
    assert length == pytest.approx(album.place.std(), rel=0.02)
    places = found.people[:, 0]
    by_name = album.place[sorted(range(200), key=str)]
    assert abs(np.corrcoef(places, by_name)[0, 1]) > 0.999
    assert places.std() == pytest.approx(1, rel=0.01)  # modes are one deviation long


def test_explained_variance_against_the_covariance() -> None:
    album = Album(people=60)
    found = album.learn()
    values = np.linalg.eigvalsh(np.cov(album.own.T))[::-1]
    count = len(found.explained)
    assert (np.diff(found.explained) >= -1e-9).all()
    np.testing.assert_allclose(found.explained[:PIXELS], np.cumsum(values)[:count] / values.sum(), atol=1e-4)
    np.testing.assert_allclose(found.explained[-1], 1, atol=1e-4)


@pytest.mark.parametrize(("reached", "times"), [(1.0, 1.0), (0.7, 1 / 0.7), (0.25, 2.0), (1.5, 1.0)])
def test_an_expression_that_many_show_is_the_mean_of_their_changes(reached: float, times: float) -> None:
    """Lengthened to full strength where photos show less of it, twice at the most."""
    people = 10 * TRUST
    album = Album(people)
    number = EXPRESSIONS.index("happiness")
    wrinkles = album.random.normal(size=PIXELS) * 0.1
    for person in range(people):
        album.add("happiness", person, reached * FULL[number], wrinkles + album.random.normal(size=PIXELS) * 0.01)
    found = album.learn()
    np.testing.assert_allclose(
        found.classes[number], times * wrinkles, atol=0.02 * times * np.abs(wrinkles).max() + 2e-3
    )
    assert not found.classes[0].any()  # neutral adds nothing


def test_an_expression_that_nobody_shows_is_what_its_movements_bring() -> None:
    """Learned from other expressions: here each mode brings its own change."""
    people = 150
    album = Album(people)
    brings = album.random.normal(size=(MODES, PIXELS)) * 0.1
    for person in range(people):
        coefficients = album.random.normal(size=MODES) * 2
        album.add("surprise", person, coefficients, coefficients @ brings)
    found = album.learn()
    for name in ("fear", "contempt"):
        full = FULL[EXPRESSIONS.index(name)]
        np.testing.assert_allclose(found.classes[EXPRESSIONS.index(name)], full @ found.expression, atol=1e-6)
        error = found.classes[EXPRESSIONS.index(name)] - full @ brings
        assert np.linalg.norm(error) < 0.15 * np.linalg.norm(full @ brings)


def test_as_many_as_trust_asks_for_count_half() -> None:
    album = Album(people=TRUST)
    number = EXPRESSIONS.index("anger")
    frown = album.random.normal(size=PIXELS) * 0.1
    for person in range(TRUST):
        album.add("anger", person, FULL[number], frown)
    found = album.learn()
    np.testing.assert_allclose(found.classes[number], (frown + FULL[number] @ found.expression) / 2, atol=2e-3)


def test_strangers_are_compared_with_the_mean() -> None:
    """People without a neutral photo; a mode that all of their photos share is the constant's, not the expression's."""
    album = Album(people=50)
    number = EXPRESSIONS.index("disgust")
    wrinkles = album.random.normal(size=PIXELS) * 0.1
    for stranger in range(8 * TRUST):
        album.add("disgust", -1 - stranger, FULL[number], wrinkles)
    found = album.learn()
    expected = wrinkles + album.mean - album.own.mean(axis=0)
    np.testing.assert_allclose(found.classes[number], expected, atol=0.02 * np.abs(expected).max() + 2e-3)


def test_what_expressions_bring_against_least_squares_pixel_by_pixel() -> None:
    """Ridge regression is least squares with a row more for each unknown; a constant is fitted beside the modes.

    A pixel counts the photos only that show it.
    """
    people, ridge = 20, 0.1
    album = Album(people)
    for person in range(people):
        for _ in range(3):
            album.add("fear", person, album.random.normal(size=MODES), album.random.normal(scale=0.1, size=PIXELS))
    seen = album.random.random((4 * people, PIXELS)) > 0.3
    seen[:people] = True  # neutral photos show all, so that everybody's own texture is known
    seen[:, 5] = np.arange(4 * people) < people
    found = album.learn(seen)
    units = np.column_stack([np.array(album.coefficients), np.ones(4 * people)])
    own = album.own[[person for _, person in album.rows]]
    change = np.array(album.log) - own
    for pixel in range(PIXELS):
        shown = seen[:, pixel]
        rows = np.concatenate([units[shown], np.sqrt(ridge * shown.sum()) * np.eye(MODES + 1)])
        right = np.concatenate([change[shown, pixel], np.zeros(MODES + 1)])
        expected = np.linalg.lstsq(rows, right, rcond=None)[0]
        np.testing.assert_allclose(found.expression[:, pixel], expected[:-1], atol=1e-6)
    assert not found.expression[:, 5].any()  # only neutral photos show it
    assert not found.classes[:, 5].any()


def test_unseen_pixels_of_a_person_are_the_average_of_all() -> None:
    album = Album(people=60)
    seen = np.ones((60, PIXELS), bool)
    seen[7, :4] = False
    before, log7 = album.learn(seen), album.log[7].copy()
    album.log[7][:4] = 99.0
    after = album.learn(seen)
    for a, b in ((before.mean, after.mean), (before.identity, after.identity), (before.classes, after.classes)):
        np.testing.assert_array_equal(a, b)
    of_others = np.delete(album.own[:, :4], 7, axis=0).mean(axis=0)
    np.testing.assert_allclose(before.mean[:4], of_others, atol=1e-5)
    assert not np.allclose(before.mean[:4], (59 * of_others + log7[:4]) / 60, atol=1e-5)


def test_a_nose_gets_what_the_skin_beside_it_has() -> None:
    """Dark blots on the nose go, others stay."""
    uv_map = load_face().uv_map
    size = uv_map.size
    points = uv_map.points[list(NOSE)]
    nose, tip = polygon_mask(points, size), points.mean(axis=0)
    row, column = np.mgrid[:size, :size] + 0.5
    blot = np.exp(-((column - tip[0]) ** 2 + (row - tip[1]) ** 2) / 30)
    mole = np.exp(-((column - 40) ** 2 + (row - tip[1]) ** 2) / 10)  # left of it, on a cheek
    even = np.full((size, size), -0.1)
    changes = np.stack([even - 0.5 * blot, even - 0.5 * mole])[..., : size // 2].reshape(2, -1)
    without, beside = unfold_symmetric(joined_over_noses(changes, uv_map), size)
    np.testing.assert_allclose(without[nose], -0.1, atol=0.01)
    assert beside[:, : size // 4].min() < -0.55
    np.testing.assert_allclose(beside[nose], -0.1, atol=0.02)
