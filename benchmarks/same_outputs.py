"""Whether this tree's outputs are those of another revision, bit for bit: what to run before and after a refactoring.

python benchmarks/same_outputs.py HEAD~10 --photos FOLDER

Both trees run the same commands on the same machine: the demo's edits by every method, a small synthetic dataset, a
dataset built from photos, a smoke study, and what `evaluate`, `report rate` and `report identity` say of one of its
runs. Weights are compared tensor by tensor, since their headers may say more than before. Prints what differs, and then
exits with 1. Takes about ten minutes on two cores.
"""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image
from safetensors.numpy import load_file

ROOT = Path(__file__).resolve().parents[1]
# What two runs of one tree do not share, and checksums of files whose headers may say more than before.
UNLIKE = {"seconds", "device", "facerelief", "processes", "sha256", "weights_sha256", "features_sha256", "inputs"}


_UNLIKE_FILES = ("jobs.jsonl", "metrics.jsonl", ".facerelief.jsonl")


def commands(out: Path, photos: Path) -> list[list[str]]:
    """What is run, in order, each a command line of facerelief."""
    study, run = out / "study", out / "study/cells/depth_conf_penalty-0.1-s0"
    data, judge = str(study / "dataset"), str(study / "judge")
    edits = [["demo", "-o", str(out / f"demo-{method}"), "--method", method] for method in ("relief", "morphable")]
    return [
        *edits,
        ["dataset", "synthesize", "-o", str(out / "synthetic"), "-n", "48", "--size", "64", "--seed", "3"],
        ["dataset", "build", str(photos), "-o", str(out / "built")],
        ["study", "table1", "--scale", "smoke", "-o", str(study)],
        ["demo", "-o", str(out / "demo-stargan"), "--weights", str(run)],
        ["evaluate", str(run), "--data", data, "--judge", judge, "-o", str(out / "evaluation")],
        ["report", "rate", "--morphable", "--data", data, "--judge", judge, "--json"],
        ["report", "identity", "--morphable", "--data", data, "--encoder", str(study / "identity"), "--json"],
    ]


def outputs(tree: Path, out: Path, photos: Path) -> dict[str, str]:
    """SHA-256 of what a tree makes, by path, with what each command prints."""
    environment = os.environ | {"PYTHONPATH": str(tree / "src"), "COLUMNS": "120"}
    found = {}
    for number, line in enumerate(commands(out, photos)):
        done = subprocess.run(
            [sys.executable, "-m", "facerelief", "-q", *line], env=environment, cwd=tree, capture_output=True, text=True
        )
        if done.returncode:
            sys.exit(f"{tree}: facerelief {' '.join(line)}: {done.stderr.strip()}")
        found[f"output {number} of {line[0]} {line[1]}"] = digest(plain(done.stdout.replace(str(out), "OUT")))
    for path in sorted(out.rglob("*")):
        if path.is_file() and not {".arrays", "tensorboard"} & set(path.parts) and path.name not in _UNLIKE_FILES:
            found[str(path.relative_to(out))] = content(path, out)
    return found


def content(path: Path, out: Path) -> str:
    """A file's digest, of JSON without what differs from run to run."""
    data = path.read_bytes()
    if path.suffix == ".safetensors":
        tensors = load_file(path)
        return digest("".join(f"{name} {tensors[name].tobytes().hex()}" for name in sorted(tensors)))
    if path.suffix in (".png", ".jpg"):  # their manifests are signed anew each time
        with Image.open(path) as image:
            return digest(f"{image.size} {image.convert('RGB').tobytes().hex()}")
    if path.suffix in (".json", ".html", ".md", ".csv"):
        return digest(plain(data.decode().replace(str(out), "OUT")))
    return hashlib.sha256(data).hexdigest()


def plain(text: str) -> str:
    """A text, and JSON without times and names of machines."""
    try:
        return json.dumps(without(json.loads(text)), sort_keys=True)
    except ValueError:
        return text


def without(value: Any) -> Any:
    """JSON's value without `UNLIKE`."""
    if isinstance(value, dict):
        return {key: without(item) for key, item in value.items() if key not in UNLIKE}
    return [without(item) for item in value] if isinstance(value, list) else value


def digest(text: str) -> str:
    """SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def main() -> None:
    """Compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("revision")
    parser.add_argument(
        "--photos", type=Path, required=True, help="photos to build a dataset from, ORGANISED as in docs/data.md"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        tree, out = Path(scratch) / "tree", Path(scratch) / "out"
        subprocess.run(["git", "worktree", "add", "-q", "--detach", str(tree), options.revision], cwd=ROOT, check=True)
        try:
            before = outputs(tree, out, options.photos.resolve())
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", str(tree)], cwd=ROOT, check=True)
        shutil.rmtree(out)
        after = outputs(ROOT, out, options.photos.resolve())
    different = sorted(name for name in before | after if before.get(name) != after.get(name))
    print("\n".join(different) or "nothing differs", f"{len(before)} before, {len(after)} after", sep="\n")
    sys.exit(bool(different))


if __name__ == "__main__":
    main()
