"""What doctor tells of a machine: as it is, and with packages hidden."""

import json
import sys
from collections.abc import Callable
from importlib import metadata

import pytest

from facerelief.cli import console, main
from facerelief.errors import FacereliefError, MissingExtra, install_command
from facerelief.evaluation.diagnostics import doctor
from facerelief.evaluation.diagnostics.doctor import (
    BROKEN,
    LACKS,
    OK,
    Check,
    Health,
    examine,
    machine,
    packages,
    run_check,
)
from facerelief.faces.landmarks import networks

HIDDEN = {"mediapipe": "mediapipe", "c2pa": "c2pa-python", "onnxruntime": "onnxruntime", "openvino": "openvino"}


@pytest.fixture
def _hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment without the packages of three extras; and only one run of each trial."""
    version = metadata.version

    def seen(package: str) -> str:
        if package in HIDDEN.values():
            raise metadata.PackageNotFoundError(package)
        return version(package)

    for name in HIDDEN:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setattr(metadata, "version", seen)
    monkeypatch.setattr(metadata, "requires", lambda _: REQUIRED)
    networks._loaded.cache_clear()
    monkeypatch.setattr(doctor, "_REPEATS", 1)
    monkeypatch.setattr(console, "FIRST_S", float("inf"))


REQUIRED = [
    "numpy>=1.26",
    "mediapipe==0.10.21; python_version < '3.13' and extra == 'mediapipe'",
    "trimesh>=4; extra == 'meshes'",
    'c2pa-python<0.39,>=0.38; extra == "provenance"',
    "pytest; extra == 'dev'",
]


@pytest.mark.usefixtures("_hidden")
def test_every_lack_is_told_with_its_remedy(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["facerelief", "doctor", "--json"])
    with pytest.raises(SystemExit) as end:
        main()
    printed = capsys.readouterr()
    told = json.loads(printed.out)
    assert (end.value.code, told["works"]) == (1, False)
    assert printed.err == "facerelief: photos cannot be edited on this machine; the remedies are listed above\n"
    checks = {check["name"]: check for check in told["checks"]}
    states = {name: check["state"] for name, check in checks.items()}
    assert states == {
        "[mediapipe] another face finder": LACKS,
        "[meshes] meshes of other methods": OK,
        "[provenance] signed manifests": LACKS,
        "faces are found": BROKEN,
        "edit --method morphable": OK,
        "edit --method stargan": BROKEN,
        "edit --method relief": BROKEN,
        "saved with provenance": OK,
        "signed manifest (C2PA)": LACKS,
        "edit --engine torch": OK,
        "edit --engine onnx": BROKEN,
        "edit --engine openvino": LACKS,
        "edit --engine openvino-bf16": LACKS,
    }
    assert checks["faces are found"]["remedy"] == "pip install --force-reinstall onnxruntime"
    assert checks["signed manifest (C2PA)"]["remedy"] == install_command("provenance")
    assert checks["edit --engine onnx"]["remedy"] == "pip install --force-reinstall onnxruntime"
    assert checks["edit --engine openvino"]["remedy"] == install_command("engines")
    assert (
        checks["[mediapipe] another face finder"]["detail"]
        == "mediapipe is missing; in an environment of its own, since mediapipe needs numpy below 2"
    )
    assert checks["[meshes] meshes of other methods"]["detail"].startswith("trimesh ")
    timed = {name for name, check in checks.items() if check["milliseconds"]}
    assert timed == {name for name in states if states[name] == OK and not name.startswith("[")}


def test_the_face_that_is_drawn_is_one_that_the_finder_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_REPEATS", 1)
    assert run_check("faces", True, doctor.find_faces).state == OK


def test_nothing_that_a_trial_raises_ends_the_examination() -> None:
    def raises(problem: Exception) -> Callable[[], tuple[str, float | None]]:
        def trial() -> tuple[str, float | None]:
            raise problem

        return trial

    assert run_check("x", False, lambda: ("seen", 3.0)) == Check("x", OK, "seen", "", False, 3.0)
    lacks = run_check("x", True, raises(MissingExtra("av", "video")))
    assert (lacks.state, lacks.detail) == (LACKS, "av is not installed")
    assert lacks.remedy == install_command("video")
    broken = run_check("x", True, raises(FacereliefError("it is bent; straighten it")))
    assert (broken.state, broken.detail, broken.remedy) == (BROKEN, "it is bent", "straighten it")
    odd = run_check("x", True, raises(RuntimeError("two\nlines")))
    assert (odd.state, odd.detail) == (BROKEN, "RuntimeError: two lines") and odd.remedy


def test_only_what_editing_needs_decides() -> None:
    fine, lacking = Check("a", OK, "", needed=True), Check("b", LACKS, "")
    assert Health("", [fine, lacking]).works
    assert not Health("", [fine, Check("c", BROKEN, "", needed=True)]).works


def test_the_engine_that_is_fastest_is_advised_where_it_is_worth_it() -> None:
    def health(**milliseconds: float | None) -> Health:
        checks = [Check(f"edit --engine {name}", OK, "", milliseconds=ms) for name, ms in milliseconds.items()]
        return Health("", [*checks, Check("edit --engine openvino-bf16", BROKEN, "", milliseconds=1.0)])

    assert health(torch=90.0, onnx=60.0, openvino=30.0).advice == [
        "openvino runs networks 3.0 times as fast here: use --engine auto to edit many photos"
    ]
    assert health(torch=33.0, onnx=40.0, openvino=30.0).advice == []
    assert health(onnx=40.0).advice == []
    assert health(torch=33.0, onnx=None).advice == []


def test_extras_are_those_of_the_installation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "requires", lambda _: [*REQUIRED, "nosuchpackage-17>=2 ; extra == 'train'"])
    found = {check.name: check for check in packages()}
    assert list(found) == [
        "[mediapipe] another face finder",
        "[meshes] meshes of other methods",
        "[provenance] signed manifests",
        "[train] training",
    ]
    assert found["[train] training"].detail == "nosuchpackage-17 is missing"
    assert found["[train] training"].remedy == install_command("train")


def test_the_command_shows_a_table_and_what_is_to_do(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    checks = [Check("[x] y", OK, "z 1.0", milliseconds=12.4), Check("b", LACKS, "no", "pip install 'facerelief[b]'")]
    monkeypatch.setattr("facerelief.evaluation.diagnostics.doctor.examine", lambda _: Health("a machine", checks))
    monkeypatch.setattr(sys, "argv", ["facerelief", "doctor"])
    with pytest.raises(SystemExit) as end:
        main()
    printed = capsys.readouterr()
    assert end.value.code in (0, None)
    assert printed.err == ""
    lines = printed.out.splitlines()
    assert "a machine" in lines
    assert ["[x]", "y", "ok", "12", "z", "1.0"] in [line.split() for line in lines]
    assert lines[-2:] == ["for what you use of it:", "  pip install 'facerelief[b]'"]


def test_examine_moves_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("find_faces", "save_and_verify", "sign_and_read"):
        monkeypatch.setattr(doctor, name, lambda: ("", None))
    for name in ("edit_face", "run_engine"):
        monkeypatch.setattr(doctor, name, lambda _: ("", None))
    monkeypatch.setattr(metadata, "requires", lambda _: None)
    moves: list[tuple[int, int]] = []
    health = examine(lambda *move: moves.append(move))
    assert moves == [(k, len(moves)) for k in range(1, len(moves) + 1)]
    assert [check.state for check in health.checks] == [OK] * len(moves)


def test_the_machine_tells_the_precision_that_trainings_take(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("facerelief.training.run.precision.fastest_precision", lambda: ("no", "it is of 1999"))
    assert machine().endswith("; trains in fp32, because it is of 1999")
