"""What is measured of edits that are known: against the pictures themselves, scikit-image, and hand counts."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from facerelief.config import ExpressionTraining
from facerelief.data import Dataset
from facerelief.data.arrays import Arrays, load_arrays
from facerelief.data.batches import make_batch
from facerelief.data.conditions import OneHot
from facerelief.errors import FacereliefError
from facerelief.evaluation.metric_networks import FeatureNet, MetricNetworks, class_mean_maps
from facerelief.evaluation.metrics.geometry import map_errors
from facerelief.evaluation.scoring import EditScores, score_edits
from facerelief.evaluation.systems import System, baselines, network_system, partner_rows, true_targets, unedited
from facerelief.expressions import EXPRESSIONS
from facerelief.networks.backbones import GeneratorOutput
from facerelief.training.geometry_probe import fit_probe

metrics = pytest.importorskip("skimage.metrics")
SIZE = 32


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def test(synthetic: Path) -> Arrays:
    """One person's eight pictures of one scene."""
    return load_arrays(data := Dataset(synthetic), data.select("test", EXPRESSIONS), SIZE, "rgb", EXPRESSIONS)


class CallsByTone(nn.Module):
    """A judge that goes by the picture's mean level."""

    def forward(self, image: Tensor) -> Tensor:
        places = torch.linspace(-0.6, 0.6, len(EXPRESSIONS))
        return -(image.mean(dim=(1, 2, 3))[:, None] - places).square() * 50


class Depth(nn.Module):
    """A depth network that knows the true maps by heart, and gives the flat background for what it does not know."""

    def __init__(self, arrays: Arrays) -> None:
        super().__init__()
        self.known = make_batch(arrays, np.arange(len(arrays.label)), "both")

    def forward(self, image: Tensor) -> Tensor:
        apart = (image[:, None] - self.known.image[None]).abs().mean(dim=(2, 3, 4))
        found = self.known.geometry[apart.argmin(dim=1)].clone()
        found[apart.min(dim=1).values > 1e-4] = -1
        return found


class Thumb(nn.Module):
    """An encoder: the picture, small."""

    def forward(self, image: Tensor) -> Tensor:
        return nn.functional.adaptive_avg_pool2d(image, 4).flatten(1)


def networks(test: Arrays) -> MetricNetworks:
    features = FeatureNet(lambda image: image.mean(dim=(2, 3)), "x-FID", "x-KID", "00")
    return MetricNetworks(CallsByTone(), features, Thumb(), Depth(test), "both")


def rows(test: Arrays) -> np.ndarray:
    return np.arange(len(test.label))


def levels(test: Arrays, row: int) -> np.ndarray:
    return np.moveaxis(np.array(test.image[row]), 0, 2)


def classes(test: Arrays) -> OneHot:
    """The condition of networks that take classes."""
    return OneHot(ExpressionTraining(expressions=test.expressions))


def test_partners_are_the_pictures_of_the_same_scene(test: Arrays) -> None:
    partners = partner_rows(test)
    assert partners is not None
    for row, line in enumerate(partners):
        assert [test.samples[k].expression for k in line] == list(EXPRESSIONS)
        assert {test.samples[k].source.rpartition("/")[0] for k in line} == {
            test.samples[row].source.rpartition("/")[0]
        }
        assert line[test.label[row]] == row


def test_photos_have_no_partners(test: Arrays) -> None:
    real = replace(test, samples=tuple(replace(sample, reasons="") for sample in test.samples))
    assert partner_rows(real) is None
    assert true_targets(real) is None
    assert [one.name for one in baselines(real)] == ["unedited"]


def test_the_true_targets_are_without_fault(test: Arrays) -> None:
    system = true_targets(test)
    assert system is not None
    scores = score_edits(system, networks(test), test, rows(test))
    assert len(scores.row) == 8 * 7
    assert scores.values["true_ssim"] == pytest.approx(np.ones(56))
    assert scores.values["true_identity"] == pytest.approx(np.zeros(56), abs=1e-6)
    assert scores.values["true_depth"] == pytest.approx(np.zeros(56), abs=1e-6)
    assert scores.values["true_normal"].max() < 0.1
    assert "cycle_psnr" not in scores.values  # nobody can be asked to go back


def test_what_a_linear_probe_predicts_that_knows_these_maps(test: Arrays) -> None:
    """True targets have the target's geometry, unedited photos have that of the photo's own expression."""
    classifiers = {kind: fit_probe(test, kind) for kind in ("depth", "normal")}
    with_them = replace(networks(test), probes=classifiers)
    true, same = true_targets(test), unedited(test)
    assert true is not None
    for system, share in ((true, 1), (same, 0)):
        values = score_edits(system, with_them, test, rows(test)).values
        for kind in classifiers:
            assert values[f"{kind}_rate"].tolist() == [share] * 56


def test_the_unedited_photos_by_scikit_image(test: Arrays) -> None:
    scores = score_edits(unedited(test), networks(test), test, rows(test))
    partners = partner_rows(test)
    assert partners is not None
    assert scores.values["identity"] == pytest.approx(np.zeros(56), abs=1e-6)
    for edit in (0, 13, 55):
        source, truth = (
            levels(test, int(k)) for k in (scores.row[edit], partners[scores.row[edit], scores.target[edit]])
        )
        assert scores.values["true_psnr"][edit] == pytest.approx(
            metrics.peak_signal_noise_ratio(truth, source), rel=1e-5
        )
        window = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
        ssim = metrics.structural_similarity(truth, source, channel_axis=2, data_range=255, **window)
        assert scores.values["true_ssim"][edit] == pytest.approx(ssim, abs=1e-5)
    pairs = [make_batch(test, np.array(k), "both").geometry for k in (scores.row, partners[scores.row, scores.target])]
    depth, degrees, _ = map_errors(pairs[0], pairs[1], "both")  # what the photos' own maps are off
    assert scores.values["true_depth"] == pytest.approx(depth.numpy(), abs=1e-6)
    assert scores.values["true_normal"] == pytest.approx(degrees.numpy(), abs=1e-2)


class Brightens(nn.Module):
    """Adds a tone a class; what would be brighter than white is lost, so that the way back errs."""

    def forward(self, image: Tensor, condition: Tensor) -> GeneratorOutput:
        tone = (condition * torch.linspace(-0.6, 0.6, condition.shape[1])).sum(dim=1)
        return GeneratorOutput(
            (image - image.mean(dim=(1, 2, 3), keepdim=True) + tone[:, None, None, None]).clamp(-1, 1)
        )


def test_a_network_that_sets_the_tone(test: Arrays) -> None:
    scores = score_edits(network_system("tone", Brightens(), classes(test), test), networks(test), test, rows(test))
    assert (scores.predicted == scores.target).mean() > 0.95  # but for what clamping does to the tone
    edit = 20
    row, target = int(scores.row[edit]), int(scores.target[edit])

    def toned(picture: np.ndarray, label: int) -> np.ndarray:
        x = picture / 127.5 - 1
        out = np.clip(x - x.mean() + np.linspace(-0.6, 0.6, 8)[label], -1, 1)
        return np.round((out + 1) * 127.5)

    source = levels(test, row).astype(float)
    back = toned(toned(source, target), int(test.label[row]))
    expected = metrics.peak_signal_noise_ratio(source, back, data_range=255)
    assert scores.values["cycle_psnr"][edit] == pytest.approx(
        expected, abs=0.1
    )  # a level rounded otherwise here or there
    assert scores.features[edit].numpy() == pytest.approx(toned(source, target).mean((0, 1)) / 127.5 - 1, abs=1e-3)


@pytest.mark.parametrize("batch", [1, 3, 32])
def test_the_batch_is_no_matter(test: Arrays, batch: int) -> None:
    def table(scores: EditScores) -> dict[str, np.ndarray]:
        order = np.lexsort((scores.target, scores.row))
        columns = {"row": scores.row, "target": scores.target, "predicted": scores.predicted, **scores.values}
        return {name: value[order] for name, value in columns.items()}

    system, some = network_system("tone", Brightens(), classes(test), test), np.array([1, 4, 5, 7])
    once, again = (table(score_edits(system, networks(test), test, some, batch=size)) for size in (64, batch))
    assert set(once["row"]) == set(some.tolist())
    for name, value in once.items():
        np.testing.assert_allclose(again[name], value, rtol=1e-4, atol=1e-4, err_msg=name)


def test_the_mean_map_of_a_class(test: Arrays) -> None:
    """Of twice the same sample it is that sample's."""
    both = np.repeat(np.array([3, 5]), 2)
    twice = Arrays(test.image[both], test.depth[both], test.normal[both], test.label[both], EXPRESSIONS, ())
    maps = class_mean_maps(twice, "both", torch.device("cpu"))
    for row in (3, 5):
        real = make_batch(test, np.array([row]), "both").geometry
        torch.testing.assert_close(maps[test.label[row]][None], real, atol=1e-6, rtol=0)
    absent = next(k for k in range(8) if k not in test.label[[3, 5]])
    assert (maps[absent][0] == -1).all()
    assert (maps[absent][1:] == 0).all()
    scores = score_edits(unedited(test), replace(networks(test), class_maps=maps), test, np.array([0, 3]))
    toward = (scores.row == 0) & (scores.target == test.label[3])
    apart = make_batch(test, np.array([0, 3]), "both").geometry
    depth, _, _ = map_errors(apart[:1], apart[1:], "both")
    assert scores.values["class_depth"][toward] == pytest.approx(depth.numpy(), abs=1e-5)


def test_a_mean_map_is_of_faces_only_where_half_of_the_maps_are_face(test: Arrays) -> None:
    """Of three maps of one class, pixel by pixel, in a loop."""
    rows = np.array([0, 1, 2])
    depth = test.depth[rows].copy()
    depth[0, :12] = depth[1, 4:8] = depth[2, 6:20] = 0  # the background, in different places
    some = Arrays(test.image[rows], depth, test.normal[rows], np.zeros(3, int), EXPRESSIONS, ())
    found = class_mean_maps(some, "depth", torch.device("cpu"))[0, 0].numpy()
    real = make_batch(some, np.arange(3), "depth").geometry[:, 0].numpy()
    expected = np.full_like(found, -1)
    for y, x in np.ndindex(*found.shape):
        faces = [one for one, known in zip(real[:, y, x], depth[:, y, x] > 0, strict=True) if known]
        if len(faces) >= 1.5:
            expected[y, x] = np.mean(faces)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert len({round(float(np.mean(depth[:, y, x] > 0)), 2) for y, x in np.ndindex(*found.shape)}) == 4


def test_pixels_that_are_not_numbers_are_refused_with_the_photo(test: Arrays) -> None:
    def broken(some: np.ndarray, target: int) -> Tensor:
        image = make_batch(test, some, "depth").image
        image[some == 2, 0, 3, 3] = torch.nan
        return image

    with pytest.raises(FacereliefError) as caught:
        score_edits(System("mine", broken), networks(test), test, rows(test))
    assert str(caught.value) == (
        f"mine makes pixels that are not numbers of {test.samples[2].file_name}; its training has diverged: "
        "train it again with a lower --set lr"
    )
