"""Small files that ask for hours: decoding is bounded. Measured in processor time, which holds on a busy machine."""

import io
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hostile_endless import endless, progressive
from PIL import Image

from facerelief.errors import PhotoError
from facerelief.photos import isolated_decoding
from facerelief.photos.decoding import decode
from facerelief.photos.photo import MAX_PHOTO_BYTES, MAX_PIXELS, read_photo
from facerelief.photos.structure import MAX_SCANS, is_cheap_to_decode
from facerelief.processes import isolated

FILES = dict(endless())
REFUSED = {"endless-scans.jpg": "100 scans", "endless-markers.jpg": "4000 segments", "endless-chunks.png": "500 chunks",
           "endless-fill.jpg": "10000 bytes between", "endless-exif.jpg": "20 EXIF segments",
           "endless-resources.jpg": "2000000 bytes of Photoshop", "endless-chunks.webp": "4000 chunks",
           "endless-empty.png": "pixels in over 500 chunks", "endless-tail.jpg": "10000 bytes between"}  # fmt: skip


def spent() -> float:
    """Processor seconds of this process and of those that it has started."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in both)


@pytest.mark.parametrize("name", FILES)
def test_no_small_file_takes_long(name: str) -> None:
    """Each is read or refused in one line; the longest takes some seconds of a processor, most none."""
    before = spent()
    try:
        photo = read_photo(FILES[name])
    except PhotoError as reason:
        assert "\n" not in str(reason)
        assert REFUSED.get(name, "") in str(reason)
    else:
        assert name not in REFUSED and photo.rgb.size
    assert spent() - before < 25


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith((".jpg", ".png", ".webp"))])
def test_what_is_decoded_in_this_process_is_soon_done(name: str) -> None:
    """Nothing can end that."""
    before = spent()
    try:
        if is_cheap_to_decode(FILES[name], "photo"):
            decode(FILES[name], "photo", MAX_PIXELS)
    except PhotoError:
        pass
    assert spent() - before < 8


def test_real_progressive_files_pass() -> None:
    """As encoders write them, and up to the limit, with the pixels that Pillow gives by itself."""
    for data in (
        progressive(MAX_SCANS - 1, 64),
        _saved("JPEG", progressive=True),
        _saved("JPEG", restart_marker_blocks=1),
    ):
        assert is_cheap_to_decode(data, "photo")
        with Image.open(io.BytesIO(data)) as image:
            np.testing.assert_array_equal(read_photo(data).rgb, np.asarray(image.convert("RGB")))
    with pytest.raises(PhotoError, match="photo has more than 100 scans, which no photo has; save it again"):
        read_photo(progressive(MAX_SCANS, 64))
    assert not is_cheap_to_decode(progressive(40, 8000), "photo")  # too many pixels for so many scans: apart


def test_a_second_picture_behind_the_first_is_not_counted() -> None:
    """Phones put pictures and films behind a JPEG, with markers of their own."""
    data = _saved("JPEG", progressive=True)
    again = read_photo(data + progressive(150, 64) + b"\xff\xda" * 5000)
    np.testing.assert_array_equal(again.rgb, read_photo(data).rgb)


def _saved(kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    levels = np.random.default_rng(3).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(levels).save(stream, kind, **options)  # type: ignore[arg-type]
    return stream.getvalue()


@pytest.mark.parametrize("kind", ["TIFF", "GIF", "AVIF", "PPM", "BMP"])
def test_apart_and_here_give_the_same(kind: str) -> None:
    """With the profile, EXIF, alpha and notes."""
    tags = Image.Exif()
    tags[0x010F], tags[0x0112] = "Maker", 6
    image = Image.fromarray(np.random.default_rng(4).integers(0, 256, (40, 64, 4), dtype=np.uint8))
    image = image if kind in ("TIFF", "AVIF") else image.convert("RGB")
    stream = io.BytesIO()
    image.save(stream, kind, exif=tags.tobytes(), icc_profile=b"junk" * 50, xmp=b"<x/>")
    here = decode(stream.getvalue(), "photo", MAX_PIXELS)
    there = isolated_decoding.decode_isolated(stream.getvalue(), "photo", MAX_PIXELS)
    np.testing.assert_array_equal(there.rgb, here.rgb)
    assert there.rgb.flags.writeable
    assert (there.alpha is None) is (here.alpha is None)
    if here.alpha is not None:
        np.testing.assert_array_equal(there.alpha, here.alpha)
    assert vars(there).keys() == vars(here).keys()
    for name in ("icc", "exif", "format", "notes", "mark"):
        assert getattr(there, name) == getattr(here, name)


def test_a_decoder_is_ended_when_the_callers_time_is_up() -> None:
    """And the process with it."""
    for seconds in (0.0, 0.3):
        with pytest.raises(PhotoError, match="photo takes too long to read; save it again as JPEG or PNG"):
            read_photo(FILES["endless-strips.tif"], seconds=seconds)
    assert _children() == 0


def test_or_when_its_own_processor_time_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    call = isolated.run_child
    limited = "limit_cpu_time(0); work._bound_time = lambda pixels: None; work.decode_child("

    def briefly(work: str, *more: Any) -> bytes:
        return call(work.replace("decode_child(", limited), *more)

    monkeypatch.setattr(isolated_decoding, "run_child", briefly)
    with pytest.raises(PhotoError, match="takes too long to read"):
        read_photo(FILES["endless-strips.tif"])


def test_a_decoder_that_dies_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """As by a fault in a library, or for want of memory; this process lives on."""
    call = isolated.run_child
    for code in ("import os; os.kill(os.getpid(), 11)", "import sys; sys.exit(1)", "raise MemoryError"):
        monkeypatch.setattr(
            isolated_decoding, "run_child", lambda _, *more, code=code: call(f"os:getpid(); {code}", *more)
        )
        with pytest.raises(
            PhotoError, match="photo is damaged, or does not fit into memory; save it again with another program"
        ):
            read_photo(_saved("TIFF"))
    monkeypatch.setattr(isolated.multiprocessing.spawn, "get_executable", lambda: "/absent/python")
    with pytest.raises(Exception, match="photo cannot be read: the process did not start"):
        read_photo(_saved("TIFF"))


def test_a_system_without_a_signal_for_processor_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """As Windows: what a process answers is read, and one that fails is told."""
    monkeypatch.delattr(signal, "SIGXCPU")
    assert isolated.run_child("os:write(1, work.read(0, 9))", b"pixels", "photo", 60) == b"pixels"
    with pytest.raises(isolated.ChildFailed, match="photo is damaged"):
        isolated.run_child("os:_exit(1)", b"", "photo", 60)


def test_others_go_on_while_one_is_decoded() -> None:
    """The lock of the interpreter is free: a thread that counts is not held up."""
    counted, ended = [0], threading.Event()

    def count() -> None:
        while not ended.is_set():
            counted[0] += 1
            time.sleep(0.01)

    thread = threading.Thread(target=count)
    thread.start()
    with pytest.raises(PhotoError):
        read_photo(FILES["endless-strips.tif"], seconds=1.0)
    ended.set()
    thread.join()
    assert counted[0] >= 10


def test_more_bytes_than_photos_have_are_not_read() -> None:
    class Endless(io.RawIOBase):
        name, given = "endless", 0

        def read(self, size: int = -1) -> bytes:
            assert 0 < size <= MAX_PHOTO_BYTES + 1
            return bytes(size)

    with pytest.raises(PhotoError, match="endless is larger than 500 MB; shrink it"):
        read_photo(Endless())  # type: ignore[arg-type]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_an_interrupt_leaves_no_process() -> None:
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # ignored in the background
        "sys.path.insert(0, sys.argv[1]); from hostile_endless import endless\n"
        "from facerelief.photos.photo import read_photo\n"
        "data = dict(endless())['endless-strips.tif']; print('at it', flush=True); read_photo(data)"
    )
    call = [sys.executable, "-c", code, os.path.dirname(os.path.dirname(__file__))]
    with subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout and process.stdout.readline() == b"at it\n"
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        while not (found := children.read_text().split()) or b"decode_child" not in _command_line(found[0]):
            time.sleep(0.01)
        time.sleep(0.2)  # the decoding has its own process; until the parent waits for it
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=120)
    assert b"KeyboardInterrupt" in said
    with pytest.raises(ProcessLookupError):  # nobody of its group is left, but for one that was just starting
        _signal_for_ever(process.pid)


def _signal_for_ever(group: int) -> None:
    """Until nobody is there."""
    while True:
        os.killpg(group, 0)
        time.sleep(0.01)


def _command_line(pid: str) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def _children() -> int:
    """Processes that this one has started and that are still there."""
    try:
        pid, _ = os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return 0
    return 1 + (pid != 0)
