"""Luminance, contrast and histograms of stimuli against scikit-image, to a tolerance in levels of 8 bits."""

import numpy as np
import pytest

from facerelief.colour import to_luma
from facerelief.stimuli import HistogramTarget, LuminanceTarget, face_oval, match_histogram, match_luminance
from facerelief.stimuli.luminance import with_luma

TOLERANCE = 0.05  # levels, of mean and standard deviation
measure = pytest.importorskip("skimage.measure")
exposure = pytest.importorskip("skimage.exposure")


def pictures() -> list[np.ndarray]:
    """Of unlike light: dim, flat, contrasty, of few levels, and one whose lights would be cut off."""
    random = np.random.default_rng(0)
    noise = [random.normal(mean, sd, (96, 96)) for mean, sd in ((60, 10), (130, 4), (120, 45), (225, 30))]
    few = np.where(noise[0] > 60, 90.0, 80.0)
    return [np.clip(np.rint(one), 0, 255).astype(np.uint8) for one in (*noise, few)]


def statistics(luma: np.ndarray, mask: np.ndarray) -> tuple[float, float]:
    (region,) = measure.regionprops(mask.astype(int), intensity_image=luma.astype(float))
    return float(region.intensity_mean), float(region.intensity_std)


def test_mean_and_contrast_become_equal() -> None:
    mask, target = face_oval(96), LuminanceTarget()
    for one in pictures():
        target.add(one[mask])
    expected = np.mean([statistics(one, mask) for one in pictures()], axis=0)
    for one in pictures():
        made = match_luminance(one, mask, target.mean, target.deviation)
        assert statistics(made, mask) == pytest.approx(expected, abs=TOLERANCE)


def test_a_picture_that_has_it_already_stays() -> None:
    mask, one = face_oval(96), pictures()[2]
    made = match_luminance(one, mask, *statistics(one, mask))
    assert np.abs(made.astype(int) - one).max() <= 1


def test_a_picture_of_one_level_gets_the_mean() -> None:
    mask = face_oval(96)
    made = match_luminance(np.full((96, 96), 40, np.uint8), mask, 100.0, 20.0)
    assert made[mask].mean() == pytest.approx(100, abs=1)


def test_histograms_become_the_same() -> None:
    mask, target = face_oval(96), HistogramTarget()
    for one in pictures():
        target.add(one[mask])
    made = [match_histogram(one, mask, target.levels)[mask] for one in pictures()]
    counts = [exposure.histogram(one, source_range="dtype")[0] for one in made]
    assert all((one == counts[0]).all() for one in counts)


def test_exact_histograms_keep_the_order_of_levels() -> None:
    mask, one = face_oval(96), pictures()[2]
    target = HistogramTarget()
    target.add(pictures()[0][mask])
    before, after = one[mask], match_histogram(one, mask, target.levels)[mask]
    ordered = after[np.argsort(before, kind="stable")].astype(int)
    steps = np.flatnonzero(np.diff(np.sort(before)))
    assert all(ordered[: step + 1].max() <= ordered[step + 1 :].min() for step in steps.tolist())
    assert (match_histogram(one, mask, target.levels)[~mask] == one[~mask]).all()


def test_colours_get_the_luminance_and_keep_their_hue() -> None:
    random = np.random.default_rng(1)
    rgb, luma = (
        random.integers(0, 256, (64, 64, 3)).astype(np.uint8),
        random.integers(0, 256, (64, 64)).astype(np.uint8),
    )
    made = with_luma(rgb, luma)
    assert np.abs(to_luma(made).astype(int) - luma).max() <= 1
    old, new = (one - one.mean(axis=2, keepdims=True) for one in (rgb.astype(float), made.astype(float)))
    clear = (np.abs(new).max(axis=2) > 20) & (np.abs(old).max(axis=2) > 20)
    angle = (old * new).sum(axis=2) / np.maximum(np.linalg.norm(old, axis=2) * np.linalg.norm(new, axis=2), 1e-9)
    assert angle[clear].min() > 0.98


def test_the_oval_has_the_area_of_its_ellipse() -> None:
    assert face_oval(512).mean() == pytest.approx(np.pi * 0.31 * 0.4, rel=1e-3)
