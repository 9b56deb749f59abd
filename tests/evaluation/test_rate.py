"""The generation rate of generators whose edits are known, by a judge that reads a mark."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from shells import CLASSES, mark, read_split, write_dataset
from torch import Tensor, nn

from facerelief.config import ExpressionTraining
from facerelief.data.arrays import Arrays
from facerelief.data.conditions import OneHot
from facerelief.evaluation.metric_networks import MetricNetworks
from facerelief.evaluation.scoring import score_edits
from facerelief.evaluation.summary import edit_accuracy
from facerelief.evaluation.systems import network_system, unedited
from facerelief.networks.backbones import GeneratorOutput
from facerelief.training.classifier import Accuracy, accuracy_on

SIZE = 32


def zones() -> Tensor:
    """(3, S, S) bool: where the bar of one class is bright and those of the others are not."""
    bars = torch.zeros(3, SIZE, SIZE, dtype=torch.bool)
    for label in range(3):
        bars[label][mark(SIZE, label)] = True
    return bars & (bars.sum(dim=0) == 1)


class ReadsMark(nn.Module):
    """A judge that looks for the bright bar."""

    def forward(self, image: Tensor) -> Tensor:
        return torch.stack([10 * image[..., zone].mean(dim=(1, 2)) for zone in zones()], dim=1)


class PaintsMark(nn.Module):
    """An editor that paints the bar of the class it is asked for, or of the class after it, and blackens the others."""

    def __init__(self, ahead: int = 0) -> None:
        super().__init__()
        self.ahead = ahead

    def forward(self, image: Tensor, condition: Tensor) -> GeneratorOutput:
        edited = image.masked_fill(zones().any(dim=0), -1.0)
        for row, label in enumerate(condition.argmax(dim=1)):
            edited[row, :, zones()[(label + self.ahead) % 3]] = 1.0
        return GeneratorOutput(edited)


class DoesNothing(nn.Module):
    def forward(self, image: Tensor, condition: Tensor) -> GeneratorOutput:
        return GeneratorOutput(image)


@dataclass(frozen=True)
class Rate:
    edits: Accuracy
    real: Accuracy
    unedited: Accuracy


def generation_rate(generator: nn.Module, judge: nn.Module, test: Arrays, batch: int = 32) -> Rate:
    """Of a network's edits, beside the classifier's accuracy on the photos and beside what it says of them unedited."""
    condition = OneHot(ExpressionTraining(expressions=test.expressions))
    networks, rows = MetricNetworks(judge, pixels=False), np.arange(len(test.label))
    edits, sources = (
        edit_accuracy(score_edits(system, networks, test, rows, batch=batch), test.expressions)
        for system in (network_system("network", generator, condition, test), unedited(test))
    )
    return Rate(edits, accuracy_on(judge, test), sources)


@pytest.fixture(scope="module")
def held_out(tmp_path_factory: pytest.TempPathFactory) -> Arrays:
    torch.set_num_threads(1)
    return read_split(write_dataset(tmp_path_factory.mktemp("data") / "faces"), "test")


@pytest.mark.parametrize("batch", [1, 4, 32])
def test_an_editor_that_paints_what_the_judge_looks_for(held_out: Arrays, batch: int) -> None:
    rate = generation_rate(PaintsMark(), ReadsMark(), held_out, batch=batch)
    assert rate.edits.confusion == [[4, 0, 0], [0, 4, 0], [0, 0, 4]]  # each photo to the two others
    assert rate.edits.balanced == rate.edits.overall == 1.0
    assert rate.real.confusion == [[2, 0, 0], [0, 2, 0], [0, 0, 2]]
    assert rate.edits.expressions == CLASSES


def test_an_editor_that_paints_another(held_out: Arrays) -> None:
    rate = generation_rate(PaintsMark(ahead=1), ReadsMark(), held_out)
    assert rate.edits.confusion == [[0, 4, 0], [0, 0, 4], [4, 0, 0]]
    assert rate.edits.balanced == 0.0


def test_an_editor_that_does_nothing_ends_where_the_sources_are(held_out: Arrays) -> None:
    rate = generation_rate(DoesNothing(), ReadsMark(), held_out)
    assert rate.edits == rate.unedited
    assert rate.unedited.confusion == [[0, 2, 2], [2, 0, 2], [2, 2, 0]]  # target, and the source's own class
    assert rate.unedited.balanced == 0.0


def test_a_judge_that_is_wrong_about_real_photos_says_so_beside(held_out: Arrays) -> None:
    class SaysNeutral(nn.Module):
        def forward(self, image: Tensor) -> Tensor:
            return torch.tensor([[1.0, 0.0, 0.0]]).expand(len(image), -1)

    rate = generation_rate(DoesNothing(), SaysNeutral(), held_out)
    assert rate.edits.per_class == {"neutral": 1.0, "happiness": 0.0, "surprise": 0.0}
    assert rate.edits == rate.unedited
    assert rate.real.balanced == pytest.approx(1 / 3)


def test_held_out_without_an_expression(held_out: Arrays) -> None:
    rows = np.flatnonzero(held_out.label != 2)
    few = Arrays(
        held_out.image[rows],
        held_out.depth[rows],
        held_out.normal[rows],
        held_out.label[rows],
        CLASSES,
        held_out.samples[: len(rows)],
    )
    rate = generation_rate(PaintsMark(), ReadsMark(), few)
    assert rate.edits.confusion == [[2, 0, 0], [0, 2, 0], [0, 0, 4]]
    assert rate.real.per_class == {"neutral": 1.0, "happiness": 1.0}
