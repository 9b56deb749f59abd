"""The identity encoder: tells people apart, so that an edit can be asked whether it still shows the same person.

facerelief train identity DATASET -o RUN

It learns from training photos only, and no editor learns from it. What it is worth is measured on people whom it has
never seen, and stands in the checkpoint beside the weights.
"""

import dataclasses
import hashlib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facerelief.config import IdentityTraining
from facerelief.data.arrays import Arrays
from facerelief.data.batches import make_batch
from facerelief.errors import DatasetError
from facerelief.networks.checkpoint import load_checkpoint, named_tensors, save_checkpoint
from facerelief.networks.encoder import Encoder
from facerelief.training.card import write_card
from facerelief.training.run import WEIGHTS
from facerelief.training.session import Progress, Session
from facerelief.training.step import Average, Noise, erased
from facerelief.training.verification import Verification, draw_pairs, verification


class Persons(nn.Module):
    """A direction for each training person, which the encoder's vectors of that person's photos are drawn to."""

    def __init__(self, count: int, dimensions: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(count, dimensions))

    def forward(self) -> Tensor:
        """Unit vectors (persons, dimensions)."""
        return F.normalize(self.weight, dim=1)


class Draws:
    """The photos of every step, a function of (seed, step): a person is drawn, then one of that person's photos.

    A share `config.single` of a batch shows persons with one photo, who teach what differs between people; the others
    also teach what does not between photos of one. person: (N,), each photo's index in `names`.
    """

    def __init__(self, identities: Sequence[str], config: IdentityTraining) -> None:
        names, self.person = np.unique(np.array(identities), return_inverse=True)
        self.names: list[str] = names.tolist()
        photos = np.bincount(self.person)
        self._rows = np.split(np.argsort(self.person, kind="stable"), np.cumsum(photos)[:-1])
        self._several, self._single = np.flatnonzero(photos > 1), np.flatnonzero(photos == 1)
        if not len(self._several):
            raise DatasetError(
                "no person has two training photos, so that nothing tells what stays the same in one; "
                "add photos, or name the persons in a CSV with an identity column"
            )
        self._singles = round(config.batch * config.single) if len(self._single) else 0
        self._config = config

    def __call__(self, step: int, rank: int = 0, world: int = 1) -> np.ndarray:
        """Rows of one step's photos; of several processes, those of this one."""
        random = np.random.default_rng((self._config.seed, 2, step))
        several = random.choice(self._several, self._config.batch - self._singles)
        single = random.choice(self._single, self._singles) if self._singles else several[:0]
        people = np.concatenate([several, single])[rank::world]
        return np.array([random.choice(self._rows[person]) for person in people])


def train_identity(
    config: IdentityTraining,
    train: Arrays,
    held_out: Sequence[Arrays],
    folder: Path,
    basis: dict[str, Any],
    progress: Progress | None = None,
) -> tuple[Path, Verification]:
    """Train, or go on with, the encoder in `folder`; returns its weights and how it does on people of `held_out`.

    Raises `DatasetError` where no training person, or nobody held out, has two photos; then nothing is written.
    """
    draws = Draws([sample.identity for sample in train.samples], config)
    pairs = draw_pairs([sample.identity for arrays in held_out for sample in arrays.samples])
    session = Session("identity", config, folder, basis, progress)
    raw, persons = build_encoder(config), Persons(len(draws.names), config.dimensions)
    mean = Average(raw, config.ema)
    encoder, directions = session.adopt({"encoder": raw, "persons": persons}, fixed={"average": mean})
    for step in session.steps(lambda path: None):
        rows, noise = draws(step, session.rank, session.world), session.noise(step)
        image = make_batch(train, rows, "depth", device=session.device).image
        encoder.train()
        cosines = encoder(erased(jittered(image, noise), noise)) @ directions().T
        person = torch.from_numpy(draws.person[rows]).to(session.device)
        terms = {"cls": margin_softmax(cosines, person, config.margin, config.scale)}
        session.descend("identity", terms, {"cls": 1.0}, step, "encoder", "persons")
        mean.update(raw, step)
    measured = verification(pairs, np.concatenate([embedded(mean.module, arrays) for arrays in held_out]))
    if session.run.main:
        known = {"persons_sha256": [person_digest(name) for name in draws.names]}
        facts = session.run.settings | known | {"verification": dataclasses.asdict(measured)}
        save_checkpoint(folder / WEIGHTS, "identity", named_tensors(encoder=mean.module), facts)
        write_card(folder)
    session.close()
    return folder / WEIGHTS, measured


def margin_softmax(cosines: Tensor, person: Tensor, margin: float, scale: float) -> Tensor:
    """CosFace (Wang et al., CVPR 2018): cross-entropy of scale * (cosine - margin at one's own person).

    cosines (N, persons) of photos with the persons' directions; person (N,), whose photos they are.
    """
    own = F.one_hot(person, cosines.shape[1])
    return F.cross_entropy(scale * (cosines - margin * own), person)


def jittered(images: Tensor, noise: Noise) -> Tensor:
    """Images (N, C, S, S) mirrored, turned, scaled and shifted a little, and lit anew from a side, at random."""
    count, size = len(images), images.shape[-1]
    swing = noise.uniform(8, count) - 0.5
    mirror, turn, zoom = 1 - 2.0 * (swing[0] < 0), swing[1] * math.radians(20), 1 + swing[2] * 0.3
    cos, sin = zoom * turn.cos(), zoom * turn.sin()
    place = torch.stack([cos * mirror, -sin, swing[3] / 4, sin * mirror, cos, swing[4] / 4], dim=1).view(-1, 2, 3)
    grid = F.affine_grid(place, list(images.shape), align_corners=False)
    moved = F.grid_sample(images, grid, padding_mode="border", align_corners=False)
    ramp = torch.linspace(-0.5, 0.5, size, device=images.device)
    gain, across, along = 1 + swing[5] * 0.8, swing[6], swing[7] * 0.6
    light = across[:, None, None] * ramp + along[:, None, None] * ramp[:, None]
    offset = (noise.uniform(count, 1, 1, 1) - 0.5) / 2
    mean = moved.mean(dim=(1, 2, 3), keepdim=True)
    return (moved - mean) * gain.view(-1, 1, 1, 1) + mean + light[:, None] + offset


def build_encoder(config: IdentityTraining) -> Encoder:
    """A fresh encoder."""
    encoder = Encoder({"rgb": 3, "luma": 1}[config.colour], config.width, config.dimensions)
    return encoder.to(memory_format=torch.channels_last)  # a third faster on a CPU


def load_identity(folder: Path) -> tuple[Encoder, IdentityTraining]:
    """The encoder of a finished run, ready to embed."""
    saved = load_checkpoint(encoder_file(folder), "identity")
    config = saved.config(IdentityTraining)
    encoder = build_encoder(config)
    saved.fill(encoder, "encoder")
    return encoder.eval().requires_grad_(False), config


def known_persons(folder: Path) -> frozenset[str]:
    """`person_digest` of everybody whom an encoder was trained on."""
    return frozenset(load_checkpoint(encoder_file(folder), "identity").facts["persons_sha256"])


def encoder_file(folder: Path) -> Path:
    """The weights of a run, or the file itself."""
    return folder / WEIGHTS if folder.is_dir() else folder


def person_digest(name: str) -> str:
    """What stands for a person in a checkpoint, which names nobody: the start of the name's SHA-256, hexadecimal."""
    return hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:16]


@torch.no_grad()
def embed(encoder: nn.Module, images: Tensor) -> Tensor:
    """Unit vectors (N, D) of images (N, C, S, S) in [-1, 1], each the mean of the image's and its mirror image's.

    The identity distance of two is 1 - cos, from 0 (the same) to 2.
    """
    return F.normalize(encoder(images) + encoder(images.flip(-1)), dim=1)


def embedded(encoder: nn.Module, arrays: Arrays, batch: int = 64) -> np.ndarray:
    """`embed` of all photos, float32 (N, D)."""
    device = next(encoder.parameters(), torch.empty(0)).device
    rows = np.array_split(np.arange(len(arrays.label)), math.ceil(len(arrays.label) / batch))
    return np.concatenate(
        [embed(encoder, make_batch(arrays, some, "depth", device=device).image).cpu().numpy() for some in rows]
    )
