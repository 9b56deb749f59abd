"""How a video is shown: turned and mirrored all eight ways, late, see-through, interlaced, in pieces."""

from pathlib import Path

import numpy as np
import pytest
from clips import head_pan, read_frames, turn_clip, write_clip

from facerelief.editing import Editor, load_editor
from facerelief.editing.video import reader as source_module
from facerelief.editing.video.edit import edit_video
from facerelief.editing.video.yuv_frames import Orientation
from facerelief.errors import VideoError
from facerelief.faces.detector import LandmarkFinder

av = pytest.importorskip("av")
pytestmark = pytest.mark.filterwarnings("default")  # av's own

EIGHT = [
    *((1, 0, 0, 1), (-1, 0, 0, -1), (-1, 0, 0, 1), (1, 0, 0, -1)),
    *((0, 1, -1, 0), (0, -1, 1, 0), (0, 1, 1, 0), (0, -1, -1, 0)),
]


@pytest.fixture(scope="module")
def editor(finder: LandmarkFinder) -> Editor:
    return load_editor(finder=finder, method="morphable")


def places(stored: np.ndarray, matrix: tuple[int, int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Where a player shows each stored pixel, rows and columns, by the definition of display matrices."""
    a, b, c, d = matrix
    y, x = np.indices(stored.shape[:2])
    across, down = a * x + c * y, b * x + d * y
    return down - down.min(), across - across.min()


def shown(stored: np.ndarray, matrix: tuple[int, int, int, int]) -> np.ndarray:
    """What a player shows of stored pixels."""
    rows, columns = places(stored, matrix)
    out = np.zeros((rows.max() + 1, columns.max() + 1, 3), np.uint8)
    out[rows, columns] = stored
    return out


def stored(upright: np.ndarray, matrix: tuple[int, int, int, int]) -> np.ndarray:
    """What is to be stored for a player to show it upright."""
    size = upright.shape if matrix[0] else (upright.shape[1], upright.shape[0], 3)
    return upright[places(np.empty(size), matrix)]


def display_matrix(path: Path) -> tuple[int, int, int, int]:
    """That of a file's first frame."""
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
        data = frame.side_data.get("DISPLAYMATRIX")
    if data is None:
        return 1, 0, 0, 1
    a, b, _, c, d = (int(value) for value in np.sign(np.frombuffer(bytes(data), np.int32)[:5]))
    return a, b, c, d


def difference(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one.astype(float) - other).mean())


@pytest.mark.parametrize("size", [(120, 160), (121, 161)])  # odd ones get one more pixel
@pytest.mark.parametrize("matrix", EIGHT)
def test_what_a_player_shows_is_what_it_showed_before(
    editor: Editor, tmp_path: Path, matrix: tuple[int, int, int, int], size: tuple[int, int]
) -> None:
    upright = list(head_pan(3, size))
    pixels = "yuv420p" if size[0] % 2 == 0 else "yuv444p"
    clip = write_clip(
        tmp_path / "clip.mp4",
        [np.ascontiguousarray(stored(one, matrix)) for one in upright],
        sound=False,
        pixels=pixels,
    )
    turn_clip(clip, matrix)
    assert display_matrix(clip) == matrix
    out = tmp_path / "out.mp4"
    assert edit_video(editor, clip, out, "happiness").edited == 2  # the first shows half a face
    for number, frame in enumerate(read_frames(out)[0]):
        after = shown(frame, display_matrix(out))[: size[1], : size[0]]
        before = shown(read_frames(clip)[0][number], matrix)
        assert difference(after, before) < 8 < difference(after, before[:, ::-1])
        assert difference(after[: size[1] // 4], before[: size[1] // 4]) < 4  # far from the mouth


def test_turns_by_their_definition() -> None:
    numbers = np.arange(6).reshape(2, 3)
    for matrix in EIGHT:
        a, b, c, d = matrix
        turn = Orientation.of(np.array([a, b, 0, c, d, 0, 0, 0, 1]) * 65536)
        pixels = np.repeat(numbers[..., None], 3, axis=2).astype(np.uint8)
        np.testing.assert_array_equal(turn(pixels), shown(pixels, matrix))
        assert turn.size(3, 2) == turn(numbers).shape[::-1]
    assert Orientation.of(np.zeros(9)) == Orientation()
    tilted = np.array([64540, 11380, 0, -11380, 64540, 0, 0, 0, 1])  # 10 degrees
    assert Orientation.of(tilted) == Orientation() and Orientation.leans(tilted)
    assert not Orientation.leans(np.array([3, 65536, 0, -65536, -3, 0, 0, 0, 1]))


# -- what is noted --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "options", "note"),
    [
        ("see.mov", {"codec": "qtrle", "pixels": "argb"}, "transparency is left out"),
        ("see.webm", {"codec": "libvpx-vp9", "pixels": "yuva420p"}, "transparency is left out"),
        ("grade.mov", {"codec": "prores_ks", "pixels": "yuva444p10le"}, "transparency is left out"),
        ("lines.mkv", {"codec": "mpeg2video", "flags": "+ildct+ilme"}, "interlaced; written as whole frames"),
        ("whole.mov", {"codec": "prores_ks", "pixels": "yuv422p10le"}, None),
    ],
)
def test_what_is_lost_is_noted(editor: Editor, tmp_path: Path, name: str, options: dict, note: str | None) -> None:
    clip = write_clip(tmp_path / name, head_pan(3, (160, 120)), sound=False, **options)
    made = edit_video(editor, clip, tmp_path / f"out{clip.suffix}", "happiness")
    assert made.notes == ((f"{clip}: {note}",) if note else ())
    with av.open(str(tmp_path / f"out{clip.suffix}")) as container:
        deep = container.streams.video[0].codec_context.format.components[0].bits
    assert deep == (10 if "10" in options.get("pixels", "") else 8)


def test_hlg_and_its_ten_bits_are_kept(editor: Editor, tmp_path: Path) -> None:
    colours = {"color_primaries": 9, "color_trc": 18, "colorspace": 9}  # BT.2020, HLG
    clip = write_clip(
        tmp_path / "hlg.mp4", head_pan(3, (160, 120)), codec="libx265", pixels="yuv420p10le", colours=colours
    )
    assert edit_video(editor, clip, tmp_path / "out.mp4", "happiness").notes == ()
    with av.open(str(tmp_path / "out.mp4")) as container:
        context = container.streams.video[0].codec_context
        frame = next(container.decode(video=0))
        assert {name: int(getattr(context, name)) for name in colours} == colours
        assert frame.format.name == "yuv420p10le"


@pytest.mark.parametrize("name", ["late.mkv", "late.mp4", "late.webm"])
def test_a_film_that_starts_late_keeps_its_times(editor: Editor, tmp_path: Path, name: str) -> None:
    when = [100_000_000 + 40 * k for k in range(8)]
    codec = "libvpx-vp9" if name.endswith("webm") else "libx264"
    clip = write_clip(tmp_path / name, head_pan(8, (160, 120)), codec=codec, sound=False, times=when)
    made = edit_video(editor, clip, tmp_path / f"out{clip.suffix}", "happiness")
    assert (made.frames, made.edited, made.notes) == (8, 8, ())
    times = read_frames(tmp_path / f"out{clip.suffix}")[1]
    assert times == pytest.approx(read_frames(clip)[1], abs=2e-3)
    assert times[0] == pytest.approx(100_000, abs=1)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("pieces.mp4", {"muxer": {"movflags": "frag_keyframe+empty_moov"}}),
        ("one.mp4", {"count": 1}),
        ("one.mkv", {"count": 1}),
        ("two.webm", {"count": 2, "codec": "libvpx-vp9"}),
        ("both.mp4", {"flags": "", "encoder": {"bf": "8", "b-adapt": "2"}, "count": 12}),
    ],
)
def test_odd_but_whole_files(editor: Editor, tmp_path: Path, name: str, options: dict) -> None:
    count = options.pop("count", 4)
    clip = write_clip(tmp_path / name, head_pan(count, (160, 120)), sound=False, **options)
    out = tmp_path / f"out{clip.suffix}"
    made = edit_video(editor, clip, out, "happiness")
    assert (made.frames, made.edited, made.notes) == (count, count, ())
    assert read_frames(out)[1] == pytest.approx(read_frames(clip)[1], abs=2e-3)


def test_frames_too_large_for_the_memory_are_refused(
    editor: Editor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = write_clip(tmp_path / "clip.mp4", head_pan(3, (160, 120)), sound=False)
    monkeypatch.setattr(source_module, "MOST_PIXELS", 160 * 120 - 1)
    with pytest.raises(VideoError, match=r"frames of 160x120 pixels, over the limit .*; shrink it to 4K"):
        edit_video(editor, clip, tmp_path / "out.mp4", "happiness")
    assert source_module.MOST_PIXELS < 7680 * 4320
