"""One meaning a name: old forms of command lines go on working, and say the new one; -q; defaults from outside."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from commands import commands
from edits import faces_at
from PIL import Image

from facerelief.cli import console
from facerelief.cli.old_forms import RENAMED, translate
from facerelief.errors import Interrupted, MissingExtra, install_command
from facerelief.expressions import EXPRESSIONS

Command = Callable


@pytest.mark.parametrize(
    ("command", "old", "new"),
    [
        ("edit", "me.jpg --depth --to happy", "me.jpg --save-depth --to happy"),
        ("train expression", "data --depth runs/depth", None),
        ("evaluate", "--depth runs/depth", None),
        ("dataset synthesize", "--face faces/a -n 24", "--weights faces/a -n 24"),
        ("edit", "me.jpg --face 2", None),
        ("export", "runs/a --to=openvino -o model", "runs/a --format openvino -o model"),
        ("edit", "me.jpg --to happy", None),
        ("demo", "--photo me.jpg -o demo", "me.jpg -o demo"),
        ("report rate", "runs/a --json rates.json", "runs/a --json-file rates.json"),
        ("report rate", "--json=rates.txt runs/a", "--json-file rates.txt runs/a"),
        ("report rate", "runs/a --json", None),
        ("report rate", "--json --morphable", None),
        ("report rate", "--json / --morphable", None),  # a run that is there
        ("compare", "--json new.txt", "--json-file new.txt"),  # a file that is not
        ("compare", "--json mistyped.JPG -o x.png", None),  # a photo that is not
        ("edit", "me.jpg --again --to happy", "me.jpg --overwrite --to happy"),
        ("doctor", "--json", None),
        ("demo", "-- --photo", None),
    ],
)
def test_old_forms(command: str, old: str, new: str | None) -> None:
    told: list[str] = []
    assert translate(command, old.split(), told.append) == (new or old).split()
    assert len(told) == (new is not None)


def test_every_old_form_is_of_a_command_there_is_and_names_an_option_it_has() -> None:
    everything = commands()
    for one in RENAMED:
        for words in one.commands:
            options = [option for parameter in everything[words].params for option in parameter.opts]
            assert not one.new or one.new in options, words
            assert one.old == "--json" or one.old not in options, words


def test_names_with_one_meaning_take_the_same_kind_of_value_everywhere() -> None:
    kinds: dict[str, set[tuple[object, ...]]] = {}
    once = ("--json", "--depth", "--face", "--to", "--weights", "--photo", "--format")
    for command in commands().values():
        for one in command.params:
            for option in one.opts:
                if option in once and not one.multiple:
                    kinds.setdefault(option, set()).add((one.is_flag, one.bare_type(), one.nargs))
    assert {option for option, found in kinds.items() if len(found) > 1} == set()


def test_an_old_form_says_the_new_one_on_standard_error(command: Command, portrait_jpg: Path, weights: Path) -> None:
    result = command("edit", portrait_jpg, "--to", "happy", "--weights", weights, "--depth")
    assert (result.code, result.err.splitlines()[0]) == (0, "facerelief: --depth is now --save-depth")
    assert any("depth" in path.name for path in portrait_jpg.parent.iterdir())


def test_json_is_printed_alone(command: Command, weights: Path, tmp_path: Path) -> None:
    asked = ("report", "latency", "--weights", weights, "--repeats", 5, "--json")
    printed, written = command(*asked), command(*asked, tmp_path / "numbers.json")
    assert printed.code == written.code == 0
    assert set(json.loads(printed.out)) == set(json.loads((tmp_path / "numbers.json").read_text()))
    assert written.err == "facerelief: --json is now --json > FILE\n"
    assert "milliseconds" in written.out


def test_quiet(command: Command, portrait_jpg: Path, weights: Path, tmp_path: Path) -> None:
    """Standard output is what it is without: the names of files that were written, or numbers."""
    edit = ("edit", portrait_jpg, "--to", "happy", "--weights", weights, "-o", tmp_path / "out.png", "--save-depth")
    for words in ((*edit, "-q"), ("-q", *edit), ("--quiet", *edit)):
        (tmp_path / "out.png").unlink(missing_ok=True)
        result = command(*words)
        assert (result.code, result.err) == (0, "")
        assert str(tmp_path / "out.png") in result.out.splitlines()
        assert (tmp_path / "out.png").is_file()
    wrong = command("edit", tmp_path / "nowhere.jpg", "--to", "happy", "-q")
    assert (wrong.code, wrong.out) == (2, "")
    assert wrong.err.endswith("nowhere.jpg does not exist; check the name\n")
    spoken = command(*edit, "--overwrite")
    assert spoken.out  # the command after a quiet one speaks
    assert json.loads(command("report", "latency", "--weights", weights, "--repeats", 5, "--json", "-q").out)


def test_defaults_come_from_the_environment(
    command: Command, portrait_jpg: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACERELIEF_EDIT_WEIGHTS", str(weights))
    monkeypatch.setenv("FACERELIEF_EDIT_TO", "surprise")
    monkeypatch.setenv("FACERELIEF_VERSION", "0.1.0")  # as in images of containers: no option of the command line
    assert "surprise" in command("edit", portrait_jpg).out
    assert "happiness" in command("edit", portrait_jpg, "--to", "happy").out
    monkeypatch.setenv("FACERELIEF_EDIT_STRENGTH", "much")
    assert "no strength 'much'" in command("edit", portrait_jpg).err


def test_demo_takes_a_photo_as_edit_does(command: Command, portrait_jpg: Path, weights: Path, tmp_path: Path) -> None:
    assert command("demo", portrait_jpg, "-o", tmp_path / "demo", "--weights", weights).code == 0
    with Image.open(tmp_path / "demo" / "demo.png") as picture:
        assert picture.width > 1000


def test_a_point_of_a_face_is_in_pixels_of_the_photo_for_morphs_too(
    command: Command, tmp_path: Path, weights: Path
) -> None:
    small = faces_at((130, 150, 230), (450, 200, 170)).rgb
    large = Image.fromarray(small).resize((2 * small.shape[1], 2 * small.shape[0]), Image.Resampling.LANCZOS)
    large.save(tmp_path / "group.png")
    morph = ("morph", tmp_path / "group.png", "--to", "happy", "--size", small.shape[1])
    morph += ("--seconds", 0.2, "--fps", 10, "--hold", 0)
    for middle, x in ((130, "260,300"), (450, "900,400")):
        out = tmp_path / f"{middle}.webp"
        result = command(*morph, "-o", out, "--weights", weights, "--face", x)
        assert (result.code, result.err) == (0, "")
        with Image.open(out) as picture:
            first = np.asarray(picture.convert("RGB")).astype(float)
            picture.seek(picture.n_frames - 1)
            moved = np.abs(np.asarray(picture.convert("RGB")) - first).mean(axis=(0, 2))
        assert first.shape[1] == small.shape[1]
        assert abs(int(moved.argmax()) - middle) < 100
    wrong = command(*morph, "-o", tmp_path / "x.gif", "--face", "590,10")
    centres = [tuple(map(float, place.split(","))) for place in wrong.err.strip().split("faces are at ")[1].split(", ")]
    assert np.abs(np.array(centres) - [(260, 300), (900, 400)]).max() < 80


def completed(line: str) -> list[str]:
    """What bash itself offers after a line: its completion function, called as TAB calls it."""
    script = """
      eval "$(_FACERELIEF_COMPLETE=source_bash python -m facerelief)"
      COMP_WORDS=($LINE); [[ $LINE == *" " ]] && COMP_WORDS+=(""); COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
      _facerelief_completion facerelief
      printf '%s\\n' "${COMPREPLY[@]}"
    """
    facerelief = f'PATH="{Path(sys.executable).parent}:$PATH"; facerelief() {{ python -m facerelief "$@"; }}\n'
    environment = {**os.environ, "LINE": line, "PYTHONWARNINGS": "error"}
    done = subprocess.run(
        ["bash", "-c", facerelief + script], capture_output=True, text=True, env=environment, timeout=120, check=True
    )
    return done.stdout.split()


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("facerelief edit me.jpg --to ", [*EXPRESSIONS, "all"]),
        ("facerelief edit me.jpg --to sad", ["sadness"]),
        ("facerelief edit me.jpg --to sadness,happiness,s", ["sadness,happiness,surprise"]),
        ("facerelief edit me.jpg --method ", ["morphable", "relief", "stargan"]),
        ("facerelief edit me.jpg --face ", ["largest", "all"]),
        ("facerelief study table1 --scale s", ["smoke"]),
        ("facerelief study table", ["table1", "table2", "table3", "table4"]),
        ("facerelief train expression data --method s", ["stargan", "stgan"]),
        ("facerelief train depth data --preset ", ["paper", "gpu", "cpu"]),
        ("facerelief dataset syn", ["synthesize"]),
    ],
)
def test_bash_completes(line: str, offered: list[str]) -> None:
    assert completed(line) == offered


def test_aliases_are_still_understood(command: Command, portrait_jpg: Path, weights: Path) -> None:
    assert command("edit", portrait_jpg, "--to", "smile, 3", "--weights", weights).code == 0
    assert {path.name for path in portrait_jpg.parent.glob("me-*")} >= {"me-happiness-tiny.jpg", "me-surprise-tiny.jpg"}


def test_80_columns_cut_no_name(command: Command) -> None:
    for words, one in commands().items():
        result = command(*words.split(), "--help", columns=80)
        assert "…" not in result.out, words
        assert max(map(len, result.out.splitlines())) <= 80, words
        first = " ".join((one.help or "").split("\n\n")[0].split())
        assert " ".join(result.out.split()).count(first) == 1, words
    edit = command("edit", "--help", columns=80).out
    for name in (*EXPRESSIONS, "--allow-private-urls", "face_landmarker.task", "seconds:strength"):
        assert name in edit


WARNS = """
import sys, warnings
from facerelief.cli import main
sys.argv = ["facerelief", "--version"]
try:
    main()
except SystemExit:
    warnings.warn("a library's own words")
"""


@pytest.mark.parametrize(("options", "shown"), [([], False), (["-W", "default"], True)])
def test_what_libraries_warn_of_is_for_those_who_ask_python(options: list[str], shown: bool) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONWARNINGS"}
    call = [sys.executable, *options, "-c", WARNS]
    done = subprocess.run(call, capture_output=True, text=True, env=environment, timeout=120, check=True)
    assert ("a library's own words" in done.stderr) is shown


# -- how an extra is installed --------------------------------------------------------------------------------------


def test_an_extra_is_installed_from_where_the_program_is() -> None:
    source = Path(__file__).parents[2]
    assert install_command("video") == f"pip install -e '{source}[video]'"
    assert str(MissingExtra("av", "video")) == f"av is not installed; install it with: {install_command('video')}"


@pytest.mark.parametrize(
    ("origin", "command"),
    [
        (None, "pip install 'facerelief[video]'"),
        ({"url": "file:///srv/facerelief", "dir_info": {}}, "pip install 'facerelief[video] @ file:///srv/facerelief'"),
        (
            {"url": "https://example.org/f.git", "vcs_info": {"vcs": "git", "commit_id": "abc"}},
            "pip install 'facerelief[video] @ git+https://example.org/f.git@abc'",
        ),
    ],
)
def test_an_extra_of_a_program_that_is_no_clone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, origin: object, command: str
) -> None:
    class Installed:
        def read_text(self, name: str) -> str | None:
            return json.dumps(origin) if origin and name == "direct_url.json" else None

    monkeypatch.setattr("facerelief.errors.__file__", str(tmp_path / "lib" / "facerelief" / "errors.py"))
    monkeypatch.setattr("importlib.metadata.distribution", lambda _: Installed())
    assert install_command("video") == command


# -- interruptions and progress -------------------------------------------------------------------------------------


def test_progress_in_words_comes_after_ten_seconds_and_then_every_minute() -> None:
    clock = [100.0]
    lines = console.ProgressLines("depth network", "steps", lambda: clock[0])
    said = {}
    for step in range(401):
        if line := lines.line(100 + step, 500, "loss 0.5"):
            said[clock[0] - 100] = line
        clock[0] += 0.5
    assert said == {
        10.0: "depth network: 120 of 500 steps, 3:10 left, loss 0.5",
        70.0: "depth network: 240 of 500 steps, 2:10 left, loss 0.5",
        130.0: "depth network: 360 of 500 steps, 1:10 left, loss 0.5",
        190.0: "depth network: 480 of 500 steps, 0:10 left, loss 0.5",
    }


def test_progress_that_begins_anew_forgets_how_long_what_came_before_took() -> None:
    clock = [0.0]
    lines = console.ProgressLines("dataset", "pictures", lambda: clock[0])
    assert lines.line(0, 100, "") == ""
    clock[0] = 1000.0
    assert lines.line(100, 100, "") == ""
    assert lines.line(1, 300, "") == "dataset: 1 of 300 pictures"
    clock[0] += 60
    assert lines.line(61, 300, "") == "dataset: 61 of 300 pictures, 3:59 left"


def test_what_an_interruption_says(capsys: pytest.CaptureFixture[str]) -> None:
    console.begin()
    with console.bar("reviewing", "samples") as move:
        move(3, 9)
    console.interrupted()
    with console.bar("building", "photos", keeps=True) as move:
        console.interrupted()
        move(0, 60)
        console.interrupted()
        move(12, 60)
        console.interrupted()
    console.keep(str(Interrupted("5 of 9 steps are saved in RUN")))
    console.interrupted()
    nothing = "facerelief: interrupted before anything new was finished; run the same command again"
    assert capsys.readouterr().err.splitlines() == [
        *(nothing,) * 3,
        "facerelief: interrupted; 12 of 60 photos are done; run the same command again to resume",
        "facerelief: interrupted; 5 of 9 steps are saved in RUN; run the same command again to resume",
    ]
    console.begin()
