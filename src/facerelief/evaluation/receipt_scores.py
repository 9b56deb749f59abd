"""Scores of one edit by trained networks: what a classifier predicts, and the identity distance by an encoder."""

import contextlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from facerelief.array_types import RGB
from facerelief.checkpoint import weights_in
from facerelief.config import ClassifierTraining, IdentityTraining
from facerelief.editing.jobs.receipt import CropScorer
from facerelief.evaluation.metric_networks import identity_distance
from facerelief.files import sha256
from facerelief.training.classifier import load_classifier, log_probabilities
from facerelief.training.identity import load_identity


@dataclass(frozen=True)
class CropScorerFactory:
    """Makes a `NetworkCropScorer`, in this process or in another. Its `repr` tells the weights by their contents alone.

    Attributes:
        judge: A run of `train judge`: the expression classifier.
        encoder: A run of `train identity`.
        weights: SHA-256 of the classifier's and the encoder's weights, "" where there are none.
    """

    judge: Path | None = field(repr=False)
    encoder: Path | None = field(repr=False)
    weights: tuple[str, str]

    def __call__(self) -> CropScorer:
        """Raises as `NetworkCropScorer`."""
        return NetworkCropScorer(self.judge, self.encoder)


def crop_scorer_factory(judge: Path | None, encoder: Path | None) -> CropScorerFactory | None:
    """What makes the scores of `editing.jobs.receipt`; None where neither is asked for."""
    return CropScorerFactory(judge, encoder, (_digest(judge), _digest(encoder))) if judge or encoder else None


class NetworkCropScorer:
    """Scores a crop and its edit with a classifier and an encoder, each with the size and colour of its training."""

    def __init__(self, judge: Path | None = None, encoder: Path | None = None) -> None:
        """Raises `CheckpointError` where they are absent, damaged, or something else."""
        self._judge = load_classifier(judge) if judge else None
        self._encoder = load_identity(encoder) if encoder else None
        files = {"judge": judge, "encoder": encoder}
        self._names = {name: _file_facts(path) for name, path in files.items() if path}

    @torch.inference_mode()
    def __call__(self, before: RGB, after: RGB, expression: str) -> dict[str, Any]:
        """Scores of crops uint8 (S, S, 3), the second an edit to `expression`.

        Returns:
            "judge": the classifier's probabilities and predictions before and after. "identity": the distance 1 - cos
            of the two, 0 to 2.
        """
        found: dict[str, Any] = {}
        if self._judge:
            network, config = self._judge
            shares = [_probabilities(network, _image(crop, config)) for crop in (before, after)]
            named = [dict(zip(config.expressions, share, strict=True)) for share in shares]
            called = [max(one, key=lambda name, one=one: one[name]) for one in named]  # type: ignore[misc]
            found["judge"] = {
                **self._names["judge"],
                "before": {"called": called[0], **named[0]},
                "after": {"called": called[1], **named[1]},
                "knows_the_expression": expression in config.expressions,
            }
        if self._encoder:
            encoder, its_config = self._encoder
            distance = identity_distance(encoder, _image(before, its_config), _image(after, its_config))
            found["identity"] = {**self._names["encoder"], "distance": round(float(distance), 5)}
        return found


def _image(crop: RGB, config: ClassifierTraining | IdentityTraining) -> Tensor:
    """A crop as a network of `config` takes it, (1, C, S, S) in [-1, 1]."""
    return torch.from_numpy(config.network_input(crop))[None]


def _probabilities(classifier: nn.Module, image: Tensor) -> list[float]:
    """Of each expression."""
    return [round(float(share), 5) for share in log_probabilities(classifier, image).softmax(1)[0]]


def _digest(path: Path | None) -> str:
    with contextlib.suppress(OSError):  # `NetworkCropScorer` says what is wrong with it
        return sha256(weights_in(path)) if path else ""
    return ""


def _file_facts(path: Path) -> dict[str, str]:
    file = weights_in(path)
    return {"run": path.name, "sha256": sha256(file)}
