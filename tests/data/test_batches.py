import dataclasses
import gc
import weakref
from collections import Counter

import numpy as np
import pytest
import torch
from shells import row_of

from facerelief.config import DepthTraining
from facerelief.data.arrays import Arrays, vote_shares
from facerelief.data.batches import Batch, Batches, Rows, balanced_rows, make_batch, mirrored
from facerelief.errors import DatasetError
from facerelief.training.presets import make_config

SIZE = 4
COUNTS = (2, 3, 7)  # rows of each class


def arrays(counts: tuple[int, ...] = COUNTS) -> Arrays:
    """Row i is an even picture of level 10 * i; its depth grows by the column, its normals lean to the right."""
    total = sum(counts)
    image = np.repeat(np.arange(total, dtype=np.uint8) * 10, 3 * SIZE * SIZE).reshape(total, 3, SIZE, SIZE)
    depth = np.broadcast_to(np.arange(SIZE, dtype=np.uint16) * 1000, (total, SIZE, SIZE)).copy()
    normal = np.broadcast_to(np.array([76, 0, 102], np.int8)[:, None, None], (total, 3, SIZE, SIZE)).copy()
    label = np.random.default_rng(0).permutation(np.repeat(np.arange(len(counts)), counts))
    names = ("neutral", "happiness", "sadness")[: len(counts)]
    samples = tuple(row_of(f"person {number}") for number in range(total))
    return Arrays(image, depth, normal, label, names, samples)


def batches(size: int = 6, *, seed: int = 0, balanced: bool = True) -> Batches:
    config = make_config(DepthTraining, "cpu", {"batch": size, "seed": seed, "balanced": balanced})
    return Batches(arrays(), config, "both")


def rows(batch: Batch) -> list[int]:
    return [round((value + 1) * 12.75) for value in batch.image[:, 0, 0, 0].tolist()]


def flipped(batch: Batch) -> list[bool]:
    return (batch.geometry[:, 0, 0, 0] > batch.geometry[:, 0, 0, -1]).tolist()


def same(one: Batch, other: Batch) -> bool:
    return all(torch.equal(getattr(one, name), getattr(other, name)) for name in ("image", "geometry", "label"))


def test_a_batch_depends_on_the_seed_and_the_step_only() -> None:
    unbroken, resumed = batches(), batches()
    seen = [unbroken(step) for step in range(20)]
    for step in (13, 2, 19, 2):
        assert same(resumed(step), seen[step])
    assert [rows(b) for b in seen] != [rows(batches(seed=1)(step)) for step in range(20)]
    torch.manual_seed(5)
    np.random.seed(5)  # global generators have no part in it
    assert same(batches()(4), seen[4])


def test_what_was_drawn_from_is_not_kept() -> None:
    """Studies train many runs in one process."""
    drawn = batches()
    drawn(0)
    still_there = weakref.ref(drawn)
    del drawn
    gc.collect()
    assert still_there() is None


@pytest.mark.parametrize("size", [6, 3, 5])
def test_balanced_shows_every_expression_equally_often(size: int) -> None:
    source, found = batches(size), Counter[int]()
    for step in range(30):
        batch = source(step)
        assert batch.label.tolist() == [arrays().label[row] for row in rows(batch)]
        counts = Counter(batch.label.tolist())
        assert max(counts.values()) - min(counts[k] for k in range(3)) <= (0 if size % 3 == 0 else 1)
        found.update(counts)
    assert max(found.values()) - min(found.values()) == 0  # 30 * size is a multiple of 3


@pytest.mark.parametrize("balanced", [True, False])
def test_every_row_is_used_once_before_any_is_used_again(balanced: bool) -> None:
    source = batches(5, balanced=balanced)
    drawn = [row for step in range(60) for row in rows(source(step))]
    label = arrays().label
    pools = [[r for r in drawn if label[r] == k] for k in range(3)] if balanced else [drawn]
    orders = []
    for pool in pools:
        count = len(set(pool))
        epochs = [tuple(pool[start : start + count]) for start in range(0, len(pool) - count + 1, count)]
        assert all(len(set(epoch)) == count for epoch in epochs)
        orders.append(set(epochs))
    assert {row for pool in pools for row in pool} == set(range(sum(COUNTS)))
    assert all(len(order) > 1 for order in orders)  # a new order each time


@pytest.mark.parametrize(("size", "count"), [(6, 3), (7, 2), (7, 3), (3, 2), (5, 5), (4, 1)])
def test_the_parts_of_a_batch_are_that_batch(size: int, count: int) -> None:
    source = batches(size)
    for step in range(12):
        whole, parts = source(step), [source(step, part=Rows.part(size, number, count)) for number in range(count)]
        assert all(len(part.rows) for part in parts)
        for name in ("image", "geometry", "label"):
            assert torch.equal(torch.cat([getattr(part, name) for part in parts]), getattr(whole, name))
        for part in parts:
            assert part.labels_of_all.equal(whole.label)


def test_the_means_of_parts_add_up() -> None:
    """By their shares, also of means over some photos only; a part may have none of those."""
    values, counted = np.arange(10.0), np.array([0, 0, 0, 0, 1, 1, 0, 1, 0, 1], dtype=bool)
    parts = [Rows.part(10, number, 3) for number in range(3)]
    total = 0.0
    for part in parts:
        own = slice(part.start, part.stop)
        mean = values[own][counted[own]].mean() if counted[own].any() else 0.0
        total += part.share * part.scale(counted) * mean
    assert total == pytest.approx((4 + 5 + 7 + 9) / 4)
    assert sum(part.share for part in parts) == 1


def test_half_of_the_pictures_are_mirrored() -> None:
    source = batches()
    share = np.mean([flip for step in range(200) for flip in flipped(source(step))])
    assert share == pytest.approx(0.5, abs=0.05)
    assert [flipped(source(step)) for step in range(8)] != [flipped(batches(seed=1)(step)) for step in range(8)]


def test_ranges_and_channels() -> None:
    data = arrays()
    data.image[0, :, 0, 0], data.image[1, :, 0, 0] = 0, 255
    data.depth[0, 0, 0], data.depth[1, 0, 0] = 0, 65535
    batch = make_batch(data, np.array([0, 1]), "both")
    assert batch.image[:, 0, 0, 0].tolist() == [-1, 1]
    assert batch.geometry[:, 0, 0, 0].tolist() == [-1, 1]
    torch.testing.assert_close(batch.geometry[0, 1:, 0, 0], torch.tensor([76.0, 0.0, 102.0]) / 127)
    assert batch.image.dtype == batch.geometry.dtype == torch.float32
    assert batch.label.dtype == torch.int64
    assert make_batch(data, np.array([0]), "depth").geometry.shape == (1, 1, SIZE, SIZE)
    assert torch.equal(make_batch(data, np.array([0, 1]), "depth").geometry, batch.geometry[:, :1])
    assert torch.equal(make_batch(data, np.array([0, 1]), "normal").geometry, batch.geometry[:, 1:])


def test_only_the_chosen_rows_are_mirrored_image_and_geometry_alike() -> None:
    data = arrays()
    data.image[:] = np.arange(SIZE, dtype=np.uint8) * 50
    plain = make_batch(data, np.array([3, 4]), "both")
    turned = make_batch(data, np.array([3, 4]), "both", np.array([False, True]))
    assert torch.equal(turned.image[0], plain.image[0])
    assert torch.equal(turned.geometry[0], plain.geometry[0])
    assert torch.equal(turned.image[1], plain.image[1].flip(-1))
    assert torch.equal(turned.geometry[1, 0], plain.geometry[1, 0].flip(-1))
    assert torch.equal(turned.geometry[1, 1], -plain.geometry[1, 1])  # leans to the left now
    assert torch.equal(turned.geometry[1, 2:], plain.geometry[1, 2:])


@pytest.mark.parametrize(("guide", "channels", "x"), [("depth", 1, None), ("normal", 3, 0), ("both", 4, 1)])
def test_mirroring_twice_changes_nothing(guide: str, channels: int, x: int | None) -> None:
    geometry = torch.randn(2, channels, 5, 6)
    once = mirrored(geometry, guide)
    assert torch.equal(mirrored(once, guide), geometry)
    for channel in range(channels):
        sign = -1 if channel == x else 1
        assert torch.equal(once[:, channel], sign * geometry[:, channel].flip(-1))


def test_the_normals_of_a_mirrored_surface_are_the_mirrored_normals() -> None:
    y, x = np.mgrid[:9, :9] / 4.0

    def normals(z: np.ndarray) -> torch.Tensor:
        dy, dx = np.gradient(z)
        normal = np.stack([-dx, dy, np.ones_like(z)])
        return torch.from_numpy(normal / np.linalg.norm(normal, axis=0))[None]

    z = np.sin(x) + 0.3 * x * y
    torch.testing.assert_close(mirrored(normals(z).float(), "normal"), normals(z[:, ::-1]).float())


def test_shown_rows_take_the_expressions_in_turn() -> None:
    data = arrays()
    found = balanced_rows(data, most=8)
    assert data.label[found].tolist() == [0, 1, 2, 0, 1, 2, 1, 2]
    assert len(set(found.tolist())) == 8
    assert balanced_rows(data, most=8).tolist() == found.tolist()
    assert len(balanced_rows(data, most=99)) == sum(COUNTS)
    assert len(balanced_rows(data, most=2)) == 2


@pytest.mark.parametrize(
    ("people", "expected"),
    [
        ("abcdef", [0, 1, 2, 3, 4, 5]),  # a person a photo: the first of each expression
        ("aaabbb", [0, 4, 2, 3, 1, 5]),  # two persons with everything: they take turns
        ("aaabcd", [0, 4, 5, 3, 1, 2]),  # a scene of one person comes apart
        ("aaaaaa", [0, 1, 2, 3, 4, 5]),  # nobody else is there
        ("abbcbd", [0, 1, 5, 3, 4, 2]),
    ],
)
def test_shown_rows_take_the_persons_in_turn(people: str, expected: list[int]) -> None:
    data = arrays((2, 2, 2))
    label = np.array([0, 1, 2, 0, 1, 2])
    data = dataclasses.replace(data, label=label, samples=tuple(map(row_of, people)))
    assert balanced_rows(data).tolist() == expected


def test_shares_of_votes_by_hand() -> None:
    """Votes stand in the order of `EXPRESSIONS`; those for expressions that the run lacks do not count."""
    names = ("neutral", "happiness", "anger")
    voted = row_of("a", votes="1 2 3 0 0 0 1 3")
    assert vote_shares(voted, names).tolist() == [0.25, 0.5, 0.25]
    assert vote_shares(row_of("b", expression="anger"), names).tolist() == [0, 0, 1]
    assert vote_shares(row_of("c", votes="0 0 9 1 0 0 0 0"), names).tolist() == [1, 0, 0]  # its label, neutral
    with pytest.raises(DatasetError, match=r"has votes '1 2', which are not 8 numbers"):
        vote_shares(row_of("d", votes="1 2"), names)


def test_soft_labels_are_asked_for_and_the_label_stays() -> None:
    source = arrays()
    voted = tuple(dataclasses.replace(sample, votes="1 3 0 0 0 0 0 0") for sample in source.samples)
    source = dataclasses.replace(source, samples=voted)
    config = make_config(DepthTraining, "cpu", {"batch": 6})
    plain = Batches(source, config, "depth")(3)
    assert plain.classes is plain.label
    soft = Batches(source, dataclasses.replace(config, soft_labels=True), "depth")(3)
    assert torch.equal(soft.label, plain.label)
    assert soft.classes.tolist() == [[0.25, 0.75, 0.0]] * 6
