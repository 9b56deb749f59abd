"""`facerelief evaluate`, on drawn faces: the report, the page in a browser, and what is refused."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from recognisers import write_onnx
from runs import CHOICES, write_depth, write_encoder, write_judge, write_run
from shells import change_rows

from facerelief.checkpoint import load_checkpoint, save_checkpoint
from facerelief.data import Dataset
from facerelief.data.manifest import METADATA, read_samples
from facerelief.files import sha256

Command = Callable
Refused = Callable[..., str]
Weights = Callable[..., Path]


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def run(tiny_weights: Weights, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("runs") / "noise", tiny_weights())


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("tools")
    return {
        "judge": write_judge(root / "judge"),
        "encoder": write_encoder(root / "encoder"),
        "depth": write_depth(root / "depth", guide="both"),
    }


@pytest.fixture(scope="module")
def words(synthetic: Path, tools: dict[str, Path]) -> list[object]:
    """How all instruments are named on the command line."""
    return ["--data", synthetic, *(word for name, path in tools.items() for word in (f"--{name}", path))]


@pytest.fixture
def report(command: Command, run: Path, words: list[object], tmp_path: Path) -> Path:
    """The report of a network and of the morphable editor."""
    result = command("evaluate", run, "--morphable", *words, "-o", tmp_path / "report")
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines()[-1] == str(tmp_path / "report" / "report.html")
    assert result.out.startswith(ALARM)
    return tmp_path / "report"


ALARM = "THE CLASSIFIER IS AT CHANCE LEVEL: ITS RATES ARE MEANINGLESS (balanced accuracy "


class Links(HTMLParser):
    """Everything in a page that names something outside an element."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.tags: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.found += [value or "" for name, value in attributes if name in ("src", "href", "srcset", "data", "action")]


def test_a_judge_that_guesses_is_told_wherever_its_rates_stand(report: Path) -> None:
    (warning,) = json.loads((report / "report.json").read_text())["warnings"]
    assert warning.startswith(ALARM)
    assert f"**{warning}**" in (report / "report.md").read_text()
    page = (report / "report.html").read_text()
    assert page.index(f'role="alert">{warning}</p>') < page.index("<table")
    assert page.index("Read first: ") < page.index("<table")
    assert "of a synthetic face" in page  # what are called real photos here


def test_a_report_holds_what_was_measured_and_how_much(
    report: Path, run: Path, synthetic: Path, tools: dict[str, Path]
) -> None:
    facts: dict[str, Any] = json.loads((report / "report.json").read_text())
    assert list(facts["editors"]) == ["unedited", "true target", "noise", "morphable"]
    assert (facts["test_photos"], facts["test_persons"], facts["measured_photos"]) == (3, 1, 3)
    assert facts["metadata_sha256"] == sha256(synthetic / METADATA)
    assert facts["judge"]["sha256"] == sha256(tools["judge"] / "weights.safetensors")
    assert facts["judge"]["accuracy_on_real"]["n"] == 3
    for name, summary in facts["editors"].items():
        assert summary["edits"]["n"] == 6  # three photos, each to the two others
        assert np.sum(summary["edits"]["confusion"]) == 6
        assert "frechet" not in summary["distances"]
        assert "too few for features of length 32" in summary["distances"]["refused"]["expression-FID"]
        assert np.isfinite(summary["distances"]["kernel"])
        expected = {"rate", "identity", "true_psnr", "true_ssim", "true_identity", "true_depth", "true_normal"}
        expected |= {"class_depth", "class_normal", "depth_rate", "normal_rate"} | (
            {"cycle_psnr", "cycle_ssim"} if name == "noise" else set()
        )
        assert set(summary["values"]) == expected
    editors = facts["editors"]
    assert editors["true target"]["values"]["true_ssim"]["mean"] == pytest.approx(1)
    assert editors["unedited"]["values"]["identity"]["mean"] == pytest.approx(0, abs=1e-5)
    near, far = (editors[name]["values"]["true_psnr"]["mean"] for name in ("morphable", "noise"))
    assert near > far + 3  # an editor that knows faces, and noise
    assert any("may have seen test people" in note for note in facts["notes"])  # the weights say nothing of a dataset
    text = (report / "report.md").read_text()
    assert "expression-KID to" in text
    assert not re.search(r"(?<!expression-)\b[FK]ID\b (to|is)", text)  # never by their plain names


def test_the_page_is_whole_by_itself(report: Path) -> None:
    links = Links((report / "report.html").read_text(encoding="utf-8"))
    assert not links.tags & {"script", "link", "iframe", "object", "form"}
    assert len(links.found) > 8
    assert all(value.startswith("data:image/") for value in links.found)
    assert "@import" not in (report / "report.html").read_text()


@pytest.mark.skipif(shutil.which("chromium") is None, reason="no chromium")
@pytest.mark.parametrize(("scheme", "paper"), [("light", (252, 252, 251)), ("dark", (22, 24, 26))])
def test_a_browser_shows_it_in_light_and_in_dark(
    report: Path, tmp_path: Path, scheme: str, paper: tuple[int, ...]
) -> None:
    picture = tmp_path / "page.png"
    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    flags += [
        "--disable-component-update",
        "--disable-sync",
        "--hide-scrollbars",
        "--host-resolver-rules=MAP * ~NOTFOUND",
    ]
    flags += [f"--user-data-dir={tmp_path / 'profile'}", "--window-size=1200,3000", f"--screenshot={picture}"]
    flags += ["--blink-settings=preferredColorScheme=0"] if scheme == "dark" else []
    subprocess.run(
        ["chromium", *flags, (report / "report.html").as_uri()], check=True, capture_output=True, timeout=120
    )
    with Image.open(picture) as image:
        pixels = np.asarray(image.convert("RGB"))
    assert tuple(pixels[2, 2]) == paper
    assert (pixels != np.array(paper)).any(axis=2).mean() > 0.05
    assert not (pixels[:, 1190:] != np.array(paper)).any()  # nothing runs over the right edge


def test_the_packages_own_network_is_measured(command: Command, synthetic: Path, tmp_path: Path) -> None:
    config = {"size": 64, "colour": "luma", "expressions": ("neutral", "happiness", "sadness", "surprise", "anger")}
    judge = write_judge(tmp_path / "judge", **config)
    result = command(
        "evaluate", "--carried", "stargan", "--data", synthetic, "--judge", judge, "-o", tmp_path / "report"
    )
    assert (result.code, result.err) == (0, "")
    facts = json.loads((tmp_path / "report" / "report.json").read_text())
    assert list(facts["editors"]) == ["unedited", "true target", "carried stargan"]
    assert any("3 test photos of contempt, disgust, fear are not used" in note for note in facts["notes"])


def test_a_judge_is_trained_where_none_is_given_and_once(
    command: Command, run: Path, synthetic: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def train(dataset: Dataset, config: Any, folder: Path, **options: Any) -> None:
        asked.append((dataset.path, config.size, config.colour, config.expressions))
        write_judge(folder, metadata_sha256=sha256(dataset.path / METADATA))

    monkeypatch.setattr("facerelief.evaluation.metric_files.run_classifier", train)
    for _ in range(2):
        result = command("evaluate", run, "--data", synthetic, "-o", tmp_path / "report")
        assert (result.code, result.err) == (0, "")
    assert asked == [(synthetic, 32, "rgb", CHOICES)]


def test_a_users_own_recogniser_and_features(
    command: Command, run: Path, synthetic: Path, tools: dict[str, Path], tmp_path: Path
) -> None:
    """They carry the file's name and checksum, never a plain one."""
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    mine = write_onnx(tmp_path / "arcface.onnx")
    words = ["--data", synthetic, "--judge", tools["judge"], "--encoder", mine, "--features", mine]
    result = command("evaluate", run, *words, "-o", tmp_path / "report")
    assert (result.code, result.err) == (0, "")
    facts = json.loads((tmp_path / "report" / "report.json").read_text())
    assert facts["encoder"] == {"name": "identity distance (arcface)", "sha256": sha256(mine)}
    assert (facts["features"]["name"], facts["features"]["sha256"]) == ("FID (arcface)", sha256(mine))
    assert facts["features"]["dimensions"] == 48
    noise = facts["editors"]["noise"]
    assert 0 < noise["values"]["identity"]["mean"] < 2
    assert np.isfinite(noise["distances"]["kernel"])
    text = (tmp_path / "report" / "report.md").read_text()
    assert "KID (arcface) to" in text
    assert "identity distance (arcface) to the source" in text


def test_some_photos_only(command: Command, run: Path, words: list[object], tmp_path: Path) -> None:
    assert command("evaluate", run, *words, "--photos", 1, "-o", tmp_path / "report").code == 0
    facts = json.loads((tmp_path / "report" / "report.json").read_text())
    assert facts["measured_photos"] == 1
    assert facts["editors"]["noise"]["edits"]["n"] == 2


def test_nothing_or_the_same_twice(refused: Refused, run: Path, synthetic: Path) -> None:
    assert refused("evaluate", "--data", synthetic) == (
        "nothing to measure; name runs of stage 2, --morphable, or --carried stargan"
    )
    assert (
        refused("evaluate", run, run, "--data", synthetic)
        == "two of noise, noise have the same name; rename a run's folder"
    )
    line = refused("evaluate", "--carried", "cyclegan", "--data", synthetic)
    assert line == "the package has no network cyclegan; choose from stargan, relief"
    line = refused("evaluate", run, "--expressions", "happy", "--data", synthetic)
    assert line.startswith("--expressions is for --morphable alone")


def test_instruments_that_do_not_fit(
    refused: Refused, run: Path, synthetic: Path, tools: dict[str, Path], tmp_path: Path
) -> None:
    two = write_judge(tmp_path / "two", expressions=CHOICES[:2])
    line = refused("evaluate", run, "--data", synthetic, "--judge", two)
    assert line == (
        f"the editor has expressions neutral, happiness, surprise, the classifier {two} neutral, happiness; "
        "give one that has the same expressions"
    )
    good = ["evaluate", run, "--data", synthetic, "--judge", tools["judge"]]
    grey = write_encoder(tmp_path / "grey", colour="luma")
    assert "give one that has the same colour" in refused(*good, "--encoder", grey)
    large = write_depth(tmp_path / "large", size=64)
    assert "give one that has the same size" in refused(*good, "--depth", large)
    noise = tmp_path / "noise.pth"
    noise.write_bytes(b"noise")
    assert "is not pt_inception-2015-12-05-6726825d.pth or" in refused(*good, "--features", noise)
    assert "no network at" in refused(*good, "--encoder", tmp_path / "arcface.onnx")


def test_instruments_that_know_a_test_person(
    refused: Refused, run: Path, synthetic: Path, tools: dict[str, Path], tmp_path: Path
) -> None:
    person = next(sample.identity for sample in read_samples(synthetic) if sample.split == "test")
    judge = write_judge(tmp_path / "judge", knows=person)
    line = refused("evaluate", run, "--data", synthetic, "--judge", judge)
    assert line.startswith(f"{judge} was trained on photos of {person}, who is in the test photos; ")
    encoder = write_encoder(tmp_path / "encoder", knows=person)
    line = refused("evaluate", run, "--data", synthetic, "--judge", tools["judge"], "--encoder", encoder)
    assert line.startswith(f"{encoder} was trained on photos of {person}")


@pytest.mark.parametrize(("kind", "stage"), [("judge", ""), ("identity", ""), ("judge", "stage1_")])
def test_an_editor_that_learnt_from_what_is_to_measure_it(
    refused: Refused,
    run: Path,
    synthetic: Path,
    words: list[object],
    tools: dict[str, Path],
    tmp_path: Path,
    kind: str,
    stage: str,
) -> None:
    """Also where its stage 1 alone did, and whichever command measures it."""
    teacher = tools["encoder" if kind == "identity" else kind]
    saved, pupil = load_checkpoint(run / "weights.safetensors", "editor"), tmp_path / "pupil" / "weights.safetensors"
    facts = saved.facts | {f"{stage}{kind}_weights_sha256": sha256(teacher / "weights.safetensors")}
    save_checkpoint(pupil, "editor", saved.tensors, facts)
    said = f"pupil learnt from {teacher}, which cannot measure it then; give another: facerelief train {kind} --seed 1"
    one = ["rate", "--judge"] if kind == "judge" else ["identity", "--encoder"]
    asked = (["evaluate", *words], ["report", *one, teacher, "--data", synthetic])
    for command in asked:
        assert refused(*command, pupil.parent) == said


@pytest.mark.parametrize("case", ["its guide", "its own", "of a sibling", "its guide's start"])
def test_an_editor_whose_guide_is_to_measure_it(
    refused: Refused, run: Path, synthetic: Path, tools: dict[str, Path], tmp_path: Path, case: str
) -> None:
    """The depth network that guided it, what became of this one in its own run or another, and what it began as.

    "its own" is as earlier versions left it, which did not note where it began.
    """
    guide, saved = load_checkpoint(tools["depth"] / "weights.safetensors", "depth"), tmp_path / "pupil"
    digest, measures = sha256(guide.path), tools["depth"]
    if case in ("its own", "of a sibling"):
        measures = (saved if case == "its own" else tmp_path) / "depth.safetensors"
        began = {"started_from_sha256": f"ab,{digest}"} if case == "of a sibling" else {}
        moved = {name: value + 1 for name, value in guide.tensors.items()}
        save_checkpoint(measures, "depth", moved, guide.facts | began)
    facts = {"depth_weights_sha256": digest}
    if case == "its guide's start":
        facts = {"depth_weights_sha256": "cd", "stage1_started_from_sha256": f"ab,{digest}"}
    pupil = load_checkpoint(run / "weights.safetensors", "editor")
    save_checkpoint(saved / "weights.safetensors", "editor", pupil.tensors, pupil.facts | facts)
    asked = ["--data", synthetic, "--judge", tools["judge"], "--depth", measures]
    assert refused("evaluate", *asked, saved) == (
        f"pupil learnt from {measures}, which cannot measure it then; "
        "give another: facerelief train depth --guide both --seed 1"
    )


def test_an_editor_that_gives_no_numbers(
    refused: Refused, run: Path, synthetic: Path, tools: dict[str, Path], tmp_path: Path
) -> None:
    saved = load_checkpoint(run / "weights.safetensors", "editor")
    broken = tmp_path / "broken" / "weights.safetensors"
    tensors = {name: np.full_like(value, 1e30) for name, value in saved.tensors.items()}
    save_checkpoint(broken, "editor", tensors, saved.facts)
    line = refused("evaluate", broken.parent, "--data", synthetic, "--judge", tools["judge"])
    assert re.match(r"broken makes pixels that are not numbers of rgb/.*png; its training has diverged: ", line)


def test_photos_without_the_editors_expressions(
    command: Command, refused: Refused, run: Path, synthetic: Path, tools: dict[str, Path], tmp_path: Path
) -> None:
    """None at all is refused; a class without a test photo is named in the report, and has no accuracy."""
    other = tmp_path / "other"
    shutil.copytree(synthetic, other)
    change_rows(other, lambda row: row.split == "test" and row.expression == "surprise", expression="fear")
    words = ["--data", other, "--judge", tools["judge"], "-o", tmp_path / "report"]
    assert command("evaluate", run, *words).code == 0
    facts = json.loads((tmp_path / "report" / "report.json").read_text())
    assert "No test photo shows surprise: the classifier's accuracy there is unknown." in facts["notes"]
    assert set(facts["judge"]["accuracy_on_real"]["per_class"]) == {"neutral", "happiness"}
    assert set(facts["editors"]["noise"]["edits"]["per_class"]) == set(CHOICES)
    change_rows(other, lambda row: row.split == "test", expression="fear")
    line = refused("evaluate", run, *words[:-2])
    assert line == (
        f"{other} has no test photos of neutral, happiness, surprise; it has fear: "
        "give the dataset that the editor was trained on"
    )
