"""The workloads of `compare.py`: reads their names from its input, and answers each with the time of one call.

They use only what versions of facerelief have in common, and import it when they are asked for.
"""

import io
import json
import os
import resource
import shutil
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

Work = Callable[[], object]


def step() -> Work:
    """Two guided training steps of stage 2, preset `cpu`, and their start."""
    from training_step import run_ours

    return lambda: run_ours({}, 2)


def generator() -> Work:
    """Ten edits of a crop by the package's StarGAN, as its editor runs it."""
    import numpy as np

    from facerelief.editing import load_editor

    editor = load_editor(method="stargan")
    image = np.zeros((1, editor.config.channels, editor.config.size, editor.config.size), np.float32)
    return lambda: [editor.run(image, "happiness", np.zeros((468, 3))) for _ in range(10)]


def synthetic() -> Work:
    """48 synthetic pictures of 128 px, in one process."""
    from facerelief.data.synthesize import Plan, synthesize

    def work() -> None:
        shutil.rmtree("synthetic", ignore_errors=True)
        synthesize(Path("synthetic"), Plan(48, 128), workers=1)

    return work


def build() -> Work:
    """A dataset from 48 rendered photos, in one process."""
    from facerelief.data.build import build_dataset
    from facerelief.data.sources.labelled import Labelled
    from facerelief.data.synthesize import Plan, synthesize

    photos = Path("photos")
    synthesize(photos, Plan(48, 256), workers=1)
    labelled = [Labelled(path, "neutral", path.stem) for path in sorted((photos / "rgb").iterdir())]

    def work() -> None:
        shutil.rmtree("built", ignore_errors=True)
        build_dataset(labelled, photos, Path("built"), workers=1)

    return work


def edit() -> Work:
    """An edit of a photo of one megapixel by the default editor, its pixels to pixels."""
    from PIL import Image

    import facerelief
    from facerelief.evaluation.diagnostics.latency import drawn_photo

    editor, photo = facerelief.load(), Image.open(io.BytesIO(drawn_photo(1024)))
    photo.load()
    return lambda: editor.edit(photo, "happiness")


def processor_seconds() -> float:
    """Of this process and the children that have ended."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


def main() -> None:
    """Answer until the input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever else is printed
    prepared: dict[str, Work] = {}
    for line in sys.stdin:
        name = line.strip()
        try:
            if name not in prepared:
                prepared[name] = globals()[name]()
            start, begun = time.perf_counter(), processor_seconds()
            prepared[name]()
            answer: dict[str, object] = {
                "wall": time.perf_counter() - start,
                "processor": processor_seconds() - begun,
            }
        except Exception:  # the other version may not have what this one has
            answer = {"error": " ".join(traceback.format_exc().splitlines()[-1:])}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
