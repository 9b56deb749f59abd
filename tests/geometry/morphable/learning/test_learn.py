"""Learning a face from portraits drawn by a known one: what comes out agrees with what went in."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from known_detector import Shortening, hand_edits_on

from facerelief.errors import DatasetError
from facerelief.expressions import EXPRESSIONS
from facerelief.faces.alignment import Crop
from facerelief.geometry.morphable.action_units import EMFACS, Rig
from facerelief.geometry.morphable.fitting import fit_face
from facerelief.geometry.morphable.learning import Portrait, expressions, learn_face
from facerelief.geometry.morphable.model import MorphableFace, full_maps, load_face, save_face
from facerelief.geometry.morphable.random_faces import Person, Setting, random_person, render_portrait
from facerelief.geometry.morphable.uv_map import sample_bilinear

PERSONS, SIZE = 40, 64
Learned = tuple[MorphableFace, dict[str, Any]]
# How the drawn people smile and are sad, unlike what is typical of it.
SHOWN = {"happiness": {12: 1.0, 6: 0.1, 10: 0.1, 16: 0.6, 26: 0.4}, "sadness": {1: 0.5, 4: 1.2, 15: 0.4, 17: 0.9}}

scipy_spatial = pytest.importorskip("scipy.spatial", reason="learning needs scipy")


def true_face() -> MorphableFace:
    """The package's, with expressions of these people, who have more wrinkles."""
    face = load_face()
    amounts, wrinkles = face.amounts.copy(), face.texture_classes.copy()
    for name, units in SHOWN.items():
        amounts[EXPRESSIONS.index(name)] = face.rig.amounts(units)
        wrinkles[EXPRESSIONS.index(name)] *= 2
    return dataclasses.replace(face, amounts=amounts, texture_classes=wrinkles)


class Drawn:
    """Portraits of persons, each neutral and happy, a little turned; landmarks a fifteenth of a pixel off.

    `found` is how much of a movement the landmarks show: detectors shorten. Below 1, only shapes change.
    """

    def __init__(
        self, persons: int = PERSONS, names: tuple[str, ...] = ("neutral", "happiness"), found: float = 1.0
    ) -> None:
        face, random = true_face(), np.random.default_rng(0)
        if found < 1:
            face = dataclasses.replace(face, texture_classes=np.zeros_like(face.texture_classes))
        self.people = [random_person(face, random) for _ in range(persons)]
        self.pictures, landmarks, labels, poses = [], [], [], []
        for number, person in enumerate(self.people):
            for name in names:
                yaw, pitch = random.normal(scale=(8, 5))
                setting = Setting(float(yaw), float(pitch), strength=float(random.uniform(0.8, 1.2)))
                picture, points = render_portrait(face, person, name, setting, SIZE)
                still = render_portrait(face, person, "neutral", setting, SIZE)[1] if found < 1 else points
                points = still + found * (points - still)
                self.pictures.append(picture)
                landmarks.append(points + random.normal(scale=0.065, size=points.shape))
                labels.append((name, f"person {number}"))
                poses.append((yaw, pitch))
        self.landmarks = np.stack(landmarks)
        self.expression, self.identity = np.array(labels).T
        self.pose = np.array(poses)
        self.coloured = np.full(len(labels), 20.0)
        self.calls: list[tuple[int, int]] = []

    def __getitem__(self, row: int) -> Portrait:
        return Portrait(self.pictures[row], Crop(np.eye(2, 3), SIZE), (SIZE, SIZE))


@pytest.fixture(scope="module")
def portraits() -> Drawn:
    return Drawn()


def learn(portraits: Drawn, *further: Drawn, found: float = 1.0, calls: list[tuple[int, int]] | None = None) -> Learned:
    """By a detector that finds this share of movements, and the carried rig."""

    def make_rig(mean: np.ndarray) -> Rig:
        assert mean.shape == (468, 3)
        return load_face().rig

    def progress(done: int, total: int) -> None:
        if calls is not None:
            calls.append((done, total))

    with pytest.MonkeyPatch.context() as patch:
        hand_edits_on(patch)
        return learn_face(portraits, Shortening(found), make_rig, further, progress)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def learned(portraits: Drawn) -> Learned:
    return learn(portraits, calls=portraits.calls)


def still(person: Person) -> np.ndarray:
    return load_face().shape(person.identity)


def at_landmarks(face: MorphableFace, half: np.ndarray) -> np.ndarray:
    """Values of a left half of the UV map at the 468 vertices, so that UV maps of different sizes compare."""
    return sample_bilinear(full_maps(half)[..., None], face.uv_map.points[:468])[:, 0]


def test_the_mean_shape_is_that_of_the_persons(learned: Learned, portraits: Drawn) -> None:
    face, _ = learned
    target = np.mean([still(person) for person in portraits.people], axis=0)
    _, _, disparity = scipy_spatial.procrustes(target, face.mean)  # of shapes of size 1, squared
    assert disparity < 2e-4
    left, right = (face.mean[list(pair)].mean(axis=0) for pair in ((33, 133), (263, 362)))
    np.testing.assert_allclose(right - left, (1, 0, 0), atol=0.01)


def test_persons_are_found_in_the_identity_modes(learned: Learned, portraits: Drawn) -> None:
    face, _ = learned
    apart = np.std([still(person) for person in portraits.people], axis=0)
    for person in portraits.people[:10]:
        assert fit_face(face, still(person)).residual < 0.3 * float(np.sqrt((apart**2).sum(axis=1).mean()))


def test_happiness_is_what_these_people_show_of_it(learned: Learned) -> None:
    """Not what is typical, which 40 people outweigh."""
    face, facts = learned
    found, true = face.expression("happiness"), true_face().expression("happiness")
    typical = face.rig.movement(face.rig.amounts(EMFACS["happiness"].units))
    assert np.linalg.norm(found - true) < 0.35 * np.linalg.norm(typical - true)
    assert (found * true).sum() / np.linalg.norm(found) / np.linalg.norm(true) > 0.95
    assert not face.expression("neutral").any()
    one = facts["learned"]["happiness"]
    assert (one["dataset"], one["people"], one["paired"], one["open"]) == (0, PERSONS, True, True)
    assert one["explained"] > 0.8


def test_expressions_that_nobody_shows_are_the_typical_ones(learned: Learned) -> None:
    face, facts = learned
    for name in ("surprise", "anger", "contempt"):
        row = face.rig.amounts(EMFACS[name].units, EMFACS[name].sides)
        np.testing.assert_allclose(face.amounts[EXPRESSIONS.index(name)], row, atol=1e-6)
        assert facts["units"][name] == EMFACS[name].units
        assert name not in facts["learned"]


def test_the_texture_is_that_of_the_persons(learned: Learned, portraits: Drawn) -> None:
    face, known = learned[0], load_face()
    people = np.tensordot([person.texture for person in portraits.people], known.texture_identity, 1)
    found, true = at_landmarks(face, face.texture), at_landmarks(known, known.texture + people.mean(axis=0))
    assert np.corrcoef(found, true)[0, 1] > 0.9
    label = EXPRESSIONS.index("happiness")
    found, true = (at_landmarks(f, f.texture_classes[label]) for f in (face, known))
    assert np.corrcoef(found, true)[0, 1] > 0.7


def test_skin_is_red_rather_than_blue(learned: Learned) -> None:
    red, _, blue = np.moveaxis(learned[0].tint, 2, 0)
    cheeks = learned[0].uv_map.points[[50, 280]].astype(int)
    for x, y in cheeks:
        assert red[y, x] > 1.1 > 0.9 > blue[y, x]
    np.testing.assert_allclose(learned[0].tint @ (0.299, 0.587, 0.114), 1, atol=1e-3)


def test_a_learned_face_is_whole_and_can_be_drawn(learned: Learned, tmp_path: Any) -> None:
    face, facts = learned
    for field in dataclasses.fields(face):
        if field.name == "rig":
            continue
        values, carried = getattr(face, field.name), getattr(load_face(), field.name)
        assert np.isfinite(values).all(), field.name
        assert values.dtype == np.float32
        assert field.name == "clusters" or values.shape[1:] == carried.shape[1:], field.name
    assert face.rig is load_face().rig
    save_face(tmp_path / "face.safetensors", face, facts)
    loaded = load_face(tmp_path)
    picture, _ = render_portrait(loaded, random_person(loaded, np.random.default_rng(0)), "happiness", Setting(), SIZE)
    assert picture.std() > 10
    assert facts["photos"] == {name: PERSONS if name in ("neutral", "happiness") else 0 for name in EXPRESSIONS}
    assert facts["persons"] == facts["photos"]
    for shares in facts["explained"].values():
        assert (np.diff(shares) >= -1e-9).all()
        assert 0 < shares[0] <= shares[-1] <= 1 + 1e-6


def test_a_kind_of_face_is_of_several_persons(learned: Learned, portraits: Drawn) -> None:
    """Of 40 persons at most three groups of twelve can be made, so that none is anybody's face."""
    face, _ = learned
    assert 1 <= len(face.clusters) <= PERSONS // 12
    assert face.clusters.shape[1] == len(face.identity) + len(face.texture_identity)
    assert np.abs(face.clusters).max() <= 3


def amounts(face: MorphableFace, name: str) -> dict[int, float]:
    """By unit."""
    row = face.amounts[EXPRESSIONS.index(name)]
    return {unit: float(row[face.rig.amounts({unit: 1.0}).argmax()]) for unit in SHOWN[name]}


def test_an_expression_from_a_further_dataset(portraits: Drawn, learned: Learned) -> None:
    """Everything else stays as it was."""
    sad = Drawn(25, ("neutral", "sadness"))
    face, facts = learn(portraits, sad)
    assert list(facts["learned"]) == ["happiness", "sadness"]
    one = facts["learned"]["sadness"]
    assert (one["dataset"], one["people"], one["photos"], one["of"]) == (1, 25, 25, 25)
    assert (one["paired"], one["open"], one["typical"]) == (True, False, [])
    row = EXPRESSIONS.index("sadness")
    for field in dataclasses.fields(face):
        now, before = getattr(face, field.name), getattr(learned[0], field.name)
        if field.name == "rig":
            continue
        if field.name in ("amounts", "texture_classes"):
            assert not np.array_equal(now[row], before[row])
            now, before = np.delete(now, row, 0), np.delete(before, row, 0)
        np.testing.assert_array_equal(now, before, field.name)


def test_wrinkles_of_peoples_own_photos_count_wholly(portraits: Drawn) -> None:
    """Whatever many others of the first dataset show, who look as if nobody had a wrinkle; and half as much again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("facerelief.geometry.morphable.learning.learn._OWN_WRINKLES", 1.0)
        alone, _ = learn(portraits, Drawn(25, ("neutral", "sadness")))
    others = Drawn(names=("neutral", "happiness", "sadness"), found=0.999)
    among, _ = learn(others, Drawn(25, ("neutral", "sadness")))
    row = EXPRESSIONS.index("sadness")
    found, true = (at_landmarks(face, face.texture_classes[row]) for face in (among, alone))
    assert np.corrcoef(found, true)[0, 1] > 0.9
    assert found.std() == pytest.approx(1.5 * true.std(), rel=0.15)


def test_what_a_detector_shortens_is_learned_at_its_full_length(
    portraits: Drawn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of a movement is found in the photos of people, and in edits of known amounts: amounts are whole.

    Here 25 people outweigh what is typical, so that it does not hide the difference.
    """
    monkeypatch.setattr(expressions, "_TRUST", 0.05)
    sad = Drawn(25, ("neutral", "sadness"), 0.5)
    found, trusting = (amounts(learn(portraits, sad, found=share)[0], "sadness") for share in (0.5, 1.0))
    assert found == pytest.approx(SHOWN["sadness"], abs=0.2)
    for unit, amount in SHOWN["sadness"].items():  # by a detector that finds all of an edit, it would be about half
        assert trusting[unit] == pytest.approx(amount / 2, abs=0.15), unit


def test_progress_counts_every_photo_that_is_read(learned: Learned, portraits: Drawn) -> None:
    """All for their textures, those that are compared once more, and the still faces that are edited."""
    total = 2 * PERSONS + 2 * PERSONS + min(PERSONS, 24)
    assert portraits.calls == [(n, total) for n in range(1, total + 1)]


@pytest.mark.parametrize(
    ("persons", "names", "message"),
    [
        (2, ("happiness",), "there are no neutral photos to learn a face from; label some as neutral"),
        (4, ("neutral", "fear"), "4 persons have a neutral photo, 30 are needed to learn a face; add photos"),
    ],
)
def test_too_little_to_learn_from(persons: int, names: tuple[str, ...], message: str) -> None:
    with pytest.raises(DatasetError) as caught:
        learn(Drawn(persons, names))
    assert str(caught.value) == message
