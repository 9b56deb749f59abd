"""A shard: samples in a tar file as WebDataset and `datasets` stream it, the same bytes for the same samples.

    NAME.rgb.png NAME.depth.png NAME.normal.png NAME.mask.png NAME.mesh.bin NAME.json

The first five are the files of a dataset as they are; mesh.bin is the .npz, under a name that nobody decodes unasked.
json is the row of metadata.csv without what a review decides, so that a review changes no shard.
"""

import dataclasses
import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from facerelief.data.extract import FOLDERS
from facerelief.data.manifest import Sample
from facerelief.errors import DatasetError
from facerelief.files import open_file

JSON = "json"
ENDINGS = {"rgb": "png", "depth": "png", "normal": "png", "mask": "png", "mesh": "bin"}  # in the shard, by folder
MOST_MEMBER = 64 << 20  # bytes of a member; the largest known, a mesh, has 0.4 MB
REVIEWED = ("quality", "keep", "reasons")  # columns that a review decides
_COLUMNS = dict(
    zip(FOLDERS, ("file_name", "depth_file_name", "normal_file_name", "mask_file_name", "mesh"), strict=True)
)


class ShardWriter:
    """Writes a shard; a context manager.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self._tar = tarfile.open(path, "w", format=tarfile.GNU_FORMAT, encoding="utf-8")  # noqa: SIM115

    def __enter__(self) -> "ShardWriter":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._tar.close()

    def add(self, sample: Sample, dataset: Path) -> None:
        """Add a sample, whose files are in `dataset`. Raises `DatasetError` where it has files of other names."""
        stem = stem_of(sample)
        for folder, path in files_of(sample).items():
            try:
                with open_file(dataset / path) as stream:
                    self._put(f"{stem}.{folder}.{ENDINGS[folder]}", stream.read(MOST_MEMBER))
            except OSError as reason:
                raise DatasetError(
                    f"{dataset / path} cannot be read ({reason.strerror}); build the dataset again"
                ) from reason
        row = {name: value for name, value in dataclasses.asdict(sample).items() if name not in REVIEWED}
        self._put(f"{stem}.{JSON}", json.dumps(row).encode())

    def _put(self, name: str, content: bytes) -> None:
        member = tarfile.TarInfo(name)  # without time and owner
        member.size, member.mode = len(content), 0o644
        self._tar.addfile(member, io.BytesIO(content))


def stem_of(sample: Sample) -> str:
    """The name of a sample's files without suffix. Raises `DatasetError` where they have other names than ours."""
    stem = Path(sample.file_name).stem
    if "." in stem or files_of(sample) != {folder: _path(folder, stem) for folder in FOLDERS}:
        raise DatasetError(
            f"{sample.file_name} and its maps are not named as `dataset build` names them; build it again"
        )
    return stem


def files_of(sample: Sample) -> dict[str, str]:
    """The paths of a sample's files in a dataset, by folder."""
    return {folder: getattr(sample, column) for folder, column in _COLUMNS.items()}


def read_shard(path: Path) -> Iterator[tuple[str, bytes]]:
    """The files of a shard: path in a dataset, and bytes; rows are left out, since metadata.csv has them.

    Raises:
        DatasetError: It is no shard of ours, or damaged.
    """
    try:
        with open_file(path) as stream, tarfile.open(fileobj=stream, mode="r:", encoding="utf-8") as tar:
            for member in tar:
                stem, _, ending = member.name.partition(".")
                folder = ending.partition(".")[0]
                if not member.isreg() or not stem or "/" in stem or "\\" in stem or member.size > MOST_MEMBER:
                    raise DatasetError(f"{path.name} holds {member.name!a:.80}, which is no file of a sample")
                if ending == JSON:
                    continue
                if ENDINGS.get(folder) is None or ending != f"{folder}.{ENDINGS[folder]}":
                    raise DatasetError(f"{path.name} holds {member.name!a:.80}, which is no file of a sample")
                content = tar.extractfile(member)
                yield _path(folder, stem), content.read() if content else b""
    except (tarfile.TarError, OSError, ValueError, EOFError) as reason:
        raise DatasetError(f"{path.name} is damaged ({type(reason).__name__}: {reason}); copy it again") from reason


def _path(folder: str, stem: str) -> str:
    return f"{folder}/{stem}.{'npz' if folder == 'mesh' else 'png'}"
