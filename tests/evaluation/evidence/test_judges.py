"""Judges by landmarks, rates and distances, against hand numbers."""

from typing import Any

import numpy as np
import pytest
import torch
from shells import row_of
from torch import Tensor, nn

from facerelief.data.arrays import Arrays
from facerelief.errors import DatasetError, FacereliefError
from facerelief.evaluation.evidence.judges import fit_landmark_judge
from facerelief.evaluation.evidence.measure import (
    confusion_of,
    drawn_rows,
    judged_edits,
    leave_alone,
    network_edit,
    true_pairs,
)
from facerelief.evaluation.evidence.summary import LANDMARKS, at_change, markdown, paired_differences, table
from facerelief.networks.generator_output import GeneratorOutput

NAMES = ("neutral", "happiness")


def arrays(people: list[tuple[str, str]]) -> Arrays:
    """A picture of level 10 * row of each person and expression."""
    count = len(people)
    image = np.broadcast_to(np.arange(count, dtype=np.uint8)[:, None, None, None] * 10, (count, 1, 8, 8)).copy()
    samples = tuple(row_of(f"{k}", identity=name, expression=shown) for k, (name, shown) in enumerate(people))
    label = np.array([NAMES.index(shown) for _, shown in people])
    none = np.zeros((count, 8, 8))
    return Arrays(image, none, none, label, NAMES, samples)


def test_the_discriminant_of_two_round_clouds_is_the_line_between_them() -> None:
    random = np.random.default_rng(0)
    shapes = random.normal(size=(8000, 3))
    shapes[4000:, 0] += 3
    judge = fit_landmark_judge(shapes, np.repeat([0, 1], 4000), 2)
    beside = np.array([[1.2, 1.0, -1.0], [1.8, -1.0, 1.0]])
    assert judge(beside).tolist() == [0, 1]
    assert (judge(shapes) == np.repeat([0, 1], 4000)).mean() == pytest.approx(0.933, abs=0.01)  # of a normal below 1.5


def test_pairs_are_people_with_both_expressions() -> None:
    pairs = true_pairs(arrays([("a", "neutral"), ("b", "happiness"), ("b", "neutral"), ("a", "neutral")]))
    assert pairs.people == ("b",)
    assert pairs.levels[:, 0, 0, 0, 0].tolist() == [20, 10]  # neutral, then happiness
    with pytest.raises(DatasetError, match="nobody has a photo of neutral and happiness"):
        true_pairs(arrays([("a", "neutral"), ("b", "happiness")]))


class Brighter(nn.Module):
    """Adds 20 levels to a photo that becomes happy, and takes them from one that becomes neutral."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(20 / 127.5))

    def forward(self, image: Tensor, y_t: Tensor) -> GeneratorOutput:
        return GeneratorOutput(image + self.weight * (y_t[:, 1] - y_t[:, 0])[:, None, None, None])


def test_strength_is_a_factor_of_the_change() -> None:
    edit = network_edit(Brighter(), 2)
    levels = np.full((2, 1, 4, 4), 100, np.uint8)
    made = {strength: edit(levels, np.array([1, 0]), strength)[:, 0, 0, 0].tolist() for strength in (0.5, 1.0, 1.5)}
    assert made == {0.5: [110, 90], 1.0: [120, 80], 1.5: [130, 70]}


def test_edits_are_called_by_every_judge() -> None:
    test = arrays([("a", "neutral"), ("b", "happiness"), ("c", "happiness")])
    judges = {"always happy": lambda x: np.ones(len(x), int), "by brightness": lambda x: (x[:, 0, 0, 0] > 15) * 1}
    found = judged_edits(leave_alone, test, np.arange(3), judges)
    assert found["targets"].tolist() == [1, 0, 0]
    assert found["confusion"] == {"always happy": [[0, 2], [0, 1]], "by brightness": [[1, 1], [1, 0]]}
    assert confusion_of(np.array([0, 1, 1]), np.array([0, 0, 1]), 2).tolist() == [[1, 0], [1, 1]]


def test_the_draw_takes_as_many_of_each_class() -> None:
    test = arrays([("a", "neutral")] * 5 + [("b", "happiness")] * 3)
    rows = drawn_rows(test, 2)
    assert test.label[rows].tolist() == [0, 0, 1, 1]
    assert np.array_equal(rows, drawn_rows(test, 2))


def facts(error: float, hits: int, change: float) -> dict[str, Any]:
    return {
        "london": {"neutral to happiness": [error, error], "happiness to neutral": [error]},
        "confusion": {"judge": [[hits, 10 - hits], [0, 10]]},
        "change": change,
    }


SCORES = {
    "stargan": {str(seed): {"1": facts(0.030 + seed / 1000, 4, 8.0)} for seed in range(3)},
    "depth": {str(seed): {"0.5": facts(0.030, 4, 6.0), "1": facts(0.028 + seed / 1000, 8, 12.0)} for seed in range(3)},
}


def test_differences_are_paired_by_seed() -> None:
    """The seeds differ by 0.001 in both cells, so that every difference is the same and its interval is 0."""
    gap = paired_differences(SCORES, "stargan")["depth"]
    assert gap[LANDMARKS].mean == pytest.approx(-0.002)
    assert gap[LANDMARKS].half == pytest.approx(0, abs=1e-12)
    assert gap["rate by judge"].mean == pytest.approx((0.8 - 0.4) / 2)
    assert table(SCORES)["stargan"][LANDMARKS].mean == pytest.approx(0.031)


def test_at_equal_change_values_lie_on_the_line_between_strengths() -> None:
    found = at_change(SCORES["depth"]["0"], 8.0)  # a third of the way from 6 to 12
    assert found["rate by judge"] == pytest.approx(0.7 + 0.2 / 3)
    assert found[LANDMARKS] == pytest.approx(0.030 - 0.002 / 3)
    assert at_change(SCORES["depth"]["0"], 99.0)["levels changed"] == 12


def test_the_page_names_the_baselines_and_refuses_an_unknown_cell() -> None:
    baselines = {"unedited": {"1": facts(0.034, 1, 0.0)}, "real": {"judge": [[9, 1], [3, 7]]}}
    lines = markdown(SCORES, baselines, "stargan").splitlines()
    assert lines[2].split(" | ")[:3] == ["| real photos", "-", "0.800"]
    assert lines[3].startswith("| unedited | 0.03400 | 0.550 |")
    assert any(line.startswith("| minus stargan, at equal change |") for line in lines)
    with pytest.raises(FacereliefError, match="no run of 'relief' among stargan, depth"):
        markdown(SCORES, baselines, "relief")
