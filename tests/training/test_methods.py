"""Every method passes the conformance tests that packages with further methods use."""

import dataclasses
from pathlib import Path

import pytest

from facerelief.config import ExpressionTraining
from facerelief.conformance import MethodConformance
from facerelief.files import write_json
from facerelief.training.methods import TRAINING_METHODS
from facerelief.training.run.model_card import write_card


class TestStarGAN(MethodConformance):
    name = "stargan"


class TestRelief(MethodConformance):
    name = "relief"


class TestGANimation(MethodConformance):
    name = "ganimation"


class TestGANnotation(MethodConformance):
    name = "gannotation"


class TestCycleGAN(MethodConformance):
    name = "cyclegan"


class TestIcGAN(MethodConformance):
    name = "icgan"


class TestAttGAN(MethodConformance):
    name = "attgan"


class TestSTGAN(MethodConformance):
    name = "stgan"


class TestELEGANT(MethodConformance):
    name = "elegant"


class TestDIAT(MethodConformance):
    name = "diat"


def test_every_method_is_tested() -> None:
    assert {one.name for one in MethodConformance.__subclasses__() if one.__module__ == __name__} == set(
        TRAINING_METHODS
    )


@pytest.mark.parametrize(
    ("method", "line"),
    [
        ("elegant", "They contain 4 training photos of each expression, as exemplars."),
        ("ganimation", "They contain the action units of 64 training photos of each expression, without the photos."),
        ("stargan", None),
    ],
)
def test_a_card_says_what_weights_hold_of_photos(tmp_path: Path, method: str, line: str | None) -> None:
    config = ExpressionTraining(method=method, guide="none")
    write_json(tmp_path / "config.json", {"kind": "editor", "config": dataclasses.asdict(config)})
    (tmp_path / "weights.safetensors").touch()
    write_card(tmp_path)
    lines = (tmp_path / "README.md").read_text().splitlines()
    assert [one for one in lines if one.startswith("They contain")] == ([line] if line else [])
    assert f"G_rgb of {TRAINING_METHODS[method].title}." in " ".join(lines)
