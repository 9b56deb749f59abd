"""Shards against the folder that the same photos make: the same files, bit for bit, both ways and after a kill."""

import dataclasses
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from odd_extractor import OddExtractor
from photos import write_tree
from PIL import Image

from facerelief.data.build import build_dataset
from facerelief.data.extract import ExtractionTask
from facerelief.data.manifest import METADATA, REJECTS, SETTINGS, Reject, read_rows, read_samples
from facerelief.data.review.selection import review
from facerelief.data.shards import maker
from facerelief.data.shards.archive import files_of
from facerelief.data.shards.build import build_shards
from facerelief.data.shards.convert import pack, unpack
from facerelief.data.shards.photos import labelled_photos
from facerelief.data.shards.plan import SHARD_LIST, ShardPhoto, plan_shards
from facerelief.data.sources.labelled import Labelled
from facerelief.data.sources.layouts import read_labelled
from facerelief.errors import DatasetError, FacereliefError
from facerelief.processes.cluster import Spread

TABLES = (METADATA, REJECTS, SETTINGS)
HERE = Spread(workers=1)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """12 good photos, of them one named oddly, and two bad ones."""
    folder = tmp_path_factory.mktemp("photos")
    write_tree(folder, ("neutral", "happy"), 6)
    (folder / "happy" / "PersonA_0001.jpg").rename(folder / "happy" / "=Zoë Ω.jpg")
    (folder / "happy" / "empty.jpg").touch()
    Image.new("RGB", (256, 256), "gray").save(folder / "neutral" / "blank.png")
    return folder


@pytest.fixture(scope="module")
def folder(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder, built and reviewed."""
    dataset = tmp_path_factory.mktemp("folder") / "dataset"
    build_dataset(read_labelled(photos).photos, photos, dataset, workers=1)
    review(dataset)
    return dataset


@pytest.fixture(scope="module")
def shards(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shards of the same photos."""
    out = tmp_path_factory.mktemp("shards") / "out"
    build(photos, out)
    return out


def build(photos: Path, out: Path, **more: Any) -> Any:
    with labelled_photos(str(photos)) as found:
        return build_shards(found, str(out), spread=HERE, per_shard=4, **more)


def files(folder: Path, *, but: tuple[str, ...] = ()) -> dict[str, bytes]:
    found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return {name: content for name, content in found.items() if not name.startswith(but)}


# -- what is built --------------------------------------------------------------------------------------------------


def test_the_tables_are_those_of_the_folder(folder: Path, shards: Path) -> None:
    for table in TABLES:
        assert (shards / table).read_bytes() == (folder / table).read_bytes()
    assert len(read_samples(shards)) == 12


def test_shards_hold_each_sample_once_beside_its_row(folder: Path, shards: Path) -> None:
    rows = {Path(sample.file_name).stem: sample for sample in read_samples(folder)}
    seen = []
    for path in sorted(shards.glob("*.tar")):
        with tarfile.open(path) as tar:
            assert len(tar.getnames()) <= 4 * 6
            for member in tar.getmembers():
                stem, _, ending = member.name.partition(".")
                content = tar.extractfile(member).read()  # type: ignore[union-attr]
                assert (member.mtime, member.uid, member.uname) == (0, 0, "")
                if ending == "json":
                    seen.append(stem)
                    row = dataclasses.asdict(rows[stem])
                    assert json.loads(content) == {k: row[k] for k in row if k not in ("quality", "keep", "reasons")}
                    assert path.name.startswith(rows[stem].split)
                elif ending == "rgb.png":
                    assert Image.open(io.BytesIO(content)).size == (256, 256)
    assert sorted(seen) == sorted(rows)


def test_datasets_streams_them(shards: Path, tmp_path: Path) -> None:
    pytest.importorskip("datasets", reason="reads shards with Hugging Face's own loader")
    code = """
import json, sys
from datasets import load_dataset
loaded = load_dataset("webdataset", data_files={"train": sys.argv[1] + "/train-*.tar"}, streaming=True)["train"]
shown = [[row["json"]["source"], row["rgb.png"].size, row["depth.png"].mode, len(row["mesh.bin"])] for row in loaded]
print(json.dumps(shown))
"""
    offline = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path), "HF_DATASETS_DISABLE_PROGRESS_BARS": "1"}
    done = subprocess.run([sys.executable, "-c", code, str(shards)], env=offline, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout.splitlines()[-1])
    assert sorted(row[0] for row in rows) == sorted(s.source for s in read_samples(shards) if s.split == "train")
    assert {(tuple(row[1]), row[2]) for row in rows} == {((256, 256), "I;16")}
    assert all(row[3] > 10_000 for row in rows)


# -- there and back -------------------------------------------------------------------------------------------------


def test_shards_to_a_folder_and_back(folder: Path, shards: Path, tmp_path: Path) -> None:
    assert unpack(str(shards), tmp_path / "back") == 12
    ours = files(folder, but=("build.jsonl", "overrides.csv"))
    assert files(tmp_path / "back", but=(SHARD_LIST,)) == ours
    pack(tmp_path / "back", str(tmp_path / "again"))
    assert files(tmp_path / "again") == files(shards, but=("parts/",))


def test_a_folder_to_shards_and_back(folder: Path, tmp_path: Path) -> None:
    facts = pack(folder, f"file://{tmp_path}/out", per_shard=5)
    assert sum(one.samples for one in facts) == 12 and max(one.samples for one in facts) <= 5
    unpack(str(tmp_path / "out"), tmp_path / "back")
    assert files(tmp_path / "back", but=(SHARD_LIST,)) == files(folder)
    pack(folder, str(tmp_path / "out"), per_shard=5)  # once more changes nothing


def test_unpacking_resumes(shards: Path, tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        unpack(str(shards), tmp_path / "back", stop)
    with pytest.raises(DatasetError, match="is not a dataset"):
        read_samples(tmp_path / "back")
    first = {path: path.stat().st_mtime_ns for path in (tmp_path / "back").rglob("*.png")}
    assert first
    unpack(str(shards), tmp_path / "back")
    assert all(path.stat().st_mtime_ns == before for path, before in first.items())
    assert len(read_samples(tmp_path / "back")) == 12


# -- resuming a build -----------------------------------------------------------------------------------------------


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the shards that are made in this process."""
    names: list[str] = []
    call = maker.ShardMaker.__call__

    def noted(self: maker.ShardMaker, shard: Any) -> Any:
        names.append(shard.name)
        return call(self, shard)

    monkeypatch.setattr(maker.ShardMaker, "__call__", noted)
    return names


def test_what_is_done_is_not_done_again(photos: Path, shards: Path, tmp_path: Path, made: list[str]) -> None:
    out = tmp_path / "out"
    shutil.copytree(shards, out)
    build(photos, out)
    assert made == []
    (out / "parts" / "train-000001.jsonl").unlink()  # as of a run that was killed after the shard, before its part
    torn = out / "parts" / "train-000000.jsonl"
    torn.write_bytes(torn.read_bytes()[:100])
    (out / "train-000009.tar").write_bytes(b"of an earlier list of photos")
    build(photos, out)
    assert made == ["train-000000", "train-000001"]
    assert files(out) == files(shards)


def test_a_changed_photo_changes_its_shard_only(photos: Path, shards: Path, tmp_path: Path, made: list[str]) -> None:
    shutil.copytree(photos, tmp_path / "photos")
    shutil.copytree(shards, tmp_path / "out")
    train = next(sample for sample in read_samples(shards) if sample.split == "train")
    Image.open(photos / train.source).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(
        tmp_path / "photos" / train.source
    )
    build(tmp_path / "photos", tmp_path / "out")
    assert made == ["train-000000"]


def test_corrected_votes_change_their_shard(photos: Path, tmp_path: Path) -> None:
    """The majority may be as it was."""
    task = ExtractionTask(Labelled(photos / "a.jpg", "fear", "Eve", votes=(0, 10)), "a.jpg", "train")
    other = dataclasses.replace(task, labelled=dataclasses.replace(task.labelled, votes=(4, 6)))
    one, same, changed = (plan_shards([ShardPhoto(t, "a.jpg")], {}, {}, 10)[0].digest for t in (task, task, other))
    assert one == same != changed


def test_a_photo_at_which_the_process_dies_is_one_reject(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maker, "Extractor", OddExtractor)
    (tmp_path / "photos" / "happy").mkdir(parents=True)
    for name in ("a", "b", "kills", "z"):
        Image.new("RGB", (64, 64)).save(tmp_path / "photos" / "happy" / f"{name}.jpg")
    built, reviewed = build(tmp_path / "photos", tmp_path / "out")
    assert [(Path(one.source).stem, one.reason) for one in built.rejects] == [
        ("a", "no usable face"),
        ("b", "no usable face"),
        ("kills", "given up"),
        ("z", "no usable face"),
    ]
    assert (built.samples, reviewed.samples, list((tmp_path / "out").glob("*.tar"))) == ([], [], [])
    assert read_rows(tmp_path / "out" / REJECTS, Reject) == built.rejects


# -- what is refused ------------------------------------------------------------------------------------------------


def test_other_settings_and_other_files(photos: Path, folder: Path, shards: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="was built with another seed; choose another folder"):
        build(photos, shards, seed=1)
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(DatasetError, match="holds other files"):
        build(photos, tmp_path)
    with pytest.raises(DatasetError, match="not shards; choose another folder"):
        build(photos, folder)
    with pytest.raises(DatasetError, match="holds other files"):
        pack(folder, str(tmp_path))
    with pytest.raises(DatasetError, match="holds other files"):
        unpack(str(shards), tmp_path)
    assert files(tmp_path) == {"mine.txt": b"mine"}


def damage_list(out: Path) -> None:
    (out / SHARD_LIST).write_text("{}")


def lose_list(out: Path) -> None:
    (out / SHARD_LIST).unlink()


def lose_shard(out: Path) -> None:
    (out / "train-000000.tar").unlink()


def cut_shard(out: Path) -> None:
    os.truncate(out / "train-000000.tar", 5000)


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lose_list, "not finished; run the command that makes them again"),
        (damage_list, "is damaged"),
        (lose_shard, "train-000000.tar is missing"),
        (cut_shard, "train-000000.tar is not as it was written"),
    ],
)
def test_damaged_shards_are_no_dataset(shards: Path, tmp_path: Path, harm: Callable[[Path], None], said: str) -> None:
    shutil.copytree(shards, tmp_path / "out")
    harm(tmp_path / "out")
    with pytest.raises(DatasetError, match=said):
        unpack(str(tmp_path / "out"), tmp_path / "back")
    assert not (tmp_path / "back" / METADATA).exists()


def test_a_shard_that_names_a_file_elsewhere(shards: Path, tmp_path: Path) -> None:
    from facerelief.data.shards.archive import read_shard

    for name in ("../evil.rgb.png", "/evil.rgb.png", "evil.sh", "a.mesh.npz", "a/b.rgb.png"):
        with tarfile.open(tmp_path / "shard.tar", "w") as tar:
            tar.addfile(tarfile.TarInfo(name))
        with pytest.raises(DatasetError, match="no file of a sample"):
            list(read_shard(tmp_path / "shard.tar"))
    link = tarfile.TarInfo("a.rgb.png")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    with tarfile.open(tmp_path / "shard.tar", "w") as tar:
        tar.addfile(link)
    with pytest.raises(DatasetError, match="no file of a sample"):
        list(read_shard(tmp_path / "shard.tar"))


def test_files_of_other_names_are_not_packed(folder: Path, tmp_path: Path) -> None:
    dataset = tmp_path / "dataset"
    shutil.copytree(folder, dataset)
    first = files_of(read_samples(dataset)[0])["mask"]
    (dataset / first).rename(dataset / "mask" / "other.png")
    table = (dataset / METADATA).read_text().replace(first, "mask/other.png")
    (dataset / METADATA).write_text(table)
    with pytest.raises(DatasetError, match="not named as"):
        pack(dataset, str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("place", ["nothing://bucket/x", "s3://", "memory://"])
def test_urls_that_are_none(place: str) -> None:
    with pytest.raises(FacereliefError) as problem, labelled_photos(place):
        pass
    assert "\n" not in str(problem.value)
