"""The identity encoder: embeds a face, to measure whether an edit still shows the same person.

facerelief train identity DATASET -o RUN

It learns from training photos only. Its verification on held-out people is stored in the checkpoint. An encoder that
trained an editor must not score that editor.
"""

import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facerelief.checkpoint import WEIGHTS, load_checkpoint, save_checkpoint, weights_in
from facerelief.config import IdentityTraining
from facerelief.data.arrays import Arrays
from facerelief.data.batches import Rows, make_batch
from facerelief.networks.identity import Encoder
from facerelief.networks.weights import build_network, named_tensors
from facerelief.progress import StepProgress, no_progress
from facerelief.training import losses as eq
from facerelief.training.run.collectives import whole_batch
from facerelief.training.run.model_card import write_card
from facerelief.training.run.session import Learner, Session
from facerelief.training.steps.ema import EMA
from facerelief.training.steps.gan_step import random_erase
from facerelief.training.steps.step_random import StepRandom
from facerelief.training.verification import Verification, draw_pairs, person_digests, rows_by_person, verification


class PersonPairSampler:
    """The photos of every step, a function of (seed, step): two of each of several persons, side by side.

    A share `config.singleton_share` of the persons has one photo, which is taken twice. Singletons serve as negatives
    only; people with two photos also give positive pairs.
    """

    def __init__(self, identities: Sequence[str], config: IdentityTraining) -> None:
        self._rows = list(rows_by_person(identities).values())
        photos = np.array([len(rows) for rows in self._rows])
        self._several, self._single = np.flatnonzero(photos > 1), np.flatnonzero(photos == 1)
        self._persons = min(config.batch // 2, len(photos))
        singles = min(round(self._persons * config.singleton_share), len(self._single))
        self._singles = max(singles, self._persons - len(self._several))
        self._seed = config.seed

    def __len__(self) -> int:
        """Photos of a step."""
        return 2 * self._persons

    def __call__(self, step: int) -> np.ndarray:
        """Rows (2 P,) of one step's photos, two of each person side by side."""
        random = np.random.default_rng((self._seed, 2, step))
        several = random.choice(self._several, self._persons - self._singles, replace=False)
        single = random.choice(self._single, self._singles, replace=False)
        pairs = [
            random.choice(rows, 2, replace=len(rows) < 2)
            for rows in (self._rows[person] for person in np.concatenate([several, single]))
        ]
        return np.concatenate(pairs)


def train_identity(
    config: IdentityTraining,
    train: Arrays,
    held_out: Sequence[Arrays],
    folder: Path,
    data_facts: dict[str, Any],
    progress: StepProgress = no_progress,
) -> tuple[Path, Verification]:
    """Train the identity encoder in `folder`, or resume it.

    Args:
        config: Its settings.
        train: Training photos.
        held_out: Photos of other people, to measure verification on.
        folder: The run's folder.
        data_facts: What config.json records of the data.
        progress: Called after every step.

    Returns:
        The weights' file, and the verification on `held_out`.

    Raises:
        DatasetError: No training person, or nobody held out, has two photos; then nothing is written.
        FacereliefError: The folder holds another run, or the loss is not finite.
    """
    people = [sample.identity for sample in train.samples]
    draws = PersonPairSampler(people, config)
    pairs = draw_pairs([sample.identity for arrays in held_out for sample in arrays.samples])
    session = Session("identity", config, folder, data_facts, progress)
    raw: nn.Module = build_encoder(config)
    mean = EMA(raw, config.ema)
    encoder = session.prepare({"encoder": Learner(raw, config.lr)}, fixed={"average": mean})["encoder"]
    for step in session.steps(lambda path: None):
        encoder.train()
        photos = draws(step)

        def vectors(one: Rows, photos: np.ndarray = photos, step: int = step) -> Tensor:
            image = make_batch(train, photos[one.start : one.stop], "depth", device=session.device).image
            noise = session.noise(step, one)
            found: Tensor = encoder(random_erase(jitter(image, noise), noise))
            return found

        terms = contrast_by_parts(session, vectors, session.parts(len(draws)), config.temperature)
        session.optimizer_step("identity", terms, {"contrast": 1.0}, step, "encoder")
        mean.update(raw, step)
    measured = verification(pairs, np.concatenate([embed_all(mean.module, arrays) for arrays in held_out]))
    if session.run.main:
        known = {"persons_sha256": person_digests(people)}
        facts = session.run.settings | known | {"verification": dataclasses.asdict(measured)}
        save_checkpoint(folder / WEIGHTS, "identity", named_tensors(encoder=mean.module), facts)
        write_card(folder)
    session.close()
    return folder / WEIGHTS, measured


def contrast(vectors: Tensor, temperature: float) -> Tensor:
    """NT-Xent (Chen et al., ICML 2020): the cross-entropy of a softmax over cosine / temperature.

    Args:
        vectors: Unit vectors (2 P, D), the two of each person side by side.
        temperature: Above 0.
    """
    cosines = vectors @ vectors.T / temperature
    itself = torch.eye(len(vectors), dtype=torch.bool, device=vectors.device)
    other = torch.arange(len(vectors), device=vectors.device) ^ 1
    return F.cross_entropy(cosines.masked_fill(itself, -torch.inf), other)


def contrast_by_parts(
    session: Session, vectors: Callable[[Rows], Tensor], rows: Sequence[Rows], temperature: float
) -> Iterator[eq.Terms]:
    """`contrast` of a whole batch, part by part, though each photo is compared with all (Gao et al., 2021).

    Vectors of all parts are computed without gradient; the loss's derivative by each is then what its part's second
    pass goes down. The terms' shares add up to the loss and to its gradient.

    Args:
        session: The run's.
        vectors: Computes unit vectors (N, D) of some rows; twice the same.
        rows: This process's parts.
        temperature: As of `contrast`.
    """
    if rows[0].size == rows[0].whole:
        yield {"contrast": contrast(vectors(rows[0]), temperature)}
        return
    with torch.no_grad():
        parts = list(session.by_part((vectors(one) for one in rows), counts=False))
    whole = whole_batch(parts, rows)[0].requires_grad_()
    with torch.enable_grad():
        loss = contrast(whole, temperature)
        (slope,) = torch.autograd.grad(loss, whole)
    for one in rows:
        moved = (vectors(one) * slope[one.start : one.stop]).sum() / one.share
        yield {"contrast": moved + (loss - moved).detach()}


def jitter(images: Tensor, noise: StepRandom) -> Tensor:
    """Images (N, C, S, S) mirrored, rotated, scaled, shifted and relit from a side, a little and at random.

    With nearly twice the ranges the encoder was worse after 600 steps.
    """
    count, size = len(images), images.shape[-1]
    swing = noise.uniform(8, count, photos=1) - 0.5
    mirror, turn, zoom = 1 - 2.0 * (swing[0] < 0), swing[1] * math.radians(12), 1 + swing[2] * 0.18
    cos, sin = zoom * turn.cos(), zoom * turn.sin()
    place = torch.stack([cos * mirror, -sin, swing[3] * 0.15, sin * mirror, cos, swing[4] * 0.15], dim=1).view(-1, 2, 3)
    grid = F.affine_grid(place, list(images.shape), align_corners=False)
    moved = F.grid_sample(images, grid, padding_mode="border", align_corners=False)
    ramp = torch.linspace(-0.5, 0.5, size, device=images.device)
    gain, across, along = 1 + swing[5] * 0.48, swing[6] * 0.72, swing[7] * 0.48
    light = across[:, None, None] * ramp + along[:, None, None] * ramp[:, None]
    offset = (noise.uniform(count, 1, 1, 1) - 0.5) * 0.3
    mean = moved.mean(dim=(1, 2, 3), keepdim=True)
    return (moved - mean) * gain.view(-1, 1, 1, 1) + mean + light[:, None] + offset


def build_encoder(config: IdentityTraining) -> Encoder:
    """A fresh encoder."""
    encoder = Encoder(config.channels, config.width, config.dimensions)
    encoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # a third faster on a CPU
    return encoder


def load_identity(folder: Path) -> tuple[Encoder, IdentityTraining]:
    """The encoder of a finished run, in evaluation mode, and its configuration.

    Args:
        folder: The run's folder, or its weights' file.

    Raises:
        CheckpointError: The weights are absent, damaged, or of another kind.
    """
    saved = load_checkpoint(weights_in(folder), "identity")
    config = saved.config(IdentityTraining)
    encoder = build_network(saved, lambda: build_encoder(config), "encoder")
    return encoder.eval().requires_grad_(False), config


def known_persons(folder: Path, kind: str = "identity") -> frozenset[str]:
    """`person_digest` of the training people of an encoder, or of another `kind` of network; {} if not recorded."""
    saved = load_checkpoint(weights_in(folder), kind)
    known = saved.fact("persons_sha256", list) if "persons_sha256" in saved.facts else []
    return frozenset(digest for digest in known if isinstance(digest, str))


@torch.no_grad()
def embed(encoder: nn.Module, images: Tensor) -> Tensor:
    """Unit vectors (N, D) of images (N, C, S, S) in [-1, 1], each the mean of the image's and its mirror image's.

    The identity distance of two is 1 - cos, from 0 (the same) to 2.
    """
    return F.normalize(encoder(images) + encoder(images.flip(-1)), dim=1)


def embed_all(encoder: nn.Module, arrays: Arrays, batch: int = 64) -> np.ndarray:
    """`embed` of all photos, float32 (N, D)."""
    device = next(encoder.parameters(), torch.empty(0)).device
    rows = np.array_split(np.arange(len(arrays.label)), math.ceil(len(arrays.label) / batch))
    return np.concatenate(
        [embed(encoder, make_batch(arrays, some, "depth", device=device).image).cpu().numpy() for some in rows]
    )
