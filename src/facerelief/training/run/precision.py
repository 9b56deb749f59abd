"""The precision in which a training computes, by what the processor can do.

bf16 halves the time of a step where the processor has instructions for it. Elsewhere it is emulated, and takes 2 times
(AVX-512 without BF16) to 60 times (AVX2) as long as fp32: `python benchmarks/precision.py` measures it.
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from facerelief.config import Config
from facerelief.training.run.folder import CONFIG, read_run_settings

PRECISION_NAMES = {"no": "fp32", "bf16": "bf16"}


def fastest_precision() -> tuple[str, str]:
    """What is fastest here, "bf16" or "no" (fp32), and why, as words that follow "because"."""
    if torch.cuda.is_available():
        if torch.cuda.is_bf16_supported(including_emulation=False):
            return "bf16", "the GPU computes it fastest"
        return "no", "the GPU has no bf16 instructions"
    if _has_bf16_instructions():
        return "bf16", "the processor has instructions for it"
    return "no", "the processor has no instructions for bf16"


def _has_bf16_instructions() -> bool:
    """Whether the processor has AVX-512 BF16 or AMX, and torch and oneDNN may use them (both can be told not to)."""
    able: Mapping[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()  # torch before 2.12 does not tell
    onednn = getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: False)
    used = torch.backends.cpu.get_cpu_capability() == "AVX512" and onednn()
    return bool(used and (able.get("avx512_bf16") or able.get("amx_bf16")))


def resolve_precision(config: Config, folder: Path) -> tuple[Config, str]:
    """Replace the precision "auto". A run resumes in the precision in which it began, unless another is asked for.

    Args:
        config: The run's settings.
        folder: The run's folder, which may be absent.

    Returns:
        The configuration with "no" or "bf16", and one line for the user: which it is and why.
    """
    fastest, why = fastest_precision()
    begun = _begun(folder)
    if config.precision == "auto":
        config = dataclasses.replace(config, precision=begun or fastest)
        reason = why if begun is None else "the run began in it"
    else:
        reason = "it was asked for"
    chosen = config.precision
    line = f"precision {PRECISION_NAMES[chosen]}, because {reason}"
    if begun not in (None, chosen):
        began = PRECISION_NAMES[begun]
        line += f"; the run began in {began}, so its results will differ a little from those of one precision"
    elif chosen != fastest:
        line += f"; {PRECISION_NAMES[fastest]} is faster here ({why}): --set precision={fastest}"
    return config, line


def _begun(folder: Path) -> str | None:
    """The precision of the run that a folder holds."""
    if not (folder / CONFIG).is_file():
        return None
    precision = read_run_settings(folder)["config"].get("precision")
    return precision if precision in ("no", "bf16") else None
