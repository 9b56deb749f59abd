"""One pass over an editor's edits of held-out photos that measures all of them at once, a row an edit.

Everything is measured on what a file would hold: edits are rounded to 8 bits before anything looks at them, and before
the cycle goes back.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from facerelief.data.arrays import Arrays
from facerelief.data.batches import Batch, make_batch
from facerelief.data.synthesize import SYNTHETIC, scene_of
from facerelief.errors import FacereliefError
from facerelief.evaluation.metrics.geometry import map_errors
from facerelief.evaluation.metrics.quality import from_levels, psnr, ssim, to_levels
from facerelief.evaluation.rate import Edits, network_edits
from facerelief.progress import Progress, no_progress
from facerelief.training.classifier import judged
from facerelief.training.geometry_probe import MapClassifier
from facerelief.training.identity import embed
from facerelief.training.run.sample_grids import one_hot


@dataclass(frozen=True)
class Subject:
    """An editor under measurement. back: images (N, C, S, S) and labels (N,) to edited images, for the cycle."""

    name: str
    edits: Edits
    back: Callable[[Tensor, Tensor], Tensor] | None = None


@dataclass(frozen=True)
class FeatureNet:
    """What images (N, C, S, S) in [-1, 1] are turned into for Frechet and kernel distance, vectors (N, D).

    frechet, kernel: what the distances by it are called. sha256: of the weights.
    """

    call: Callable[[Tensor], Tensor]
    frechet: str
    kernel: str
    sha256: str


@dataclass(frozen=True)
class Instruments:
    """What measures. depth: a depth network with the kind of maps that it estimates; geometry: linear classifiers of
    expressions from real maps, by kind; all are on `device`.
    """

    judge: nn.Module
    features: FeatureNet
    encoder: nn.Module | None = None
    depth: nn.Module | None = None
    guide: str = "depth"
    geometry: Mapping[str, MapClassifier] = field(default_factory=dict)
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))


@dataclass(frozen=True)
class Scores:
    """One entry an edit. row: of the photo. target, called: index of the expression. values: by name of the measure,
    float32 (E,); see `MEASURES`. features: float32 (E, D).
    """

    row: np.ndarray
    target: np.ndarray
    called: np.ndarray
    values: dict[str, np.ndarray]
    features: Tensor


def network_subject(name: str, generator: nn.Module, test: Arrays) -> Subject:
    """A trained G_rgb."""

    def back(image: Tensor, labels: Tensor) -> Tensor:
        return generator(image, one_hot(labels, len(test.expressions))).image.float()

    return Subject(name, network_edits(generator, test), back)


def unedited(test: Arrays) -> Subject:
    """The editor that does nothing: what every other must beat."""
    return Subject("unedited", lambda rows, target: make_batch(test, rows, "depth").image)


def true_targets(test: Arrays) -> Subject | None:
    """The editor that is always right: it gives the true picture; None where some photo has none of an expression."""
    partners = partner_rows(test)
    if partners is None or (partners < 0).any():
        return None
    return Subject("true target", lambda rows, target: make_batch(test, partners[rows, target], "depth").image)


def bases(test: Arrays) -> list[Subject]:
    """What editors are read between: the photo itself in place of its edit and, where it exists, the true picture."""
    return [one for one in (unedited(test), true_targets(test)) if one is not None]


def partner_rows(test: Arrays) -> np.ndarray | None:
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


@torch.inference_mode()
def measure(
    subject: Subject,
    instruments: Instruments,
    test: Arrays,
    rows: np.ndarray,
    class_maps: Tensor | None = None,
    progress: Progress = no_progress,
    batch: int = 32,
) -> Scores:
    """Edit the photos `rows` of `test` to every other expression and measure every edit.

    class_maps: (K, G, S, S), the mean real map of each expression (`class_mean_maps`), for geometry without pairs.
    Raises `FacereliefError` for an editor whose pixels are not finite.
    """
    pass_ = _Pass(subject, instruments, test, partner_rows(test), class_maps)
    for start in range(0, len(rows), batch):
        some = rows[start : start + batch]
        pairs = [(some[test.label[some] != target], target) for target in range(len(test.expressions))]
        pass_.take([(others, target) for others, target in pairs if len(others)])
        progress(start + len(some), len(rows))
    return pass_.scores()


class _Pass:
    """The measurements so far."""

    def __init__(
        self,
        subject: Subject,
        instruments: Instruments,
        test: Arrays,
        partners: np.ndarray | None,
        class_maps: Tensor | None,
    ) -> None:
        self._subject, self._with, self._test, self._partners = subject, instruments, test, partners
        self._class_maps = class_maps
        self._columns: dict[str, list[np.ndarray]] = {}
        self._features: list[Tensor] = []

    def take(self, pairs: list[tuple[np.ndarray, int]]) -> None:
        """Edit photos to an expression, for several such pairs, and measure the edits together."""
        rows = np.concatenate([some for some, _ in pairs])
        targets = np.concatenate([np.full(len(some), target) for some, target in pairs])
        made = torch.cat([self._subject.edits(*pair).to(self._with.device) for pair in pairs])
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
        self._note("called", judged(self._with.judge, image).cpu().numpy())
        for name, value in values.items():
            self._note(name, value.float().cpu().numpy())
        self._features.append(self._with.features.call(image).float().cpu())

    def scores(self) -> Scores:
        """All that was taken."""
        columns = {name: np.concatenate(parts) for name, parts in self._columns.items()}
        row, target, called = (columns.pop(name) for name in ("row", "target", "called"))
        return Scores(row, target, called, columns, torch.cat(self._features))

    def _of_edit(self, source: Batch, image: Tensor, maps: Tensor | None, targets: np.ndarray) -> dict[str, Tensor]:
        values: dict[str, Tensor] = {}
        if self._subject.back is not None:
            cycled = to_levels(self._subject.back(image, source.label))
            before = to_levels(source.image)
            values |= {"cycle_psnr": psnr(cycled, before), "cycle_ssim": ssim(cycled, before)}
        if self._with.encoder is not None:
            values["identity"] = _apart(self._with.encoder, image, source.image)
        if maps is not None:
            called = call_maps(self._with, maps)
            values |= {f"{kind}_rate": called[kind].cpu() == torch.from_numpy(targets) for kind in called}
        if maps is not None and self._class_maps is not None:
            values |= self._geometry("class", maps, self._class_maps[torch.from_numpy(targets)])
        return values

    def _against_truth(
        self, image: Tensor, levels: Tensor, maps: Tensor | None, truth: np.ndarray
    ) -> dict[str, Tensor]:
        real = self._real(truth)
        goal = to_levels(real.image)
        values = {"true_psnr": psnr(levels, goal), "true_ssim": ssim(levels, goal)}
        if self._with.encoder is not None:
            values["true_identity"] = _apart(self._with.encoder, image, real.image)
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
                f"{self._subject.name} makes pixels that are not numbers of {photo}; its training has diverged: "
                "train it again with a lower --set lr"
            )

    def _note(self, name: str, value: np.ndarray) -> None:
        self._columns.setdefault(name, []).append(value)


def call_maps(instruments: Instruments, maps: Tensor) -> dict[str, Tensor]:
    """By kind of map, the expression (N,) that estimated maps (N, G, S, S) show to a linear classifier of real ones."""
    planes = {"depth": slice(0, 1), "normal": slice(-3, None)}
    return {kind: classifier(maps[:, planes[kind]]) for kind, classifier in instruments.geometry.items()}


def class_mean_maps(train: Arrays, guide: str, device: torch.device, most: int = 500) -> Tensor:
    """(K, G, S, S): the mean real map of each expression's training photos, on pixels that are face in half of them.

    An expression without training photos gets the background.
    """
    maps = []
    for label in range(len(train.expressions)):
        rows = np.flatnonzero(train.label == label)[:most]
        if not len(rows):
            rows = np.arange(1)
        real = make_batch(train, rows, guide).geometry
        face = real[:, :1] > -0.999 if guide != "normal" else real.square().sum(dim=1, keepdim=True) > 0.25
        share = face.float().mean(dim=0)
        mean = (real * face).sum(dim=0) / face.sum(dim=0).clamp_min(1)
        background = torch.zeros_like(mean)
        if guide != "normal":
            background[0] = -1
        present = (share >= 0.5) & bool((train.label == label).any())
        maps.append(torch.where(present, mean, background))
    return torch.stack(maps).to(device)


def _apart(encoder: nn.Module, a: Tensor, b: Tensor) -> Tensor:
    return (1 - (embed(encoder, a) * embed(encoder, b)).sum(dim=1)).clamp_min(0)


def _filled(value: Tensor, have: np.ndarray, count: int) -> Tensor:
    """Values of some of `count` edits, NaN for the others."""
    full = torch.full((count,), torch.nan, device=value.device)
    full[torch.from_numpy(have).to(value.device)] = value.float()
    return full
