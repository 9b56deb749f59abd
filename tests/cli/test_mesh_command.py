"""`facerelief mesh`."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from edits import faces_at
from gltf_files import chunks, read_glb
from PIL import Image


def test_a_face_and_its_edit(command: Callable, portrait_jpg: Path, tmp_path: Path) -> None:
    alone, both = tmp_path / "alone.glb", tmp_path / "both.glb"
    result = command("mesh", portrait_jpg, "-o", alone)
    assert (result.code, result.err, result.out) == (0, "", f"{alone}\n")
    result = command("mesh", portrait_jpg, "-o", both, "--to", "happy", "--part", "mouth", "--strength", 0.5)
    assert (result.code, result.err, result.out) == (0, "", f"{both}\n")
    one, two = (chunks(path.read_bytes())[0] for path in (alone, both))
    assert [node["name"] for node in one["nodes"]] == ["before"]
    assert [node["name"] for node in two["nodes"]] == ["before", "after"]
    assert "happiness" in two["asset"]["extras"]["comment"]


def test_action_units_and_blends(command: Callable, portrait_jpg: Path, tmp_path: Path) -> None:
    """An open jaw lowers the chin of the second mesh."""
    shut, opened = tmp_path / "shut.glb", tmp_path / "open.glb"
    for path, to in ((shut, "au12:0.5"), (opened, "au12:0.5+jawOpen:0.3")):
        assert command("mesh", portrait_jpg, "-o", path, "--to", to, "--no-provenance").code == 0
    lowest = [read_glb(path.read_bytes(), tmp_path)["after"].vertices[152, 1] for path in (shut, opened)]
    assert lowest[1] < lowest[0] - 0.004


def test_a_preset_of_ones_own(command: Callable, portrait_jpg: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('gape = "neutral+jawOpen:0.3"\n')
    named, spelled = tmp_path / "named.glb", tmp_path / "spelled.glb"
    words = ("mesh", portrait_jpg, "--no-provenance")
    assert command(*words, "-o", named, "--to", "gape", "--presets", tmp_path / "mine.toml").code == 0
    assert command(*words, "-o", spelled, "--to", "neutral+jawOpen:0.3").code == 0
    assert named.read_bytes() == spelled.read_bytes()


def test_the_largest_of_several_is_taken_unless_one_is_named(command: Callable, tmp_path: Path) -> None:
    photo = tmp_path / "group.png"
    Image.fromarray(faces_at((130, 150, 230), (450, 200, 170)).rgb).save(photo)
    result = command("mesh", photo, "-o", tmp_path / "one.glb")
    assert result.code == 0
    assert "2 faces; the largest" in result.err
    assert command("mesh", photo, "-o", tmp_path / "two.glb", "--face", 2).err == ""
    assert (tmp_path / "one.glb").read_bytes() != (tmp_path / "two.glb").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("-o", "me.obj"), "cannot write me.obj: a mesh is binary glTF; name it .glb"),
        (
            ("-o", "me.glb", "--face", "all"),
            "a mesh is of one face; choose --face 1, 2 ... or X,Y, a point of it in pixels",
        ),
        (("-o", "me.glb", "--to", "glee"), "nothing is called 'glee'; choose from neutral, happiness"),
        (("-o", "me.glb", "--to", "happy", "--strength", "3"), "strength 3 is out of range"),
        (("-o", "me.glb", "--to", "happy", "--part", "ear"), "no part 'ear'"),
    ],
)
def test_mistakes(refused: Callable, portrait_jpg: Path, arguments: tuple[str, ...], line: str) -> None:
    assert refused("mesh", portrait_jpg, *arguments).startswith(line)


def test_a_photo_without_a_face(refused: Callable, tmp_path: Path) -> None:
    Image.fromarray(np.full((200, 200, 3), 128, np.uint8)).save(tmp_path / "grey.png")
    line = refused("mesh", tmp_path / "grey.png", "-o", tmp_path / "grey.glb")
    assert line.endswith("grey.png: no face found; use a photo with a face seen from the front")


def test_options_of_an_edit_without_one(refused: Callable[..., str], tmp_path: Path) -> None:
    for more in (("--strength", "0.5"), ("--part", "mouth")):
        line = refused("mesh", tmp_path / "me.png", "-o", tmp_path / "x.glb", *more)
        assert "are of an edit; say which with --to, --au or --blendshape" in line
