"""Everything that can be wrong with what a user gives: one line each, exit code 2, nothing half-written."""

import json
import pickle
import resource
import struct
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from photos import astronaut
from PIL import Image
from safetensors.torch import save_file

from facerelief.editing.jobs import inputs as inputs_module
from facerelief.editing.jobs import photo_job as files_module
from facerelief.errors import install_command
from facerelief.faces import detector

Command = Callable
Refused = Callable[..., str]
PORTRAIT = Image.fromarray(astronaut())
HEAD = PORTRAIT.crop((110, 0, 340, 230))


# -- photos ---------------------------------------------------------------------------------------------------------


def huge_png() -> bytes:
    """A PNG that claims 60000 x 60000 pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">L", len(body)) + kind + body + struct.pack(">L", zlib.crc32(kind + body))

    header = struct.pack(">LLBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000)))


def saved(path: Path, picture: Image.Image) -> bytes:
    picture.save(path)
    return path.read_bytes()


PHOTOS: dict[str, tuple[Callable[[Path], bytes], str]] = {
    "empty.jpg": (lambda _: b"", "is empty (zero bytes); copy or download it again"),
    "text.jpg": (lambda _: b"not a photo " * 20, "is not an image, or its header is damaged; give a JPEG"),
    "cut.jpg": (lambda path: saved(path, PORTRAIT)[:-4000], "is truncated or damaged"),
    "bomb.png": (lambda _: huge_png(), "has too many pixels (decompression bomb?); shrink it"),
    "strip.png": (lambda path: saved(path, PORTRAIT.crop((0, 0, 512, 10))), "is only 512x10 pixels; give a photo of"),
    "nobody.png": (lambda path: saved(path, Image.new("RGB", (300, 200), "teal")), ": no face found; use a photo with"),
    "far.png": (lambda path: saved(path, HEAD.resize((60, 60))), "pixels large, 40 are needed; use a larger photo"),
}


@pytest.mark.parametrize("name", PHOTOS)
@pytest.mark.parametrize("verb", ["edit", "demo"])
def test_photos_that_cannot_be_edited(refused: Refused, tmp_path: Path, weights: Path, name: str, verb: str) -> None:
    make, message = PHOTOS[name]
    photo = tmp_path / name
    photo.write_bytes(make(photo))
    arguments = (photo, "--to", "happy") if verb == "edit" else (photo,)
    line = refused(verb, *arguments, "--weights", weights, "-o", tmp_path / "out")
    assert line.startswith(str(photo))
    assert message in line


def test_a_face_in_profile(
    refused: Refused, portrait_jpg: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = detector.load_finder()

    def find_profile(rgb: np.ndarray) -> list[detector.Face]:
        (face,) = find(rgb)
        turned = face.landmarks.copy()
        turned[:, 2] += 2.5 * (turned[:, 0] - turned[:, 0].mean())  # shears the head by more than 60 degrees
        return [detector.Face(turned)]

    monkeypatch.setattr(files_module, "load_finder", lambda **_: find_profile)
    line = refused("edit", portrait_jpg, "--to", "happy", "--weights", weights)
    assert "is seen from the side (" in line
    assert line.endswith("degrees); use a photo from the front")


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("nowhere.jpg", "nowhere.jpg does not exist; check the name"),
        (".", "there are no photos in "),
        ("*.jpg", "*.jpg matches no photo; check the pattern"),
    ],
)
def test_photos_that_are_not_there(refused: Refused, tmp_path: Path, weights: Path, place: str, message: str) -> None:
    assert message in refused("edit", tmp_path / place, "--to", "happy", "--weights", weights)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--to", "smirk"], "unknown expression 'smirk'; choose from neutral, happiness, sadness, surprise, fear,"),
        (["--to", "happy,"], "unknown expression ''; choose from"),
        (["--to", "fear"], "these weights cannot do fear; choose from neutral, happiness, surprise"),
        (["--to", "happy", "--face", "2"], "there is no face 2; choose from 1 to 1, 1 is the largest"),
        (["--to", "happy", "--face", "left"], "no face 'left'; choose largest, all, a number counted from"),
        (["--to", "happy", "--strength", "3"], "strength 3 is out of range; choose 0 to 1.5"),
        (["--to", "happy", "--strength", "nan"], "strength nan is out of range; choose 0 to 1.5"),
        (["--to", "happy", "--strength", "much"], "no strength 'much'; choose 0 to 1.5, or seconds:strength"),
        (["--to", "happy", "--strength", "0:0,1:1"], "strength keyframes are for videos; give one strength for photos"),
        (["--to", "happy", "--face", "-5,3"], "there is no face at -5,3; faces are at 2"),
        (["--to", "happy", "-o", "{nme}.png"], "{nme}.png has an unknown field {nme}; use {name}, {expression},"),
        (["--to", "happy", "-o", "{name:>9}.png"], "{name:>9}.png has an unknown field {name}; use"),
        (["--to", "happy", "-o", "{name.png"], "{name.png is no pattern (expected '}' before end of string); use"),
        (["--to", "happy", "-o", "{name}.gif"], "cannot save me.gif: unknown suffix '.gif'"),
        (["--to", "happy", "--judge", "x"], "--judge and --encoder score receipts; add --receipt"),
        (["--to", "happy", "--task-file", "no.task"], "no task file no.task; download face_landmarker.task"),
        (["--to", "happy", "--wieghts", "x"], "No such option: --wieghts"),
        (["--to", "happy", "--to"], "Option '--to' requires an argument"),
        ([], "say what faces are to show: --to, --au, --blendshape, --like or --edit"),
        (["--to", "AU12"], "unknown expression 'AU12'; choose from"),
        (["--au", "AU12=1"], "for blends, action units and blendshapes take --method morphable"),
        (["--like", __file__], "is not an image, or its header is damaged"),
        (["--to", "happy", "--presets", __file__], "presets are for the morphable face; take --method morphable"),
        (["--to", "happy", "-o", "out.gif"], "cannot save out.gif: unknown suffix '.gif'; choose from .png, .jpg"),
        (["--to", "happy,neutral", "-o", "out.png"], "out.png is one file for several pictures; name a folder with"),
    ],
)
def test_wishes_that_cannot_be_fulfilled(
    refused: Refused, portrait_jpg: Path, weights: Path, options: list[str], message: str
) -> None:
    assert message in refused("edit", portrait_jpg, "--weights", weights, *options)


def test_two_photos_to_one_place(refused: Refused, tmp_path: Path, weights: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        PORTRAIT.save(tmp_path / folder / "me.png")
    photos = [tmp_path / folder / "me.png" for folder in ("a", "b")]
    line = refused("edit", *photos, "--to", "happy", "--weights", weights, "-o", tmp_path / "out")
    assert "would both be written to" in line
    assert line.endswith("edit them one at a time, or tell them apart by fields in --out, as in {name}-{expression}")


# -- places ---------------------------------------------------------------------------------------------------------


def test_places_that_cannot_be_written(
    refused: Refused, portrait_jpg: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ("edit", portrait_jpg, "--to", "happy", "--weights", weights, "-o")
    for place in (portrait_jpg / "below.png", portrait_jpg):
        line = refused(*arguments, place / "x")
        assert line.startswith(f"cannot write {place}")
        assert line.endswith("Not a directory; choose another place")

    def forbidden(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("facerelief.files.disk._partial", forbidden)
    line = refused(*arguments, portrait_jpg.with_name("out.png"))
    assert line == f"cannot write {portrait_jpg.with_name('out.png')}: Permission denied; choose another place"


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif"])
def test_a_disk_that_fills_while_an_edit_is_written(
    refused: Refused, command: Command, portrait_jpg: Path, weights: Path, suffix: str
) -> None:
    """A limit on the size of files makes the very writes fail, as they do on a full disk."""

    def limited(*arguments: object) -> Any:
        _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (9000, most))
        try:
            return command(*arguments)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    target = portrait_jpg.with_name(f"out{suffix}")
    target.write_bytes(b"an earlier edit")
    line = refused("edit", portrait_jpg, "--to", "happy", "--weights", weights, "-o", target, "--overwrite", by=limited)
    assert line.startswith(f"cannot write {target}: ")
    assert line.endswith("; free space or choose another place")


# -- weights --------------------------------------------------------------------------------------------------------


def other_version(path: Path) -> None:
    save_file({"x": torch.zeros(1)}, path, {"format": "facerelief-editor", "version": "99", "facts": "{}"})


def of_other_kind(path: Path) -> None:
    save_file({"x": torch.zeros(1)}, path, {"format": "facerelief-judge", "version": "1", "facts": "{}"})


def pickled(path: Path) -> None:
    torch.save({"x": torch.zeros(1)}, path)


def old_pickle(path: Path) -> None:
    path.write_bytes(pickle.dumps(print))


WEIGHTS: dict[str, tuple[Callable[[Path], Any], str]] = {
    "another version": (other_version, "is of version 99, this program reads 1; train it again"),
    "another kind": (of_other_kind, "is facerelief-judge, not facerelief-editor; name another file"),
    "pickled": (pickled, "is a pickled checkpoint, which could run code; only whole .safetensors files"),
    "an old pickle": (old_pickle, "is a pickled checkpoint, which could run code; only whole"),
    "empty": (Path.touch, "is empty; only whole .safetensors files of facerelief are read"),
    "garbage": (lambda path: path.write_bytes(b"garbage " * 40), "is damaged or not a safetensors file; only whole"),
    "absent": (lambda path: None, "no weights at"),
    "a folder without": (Path.mkdir, "no weights at"),
}


@pytest.mark.parametrize("what", WEIGHTS)
def test_weights_that_cannot_be_used(refused: Refused, portrait_jpg: Path, what: str) -> None:
    make, message = WEIGHTS[what]
    path = portrait_jpg.with_name("mine.safetensors")
    make(path)
    line = refused("edit", portrait_jpg, "--to", "happy", "--weights", path)
    assert str(path) in line
    assert message in line


def test_weights_cut_short(refused: Refused, portrait_jpg: Path, weights: Path) -> None:
    path = portrait_jpg.with_name("short.safetensors")
    path.write_bytes(weights.read_bytes()[:-100])
    assert "short.safetensors is damaged" in refused("edit", portrait_jpg, "--to", "happy", "--weights", path)


def test_weights_of_a_config_that_is_not_ours(refused: Refused, portrait_jpg: Path) -> None:
    path = portrait_jpg.with_name("odd.safetensors")
    facts = json.dumps({"config": {"size": 64, "lasso": 1}})
    save_file({"x": torch.zeros(1)}, path, {"format": "facerelief-editor", "version": "1", "facts": facts})
    line = refused("edit", portrait_jpg, "--to", "happy", "--weights", path)
    assert line.startswith(str(path))
    assert "unknown setting 'lasso'" in line


# -- what is not there ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "extra", "options"), [("mediapipe", "mediapipe", ("--task-file", __file__)), ("skimage", "demo", ())]
)
def test_packages_that_are_not_installed(
    refused: Refused,
    weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    module: str,
    extra: str,
    options: tuple[str, ...],
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    line = refused("demo", "-o", tmp_path / "demo", "--weights", weights, *options)
    assert line.endswith(f"is not installed; install it with: {install_command(extra)}")


def test_commands_that_do_not_exist(refused: Refused) -> None:
    assert refused("xyz") == "No such command 'xyz'; see: facerelief --help"
    assert refused("dataset", "bulid").endswith("see: facerelief dataset --help")


def test_an_operating_system_that_refuses(
    refused: Refused, portrait_jpg: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(inputs_module, "read_photo", refuse)
    line = refused("edit", portrait_jpg, "--to", "happy", "--weights", weights)
    assert line == f"{portrait_jpg}: Permission denied; check the name, the permissions and the free space"


def test_faults_of_the_program_are_not_dressed_up(
    command: Command, portrait_jpg: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault(path: Path) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(inputs_module, "read_photo", fault)
    with pytest.raises(ZeroDivisionError):
        command("edit", portrait_jpg, "--to", "happy", "--weights", weights)


NOTHING_DONE = "interrupted before anything new was finished; run the same command again"


def test_an_interruption(command: Command, portrait_jpg: Path, weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(path: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(inputs_module, "read_photo", interrupt)
    result = command("edit", portrait_jpg, "--to", "happy", "--weights", weights)
    assert (result.code, result.err) == (130, f"facerelief: {NOTHING_DONE}\n")


def test_every_command_that_finds_faces_takes_a_task_file(refused: Callable[..., str], portrait_jpg: Path) -> None:
    """It is looked for before anything else is done."""
    nowhere = portrait_jpg.parent / "absent.task"
    wish = ("--to", "fear")
    for call in (
        ("edit", portrait_jpg, *wish),
        ("morph", portrait_jpg, *wish, "-o", portrait_jpg.parent / "a.gif"),
        ("demo", portrait_jpg, "-o", portrait_jpg.parent / "demo"),
        ("verify", portrait_jpg),
        ("report", "latency", portrait_jpg),
        ("report", "flicker", portrait_jpg),
    ):
        assert "absent.task" in refused(*call, "--task-file", nowhere), call
    assert [path.name for path in portrait_jpg.parent.iterdir()] == [portrait_jpg.name]
