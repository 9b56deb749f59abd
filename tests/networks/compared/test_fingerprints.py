"""Forward passes of the authors' own classes, as figures, against ours with the same weights and inputs.

Every parameter, in the order of `parameters()`, is 0.02 * randn of one generator with seed 0; inputs are uniform in
[-1, 1], each of its own seed.
"""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from facerelief.networks.compared.attgan import AttGAN, AttributeDiscriminator
from facerelief.networks.compared.elegant import LabelledDiscriminator, LatentEncoder, ResidualDecoder
from facerelief.networks.compared.ganimation import GANimation
from facerelief.networks.compared.gannotation import GANnotation
from facerelief.networks.stargan import Discriminator, Generator


@pytest.fixture(autouse=True)
def exact() -> Iterator[None]:
    torch.set_num_threads(1)
    with torch.no_grad():
        yield


def drawn(module: nn.Module) -> nn.Module:
    random = torch.Generator().manual_seed(0)
    for p in module.parameters():
        p.copy_(0.02 * torch.randn(p.shape, generator=random))
    return module


def uniform(seed: int, *shape: int) -> Tensor:
    return 2 * torch.rand(shape, generator=torch.Generator().manual_seed(seed)) - 1


def image(size: int = 128) -> Tensor:
    return uniform(1, 2, 3, size, size)


def labels(count: int) -> Tensor:
    return torch.eye(count)[[1, 3]]


def agrees(output: Tensor, mean: float, std: float, first: float) -> None:
    """To about six of the seven digits that are known: sums differ in order from processor to processor."""
    got = output.mean().item(), output.std().item(), output.flatten()[0].item()
    assert got == pytest.approx((mean, std, first), rel=2e-5, abs=2e-8)


def test_stargan() -> None:
    agrees(drawn(Generator(conditions=5))(image(), labels(5)), -4.105743e-03, 2.507392e-02, -2.946892e-02)
    critic = drawn(Discriminator(128, classes=5))(image())
    agrees(critic.real, -5.597195e-02, 2.762755e-02, -6.516939e-02)
    agrees(critic.classes, -3.595808e-02, 9.548002e-02, 2.991012e-02)


def test_ganimation() -> None:
    colour, attention = drawn(GANimation(units=17)).maps(image(), uniform(2, 2, 17))
    agrees(colour, -1.611541e-02, 1.399371e-02, -9.642518e-03)
    agrees(attention, 5.021824e-01, 3.561987e-03, 5.023142e-01)
    agrees(drawn(Discriminator(128, classes=17))(image()).classes, -2.262457e-02, 8.581492e-02, 2.991012e-02)


def test_gannotation() -> None:
    output = drawn(GANnotation())(image(), uniform(3, 2, 3, 128, 128)).image
    agrees(output, 7.127218e-03, 1.529273e-02, 1.181906e-02)


def test_attgan() -> None:
    attributes = 0.5 * uniform(4, 2, 13)
    networks = (drawn(AttGAN(attributes=13, injections=k)) for k in (0, 1))
    plain, injected = (network.decode(network.encode(image()), attributes) for network in networks)
    agrees(plain, 4.568610e-03, 1.027925e-02, 1.175515e-02)
    agrees(injected, 7.947911e-03, 8.514391e-03, -1.430843e-03)
    critic = drawn(AttributeDiscriminator(attributes=13))(image())
    assert critic.real.mean().item() == pytest.approx(9.668897e-04, rel=2e-5)
    assert critic.attributes.mean().item() == pytest.approx(-9.562901e-03, rel=2e-5)


def test_elegant() -> None:
    maps = drawn(LatentEncoder())(image(256))
    agrees(maps[-1], 2.233358e-02, 9.663303e-04, 2.057006e-02)
    agrees(drawn(ResidualDecoder())(maps[-1], maps[-1], maps), 2.119756e-02, 1.623696e-02, -2.167141e-03)
    probability = drawn(LabelledDiscriminator(256, attributes=3))(image(256), labels(4)[:, :3]).sigmoid()
    assert probability.mean().item() == pytest.approx(0.4915927, rel=2e-6)
