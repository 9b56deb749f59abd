"""InceptionV3 against numbers that torchvision's own network gave, and the loading of published weights."""

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from facerelief.errors import CheckpointError
from facerelief.files import sha256
from facerelief.networks import inception
from facerelief.networks.inception import InceptionV3, load_inception

PLACES = [0, 319, 320, 1087, 1088, 1855, 1856, 2047]
# Features of the second of two images at PLACES, by torchvision 0.29's Inception3, its input made 299 pixels large
# bilinearly; for the other weights with the pools changed as in pytorch-fid. Sums in another order move them by 1e-4.
GOLDEN = {
    False: [6780.82324, 253170.0, 648.11005, 191.58347, 5481.82812, 9736.35938, 0.0, 2268.26172],
    True: [6442.60449, 269492.46875, 2450.79956, 383.61664, 3802.47412, 8995.38672, 0.0, 2965.03125],
}


def filled(model: InceptionV3) -> dict[str, Tensor]:
    """Weights under their published names, the same wherever they are made."""
    names, state = model.published_names(), model.state_dict()
    weights = {}
    for number, name in enumerate(sorted(names)):
        value = state[names[name]].clone()
        if value.is_floating_point():
            wave = torch.cos(torch.arange(value.numel(), dtype=torch.float64) * 0.7 + number).reshape(value.shape)
            if name.endswith("conv.weight"):
                value.copy_(wave * math.sqrt(4 / value[0].numel()))
            elif name.endswith("running_var"):
                value.copy_(1 + 0.3 * wave)
            else:
                value.copy_(0.2 * wave + (1 if name.endswith("bn.weight") else 0.1))
        weights[name] = value
    return weights


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("inception") / "published.pth"
    torch.save(filled(InceptionV3()) | {"fc.weight": torch.zeros(1008, 2048), "fc.bias": torch.zeros(1008)}, path)
    return path


def announce(monkeypatch: pytest.MonkeyPatch, path: Path, tensorflow: bool = True) -> None:
    """Make a file count as published."""
    known = inception.Published(path.name, "", tensorflow)
    monkeypatch.setattr(inception, "PUBLISHED", {sha256(path)[:8]: known})


@pytest.mark.parametrize("tensorflow", [False, True])
def test_it_gives_what_torchvisions_gives(monkeypatch: pytest.MonkeyPatch, published: Path, tensorflow: bool) -> None:
    announce(monkeypatch, published, tensorflow)
    model, found = load_inception(published)
    assert found.tensorflow == tensorflow
    assert not model.training
    images = torch.sin(torch.arange(2 * 3 * 64 * 64, dtype=torch.float64).reshape(2, 3, 64, 64) * 0.013).float()
    with torch.inference_mode():
        features = model(images[1:])
    assert features.shape == (1, 2048)
    torch.testing.assert_close(features[0, PLACES], torch.tensor(GOLDEN[tensorflow]), rtol=2e-3, atol=0.1)


def test_its_size_is_the_published_one() -> None:
    """torchvision's 27,161,264 parameters without both classifiers."""
    assert sum(p.numel() for p in InceptionV3().parameters()) == 27_161_264 - 3_326_696 - 2048 * 1000 - 1000


def test_grey_is_repeated_and_enlarged() -> None:
    """As the first layer sees it; the others cost seconds."""
    seen = []

    class Seen(Exception):
        pass

    def look(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        seen.append(inputs[0])
        raise Seen

    model = InceptionV3()
    model.stem["Conv2d_1a_3x3"].register_forward_pre_hook(look)
    grey = torch.linspace(-1, 1, 80 * 80).reshape(1, 1, 80, 80)
    for image in (grey, grey.expand(-1, 3, -1, -1)):
        with pytest.raises(Seen):
            model(image)
    assert seen[0].shape == (1, 3, 299, 299)
    assert torch.equal(seen[0], seen[1])


def test_other_files_are_refused_by_checksum(published: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError) as caught:
        load_inception(published)
    assert str(caught.value) == (
        f"{published} (sha256 {sha256(published)[:8]}...) is not pt_inception-2015-12-05-6726825d.pth or "
        "inception_v3_google-0cc3c7bd.pth; get the file again"
    )
    with pytest.raises(CheckpointError, match="no Inception weights at"):
        load_inception(tmp_path / "absent.pth")


@pytest.mark.parametrize("damage", ["lacks", "has", "fits not"])
def test_tensors_must_all_fit(monkeypatch: pytest.MonkeyPatch, published: Path, tmp_path: Path, damage: str) -> None:
    weights = torch.load(published, weights_only=True)
    name = "Mixed_7c.branch_pool.conv.weight"
    changed = {
        "lacks": {},
        "has": {name: weights[name], "Mixed_8a.x": torch.zeros(1)},
        "fits not": {name: torch.zeros(1)},
    }
    path = tmp_path / "published.pth"
    torch.save({k: v for k, v in weights.items() if k != name} | changed[damage], path)
    announce(monkeypatch, path)
    expected = {"lacks": f"lacks {name}", "has": "has Mixed_8a.x", "fits not": "does not fit InceptionV3"}[damage]
    with pytest.raises(CheckpointError, match=expected):
        load_inception(path)
