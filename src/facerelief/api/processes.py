"""Editors that are used in several processes: each process loads them once."""

import os
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from facerelief.editing.editor import Editor

_LOADED: dict[tuple[str, int], Editor] = {}  # by editor and process
_MOST_LOADED = 4


class EditorInEachProcess:
    """Holds an editor, which can be sent to other processes: each of them loads it again."""

    def __init__(self, load: Callable[[], Editor]) -> None:
        """load: Makes the editor. Called once in each process; must be picklable."""
        editor: Any = load()
        self._load, self._key, self._held = load, uuid4().hex, (os.getpid(), editor)
        self._learned: dict[str, Any] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_held": (0, None), "_learned": self._all_learned()}

    def _all_learned(self) -> dict[str, Any]:
        """What the editor took from photos, in this process and before it."""
        editor = self._held[1]
        return self._learned | (editor.learned if editor else {})

    def _here(self) -> Editor:
        """The editor; another process loads its own, because threads of networks and detectors do not survive a fork.

        Threads that load at the same time each load one: a lock could have been forked while it was held.
        """
        pid, editor = self._held
        if pid != os.getpid():
            learned, editor = self._all_learned(), _loaded_here(self._key, self._load)
            editor.learned.update(learned)
            self._held = os.getpid(), editor
        return editor


def _loaded_here(key: str, load: Callable[[], Editor]) -> Editor:
    """An editor that came from another process. A pool sends it with each picture; it is loaded once."""
    place = key, os.getpid()
    editor = _LOADED.get(place) or load()
    _LOADED[place] = editor
    for old in list(_LOADED)[:-_MOST_LOADED]:
        _LOADED.pop(old, None)
    return editor
