import numpy as np
import pytest

from facerelief.data.review.measures import close_fingerprints, depth_fit, implausibility, same_pictures


def faces(count, seed=0):
    """Shapes that vary in five ways, each turned by up to half a radian, scaled and shifted."""
    random = np.random.default_rng(seed)
    base, ways = random.normal(size=(468, 3)), random.normal(size=(5, 468, 3)) * 0.05
    return np.array([moved(base + np.tensordot(random.normal(size=5), ways, 1), random) for _ in range(count)])


def moved(points, random):
    a, b = random.uniform(-0.5, 0.5, 2)
    yaw = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
    roll = np.array([[np.cos(b), np.sin(b), 0], [-np.sin(b), np.cos(b), 0], [0, 0, 1]])
    return points @ yaw @ roll * random.uniform(20, 200) + random.normal(size=3) * 100


def test_place_size_and_turn_do_not_matter():
    shapes = faces(60)
    random = np.random.default_rng(1)
    again = np.array([moved(shape, random) for shape in shapes])
    np.testing.assert_allclose(implausibility(again), implausibility(shapes), atol=0.3)


def scattered(shape):
    return shape + np.random.default_rng(2).normal(size=shape.shape) * np.ptp(shape) * 0.1


BROKEN = {
    "scattered": scattered,
    "mirrored": lambda shape: shape * (1, 1, -1),
    "flat": lambda shape: shape * (1, 1, 0),
    "stretched": lambda shape: shape * (3, 1, 1),
    "of other points": lambda shape: shape[::-1],
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_shape_stands_out_from_all_others(name):
    shapes = faces(200)
    shapes[17] = BROKEN[name](shapes[17])
    odd = implausibility(shapes)
    assert odd.argmax() == 17
    assert odd[17] > 6.5 > np.delete(odd, 17).max()


def test_equal_shapes_and_few_shapes_are_not_odd():
    assert implausibility(np.tile(faces(1), (50, 1, 1))).max() < 1
    few = faces(19)
    few[3] = scattered(few[3])
    assert implausibility(few).tolist() == [0.0] * 19
    assert implausibility(np.zeros((0, 468, 3))).shape == (0,)


@pytest.mark.parametrize("bits", [0, 3, 24])
def test_close_fingerprints_are_those_that_counting_bits_finds(bits):
    random = np.random.default_rng(0)
    numbers = [int.from_bytes(random.bytes(8), "big") for _ in range(150)]
    numbers += [number ^ (1 << k) ^ (1 << 2 * k) for k, number in enumerate(numbers[1:25], 1)] + numbers[:3]
    expected = {(i, j) for j in range(len(numbers)) for i in range(j) if (numbers[i] ^ numbers[j]).bit_count() <= bits}
    found = close_fingerprints([f"{number:016x}" for number in numbers], bits)
    assert {(i, j) for i, j in found.tolist()} == expected
    assert len(found) == len(expected) >= 3


def test_close_fingerprints_across_blocks():
    numbers = [k << 20 | (k * 2654435761) % 2**20 << 40 for k in range(2500)]
    numbers[2400] = numbers[3]
    assert close_fingerprints([f"{number:016x}" for number in numbers], 0).tolist() == [[3, 2400]]


def test_same_pictures_need_fingerprint_landmarks_and_picture():
    shape, picture = faces(1)[0], np.random.default_rng(0).normal(size=(32, 32))
    other = np.random.default_rng(1).normal(size=(32, 32))
    landmarks = np.array([shape, shape, shape + 5, shape, shape, shape * np.nan])
    pictures = [picture, picture * 0.5 + 20, picture, other, picture, picture]
    fingerprints = ["00000000000000ff"] * 4 + ["ffffffffffffffff", "00000000000000ff"]
    asked = []

    def thumbnail(index):
        asked.append(index)
        return pictures[index]

    assert same_pictures(fingerprints, landmarks, 256, 8, thumbnail) == [(0, 1)]
    assert sorted(asked) == [0, 1, 3]
    assert same_pictures([], np.zeros((0, 468, 3)), 256, 8, thumbnail) == []


def test_where_two_pictures_may_be_much_alike_only_copies_are_the_same():
    """A copy: stored again, with a little noise. A faint smile: a hundredth of the face's width, and a little light."""
    random = np.random.default_rng(3)
    shape, picture = random.uniform(0, 256, (468, 3)), random.normal(size=(32, 32))
    smile = np.where(np.arange(468)[:, None] < 80, shape + 6, shape)
    landmarks = np.array([shape, shape + 0.2, smile])
    pictures = [picture, picture + 0.02 * random.normal(size=(32, 32)), picture + 0.15 * random.normal(size=(32, 32))]

    def found(may_differ):
        return same_pictures(["00000000000000ff"] * 3, landmarks, 256, 8, pictures.__getitem__, may_differ)

    assert found(lambda i, j: False) == [(0, 1), (0, 2), (1, 2)]
    assert found(lambda i, j: True) == [(0, 1)]
    assert found(lambda i, j: (i, j) == (0, 2)) == [(0, 1), (1, 2)]


def test_blank_pictures_are_not_the_same():
    landmarks = np.tile(faces(1), (2, 1, 1))
    assert same_pictures(["0" * 16] * 2, landmarks, 256, 8, lambda index: np.full((32, 32), 7.0)) == []


def slope():
    """A plane that rises to the right, and landmarks on it."""
    depth = np.tile(np.linspace(0.2, 0.9, 64), (64, 1))
    xy = np.random.default_rng(0).uniform(1, 63, (468, 2))
    return depth, np.column_stack([xy, xy[:, 0] * 2])


def test_depth_fit_is_the_correlation_with_the_landmarks():
    depth, landmarks = slope()
    assert depth_fit(depth, landmarks) > 0.999
    assert depth_fit(1 - depth, landmarks) < -0.999
    assert abs(depth_fit(depth.T, landmarks)) < 0.2
    assert depth_fit(depth * 0, landmarks) == 0


def test_landmarks_on_the_background_are_misses_and_those_outside_do_not_count():
    depth, landmarks = slope()
    half = depth * (np.arange(64) < 32)[:, None]
    hits = (landmarks[:, 1] < 32).mean()
    assert depth_fit(half, landmarks) == pytest.approx(hits, abs=1e-3)
    landmarks[:100] += 1000
    assert depth_fit(depth, landmarks) > 0.999
