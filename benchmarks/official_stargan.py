"""The official StarGAN's training step (Choi et al., CVPR 2018), the peer of `training_step.py` and `generators.py`.

Written from its description: five discriminator steps with a gradient penalty (WGAN-GP) for each generator step, all in
fp32. Its networks are this project's `Generator` and `Discriminator` at width 64, which have the same layers; here
their instance norms keep running statistics too, as the official ones do. At 64 px the discriminator has five
convolutions, where the official default is six.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facerelief.networks.stargan import Discriminator, Generator, InstanceNorm, PaddedConv2d

CLASSES = 8
CRITIC_STEPS = 5


def build_generator() -> Generator:
    """The official generator, conv_dim 64 and 6 blocks: 8.44 M parameters, with torch's own layers."""
    network = Generator(conditions=CLASSES)
    for part in [*network.modules()]:
        for name, layer in part.named_children():
            if isinstance(layer, InstanceNorm):
                plain: nn.Module = nn.InstanceNorm2d(layer.num_features, affine=True, track_running_stats=True)
                setattr(part, name, plain)
            elif isinstance(layer, PaddedConv2d):
                plain = nn.Conv2d(layer.in_channels, layer.out_channels, 7, padding=3, bias=False)
                setattr(part, name, plain)
    return network


class OfficialTraining:
    """Both networks, their optimisers, and what the official loop does for one generator step.

    Args:
        size: Side of the images in pixels.
    """

    def __init__(self, size: int) -> None:
        self.generator, self.critic = build_generator(), Discriminator(size, classes=CLASSES)
        self.of_generator, self.of_critic = (
            torch.optim.Adam(one.parameters(), 1e-4, (0.5, 0.999)) for one in (self.generator, self.critic)
        )

    def update(self, image: Tensor, label: Tensor) -> None:
        """Five steps of the discriminator and one of the generator.

        Args:
            image: (N, 3, S, S) in [-1, 1].
            label: (N,).
        """
        for _ in range(CRITIC_STEPS):
            target = label[torch.randperm(len(label))]
            self._critic_step(image, label, one_hot(target))
        self._generator_step(image, label, target)

    def _critic_step(self, image: Tensor, label: Tensor, towards: Tensor) -> None:
        real = self.critic(image)
        fake = self.generator(image, towards)
        loss = self.critic(fake.detach()).real.mean() - real.real.mean() + F.cross_entropy(real.classes, label)
        share = torch.rand(len(image), 1, 1, 1)
        between = (share * image + (1 - share) * fake.detach()).requires_grad_(True)
        (slope,) = torch.autograd.grad(self.critic(between).real.sum(), between, create_graph=True)
        loss = loss + 10 * (slope.flatten(1).norm(dim=1) - 1).square().mean()
        self._descend(loss, self.of_critic)

    def _generator_step(self, image: Tensor, label: Tensor, target: Tensor) -> None:
        fake = self.generator(image, one_hot(target))
        seen = self.critic(fake)
        loss = F.cross_entropy(seen.classes, target) - seen.real.mean()
        loss = loss + 10 * (image - self.generator(fake, one_hot(label))).abs().mean()
        self._descend(loss, self.of_generator)

    def _descend(self, loss: Tensor, optimiser: torch.optim.Optimizer) -> None:
        self.of_generator.zero_grad()
        self.of_critic.zero_grad()
        loss.backward()
        optimiser.step()


def one_hot(label: Tensor) -> Tensor:
    """Conditions (N, 8) of labels (N,)."""
    return F.one_hot(label, CLASSES).float()
