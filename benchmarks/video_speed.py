"""How fast a video is edited from file to file: ten seconds of 720p with pans, a zoom, a morph, cuts and sound.

    python benchmarks/video_speed.py            # of editors: --method relief

The pictures are the astronaut's, which ships with a dependency, and a drawn face's.
"""

import argparse
import functools
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from facerelief.editing import METHODS, load_editor
from facerelief.editing.video.edit import edit_video
from facerelief.editing.video.morph import Morph, morph_frames
from facerelief.evaluation.diagnostics.latency import drawn_photo
from facerelief.photos.photo import read_photo

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from clips import read_frames, sound_packets, view, write_clip
from photos import astronaut

FPS, SIZE = 30, (1280, 720)


def pan(photo: Image.Image, count: int) -> Iterator[np.ndarray]:
    for k in range(count):
        turn = 2 * np.pi * k / (count - 1)
        yield view(photo, 150 + 120 * np.sin(turn), 10 + 40 * (1 - np.cos(turn)), 580, SIZE)


def zoom(photo: Image.Image, count: int) -> Iterator[np.ndarray]:
    for k in range(count):
        t = k / (count - 1)
        yield view(photo, 250 * t, 10 + 60 * t, 800 - 350 * t, SIZE)


def scenes() -> Iterator[np.ndarray]:
    """A pan, a cut to a zoom, a cut to a drawn face that changes its expression."""
    photo = Image.fromarray(astronaut()).resize((1536, 1536), Image.Resampling.LANCZOS)
    yield from pan(photo, 4 * FPS)
    yield from zoom(photo, 3 * FPS)
    drawn = read_photo(drawn_photo())
    for rgb in morph_frames(load_editor(), drawn, "surprise", Morph(seconds=2, fps=FPS, hold=1, size=1000)):
        yield view(Image.fromarray(rgb), 0, 150, 560, SIZE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--method", choices=METHODS, default="morphable")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", action="store_true", help="in threads of one process, not in processes")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        clip, out = Path(folder, "clip.mp4"), Path(folder, "edited.mp4")
        write_clip(clip, scenes(), FPS)
        editor = load_editor(method=arguments.method)
        apart = None if arguments.threads else functools.partial(load_editor, method=arguments.method)
        seconds = []
        for _ in range(arguments.repeats):
            start = time.perf_counter()
            made = edit_video(editor, clip, out, "happiness", make_editor=apart)
            seconds.append(time.perf_counter() - start)
        sound = sound_packets(out) == sound_packets(clip)
        same = len(read_frames(out)[0]) == made.frames == len(read_frames(clip)[0])
        print(f"{made.frames} frames of {SIZE[0]}x{SIZE[1]}, {made.edited} with a face that was edited")
        rates = ", ".join(f"{made.frames / one:.1f}" for one in seconds)
        print(f"frames a second: {made.frames / min(seconds):.1f} at best (of {rates})")
        print(f"sound the same, packet by packet: {sound}; frames all there: {same}")


if __name__ == "__main__":
    main()
