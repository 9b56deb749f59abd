"""The limits of what is kept, and what a single sample is worth beside them."""

from dataclasses import dataclass
from pathlib import Path

from facerelief.data.manifest import SETTINGS, Sample, read_dataset_settings
from facerelief.data.review.inputs import ReviewInput
from facerelief.errors import DatasetError
from facerelief.files.json import to_dataclass

LIMITS = "review"  # of dataset.json


@dataclass(frozen=True)
class Thresholds:
    """The limits of what is kept. The defaults, chosen on 9,300 news photos, leave out 4 % of them.

    Attributes:
        max_yaw: Degrees; beyond 30 the far eye is hidden.
        max_pitch: Degrees.
        min_face_size: Pixels of the photo.
        min_sharpness: See `extract.sharpness`.
        min_coverage: Share of the face that lies inside the photo.
        max_implausibility: Robust deviations, see `measures.implausibility`.
        min_depth_fit: See `measures.depth_fit`.
        max_residual: Of a fitted mesh, inter-ocular distances; the median face has 0.01.
        duplicate_bits: Of the fingerprint's 64; samples that differ in more are not compared as pictures.
    """

    max_yaw: float = 30.0
    max_pitch: float = 30.0
    min_face_size: float = 40.0
    min_sharpness: float = 0.032
    min_coverage: float = 0.8
    max_implausibility: float = 6.5
    min_depth_fit: float = 0.5
    max_residual: float = 0.03
    duplicate_bits: int = 8


def thresholds_of(dataset: Path) -> Thresholds:
    """The limits of a dataset's last review, which dataset.json records; the defaults before the first.

    Raises `DatasetError` where dataset.json is damaged.
    """
    settings = read_dataset_settings(dataset)
    if LIMITS not in settings:
        return Thresholds()
    try:
        return to_dataclass(Thresholds, settings[LIMITS])
    except (ValueError, TypeError) as reason:
        raise DatasetError(
            f"{dataset / SETTINGS} is damaged ({LIMITS}: {reason}); remove {LIMITS} from it, and review again"
        ) from reason


def flaws(sample: Sample, seen: ReviewInput, oddness: float, limits: Thresholds) -> list[str]:
    """What is wrong with a sample by itself, in words: `["profile: yaw 52"]`, or an empty list."""
    if seen.problem:
        return [f"files damaged: {seen.problem}"]
    checks = {
        f"profile: yaw {round(sample.yaw)}": abs(sample.yaw) > limits.max_yaw,
        f"tilted: pitch {round(sample.pitch)}": abs(sample.pitch) > limits.max_pitch,
        f"small face: {sample.face_size:.0f} pixels": sample.face_size < limits.min_face_size,
        f"blurred: sharpness {sample.sharpness:.3f}": sample.sharpness < limits.min_sharpness,
        f"cut off: {sample.coverage:.0%} of the face in the photo": sample.coverage < limits.min_coverage,
        f"implausible mesh: {oddness:.1f} deviations": oddness > limits.max_implausibility,
        f"depth does not fit: correlation {seen.fit:.2f}": seen.fit < limits.min_depth_fit,
        f"mesh does not fit: {seen.residual:.3f} off the landmarks": seen.residual > limits.max_residual,
    }
    return [reason for reason, applies in checks.items() if applies]


def quality(sample: Sample, seen: ReviewInput, limits: Thresholds) -> float:
    """How good a sample is, 0 to 1: the product of its scores, each 1 at best, 1/2 at its limit, 0 when twice as bad.

    Odd shapes do not lower it: the strongest expressions are the oddest shapes.
    """
    if seen.problem:
        return 0.0
    product = (
        _at_most(abs(sample.yaw), limits.max_yaw)
        * _at_most(abs(sample.pitch), limits.max_pitch)
        * _at_least(sample.face_size, limits.min_face_size)
        * _at_least(sample.sharpness, limits.min_sharpness)
        * _at_most(1 - sample.coverage, 1 - limits.min_coverage)
        * _at_least(seen.fit, limits.min_depth_fit)
        * _at_most(seen.residual, limits.max_residual)
    )
    return round(product, 4)


def _at_most(value: float, limit: float) -> float:
    return max(0.0, 1 - value / (2 * limit)) if limit > 0 else float(value <= limit)


def _at_least(value: float, limit: float) -> float:
    return min(1.0, max(0.0, value) / (2 * limit)) if limit > 0 else 1.0
