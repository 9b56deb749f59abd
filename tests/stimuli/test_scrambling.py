"""Phase-scrambled controls: the spectrum of the picture, by numpy, and nothing of its shape."""

import numpy as np
import pytest

from facerelief.stimuli import scramble_phase
from facerelief.stimuli.scrambling import scrambled_levels


def picture(size: int = 64) -> np.ndarray:
    down, right = np.mgrid[:size, :size] / size
    return (128 + 40 * np.sin(7 * right + 2 * down) + 30 * (down > 0.6)).astype(np.uint8)


@pytest.mark.parametrize("size", [64, 65])
def test_amplitudes_stay(size: int) -> None:
    before, after = picture(size), scrambled_levels(picture(size), 3)
    assert np.abs(np.fft.fft2(after)) == pytest.approx(np.abs(np.fft.fft2(before.astype(float))), abs=1e-6)


def test_mean_and_contrast_stay() -> None:
    before, after = picture(), scramble_phase(picture(), 3)
    assert after.mean() == pytest.approx(before.mean(), abs=0.1)
    assert after.std() == pytest.approx(before.std(), abs=0.3)  # where levels end and are rounded


def test_nothing_of_the_shape_stays() -> None:
    before = picture().astype(float)
    alike = [np.corrcoef(before.ravel(), scrambled_levels(before, seed).ravel())[0, 1] for seed in range(40)]
    assert abs(np.mean(alike)) < 0.15 and np.max(np.abs(alike)) < 0.9


def test_the_seed_says_which() -> None:
    assert (scramble_phase(picture(), 1) == scramble_phase(picture(), 1)).all()
    assert (scramble_phase(picture(), 1) != scramble_phase(picture(), 2)).any()


def test_grey_pictures_in_three_channels_stay_grey() -> None:
    made = scramble_phase(np.repeat(picture()[..., None], 3, axis=2), 5)
    assert (made[..., 0] == made[..., 1]).all() and (made[..., 0] == scramble_phase(picture(), 5)).all()
