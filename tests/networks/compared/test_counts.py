"""Parameter counts of the authors' own classes, to the last digit, at the sizes that they publish."""

import pytest
import torch
from torch import nn

from facerelief.networks.compared.attgan import AttGAN, AttributeDiscriminator
from facerelief.networks.compared.cyclegan import PatchDiscriminator, ResidualTranslator
from facerelief.networks.compared.elegant import LabelledDiscriminator, LatentEncoder, ResidualDecoder
from facerelief.networks.compared.ganimation import GANimation
from facerelief.networks.compared.gannotation import GANnotation, PatchCritic
from facerelief.networks.compared.icgan import CodeEncoder, ConditionalDecoder, MatchingDiscriminator
from facerelief.networks.compared.stgan import STGAN
from facerelief.networks.stargan import Discriminator, Generator


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@pytest.fixture(autouse=True)
def no_memory() -> None:
    torch.set_num_threads(1)


def test_stargan() -> None:
    with torch.device("meta"):
        assert [count(Generator(conditions=k)) for k in (5, 8)] == [8_430_528, 8_439_936]
        assert [count(Discriminator(128, classes=k)) for k in (5, 8)] == [44_762_048, 44_786_624]
        assert [count(Discriminator(256, classes=k)) for k in (5, 8)] == [44_884_928, 44_983_232]


def test_cyclegan() -> None:
    with torch.device("meta"):
        assert [count(ResidualTranslator(blocks=k)) for k in (9, 6)] == [11_378_179, 7_837_699]
        assert count(PatchDiscriminator()) == 2_764_737


@pytest.mark.parametrize(("attributes", "g", "d"), [(18, 3_725_123, 2_803_393), (8, 3_643_203, 2_782_913)])
def test_icgan(attributes: int, g: int, d: int) -> None:
    with torch.device("meta"):
        assert count(ConditionalDecoder(attributes=attributes)) == g
        assert count(MatchingDiscriminator(attributes=attributes)) == d


def test_the_encoders_of_icgan() -> None:
    with torch.device("meta"):
        assert count(CodeEncoder(100, hidden=4096)) == 18_278_244
        assert [count(CodeEncoder(k, hidden=512)) for k in (18, 8)] == [3_186_962, 3_181_832]


@pytest.mark.parametrize(("units", "g", "d"), [(17, 8_471_296, 44_860_352), (8, 8_443_072, 44_786_624)])
def test_ganimation(units: int, g: int, d: int) -> None:
    with torch.device("meta"):
        assert count(GANimation(units=units)) == g
        assert count(Discriminator(128, classes=units)) == d


def test_gannotation() -> None:
    with torch.device("meta"):
        assert [count(GANnotation(maps=k)) for k in (3, 68)] == [8_424_256, 8_628_096]
        assert count(PatchCritic()) == 44_721_088


@pytest.mark.parametrize(
    ("attributes", "injections", "expected"),
    [(13, 0, 43_352_707), (13, 1, 43_459_203), (8, 0, 43_270_787), (8, 1, 43_336_323)],
)
def test_attgan(attributes: int, injections: int, expected: int) -> None:
    with torch.device("meta"):
        assert count(AttGAN(attributes=attributes, injections=injections)) == expected


def test_the_discriminator_of_attgan_and_stgan() -> None:
    with torch.device("meta"):
        assert [count(AttributeDiscriminator(attributes=k)) for k in (13, 8)] == [44_718_990, 44_713_865]


def test_stgan() -> None:
    with torch.device("meta"):
        network = STGAN(attributes=13)
        assert [count(p) for p in (network.encoder, network.units, network.decoder)] == [
            11_148_160,
            30_145_280,
            33_705_331,
        ]
        assert [count(STGAN(attributes=k)) for k in (13, 8)] == [74_998_771, 74_768_131]


@pytest.mark.parametrize(("attributes", "d1", "d2"), [(3, 1_683_785, 1_585_481), (8, 1_686_665, 1_588_361)])
def test_elegant(attributes: int, d1: int, d2: int) -> None:
    with torch.device("meta"):
        assert count(LatentEncoder()) == 3_910_794
        assert count(ResidualDecoder()) == 6_269_579
        assert count(LabelledDiscriminator(256, attributes=attributes)) == d1
        assert count(LabelledDiscriminator(128, attributes=attributes)) == d2
