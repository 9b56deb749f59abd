"""The expression classifier that scores edits: trained on real photos only; its file records its accuracy on them.

facerelief train judge DATASET -o RUN
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from facerelief.checkpoint import WEIGHTS, load_checkpoint, save_checkpoint, weights_in
from facerelief.config import ClassifierTraining
from facerelief.data.arrays import Arrays
from facerelief.data.batches import Batch, Batches, make_batch
from facerelief.networks.classifier import Classifier
from facerelief.networks.weights import build_network, named_tensors
from facerelief.progress import StepProgress, no_progress
from facerelief.training import losses as eq
from facerelief.training.run.model_card import write_card
from facerelief.training.run.session import Learner, Session
from facerelief.training.steps.ema import EMA
from facerelief.training.steps.gan_step import augment, random_erase
from facerelief.training.steps.step_random import StepRandom
from facerelief.training.verification import person_digests


@dataclass(frozen=True)
class Accuracy:
    """Hits of a classifier.

    Attributes:
        expressions: The classes.
        confusion: confusion[i][j] samples of class i were predicted as j.
    """

    expressions: tuple[str, ...]
    confusion: list[list[int]]

    @property
    def per_class(self) -> dict[str, float]:
        """Recall of each class; classes without samples are left out."""
        return {
            name: row[k] / sum(row)
            for k, (name, row) in enumerate(zip(self.expressions, self.confusion, strict=True))
            if sum(row)
        }

    @property
    def balanced(self) -> float:
        """Balanced accuracy: the mean recall."""
        return sum(self.per_class.values()) / len(self.per_class)

    @property
    def six(self) -> float:
        """Mean over the paper's six AffectNet classes: without contempt and disgust."""
        recalls = [share for name, share in self.per_class.items() if name not in ("contempt", "disgust")]
        return sum(recalls) / len(recalls) if recalls else self.balanced

    @property
    def overall(self) -> float:
        """Share of all samples that are predicted right."""
        return sum(row[k] for k, row in enumerate(self.confusion)) / sum(map(sum, self.confusion))


def train_classifier(
    config: ClassifierTraining,
    train: Arrays,
    test: Arrays,
    folder: Path,
    data_facts: dict[str, Any],
    progress: StepProgress = no_progress,
) -> tuple[Path, Accuracy]:
    """Train the classifier in `folder`, or resume it.

    Args:
        config: Its settings.
        train: Real training photos.
        test: Photos of held-out people, for its accuracy.
        folder: The run's folder.
        data_facts: What config.json records of the data.
        progress: Called after every step.

    Returns:
        The weights' file, and the accuracy on `test`.

    Raises:
        FacereliefError: The folder holds another run, or the loss is not finite.
    """
    session = Session("judge", config, folder, data_facts, progress)
    network: nn.Module = build_classifier(config)
    mean, raw = EMA(network, config.ema), network
    network = session.prepare({"judge": Learner(network, config.lr)}, fixed={"average": mean})["judge"]
    batches, rows = Batches(train, config, "depth"), session.parts(config.batch)
    for step in session.steps(lambda path: None):
        network.train()
        terms = (
            judge_terms(network, batches(step, session.device, one), config, session.noise(step, one)) for one in rows
        )
        session.optimizer_step("judge", terms, {"cls": 1.0}, step, "judge")
        mean.update(raw, step)
    accuracy = accuracy_on(mean.module, test)
    if session.run.main:
        known = {"persons_sha256": person_digests(sample.identity for sample in train.samples)}
        scores = {"accuracy_on_real": {**accuracy.per_class, "balanced": accuracy.balanced}}
        facts = session.run.settings | known | scores
        save_checkpoint(folder / WEIGHTS, "judge", named_tensors(judge=mean.module), facts)
        write_card(folder)
    session.close()
    return folder / WEIGHTS, accuracy


def judge_terms(network: nn.Module, batch: Batch, config: ClassifierTraining, noise: StepRandom) -> eq.Terms:
    """The cross-entropy "cls" of jittered photos with a part erased."""
    logits = network(random_erase(augment(batch.image, noise, True), noise))
    return {"cls": nn.functional.cross_entropy(logits, batch.classes, label_smoothing=config.smoothing)}


def build_classifier(config: ClassifierTraining) -> Classifier:
    """A fresh classifier."""
    return Classifier(config.channels, len(config.expressions), config.width)


def load_classifier(folder: Path) -> tuple[Classifier, ClassifierTraining]:
    """The classifier of a finished run, in evaluation mode, and its configuration.

    Args:
        folder: The run's folder, or its weights' file.

    Raises:
        CheckpointError: The weights are absent, damaged, or of another kind.
    """
    saved = load_checkpoint(weights_in(folder), "judge")
    config = saved.config(ClassifierTraining)
    classifier = build_network(saved, lambda: build_classifier(config), "judge")
    return classifier.eval().requires_grad_(False), config


@torch.no_grad()
def accuracy_on(classifier: nn.Module, arrays: Arrays, batch: int = 64) -> Accuracy:
    """The classifier's accuracy on samples; predictions are averaged over the image and its mirror image.

    Args:
        classifier: Gives logits (N, K) of images (N, C, S, S) in [-1, 1].
        arrays: The samples, with their K expressions.
        batch: Samples at a time.
    """
    count = len(arrays.expressions)
    confusion = torch.zeros(count, count, dtype=torch.long)
    device = next(classifier.parameters(), torch.empty(0)).device
    for start in range(0, len(arrays.label), batch):
        rows = torch.arange(start, min(start + batch, len(arrays.label))).numpy()
        real = make_batch(arrays, rows, "depth", device=device)
        for true, predicted in zip(real.label, predict(classifier, real.image), strict=True):
            confusion[true, predicted] += 1
    return Accuracy(arrays.expressions, confusion.tolist())


def log_probabilities(classifier: nn.Module, image: Tensor) -> Tensor:
    """Log-probability (N, K) of each class, up to a constant an image: the mean over the image and its mirror image."""
    return (classifier(image).log_softmax(1) + classifier(image.flip(-1)).log_softmax(1)) / 2


def predict(classifier: nn.Module, image: Tensor) -> Tensor:
    """The class (N,) of each image, averaged over the image and its mirror image."""
    return log_probabilities(classifier, image).argmax(1)
