"""`facerelief edit` on videos, `morph`, and `report flicker`."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from clips import head_pan, read_frames, sound_packets, write_clip
from photos import astronaut
from PIL import Image

from facerelief.editing.jobs import photo_job as files_module
from facerelief.errors import install_command
from facerelief.faces.detector import LandmarkFinder
from facerelief.photos.photo import read_mark, read_photo, save_photo
from facerelief.photos.provenance.content_credentials import sign_file
from facerelief.photos.provenance.xmp import EditMark

av = pytest.importorskip("av")
Command = Callable
Refused = Callable[..., str]


@pytest.fixture(autouse=True)
def _one_finder(finder: LandmarkFinder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files_module, "load_finder", lambda **_: finder)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "clip.mp4", head_pan(6, (160, 120)))


def comment_of(path: Path) -> str:
    with av.open(str(path)) as container:
        return {name.lower(): value for name, value in container.metadata.items()}.get("comment", "")


def test_a_video_is_edited_beside_itself(command: Command, clip: Path) -> None:
    result = command("edit", clip, "--to", "happy,surprise", "--strength", "0:0.5,0.2:1")
    assert (result.code, result.err) == (0, "")
    assert [Path(line).name for line in result.out.splitlines()] == [
        "clip-happiness-0-0.5-0.2-1.mp4",
        "clip-surprise-0-0.5-0.2-1.mp4",
    ]
    for name in ("happiness", "surprise"):
        edited = clip.with_name(f"clip-{name}-0-0.5-0.2-1.mp4")
        assert comment_of(edited).startswith(f"facial expression edited to {name} by facerelief ")
        assert sound_packets(edited) == sound_packets(clip)
    assert command("edit", clip, "--to", "fear", "--no-provenance", "-o", clip.with_name("x.mkv")).code == 0
    assert comment_of(clip.with_name("x.mkv")) == ""


def test_a_video_shows_a_blend_or_what_a_photo_shows(command: Command, clip: Path, tmp_path: Path) -> None:
    Image.fromarray(astronaut()[:230, 110:340]).save(tmp_path / "friend.png")
    assert command("edit", clip, "--au", "AU12=0.8,AU26=0.2").out == f"{clip.with_name('clip-AU12_0.8_AU26_0.2.mp4')}\n"
    comment = "facial expression edited to AU12:0.8+AU26:0.2 by facerelief "
    assert comment_of(clip.with_name("clip-AU12_0.8_AU26_0.2.mp4")).startswith(comment)
    assert command("edit", clip, "--like", tmp_path / "friend.png").code == 0
    assert comment_of(clip.with_name("clip-like-friend.mp4")).startswith("facial expression edited to like-photo-")
    ends = ("", "-AU12_0.8_AU26_0.2", "-like-friend")
    frames = [read_frames(clip.with_name(f"clip{end}.mp4"))[0][2] for end in ends]
    assert all(np.abs(frames[0].astype(int) - other).max() > 30 for other in frames[1:])


def test_a_videos_manifest_goes_on_in_the_edits(command: Command, clip: Path) -> None:
    c2pa = pytest.importorskip("c2pa")
    sign_file(clip, EditMark("camera 1", "taken by camera 1"))
    edited, broken = clip.with_name("edited.mp4"), clip.with_name("broken.mp4")
    before, found, rest = clip.read_bytes().partition(b"jumdc2pa")
    broken.write_bytes(before + found + bytes(64) + rest[64:])
    assert command("edit", clip, "--to", "happy", "-o", edited).err == ""
    with edited.open("rb") as stream:
        said = json.loads(c2pa.Reader("video/mp4", stream).json())
    assert len(said["manifests"]) == 2 and "taken by camera 1" in json.dumps(said)
    assert "the edit does not carry it on" in command("edit", broken, "--to", "happy", "-o", edited, "--overwrite").err


def test_photos_and_videos_together_and_again(command: Command, clip: Path, tmp_path: Path) -> None:
    Image.fromarray(astronaut()[:230, 110:340]).save(tmp_path / "me.png")
    (tmp_path / "bad.mov").write_bytes(b"none")
    call = ("edit", tmp_path / "me.png", clip, tmp_path / "bad.mov", "--to", "happy", "-o", tmp_path / "out")
    result = command(*call)
    assert result.code == 1
    assert sorted(path.name for path in (tmp_path / "out").glob("[!.]*")) == ["clip-happiness.mp4", "me-happiness.png"]
    assert "bad.mov is not a video, truncated or damaged" in result.err
    assert result.err.endswith("facerelief: 1 of 3 were not edited\n")
    again = command(*call)
    assert "skipped       2  edited before, with the same settings" in again.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--receipt"], "--receipt and --save-depth are for photos; leave them out"),
        (["--save-depth"], "--receipt and --save-depth are for photos; leave them out"),
        (["--strength", "1:0,0:1"], "the times of strength keyframes must increase; write them as 0:0,2.5:1"),
        (["--strength", "0:0,1:2"], "strength 2 is out of range; choose 0 to 1.5"),
        (["--strength", "-1:0,1:1"], "strength at -1 s is out of range"),
        (["--strength", "0:0:1"], "no strength '0:0:1'; choose 0 to 1.5, or seconds:strength in a video"),
        (["-o", "out.gif"], "cannot save out.gif: unknown suffix '.gif'; choose from .mp4, .m4v"),
    ],
)
def test_wishes_that_a_video_cannot_fulfil(refused: Refused, clip: Path, options: list[str], message: str) -> None:
    assert message in refused("edit", clip, "--to", "happy", *options)


def test_without_the_extra(refused: Refused, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "av", None)
    line = refused("edit", clip, "--to", "happy")
    assert line == f"av is not installed; install it with: {install_command('video')}"


# -- morph ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def me(tmp_path: Path) -> Path:
    path = tmp_path / "me.png"
    Image.fromarray(astronaut()[:231, 110:341]).save(path)
    return path


def moving(path: Path) -> list[np.ndarray]:
    if path.suffix not in (".gif", ".webp"):
        return read_frames(path)[0]
    with Image.open(path) as picture:
        frames = []
        for k in range(picture.n_frames):
            picture.seek(k)
            frames.append(np.asarray(picture.convert("RGB")))
        return frames


@pytest.mark.parametrize("suffix", [".mp4", ".gif", ".webp", ".webm"])
def test_a_photo_moves_into_an_expression_and_back(command: Command, me: Path, suffix: str) -> None:
    out = me.with_name(f"smile{suffix}")
    options = ("--seconds", 0.5, "--hold", 0.1, "--fps", 10, "--back")
    result = command("morph", me, "--to", "surprised", "-o", out, *options)
    assert (result.code, result.err, result.out) == (0, "", f"{out}\n")
    frames = moving(out)
    assert frames[0].shape == (230, 230, 3)
    away = np.array([np.abs(frame.astype(float) - frames[0]).mean() for frame in frames])
    middle = int(away.argmax())
    assert away[middle] > 2
    assert (np.diff(away[: middle + 1]) > -0.2).all()
    assert away[-1] < 0.5 * away[middle]  # one step of the way is left, and what compression does
    if suffix in (".mp4", ".webm"):
        assert len(frames) == 5 + 1 + 4 + 1
        assert "edited to surprise" in comment_of(out)
    if suffix in (".webp", ".gif"):
        assert read_mark(out) is not None


SHORT = ("--seconds", 0.2, "--hold", 0, "--fps", 5, "--size", 230, "--method", "morphable")


def test_what_a_morph_loses_on_the_way_is_told(command: Command, me: Path) -> None:
    with Image.open(me) as picture:
        head = picture.convert("RGB")
        clear = head.copy()
    two = Image.new("RGB", (460, 231))
    for x in (0, 230):
        two.paste(head, (x, 0))
    two.convert("CMYK").save(me.with_name("two.jpg"), quality=95)
    result = command(
        "morph", me.with_name("two.jpg"), "--to", "anger", "-o", me.with_name("x.gif"), *SHORT, "--size", 460
    )
    (converted,) = read_photo(me.with_name("two.jpg")).notes
    choice = "2 faces; the largest is edited (choose with --face)"
    assert result.err.splitlines() == [f"{me.with_name('two.jpg')}: {said}" for said in (converted, choice)]
    clear.putalpha(Image.linear_gradient("L").resize(clear.size))
    clear.save(me)
    result = command("morph", me, "--to", "anger", "-o", me.with_name("y.gif"), *SHORT)
    assert result.err == f"{me}: what is transparent is not so in a morph\n"
    edited = me.with_name("edited.webp")
    assert command("morph", me.with_name("two.jpg"), "--to", "fear", "--face", "1", "-o", edited, *SHORT).code == 0
    result = command("morph", edited, "--to", "anger", "-o", me.with_name("z.gif"), "--face", "1", *SHORT)
    assert f"{edited} is an edit itself (facial expression edited to fear)\n" in result.err


@pytest.mark.parametrize(("suffix", "told"), [(".mkv", True), (".gif", False), (".mp4", False)])
def test_a_manifest_that_a_morph_cannot_carry_on_is_told(command: Command, me: Path, suffix: str, told: bool) -> None:
    pytest.importorskip("c2pa")
    save_photo(read_photo(me), me, EditMark("camera 1", "taken by camera 1"))
    out = me.with_name(f"out{suffix}")
    result = command("morph", me, "--to", "anger", "-o", out, *SHORT)
    said = f"{me}: its C2PA manifest is not carried on, since {suffix} files hold none; save the morph as .mp4\n"
    assert (said in result.err) is told and result.code == 0
    assert (b"taken by camera 1" in out.read_bytes()) is not told


def test_eyes_alone_move(command: Command, me: Path) -> None:
    out = me.with_name("brows.webp")
    result = command("morph", me, "--to", "anger", "-o", out, "--seconds", 0.3, "--fps", 10, "--part", "eyes")
    assert (result.code, result.err) == (0, "")
    first, *_, last = moving(out)
    away = np.abs(last.astype(float) - first).mean(axis=(1, 2))
    assert away[:110].max() > 5 * away[150:].max()  # the mouth is in rows 130 to 160


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["-o", "x.png"], "cannot save x.png: unknown suffix '.png'; choose from .mp4, .mov, .mkv, .webm, .gif, .webp"),
        (["-o", "x.gif", "--seconds", "50"], "x.gif would have more than 600 frames, which is for films; name it .mp4"),
        (
            ["-o", "x.mp4", "--fps", "0"],
            "no morph takes 1.5 seconds, held for 0.5, at 0 frames a second; choose above 0 to 60",
        ),
        (["-o", "x.mp4", "--seconds", "0"], "no morph takes 0 seconds"),
        (["-o", "x.mp4", "--size", "3"], "a morph of 3 pixels is too small; choose 32 or more"),
        (["-o", "x.mp4", "--strength", "0:0,1:1"], "strength keyframes are for videos"),
        (["-o", "x.mp4", "--face", "3"], "there is no face 3"),
        (["-o", "x.mp4", "--part", "ears"], "no part 'ears' of a face; choose from face, eyes, mouth"),
    ],
)
def test_morphs_that_cannot_be_made(refused: Refused, me: Path, options: list[str], message: str) -> None:
    assert message in refused("morph", me, "--to", "happy", *options)


def test_the_flicker_report(command: Command, me: Path, tmp_path: Path) -> None:
    result = command("report", "flicker", me, "--seconds", 0.2, "--height", 180, "--json", tmp_path / "f.json")
    assert result.code == 0, result.err
    names = [line.split(":")[0] for line in result.out.splitlines()]
    assert names == ["each frame by itself", "each with its true motion", "as a video"]
    assert (tmp_path / "f.json").is_file()


def test_of_a_pattern_edits_are_left_alone_and_a_point_beside_all_faces_is_told(
    command: Command, refused: Refused, clip: Path
) -> None:
    wish = ("edit", f"{clip.parent}/*{clip.suffix}", "--method", "morphable")
    assert command(*wish, "--to", "happiness").code == 0
    result = command(*wish, "--to", "anger")
    assert result.code == 0
    assert sorted(path.stem for path in clip.parent.glob(f"*{clip.suffix}")) == [
        clip.stem,
        f"{clip.stem}-anger",
        f"{clip.stem}-happiness",
    ]
    assert "is an edit itself" in result.err
    line = refused("edit", clip, "--to", "anger", "--face", "1,1", "--method", "morphable")
    assert line.endswith("no frame shows a face at 1,1 that can be edited; give another --face")
