"""Videos whose frames are edited by processes: as by this one, and nothing is left behind where one of them fails."""

import functools
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from children import spawned
from clips import head_pan, pixels, read_frames, write_clip

from facerelief.editing import Editor, load_editor
from facerelief.editing.jobs.inputs import Input
from facerelief.editing.jobs.job import EditJob, EditSettings
from facerelief.editing.jobs.photo_job import FileEditor
from facerelief.editing.jobs.video_job import edit_video_job
from facerelief.editing.strength import Strength
from facerelief.editing.video import edit as video_module
from facerelief.editing.video.edit import edit_video, edited_frames
from facerelief.editing.video.frame_steps import FrameEdit, steps_here, steps_in_processes
from facerelief.editing.video.reader import VideoSource
from facerelief.errors import CheckpointError, FacereliefError
from facerelief.faces.detector import LandmarkFinder
from facerelief.processes.pool import WorkerLost

pytest.importorskip("av")
pytestmark = pytest.mark.filterwarnings("default")  # av's own


@pytest.fixture(autouse=True)
def all_videos_are_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video_module, "_MANY", 2)
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")  # workers set it, and later tests need not see it


@pytest.fixture(scope="module")
def editor(finder: LandmarkFinder) -> Editor:
    return load_editor(finder=finder)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20 frames of a head that glides; not to be changed."""
    return write_clip(tmp_path_factory.mktemp("clips") / "clip.mp4", head_pan(20))


def test_processes_edit_as_threads_do(editor: Editor, clip: Path) -> None:
    what, shots = FrameEdit("happiness", Strength()), []
    for steps in (
        steps_here(editor, what, pixels, threads=2),
        steps_in_processes(load_editor, what, pixels, workers=2),
    ):
        with VideoSource(clip) as source:
            shots.append(list(edited_frames(editor, source.frames, source.fps, "largest", steps)))
    here, apart = shots
    assert len(here) == 20 and all(edited for _, edited in here)
    for one, other in zip(here, apart, strict=True):
        np.testing.assert_array_equal(one[0], other[0])
    assert not spawned()


def test_a_video_job_edits_by_processes(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With all that the command was told: here a name of the user's own."""
    presets = tmp_path / "own.toml"
    presets.write_text('delighted = "neutral+AU6:0.8+AU12:1"\n')
    started: list[int] = []
    real = video_module.steps_in_processes

    def noted(*arguments: object) -> object:
        started.append(arguments[-1])  # type: ignore[arg-type]
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(video_module, "steps_in_processes", noted)
    editor = FileEditor(EditSettings(presets=presets))
    out = tmp_path / "out.mp4"
    outcome = edit_video_job(editor, EditJob(Input(clip), {"delighted": out}), workers=2)
    assert outcome.written == (out,) and started == [2]
    before, after = read_frames(clip)[0], read_frames(out)[0]
    assert min(np.abs(one.astype(float) - other).mean() for one, other in zip(before, after, strict=True)) > 1


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (functools.partial(load_editor, Path("gone.safetensors")), CheckpointError, "gone.safetensors"),
        (functools.partial(os._exit, 3), WorkerLost, "a worker process died"),
    ],
    ids=["no weights", "killed"],
)
def test_nothing_is_left_where_a_process_fails(
    editor: Editor, clip: Path, tmp_path: Path, make: Callable[[], Editor], error: type[FacereliefError], says: str
) -> None:
    with pytest.raises(error, match=says):
        edit_video(editor, clip, tmp_path / "out.mp4", "happiness", make_editor=make, workers=2)
    assert not list(tmp_path.iterdir())
    assert not spawned()
