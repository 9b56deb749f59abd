"""`facerelief dataset build | review | stats`: from generated photos, and what is refused."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from photos import variant, write_tree
from PIL import Image

from facerelief.data.build import build_dataset
from facerelief.data.manifest import REJECTS, Reject, read_rows, read_samples
from facerelief.data.sources.layouts import read_labelled
from facerelief.faces.alignment import Crop
from facerelief.geometry.depth_maps import load_depth
from facerelief.geometry.topology import face_triangles

Command = Callable
Refused = Callable[..., str]


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    write_tree(folder, ("neutral", "happy"), people=4)
    Image.new("RGB", (200, 200), "gray").save(folder / "happy" / "blank.png")
    (folder / "happy" / "empty.jpg").touch()
    return folder


@pytest.fixture(scope="module")
def finished(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    dataset = tmp_path_factory.mktemp("finished") / "dataset"
    build_dataset(read_labelled(photos).photos, photos, dataset, workers=1)
    return dataset


@pytest.fixture
def built(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "dataset"))


# -- what works -----------------------------------------------------------------------------------------------------


def test_build_says_what_became_of_the_photos(command: Command, photos: Path, tmp_path: Path) -> None:
    dataset = tmp_path / "dataset"
    result = command("dataset", "build", photos, "-o", dataset, "--workers", 1)
    assert result.code == 0
    assert "read as 'folder', by folders named by expression" in result.out
    assert f"8 of 10 photos became samples; 1 no usable face; 1 unreadable: see {dataset / REJECTS}" in result.out
    assert str(dataset / "review.html") in result.out
    assert (dataset / "review.html").stat().st_size > 10_000
    assert all(line.startswith("warning: ") for line in result.err.splitlines())
    assert [row.source for row in read_rows(dataset / REJECTS, Reject)] == ["happy/blank.png", "happy/empty.jpg"]
    again = command("dataset", "build", photos, "-o", dataset, "--workers", 1)
    assert again == result


def test_review_and_stats_of_a_dataset(command: Command, built: Path) -> None:
    reviewed = command("dataset", "review", built, "--max-yaw", 0)
    assert reviewed.code == 0
    assert "0 of 8 kept" in reviewed.out
    counted = command("dataset", "stats", built)
    assert counted.code == 0
    assert "warning: no sample is kept" in counted.err
    assert "8 of 8 kept" in command("dataset", "review", built, "--max-yaw", 90, "--min-face-size", 1).out
    assert "Happy" in command("dataset", "stats", built).out


def test_labels_from_a_table(command: Command, photos: Path, tmp_path: Path) -> None:
    folder = tmp_path / "flat"
    shutil.copytree(photos / "neutral", folder)
    rows = [
        f"{path.name},{label},p{n},{split}"
        for n, (path, label, split) in enumerate(
            zip(
                sorted(folder.glob("*.jpg")),
                ("fear", "1", "Angry", "sad"),
                ("train", "train", "val", "test"),
                strict=True,
            )
        )
    ]
    (folder / "labels.csv").write_text("\n".join(["path,expression,identity,split", *rows]))
    for number, source in enumerate((folder, folder / "labels.csv")):
        dataset = tmp_path / f"dataset{number}"
        assert command("dataset", "build", source, "-o", dataset).code == 0
        samples = read_samples(dataset)
        assert [s.expression for s in samples] == ["fear", "happiness", "anger", "sadness"]
        assert [s.split for s in samples] == ["train", "train", "val", "test"]
        assert [s.source for s in samples] == sorted(path.name for path in folder.glob("*.jpg"))


def test_rafd_and_its_cameras(command: Command, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    for n, camera in enumerate((90, 90, 135)):
        variant(n).save(tmp_path / "photos" / f"Rafd{camera:03}_{n:02}_Caucasian_female_angry_frontal.jpg")
    result = command("dataset", "build", tmp_path / "photos", "-o", tmp_path / "dataset", "--cameras", "90")
    assert result.code == 0, result.err
    assert [(s.expression, s.identity) for s in read_samples(tmp_path / "dataset")] == [
        ("anger", "00"),
        ("anger", "01"),
    ]


def test_depth_maps_and_meshes_of_others(command: Command, photos: Path, built: Path, tmp_path: Path) -> None:
    samples = read_samples(built)
    maps, meshes, few = tmp_path / "maps", tmp_path / "meshes", tmp_path / "photos" / "happy"
    for folder in (maps, meshes, few):
        folder.mkdir(parents=True)
    chosen = [sample for sample in samples if sample.expression == "happiness"][:2]
    for sample in chosen:
        shutil.copy(photos / sample.source, few)
        with np.load(built / sample.mesh) as arrays:
            vertices = Crop(arrays["matrix"], 256).to_photo(arrays["vertices"].astype(float))
        np.savez(meshes / f"{Path(sample.source).stem}.npz", vertices=vertices, triangles=face_triangles())
    Image.fromarray(np.full((256, 256), 200, np.uint8)).save(maps / f"{Path(chosen[0].source).stem}_depth.png")

    result = command("dataset", "build", few.parent, "-o", tmp_path / "overlaid", "--depth-maps", maps)
    assert result.code == 0
    assert f"1 of 2 photos have a map in {maps}" in result.out
    flat = [
        len(np.unique(load_depth(tmp_path / "overlaid" / s.depth_file_name))) == 1
        for s in read_samples(tmp_path / "overlaid")
    ]
    assert flat == [True, False]

    options = ("--reconstructor", "meshfile", "--meshes", meshes)
    assert command("dataset", "build", few.parent, "-o", tmp_path / "meshed", *options).code == 0
    for ours, theirs in zip(chosen, read_samples(tmp_path / "meshed"), strict=True):
        expected, got = (
            load_depth(folder / s.depth_file_name) for folder, s in ((built, ours), (tmp_path / "meshed", theirs))
        )
        both = (expected > 0) & (got > 0)
        assert np.median(np.abs(expected - got)[both]) < 0.002


def test_names_that_are_not_text(command: Command, tmp_path: Path) -> None:
    folder = tmp_path / "photos" / "happy"
    folder.mkdir(parents=True)
    variant(0).save(folder / "J\udcfcrgen_1.png")
    variant(1).save(folder / "Zoë [bold]_1.png")
    assert command("dataset", "build", folder.parent, "-o", tmp_path / "dataset").code == 0
    assert [s.identity for s in read_samples(tmp_path / "dataset")] == ["J\\xfcrgen", "Zoë [bold]"]


# -- what is refused ------------------------------------------------------------------------------------------------


def tree(folder: Path, *files: str) -> Path:
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"never decoded")
    return folder


def table(folder: Path, *rows: str) -> Path:
    tree(folder, "a.jpg")
    (folder / "labels.csv").write_text("\n".join(["path,expression", *rows]))
    return folder


SOURCES: dict[str, tuple[Callable[[Path], Path], str]] = {
    "missing": (lambda folder: folder / "nowhere", "does not exist; give a folder of photos or a CSV that lists them"),
    "archive": (
        lambda folder: tree(folder, "photos.zip") / "photos.zip",
        "is neither a folder nor a .csv table; unpack",
    ),
    "unlabelled": (lambda folder: tree(folder, "holiday/a.jpg"), "no photos found; looked for folders named neutral,"),
    "empty class": (
        lambda folder: tree(folder, "happy/a.jpg", "sad/note.txt"),
        "in sad; add some or remove the folder",
    ),
    "unknown label": (lambda folder: table(folder, "a.jpg,smirk"), "line 2: unknown expression 'smirk'; choose from"),
    "absent photo": (lambda folder: table(folder, "b.jpg,fear"), "1 photos do not exist below"),
    "outside": (lambda folder: table(folder, "../../a.jpg,fear"), "is not a file below"),
    "two labels": (
        lambda folder: table(folder, "a.jpg,fear", "a.jpg,sad"),
        "two expressions, fear and sadness; keep one",
    ),
}


@pytest.mark.parametrize("what", SOURCES)
def test_photos_that_cannot_be_read_as_labelled(refused: Refused, tmp_path: Path, what: str) -> None:
    make, message = SOURCES[what]
    assert message in refused("dataset", "build", make(tmp_path / "photos"), "-o", tmp_path / "dataset")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--source", "fer"], "no source 'fer'; choose from affectnet, csv, ferplus, folder, london, rafd"),
        (["--source", "rafd"], "no labelled photos for source 'rafd'"),
        (["--source", "affectnet"], "no AffectNet found; looked for"),
        (["--reconstructor", "tddfa", "--workers", "2"], "no reconstructor 'tddfa'; choose from"),
        (["--reconstructor", "meshfile"], "--reconstructor meshfile and --meshes FOLDER go together"),
        (["--meshes", "."], "--reconstructor meshfile and --meshes FOLDER go together"),
        (["--reconstructor", "meshfile", "--meshes", "none"], "no folder of meshes none; name the one that holds"),
        (["--task-file", "none.task"], "no task file none.task; download face_landmarker.task"),
        (["--depth-maps", "none"], "none is not a folder; give the folder of the depth maps"),
        (["--workers", "0"], "Invalid value for '--workers'"),
        (["--per-class", "0"], "per_class is 0; it must be at least 1"),
    ],
)
def test_options_that_cannot_be_followed(
    refused: Refused, photos: Path, tmp_path: Path, options: list[str], message: str
) -> None:
    assert message in refused("dataset", "build", photos, "-o", tmp_path / "dataset", *options)


def test_a_folder_that_holds_something_else(refused: Refused, photos: Path, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    assert "holds other files; choose an empty folder" in refused("dataset", "build", photos, "-o", tmp_path)
    line = refused("dataset", "build", photos, "-o", tmp_path / "letter.txt")
    assert line == f"{tmp_path / 'letter.txt'} is a file; name a folder for the dataset"


def test_a_build_without_a_single_sample(command: Command, tmp_path: Path) -> None:
    folder = tmp_path / "photos" / "sad"
    folder.mkdir(parents=True)
    Image.new("RGB", (90, 90)).save(folder / "a.png")
    result = command("dataset", "build", folder.parent, "-o", tmp_path / "dataset")
    expected = f"none of 1 photos became a sample (1 no usable face); see {tmp_path / 'dataset' / REJECTS}"
    assert (result.code, result.err) == (2, f"facerelief: {expected}\n")
    assert [row.detail for row in read_rows(tmp_path / "dataset" / REJECTS, Reject)] == ["no face found"]


def test_a_changed_setting(refused: Refused, photos: Path, built: Path) -> None:
    line = refused("dataset", "build", photos, "-o", built, "--seed", 7)
    assert line == f"{built} was built with another seed; choose another folder or delete it"


@pytest.mark.parametrize("verb", [("dataset", "review"), ("dataset", "stats"), ("train", "judge"), ("train", "depth")])
def test_datasets_that_cannot_be_read(refused: Refused, built: Path, tmp_path: Path, verb: tuple[str, str]) -> None:
    run = ("-o", tmp_path / "run") if verb[0] == "train" else ()
    settings = built / "dataset.json"
    damages = {
        json.dumps(
            {**json.loads(settings.read_text()), "version": 99}
        ): "is of version 99, this program reads 1; build it",
        "{": "dataset.json is damaged",
        "[]": "dataset.json is damaged (a list, not an object); build the dataset again",
    }
    for text, message in damages.items():
        settings.write_text(text)
        assert message in refused(*verb, built, *run)
    settings.unlink()
    assert "is not a dataset (no dataset.json); make one with" in refused(*verb, built, *run)
    assert "is not a dataset (no dataset.json); make one with" in refused(*verb, tmp_path / "nowhere", *run)


def test_a_table_damaged_by_hand(refused: Refused, built: Path) -> None:
    table = built / "metadata.csv"
    lines = table.read_text().splitlines()
    damages = {
        "\n".join([lines[0].replace("yaw", "jaw"), *lines[1:]]): "has no column 'yaw'; it is from another version",
        "\n".join([*lines[:3], lines[3][:40]]): "line 4: ",
    }
    for text, message in damages.items():
        table.write_text(text)
        assert message in refused("dataset", "stats", built)
    table.unlink()
    assert "metadata.csv is missing; build the dataset with" in refused("dataset", "stats", built)
