"""Whether the processor has what NumPy and ONNX Runtime are built for; else they die of an illegal instruction."""

import platform
import re
import sys
from pathlib import Path

from facerelief.errors import FacereliefError

_PF_AVX = 39  # Windows' name is PF_AVX_INSTRUCTIONS_AVAILABLE
_FIRST = 1 << 14  # bytes that hold what Linux tells of the first core


def check_processor(machine: str | None = None, cpuinfo: Path = Path("/proc/cpuinfo")) -> None:
    """Raise `FacereliefError` on an x86 processor without AVX, which all since 2011 have but some small ones.

    Args:
        machine: As `platform.machine` gives it.
        cpuinfo: What Linux tells of the processor.

    Example:
        >>> check_processor("aarch64")
    """
    if (machine or platform.machine()) in ("x86_64", "AMD64") and _has_avx(cpuinfo) is False:
        raise FacereliefError(
            "this processor has no AVX instructions, which NumPy and ONNX Runtime need; use another machine, or in a "
            "virtual machine show it the host's processor"
        )


def _has_avx(cpuinfo: Path) -> bool | None:
    """None where it is not known."""
    if sys.platform == "win32":
        import ctypes

        return bool(ctypes.windll.kernel32.IsProcessorFeaturePresent(_PF_AVX))
    try:
        with cpuinfo.open(encoding="utf-8", errors="replace") as stream:
            flags = re.search(r"^flags\s*:(.*)$", stream.read(_FIRST), re.MULTILINE)
    except OSError:  # another system, or a sandbox
        return None
    return "avx" in flags[1].split() if flags else None
