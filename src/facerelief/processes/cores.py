"""How many cores this process may use."""

import math
import os
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")


def available_cores() -> int:
    """Cores that this process may use: fewer than the machine has under SLURM, taskset, or a container's limits."""
    # Not on macOS and Windows.
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, math.ceil(min(cores, _quota())))


def _quota() -> float:
    """Cores that the container's share of time amounts to, in Linux' control groups of version 2 or 1."""
    try:
        words = (_CGROUP / "cpu.max").read_text().split()
    except OSError:
        try:
            words = [(_CGROUP / "cpu" / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period")]
        except OSError:
            return math.inf
    try:
        quota, period = map(float, words)
    except ValueError:  # "max": none
        return math.inf
    return quota / period if quota > 0 and period > 0 else math.inf
