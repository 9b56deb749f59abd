"""The other tracks of a video: copied in their order, or named where they cannot be; and which track is the film."""

import io
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clips import head_pan, sound_packets, tone, write_clip
from PIL import Image

from facerelief.editing import Editor, load_editor
from facerelief.editing.video.edit import edit_video
from facerelief.errors import VideoError
from facerelief.faces.detector import LandmarkFinder

av = pytest.importorskip("av")
pytestmark = pytest.mark.filterwarnings("default")  # av's own

SPOKEN = "1\n00:00:00,000 --> 00:00:00,080\nHello\n\n2\n00:00:00,080 --> 00:00:00,160\nthere\n"


@pytest.fixture(scope="module")
def editor(finder: LandmarkFinder) -> Editor:
    return load_editor(finder=finder, method="morphable")


def write_tracks(path: Path, *add: Callable[[Any], Callable[[Any], None]]) -> Path:
    """A file of several tracks: each of `add` adds one to a container, and gives what then fills it."""
    with av.open(str(path), "w") as container:
        for fill in [one(container) for one in add]:
            fill(container)
    return path


def film(container: Any, size: tuple[int, int] = (160, 120)) -> Callable[[Any], None]:
    stream = container.add_stream("libx264", rate=25)
    stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"

    def fill(container: Any) -> None:
        for rgb in head_pan(4, size):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        container.mux(stream.encode())

    return fill


def sound(container: Any) -> Callable[[Any], None]:
    stream = container.add_stream("aac", rate=48000, layout="mono")

    def fill(container: Any) -> None:
        for packet in tone(stream, 0.16):
            container.mux(packet)
        container.mux(stream.encode())

    return fill


def cover(container: Any) -> Callable[[Any], None]:
    stream = container.add_stream("mjpeg", rate=1)
    stream.width, stream.height, stream.pix_fmt = 64, 64, "yuvj420p"
    stream.disposition = av.stream.Disposition.attached_pic

    def fill(container: Any) -> None:
        picture = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 90, np.uint8), format="rgb24")
        container.mux([*stream.encode(picture.reformat(format="yuvj420p")), *stream.encode()])

    return fill


def subtitles(text: Path) -> Callable[[Any], Callable[[Any], None]]:
    text.write_text(SPOKEN)

    def add(container: Any) -> Callable[[Any], None]:
        source = av.open(str(text))
        stream = container.add_stream_from_template(source.streams[0])
        stream.metadata["language"] = "deu"

        def fill(container: Any) -> None:
            for packet in source.demux():
                if packet.dts is not None:
                    packet.stream = stream
                    container.mux(packet)
            source.close()

        return fill

    return add


def kinds(path: Path) -> list[tuple[str, str]]:
    with av.open(str(path)) as container:
        return [(one.type, getattr(one.codec_context, "name", "")) for one in container.streams]


def packets(path: Path, index: int) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(one) for one in container.demux(container.streams[index]) if one.size]


def rename(path: Path, names: dict[bytes, bytes], track: int) -> Path:
    """Give boxes of the description of an MP4's track other names, as of a kind that nobody knows."""
    data = bytearray(path.read_bytes())
    at = -1
    for _ in range(track + 1):
        at = data.index(b"stsd", at + 1)
    for old, new in names.items():
        place = data.index(old, at)
        data[place : place + 4] = new
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("suffix", [".mov", ".mp4"])
def test_sound_of_an_unknown_kind_is_named_and_the_rest_is_copied(editor: Editor, tmp_path: Path, suffix: str) -> None:
    """As newer phones write spatial sound (apac) beside stereo."""
    clip = write_tracks(tmp_path / f"phone{suffix}", film, sound, sound)
    boxes = {b"mp4a": b"apac", (b"wave" if suffix == ".mov" else b"esds"): b"free"}
    rename(clip, boxes, track=2)
    out = tmp_path / f"out{suffix}"
    made = edit_video(editor, clip, out, "happiness")
    assert made.edited == 4
    assert made.notes == (f"{clip}: left out: a sound track of a kind that is not known here",)
    assert [kind for kind, _ in kinds(out)] == ["video", "audio"]
    assert packets(out, 1) == packets(clip, 1)


def test_a_film_of_an_unknown_kind_is_one_line(editor: Editor, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", head_pan(3, (160, 120)), sound=False)
    rename(clip, {b"avc1": b"zzz1", b"avcC": b"free"}, track=0)
    with pytest.raises(VideoError, match=r"clip\.mp4 holds video of a kind that cannot be decoded here; convert it"):
        edit_video(editor, clip, tmp_path / "out.mp4", "happiness")
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mp4"]


@pytest.mark.parametrize("order", [(film, sound), (sound, film), (sound, film, sound)])
def test_tracks_keep_their_order(editor: Editor, tmp_path: Path, order: tuple[Any, ...]) -> None:
    clip = write_tracks(tmp_path / "clip.mp4", *order)
    made = edit_video(editor, clip, tmp_path / "out.mp4", "happiness")
    assert made.notes == ()
    assert kinds(tmp_path / "out.mp4") == kinds(clip)
    for index, (kind, _) in enumerate(kinds(clip)):
        if kind == "audio":
            assert packets(tmp_path / "out.mp4", index) == packets(clip, index)


def test_a_film_with_all_that_there_is(editor: Editor, tmp_path: Path) -> None:
    """A cover comes first, and is not taken for the film."""

    def attached(container: Any) -> Callable[[Any], None]:
        container.add_attachment("letters.ttf", "font/ttf", b"letters")
        chapters = [{"id": 1, "start": 0, "end": 80, "time_base": Fraction(1, 1000), "metadata": {"title": "One"}}]
        container.set_chapters(chapters)
        return lambda container: None

    small = (32, 24)
    clip = write_tracks(
        tmp_path / "clip.mkv",
        cover,
        film,
        sound,
        subtitles(tmp_path / "said.srt"),
        sound,
        lambda container: film(container, small),
        attached,
    )
    assert kinds(clip)[0] == ("video", "mjpeg")
    made = edit_video(editor, clip, tmp_path / "out.mkv", "happiness")
    assert made.edited == 4
    assert made.notes == (f"{clip}: left out: a further video track, a further video track, an attachment",)
    assert [kind for kind, _ in kinds(tmp_path / "out.mkv")] == ["video", "audio", "subtitle", "audio"]
    for copy, index in ((1, 2), (2, 3), (3, 4)):
        assert packets(tmp_path / "out.mkv", copy) == packets(clip, index)
    with av.open(str(tmp_path / "out.mkv")) as container:
        assert container.streams[0].codec_context.width == 160
        assert container.streams[2].metadata["language"] == "deu"
        assert [one["metadata"]["title"] for one in container.chapters()] == ["One"]


def test_subtitles_that_a_container_does_not_take(editor: Editor, tmp_path: Path) -> None:
    clip = write_tracks(tmp_path / "clip.mkv", film, sound, subtitles(tmp_path / "said.srt"))
    made = edit_video(editor, clip, tmp_path / "out.mp4", "happiness")
    assert made.notes == (f"{clip}: left out: a subtitle track, which .mp4 does not take",)
    assert sound_packets(tmp_path / "out.mp4")


def test_covers_and_sound_alone_are_no_film(editor: Editor, tmp_path: Path) -> None:
    picture = io.BytesIO()
    Image.new("RGB", (64, 64)).save(picture, "JPEG")

    def attached(container: Any) -> Callable[[Any], None]:
        container.add_attachment("cover.jpg", "image/jpeg", picture.getvalue())
        return lambda container: None

    clip = write_tracks(tmp_path / "song.mkv", sound, attached)
    assert ("video", "mjpeg") in kinds(clip)
    with pytest.raises(VideoError, match=r"song\.mkv holds no video; give a video file"):
        edit_video(editor, clip, tmp_path / "out.mkv", "happiness")


def test_data_beside_a_film_is_named(editor: Editor, tmp_path: Path) -> None:
    """As cameras write their time code and movement: here a sound track that says that it is one."""
    clip = write_tracks(tmp_path / "camera.mov", film, sound, sound)
    data = bytearray(clip.read_bytes())
    at = data.rindex(b"soun")
    data[at : at + 4] = b"meta"
    clip.write_bytes(data)
    rename(clip, {b"mp4a": b"mebx", b"wave": b"free"}, track=2)
    with av.open(str(clip)) as container:
        assert [one.type for one in container.streams] == ["video", "audio", "data"]
    made = edit_video(editor, clip, tmp_path / "out.mov", "happiness")
    assert made.notes == (f"{clip}: left out: a data track",)
    assert packets(tmp_path / "out.mov", 1) == packets(clip, 1)
