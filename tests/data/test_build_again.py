"""Builds that are interrupted, repeated, changed or refused: what is in the folder stays right, byte for byte."""

import dataclasses
import errno
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from odd_extractor import OddExtractor
from photos import variant
from PIL import Image
from shells import contents

from facerelief.data import Dataset, extract
from facerelief.data import build as build_module
from facerelief.data.arrays import load_arrays
from facerelief.data.build import Built, build_dataset
from facerelief.data.extract import ExtractionTask, Recipe
from facerelief.data.journal import JOURNAL, read_journal
from facerelief.data.manifest import REJECTS, SETTINGS, Reject, Sample, read_rows, read_samples
from facerelief.data.sham import make_sham
from facerelief.data.sources.labelled import Labelled
from facerelief.data.sources.layouts import read_labelled
from facerelief.errors import DatasetError, FacereliefError, NoFaceFound
from facerelief.faces.alignment import Crop
from facerelief.geometry.depth_maps import load_depth
from facerelief.geometry.topology import face_triangles


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """48 photos, large ones, so that two workers take seconds and a signal comes before they are done."""
    folder = tmp_path_factory.mktemp("photos")
    files = [encoded(variant(n, 900)) for n in range(4)]
    for name in ("sad", "fear"):
        (folder / name).mkdir()
        for n in range(24):
            (folder / name / f"Person{chr(65 + n)}_{n}.png").write_bytes(files[n % 4])
    (folder / "sad" / "PersonX_23.png").write_bytes(b"")
    return folder


@pytest.fixture(scope="module")
def dataset(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one process makes of the first six, undisturbed."""
    root = tmp_path_factory.mktemp("built") / "dataset"
    build(photos, root)
    return root


def encoded(picture: Image.Image) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, "PNG", compress_level=1)
    return stream.getvalue()


def build(photos: Path, dataset: Path, first: int = 6, **options: object) -> Built:
    labelled = read_labelled(photos).photos[:first]
    return build_dataset(labelled, photos, dataset, **{"workers": 1, **options})  # type: ignore[arg-type]


def built(dataset: Path) -> dict[str, bytes]:
    """Every file by name; the journal's lines may come in another order, and the review's files do not count."""
    left_out = (JOURNAL, "review.html", "overrides.csv")
    return {name: data for name, data in contents(dataset).items() if name not in left_out}


def assert_same(dataset: Path, expected: Path) -> None:
    got, wanted = built(dataset), built(expected)
    assert sorted(got) == sorted(wanted)
    assert [name for name in wanted if got[name] != wanted[name]] == []


# -- one result, whatever the path to it ----------------------------------------------------------------------------


def test_a_second_build_changes_nothing(photos: Path, dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = built(dataset)
    monkeypatch.setattr(extract.Extractor, "__call__", lambda *_: pytest.fail("done again"))
    build(photos, dataset)
    assert built(dataset) == before


def test_corrected_labels_need_no_new_build(photos: Path, dataset: Path, tmp_path: Path) -> None:
    labelled = read_labelled(photos).photos[:3]
    build_dataset(labelled, photos, tmp_path / "dataset", workers=1)
    corrected = [dataclasses.replace(labelled[0], expression="anger", identity="Eve"), *labelled[1:]]
    samples = build_dataset(corrected, photos, tmp_path / "dataset", workers=1).samples
    assert [(s.expression, s.identity) for s in samples] == [(one.expression, one.identity) for one in corrected]


def test_a_journal_cut_off_in_a_line(photos: Path, dataset: Path, tmp_path: Path) -> None:
    labelled = read_labelled(photos).photos[:4]
    for name in ("torn", "whole"):
        build_dataset(labelled, photos, tmp_path / name, workers=1)
    journal = tmp_path / "torn" / JOURNAL
    journal.write_bytes(journal.read_bytes()[:-40])
    (tmp_path / "torn" / "metadata.csv").unlink()
    build_dataset(labelled, photos, tmp_path / "torn", workers=1)
    assert_same(tmp_path / "torn", tmp_path / "whole")
    assert read_journal(journal) == read_journal(tmp_path / "whole" / JOURNAL)


@pytest.mark.parametrize(
    "damage", ["[" * 100_000, "\0", '{"kind": "Sample"}', "[]", '{"kind": "Reject", "source": ["a"]}']
)
def test_a_photo_whose_line_in_the_journal_is_damaged_is_done_again(photos: Path, tmp_path: Path, damage: str) -> None:
    labelled = read_labelled(photos).photos[:2]
    whole = build_dataset(labelled, photos, tmp_path / "dataset", workers=1)
    before = built(tmp_path / "dataset")
    journal = tmp_path / "dataset" / JOURNAL
    _, second, _ = journal.read_text().split("\n")
    journal.write_text(f"{damage}\n{second}\n")
    calls: list[tuple[int, int]] = []
    again = build_dataset(labelled, photos, tmp_path / "dataset", workers=1, progress=lambda *call: calls.append(call))
    assert calls == [(1, 2), (2, 2)]
    assert again == whole
    assert built(tmp_path / "dataset") == before


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task")
    return [int(child) for task in tasks.iterdir() for child in (task / "children").read_text().split()]


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 120  # only a hang lasts so long
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)


def heed_interrupts() -> None:
    """What a shell starts in the background ignores Ctrl-C, and so would what it starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def start_build(photos: Path, dataset: Path) -> subprocess.Popen[str]:
    """`facerelief dataset build` with two workers, in a process group of its own, returned when it has done a photo."""
    command = [
        sys.executable,
        "-m",
        "facerelief",
        "dataset",
        "build",
        str(photos),
        "-o",
        str(dataset),
        "--workers",
        "2",
    ]
    process = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=heed_interrupts,
    )
    before = lines(dataset)
    wait_for(lambda: process.poll() is not None or lines(dataset) > before)
    return process


def lines(dataset: Path) -> int:
    journal = dataset / JOURNAL
    return journal.read_bytes().count(b"\n") if journal.is_file() else 0


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="looks for the workers in /proc")
def test_killed_interrupted_and_finished(photos: Path, tmp_path: Path) -> None:
    """Killed outright with two workers, begun again, stopped by Ctrl-C, finished: as if one process had done it all."""
    process = start_build(photos, tmp_path / "killed")
    workers = children(process.pid)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert len(workers) >= 2
    wait_for(lambda: not any(running(worker) for worker in workers))  # nobody is left behind
    after_kill = lines(tmp_path / "killed")
    assert 0 < after_kill < 48

    process = start_build(photos, tmp_path / "killed")
    workers = children(process.pid)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the workers too
    _, stderr = process.communicate()
    assert process.returncode == 130
    assert re.fullmatch(
        r"(building: .*\n)*facerelief: interrupted; \d+ of 48 photos are done; run the same command again to resume\n",
        stderr,
    ), stderr
    wait_for(lambda: not any(running(worker) for worker in workers))
    after_interruption = lines(tmp_path / "killed")
    assert after_kill < after_interruption < 48

    calls: list[tuple[int, int]] = []
    build(photos, tmp_path / "killed", 48, progress=lambda *call: calls.append(call))
    assert calls == [(n, 48) for n in range(after_interruption, 49)]
    built = build(photos, tmp_path / "whole", 48)
    assert (len(built.samples), len(built.rejects)) == (47, 1)
    assert_same(tmp_path / "killed", tmp_path / "whole")


# -- refusals: one line, and nothing written ------------------------------------------------------------------------


def test_other_settings_in_the_same_folder(photos: Path, dataset: Path, tmp_path: Path) -> None:
    before = built(dataset)
    others = {
        "seed": {"seed": 1},
        "size": {"recipe": Recipe(size=128)},
        "recipe": {"recipe": Recipe(reconstructor="meshfile", reconstructor_options={"folder": str(tmp_path)})},
        "depth maps": {"overlays": {photos / "fear" / "PersonA_0.png": tmp_path / "map.png"}},
    }
    for name, options in others.items():
        with pytest.raises(DatasetError, match=f"was built with another {name}; choose another folder or delete it"):
            build(photos, dataset, **options)
    assert built(dataset) == before


def test_a_folder_of_something_else(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(DatasetError, match="mine holds other files; choose an empty folder for the dataset"):
        build(photos, tmp_path / "mine")
    with pytest.raises(DatasetError, match=r"letter\.txt is a file; name a folder for the dataset"):
        build(photos, tmp_path / "mine" / "letter.txt")
    with pytest.raises(FacereliefError, match=r"cannot write .*; choose another place"):
        build(photos, tmp_path / "mine" / "letter.txt" / "dataset")
    assert [path.name for path in tmp_path.rglob("*")] == ["mine", "letter.txt"]


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        (Recipe(reconstructor="tddfa"), "no reconstructor 'tddfa'; choose from"),
        (Recipe(reconstructor="meshfile", reconstructor_options={"folder": "nowhere"}), "no folder of meshes nowhere"),
        (Recipe(task_file="nowhere.task"), r"no task file nowhere\.task; download"),
        (Recipe(finder="dlib"), "no face finder 'dlib'"),
    ],
)
def test_recipes_that_cannot_be_followed(photos: Path, tmp_path: Path, recipe: Recipe, message: str) -> None:
    with pytest.raises(FacereliefError, match=message):
        build(photos, tmp_path / "dataset", recipe=recipe, workers=2)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("where", ["savez", "journal"])
def test_a_full_disk(photos: Path, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """The build stops with one line; when there is room again, it goes on."""
    labelled = read_labelled(photos).photos[:3]

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        if where == "savez":
            patch.setattr(np, "savez", full)
        else:
            really = Path.open
            patch.setattr(Path, "open", lambda p, *a, **k: full() if p.name == JOURNAL else really(p, *a, **k))
        with pytest.raises(FacereliefError, match=r"cannot write .*: No space left on device; free space and run"):
            build_dataset(labelled, photos, tmp_path / "dataset", workers=1)
    assert not (tmp_path / "dataset" / "metadata.csv").exists()
    build_dataset(labelled, photos, tmp_path / "dataset", workers=1)
    build_dataset(labelled, photos, tmp_path / "undisturbed", workers=1)
    assert_same(tmp_path / "dataset", tmp_path / "undisturbed")


@pytest.mark.parametrize("workers", [1, 2])
def test_no_photo_stops_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int) -> None:
    """One that ends its process, one at which it hangs, two at which it fails: a row for each of all photos."""
    names = ["kills", "hangs", "fails", "greedy", *(f"p{number}" for number in range(14))]
    labelled = []
    for name in names:
        (tmp_path / f"{name}.jpg").write_bytes(name.encode())
        labelled.append(Labelled(tmp_path / f"{name}.jpg", "fear", name))
    monkeypatch.setattr(build_module, "Extractor", OddExtractor)
    monkeypatch.setattr(build_module, "MOST_SECONDS", 4.0)
    found = build_dataset(labelled, tmp_path, tmp_path / "dataset", workers=workers)
    assert [(one.source, one.reason, one.detail) for one in found.rejects] == [
        ("kills.jpg", "given up", "its process died, perhaps out of memory"),
        ("hangs.jpg", "given up", "not done in 4 s"),
        ("fails.jpg", "given up", "ZeroDivisionError: division by zero"),
        ("greedy.jpg", "given up", "MemoryError"),
        *((f"p{number}.jpg", "no usable face", "no face found") for number in range(14)),
    ]
    rows = read_rows(tmp_path / "dataset" / REJECTS, Reject)
    assert rows == found.rejects
    journal = (tmp_path / "dataset" / JOURNAL).read_text().splitlines()
    assert len(journal) == len(names)


def test_what_was_given_up_is_tried_again_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There was too little memory, and now there is enough."""
    labelled = []
    for name in ("greedy", "a", "fails"):
        (tmp_path / f"{name}.jpg").write_bytes(name.encode())
        labelled.append(Labelled(tmp_path / f"{name}.jpg", "fear", name))
    monkeypatch.setattr(build_module, "Extractor", OddExtractor)
    build_dataset(labelled, tmp_path, tmp_path / "dataset", workers=1)
    tried = []

    class Recovered(OddExtractor):
        def _sample(self, task: ExtractionTask) -> Sample:
            tried.append(task.source)
            raise NoFaceFound("no face found")

    monkeypatch.setattr(build_module, "Extractor", Recovered)
    for _ in range(2):
        found = build_dataset(labelled, tmp_path, tmp_path / "dataset", workers=1)
        assert tried == ["greedy.jpg", "fails.jpg"]
        assert {one.reason for one in found.rejects} == {"no usable face"}


def test_another_landmark_network_does_not_go_on_with_a_dataset(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an earlier version began, which recorded none, is gone on with."""
    dataset = tmp_path / "dataset"
    build(photos, dataset, 1)
    settings = json.loads((dataset / SETTINGS).read_text())
    with monkeypatch.context() as other:
        other.setattr(build_module, "CHECKSUMS", {build_module.FACE_MESH: "0" * 64})
        with pytest.raises(DatasetError, match="was built with another landmark network; choose another folder"):
            build(photos, dataset, 2)
    del settings["landmark_network_sha256"]
    (dataset / SETTINGS).write_text(json.dumps(settings))
    assert len(build(photos, dataset, 2).samples) == 2


def test_copies_keep_what_they_have_when_a_photo_is_done_again(photos: Path, tmp_path: Path) -> None:
    own, dataset, copy = tmp_path / "photos", tmp_path / "dataset", tmp_path / "copy"
    shutil.copytree(photos / "sad", own / "sad")
    build(own, dataset, 3)
    make_sham(Dataset(dataset), copy, "shuffled")
    before = contents(copy)
    changed = sorted((own / "sad").iterdir())[0]
    Image.open(changed).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(changed)
    build(own, dataset, 3)
    assert contents(copy) == before


def test_a_photo_that_is_another_by_now_is_done_again_and_others_are_not(photos: Path, tmp_path: Path) -> None:
    own, dataset = tmp_path / "photos", tmp_path / "dataset"
    shutil.copytree(photos / "sad", own / "sad")
    (own / "sad" / "PersonA_0.png").write_bytes(b"broken")
    first = build(own, dataset, 4)
    assert [one.reason for one in first.rejects] == ["unreadable"]
    before = contents(dataset)
    shutil.copy(photos / "sad" / "PersonA_0.png", own / "sad" / "PersonA_0.png")
    shutil.copy(photos / "sad" / "PersonB_1.png", own / "sad" / "PersonC_2.png")
    again = build(own, dataset, 4)
    assert (len(again.samples), again.rejects) == (4, [])
    changed = {name for name, data in contents(dataset).items() if before.get(name) != data}
    assert {name for name in changed if "PersonA" in name or "PersonC" in name} == {
        name for name in contents(dataset) if "PersonA" in name or "PersonC" in name
    }
    assert not {name for name in changed if "PersonB" in name or "PersonD" in name}
    assert len((dataset / JOURNAL).read_text().splitlines()) == 4 + 2


def test_a_mesh_that_comes_later_or_is_another_by_now_is_read(photos: Path, dataset: Path, tmp_path: Path) -> None:
    """Three photos: one has its mesh from the start, one gets another mesh, and one gets its first."""
    meshes, made = tmp_path / "meshes", tmp_path / "dataset"
    meshes.mkdir()
    samples = read_samples(dataset)[:3]
    for sample in samples:
        with np.load(dataset / sample.mesh) as arrays:
            vertices = Crop(arrays["matrix"], 256).to_photo(arrays["vertices"].astype(float))
        np.savez(meshes / Path(sample.source).with_suffix(".npz").name, vertices=vertices, triangles=face_triangles())
    _, second, third = (meshes / Path(sample.source).with_suffix(".npz").name for sample in samples)
    third.rename(tmp_path / "later.npz")
    recipe = Recipe(reconstructor="meshfile", reconstructor_options={"folder": str(meshes)})
    assert [one.reason for one in build(photos, made, 3, recipe=recipe).rejects] == ["no geometry"]
    (tmp_path / "later.npz").rename(third)
    with np.load(second) as arrays:
        np.savez(second, vertices=arrays["vertices"] * (1, 1, 0), triangles=arrays["triangles"])
    again = build(photos, made, 3, recipe=recipe)
    assert again.rejects == []
    assert len((made / JOURNAL).read_text().splitlines()) == 3 + 2  # the first is not done again
    levels = [len(np.unique(load_depth(made / one.depth_file_name))) for one in again.samples]
    assert levels[1] < 5 < min(levels[0], levels[2])  # a flat face


def test_decoded_copies_do_not_outlive_the_maps(photos: Path, tmp_path: Path) -> None:
    """Training after a depth map was replaced reads the new one, though the photo and its row are the same."""
    labelled, map_ = read_labelled(photos).photos[:2], tmp_path / "map.png"
    depths = []
    for level in (200, 100):
        Image.new("L", (256, 256), level).save(map_)
        made = build_dataset(labelled, photos, tmp_path / "dataset", overlays={labelled[0].photo: map_}, workers=1)
        names = tuple({sample.expression for sample in made.samples})
        depths.append(
            load_arrays(Dataset(tmp_path / "dataset"), made.samples, 32, "rgb", names).depth[:, 16, 16] / 65535
        )
    assert [float(depth[0]) for depth in depths] == pytest.approx([200 / 255, 100 / 255], abs=1e-3)
    assert depths[0][1] == depths[1][1]


def test_who_was_published_in_two_splits_is_trained_on_and_it_is_said(photos: Path, tmp_path: Path) -> None:
    files = sorted((photos / "sad").glob("*.png"))[:3]
    told = [("Ann", "test"), ("Ann", "train"), ("Bob", "test")]
    labelled = [Labelled(file, "sadness", who, None, split) for file, (who, split) in zip(files, told, strict=True)]
    built = build_dataset(labelled, photos, tmp_path / "dataset", workers=1)
    assert [one.split for one in built.samples] == ["train", "train", "test"]
    assert built.notes == ["1 photos leave their published split: their persons are in an earlier one too"]
