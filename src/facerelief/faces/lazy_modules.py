"""Modules that others import for what they may never do."""

import contextlib
import importlib
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any


class _Postponed(ModuleType):
    """Stands for a module, which is imported when something of it is used."""

    def __getattr__(self, name: str) -> Any:
        _take_away(self)
        return getattr(importlib.import_module(self.__name__), name)


@contextlib.contextmanager
def postponed(package: str, *submodules: str) -> Iterator[None]:
    """Within, importing a package and some of its submodules costs nothing; what was bound is loaded on first use.

    Packages that are there already stay as they are. Afterwards they are imported as ever.
    """
    if package in sys.modules:
        yield
        return
    stands = [_Postponed(name) for name in (package, *submodules)]
    for one in stands[1:]:
        setattr(stands[0], one.__name__.removeprefix(package + "."), one)
    sys.modules.update({one.__name__: one for one in stands})
    try:
        yield
    finally:
        _take_away(*stands)


def _take_away(*stands: ModuleType) -> None:
    """Let names be imported again. Of a package all stand or none: the true parts belong to the true whole."""
    for one in stands:
        package = one.__name__.partition(".")[0]
        for name, module in list(sys.modules.items()):
            if name.partition(".")[0] == package and isinstance(module, _Postponed):
                del sys.modules[name]
