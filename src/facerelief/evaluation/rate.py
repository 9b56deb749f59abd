"""The expression generation rate: how often a judge, trained on real photos only, calls an edit by its target.

A rate says how far the judge agrees, not how true the edit is; it is therefore always given with the judge's accuracy
on real photos of the same people.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from facerelief.data.arrays import Arrays
from facerelief.data.batches import make_batch
from facerelief.training.judge import Accuracy, judge_accuracy, judged
from facerelief.training.samples import one_hot


@dataclass(frozen=True)
class GenerationRate:
    """How a judge calls edits, beside what it would call without them.

    edits: confusion of target (row) and called (column) over edited photos. real: the judge's own, on real photos.
    unedited: the source itself, called in place of its edits: where an editor that does nothing would end.
    """

    edits: Accuracy
    real: Accuracy
    unedited: Accuracy


@torch.inference_mode()
def generation_rate(generator: nn.Module, judge: nn.Module, test: Arrays, batch: int = 32) -> GenerationRate:
    """Edit every test photo to every other expression and judge the results."""
    classes = len(test.expressions)
    edits, unedited = torch.zeros(classes, classes, dtype=torch.long), torch.zeros(classes, classes, dtype=torch.long)
    for start in range(0, len(test.label), batch):
        real = make_batch(test, np.arange(start, min(start + batch, len(test.label))), "depth")
        before = judged(judge, real.image)
        for target in range(classes):
            others = real.label != target
            if not others.any():
                continue
            y_t = torch.full((int(others.sum()),), target)
            after = judged(judge, generator(real.image[others], one_hot(y_t, classes)).float())
            edits[target] += torch.bincount(after, minlength=classes)
            unedited[target] += torch.bincount(before[others], minlength=classes)
    names = test.expressions
    return GenerationRate(
        Accuracy(names, edits.tolist()), judge_accuracy(judge, test), Accuracy(names, unedited.tolist())
    )
