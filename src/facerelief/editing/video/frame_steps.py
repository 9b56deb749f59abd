"""What takes the time in a video, planning and rendering each frame, in threads or in processes of their own.

Threads of one process take turns with Python's lock: on two cores they are hardly faster than one, and on sixteen no
faster.
"""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from facerelief.array_types import RGB
from facerelief.editing.edit import EditPlan
from facerelief.editing.editor import Editor
from facerelief.editing.face_choice import FaceChoice
from facerelief.editing.regions import WHOLE
from facerelief.editing.strength import Strength
from facerelief.editing.video.face_tracking import SmoothedFace
from facerelief.editing.video.yuv_frames import Frame
from facerelief.processes.pool import WorkerLost
from facerelief.processes.worker_pool import worker_pool

TrackPlans: TypeAlias = tuple[float, dict[int, tuple[EditPlan, float]]]  # when; by track what is to be done, its share
FramePlans: TypeAlias = list[tuple[EditPlan, float]]  # what is to be done to a frame's faces, and the share of each
NO_FACE, SAME, CHANGED = 0, 1, 2  # a frame without a face that is edited; with one, and no pixel or some changed
Finish: TypeAlias = Callable[[Frame, RGB], Any]  # makes something of a frame and its edited pixels


@dataclass(frozen=True)
class FrameEdit:
    """What every frame of a video is edited to.

    Attributes:
        to: What faces are to show, as `Editor.target` gives it.
        strength: May change with time.
        face: As `Editor.__call__` takes it.
        part: As `Editor.__call__` takes it.
    """

    to: str
    strength: Strength
    face: FaceChoice = "largest"
    part: str = WHOLE


class FrameSteps:
    """The two steps; of any method."""

    def __init__(self, make_editor: Callable[[], Editor], what: FrameEdit, finish: Finish) -> None:
        self._editor, self._what, self._finish = make_editor(), what, finish

    def plan(self, frame: Frame, faces: list[SmoothedFace]) -> TrackPlans:
        """What is to be done to each face of a frame, by its track."""
        what = self._what
        plans = {one.track: self._editor.plan(frame.rgb, one.face, what.to, what.part) for one in faces}
        if not what.strength.at(frame.seconds):  # what is not done need not be cautioned about
            plans = {track: dataclasses.replace(plan, cautions=()) for track, plan in plans.items()}
        return frame.seconds, {one.track: (plans[one.track], one.share) for one in faces}

    def render(self, frame: Frame, plans: FramePlans) -> tuple[Any, int]:
        """Do it: what `finish` makes of the frame, and of `NO_FACE`, `SAME`, `CHANGED` what became of it."""
        rgb = frame.rgb
        for plan, share in plans:
            amount = share * self._what.strength.at(frame.seconds)
            rgb = self._editor.render(rgb, plan, amount) if amount else rgb
        same = rgb is frame.rgb or np.array_equal(rgb, frame.rgb)
        return self._finish(frame, rgb), (SAME if same else CHANGED) if plans else NO_FACE

    def __call__(self, task: tuple[Callable[..., Any], tuple[Any, Any]]) -> Any:
        """One of the steps and its arguments, in a process of its own."""
        step, item = task
        return step(self, *item)


@dataclass(frozen=True)
class Stage:
    """One step, frame after frame.

    Attributes:
        submit: Starts it for a pair of its arguments.
        lookahead: How many more frames may be submitted before the oldest is awaited; 0: one at a time.
    """

    submit: Callable[[tuple[Any, Any]], Future[Any]]
    lookahead: int


@contextlib.contextmanager
def steps_here(editor: Editor, what: FrameEdit, finish: Finish, threads: int) -> Iterator[tuple[Stage, Stage]]:
    """Planning by one thread and rendering by several."""
    steps = FrameSteps(lambda: editor, what, finish)
    with ThreadPoolExecutor(1) as planning, ThreadPoolExecutor(threads) as rendering:
        yield (
            Stage(lambda item: planning.submit(steps.plan, *item), 0),
            Stage(lambda item: rendering.submit(steps.render, *item), threads if threads > 1 else 0),
        )


@contextlib.contextmanager
def steps_in_processes(
    make_editor: Callable[[], Editor], what: FrameEdit, finish: Finish, workers: int
) -> Iterator[tuple[Stage, Stage]]:
    """Both steps by several processes.

    Args:
        make_editor: Makes the editor; picklable, as `finish` is.
        what: What frames are edited to.
        finish: What is made of an edited frame.
        workers: Processes.

    Raises:
        WorkerLost: A process died.
    """
    try:
        with worker_pool(FrameSteps, (make_editor, what, finish), workers) as submit:
            yield (
                Stage(lambda item: submit((FrameSteps.plan, item)), workers),
                Stage(lambda item: submit((FrameSteps.render, item)), workers),
            )
    except BrokenProcessPool as reason:
        raise WorkerLost from reason
