"""How many cores this process may use."""

import os


def available_cores() -> int:
    """Cores that this process may run on: fewer than the machine has in a container, under SLURM or taskset."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
