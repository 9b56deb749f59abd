"""Which photos are measured: by split, by name, by number, and by what can be seen of the face."""

from pathlib import Path

import numpy as np
import pytest
from drawn_mouths import landmarks

from facerelief.data.sources.labelled import Labelled, splits_by_person
from facerelief.errors import FacereliefError, NoFaceFound
from facerelief.evaluation.outside.people import FaceLandmarks, Selection, choose, true_photos
from facerelief.faces.detector import Face


def photos(people: int) -> list[Labelled]:
    return [
        Labelled(Path(f"{label}/{person:03}.png"), label, f"{person:03}")
        for label in ("happiness", "neutral")
        for person in range(people)
    ]


class Landmarks(FaceLandmarks):
    """Faces as they are given by photo; by default one from the front, 440 pixels high."""

    def __init__(self, **other: np.ndarray | None) -> None:
        self._other = other
        self.looked = 0

    def __call__(self, one: Labelled) -> np.ndarray:
        self.looked += 1
        found = self._other.get(f"{one.expression}_{one.identity}", landmarks("neutral"))
        if found is None:
            raise NoFaceFound("no face")
        return found


def test_held_out_people_are_those_of_dataset_build() -> None:
    labelled = photos(60)
    splits, _ = splits_by_person(labelled, 0)
    chosen = choose(labelled, Selection("test"), Landmarks())
    people = {one.identity for one in chosen.photos}
    assert people == {name for name, split in splits.items() if split == "test"}
    assert len(chosen.photos) == 2 * len(people)
    other = choose(labelled, Selection("test", seed=1), Landmarks())
    assert {one.identity for one in other.photos} != people


def test_people_by_name() -> None:
    chosen = choose(photos(9), Selection(people=("004", "002")), Landmarks())
    assert [one.photo.as_posix() for one in chosen.photos] == [
        "happiness/002.png",
        "happiness/004.png",
        "neutral/002.png",
        "neutral/004.png",
    ]
    with pytest.raises(FacereliefError, match="no photo of 017; name people as the photos' labels do"):
        choose(photos(9), Selection(people=("017", "002")), Landmarks())


def test_a_number_of_photos_is_a_fixed_draw_that_a_larger_one_contains() -> None:
    labelled = photos(40)
    few, more = (choose(labelled, Selection(photos=n), Landmarks()).photos for n in (10, 25))
    assert (len(few), len(more)) == (10, 25)
    assert {*few} < {*more}
    assert choose(labelled[::-1], Selection(photos=10), Landmarks()).photos == few


def test_faces_that_cannot_be_measured_are_counted_and_others_take_their_place() -> None:
    turned = landmarks("neutral") @ np.array([[0.8, 0, -0.6], [0, 1, 0], [0.6, 0, 0.8]])
    other = {"happiness_000": None, "happiness_001": turned, "neutral_002": landmarks("neutral", unit=20)}
    finding = Landmarks(**other)
    chosen = choose(photos(4), Selection(min_face_size=100), finding)
    assert len(chosen.photos) == 5
    assert sorted(chosen.notes) == [
        "1 photos are not measured: face smaller than 100 pixels",
        "1 photos are not measured: head turned by more than 30 degrees",
        "1 photos are not measured: no face that can be edited",
    ]
    assert len(choose(photos(4), Selection(photos=5, min_face_size=100), Landmarks(**other)).photos) == 5
    with pytest.raises(FacereliefError, match="none of 8 photos can be measured"):
        choose(photos(4), Selection(min_face_size=1000), Landmarks())


def test_true_photos_are_of_people_with_two_expressions() -> None:
    labelled = photos(2)
    single = Labelled(Path("neutral/900.png"), "neutral", "900")
    again = Labelled(Path("neutral/000b.png"), "neutral", "000")
    found = true_photos([*labelled, single, again])
    assert set(found) == {"000", "001"}
    assert found["000"]["neutral"].photo == Path("neutral/000.png")


def test_a_photo_is_looked_at_once_also_where_it_has_no_face(tmp_path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (640, 640)).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_text("no picture")
    calls: list[tuple[int, ...]] = []

    class Finder:
        def __call__(self, rgb: np.ndarray) -> list[Face]:
            calls.append(rgb.shape)
            return []

        def follow(self, rgb: np.ndarray, face: Face) -> Face | None:
            return None

    finding = FaceLandmarks(Finder())
    for name in ("a", "b"):
        one = Labelled(tmp_path / f"{name}.png", "neutral", name)
        assert finding.or_none(one) is None
        with pytest.raises(NoFaceFound):
            finding(one)
    assert calls == [(640, 640, 3)]
