"""What was found out about a face, kept for a while: sliders ask for the same face again and again."""

import dataclasses
import hashlib
import threading
import time
from collections import OrderedDict
from typing import Any

from facerelief.array_types import RGB
from facerelief.editing import Editor
from facerelief.editing.edit import EditPlan
from facerelief.editing.methods.morphable import MorphableEditor, MorphablePlan
from facerelief.faces.detector import Face

_LIFETIME_S = 30.0
_MOST = 16  # plans, of one megabyte each


class PlanCache:
    """Plans by face, without their pictures, each until `lifetime_s` after its last use. Thread-safe."""

    def __init__(self, lifetime_s: float = _LIFETIME_S) -> None:
        self._lifetime_s = lifetime_s
        self._plans: OrderedDict[bytes, tuple[EditPlan, float]] = OrderedDict()  # the last used last, and when that was
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None

    def __len__(self) -> int:
        return len(self._plans)

    def plan(self, editor: Editor[Any], rgb: RGB, face: Face, to: str, part: str) -> EditPlan:
        """As `Editor.plan`, of a target that `Editor.target` gave. A face's fit does for all its targets."""
        fitted = isinstance(editor, MorphableEditor)
        key = _key(editor.method, "" if fitted else to, part, rgb, face)
        with self._lock:
            kept, _ = self._plans.pop(key, (None, 0.0))
        plan: EditPlan
        if kept is None:
            plan = editor.plan(rgb, face, to, part)
        elif isinstance(editor, MorphableEditor) and isinstance(kept, MorphablePlan):
            plan = editor.with_target(kept, rgb, to)
        else:
            plan = dataclasses.replace(kept, before=kept.crop.cut(rgb))
        self._keep(key, dataclasses.replace(plan, before=plan.before[:0]))
        return plan

    def _keep(self, key: bytes, plan: EditPlan) -> None:
        with self._lock:
            self._plans[key] = plan, time.monotonic()
            while len(self._plans) > _MOST:
                self._plans.popitem(last=False)
            if self._timer is None:
                self._start_timer(self._lifetime_s)

    def _start_timer(self, seconds: float) -> None:
        self._timer = threading.Timer(seconds, self._drop_old)
        self._timer.daemon = True  # the process does not wait for it
        self._timer.start()

    def _drop_old(self) -> None:
        with self._lock:
            now, self._timer = time.monotonic(), None
            for key, (_, used) in list(self._plans.items()):
                if now - used >= self._lifetime_s:
                    del self._plans[key]
            if self._plans:
                _, oldest = next(iter(self._plans.values()))
                self._start_timer(oldest + self._lifetime_s - now)


def _key(method: str, to: str, part: str, rgb: RGB, face: Face) -> bytes:
    digest = hashlib.sha256("\0".join((method, to, part, str(rgb.shape))).encode())
    digest.update(rgb.tobytes())
    digest.update(face.landmarks.tobytes())
    return digest.digest()
