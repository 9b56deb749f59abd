"""The processes that the package has started. An earlier test's data loader may have forked others, which live on."""

import multiprocessing
from multiprocessing.process import BaseProcess


def spawned() -> list[BaseProcess]:
    """Those that have not ended; the package spawns, and never forks."""
    return [child for child in multiprocessing.active_children() if "Spawn" in child.name]
