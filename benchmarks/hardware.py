"""What one core of this machine can do at best: convolutions, a matrix product, and copies of memory.

python benchmarks/hardware.py        # no options; limits such as ONEDNN_MAX_CPU_ISA=AVX2 apply
"""

import time
from collections.abc import Callable

import torch
from torch import nn

ROUNDS = 10


def least_seconds(work: Callable[[], object]) -> float:
    """Of several calls, in processor time."""
    times = []
    for _ in range(ROUNDS):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


@torch.inference_mode()
def main() -> None:
    """Print GFLOP/s and GB/s."""
    torch.set_num_threads(1)
    for kind in (torch.float32, torch.bfloat16):
        layer = nn.Conv2d(256, 256, 3, padding=1).to(kind, memory_format=torch.channels_last)
        maps = torch.randn(16, 256, 16, 16, dtype=kind).to(memory_format=torch.channels_last)
        seconds = least_seconds(lambda one=layer, x=maps: one(x))  # type: ignore[misc]
        print(f"convolution 3x3, {kind}: {2 * maps.numel() * 9 * 256 / seconds / 1e9:.0f} GFLOP/s")
        square = torch.randn(2048, 2048, dtype=kind)
        seconds = least_seconds(lambda one=square: one @ one)  # type: ignore[misc]
        print(f"matrix product, {kind}: {2 * 2048**3 / seconds / 1e9:.0f} GFLOP/s")
    for megabytes in (4, 256):
        source = torch.zeros(megabytes << 18)
        target = torch.empty_like(source)
        seconds = least_seconds(lambda to=target, of=source: to.copy_(of))  # type: ignore[misc]
        print(f"copies of {megabytes} MB: {2 * megabytes / 1024 / seconds:.0f} GB/s read and written")


if __name__ == "__main__":
    main()
