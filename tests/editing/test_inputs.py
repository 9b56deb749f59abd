"""What arguments stand for, and where edits go."""

import io
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from servers import Page, serving

from facerelief.editing.jobs.fetch import DownloadLimits
from facerelief.editing.jobs.inputs import Input, expand
from facerelief.editing.jobs.outputs import STDOUT, OutputNaming, all_targets, depth_files, receipt_files
from facerelief.errors import FacereliefError, PhotoError


@pytest.fixture
def album(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files that are photos by their names."""
    for name in ("b.jpg", "a.PNG", "notes.txt", "sub/c.webp", "sub/deep/d.gif", ".cache/e.jpg", "._f.jpg", "x[1].jpg"):
        path = tmp_path / "album" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.chdir(tmp_path)
    return Path("album")


def names(*arguments: str, without: Path | None = None) -> list[str]:
    return [str(one) for one in expand(arguments, without)]


def test_a_folder_is_all_photos_in_it(album: Path) -> None:
    found = expand(["album"])
    assert [str(one) for one in found] == [
        f"album/{name}" for name in ("a.PNG", "b.jpg", "x[1].jpg", "sub/c.webp", "sub/deep/d.gif")
    ]
    assert [one.below.as_posix() for one in found] == [".", ".", ".", "sub", "sub/deep"]
    assert not any(one.named for one in found)
    assert names("album", without=Path("album/sub")) == ["album/a.PNG", "album/b.jpg", "album/x[1].jpg"]


def test_what_is_no_file_is_passed_over(album: Path) -> None:
    """Looked at and not opened, since a FIFO would keep its reader waiting."""
    os.mkfifo(album / "pipe.jpg")
    (album / "loop.jpg").symlink_to("loop.jpg")
    (album / "gone.jpg").symlink_to("nowhere.jpg")
    (album / "twin.jpg").symlink_to("b.jpg")
    left = ["album/a.PNG", "album/b.jpg", "album/x[1].jpg"]
    assert names("album", without=Path("album/sub")) == left
    assert names("album/*.*") == left


def test_patterns_as_the_shell_would_have_them(album: Path) -> None:
    assert names("album/*.jpg") == ["album/b.jpg", "album/x[1].jpg"]
    assert names("album/**/*.w*") == ["album/sub/c.webp"]
    assert names("album/[ab].*") == ["album/a.PNG", "album/b.jpg"]
    assert names("album/x[1].jpg") == ["album/x[1].jpg"]  # it exists
    for pattern in ("album/*.mp3", "album/*.txt", "nowhere/*"):
        with pytest.raises(FacereliefError, match=r"matches no photo; check the pattern$"):
            expand([pattern])


def test_each_thing_once_and_in_order(album: Path) -> None:
    url = "http://example.org/me.jpg"
    arguments = ["album/b.jpg", "-", url, "album/../album/b.jpg", "album", url, "absent.jpg"]
    found = expand(arguments)
    assert [str(one) for one in found[:3]] == ["album/b.jpg", "standard input", url]
    assert len(found) == 3 + 4 + 1
    assert not any(one.named for one in found)  # a shell may have made many names of one pattern
    assert expand(["album/b.jpg"])[0].named
    assert expand(["album/b.jpg", "album/b.jpg"])[0].named


def test_a_folder_without_photos(album: Path) -> None:
    (album / "sub" / "c.webp").unlink()
    (album / "sub" / "deep" / "d.gif").unlink()
    with pytest.raises(FacereliefError, match=r"^there are no photos in album/sub; name another folder$"):
        expand(["album/sub"])


def test_photos_from_the_web_and_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.BytesIO()
    Image.new("RGB", (20, 30), "teal").save(stream, "PNG")
    with serving({"/me.png": Page(stream.getvalue()), "/text": Page(b"hello there")}) as root:
        photo = Input(f"{root}/me.png").photo(DownloadLimits(private=True))
        assert (photo.rgb.shape, photo.name) == ((30, 20, 3), f"{root}/me.png")
        with pytest.raises(PhotoError, match=rf"^{root}/text is not an image"):
            Input(f"{root}/text").photo(DownloadLimits(private=True))
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(stream.getvalue())))
    np.testing.assert_array_equal(Input("-").photo().rgb, photo.rgb)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO()))
    with pytest.raises(PhotoError, match=r"^standard input is empty"):
        Input("-").photo()
    monkeypatch.setattr(sys, "stdin", None)  # as Python has it where it is closed
    with pytest.raises(PhotoError, match=r"^standard input is closed; name a file$"):
        Input("-").photo()


# -- outputs --------------------------------------------------------------------------------------------------------


def places(inputs: list[Input], out: str | None, to: tuple[str, ...] = ("fear",), **typed: str) -> list[str]:
    targets = all_targets(inputs, to, out, OutputNaming(**typed))
    return [place.as_posix() for one in targets.values() for place in one.values()]


ME, CLIP = Input(Path("a/me.JPG")), Input(Path("clip.mov"))


@pytest.mark.parametrize(
    ("inputs", "out", "expected"),
    [
        ([ME], None, ["a/me-fear.jpg"]),
        ([ME], "new", ["new/me-fear.jpg"]),
        ([ME], "new/x.tif", ["new/x.tif"]),
        ([ME], "-", ["-"]),
        ([Input("-")], None, ["-"]),
        ([Input("-")], "new", ["new/stdin-fear.png"]),
        ([Input("http://h/p/me.webp?x=1")], None, ["me-fear.webp"]),
        ([Input("http://h/p/me")], "new", ["new/me-fear.png"]),
        ([Input(Path("album/s/t/me.png"), Path("s/t"))], "new", ["new/s/t/me-fear.png"]),
        ([ME], "o/{expression}/{name}_{strength}_{face}_{part}", ["o/fear/me_1_largest_face.jpg"]),
        ([ME], "{name}.PNG", ["me.PNG"]),
        ([ME], "v1.2/{name}.x2", ["v1.2/me.x2.jpg"]),
        ([CLIP], None, ["clip-fear.mov"]),
        ([Input(Path("old.avi"))], None, ["old-fear.mp4"]),
        ([CLIP], "out.webm", ["out.webm"]),
        ([CLIP, ME], "o", ["o/clip-fear.mov", "o/me-fear.jpg"]),
        ([Input(Path("...jpg"))], "o/{name}/x.png", ["o/photo/x.png"]),
        ([Input(Path("me.final.jpg"))], "o/{name}", ["o/me.final.jpg"]),
        ([Input(Path("me.PNG.jpg"))], "o/{name}", ["o/me.PNG.jpg"]),
        ([Input(Path("me.final.jpg"))], "{name}.png", ["me.final.png"]),
        ([Input(Path("me.final.mov"))], "{name}.{expression}", ["me.final.fear.mov"]),
        ([Input(Path("me.final.jpg"))], "o.x/{expression}/", ["o.x/fear/me.final-fear.jpg"]),
        ([ME], "new.folder/", ["new.folder/me-fear.jpg"]),
        ([ME], "new.png/", ["new.png/me-fear.jpg"]),
        ([Input(Path("album/s/me.png"), Path("s"))], "new.folder/", ["new.folder/s/me-fear.png"]),
    ],
)
def test_where_an_edit_goes(inputs: list[Input], out: str | None, expected: list[str]) -> None:
    assert places(inputs, out) == expected


@pytest.mark.parametrize(
    ("typed", "ending"),
    [
        (OutputNaming(), ""),
        (OutputNaming("1.0", part="face", method="morphable"), ""),
        (OutputNaming("0.70", "420,310", "mouth", "relief"), "-mouth-0.7-face420-310-relief"),
        (OutputNaming("0:0,2.5:1", "all"), "-0-0-2.5-1-faceall"),
        (OutputNaming(weights=Path("runs/guided")), "-guided"),
        (OutputNaming(weights=Path("runs/relief/weights.safetensors")), "-relief"),
        (OutputNaming(weights=Path("my own.safetensors"), method="stargan"), "-my-own"),
        (OutputNaming(weights=Path(".")), f"-{Path.cwd().name}"),
    ],
)
def test_a_name_tells_what_differs_from_the_defaults(typed: OutputNaming, ending: str) -> None:
    assert typed.ending == ending
    assert all_targets([ME], ["fear"], "new", typed)[ME] == {"fear": Path(f"new/me-fear{ending}.jpg")}


@pytest.mark.parametrize(
    ("inputs", "out", "to", "message"),
    [
        ([ME], "a/me.JPG", ("fear",), "a/me.JPG is one of the photos to edit; choose another --out"),
        ([ME], "x.png", ("fear", "anger"), "x.png is one file for several pictures; name a folder with --out"),
        ([ME], "{name}.png", ("fear", "anger"), "two edits of a/me.JPG would both be written to me.png"),
        (
            [ME, Input(Path("b/me.jpg"))],
            "o",
            ("fear",),
            "a/me.JPG and b/me.jpg would both be written to o/me-jpg-fear.jpg",
        ),
        ([ME, Input("-")], None, ("fear",), "standard output takes one photo; name a folder with --out"),
        ([CLIP], "-", ("fear",), "is a video, which standard output does not take; name a file with --out"),
        ([CLIP], "x.gif", ("fear",), "cannot save x.gif: unknown suffix '.gif'; choose from .mp4, .m4v, .mov"),
        ([ME], "x.mp4", ("fear",), "cannot save x.mp4: unknown suffix '.mp4'; choose from .png, .jpg"),
        ([ME], "x.folder", ("fear",), "or end it with / if it is a folder"),
        ([ME], "{0}", ("fear",), "{0} has an unknown field {0}; use {name}"),
        ([ME], "{name.__class__}", ("fear",), "has an unknown field {name.__class__}"),
    ],
)
def test_where_it_cannot_go(inputs: list[Input], out: str | None, to: tuple[str, ...], message: str) -> None:
    with pytest.raises(FacereliefError) as caught:
        places(inputs, out, to)
    assert message in str(caught.value)


def test_standard_output_is_known(tmp_path: Path) -> None:
    assert all_targets([ME], ["fear"], "-")[ME] == {"fear": STDOUT}


def test_what_is_beside_an_edit_is_never_found_and_never_lost(tmp_path: Path) -> None:
    for name in ("a.jpg", "a-fear-receipt.png", "a-fear-depth-before.png", "a-fear-depth-after.png"):
        (tmp_path / name).touch()
    assert [one.file.name for one in expand([str(tmp_path)])] == ["a.jpg"]
    assert [one.file.name for one in expand([f"{tmp_path}/*"])] == ["a.jpg"]
    assert [one.file.name for one in expand([f"{tmp_path}/a-fear-receipt.png"])] == ["a-fear-receipt.png"]
    two = [Input(tmp_path / "a.jpg"), Input(tmp_path / "a.png")]
    told_apart = all_targets(two, ["fear"], None, OutputNaming(), receipt_files)
    assert [places["fear"].name for places in told_apart.values()] == ["a-jpg-fear.jpg", "a-png-fear.png"]
    with pytest.raises(FacereliefError, match=r"depth and receipts are files beside an edit's; name it with --out"):
        all_targets(two[:1], ["fear"], "-", OutputNaming(), depth_files)
    mine = Input(tmp_path / "b-depth-before.png")
    with pytest.raises(FacereliefError, match=r"b-depth-before\.png is one of the photos to edit"):
        all_targets([mine, Input(tmp_path / "b.png")], ["fear"], None, OutputNaming(), lambda place: [mine.file])


def test_standard_input_goes_alone() -> None:
    with pytest.raises(FacereliefError, match="- is standard input, which can be read once; edit it by itself"):
        places([ME, Input("-")], "new", ("fear",))
