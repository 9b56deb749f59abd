"""From a dataset and a configuration to a training: what is chosen, inherited, recorded and refused."""

import dataclasses
import hashlib
import json
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from runs import write_judge
from shells import CLASSES, change_rows, write_dataset

from facerelief.checkpoint import load_checkpoint, save_checkpoint
from facerelief.config import ClassifierTraining, DepthTraining, ExpressionTraining
from facerelief.data import Dataset
from facerelief.errors import CheckpointError, DatasetError, FacereliefError
from facerelief.evaluation.evaluate import network_notes, read_editor_weights
from facerelief.files import sha256
from facerelief.networks import vgg as vgg_module
from facerelief.networks.weights import named_tensors
from facerelief.training import launch
from facerelief.training.classifier import build_classifier
from facerelief.training.depth import load_depth_nets
from facerelief.training.geometry_probe import probe_geometry
from facerelief.training.guidance import STARTED_FROM, TRAINED_DEPTH
from facerelief.training.run.folder import read_run_settings
from facerelief.training.splits import load_splits

Small = Callable[..., Any]


def refusal(action: Callable[[], object], error: type[FacereliefError] = FacereliefError) -> str:
    with pytest.raises(error) as caught:
        action()
    assert "\n" not in str(caught.value)
    assert ";" in str(caught.value) or ":" in str(caught.value)  # the remedy
    return str(caught.value)


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return write_dataset(tmp_path / "faces")


@pytest.fixture(scope="module")
def depth_run(faces: Path, small: Small, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished stage 1 on the shared dataset."""
    folder = tmp_path_factory.mktemp("stage1") / "depth"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACCELERATE_USE_CPU", "true")
        launch.run_depth(Dataset(faces), small(DepthTraining, steps=1), folder)
    return folder


def save_judge(folder: Path, config: ClassifierTraining) -> Path:
    """A judge that knows nothing."""
    tensors, facts = named_tensors(judge=build_classifier(config)), {"config": dataclasses.asdict(config)}
    save_checkpoint(folder / "weights.safetensors", "judge", tensors, facts)
    return folder


# --- the dataset ---


@pytest.mark.parametrize(("grey", "colour"), [(0.0, "rgb"), (0.15, "rgb"), (0.3, "luma"), (1.0, "luma")])
def test_a_dataset_with_many_grey_photos_is_trained_on_luminance(tmp_path: Path, grey: float, colour: str) -> None:
    assert Dataset(write_dataset(tmp_path / "faces", grey=grey)).natural_colour() == colour


def test_only_kept_photos_are_counted_and_used(dataset: Path, small: Small) -> None:
    change_rows(dataset, lambda row: row.identity == "train0", keep=False, chroma=0.0)
    change_rows(dataset, lambda row: row.identity in ("train1", "train2") and row.keep, chroma=0.0)
    assert Dataset(dataset).natural_colour() == "rgb"  # 6 of the kept 33 are grey
    material = load_splits(Dataset(dataset), small(DepthTraining, colour="luma"))
    assert (len(material.train.label), len(material.val.label), len(material.test.label)) == (21, 6, 6)
    assert "train0" not in {s.identity for s in material.train.samples}
    assert material.train.image.shape == (21, 1, 32, 32)


def test_what_a_run_records_of_its_dataset(dataset: Path, small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(dataset)
    data_facts = load_splits(Dataset("."), small(DepthTraining)).data_facts
    digest = hashlib.sha256((dataset / "metadata.csv").read_bytes()).hexdigest()
    assert data_facts == {"dataset": "faces", "metadata_sha256": digest}


def test_too_few_photos(dataset: Path, small: Small) -> None:
    message = refusal(lambda: load_splits(Dataset(dataset), small(DepthTraining, batch=25)), DatasetError)
    assert f"{dataset} has 24 kept training photos, fewer than a batch of 25" in message


def test_an_expression_without_training_photos_is_named(dataset: Path, small: Small) -> None:
    config = small(DepthTraining, expressions=(*CLASSES, "fear"))
    message = refusal(lambda: load_splits(Dataset(dataset), config), DatasetError)
    assert "no kept photos of fear" in message
    assert "--expressions neutral,happiness,surprise" in message


def test_held_out_photos_need_not_show_every_expression_but_there_must_be_some(dataset: Path, small: Small) -> None:
    change_rows(dataset, lambda row: row.split == "val" and row.expression == "surprise", keep=False)
    assert load_splits(Dataset(dataset), small(DepthTraining)).val.label.tolist() == [0, 1, 0, 1]
    change_rows(dataset, lambda row: row.split == "val", keep=False)
    message = refusal(lambda: load_splits(Dataset(dataset), small(DepthTraining)), DatasetError)
    assert str(dataset) in message
    assert "facerelief dataset stats" in message


def test_a_person_in_train_and_in_a_held_out_split(dataset: Path, small: Small) -> None:
    change_rows(dataset, lambda row: row.identity == "val0", identity="train7")
    message = refusal(lambda: load_splits(Dataset(dataset), small(DepthTraining)), DatasetError)
    assert "train7 is in train and in val" in message


# --- stage 1 and what it hands on ---


def test_stage_1_runs_and_records_what_it_stands_on(depth_run: Path, faces: Path) -> None:
    recorded = read_run_settings(depth_run)
    assert recorded["kind"] == "depth"
    assert recorded["metadata_sha256"] == hashlib.sha256((faces / "metadata.csv").read_bytes()).hexdigest()
    names = {"config.json", "metrics.jsonl", "state.safetensors", "weights.safetensors", "README.md"}
    assert {path.name for path in depth_run.iterdir()} == names | {"tensorboard", "samples"}


def test_stage_2_takes_over_what_the_user_did_not_give(depth_run: Path, small: Small) -> None:
    config = ExpressionTraining(size=64, colour="luma", guide="both", expressions=("neutral", "anger"), lr=0.5)
    taken = launch.inherit_depth_settings(depth_run, config, given=set())
    assert (taken.size, taken.colour, taken.guide, taken.expressions) == (32, "rgb", "depth", CLASSES)
    assert taken.lr == 0.5
    kept = launch.inherit_depth_settings(depth_run, config, given={"size", "guide", "lr"})
    assert (kept.size, kept.colour, kept.guide, kept.expressions) == (64, "rgb", "both", CLASSES)


def test_stage_2_runs_and_records_its_depth_network(depth_run: Path, faces: Path, small: Small, tmp_path: Path) -> None:
    launch.run_expression(Dataset(faces), small(ExpressionTraining, steps=1), tmp_path / "run", depth=depth_run)
    digest = hashlib.sha256((depth_run / "weights.safetensors").read_bytes()).hexdigest()
    assert read_run_settings(tmp_path / "run")["depth_weights_sha256"] == digest


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"size": 48}, "was trained with size 32, not 48"),
        ({"colour": "luma"}, "was trained with colour rgb, not luma"),
        ({"guide": "normal"}, "was trained with guide depth, not normal"),
        ({"expressions": CLASSES[:2]}, "was trained with expressions "),
    ],
)
def test_a_depth_network_of_another_kind(
    depth_run: Path, faces: Path, small: Small, tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    config = small(ExpressionTraining, **changes)
    message = refusal(lambda: launch.run_expression(Dataset(faces), config, tmp_path / "run", depth=depth_run))
    assert message.startswith(f"{depth_run} {said}")
    assert not (tmp_path / "run").exists()


def test_a_depth_network_of_another_state_of_the_dataset(
    depth_run: Path, dataset: Path, small: Small, tmp_path: Path
) -> None:
    """Other splits: it may have seen people who are held out now."""
    change_rows(dataset, lambda row: row.identity == "train0", keep=False)
    config = small(ExpressionTraining)
    message = refusal(lambda: launch.run_expression(Dataset(dataset), config, tmp_path / "run", depth=depth_run))
    assert "another state of the dataset; train it again" in message


def test_guided_training_without_a_depth_network(faces: Path, small: Small, tmp_path: Path) -> None:
    message = refusal(lambda: launch.run_expression(Dataset(faces), small(ExpressionTraining), tmp_path / "run"))
    assert "give --depth RUN, or --guide none" in message
    with pytest.raises(CheckpointError, match="no weights at"):
        launch.run_expression(Dataset(faces), small(ExpressionTraining), tmp_path / "run", depth=tmp_path)
    assert not (tmp_path / "run").exists()


def test_the_gate_looks_at_both_kinds_of_map(faces: Path, small: Small) -> None:
    material = load_splits(Dataset(faces), small(ExpressionTraining))
    results = [probe_geometry(material.train, material.val, kind) for kind in ("depth", "normal")]
    assert [(result.guide, result.counts) for result in results] == [("depth", (2, 2, 2)), ("normal", (2, 2, 2))]
    assert all(result.passed for result in results)  # the mouths of the shells tell the class


# --- the features of Eq. 10 ---


def test_no_features(small: Small) -> None:
    assert launch.load_features(small(DepthTraining, perceptual="none"), None, None) is None


def offline(*arguments: object, **more: object) -> object:
    raise urllib.error.URLError("no route to host")


def test_without_network_and_file_the_choices_are_named_and_nothing_is_begun(
    faces: Path, small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(urllib.request, "urlopen", offline)
    config = small(DepthTraining, perceptual="vgg19")
    message = refusal(lambda: launch.run_depth(Dataset(faces), config, tmp_path / "run"), CheckpointError)
    for part in ("VGG19", "no route to host", "--vgg FILE", "--set perceptual=judge", "--set perceptual=none"):
        assert part in message
    assert not (tmp_path / "run").exists()


def test_vgg19_from_a_file(small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "vgg19-dcbb9e9d.pth"
    torch.save(vgg_module.VGG19Features().state_dict(), path)
    monkeypatch.setattr(vgg_module, "SHA256_PREFIX", hashlib.sha256(path.read_bytes()).hexdigest()[:8])
    features = launch.load_features(small(DepthTraining, perceptual="vgg19"), path, None)
    assert features is not None
    assert [maps.shape[:2] for maps in features(torch.zeros(2, 4, 32, 32))] == [
        (4, 64), (4, 128), (4, 256), (4, 512), (4, 512)
    ]  # fmt: skip


def test_a_judge_must_be_given(small: Small) -> None:
    message = refusal(lambda: launch.load_features(small(DepthTraining, perceptual="judge"), None, None))
    assert "give --judge RUN" in message


@pytest.mark.parametrize("colour", ["rgb", "luma"])
@pytest.mark.parametrize(("channels", "stacked"), [(1, 2), (3, 2), (4, 4)])
def test_features_of_a_judge(small: Small, tmp_path: Path, colour: str, channels: int, stacked: int) -> None:
    judge = save_judge(tmp_path, small(ClassifierTraining, colour=colour))
    features = launch.load_features(small(DepthTraining, perceptual="judge"), None, judge)
    assert features is not None
    maps = torch.rand(2, channels, 32, 32, requires_grad=True)
    found = features(maps)
    assert [m.shape for m in found] == [
        (stacked, 8, 32, 32), (stacked, 16, 16, 16), (stacked, 32, 8, 8), (stacked, 64, 4, 4)
    ]  # fmt: skip
    sum(m.sum() for m in found).backward()
    assert maps.grad is not None
    assert maps.grad.abs().max() > 0


def test_a_run_that_learnt_from_a_judge_goes_on_with_the_same_one_only(
    faces: Path, small: Small, tmp_path: Path
) -> None:
    config = small(DepthTraining, perceptual="judge", steps=1)
    judges = [save_judge(tmp_path / name, small(ClassifierTraining)) for name in ("a", "b")]
    launch.run_depth(Dataset(faces), config, tmp_path / "run", judge=judges[0])
    assert "G_depth/per" in json.loads((tmp_path / "run" / "metrics.jsonl").read_text().splitlines()[0])
    launch.run_depth(Dataset(faces), config, tmp_path / "run", judge=judges[0] / "weights.safetensors")
    message = refusal(lambda: launch.run_depth(Dataset(faces), config, tmp_path / "run", judge=judges[1]))
    assert "another judge_weights_sha256" in message


# --- what could go unseen ---


def test_too_few_steps_for_one_of_the_generator_are_refused(dataset: Path, small: Small, tmp_path: Path) -> None:
    for kind, run in ((DepthTraining, launch.run_depth), (ExpressionTraining, launch.run_expression)):
        config = small(kind, steps=4, d_steps=5, **({"guide": "none"} if kind is ExpressionTraining else {}))
        said = refusal(lambda run=run, config=config: run(Dataset(dataset), config, tmp_path / "run"))
        assert said.startswith("4 steps are fewer than the 5 discriminator steps before each step of the generator")
    assert not (tmp_path / "run").exists()


def test_a_depth_network_that_would_not_be_used_is_refused(depth_run: Path, faces: Path, small: Small) -> None:
    config = small(ExpressionTraining, guide="none")
    said = refusal(lambda: launch.run_expression(Dataset(faces), config, Path("run"), depth=depth_run))
    assert "--guide none does not use a depth network; leave out --depth" in said


def test_the_depth_network_that_stage_2_trained_is_a_stage_1_again(
    depth_run: Path, faces: Path, small: Small, tmp_path: Path
) -> None:
    """It has moved from where it began, its colleague of before is as it was, and it guides another run."""
    before, config, _ = load_depth_nets(depth_run)
    first = small(ExpressionTraining, guide="depth", steps=2)
    launch.run_expression(Dataset(faces), first, tmp_path / "first", depth=depth_run)
    after, config_after, _ = load_depth_nets(tmp_path / "first" / TRAINED_DEPTH)
    assert config_after == config
    for name in ("translator", "discriminator"):
        weights = [dict(getattr(nets, name).named_parameters()) for nets in (before, after)]
        assert any(not torch.equal(weights[0][key], weights[1][key]) for key in weights[0])
    second = small(ExpressionTraining, guide="depth", steps=1, freeze_depth=True)
    trained = tmp_path / "first" / TRAINED_DEPTH
    began = sha256(depth_run / "weights.safetensors")
    assert load_checkpoint(trained, "depth").facts[STARTED_FROM] == began
    launch.run_expression(Dataset(faces), second, tmp_path / "second", depth=trained)
    assert not (tmp_path / "second" / TRAINED_DEPTH).exists()  # it was frozen
    pupil = read_editor_weights(tmp_path / "second")
    with pytest.raises(FacereliefError, match=r"^second learnt from .*, which cannot measure it then; give another"):
        network_notes(pupil, Dataset(faces), None, None, depth_run)  # its guide began there


def test_who_learns_from_a_depth_network_learns_from_its_teachers(
    depth_run: Path, faces: Path, small: Small, tmp_path: Path
) -> None:
    """A judge taught G_depth in stage 2; it cannot measure what that G_depth guides, nor what this one guides."""
    judge = write_judge(tmp_path / "judge", size=small(ExpressionTraining).size)
    depth = depth_run
    for name, perceptual in (("first", "judge"), ("second", "none"), ("third", "none")):
        config = small(ExpressionTraining, guide="depth", steps=1, perceptual=perceptual)
        run = tmp_path / name
        launch.run_expression(Dataset(faces), config, run, depth=depth, judge=judge if name == "first" else None)
        with pytest.raises(FacereliefError, match=r"learnt from .*judge, which cannot measure it"):
            network_notes(read_editor_weights(run), Dataset(faces), judge)
        depth = run / TRAINED_DEPTH


@pytest.mark.parametrize(("warm_start", "paired"), [("morphable", False), ("paired", True)])
def test_true_pictures_teach_on_request_only(
    faces: Path, small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, warm_start: str, paired: bool
) -> None:
    class Asked(Exception):
        pass

    def load(*_: Any, **options: Any) -> None:
        raise Asked(options["paired"])

    monkeypatch.setattr(launch, "load_pseudo_targets", load)
    config = small(ExpressionTraining, guide="none", warm_start=warm_start)
    with pytest.raises(Asked, match=f"^{paired}$"):
        launch.run_expression(Dataset(faces), config, tmp_path / "run")
