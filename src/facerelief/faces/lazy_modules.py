"""Postponed imports of modules that libraries import and rarely use."""

import contextlib
import importlib
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any


class _Postponed(ModuleType):
    """A placeholder for a module that is imported at its first use."""

    def __getattr__(self, name: str) -> Any:
        _remove(self)
        return getattr(importlib.import_module(self.__name__), name)


@contextlib.contextmanager
def postpone_import(package: str, *submodules: str) -> Iterator[None]:
    """In the block, imports of a package and of these submodules bind placeholders, which load at their first use.

    Packages that are loaded already are unchanged. After the block imports work as usual.
    """
    if package in sys.modules:
        yield
        return
    placeholders = [_Postponed(name) for name in (package, *submodules)]
    for one in placeholders[1:]:
        setattr(placeholders[0], one.__name__.removeprefix(package + "."), one)
    sys.modules.update({one.__name__: one for one in placeholders})
    try:
        yield
    finally:
        _remove(*placeholders)


def _remove(*placeholders: ModuleType) -> None:
    """Remove all placeholders of a package, since its real submodules belong to the real package."""
    for one in placeholders:
        package = one.__name__.partition(".")[0]
        for name, module in list(sys.modules.items()):
            if name.partition(".")[0] == package and isinstance(module, _Postponed):
                del sys.modules[name]
