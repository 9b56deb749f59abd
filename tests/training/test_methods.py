"""Every method passes the conformance tests that packages with further methods use."""

import pytest

from facerelief.conformance import MethodConformance
from facerelief.training.methods import TRAINING_METHODS

pytest.importorskip("scipy", reason="action units and synthetic faces need it")


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
