"""Editors that came from other processes: each process loads them once."""

import os
from collections.abc import Callable

from facerelief.editing.editor import Editor

_LOADED: dict[tuple[str, int], Editor] = {}  # by editor and process
_MOST_LOADED = 4


def loaded_here(key: str, load: Callable[[], Editor]) -> Editor:
    """An editor that came from another process. A pool sends it with each picture; it is loaded once."""
    place = key, os.getpid()
    editor = _LOADED.get(place) or load()
    _LOADED[place] = editor
    for old in list(_LOADED)[:-_MOST_LOADED]:
        _LOADED.pop(old, None)
    return editor
