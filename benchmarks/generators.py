"""Times the package's networks, one crop at a time as in edits, beside the official StarGAN's generator, in turns.

python benchmarks/generators.py
OMP_NUM_THREADS=2 python benchmarks/generators.py --engines onnx torch openvino openvino-bf16

The official generator runs in PyTorch, fp32, at 128 px; each of the package's at its own size and in each engine.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch
from official_stargan import CLASSES, build_generator

from facerelief.editing import load_editor
from facerelief.editing.engines.runtimes import ENGINES
from facerelief.processes.threads import available_threads, limit_threads

NETWORKS = ("stargan", "relief")
PEER, PEER_SIZE = "official", 128
ROUNDS = 25


def official() -> Callable[[], object]:
    """The peer, with random weights: what they are does not change the time."""
    network = build_generator().eval()
    crop, condition = torch.rand(1, 3, PEER_SIZE, PEER_SIZE) * 2 - 1, torch.eye(CLASSES)[:1]

    def run() -> object:
        with torch.inference_mode():
            return network(crop, condition)

    return run


def carried(method: str, engine: str) -> tuple[str, Callable[[], object]]:
    """One of the package's networks in an engine, and what it is called in the table."""
    editor = load_editor(method=method, engine=engine)
    config = editor.config
    crop, landmarks = np.zeros((1, config.channels, config.size, config.size), np.float32), np.zeros((468, 3))
    name = f"{method}, {config.size} px, width {config.width}: {engine}"
    return name, lambda: editor.run(crop, "happiness", landmarks)


def main() -> None:
    """Print least milliseconds a crop, and how many times faster than the official one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engines", nargs="+", default=["onnx"], choices=sorted(ENGINES), help="of our networks")
    options = parser.parse_args()
    limit_threads(available_threads())
    jobs = {PEER: official()} | dict(carried(method, one) for method in NETWORKS for one in options.engines)
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in jobs}
    for _ in range(ROUNDS):
        for name, run in jobs.items():
            start = time.perf_counter(), time.process_time()
            run()
            times[name].append((time.perf_counter() - start[0], time.process_time() - start[1]))
    least = {name: np.min(found, axis=0) * 1000 for name, found in times.items()}
    print("milliseconds a crop and times faster, each by wall and by processor time")
    for name, (wall, cpu) in least.items():
        faster = least[PEER] / least[name]
        print(f"{name:44} {wall:7.2f} {cpu:7.2f}   {faster[0]:5.1f} {faster[1]:5.1f}")


if __name__ == "__main__":
    main()
