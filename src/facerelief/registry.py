"""Plug-ins by name: a dictionary whose error lists the right names. Other packages add to it by entry points."""

from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint, entry_points
from typing import Generic, TypeVar

from facerelief.errors import FacereliefError, one_line

_T = TypeVar("_T")


class Registry(Generic[_T]):
    """Named things of one kind, e.g. `RECONSTRUCTORS["mediapipe"]`.

    Args:
        kind: What they are, for errors.
        group: The group of entry points by which installed packages add to it. An entry point's name is the thing's,
            and importing its module registers it; it is imported when the name is asked for, and not before.
        of: What they are instances or subclasses of; others are refused when they are added.
    """

    def __init__(self, kind: str, group: str | None = None, of: type | None = None) -> None:
        self.kind, self.group, self.of = kind, group, of
        self._entries: dict[str, _T] = {}

    def add(self, name: str) -> Callable[[_T], _T]:
        """Decorator that registers what it decorates under `name`."""

        def register(entry: _T) -> _T:
            if name in self._entries:
                raise ValueError(f"{self.kind} {name!r} is registered already")
            if self.of and not (isinstance(entry, self.of) or (isinstance(entry, type) and issubclass(entry, self.of))):
                raise TypeError(f"what registers as {self.kind} {name!r} is no {self.of.__name__}")
            self._entries[name] = entry
            return entry

        return register

    def __getitem__(self, name: str) -> _T:
        if name not in self._entries and (plugin := self._plugins().get(name)):
            self._import(plugin)
        if name not in self._entries:
            raise FacereliefError(f"no {self.kind} {name!r}; choose from {', '.join(sorted(self))}")
        return self._entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter({**self._entries, **self._plugins()})

    def _plugins(self) -> dict[str, EntryPoint]:
        return {one.name: one for one in entry_points(group=self.group)} if self.group else {}

    def _import(self, plugin: EntryPoint) -> None:
        try:
            plugin.load()
        except (Exception, SystemExit) as reason:  # of somebody else's package
            detail = f"{type(reason).__name__}: {one_line(reason)}"
            raise FacereliefError(
                f"{self.kind} {plugin.name!r} of {plugin.value} cannot be imported ({detail}); repair or uninstall it"
            ) from reason
        if plugin.name not in self._entries:
            raise FacereliefError(
                f"{plugin.value} registers no {self.kind} {plugin.name!r}; repair the package or uninstall it"
            )
