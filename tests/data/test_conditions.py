"""Conditions from a dataset alone: action units, target landmarks, exemplars and classes."""

import dataclasses
import itertools
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from facerelief.config import ExpressionTraining
from facerelief.data import Dataset
from facerelief.data.arrays import Arrays, arrays_folder, load_arrays
from facerelief.data.batches import make_batch
from facerelief.data.conditions import Condition, build_condition, landmarks
from facerelief.data.conditions.landmarks import draw_edges, edge_vertices
from facerelief.data.conditions.units import UNITS, estimate_units, typical_rows
from facerelief.data.crops import read_alignment
from facerelief.errors import DatasetError
from facerelief.evaluation.systems import network_system
from facerelief.expressions import EXPRESSIONS
from facerelief.geometry.morphable.measuring import load_responses
from facerelief.geometry.morphable.model import carried_face, load_face
from facerelief.geometry.topology import BROWS, INNER_LIPS
from facerelief.networks.generator_output import GeneratorOutput

KINDS = {"class": "stargan", "units": "ganimation", "landmarks": "gannotation", "exemplar": "elegant"}
CHIN = 152
Measured = dict[str, tuple[Condition, Arrays]]


def condition_of(kind: str, **settings: Any) -> Condition:
    return build_condition(ExpressionTraining(method=KINDS[kind], guide="none", size=64, **settings))


def photos(folder: Path) -> Arrays:
    dataset = Dataset(folder)
    return load_arrays(dataset, dataset.select("train"), 64, "rgb", EXPRESSIONS)


@pytest.fixture(scope="module")
def measured(synthetic: Path) -> Measured:
    """Each kind's condition, which has collected, and the eight photos of one person, measured."""
    found = {}
    for kind in KINDS:
        condition, arrays = condition_of(kind), photos(synthetic)
        arrays = condition.measure(synthetic, arrays)
        condition.collect(arrays)
        found[kind] = condition, arrays
    return found


def moved_face(**amounts: float) -> np.ndarray:
    """Landmarks as the landmark model reports them of a face that shows so much of some shapes."""
    reported = load_responses()
    rows = [(reported.names.index(name), amount) for name, amount in amounts.items()]
    return load_face().mean + sum(amount * reported.shapes[row] for row, amount in rows)


def units_of(landmarks: np.ndarray) -> dict[int, float]:
    return dict(zip(UNITS, estimate_units()(landmarks, 64).tolist(), strict=True))


def test_the_units_are_those_that_a_face_is_moved_by() -> None:
    smile = units_of(60 * moved_face(mouthSmileLeft=0.7, mouthSmileRight=0.7) + 100)
    assert max(smile, key=lambda unit: smile[unit]) == 12 and 0.4 < smile[12] <= 1
    shout = units_of(60 * moved_face(jawOpen=0.6) + 100)
    assert max(shout, key=lambda unit: shout[unit]) == 26 and 0.3 < shout[26] < 0.9
    lopsided = units_of(60 * moved_face(mouthSmileLeft=0.7) + 100)
    assert 0.2 * smile[12] < lopsided[12] < 0.8 * smile[12]  # the mean of both sides
    assert max(units_of(60 * load_face().mean + 100).values()) < 0.2


def test_units_do_not_depend_on_where_and_how_large_a_face_is() -> None:
    face = moved_face(jawOpen=0.5, browDownLeft=0.5, browDownRight=0.5)
    one, other = (estimate_units()(scale * face + shift, 64) for scale, shift in ((30, 10), (200, -40)))
    np.testing.assert_allclose(one, other, atol=0.01)


def test_units_tell_expressions_of_synthetic_people_apart(measured: Measured) -> None:
    """Of one person, by the units that EMFACS names: more of each where the face shows it than where it is neutral."""
    _, arrays = measured["units"]
    units = {EXPRESSIONS[label]: arrays.measured["units"][row] for row, label in enumerate(arrays.label)}
    for name, unit in (("happiness", 12), ("surprise", 26), ("fear", 26)):
        place = UNITS.index(unit)
        assert units[name][place] > units["neutral"][place] + 0.05


def test_another_face_measures_anew(synthetic: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Values that one face gave are not taken for another's; the same face's are."""
    dataset, other = tmp_path / "dataset", tmp_path / "face.safetensors"
    shutil.copytree(synthetic, dataset)
    other.write_bytes(carried_face().read_bytes() + b" ")

    def files() -> set[str]:
        condition_of("landmarks").measure(dataset, photos(dataset))
        return {path.name for path in arrays_folder(dataset).glob("*landmarks*")}

    first = files()
    assert files() == first
    monkeypatch.setattr(landmarks, "carried_face", lambda: other)
    assert len(files() - first) == 1


def test_target_landmarks_are_near_the_true_ones(synthetic: Path, measured: Measured) -> None:
    """Of synthetic people the truth is known: the same scene with the other expression."""
    _, arrays = measured["landmarks"]
    true = {int(k): read_alignment(synthetic / s.mesh)[0] for k, s in zip(arrays.label, arrays.samples, strict=True)}
    true = {label: points[list(edge_vertices()), :2] / 64 for label, points in true.items()}
    for row, label in enumerate(arrays.label):
        np.testing.assert_allclose(arrays.measured["landmarks"][row, 0], true[int(label)], atol=1e-5)
    errors, distances = [], []
    for row, target in itertools.product(range(len(arrays.label)), range(len(EXPRESSIONS))):
        errors.append(np.linalg.norm(arrays.measured["landmarks"][row, 1 + target] - true[target], axis=1).mean())
        distances.append(np.linalg.norm(true[int(arrays.label[row])] - true[target], axis=1).mean())
    assert np.mean(errors) < 0.6 * np.mean(distances)


def test_an_edge_map_has_the_authors_channels() -> None:
    points = load_face().mean[:, :2] / 5 + 0.5
    edges = draw_edges(points[list(edge_vertices())], 128)
    for vertex, channel in ((CHIN, 0), (BROWS[0][1], 1), (INNER_LIPS[0], 2)):
        x, y = (points[vertex] * 128).astype(int)
        assert edges[:, y, x].tolist() == [float(channel == k) for k in range(3)]
    chin_column = int(points[CHIN, 0] * 128)
    assert (edges[0, :, chin_column] > 0).sum() in (3, 4)  # a line of 3 pixels
    assert (draw_edges(points[list(edge_vertices())], 32)[0, :, chin_column // 4] > 0).sum() == 1


@pytest.mark.parametrize("kind", KINDS)
def test_what_every_kind_keeps(kind: str, synthetic: Path, measured: Measured) -> None:
    """Shapes, mirrored photos, and the file: what was saved asks for the same."""
    condition, arrays = measured[kind]
    rows = np.arange(4)
    plain, mirrored = (make_batch(arrays, rows, "depth", np.full(4, flip)) for flip in (False, True))
    y_t = torch.tensor([3, 0, 1, 2])
    own, other = condition.own(arrays, plain), condition.own(arrays, mirrored)
    assert own.shape == (4, *condition.shape) and own.dtype == torch.float32
    assert other.equal(own.flip(-1) if own.ndim == 4 else own)
    asked = condition.towards(arrays, plain, y_t)
    assert asked.shape == own.shape and not asked.equal(own)
    again = condition_of(kind)
    again.load_state_dict(condition.state_dict())
    assert again.towards(again.measure(synthetic, photos(synthetic)), plain, y_t).equal(asked)
    landmarks = read_alignment(synthetic / arrays.samples[0].mesh)[0]
    alone = again.of_face(landmarks, 3)
    assert alone.shape == (1, *condition.shape) and alone.dtype == np.float32
    np.testing.assert_allclose(alone[0], asked[0].numpy(), atol=1e-5)


class TakesTheAnswer(torch.nn.Module):
    """A generator that shows what it is asked by, where that is a picture, and nothing else."""

    def forward(self, image: torch.Tensor, condition: torch.Tensor) -> GeneratorOutput:
        return GeneratorOutput(condition[:, : image.shape[1]])


def test_the_way_back_is_not_asked_for_by_the_photo_itself(measured: Measured, synthetic: Path) -> None:
    """An exemplar of a cycle is another photo with the source's label: else copying it would be a perfect cycle."""
    condition, train = measured["exemplar"]
    dataset, rows = Dataset(synthetic), np.arange(4)
    test = load_arrays(dataset, dataset.select("test"), 64, "rgb", EXPRESSIONS)
    back = network_system("copies", TakesTheAnswer(), condition, test).back
    assert back is not None
    shown, photo = back(torch.zeros(4, 3, 64, 64), rows), make_batch(test, rows, "depth").image
    assert not any(one.equal(other) for one, other in zip(shown, photo, strict=True))
    of_label = [int(np.flatnonzero(train.label == label)[0]) for label in test.label[rows]]  # there is one of each
    torch.testing.assert_close(shown, make_batch(train, np.array(of_label), "depth").image)
    for kind in ("class", "units", "landmarks"):
        other, arrays = measured[kind]
        batch = make_batch(arrays, rows, "depth")
        assert other.back(arrays, batch).equal(other.own(arrays, batch))


def test_random_draws_choose_among_the_photos_of_the_class(measured: Measured) -> None:
    for kind in ("units", "exemplar"):
        condition, arrays = measured[kind]
        assert condition.random
        batch, y_t = make_batch(arrays, np.arange(4), "depth"), torch.tensor([3, 3, 0, 0])
        drawn = condition.towards(arrays, batch, y_t, torch.tensor([0.0, 0.999, 0.3, 0.6]))
        photo = {label: int(np.flatnonzero(arrays.label == label)[0]) for label in (0, 3)}  # one of each class
        shown = make_batch(arrays, np.array([photo[3], photo[3], photo[0], photo[0]]), "depth")
        torch.testing.assert_close(drawn, condition.own(arrays, shown))


def test_the_most_typical_photo_comes_first(measured: Measured) -> None:
    _, arrays = measured["class"]
    five = dataclasses.replace(arrays, label=np.array([1, 0, 1, 1, 1, 1, 0, 0]))
    values = np.array([[0.0], [9], [10], [4], [5], [20], [9], [9]])
    rows = typical_rows(values, five, 1, 3)
    assert rows[0] == 4 and set(rows) <= {0, 2, 3, 4, 5}  # the median of 0, 4, 5, 10, 20
    assert (rows == typical_rows(values, five, 1, 3)).all()
    assert sorted(set(typical_rows(values, five, 1, 50))) == [0, 2, 3, 4, 5]
    with pytest.raises(DatasetError, match=r"^no training photo shows contempt, so nothing says how; leave"):
        typical_rows(values, five, 7, 3)


def test_a_dataset_without_meshes_cannot_feed_units(synthetic: Path, tmp_path: Path) -> None:
    """One line that names the file."""
    condition, arrays = condition_of("units"), photos(synthetic)
    with pytest.raises(DatasetError, match=r"mesh/.*\.npz cannot be read .*; build the dataset again$"):
        condition.measure(tmp_path, arrays)
