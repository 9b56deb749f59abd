"""`facerelief dataset synthesize`: what it makes and says, killed and typed again, and what is refused."""

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from shells import contents

from facerelief.data.journal import JOURNAL
from facerelief.data.manifest import read_dataset_settings, read_samples
from facerelief.editing.loading import carried_weights
from facerelief.files import sha256
from facerelief.geometry.morphable.model import FACE_FILE, carried_face, load_face, save_face

Command = Callable
Refused = Callable[..., str]
LEAST = ("dataset", "synthesize", "-n", 24, "--size", 64, "--settings", 1, "--workers", 1, "-o")


# -- what works -----------------------------------------------------------------------------------------------------


def test_a_dataset_from_nothing_but_the_package(command: Command, synthetic: Path, tmp_path: Path) -> None:
    dataset = tmp_path / "new" / "dataset"
    result = command(*LEAST, dataset)
    assert (result.code, result.err) == (0, "")
    told = [f"24 pictures of 3 persons in {dataset}", f"Next: facerelief train depth {dataset} -o runs/depth"]
    assert result.out.splitlines() == told
    assert contents(dataset) == contents(synthetic)
    assert command(*LEAST, dataset) == result
    assert contents(dataset) == contents(synthetic)


def test_stats_count_it(command: Command, synthetic: Path) -> None:
    result = command("dataset", "stats", synthetic)
    assert result.code == 0
    rows = {line.split()[0]: line.split()[1:] for line in result.out.splitlines() if line[:1].isalpha()}
    assert rows["dataset"] == ["3"] * 8 + ["24"]
    assert rows["train"] == rows["val"] == rows["test"] == ["1"] * 8 + ["8"]
    assert rows["persons"] == ["3"] * 9
    assert not any("leak" in line or "colour" in line for line in result.err.splitlines())


def test_a_review_is_refused(refused: Refused, synthetic: Path, tmp_path: Path) -> None:
    dataset = tmp_path / "dataset"
    shutil.copytree(synthetic, dataset)
    line = refused("dataset", "review", dataset)
    assert line == f"{dataset} is synthetic: its expressions are alike and its geometry exact; no review is needed"


def test_a_face_of_ones_own(command: Command, refused: Refused, synthetic: Path, tmp_path: Path) -> None:
    """Here with half as strong expressions; it may be named by its folder or its file, and is known by its contents."""
    face = load_face()
    save_face(tmp_path / "face" / FACE_FILE, dataclasses.replace(face, amounts=face.amounts / 2), {})
    dataset = tmp_path / "dataset"
    assert command(*LEAST, dataset, "--weights", tmp_path / "face").code == 0
    assert read_dataset_settings(dataset)["face_sha256"] == sha256(tmp_path / "face" / FACE_FILE)
    for ours, theirs in zip(read_samples(dataset), read_samples(synthetic), strict=True):
        assert ours.source == theirs.source
        with np.load(dataset / ours.mesh) as half, np.load(synthetic / theirs.mesh) as full:
            np.testing.assert_array_equal(half["identity"], full["identity"])
            np.testing.assert_allclose(half["expression"], full["expression"] / 2, atol=1e-3)
    before = contents(dataset)
    assert command(*LEAST, dataset, "--weights", tmp_path / "face" / FACE_FILE).code == 0
    assert contents(dataset) == before
    line = refused(*LEAST, dataset)
    assert line == f"{dataset} was built with another face; choose another folder or delete it"


DYING = """
import os, signal
from facerelief.cli import main
from facerelief.data import synthesize

note = synthesize.append

def note_until_killed(journal, row):
    if row.source != "p00001/s0/sadness":
        return note(journal, row)
    with journal.open("a") as log:
        log.write('{"file_name": "rgb/p000')
    os.kill(os.getpid(), signal.SIGKILL)

synthesize.append = note_until_killed
main()
"""


def test_killed_in_the_middle_and_typed_again(command: Command, synthetic: Path, tmp_path: Path) -> None:
    """In the second person's third line: all is as if nothing had happened, but two lines of the journal come twice
    and the third, which was cut off, stays.
    """
    dataset = tmp_path / "dataset"
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    killed = subprocess.run([sys.executable, "-c", DYING, *map(str, LEAST), dataset], env=environment)
    assert killed.returncode == -signal.SIGKILL
    assert (dataset / JOURNAL).read_bytes().count(b"\n") == 10
    assert not (dataset / "metadata.csv").exists()
    again = command(*LEAST, dataset)
    assert (again.code, again.err) == (0, "")
    got, wanted = contents(dataset), contents(synthetic)
    lines, expected = (found.pop(JOURNAL).splitlines() for found in (got, wanted))
    assert got == wanted
    assert len(lines) == len(expected) + 3
    assert set(lines) - set(expected) == {b'{"file_name": "rgb/p000'}


# -- what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["-n", "23", "--settings", "1"], "23 pictures are too few for three persons, 1 settings and eight"),
        (["-n", "47"], "47 pictures are too few for three persons, 2 settings and eight expressions; ask for 48 or"),
        (["-n", "0"], "0 pictures are too few"),
        (["--settings", "0"], "5000 pictures are too few for three persons, 0 settings"),
        (["--size", "100"], "no size 100; choose from 64, 96, 128, 192, 256"),
        (["--workers", "0"], "Invalid value for '--workers'"),
        (["-n", "many"], "Invalid value for '-n' / '--count'"),
        (["--weights", "nowhere"], "no weights at nowhere; name a run folder or a .safetensors file"),
    ],
)
def test_wishes_that_cannot_be_fulfilled(refused: Refused, tmp_path: Path, options: list[str], message: str) -> None:
    assert message in refused("dataset", "synthesize", "-o", tmp_path / "dataset", *options)


def test_a_dataset_must_be_named(refused: Refused) -> None:
    assert refused("dataset", "synthesize", "-n", 24).startswith("Missing option '-o' / '--out'")


def another_version(path: Path) -> None:
    """The package's face with the next version's number in its header; both have one digit."""
    data = carried_face().read_bytes()
    version = b'"version":"1"'
    assert data.count(version) == 1
    path.write_bytes(data.replace(version, b'"version":"2"'))


def of_an_editor(path: Path) -> None:
    shutil.copy(carried_weights("stargan"), path)


FACES: dict[str, tuple[Callable[[Path], object], str]] = {
    "cut off": (lambda path: path.write_bytes(carried_face().read_bytes()[:-100]), "is damaged or not a safetensors"),
    "empty": (Path.touch, "is empty; only whole .safetensors files of facerelief are read"),
    "a photo": (lambda path: path.write_bytes(b"\xff\xd8\xff\xe0 JFIF"), "is damaged or not a safetensors file"),
    "another version": (another_version, "is of version 2, this program reads 1; train it again"),
    "an editor": (of_an_editor, "is facerelief-editor, not facerelief-face; name another file"),
    "a folder without": (Path.mkdir, "no weights at"),
}


@pytest.mark.parametrize("what", FACES)
def test_faces_that_cannot_be_used(refused: Refused, tmp_path: Path, what: str) -> None:
    make, message = FACES[what]
    face = tmp_path / "mine.safetensors"
    make(face)
    line = refused(*LEAST, tmp_path / "dataset", "--weights", face)
    assert str(face) in line
    assert message in line


def test_a_folder_that_holds_something_else(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    letter = tmp_path / "mine" / "letter.txt"
    letter.write_text("dear")
    line = refused(*LEAST, tmp_path / "mine")
    assert line == f"{tmp_path / 'mine'} holds other files; choose an empty folder for the dataset"
    assert refused(*LEAST, letter) == f"{letter} is a file; name a folder for the dataset"
    assert refused(*LEAST, letter / "dataset").endswith("; choose another place")


def test_datasets_of_other_settings_or_of_photos(refused: Refused, synthetic: Path, tmp_path: Path) -> None:
    dataset = tmp_path / "dataset"
    shutil.copytree(synthetic, dataset)
    another = "was built with another {}; choose another folder or delete it"
    for option, value, name in (("--seed", 1, "seed"), ("--size", 96, "size")):
        assert refused(*LEAST, dataset, option, value) == f"{dataset} {another.format(name)}"
    settings = json.loads((dataset / "dataset.json").read_text())
    del settings["settings"], settings["face_sha256"]
    (dataset / "dataset.json").write_text(json.dumps(settings | {"depth_maps": False, "recipe": {"size": 64}}))
    assert another.format("settings") in refused(*LEAST, dataset)
