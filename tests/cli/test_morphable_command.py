"""`facerelief morphable`: a face of one's own, the same each time, what it cannot be learned from; and glasses."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from photos import variant
from PIL import ImageDraw
from shells import change_rows

from facerelief.checkpoint import load_checkpoint
from facerelief.data.manifest import METADATA, Sample, read_samples
from facerelief.data.portraits import DatasetPortraits
from facerelief.expressions import EXPRESSIONS
from facerelief.faces.alignment import align
from facerelief.faces.detector import LandmarkFinder
from facerelief.files import sha256
from facerelief.geometry.morphable.learning import learn
from facerelief.geometry.transfer.glasses_classifier import load_glasses
from facerelief.photos.photo import read_photo
from facerelief.release import morphable

Command = Callable
Refused = Callable[..., str]
UNUSED = ("depth", "normal", "mask")

pytest.importorskip("scipy", reason="learning needs scipy")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Textures and sheets of few pixels, from a mean albedo of few photos."""
    monkeypatch.setattr(learn, "UV_SIZE", 64)
    monkeypatch.setattr(learn, "_STARTERS", 10)
    monkeypatch.setattr(morphable, "_TILE", 16)


@pytest.fixture
def dataset(pairs: Path, tmp_path: Path) -> Path:
    """What is learned from, to be spoilt."""
    return Path(shutil.copytree(pairs, tmp_path / "dataset", ignore=shutil.ignore_patterns(*UNUSED)))


def leave_out(dataset: Path, which: Callable[[Sample], bool]) -> None:
    change_rows(dataset, which, keep=False)


def first_mesh(dataset: Path) -> Path:
    return dataset / DatasetPortraits(dataset).samples[0].mesh


# -- what works -----------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("quick")
def test_a_face_is_learned_and_the_same_again(command: Command, pairs: Path, tmp_path: Path) -> None:
    names = ["face.safetensors", "README.md", "expressions.jpg", "settings.jpg", "modes.jpg"]
    first, second = tmp_path / "first", tmp_path / "faces" / "second"
    for folder, options in ((first, ["--data-note", "GeneratorOutput by a program."]), (second, [])):
        result = command("morphable", "fit", pairs, "-o", folder, *options)
        assert (result.code, result.err) == (0, "")
        assert result.out.splitlines() == [str(folder / name) for name in names]
        assert sorted(path.name for path in folder.glob("[!.]*")) == sorted(names)
    for name in names:
        if name != "README.md":
            assert (first / name).read_bytes() == (second / name).read_bytes(), name
    cards = [(folder / "README.md").read_text() for folder in (first, second)]
    assert cards[0] == cards[1].replace("Not stated.", "GeneratorOutput by a program.")


@pytest.mark.usefixtures("quick")
def test_expressions_from_further_datasets(command: Command, pairs: Path, dataset: Path, tmp_path: Path) -> None:
    folder = tmp_path / "face"
    also = ("--expressions-from", pairs)
    result = command("morphable", "fit", pairs, "-o", folder, "--expressions-from", dataset, *also)
    assert (result.code, result.err) == (0, "")
    card = (folder / "README.md").read_text()
    assert (
        "facerelief morphable fit DATASET -o FACE --expressions-from DATASET_1 --expressions-from DATASET_2\n" in card
    )
    for number, path in enumerate((dataset, pairs), 1):
        assert f"{number} has the metadata.csv `{sha256(path / METADATA)}`" in card
    rows = [line for line in card.splitlines() if re.match(r"\| \w+ \| \d+ \| \d+ of \d+ \|", line)]
    names = [row.split(" | ")[0].strip("| ") for row in rows]
    assert names == [name for name in EXPRESSIONS if name not in ("neutral", "contempt")]
    assert all(row.split(" | ")[1] == "1" for row in rows)  # as good as the second, so the first
    facts = load_checkpoint(folder / "face.safetensors", "face").facts
    assert sorted(facts["learned"]) == sorted(names)
    assert facts["further_sha256"] == [sha256(path / METADATA) for path in (dataset, pairs)]


# -- what is refused: one line, and no folder -----------------------------------------------------------------------


def test_too_few_persons(refused: Refused, dataset: Path, tmp_path: Path) -> None:
    persons = sorted({sample.identity for sample in DatasetPortraits(dataset).samples})
    leave_out(dataset, lambda sample: sample.identity in persons[5:])
    neutral = sum(sample.expression == "neutral" for sample in DatasetPortraits(dataset).samples)
    line = refused("morphable", "fit", dataset, "-o", tmp_path / "face")
    assert line == f"{neutral} persons have a neutral photo, 30 are needed to learn a face; add photos"
    assert 0 < neutral <= 5


def test_photos_of_one_expression_only(refused: Refused, dataset: Path, tmp_path: Path) -> None:
    arguments = ("morphable", "fit", dataset, "-o", tmp_path / "face")
    leave_out(dataset, lambda sample: sample.expression != "neutral")
    line = refused(*arguments)
    assert line.startswith("0 persons have a neutral photo and another, 12 are needed for expressions; add photos")
    change_rows(dataset, lambda sample: True, keep=True)
    leave_out(dataset, lambda sample: sample.expression == "neutral")
    assert refused(*arguments) == "there are no neutral photos to learn a face from; label some as neutral"


@pytest.mark.parametrize("rig", ["absent", "."])
def test_a_folder_that_holds_no_rig(refused: Refused, pairs: Path, tmp_path: Path, rig: str) -> None:
    line = refused("morphable", "fit", pairs, "-o", tmp_path / "face", "--rig", tmp_path / rig)
    assert line == f"{tmp_path / rig} lacks browDown_L.obj; name ICT-FaceKit's folder FaceXModel"
    assert not (tmp_path / "face").exists()


def test_a_rig_of_damaged_files(refused: Refused, pairs: Path, tmp_path: Path) -> None:
    for name in ("generic_neutral_mesh", "jawOpen", "browDown_L", "browDown_R"):
        (tmp_path / f"{name}.obj").write_text("v 0 0 0\nf 1 1 1\n")
    line = refused("morphable", "fit", pairs, "-o", tmp_path / "face", "--rig", tmp_path)
    assert line.endswith("generic_neutral_mesh.obj is not ICT-FaceKit's head; name its folder FaceXModel")


def test_a_further_dataset_without_neutral_photos(refused: Refused, pairs: Path, dataset: Path, tmp_path: Path) -> None:
    leave_out(dataset, lambda sample: sample.expression == "neutral")
    line = refused("morphable", "fit", pairs, "-o", tmp_path / "face", "--expressions-from", dataset)
    assert line == f"{dataset} has no neutral photos to compare expressions with; label some as neutral"


@pytest.mark.parametrize("changes", [{"split": "test"}, {"keep": False}, {"yaw": -20.0}, {"pitch": 25.0}])
def test_no_photos_to_learn_from(refused: Refused, dataset: Path, tmp_path: Path, changes: dict[str, object]) -> None:
    change_rows(dataset, lambda sample: True, **changes)
    line = refused("morphable", "fit", dataset, "-o", tmp_path / "face")
    assert line == (f"{dataset} has no kept training photos from the front; see: facerelief dataset stats {dataset}")


def without_photo_size(path: Path) -> None:
    with np.load(path) as arrays:
        kept = {name: values for name, values in arrays.items() if name != "photo_size"}
    np.savez(path, **kept)


def with_few_landmarks(path: Path) -> None:
    np.savez(path, landmarks=np.zeros((467, 3)), matrix=np.eye(2, 3), photo_size=(64, 64))


MESHES: dict[str, tuple[Callable[[Path], object], str]] = {
    "of an earlier version": (without_photo_size, "is from an earlier version ("),
    "cut off": (lambda path: path.write_bytes(path.read_bytes()[:900]), "cannot be read ("),
    "empty": (lambda path: path.write_bytes(b""), "cannot be read ("),
    "absent": (Path.unlink, "cannot be read ("),
    "of few landmarks": (with_few_landmarks, "does not hold 468 finite landmarks; build the dataset again"),
}


@pytest.mark.parametrize("what", MESHES)
def test_a_mesh_that_cannot_be_used(refused: Refused, dataset: Path, tmp_path: Path, what: str) -> None:
    spoil, message = MESHES[what]
    path = first_mesh(dataset)
    spoil(path)
    line = refused("morphable", "fit", dataset, "-o", tmp_path / "face")
    assert line.startswith(f"{path} ")
    assert message in line
    assert line.endswith("build the dataset again")


@pytest.mark.usefixtures("quick")
def test_a_picture_that_cannot_be_read(refused: Refused, dataset: Path, tmp_path: Path) -> None:
    path = dataset / DatasetPortraits(dataset).samples[-1].file_name
    path.write_bytes(path.read_bytes()[:500])
    line = refused("morphable", "fit", dataset, "-o", tmp_path / "face")
    assert line.startswith(f"{path} cannot be read (")
    assert line.endswith("; build the dataset again")


def test_what_is_no_dataset_or_of_another_version(refused: Refused, dataset: Path, tmp_path: Path) -> None:
    face, nowhere = ("-o", tmp_path / "face"), tmp_path / "nowhere"
    assert refused("morphable", "fit", nowhere, *face).startswith(f"{nowhere} is not a dataset (no dataset.json);")
    settings = json.loads((dataset / "dataset.json").read_text())
    (dataset / "dataset.json").write_text(json.dumps(settings | {"version": 99}))
    line = refused("morphable", "fit", dataset, *face)
    assert line == f"{dataset} is of version 99, this program reads 1; build it again"
    (dataset / "dataset.json").write_text("{")
    assert "dataset.json is damaged" in refused("morphable", "fit", dataset, *face)


def test_arguments_that_are_missing(refused: Refused, pairs: Path) -> None:
    assert refused("morphable", "fit", pairs) == "Missing option '-o' / '--out'; see: facerelief morphable fit --help"
    assert refused("morphable", "fit", "-o", "face").lower().startswith("missing argument 'dataset'; see: ")
    assert len(read_samples(pairs)) == 104


# -- glasses --------------------------------------------------------------------------------------------------------


def sorted_photos(folder: Path, finder: LandmarkFinder, people: int) -> Path:
    """Heads, half of them with dark rings around the eyes."""
    for number in range(2 * people):
        picture = variant(number)
        wears = number % 2 == 0
        if wears:
            points = finder(np.asarray(picture))[0].landmarks[:, :2]
            for eye in ((33, 133), (362, 263)):
                (x, y), radius = points[list(eye)].mean(axis=0), 0.9 * np.ptp(points[list(eye), 0])
                ImageDraw.Draw(picture).ellipse((x - radius, y - radius, x + radius, y + radius), outline=30, width=2)
        path = folder / ("glasses" if wears else "without") / f"person{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.save(path)
    return folder


def test_glasses_are_learned(command: Command, refused: Refused, finder: LandmarkFinder, tmp_path: Path) -> None:
    photos = sorted_photos(tmp_path / "photos", finder, 22)
    call = ("morphable", "glasses", photos, "-o", tmp_path / "glasses")
    result = command(*call, "--data-note", "Drawn.")
    assert result.code == 0
    assert result.out.splitlines() == [
        str(tmp_path / "glasses" / name) for name in ("glasses.safetensors", "README.md")
    ]
    card = (tmp_path / "glasses" / "README.md").read_text()
    assert "Drawn." in card
    found, without = map(int, re.search(r"Faces: (\d+) with glasses, (\d+) without", card).groups())
    assert found >= 20 and without >= 20
    classifier = load_glasses(tmp_path / "glasses" / "glasses.safetensors")
    for name, wears in (("glasses/person0.png", True), ("without/person1.png", False)):
        rgb = read_photo(photos / name).rgb
        assert (classifier(align(finder(rgb)[0].landmarks, 160).cut(rgb)) > 0.5) == wears
    shutil.rmtree(photos / "without")
    assert "in glasses, 0 in without); put at least 20 photos" in refused(*call, "--overwrite")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "a.txt").touch()
    assert "holds something else" in refused(*call[:-1], tmp_path / "other")
