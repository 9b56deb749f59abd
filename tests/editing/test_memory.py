"""A process's peak of memory: a large photo adds a few copies of itself to it, however large its face."""

import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from clips import head_pan, write_clip
from photos import astronaut
from PIL import Image

from facerelief.faces.detector import LandmarkFinder

SIDE = 3464  # pixels: 12 million
COPIES = 4.5  # of a photo's bytes: the photo, its edit, and what it is encoded from, which takes 4 bytes a pixel
EDIT = """
import pickle, sys, resource
import numpy as np
from PIL import Image
from facerelief.editing import load_editor
from facerelief.faces.detector import Face
from facerelief.photos.photo import encode_photo, read_photo

def edit(path, landmarks):
    photo = read_photo(path)
    encode_photo(editor(photo, "surprise", faces=[Face(landmarks)]).photo, "JPEG")

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

method, small, large, landmarks, share, scale = pickle.loads(sys.stdin.buffer.read())
editor = load_editor(method=method)
edit(small, landmarks)
before = peak()
edit(large, ((landmarks - landmarks.mean(axis=0)) * share * scale + landmarks.mean(axis=0) * scale).astype(np.float32))
print(peak() - before)
"""


@pytest.fixture(scope="module")
def photos(finder: LandmarkFinder, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, np.ndarray]:
    """A portrait whose face is half as large as the photo, small and large, and the landmarks in the small one."""
    small, large = (tmp_path_factory.mktemp("portrait") / f"{name}.jpg" for name in ("small", "large"))
    portrait = Image.fromarray(astronaut()).crop((120, 0, 332, 212)).resize((400, 400), Image.Resampling.BICUBIC)
    portrait.save(small, quality=95)
    portrait.resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(large, quality=90)
    (face,) = finder(np.asarray(portrait))
    assert 0.45 < face.size / 400 < 0.55
    return small, large, face.landmarks


# A portrait, and landmarks of a face that is half as large again as the photo.
@pytest.mark.parametrize(("method", "share"), [("morphable", 1), ("relief", 1), ("stargan", 1), ("relief", 2.9)])
def test_a_large_face_takes_a_few_copies_of_its_photo(
    photos: tuple[Path, Path, np.ndarray], method: str, share: float
) -> None:
    """Each map of all of its pixels would take a copy or more; there are some fifteen."""
    small, large, landmarks = photos
    sent = pickle.dumps((method, small, large, landmarks, share, SIDE / 400))
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", EDIT], input=sent, capture_output=True, timeout=300, check=False
    )
    assert run.returncode == 0, run.stderr.decode()
    assert int(run.stdout) < COPIES * 3 * SIDE**2


FRAMES = 46  # more than are looked ahead
FILM = """
import resource, sys
from pathlib import Path
from facerelief.editing import load_editor
from facerelief.editing.video.edit import edit_video

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

small, large = map(Path, sys.argv[1:])
editor = load_editor(method="morphable")
edit_video(editor, small, small.with_name("one.mp4"), "surprise")
before = peak()
made = edit_video(editor, large, small.with_name("other.mp4"), "surprise")
assert made.frames == made.edited
print(peak() - before)
"""


def test_a_video_takes_no_memory_for_frames_that_wait(tmp_path: Path) -> None:
    """At 60 frames a second an edit looks 33 of them ahead, and 33 back: kept, each would be 4.5 bytes a pixel."""
    pytest.importorskip("av")
    small, large, size = tmp_path / "small.mp4", tmp_path / "large.mp4", (1600, 1200)
    write_clip(small, head_pan(FRAMES, (160, 120)), 60, sound=False)
    write_clip(large, head_pan(FRAMES, size), 60, sound=False)
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FILM, small, large], capture_output=True, timeout=500, check=False
    )
    assert run.returncode == 0, run.stderr.decode()
    assert int(run.stdout) < 1.3 * 33 * 4.5 * size[0] * size[1]  # the encoder's own frames are a half of it
