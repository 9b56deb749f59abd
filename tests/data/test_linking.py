"""Files under another name, where links are possible and where they are not."""

import errno
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from facerelief.data.linking import link
from facerelief.errors import FacereliefError


@pytest.fixture
def without_links(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a file system that has none."""

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", refuse)


def test_a_link_is_the_same_file(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"pixels")
    link(tmp_path / "a.png", tmp_path / "new" / "b.png")
    assert os.path.samefile(tmp_path / "a.png", tmp_path / "new" / "b.png")


@pytest.mark.usefixtures("without_links")
def test_without_links_it_is_a_copy(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"pixels")
    link(tmp_path / "a.png", tmp_path / "new" / "b.png")
    assert (tmp_path / "new" / "b.png").read_bytes() == b"pixels"
    assert not os.path.samefile(tmp_path / "a.png", tmp_path / "new" / "b.png")
    with pytest.raises(FileNotFoundError, match=r"absent\.png"):
        link(tmp_path / "absent.png", tmp_path / "new" / "c.png")


@pytest.mark.usefixtures("without_links")
def test_a_copy_that_was_cut_short_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, target, copy = tmp_path / "a.png", tmp_path / "new" / "b.png", shutil.copyfileobj
    source.write_bytes(b"pixels")

    def half(stream: Any, out: Any, *_: Any) -> None:
        out.write(stream.read(3))
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(shutil, "copyfileobj", half)
    with pytest.raises(FacereliefError, match="free space"):
        link(source, target)
    assert not target.exists()
    monkeypatch.setattr(shutil, "copyfileobj", copy)
    link(source, target)
    assert target.read_bytes() == b"pixels"
