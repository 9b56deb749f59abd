"""VGG19's features with random weights in the published file's form; the published file itself is not needed."""

import hashlib
import http.client
import io
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from rounding import assert_same_but_for_rounding
from torch import Tensor

from facerelief.errors import CheckpointError, FacereliefError
from facerelief.networks import vgg
from facerelief.networks.vgg import VGG19Features, load_vgg19, three_channels

CONVOLUTIONS = (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28)  # torchvision's names up to conv5_1
CHANNELS = (64, 64, 128, 128, 256, 256, 256, 256, 512, 512, 512, 512, 512)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with torchvision's names and shapes, deeper layers and classifier included, and small random weights."""
    torch.manual_seed(1)
    weights, inputs = {}, 3
    for index, outputs in zip((*CONVOLUTIONS, 30), (*CHANNELS, 512), strict=True):
        weights[f"features.{index}.weight"] = torch.randn(outputs, inputs, 3, 3) * (2 / (9 * inputs)) ** 0.5
        weights[f"features.{index}.bias"] = torch.randn(outputs) * 0.1
        inputs = outputs
    weights["classifier.6.bias"] = torch.randn(1000)
    path = tmp_path_factory.mktemp("vgg") / "vgg19.pth"
    torch.save(weights, path)
    return path


@pytest.fixture
def accepted(published: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file, its checksum taken for the published one."""
    monkeypatch.setattr(vgg, "SHA256_PREFIX", hashlib.sha256(published.read_bytes()).hexdigest()[:8])
    return published


def refusal(action: Callable[[], object], error: type[FacereliefError] = CheckpointError) -> str:
    with pytest.raises(error) as caught:
        action()
    assert "\n" not in str(caught.value)
    assert ";" in str(caught.value)
    return str(caught.value)


def network_by_hand(weights: dict[str, Tensor], x: Tensor) -> list[Tensor]:
    """relu1_1, relu2_1, relu3_1, relu4_1 and relu5_1 of VGG19, written out after Simonyan and Zisserman's table."""
    index, taps = 0, []
    for block, count in enumerate((2, 2, 4, 4, 1)):
        if block:
            x, index = F.max_pool2d(x, 2), index + 1
        for layer in range(count):
            x = F.relu(F.conv2d(x, weights[f"features.{index}.weight"], weights[f"features.{index}.bias"], padding=1))
            index += 2
            if layer == 0:
                taps.append(x)
    return taps


@torch.no_grad()
def test_the_five_maps_against_a_network_written_out(accepted: Path) -> None:
    image = torch.rand(2, 3, 32, 48) * 2 - 1
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    normalised = ((image + 1) / 2 - mean[:, None, None]) / std[:, None, None]
    expected = network_by_hand(torch.load(accepted, weights_only=True), normalised)
    found = load_vgg19(accepted)(image)
    assert [m.shape for m in found] == [
        (2, 64, 32, 48), (2, 128, 16, 24), (2, 256, 8, 12), (2, 512, 4, 6), (2, 512, 2, 3)
    ]  # fmt: skip
    for one, other in zip(found, expected, strict=True):
        assert_same_but_for_rounding(one, other)


@torch.no_grad()
def test_depth_is_grey_and_depth_with_normals_is_two_pictures(accepted: Path) -> None:
    features, maps = load_vgg19(accepted), torch.rand(1, 4, 32, 32) * 2 - 1
    depth, normal = features(maps[:, :1]), features(maps[:, 1:])
    grey = features(maps[:, :1].expand(-1, 3, -1, -1))
    for d, g, n, both in zip(depth, grey, normal, features(maps), strict=True):
        assert torch.equal(d, g)
        assert_same_but_for_rounding(both, torch.cat([d, n]))


def test_three_channels() -> None:
    x = torch.arange(4.0).reshape(1, 4, 1, 1)
    assert three_channels(x).flatten(1).tolist() == [[0, 0, 0], [1, 2, 3]]
    assert three_channels(x[:, 1:]).flatten(1).tolist() == [[1, 2, 3]]
    assert three_channels(x[:, 2:3]).flatten(1).tolist() == [[2, 2, 2]]


def test_the_features_are_fixed_but_pass_gradients_on(accepted: Path) -> None:
    features, maps = load_vgg19(accepted), torch.zeros(1, 1, 32, 32, requires_grad=True)
    assert not features.training
    features(maps)[-1].sum().backward()
    assert maps.grad is not None
    assert maps.grad.abs().max() > 0
    assert all(p.grad is None and not p.requires_grad for p in features.parameters())


def test_the_names_are_torchvisions() -> None:
    with torch.device("meta"):
        state = VGG19Features().state_dict()
    assert list(state) == [f"features.{k}.{kind}" for k in CONVOLUTIONS for kind in ("weight", "bias")]
    assert [state[f"features.{k}.weight"].shape[0] for k in CONVOLUTIONS] == list(CHANNELS)


# --- the file ---


def test_another_file_is_refused_by_its_checksum(published: Path) -> None:
    message = refusal(lambda: load_vgg19(published))
    assert f"{published} is not torchvision's vgg19-dcbb9e9d.pth (sha256 " in message


def test_a_file_that_lacks_a_layer(published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = torch.load(published, weights_only=True)
    del weights["features.28.bias"]
    path = tmp_path / "vgg19.pth"
    torch.save(weights, path)
    monkeypatch.setattr(vgg, "SHA256_PREFIX", "")
    assert "has no features.28.bias" in refusal(lambda: load_vgg19(path))


def test_a_named_file_that_is_not_there_is_not_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(urllib.request, "urlopen", lambda *a, **k: pytest.fail("the network was asked"))
    message = refusal(lambda: load_vgg19(tmp_path / "typo.pth"))
    assert f"no VGG19 weights at {tmp_path / 'typo.pth'}" in message
    assert list(tmp_path.iterdir()) == []


class Cut(io.BytesIO):
    """A download that breaks off in the middle."""

    def __init__(self, content: bytes, error: Exception) -> None:
        super().__init__(content)
        self.error = error

    def read(self, size: int | None = -1) -> bytes:
        if self.tell():
            raise self.error
        return super().read(min(size or 0, 1000))


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[object], Path]:
    """The published address gives this; returns the cache folder."""

    def serve(answer: object) -> Path:
        asked: list[str] = []

        def urlopen(url: str, timeout: float) -> object:
            asked.append(url)
            assert asked == ["https://download.pytorch.org/models/vgg19-dcbb9e9d.pth"]
            if isinstance(answer, Exception):
                raise answer
            return answer

        monkeypatch.setattr(urllib.request, "urlopen", urlopen)
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        return tmp_path / "cache" / "facerelief"

    return serve


def test_it_is_fetched_once(accepted: Path, served: Callable[[object], Path]) -> None:
    cache = served(io.BytesIO(accepted.read_bytes()))
    first, second = load_vgg19(), load_vgg19()  # asking twice would fail
    assert (cache / "vgg19-dcbb9e9d.pth").read_bytes() == accepted.read_bytes()
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (urllib.error.URLError("Name or service not known"), "Name or service not known"),
        (urllib.error.HTTPError("https://download.pytorch.org", 403, "Forbidden", None, None), "Forbidden"),
        (TimeoutError("timed out"), "timed out"),
        (Cut(b"x" * 5000, ConnectionResetError(104, "Connection reset by peer")), "Connection reset by peer"),
        (Cut(b"x" * 5000, http.client.IncompleteRead(b"", 10)), "IncompleteRead"),
    ],
    ids=["name", "forbidden", "slow", "reset", "short"],
)
def test_offline_the_choices_are_named(served: Callable[[object], Path], answer: object, said: str) -> None:
    cache = served(answer)
    message = refusal(load_vgg19)
    for part in ("cannot be fetched from https://", said, "--vgg FILE", "perceptual=judge", "perceptual=none"):
        assert part in message
    assert list(cache.iterdir()) == []


def test_a_download_of_something_else_is_not_kept(served: Callable[[object], Path]) -> None:
    """E.g. the log-in page of a hotel."""
    cache = served(io.BytesIO(b"<html>Welcome!</html>"))
    assert "another checksum; try again" in refusal(load_vgg19)
    assert list(cache.iterdir()) == []


def test_a_cache_that_cannot_be_written_is_no_network_problem(served: Callable[[object], Path], tmp_path: Path) -> None:
    served(io.BytesIO(b"x"))
    (tmp_path / "cache").write_text("a file where the folder should be")
    message = refusal(load_vgg19, FacereliefError)
    assert "cannot write" in message
    assert "cannot be fetched" not in message
