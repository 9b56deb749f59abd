"""Which samples are good enough to train on: the paper's manual clean-up, made automatic and checkable.

Every sample is checked by its scores, its shape and its duplicates; DATASET/overrides.csv, which a person edits,
overrules the checks. The results go into metadata.csv (quality, keep, reasons). Nothing is deleted, and a second review
gives the same result.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from facerelief.array_types import Floats
from facerelief.data.manifest import (
    METADATA,
    Sample,
    read_dataset_settings,
    read_samples,
    write_rows,
    write_settings,
)
from facerelief.data.review.inputs import ReviewInput, read_input, read_thumbnail
from facerelief.data.review.limits import LIMITS, Thresholds, flaws, quality, thresholds_of
from facerelief.data.review.measures import implausibility, joined, same_pictures
from facerelief.data.review.overrides import Override, read_overrides
from facerelief.errors import DatasetError
from facerelief.progress import Progress, no_progress

_RELABELLED, _CONFIRMED = "relabelled by hand", "label confirmed by hand"


@dataclass(frozen=True)
class Review:
    """The outcome of a review.

    Attributes:
        samples: As metadata.csv now holds them.
        overrides: Number of samples that a person decided on.
    """

    samples: list[Sample]
    overrides: int

    @property
    def kept(self) -> int:
        """Number of samples that training will see."""
        return sum(sample.keep for sample in self.samples)

    @property
    def left_out(self) -> dict[str, int]:
        """Number of samples left out by kind of reason, the most frequent first; one may have several reasons."""
        counts = Counter(name for sample in self.samples for name in left_out_for(sample))
        return dict(counts.most_common())

    @property
    def leaks(self) -> list[str]:
        """Files left out because another split has the same picture, which would raise every score."""
        return [sample.file_name for sample in self.samples if "another split" in sample.reasons]


def review(dataset: Path, thresholds: Thresholds | None = None, progress: Progress = no_progress) -> Review:
    """Check every sample and write the results into metadata.csv; an absent overrides.csv is created, empty.

    Args:
        dataset: The dataset's folder.
        thresholds: The limits of what is kept; by default those of the last review. They hold from then on, also when
            the dataset is built again.
        progress: Called with the number of samples read and the total.

    Raises:
        DatasetError: The dataset is synthetic or cannot be read, or an override names an unknown file, decision or
            expression.
    """
    samples = read_samples(dataset)
    settings = read_dataset_settings(dataset)
    for made, what in (("sham", "sham maps"), ("augmented", "edits")):
        if made in settings:
            raise DatasetError(f"{dataset} has {what}; review the dataset that it was made from, and make it again")
    if "face_sha256" in settings:
        raise DatasetError(
            f"{dataset} is synthetic: its expressions are alike and its geometry exact; no review is needed"
        )
    overrides = read_overrides(dataset, (sample.file_name for sample in samples))
    limits = thresholds or thresholds_of(dataset)
    seen = []
    for sample in samples:
        seen.append(read_input(dataset, sample))
        progress(len(seen), len(samples))
    size = int(settings.get("size", 256))
    judged = judge(samples, seen, lambda index: read_thumbnail(dataset, samples[index]), size, overrides, limits)
    if limits != thresholds_of(dataset):
        write_settings(dataset, {**settings, LIMITS: asdict(limits)})
    write_rows(dataset / METADATA, Sample, judged)
    return Review(judged, len(overrides))


def judge(
    samples: Sequence[Sample],
    seen: Sequence[ReviewInput],
    thumbnail: Callable[[int], Floats],
    size: int,
    overrides: Mapping[str, Override],
    limits: Thresholds,
) -> list[Sample]:
    """`select_samples` by the pairs of samples that show the same picture.

    Args:
        samples: As metadata.csv holds them.
        seen: What was read of each sample.
        thumbnail: `read_thumbnail` of the sample with an index.
        size: Side of the crops in pixels.
        overrides: By file name.
        limits: Of what is kept.
    """
    labelled = [_labelled(sample, overrides.get(sample.file_name)) for sample in samples]
    return select_samples(samples, seen, _pairs(labelled, seen, thumbnail, size, limits), overrides, limits)


def select_samples(
    samples: Sequence[Sample],
    seen: Sequence[ReviewInput],
    pairs: Iterable[tuple[int, int]],
    overrides: Mapping[str, Override],
    thresholds: Thresholds,
) -> list[Sample]:
    """The samples with new quality, keep, reasons and, if a person gave one, expression.

    Args:
        samples: As metadata.csv holds them.
        seen: What was read of each sample.
        pairs: Indices of samples that show the same picture.
        overrides: By file name.
        thresholds: The limits of what is kept.
    """
    labelled = [_labelled(sample, overrides.get(sample.file_name)) for sample in samples]
    oddness = _oddness(seen)
    found = [flaws(*one, thresholds) for one in zip(labelled, seen, oddness, strict=True)]
    scored = [
        replace(sample, quality=quality(sample, one, thresholds), keep=not flawed)
        for sample, one, flawed in zip(labelled, seen, found, strict=True)
    ]
    for group in joined(pairs):
        for index, reason in _settle(group, scored, overrides).items():
            found[index].append(reason)
    return [_decided(s, flawed, overrides.get(s.file_name)) for s, flawed in zip(scored, found, strict=True)]


def reasons(sample: Sample) -> list[str]:
    """What metadata.csv says of a sample, one sentence each."""
    return [reason for reason in sample.reasons.split("; ") if reason]


def kind(reason: str) -> str:
    """A reason without its particulars: "profile", "duplicate", "label conflict", ..."""
    return re.split(r": | of | with ", reason, maxsplit=1)[0]


def left_out_for(sample: Sample) -> list[str]:
    """The kinds of reasons that a sample was left out for; none for a kept one."""
    kinds = [] if sample.keep else [kind(reason) for reason in reasons(sample)]
    return [name for name in kinds if name not in (_RELABELLED, _CONFIRMED)]


def _labelled(sample: Sample, override: Override | None) -> Sample:
    """The sample with its published label, which an earlier review may have replaced, or with a person's."""
    earlier = re.search(rf"{_RELABELLED}: from (\w+)", sample.reasons)
    published = earlier[1] if earlier else sample.expression
    if override is None or override.expression is None:
        return replace(sample, expression=published, reasons="")
    change = f"{_RELABELLED}: from {published}" if override.expression != published else _CONFIRMED
    return replace(sample, expression=override.expression, reasons=change)


def _settle(group: Sequence[int], samples: Sequence[Sample], overrides: Mapping[str, Override]) -> dict[int, str]:
    """Who of a group of same pictures goes, and why: all but the best; all, where their labels contradict.

    Those that a person decided on speak for the others, and those that a person keeps are right in any case.
    """
    decisions = {i: overrides[samples[i].file_name].decision for i in group if samples[i].file_name in overrides}
    present = [i for i in group if decisions.get(i) != "reject"]
    trusted = [i for i in present if i in decisions] or present
    if len({samples[i].expression for i in trusted}) > 1 and "keep" not in decisions.values():
        return {i: f"label conflict with {_contradicting(i, present, samples)}" for i in present}
    ranked = sorted(trusted, key=lambda i: (decisions.get(i) != "keep", not samples[i].keep, -samples[i].quality, i))
    return {i: _duplicate(samples[i], samples[ranked[0]]) for i in present if i != ranked[0]}


def _contradicting(index: int, group: Sequence[int], samples: Sequence[Sample]) -> str:
    others = [samples[i] for i in group if samples[i].expression != samples[index].expression]
    return f"{others[0].file_name} ({others[0].expression})"


def _duplicate(sample: Sample, best: Sample) -> str:
    leaks = {"another identity": sample.identity != best.identity, "another split": sample.split != best.split}
    found = ", ".join(leak for leak, applies in leaks.items() if applies)
    return f"duplicate of {best.file_name}" + (f" ({found})" if found else "")


def _decided(sample: Sample, found: Sequence[str], override: Override | None) -> Sample:
    """The verdict: a person's where there is one, and everything that the checks found beside it."""
    by_hand = [sample.reasons] if sample.reasons else []
    keep = not found
    if override is not None and override.decision != "relabel":
        keep = override.decision == "keep"
        by_hand.append("kept by hand" if keep else "rejected by hand")
    if override is not None and override.note:
        by_hand[-1] += f" ({override.note})"
    return replace(sample, keep=keep, reasons="; ".join([*by_hand, *found]))


def _oddness(seen: Sequence[ReviewInput]) -> list[float]:
    whole = [index for index, one in enumerate(seen) if not one.problem]
    odd = np.zeros(len(seen))
    odd[whole] = implausibility(np.array([seen[index].landmarks for index in whole]).reshape(-1, 468, 3))
    return [float(value) for value in odd]


def _pairs(
    samples: Sequence[Sample],
    seen: Sequence[ReviewInput],
    thumbnail: Callable[[int], Floats],
    size: int,
    limits: Thresholds,
) -> list[tuple[int, int]]:
    for sample in samples:
        if re.fullmatch("[0-9a-f]{16}", sample.fingerprint) is None:
            raise DatasetError(
                f"{METADATA}: {sample.file_name} has fingerprint {sample.fingerprint!r}, which is not one "
                "(a spreadsheet may have changed it); build the dataset again"
            )

    def may_differ(i: int, j: int) -> bool:  # a person's neutral face and faint smile, photographed alike
        return samples[i].identity == samples[j].identity and samples[i].expression != samples[j].expression

    landmarks = np.array([one.landmarks for one in seen]).reshape(-1, 468, 3)
    fingerprints = [sample.fingerprint for sample in samples]
    return same_pictures(fingerprints, landmarks, size, limits.duplicate_bits, thumbnail, may_differ)
