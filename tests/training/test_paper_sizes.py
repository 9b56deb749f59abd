"""The preset `paper` of each method builds networks of the authors' sizes, to the last digit, for eight expressions."""

import pytest
import torch
from torch import nn

from facerelief.config import ExpressionTraining
from facerelief.training.methods import TRAINING_METHODS
from facerelief.training.presets import make_config


def built(name: str) -> dict[str, nn.Module]:
    with torch.device("meta"):
        return TRAINING_METHODS[name](make_config(ExpressionTraining, "paper", {"method": name})).build()


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("stargan", {"generator": 8_439_936, "critic": 44_983_232}),  # at 256 px
        ("ganimation", {"generator": 8_471_296, "critic": 44_860_352}),
        ("gannotation", {"generator": 8_424_256, "critic": 44_721_088 + 3 * 64 * 16}),  # which also sees a drawing
        ("cyclegan", {"generator": 8 * 11_378_179, "critic": 8 * 2_764_737}),
        ("icgan", {"generator": 3_643_203 + 18_278_244, "critic": 2_782_913}),
        ("attgan", {"generator": 43_336_323, "critic": 44_713_865}),
        ("elegant", {"generator": 3_910_794 + 6_269_579, "critic": 1_686_665, "small_critic": 1_588_361}),
    ],
)
def test_sizes(name: str, expected: dict[str, int]) -> None:
    found = {name: count(module) for name, module in built(name).items()}
    assert {name: size for name, size in found.items() if size} == expected


def test_stgan_beside_its_source_classifier() -> None:
    networks = built("stgan")
    assert count(networks["generator"].network) == 74_768_131
    assert count(networks["critic"]) == 44_713_865
