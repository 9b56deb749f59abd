"""Systems under test: editors of the test photos, and the baselines."""

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from facerelief.array_types import RGB, Int64
from facerelief.data.arrays import Arrays
from facerelief.data.batches import Batch, make_batch
from facerelief.data.conditions import Condition
from facerelief.data.crops import read_crop
from facerelief.data.dataset import Dataset
from facerelief.data.synthesize import SYNTHETIC, scene_of
from facerelief.editing.editor import Editor
from facerelief.faces.detector import Face
from facerelief.network_input import from_levels

# Edits the test photos of the given rows to one expression: (N, C, S, S) in [-1, 1].
EditFunction = Callable[[Int64, int], Tensor]


@dataclass(frozen=True)
class System:
    """An editor under test.

    Attributes:
        name: In reports.
        edits: Its edits of test photos, at the size and colour in which the metric networks see them.
        back: Edits (N, C, S, S) of rows (N,) to images that show what the photos show, for the cycle; None where there
            is no such network.
    """

    name: str
    edits: EditFunction
    back: Callable[[Tensor, Int64], Tensor] | None = None


def network_system(name: str, generator: nn.Module, condition: Condition, test: Arrays) -> System:
    """A trained G_rgb, measured by the network's own images, as in the paper's tables.

    Args:
        name: In reports.
        generator: G_rgb.
        condition: What it takes.
        test: The test photos, measured by the condition.
    """

    def asked(batch: Batch, target: int) -> Tensor:
        """What asks for one expression; where training photos say how, another one for each photo, always the same."""
        draws = [np.random.default_rng((int(row), target)).random() for row in batch.rows] if condition.random else None
        labels = torch.full_like(batch.label, target)
        return condition.towards(test, batch, labels, None if draws is None else torch.tensor(draws).to(labels.device))

    @torch.inference_mode()
    def edits(rows: Int64, target: int) -> Tensor:
        batch = make_batch(test, rows, "depth", device=device_of(generator))
        return generator(batch.image, asked(batch, target)).image.float()

    def back(image: Tensor, rows: Int64) -> Tensor:
        batch = make_batch(test, rows, "depth", device=image.device)
        return generator(image, condition.back(test, batch)).image.float()

    return System(name, edits, back)


class CropEdits:
    """An editor's edits as a user gets them: of the dataset's own crops, then shrunk as the test photos are.

    Args:
        editor: Any method, and a network of any size.
        dataset: Where the crops are.
        test: The test photos.
        keep: Remember the edited crops, to show them.
    """

    def __init__(self, editor: Editor, dataset: Dataset, test: Arrays, *, keep: bool = False) -> None:
        self._editor, self._dataset, self._test = editor, dataset, test
        self._read = functools.lru_cache(maxsize=64)(read_crop)  # a batch is edited to every target before the next
        self._kept: dict[tuple[int, int], RGB] | None = {} if keep else None

    def __call__(self, rows: Int64, target: int) -> Tensor:
        """As `EditFunction`."""
        levels = np.stack([self._test.network_input.levels(self.crop(int(row), target)) for row in rows])
        return from_levels(torch.from_numpy(levels).float())

    def crop(self, row: int, target: int) -> RGB:
        """The crop of one test photo, edited to one expression."""
        if self._kept is not None and (row, target) in self._kept:
            return self._kept[row, target]
        rgb, landmarks = self._read(self._dataset.path, self._test.samples[row])
        to = self._editor.target(self._test.expressions[target])
        edited = self._editor.apply(rgb, Face(landmarks), to, 1.0).photo
        if self._kept is not None:
            self._kept[row, target] = edited
        return edited


def editor_system(name: str, editor: Editor, dataset: Dataset, test: Arrays) -> System:
    """An editor of any method, whose edits are measured as a user gets them."""
    return System(name, CropEdits(editor, dataset, test))


def unedited(test: Arrays) -> System:
    """The editor that does nothing: the lower baseline."""
    return System("unedited", lambda rows, target: make_batch(test, rows, "depth").image)


def true_targets(test: Arrays) -> System | None:
    """The editor that is always right: it gives the true picture; None where some photo has none of an expression."""
    partners = partner_rows(test)
    if partners is None or (partners < 0).any():
        return None
    return System("true target", lambda rows, target: make_batch(test, partners[rows, target], "depth").image)


def baselines(test: Arrays) -> list[System]:
    """The baselines: the photo itself in place of its edit and, where it exists, the true picture."""
    return [one for one in (unedited(test), true_targets(test)) if one is not None]


def partner_rows(test: Arrays) -> Int64 | None:
    """int64 (N, K): the row that shows the same scene with each expression, or -1; None where no photo has any.

    Synthetic datasets have them all.
    """
    scenes: dict[tuple[str, int], int] = {
        (scene_of(sample), int(label)): row
        for row, (sample, label) in enumerate(zip(test.samples, test.label, strict=True))
        if sample.reasons == SYNTHETIC
    }
    if not scenes:
        return None
    labels = range(len(test.expressions))
    return np.array([[scenes.get((scene_of(sample), label), -1) for label in labels] for sample in test.samples])


def photo_rows(test: Arrays, most: int | None = None, seed: int = 0) -> Int64:
    """All rows of the test photos, or a fixed random subset of `most` of them, in order."""
    rows: Int64 = np.random.default_rng(seed).permutation(len(test.label))[:most]
    return np.sort(rows)


def device_of(network: nn.Module) -> torch.device:
    """Where a network's parameters are; those without any are on the CPU."""
    return next(network.parameters(), torch.empty(0)).device
