"""How much memory a block takes at its peak."""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Growth:
    """bytes: by how much the process grew at the block's peak; known after the block."""

    bytes: int = 0


@contextlib.contextmanager
def memory_growth() -> Iterator[Growth]:
    """Measure the block, whatever came before it: the kernel forgets the earlier peak (proc(5), clear_refs)."""
    growth = Growth()
    Path("/proc/self/clear_refs").write_text("5")
    before = _peak()
    yield growth
    growth.bytes = _peak() - before


def _peak() -> int:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) << 10
