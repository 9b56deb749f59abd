"""Videos of a portrait, edited whole: what is kept (sound, times, colours), odd files, and what is refused."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from clips import head_pan, read_frames, sound_packets, tone, turn_clip, view, write_clip
from photos import astronaut
from PIL import Image

from facerelief.editing import Editor, load_editor
from facerelief.editing.strength import Strength
from facerelief.editing.video import edit as video_module
from facerelief.editing.video.edit import edit_video
from facerelief.editing.video.yuv_frames import ColourFormat, Frame, add_change
from facerelief.errors import FacereliefError, NoFaceFound, VideoError
from facerelief.faces.detector import LandmarkFinder

av = pytest.importorskip("av")
pytestmark = pytest.mark.filterwarnings("default")  # av's own


@pytest.fixture(scope="module")
def editor(finder: LandmarkFinder) -> Editor:
    return load_editor(finder=finder)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 frames of a head that glides, with sound; not to be changed."""
    return write_clip(tmp_path_factory.mktemp("clips") / "clip.mp4", head_pan(24))


NOUGHT = Strength(((0.0, 0.0),))


def amount(one: list[np.ndarray], other: list[np.ndarray]) -> np.ndarray:
    """Mean change of each frame, levels."""
    return np.array([np.abs(a.astype(float) - b).mean() for a, b in zip(one, other, strict=True)])


def test_every_frame_is_edited_and_all_else_is_kept(editor: Editor, clip: Path, tmp_path: Path) -> None:
    moves: list[tuple[int, int]] = []
    out = tmp_path / "out.mp4"
    made = edit_video(
        editor, clip, out, "surprise", comment="edited", progress=lambda done, total: moves.append((done, total))
    )
    assert (made.frames, made.edited, made.notes) == (24, 24, ())
    assert moves[-1] == (24, 24)
    assert [done for done, _ in moves[:-1]] == list(range(1, 25))
    (before, times), (after, new_times) = read_frames(clip), read_frames(out)
    assert new_times == times
    assert sound_packets(out) == sound_packets(clip)
    assert amount(before, after).min() > 2
    corner = [(slice(0, 60), slice(0, 40))]
    for part in corner:  # far from the face: encoded twice, and of the same colours
        differences = np.array(
            [one[part].astype(float) - other[part] for one, other in zip(before, after, strict=True)]
        )
        assert np.abs(differences).mean() < 1.5
        assert np.abs(differences.mean(axis=(0, 1, 2))).max() < 0.5
    with av.open(str(out)) as container:
        assert container.metadata["comment"] == "edited"


def test_strength_nought_changes_nothing_but_the_encoding(
    editor: Editor, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The encoder gets the very planes that were decoded."""
    kept = list[bool]()

    def noted(frame: Frame, edited: np.ndarray, colours: ColourFormat) -> tuple[np.ndarray, ...]:
        planes = add_change(frame, edited, colours)
        kept.append(all(map(np.array_equal, planes, frame.planes)))
        return planes

    monkeypatch.setattr(video_module, "add_change", noted)
    edit_video(editor, clip, tmp_path / "out.mp4", "surprise", strength=NOUGHT)
    assert kept == [True] * 24
    assert amount(read_frames(clip)[0], read_frames(tmp_path / "out.mp4")[0]).max() < 2.5


def test_a_part_alone_changes(editor: Editor, clip: Path, tmp_path: Path) -> None:
    """The mouth opens; of the rest changes what encoding twice changes."""
    rows = np.mean([editor.finder(frame)[0].landmarks[:, 1] for frame in read_frames(clip)[0][::8]], axis=0)
    above, below = slice(0, int(rows[[145, 374]].min()) - 4), slice(int(rows[13]), int(rows[152]))
    changes = {}
    for part in ("face", "mouth"):
        edit_video(editor, clip, tmp_path / f"{part}.mp4", "surprise", part=part)
        frames = zip(read_frames(clip)[0], read_frames(tmp_path / f"{part}.mp4")[0], strict=True)
        changes[part] = np.mean([np.abs(a.astype(float) - b).mean(axis=(1, 2)) for a, b in frames], axis=0)
    assert changes["mouth"][below].mean() > 0.8 * changes["face"][below].mean()
    assert changes["mouth"][above].max() < 0.5 * changes["face"][above].max()


def test_strength_follows_its_keyframes(editor: Editor, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "still.mp4", head_pan(25, still=True), sound=False)
    edit_video(editor, clip, tmp_path / "out.mp4", "surprise", strength=Strength(((0.2, 0.0), (0.8, 1.0))))
    change = amount(read_frames(clip)[0], read_frames(tmp_path / "out.mp4")[0])
    assert np.ptp(change[:6]) < 0.1
    assert (np.diff(change[6:20]) > 0).mean() > 0.8
    assert change[21:].min() > 0.9 * change.max() > 1.5 * change[0]


@pytest.mark.parametrize(
    ("name", "size", "options", "shown"),
    [
        ("odd.mkv", (161, 121), {"codec": "ffv1", "pixels": "bgr0", "sound": False}, (162, 122)),
        ("deep.mp4", (160, 120), {"codec": "libx265", "pixels": "yuv420p10le"}, (160, 120)),
        ("web.webm", (160, 120), {"codec": "libvpx-vp9"}, (160, 120)),
        ("old.avi", (160, 120), {"codec": "mpeg4", "sound": False}, (160, 120)),
        ("fine.mkv", (160, 120), {"pixels": "yuv444p", "sound": False}, (160, 120)),
    ],
)
def test_kinds_of_files(
    editor: Editor, tmp_path: Path, name: str, size: tuple[int, int], options: dict, shown: tuple[int, int]
) -> None:
    clip = write_clip(tmp_path / name, head_pan(4, size), **options)
    out = tmp_path / f"out{'.mp4' if name.endswith('.avi') else clip.suffix}"
    made = edit_video(editor, clip, out, "happiness")
    assert made.edited == 4
    assert made.notes == ((f"{clip}: 161x121 written as 162x122",) if name == "odd.mkv" else ())
    with av.open(str(out)) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height) == shown
        assert len(container.streams.audio) == options.get("sound", True)
        deep = stream.codec_context.format.components[0].bits
        assert deep == (10 if name == "deep.mp4" else 8)
    (before, times), (after, new_times) = read_frames(clip), read_frames(out)
    assert new_times == pytest.approx(times, abs=0.002)
    whole = [np.pad(one, ((0, shown[1] - size[1]), (0, shown[0] - size[0]), (0, 0)), mode="edge") for one in before]
    edit_video(editor, clip, nought := out.with_stem("nought"), "happiness", strength=NOUGHT)
    encoding = amount(whole, read_frames(nought)[0]).mean()
    assert encoding + 0.3 < amount(whole, after).mean() < 12
    if options.get("sound", True):
        assert [digest for _, digest in sound_packets(out)] == [digest for _, digest in sound_packets(clip)]


def test_frames_that_come_unevenly(editor: Editor, tmp_path: Path) -> None:
    when = [0, 40, 70, 160, 200, 210, 400, 450]
    clip = write_clip(tmp_path / "uneven.mp4", head_pan(8, (160, 120)), times=when, sound=False)
    edit_video(editor, clip, tmp_path / "out.mp4", "happiness")
    assert read_frames(tmp_path / "out.mp4")[1] == pytest.approx([one / 1000 for one in when], abs=1e-3)


def test_a_phones_video_is_written_upright(editor: Editor, tmp_path: Path) -> None:
    """Stored lying on its side, with a note to turn it."""
    upright = list(head_pan(4, (120, 160)))
    clip = write_clip(tmp_path / "phone.mp4", [np.rot90(one) for one in upright])
    turn_clip(clip)
    out = tmp_path / "out.mp4"
    assert edit_video(editor, clip, out, "happiness").edited == 3  # the first shows half a face
    after, _ = read_frames(out)
    assert after[0].shape == (160, 120, 3)
    assert amount(upright, after).max() < 12
    assert sound_packets(out) == sound_packets(clip)


# -- faces that come and go -----------------------------------------------------------------------------------------


def passing(count: int, gone: range) -> Iterator[np.ndarray]:
    """A still portrait; in some frames its face is covered."""
    photo = Image.fromarray(astronaut())
    for k in range(count):
        frame = view(photo, 60, 5, 225, (160, 120)).copy()
        if k in gone:
            frame[25:100, 55:120] = frame.mean(axis=(0, 1))
        yield frame


def test_an_edit_comes_and_goes_with_its_face(editor: Editor, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", passing(40, range(18, 24)), sound=False)
    made = edit_video(editor, clip, tmp_path / "out.mp4", "surprise")
    assert 28 <= made.edited <= 34  # it is looked for every quarter of a second
    change = amount(read_frames(clip)[0], read_frames(tmp_path / "out.mp4")[0])
    change = change - change[20]  # that of the encoding
    full = np.median(change[:8])
    assert full > 1
    assert change[17] < 0.5 * full and change[24] < 0.5 * full
    assert np.abs(np.diff(change[:18])).max() < 0.5 * full  # eased, not switched
    assert change[36] > 0.8 * full


def test_a_video_without_a_face_is_not_written(editor: Editor, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "wall.mp4", [np.full((120, 160, 3), 90, np.uint8)] * 5, sound=False)
    with pytest.raises(NoFaceFound, match=r"wall\.mp4: no face found that can be edited; use a video with"):
        edit_video(editor, clip, tmp_path / "out.mp4", "happiness")
    assert [path.name for path in tmp_path.iterdir()] == ["wall.mp4"]


# -- damage ---------------------------------------------------------------------------------------------------------


def test_a_video_that_breaks_off_is_edited_so_far(editor: Editor, tmp_path: Path) -> None:
    whole = write_clip(tmp_path / "whole.mkv", head_pan(40, (160, 120)))
    clip = tmp_path / "cut.mkv"
    clip.write_bytes(whole.read_bytes()[: whole.stat().st_size * 6 // 10])
    made = edit_video(editor, clip, tmp_path / "out.mkv", "happiness")
    assert 5 < made.frames < 40
    assert len(made.notes) == 1 and "of 1.6 s could be read" in made.notes[0]
    assert len(read_frames(tmp_path / "out.mkv")[0]) == made.frames


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"not a film " * 99, "is not a video, truncated or damaged"),
        (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "is not a video"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "is not a video"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(500), "is not a video"),
        (b"\x1aE\xdf\xa3" + bytes(300), "is not a video"),
        (b"RIFF\xff\xff\xff\xffAVI LIST" + bytes(200), "is not a video"),
    ],
)
def test_files_that_are_no_video(editor: Editor, tmp_path: Path, content: bytes, said: str) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(content)
    with pytest.raises(VideoError) as caught:
        edit_video(editor, clip, tmp_path / "out.mp4", "happiness")
    assert str(caught.value).startswith(f"{clip} {said}")
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mp4"]


def test_an_mp4_cut_short_sound_alone_and_absence(editor: Editor, clip: Path, tmp_path: Path) -> None:
    (tmp_path / "cut.mp4").write_bytes(clip.read_bytes()[:-800])  # its table of contents comes last
    with av.open(str(tmp_path / "sound.mkv"), "w") as container:
        for packet in tone(container.add_stream("aac", rate=48000, layout="mono"), 0.5):
            container.mux(packet)
    for name, said in {
        "cut.mp4": "is not a video",
        "sound.mkv": "holds no video",
        "absent.mp4": "does not exist",
    }.items():
        with pytest.raises(VideoError, match=said):
            edit_video(editor, tmp_path / name, tmp_path / "out.mp4", "happiness")
    assert not (tmp_path / "out.mp4").exists()


def test_sound_that_a_container_does_not_take(editor: Editor, clip: Path, tmp_path: Path) -> None:
    with pytest.raises(VideoError, match=r"^\.webm takes no aac sound; name the output \.mkv or \.mov$"):
        edit_video(editor, clip, tmp_path / "out.webm", "happiness")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("fault", [ZeroDivisionError, KeyboardInterrupt, FacereliefError])
def test_a_fault_in_the_middle_leaves_nothing(
    editor: Editor, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: type[BaseException]
) -> None:
    """And the steps that run at once all end: else this would hang."""
    frames = 0

    def fail(*arguments: object) -> None:
        nonlocal frames
        frames += 1
        if frames == 12:
            raise fault("now")

    monkeypatch.setattr(video_module.VideoTarget, "write", fail)
    with pytest.raises(fault, match="now"):
        edit_video(editor, clip, tmp_path / "out.mp4", "happiness")
    assert not list(tmp_path.iterdir())


def test_an_editor_that_fails_in_another_thread(
    editor: Editor, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> None:
        raise ZeroDivisionError

    for method in ("plan", "_render"):
        with monkeypatch.context() as patch:
            patch.setattr(type(editor), method, fail)
            with pytest.raises(ZeroDivisionError):
                edit_video(editor, clip, tmp_path / "out.mp4", "happiness")
    assert not list(tmp_path.iterdir())


def test_networks_edit_videos_too(
    finder: LandmarkFinder, clip: Path, tmp_path: Path, tiny_weights: Callable[..., Path]
) -> None:
    for backbone in ("stargan", "relief"):
        editor = load_editor(tiny_weights(method=backbone), finder)
        assert edit_video(editor, clip, tmp_path / f"{backbone}.mp4", "happiness").edited == 24
        edit_video(editor, clip, tmp_path / "nought.mp4", "happiness", strength=NOUGHT)
        edited, encoded = (
            amount(read_frames(clip)[0], read_frames(tmp_path / name)[0]) for name in (f"{backbone}.mp4", "nought.mp4")
        )
        assert (edited - encoded).min() > 0.1, backbone
