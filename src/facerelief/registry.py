"""Plug-ins by name: a dictionary whose error lists the right names."""

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from facerelief.errors import FacereliefError

_T = TypeVar("_T")


class Registry(Generic[_T]):
    """Named things of one kind, e.g. `RECONSTRUCTORS["mediapipe"]`."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._entries: dict[str, _T] = {}

    def add(self, name: str) -> Callable[[_T], _T]:
        """Decorator that registers what it decorates under `name`."""

        def register(entry: _T) -> _T:
            if name in self._entries:
                raise ValueError(f"{self.kind} {name!r} is registered already")
            self._entries[name] = entry
            return entry

        return register

    def __getitem__(self, name: str) -> _T:
        if name not in self._entries:
            raise FacereliefError(f"no {self.kind} {name!r}; choose from {', '.join(sorted(self))}")
        return self._entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)
