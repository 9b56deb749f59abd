"""The expression generation rate: how often a judge, trained on real photos only, calls an edit by its target.

A rate says how far the judge agrees, not how true the edit is; it is therefore always given with the judge's accuracy
on real photos of the same people.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from facerelief.colour import to_luma
from facerelief.data.arrays import Arrays
from facerelief.data.batches import make_batch
from facerelief.data.manifest import Sample
from facerelief.editing.editor import Editor
from facerelief.faces.detector import Face
from facerelief.progress import Progress, no_progress
from facerelief.training.classifier import Accuracy, judge_accuracy, judged
from facerelief.training.run.sample_grids import one_hot
from facerelief.training.steps.pseudo_targets import read_crop


@dataclass(frozen=True)
class GenerationRate:
    """How a judge calls edits, beside what it would call without them.

    edits: confusion of target (row) and called (column) over edited photos. real: the judge's own, on real photos.
    unedited: the source itself, called in place of its edits: where an editor that does nothing would end.
    """

    edits: Accuracy
    real: Accuracy
    unedited: Accuracy


# Edits the test photos of given rows to one expression: (N, C, S, S) in [-1, 1], as the judge sees photos.
Edits = Callable[[np.ndarray, int], Tensor]


def network_edits(generator: nn.Module, test: Arrays) -> Edits:
    """Edits by a trained G_rgb."""

    @torch.inference_mode()
    def edit(rows: np.ndarray, target: int) -> Tensor:
        image = make_batch(test, rows, "depth", device=device_of(generator)).image
        y_t = torch.full((len(image),), target, device=image.device)
        return generator(image, one_hot(y_t, len(test.expressions))).image.float()

    return edit


def device_of(network: nn.Module) -> torch.device:
    """Where a network's parameters are; those without any are on the CPU."""
    return next(network.parameters(), torch.empty(0)).device


def editor_edits(editor: Editor, dataset: Path, test: Arrays) -> Edits:
    """Edits by any editor, on the dataset's own crops, which are then shrunk as the test photos are."""
    read = functools.lru_cache(maxsize=64)(read_crop)  # a batch is edited to every target before the next

    def one(sample: Sample, label: int) -> np.ndarray:
        rgb, landmarks = read(dataset, sample)
        edited, _ = editor.apply(rgb, Face(landmarks), label, 1.0)
        return seen(edited, test)

    def edit(rows: np.ndarray, target: int) -> Tensor:
        label = editor.label(test.expressions[target])
        pixels = np.stack([one(test.samples[row], label) for row in rows])
        return torch.from_numpy(pixels).float() / 127.5 - 1

    return edit


def seen(rgb: np.ndarray, test: Arrays) -> np.ndarray:
    """A crop uint8 (H, W, 3) shrunk as the photos of `test` are, uint8 (C, S, S)."""
    small = np.asarray(Image.fromarray(rgb).resize((test.size, test.size), Image.Resampling.BOX))
    return np.moveaxis(small, 2, 0) if test.image.shape[1] == 3 else to_luma(small)[None]


@torch.inference_mode()
def generation_rate(
    edits: Edits,
    judge: nn.Module,
    test: Arrays,
    progress: Progress = no_progress,
    batch: int = 32,
    rows: np.ndarray | None = None,
) -> GenerationRate:
    """Edit test photos, all or those of `rows`, to every other expression and judge the results."""
    chosen = np.arange(len(test.label)) if rows is None else rows
    classes = len(test.expressions)
    made, unedited = torch.zeros(classes, classes, dtype=torch.long), torch.zeros(classes, classes, dtype=torch.long)
    for start in range(0, len(chosen), batch):
        some = chosen[start : start + batch]
        before = judged(judge, make_batch(test, some, "depth", device=device_of(judge)).image).cpu()
        for target in range(classes):
            others = test.label[some] != target
            if not others.any():
                continue
            after = judged(judge, edits(some[others], target).to(device_of(judge))).cpu()
            made[target] += torch.bincount(after, minlength=classes)
            unedited[target] += torch.bincount(before[torch.from_numpy(others)], minlength=classes)
        progress(start + len(some), len(chosen))
    names = test.expressions
    return GenerationRate(
        Accuracy(names, made.tolist()), judge_accuracy(judge, test), Accuracy(names, unedited.tolist())
    )
