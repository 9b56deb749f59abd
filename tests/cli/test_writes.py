"""Every command that writes under a given name leaves there what is not its own, before any work."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from photos import astronaut
from PIL import Image
from shells import CLASSES, write_dataset

from facerelief.cli import app
from facerelief.cli.commands.compare import compare
from facerelief.cli.writes import claims_of
from facerelief.errors import FacereliefError
from facerelief.files import write_text
from facerelief.files.ownership import OWNERSHIP_JOURNAL, Claim, claimed

Command = Callable[..., Any]
Refused = Callable[..., str]

# A call of each command, and a file that it would write.
CALLS = {
    "morph": (("me.png", "--to", "happy", "-o", "x.gif"), "x.gif"),
    "continuum": (("me.png", "--to", "anger", "-o", "out"), "out/me-anger-03.png"),
    "continuum, its table": (("me.png", "--to", "anger", "-o", "out"), "out/me-anger.csv"),
    "continuum, its video": (("me.png", "--to", "anger", "-o", "out", "--video", "x.mp4"), "x.mp4"),
    "stimuli": (("me.png", "-o", "out"), "out/me.png"),
    "stimuli, their table": (("me.png", "-o", "out"), "out/stimuli.csv"),
    "demo": (("-o", "."), "happiness.png"),
    "demo, its sheet": (("-o", "."), "demo.png"),
    "compare": (("me.png", "-o", "x.png"), "x.png"),
    "compare, numbers": (("runs", "--data", "d", "-o", "y.png", "--json-file", "x.json"), "x.json"),
    "export": (("-o", "model"), "model/model.onnx"),
    "export, its report": (("-o", "model"), "model/parity.json"),
    "mesh": (("me.png", "-o", "x.glb"), "x.glb"),
    "evaluate": (("runs", "--data", "d", "-o", "report"), "report/report.html"),
    "study": (("table1", "--scale", "smoke", "-o", "study"), "study/table1.html"),
    "study, a figure": (("table1", "--scale", "smoke", "-o", "study"), "study/table1-fig9.png"),
    "study, of two datasets": (("table2", "--data", "d", "-o", "study"), "study/second/table2.json"),
    "study, its own place": (("table3", "--scale", "smoke"), "runs/study-smoke-synthetic/table3.md"),
    "morphable fit": (("d", "-o", "face"), "face/README.md"),
    "morphable mouth": (("FaceXModel", "-o", "mouth"), "mouth/README.md"),
    "morphable glasses": (("photos", "-o", "glasses"), "glasses/README.md"),
    "morphable landmarks": (("mediapipe", "-o", "landmarks"), "landmarks/README.md"),
    "morphable responses": (("photos", "-o", "responses"), "responses/README.md"),
    "report controls": (("photos", "-o", "report"), "report/report.html"),
    "report depth": (("runs", "--data", "d", "--figure", "x.png"), "x.png"),
    "report depth, numbers": (("runs", "--data", "d", "--json-file", "x.json"), "x.json"),
    "report judge": (("runs", "--data", "d", "--json-file", "x.json"), "x.json"),
    "report rate": (("runs", "--data", "d", "--judge", "j", "--json-file", "x.json"), "x.json"),
    "report identity": (("runs", "--data", "d", "--encoder", "e", "--figure", "x.png"), "x.png"),
    "report evidence": (
        ("run", "--data", "d", "--pairs", "p", "--instruments", "m", "-o", "report"),
        "report/evidence.md",
    ),
    "report outside": (("photos", "--instruments", "m", "-o", "report"), "report/report.html"),
    "report outside, its sheet": (("photos", "--instruments", "m", "--sheet", "x.png"), "x.png"),
    "report outside, numbers": (("photos", "--instruments", "m", "--json-file", "x.json"), "x.json"),
    "report blind": (("photos", "-o", "raters"), "raters/form.csv"),
    "report blind, its key": (("photos", "-o", "raters"), "raters/key.json"),
    "report ratings": (("raters", "anna.csv", "-o", "report"), "report/report.html"),
    "report curves": (("runs", "-o", "x.png"), "x.png"),
    "report release": (
        ("runs", "-o", "w/x.safetensors", "--rates", "r", "--data-note", "d", "--command", "c"),
        "w/README.md",
    ),
    "report latency": (("--json-file", "x.json"), "x.json"),
    "report flicker": (("me.png", "--json-file", "x.json"), "x.json"),
}
# They begin a folder, refuse one that holds something else, and go on with their own.
FOLDERS = {
    "dataset build",
    "dataset convert",
    "dataset synthesize",
    "dataset sham",
    "augment",
    "train depth",
    "train expression",
    "train judge",
    "train identity",
}
# Commands that write nothing under a name of the user's.
NOTHING = {"doctor", "expressions", "verify", "measure", "serve", "dataset review", "dataset stats"}


def commands(group: Any = None, words: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    group = group or typer.main.get_command(app)
    for name, one in group.commands.items():
        if hasattr(one, "commands"):
            yield from commands(one, (*words, name))
        else:
            yield " ".join((*words, name)), one


@pytest.mark.parametrize("what", CALLS)
def test_what_is_somebody_elses_stays(
    refused: Refused, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments, name = CALLS[what]
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("mine")
    line = refused(*what.partition(",")[0].split(), *arguments)
    why = "exists and was not written by this command; choose another name, or add --overwrite to replace it"
    assert line == f"{name} {why}"


def test_no_command_is_forgotten() -> None:
    every = dict(commands())
    guarded = {name for name, one in every.items() if any("--overwrite" in param.opts for param in one.params)}
    assert guarded == {what.partition(",")[0] for what in CALLS} | {"edit"}
    assert set(every) == guarded | FOLDERS | NOTHING


@pytest.mark.parametrize("words", sorted(FOLDERS))
def test_folders_of_something_else_are_not_begun_in(
    refused: Refused, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, words: str
) -> None:
    mine = tmp_path / "out" / "mine.txt"
    mine.parent.mkdir()
    mine.write_text("mine")
    if words == "dataset build":
        (tmp_path / "photos" / "happy").mkdir(parents=True)
        Image.fromarray(astronaut()).save(tmp_path / "photos" / "happy" / "a.png")
    source = {"dataset build": [tmp_path / "photos"], "dataset synthesize": []}.get(words, [])
    if words in ("dataset sham", "augment"):
        source = [write_dataset(tmp_path_factory.mktemp("dataset"))]
    if words.startswith("train"):
        source = [write_dataset(tmp_path_factory.mktemp("dataset")), "--expressions", ",".join(CLASSES)]
    if words == "dataset convert":
        source = [write_dataset(tmp_path_factory.mktemp("dataset"))]
    small = ["--set", "batch=4", "--set", "size=32"] if words.startswith("train") else []
    guide = ["--guide", "none"] if words == "train expression" else []
    line = refused(*words.split(), *source, "-o", mine.parent, *guide, *small)
    assert line.startswith(f"{mine.parent} holds other files; choose an empty folder")


def test_the_same_command_replaces_its_own_and_another_does_not(
    command: Command, refused: Refused, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Image.fromarray(astronaut()[:230, 110:340]).save("me.png")
    call = ("morph", "me.png", "--to", "happy", "--seconds", "0.1", "--weights", weights, "-o", "me.gif")
    assert command(*call).code == 0
    when = Path("me.gif").stat().st_mtime_ns
    assert command(*call[:1], *call[2:], "me.png", "-q").code == 0  # in another order
    assert Path("me.gif").stat().st_mtime_ns > when
    assert refused(*call, "--size", "64").startswith("me.gif exists and was made with other settings")
    Image.fromarray(np.zeros((20, 20, 3), np.uint8)).save("me.gif")
    assert refused(*call).startswith("me.gif exists and was changed since it was written")
    assert command(*call, "--overwrite").code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [OWNERSHIP_JOURNAL, "me.gif", "me.png"]


def test_what_is_read_is_never_written(refused: Refused, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Image.fromarray(astronaut()).save("me.webp")
    line = refused("morph", "me.webp", "--to", "happy", "-o", "me.webp", "--overwrite")
    assert line == "me.webp is an input of this command; choose another name for the output"


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (("demo", "demo/happiness.png", "-o", "demo"), "demo/happiness.png"),
        (("report", "release", "run", "--rates", "r.json", "-o", "r.json"), "r.json"),
        (("report", "release", "run", "--rates", "r.json", "-o", "run/weights.safetensors"), "run/weights.safetensors"),
        (("report", "judge", "run", "--data", "d", "--json-file", "run/config.json"), "run/config.json"),
    ],
)
def test_what_is_read_is_not_written_even_with_overwrite(
    refused: Refused, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: tuple[str, ...], name: str
) -> None:
    """A photo, a file, and what is in an input folder: a run's weights and settings."""
    monkeypatch.chdir(tmp_path)
    for path in ("demo/happiness.png", "run/weights.safetensors", "run/config.json", "r.json"):
        Path(path).parent.mkdir(exist_ok=True)
        Path(path).write_text("mine")
    about = ("--data-note", "d", "--command", "c") if "release" in call else ()
    line = refused(*call, *about, "--overwrite")
    why = "in an input folder of this command" if name.startswith("run/") else "an input of this command"
    assert line == f"{name} is {why}; choose another name for the output"


@pytest.mark.parametrize(
    "call",
    [
        ("compare", "me.png", "-o", "x.png", "--to", "happiness", "--json-file", "../DIR/x.png"),
        ("report", "depth", "run", "--data", "d", "--figure", "x.png", "--json-file", "x.png"),
    ],
)
def test_two_outputs_have_two_names(
    refused: Refused, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    line = refused(*(word.replace("DIR", tmp_path.name) for word in call))
    assert line.endswith("x.png would be written twice; give each output its own name")


def test_it_is_the_same_command_by_what_changes_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the photo's contents and not by how its name is typed; what is printed beside does not matter."""
    for name, text in (("a", "one"), ("b", "other")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "me.png").write_text(text)

    def claim(folder: str, **more: Any) -> Claim:
        monkeypatch.chdir(tmp_path / folder)
        values = {"picture": Path("../x.png"), "inputs": [Path("me.png")], "json_file": None, "as_json": False}
        (one,) = claims_of("compare", compare.outputs, values | more, False)
        return one

    one = claim("a")
    with claimed([one]):
        write_text(tmp_path / "x.png", "made")
    assert claim("a", inputs=[Path("../a/me.png")], picture=tmp_path / "x.png", as_json=True).is_ours()
    with pytest.raises(FacereliefError, match=r"x\.png exists and was made from something else"):
        claim("b")
    with pytest.raises(FacereliefError, match=r"x\.png exists and was made with other settings"):
        claim("a", to="fear")


@pytest.mark.parametrize(
    "call",
    [
        ("morph", "none.png", "--to", "happy", "-o", "blocked/x.gif"),
        ("mesh", "none.png", "-o", "blocked/x.glb"),
        ("compare", "none.png", "-o", "blocked/x.png"),
        ("demo", "none.png", "-o", "blocked/demo"),
        ("export", "-o", "blocked/model"),
    ],
)
def test_a_place_that_cannot_be_written_is_told_before_any_work(
    refused: Refused, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: tuple[str, ...]
) -> None:
    """Before the photo is read: there is none."""
    monkeypatch.chdir(tmp_path)
    Path("blocked").write_text("a file")
    line = refused(*call)
    assert line.startswith("cannot write blocked") and "Not a directory; choose another place" in line


def test_overwrite_without_a_file(refused: Refused) -> None:
    for call in (("report", "flicker", "none.png"), ("report", "rate", "--data", "d", "--judge", "j", "run")):
        assert refused(*call, "--overwrite").startswith("--overwrite is for files, and none is written; leave it out")
