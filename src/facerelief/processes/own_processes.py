"""Which processes a pool has started, so that it ends no others."""

from multiprocessing.context import SpawnContext, SpawnProcess
from typing import Any


class OwnProcesses(SpawnContext):
    """Starts processes for one pool, and knows them: the children of this process may be others' as well."""

    def __init__(self) -> None:
        self._made: list[SpawnProcess] = []

    def Process(self, *args: Any, **kwargs: Any) -> SpawnProcess:  # type: ignore[override]
        """A process, not yet started."""
        self._made.append(SpawnProcess(*args, **kwargs))
        return self._made[-1]

    def started(self) -> list[SpawnProcess]:
        """The processes that were started."""
        return [process for process in self._made if process.pid is not None]
