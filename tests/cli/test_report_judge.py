"""`facerelief report judge | rate` on drawn faces, by judges that call everything happy or surprised."""

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from runs import write_judge as knowing
from shells import change_rows

from facerelief.checkpoint import save_checkpoint
from facerelief.config import ClassifierTraining, ExpressionTraining
from facerelief.data.manifest import read_samples
from facerelief.editing.loading import carried_weights
from facerelief.expressions import EXPRESSIONS
from facerelief.files import write_json
from facerelief.networks.weights import named_tensors
from facerelief.training.classifier import build_classifier

Command = Callable
Refused = Callable[..., str]
Weights = Callable[..., Path]
CHOICES = ("neutral", "happiness", "surprise")


@pytest.fixture(scope="module")
def dataset(synthetic: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One person a split; the one of the validation photos has none with surprise."""
    folder = tmp_path_factory.mktemp("data") / "faces"
    shutil.copytree(synthetic, folder)
    change_rows(folder, lambda row: (row.split, row.expression) == ("val", "surprise"), keep=False)
    return folder


@pytest.fixture
def few(synthetic: Path, tmp_path: Path) -> Path:
    """A dataset of neutral and surprised faces only."""
    folder = tmp_path / "few"
    shutil.copytree(synthetic, folder)
    change_rows(folder, lambda row: row.expression not in ("neutral", "surprise"), keep=False)
    return folder


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_judge(tmp_path_factory.mktemp("runs") / "fool", "happiness")


@pytest.fixture(scope="module")
def run(tiny_weights: Weights, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("runs") / "noise", tiny_weights())


def write_judge(folder: Path, says: str, **settings: object) -> Path:
    """A judge's run; whatever it sees, it calls it `says`."""
    config = ClassifierTraining(**{"size": 32, "width": 4, "batch": 1, "expressions": CHOICES, **settings})
    network = build_classifier(config)
    with torch.no_grad():
        network.head[1].weight.zero_()
        network.head[1].bias.copy_(torch.tensor([float(name == says) for name in config.expressions]))
    facts = {"config": dataclasses.asdict(config)}
    save_checkpoint(folder / "weights.safetensors", "judge", named_tensors(judge=network), facts)
    return folder


def write_run(folder: Path, weights: Path, **settings: object) -> Path:
    """The run of stage 2 that such weights could come from; `settings`: those of `tiny_weights`."""
    folder.mkdir()
    shutil.copy(weights, folder / "weights.safetensors")
    config = ExpressionTraining(**{"size": 32, "width": 4, "blocks": 1, "expressions": CHOICES, **settings})
    write_json(folder / "config.json", {"kind": "expression", "config": dataclasses.asdict(config)})
    return folder


# -- report judge ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "counts"),
    [
        ([], (1, 1, 1)),
        (["--split", "test"], (1, 1, 1)),
        (["--split", "val"], (1, 1, 0)),
        (["--split", "all"], (3, 3, 2)),
    ],
)
def test_a_judge_on_a_split(
    command: Command, dataset: Path, judge: Path, tmp_path: Path, options: list[str], counts: tuple[int, ...]
) -> None:
    """It is right about happy faces and wrong about all others."""
    result = command("report", "judge", judge, "--data", dataset, *options, "--json-file", tmp_path / "numbers.json")
    assert (result.code, result.err) == (0, "")
    shares = {"neutral": "0.00", "happiness": "1.00", "surprise": "0.00"}
    seen = {name: share for (name, share), count in zip(shares.items(), counts, strict=True) if count}
    table, chance, alarm = result.out.splitlines()
    assert alarm.startswith("THE CLASSIFIER IS AT CHANCE LEVEL: ITS RATES ARE MEANINGLESS (balanced accuracy ")
    assert table.split() == [
        "fool",
        "on",
        "faces",
        "balanced",
        f"{1 / len(seen):.3f}",
        *" ".join(f"{name} {share}" for name, share in seen.items()).split(),
    ]
    assert chance == f"chance 0.333; photos {sum(counts)}"
    numbers = json.loads((tmp_path / "numbers.json").read_text())
    assert numbers["confusion"] == [[0, count, 0] for count in counts]
    assert (numbers["expressions"], numbers["judge_at_chance"], numbers["judge_chance_p"]) == (list(CHOICES), True, 1)


def test_a_judge_may_be_a_file_and_see_grey(command: Command, dataset: Path, tmp_path: Path) -> None:
    judge = write_judge(tmp_path / "grey", "surprise", colour="luma", size=48, expressions=("surprise", "contempt"))
    result = command("report", "judge", judge / "weights.safetensors", "--data", dataset, "--split", "all")
    assert (result.code, result.err) == (0, "")
    assert "balanced 0.500" in result.out
    assert "surprise 1.00  contempt 0.00" in result.out
    assert "chance 0.500; photos 5" in result.out


def test_expressions_that_the_dataset_lacks_do_not_count(command: Command, few: Path, tmp_path: Path) -> None:
    judge = write_judge(tmp_path / "judge", "surprise")
    result = command("report", "judge", judge, "--data", few, "--split", "all")
    assert (result.code, result.err) == (0, "")
    assert "balanced 0.500   neutral 0.00  surprise 1.00\nchance 0.333; photos 6\n" in result.out


def test_expressions_all_of_which_the_dataset_lacks(refused: Refused, few: Path, tmp_path: Path) -> None:
    judge = write_judge(tmp_path / "judge", "fear", expressions=("fear", "anger"))
    line = refused("report", "judge", judge, "--data", few, "--split", "all")
    told = f"{few} has a split, train, val or test, without photos of these expressions; "
    assert line == f"{told}see: facerelief dataset stats {few}"


def test_what_a_judge_cannot_be_asked(refused: Refused, dataset: Path, judge: Path, tmp_path: Path) -> None:
    nowhere, editor = tmp_path / "nowhere", carried_weights("stargan")
    lines = {
        ("report", "judge", judge, "--data", dataset, "--split", "dev"): (
            "no split 'dev'; choose from train, val, test, all"
        ),
        ("report", "judge", judge, "--data", nowhere): f"{nowhere} is not a dataset (no dataset.json); make one with",
        ("report", "judge", nowhere, "--data", dataset): f"no weights at {nowhere}; name a run folder or a",
        ("report", "judge", editor, "--data", dataset): "is facerelief-editor, not facerelief-judge",
        ("report", "judge", judge): "Missing option '--data'; see: facerelief report judge --help",
    }
    for arguments, message in lines.items():
        assert message in refused(*arguments)


# -- report rate ----------------------------------------------------------------------------------------------------


def test_runs_and_the_editor_without_training_side_by_side(
    command: Command, dataset: Path, judge: Path, run: Path, tmp_path: Path
) -> None:
    """Each of three test photos is edited to the two other expressions, and every edit is called happy."""
    choices: dict[str, list[object]] = {"noise": [run], "morphable": ["--morphable"], "both": [run, "--morphable"]}
    edits = {"expressions": list(CHOICES), "confusion": [[0, 2, 0]] * 3}
    real = {"expressions": list(CHOICES), "confusion": [[0, 1, 0]] * 3}
    for name, options in choices.items():
        path = tmp_path / f"{name}.json"
        result = command("report", "rate", "--judge", judge, "--data", dataset, *options, "--json-file", path)
        strange = "noise was trained on another dataset, or another state of this one: it may have seen test people.\n"
        assert (result.code, result.err) == (0, strange if run in options else "")
        names = ["noise", "morphable"] if name == "both" else [name]
        titles = ["classifier, real photos", "sources, unedited", *names]
        *lines, alarm = result.out.splitlines()
        assert [line[:24].rstrip() for line in lines] == titles
        assert alarm.startswith("THE CLASSIFIER IS AT CHANCE LEVEL")
        figures = {line[24:].strip() for line in lines}
        assert figures == {"balanced 0.333   neutral 0.00  happiness 1.00  surprise 0.00"}
        numbers = json.loads(path.read_text())
        assert list(numbers) == names
        for found in numbers.values():
            assert (found["edits"], found["real"], found["unedited"]) == (edits, real, edits)
            assert found["judge_at_chance"] is True


def test_without_runs_and_without_the_editor(refused: Refused, dataset: Path, judge: Path, tmp_path: Path) -> None:
    line = refused("report", "rate", "--judge", judge, "--data", dataset, "--json-file", tmp_path / "numbers.json")
    assert line == "nothing to measure; name runs of stage 2, or --morphable"


def test_a_run_may_be_larger_than_the_judge_and_know_more(
    command: Command, refused: Refused, dataset: Path, judge: Path, tiny_weights: Weights, tmp_path: Path
) -> None:
    """It is judged as a user gets it; what the judge asks for it must know."""
    more = {"size": 48, "colour": "luma", "expressions": ("fear", *CHOICES)}
    other = write_run(tmp_path / "other", tiny_weights(**more), **more)
    path = tmp_path / "numbers.json"
    about = ("report", "rate", other, "--judge", judge, "--data", dataset, "--photos", 2)
    line = refused(*about)
    assert line == (f"other has size 48, the classifier {judge} 32; give one that has the same size, or --as-edited")
    assert command(*about, "--as-edited", "--json-file", path).code == 0
    found = json.loads(path.read_text())["other"]
    made = found["edits"]
    assert found["as_edited"] is True
    assert made["expressions"] == list(CHOICES)
    assert sum(map(sum, made["confusion"])) == 4  # two photos to two others each
    assert all(called == [0, sum(called), 0] for called in made["confusion"])
    less = {"expressions": ("neutral", "happiness")}
    other = write_run(tmp_path / "less", tiny_weights(**less), **less)
    line = refused("report", "rate", other, "--judge", judge, "--data", dataset)
    assert (
        line
        == f"{other}/weights.safetensors does not support surprise, which the classifier {judge} needs; use another run"
    )


def test_places_where_there_is_no_run(refused: Refused, dataset: Path, judge: Path, tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    line = refused("report", "rate", nowhere, "--judge", judge, "--data", dataset)
    assert line.startswith(f"no weights at {nowhere}; name a run folder or a")
    line = refused("report", "rate", "--judge", nowhere, "--data", dataset, "--morphable")
    assert line.startswith(f"no weights at {nowhere}")


def test_a_judge_that_knows_somebody_in_the_test_photos(refused: Refused, dataset: Path, tmp_path: Path) -> None:
    person = next(sample.identity for sample in read_samples(dataset) if sample.split == "test")
    judge = knowing(tmp_path / "judge", knows=person)
    line = refused("report", "rate", "--judge", judge, "--data", dataset, "--morphable")
    assert line.startswith(f"{judge} was trained on photos of {person}, who is in the test photos; give the dataset")


def test_photos_of_people_that_a_judge_learnt_from_are_counted(command: Command, dataset: Path, tmp_path: Path) -> None:
    person = next(sample.identity for sample in read_samples(dataset) if sample.split == "train")
    judge = knowing(tmp_path / "judge", knows=person)
    warning = "warning: 3 of 3 photos show people that it was trained on; use --split test"
    assert warning in command("report", "judge", judge, "--data", dataset, "--split", "train").err
    assert "trained on" not in command("report", "judge", judge, "--data", dataset, "--split", "test").err


def test_the_crowd_stands_beside_a_judge(command: Command, dataset: Path, judge: Path, tmp_path: Path) -> None:
    """Eight of ten people agree on every photo: one of them agrees with the majority of the others in 0.8."""
    voted = tmp_path / "voted"
    shutil.copytree(dataset, voted)
    for place, name in enumerate(EXPRESSIONS):
        counts = [0] * len(EXPRESSIONS)
        counts[place], counts[place - 1] = 8, 2
        votes = " ".join(map(str, counts))
        change_rows(voted, lambda row, name=name: row.expression == name, votes=votes)
    done = command("report", "judge", judge, "--data", voted, "--json-file", tmp_path / "facts.json")
    assert "one person against the majority of the others: balanced 0.800" in done.out
    assert json.loads((tmp_path / "facts.json").read_text())["crowd"]["happiness"] == pytest.approx(0.8)
