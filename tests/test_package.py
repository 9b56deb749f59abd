"""What is in the wheel and the sdist: all that edits, trains and serves need, and nothing else."""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parents[1]
KEPT_OUT = {"labels.csv"}  # of photos that only learning needs


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with both, built from what is tracked."""
    place = tmp_path_factory.mktemp("package")
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.split(b"\0")
    for name in filter(None, (one.decode() for one in names)):
        if (source := ROOT / name).is_file() and name.partition("/")[0] not in ("docs", "notebooks", "benchmarks"):
            (place / "source" / name).parent.mkdir(parents=True, exist_ok=True)
            (place / "source" / name).write_bytes(source.read_bytes())
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(place / "dist"), str(place / "source")]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return place


def test_the_wheel_holds_every_file_of_the_package(built: Path) -> None:
    (wheel,) = (built / "dist").glob("*.whl")
    source = built / "source" / "src"
    wanted = {path.relative_to(source).as_posix() for path in source.rglob("*") if path.is_file()}
    wanted = {name for name in wanted if PurePosixPath(name).name not in KEPT_OUT and ".egg-info/" not in name}
    found = set(zipfile.ZipFile(wheel).namelist())
    assert {name for name in found if name.startswith("facerelief/")} == wanted
    others = {name.partition("/")[2] for name in found if not name.startswith("facerelief/")}
    assert {"METADATA", "entry_points.txt", "licenses/LICENSE", "licenses/THIRD_PARTY.md"} <= others


def test_the_sdist_builds_the_same_wheel(built: Path) -> None:
    (wheel,), (sdist,) = (built / "dist").glob("*.whl"), (built / "dist").glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("facerelief/")}
    assert {f"src/{name}" for name in packed} <= names


def test_the_metadata_is_what_an_index_accepts(built: Path) -> None:
    check = [sys.executable, "-m", "twine", "check", "--strict", *map(str, (built / "dist").iterdir())]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
