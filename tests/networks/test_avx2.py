"""Gradients of every network on processors without AVX-512, against double precision.

oneDNN 3.12 has a faulty kernel for these (the backward pass of strided 1x1 convolutions of channels-last maps of fewer
than 8 channels): gradients are wrong, the process dies, or never returns. So the networks run in a process of its own.
"""

import os
import platform
import subprocess
import sys

import pytest

GRADIENTS = """
import copy, itertools, sys

import torch

from facerelief.networks.classifier import Classifier
from facerelief.networks.depth import DepthTranslator
from facerelief.networks.identity import Encoder
from facerelief.networks.relief import ReliefGenerator
from facerelief.networks.stargan import Discriminator, Generator

torch.set_num_threads(int(sys.argv[1]))


def shown(x):
    return torch.eye(3, dtype=x.dtype)[[0, 1, 2, 0]]


networks = {
    "judge": lambda width: (Classifier(1, 3, width, dropout=0.0), lambda network, x: network(x)),
    "encoder": lambda width: (Encoder(1, width, 8), lambda network, x: network.head(network.trunk.features(x)[-1])),
    "stargan": lambda width: (Generator(1, 3, width, 1), lambda network, x: network(x, shown(x))),
    "relief": lambda width: (ReliefGenerator(1, 3, width, 1), lambda network, x: network.features(x, shown(x))),
    "depth": lambda width: (DepthTranslator(1, "depth", width, 1), lambda network, x: network(x)),
    "critic": lambda width: (Discriminator(32, 1, 3, width, 64), lambda network, x: network(x).real),
}


def gradients(network, run, image):
    output = run(network, image)
    weights = torch.linspace(-1, 1, output.numel()).view(output.shape)
    (output * weights.to(output.dtype)).sum().backward()
    return torch.cat([one.grad.double().flatten() for one in network.parameters() if one.grad is not None])


layouts = (torch.contiguous_format, torch.channels_last)
for (name, build), layout, width in itertools.product(networks.items(), layouts, (4, 9)):
    torch.manual_seed(0)
    network, run = build(width)
    double, image = copy.deepcopy(network).double(), torch.rand(4, 1, 32, 32) * 2 - 1
    expected = gradients(double, run, image.double())
    got = gradients(network.to(memory_format=layout), run, image.to(memory_format=layout))
    error = float((got - expected).norm() / expected.norm())
    assert error < 1e-3, f"{name}, {layout}, width {width}: {error}"
print("compared", torch.backends.cpu.get_cpu_capability())
"""


@pytest.mark.skipif(platform.machine().lower() not in ("x86_64", "amd64"), reason="the kernels are those of x86")
@pytest.mark.parametrize("threads", ["1", "2"])
def test_gradients_are_those_of_double_precision(threads: str) -> None:
    limits = {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2", "MALLOC_PERTURB_": "165"}
    command = [sys.executable, "-c", GRADIENTS, threads]
    done = subprocess.run(command, env=os.environ | limits, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["compared", "AVX2"]
