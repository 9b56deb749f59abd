"""Work in threads and processes: maps and pools; see `graph`, `isolated` and `threads` for the rest."""

from facerelief.processes.object_pool import ObjectPool
from facerelief.processes.pool import WorkerLost, map_in_processes, run_in_process

__all__ = ["ObjectPool", "WorkerLost", "map_in_processes", "run_in_process"]
