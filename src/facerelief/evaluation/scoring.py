"""One pass over a system's edits of held-out photos that measures all of them at once, a row an edit.

`evaluate`, `report rate`, `report identity`, `compare` and the studies are views of it. Everything is measured on what
a file would hold: edits are rounded to 8 bits before anything looks at them, and before the cycle goes back.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from facerelief.array_types import Float32, Int64
from facerelief.data.arrays import Arrays
from facerelief.data.batches import Batch, make_batch
from facerelief.errors import FacereliefError
from facerelief.evaluation.metric_networks import MetricNetworks, identity_distance, predict_from_maps
from facerelief.evaluation.metrics.geometry import map_errors
from facerelief.evaluation.metrics.quality import psnr, ssim, to_levels
from facerelief.evaluation.systems import System, partner_rows
from facerelief.network_input import from_levels
from facerelief.progress import Progress, no_progress
from facerelief.training.classifier import predict

BATCH = 32  # photos at a time


@dataclass(frozen=True)
class EditScores:
    """One entry an edit, E in all.

    Attributes:
        row: Of the photo, (E,).
        target: Index of the expression asked for, (E,).
        predicted: Index of the expression that the classifier predicts, (E,); empty without one.
        values: By name of the measure (`summary.MEASURES`), (E,); NaN where an edit has none.
        features: (E, D); (E, 0) without a feature network.
    """

    row: Int64
    target: Int64
    predicted: Int64
    values: dict[str, Float32]
    features: Tensor


@torch.inference_mode()
def score_edits(
    system: System,
    networks: MetricNetworks,
    test: Arrays,
    rows: np.ndarray,
    progress: Progress = no_progress,
    batch: int = BATCH,
) -> EditScores:
    """Edit test photos to every other expression and measure every edit.

    Args:
        system: What edits.
        networks: The metric networks.
        test: The test photos.
        rows: Which of them are edited, (P,).
        progress: Called with the photos done and in all.
        batch: Photos at a time.

    Raises:
        FacereliefError: For a system whose pixels are not finite.
    """
    pass_ = _Pass(system, networks, test)
    for start in range(0, len(rows), batch):
        some = rows[start : start + batch]
        pairs = [(some[test.label[some] != target], target) for target in range(len(test.expressions))]
        pass_.take([(others, target) for others, target in pairs if len(others)])
        progress(start + len(some), len(rows))
    return pass_.scores()


def join_scores(parts: Sequence[EditScores]) -> EditScores:
    """The scores of several passes as those of one."""
    values = {name: np.concatenate([part.values[name] for part in parts]) for name in parts[0].values}
    row, target, predicted = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("row", "target", "predicted")
    )
    return EditScores(row, target, predicted, values, torch.cat([part.features for part in parts]))


class _Pass:
    """The measurements so far."""

    def __init__(self, system: System, networks: MetricNetworks, test: Arrays) -> None:
        self._system, self._with, self._test, self._partners = system, networks, test, partner_rows(test)
        self._columns: dict[str, list[np.ndarray]] = {}
        self._features: list[Tensor] = []

    def take(self, pairs: list[tuple[np.ndarray, int]]) -> None:
        """Edit photos to an expression, for several such pairs, and measure the edits together."""
        rows = np.concatenate([some for some, _ in pairs])
        targets = np.concatenate([np.full(len(some), target) for some, target in pairs])
        made = torch.cat([self._system.edits(*pair).to(self._with.device) for pair in pairs])
        self._check(made, rows)
        levels = to_levels(made)
        image = from_levels(levels)
        maps = self._with.depth(image).float() if self._with.depth is not None else None
        values = self._of_edit(self._real(rows), image, maps, targets)
        if self._partners is not None:
            truth = self._partners[rows, targets]
            have = np.flatnonzero(truth >= 0)
            seen = None if maps is None else maps[have]
            true = self._against_truth(image[have], levels[have], seen, truth[have])
            values |= {name: _filled(value, have, len(rows)) for name, value in true.items()}
        self._note("row", rows)
        self._note("target", targets)
        if self._with.classifier is not None:
            self._note("predicted", predict(self._with.classifier, image).cpu().numpy())
        for name, value in values.items():
            self._note(name, value.float().cpu().numpy())
        features = self._with.features
        self._features.append(features.call(image).float().cpu() if features else torch.empty(len(rows), 0))

    def scores(self) -> EditScores:
        """All that was taken."""
        columns = {name: np.concatenate(parts) for name, parts in self._columns.items()}
        none = np.empty(0, dtype=np.int64)
        row, target, predicted = (columns.pop(name, none) for name in ("row", "target", "predicted"))
        return EditScores(row, target, predicted, columns, torch.cat(self._features))

    def _of_edit(self, source: Batch, image: Tensor, maps: Tensor | None, targets: np.ndarray) -> dict[str, Tensor]:
        values: dict[str, Tensor] = {}
        if self._with.pixels and self._system.back is not None:
            cycled = to_levels(self._system.back(image, source.rows))
            before = to_levels(source.image)
            values |= {"cycle_psnr": psnr(cycled, before), "cycle_ssim": ssim(cycled, before)}
        if self._with.identity is not None:
            values["identity"] = identity_distance(self._with.identity, image, source.image)
        if maps is not None:
            predicted = predict_from_maps(self._with, maps)
            values |= {f"{kind}_rate": found.cpu() == torch.from_numpy(targets) for kind, found in predicted.items()}
        if maps is not None and self._with.class_maps is not None:
            values |= self._geometry("class", maps, self._with.class_maps[torch.from_numpy(targets)])
        return values

    def _against_truth(
        self, image: Tensor, levels: Tensor, maps: Tensor | None, truth: np.ndarray
    ) -> dict[str, Tensor]:
        real = self._real(truth)
        values: dict[str, Tensor] = {}
        if self._with.pixels:
            goal = to_levels(real.image)
            values |= {"true_psnr": psnr(levels, goal), "true_ssim": ssim(levels, goal)}
        if self._with.identity is not None:
            values["true_identity"] = identity_distance(self._with.identity, image, real.image)
        if maps is not None:
            values |= self._geometry("true", maps, real.geometry)
        return values

    def _geometry(self, kind: str, maps: Tensor, real: Tensor) -> dict[str, Tensor]:
        guide = self._with.guide
        depth, degrees, _ = map_errors(maps, real, guide)
        found = {"depth": depth, "normal": degrees}
        return {f"{kind}_{name}": value for name, value in found.items() if guide in (name, "both")}

    def _real(self, rows: np.ndarray) -> Batch:
        return make_batch(self._test, rows, self._with.guide, device=self._with.device)

    def _check(self, made: Tensor, rows: np.ndarray) -> None:
        finite = made.isfinite().flatten(1).all(dim=1)
        if not finite.all():
            photo = self._test.samples[int(rows[int(finite.int().argmin())])].file_name
            raise FacereliefError(
                f"{self._system.name} makes pixels that are not numbers of {photo}; its training has diverged: "
                "train it again with a lower --set lr"
            )

    def _note(self, name: str, value: np.ndarray) -> None:
        self._columns.setdefault(name, []).append(value)


def _filled(value: Tensor, have: np.ndarray, count: int) -> Tensor:
    """Values of some of `count` edits, NaN for the others."""
    full = torch.full((count,), torch.nan, device=value.device)
    full[torch.from_numpy(have).to(value.device)] = value.float()
    return full
