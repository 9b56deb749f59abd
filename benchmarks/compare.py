"""Whether one state of the project is faster than another: the same workloads by both, in alternation.

python benchmarks/compare.py HEAD~20 .
python benchmarks/compare.py v0.3 ../other-checkout --only build synthetic --rounds 9

OLD and NEW are checkouts, or revisions of this repository. Each has a process of its own, in which a workload is
prepared once (`compare_workloads.py`) and then called in turns: old, new, new, old. Other programs slow both, so read
the ratios of the least times; processor time, with that of child processes, is steadier than wall time.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
WORKLOADS = ("step", "generator", "synthetic", "build", "edit")


class Tree:
    """A process that runs workloads by one state of the project."""

    def __init__(self, tree: Path, threads: int, work: Path) -> None:
        environment = os.environ | {"PYTHONPATH": str(tree / "src"), "OMP_NUM_THREADS": str(threads)}
        work.mkdir()
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "compare_workloads.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
            cwd=work,
        )

    def ask(self, workload: str) -> dict[str, Any]:
        """Run a workload once; its first call prepares it. Returns seconds by clock, or why it cannot be run."""
        assert self._process.stdin is not None and self._process.stdout is not None
        print(workload, file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        found: dict[str, Any] = json.loads(line) if line else {"error": "its process died"}
        return found

    def end(self) -> None:
        """End the process."""
        self._process.communicate()


@contextmanager
def checked_out(name: str) -> Iterator[Path]:
    """A folder as it is, or a revision of this repository in a temporary folder."""
    if (Path(name) / "src" / "facerelief").is_dir():
        yield Path(name).resolve()
        return
    with tempfile.TemporaryDirectory() as folder:
        packed = subprocess.run(
            ["git", "-C", str(HERE.parent), "archive", f"{name}:src"], capture_output=True, check=False
        )
        if packed.returncode:
            sys.exit(f"{name} is neither a checkout nor a revision: {packed.stderr.decode().strip()}")
        inside = Path(folder) / "src"
        inside.mkdir()
        subprocess.run(["tar", "-x", "-C", str(inside)], input=packed.stdout, check=True)
        yield Path(folder)


def main() -> None:
    """Print a table of times and ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", help="a checkout or a revision")
    parser.add_argument("new", help="a checkout or a revision")
    parser.add_argument("--only", nargs="+", choices=WORKLOADS, default=WORKLOADS, help="these workloads alone")
    parser.add_argument("--rounds", type=int, default=5, help="calls by each")
    parser.add_argument("--threads", type=int, default=1, help="of a network")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as work, checked_out(options.old) as old, checked_out(options.new) as new:
        trees = {name: Tree(tree, options.threads, Path(work) / name) for name, tree in (("old", old), ("new", new))}
        print("least / median milliseconds: of the wall, of the processor; ratio old : new of the least")
        for workload in options.only:
            print(f"{workload:10} {compared(trees, workload, options.rounds)}", flush=True)
        for one in trees.values():
            one.end()


def compared(trees: dict[str, Tree], workload: str, rounds: int) -> str:
    """A line of the table."""
    for name, tree in trees.items():
        if "error" in (answer := tree.ask(workload)):  # this first call also warms up
            return f"not by {name}: {answer['error']}"
    times: dict[str, list[dict[str, float]]] = {"old": [], "new": []}
    for number in range(rounds):
        for name in ("old", "new") if number % 2 == 0 else ("new", "old"):
            times[name].append(trees[name].ask(workload))
    cells = []
    for clock in ("wall", "processor"):
        of = {name: [1000 * one[clock] for one in found] for name, found in times.items()}
        both = ", ".join(f"{name} {min(t):.1f} / {statistics.median(t):.1f}" for name, t in of.items())
        cells.append(f"{clock} {both}: {min(of['old']) / min(of['new']):.2f}")
    return "; ".join(cells)


if __name__ == "__main__":
    main()
