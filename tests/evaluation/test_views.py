"""Faces against true ones: what is moved by hand is measured, and pictures as scikit-image does."""

import dataclasses

import numpy as np
import pytest
import torch
from drawn_mouths import draw, landmarks

from facerelief.evaluation.metrics.quality import masked_psnr, masked_ssim
from facerelief.evaluation.outside.instruments import Seen
from facerelief.evaluation.outside.mouths import MouthMeasures
from facerelief.evaluation.outside.views import AGAINST_TRUTH, UNIT, FaceView, against, aligned, distance
from facerelief.faces.alignment import align
from facerelief.geometry.topology import INNER_LIPS, LIPS

LIP_POINTS = sorted({*LIPS, *INNER_LIPS})


def seen(first: float = 0.0) -> Seen:
    identity = np.zeros(128, np.float32)
    identity[0] = first
    return Seen(np.full(7, 1 / 7, np.float32), identity)


def face(expression: str = "happiness", first: float = 0.0) -> FaceView:
    points = landmarks(expression)
    return FaceView(align(points).cut(draw(points)), aligned(points), MouthMeasures(0.1, 0.5, 1.0), seen(first))


def test_a_face_against_itself() -> None:
    found = against(face(), face())
    assert set(found) == set(AGAINST_TRUTH)
    assert [found[name] for name in ("identity", "landmarks", "lips")] == [0, 0, 0]
    assert [found[name] for name in ("ssim", "mouth_ssim")] == [pytest.approx(1), pytest.approx(1)]
    assert min(found["psnr"], found["mouth_psnr"]) > 60


def test_distances_by_hand() -> None:
    """All landmarks moved by (0.03, 0.04): 0.05 away; the lips by another (0.06, 0.08): 0.15 away."""
    one = face(first=3.0)
    points = one.points + np.array((0.03, 0.04))
    points[LIP_POINTS] += (0.06, 0.08)
    moved = dataclasses.replace(one, points=points, seen=seen(-1.0))
    found = against(moved, one)
    share = len(LIP_POINTS) / 468
    assert found["landmarks"] == pytest.approx(0.05 + 0.1 * share)
    assert found["lips"] == pytest.approx(0.15)
    assert found["identity"] == distance(moved, one) == pytest.approx(4)


def test_what_changes_beside_the_face_does_not_count() -> None:
    one = face()
    crop = one.crop.copy()
    crop[:20], crop[:, :20] = 255, 0
    found = against(dataclasses.replace(one, crop=crop), one)
    assert found["psnr"] > 60
    assert found["mouth_psnr"] > 60
    lips = one.points[list(LIPS)].mean(axis=0) * UNIT
    x, y = lips.astype(int)
    crop[y - 5 : y + 5, x - 5 : x + 5] = 0
    found = against(dataclasses.replace(one, crop=crop), one)
    assert found["mouth_psnr"] < found["psnr"] < 45
    assert found["mouth_ssim"] < found["ssim"] < 1


def test_masked_numbers_are_scikit_images() -> None:
    metrics = pytest.importorskip("skimage.metrics")
    random = np.random.default_rng(0)
    a, b = random.integers(0, 256, (2, 40, 50, 3)).astype(np.uint8)
    b = (a * 0.6 + b * 0.4).astype(np.uint8)
    mask = np.zeros((40, 50), bool)
    mask[12:30, 9:33] = True
    tensors = [torch.from_numpy(one.transpose(2, 0, 1).copy())[None].float() for one in (a, b)]
    _, full = metrics.structural_similarity(
        a, b, channel_axis=2, data_range=255, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, full=True
    )
    assert float(masked_ssim(*tensors, torch.from_numpy(mask))) == pytest.approx(full[mask].mean(), abs=1e-5)
    expected = metrics.peak_signal_noise_ratio(a[mask], b[mask])
    assert float(masked_psnr(*tensors, torch.from_numpy(mask))) == pytest.approx(expected, rel=1e-5)
    nothing = torch.zeros(40, 50, dtype=torch.bool)
    assert float(masked_psnr(*tensors, nothing)) == pytest.approx(metrics.peak_signal_noise_ratio(a, b), rel=1e-5)


def test_a_mouth_at_the_border_is_still_a_picture() -> None:
    one = face()
    far = dataclasses.replace(one, points=np.full((468, 2), (300.0, -300.0)))
    assert np.isfinite(list(against(far, far).values())).all()
