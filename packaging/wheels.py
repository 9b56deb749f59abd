"""Whether every system and Python has wheels of all dependencies; prints the table of docs/install.md.

It resolves the package's dependencies as they are on the index for each system, by uv, and installs nothing. It fails
where what an edit needs is missing; an extra may be missing, and the table says so.
"""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
SYSTEMS = {
    "Linux x86-64": "x86_64-manylinux_2_28",
    "Linux ARM": "aarch64-manylinux_2_31",
    "Windows x86-64": "x86_64-pc-windows-msvc",
    "macOS 14 ARM": "aarch64-apple-darwin",
    "macOS 14 Intel": "x86_64-apple-darwin",
}
FIRST_MACOS = "14.0"
WITHOUT_INTEL_MACS = ("macOS 14 Intel",)  # ONNX Runtime and PyTorch are no longer built for them
_NOT_FOR_USERS = ("dev", "mediapipe")  # mediapipe ends with Python 3.12


def resolves(system: str, python: str, *extras: str) -> bool:
    """Whether all dependencies, with some extras or without, have wheels."""
    command = [*(sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--no-header", str(PROJECT))]
    command += ["--python-platform", SYSTEMS[system], "--python-version", python, "--only-binary", ":all:"]
    command += [f"--extra={extra}" for extra in extras]
    environment = os.environ | {"MACOSX_DEPLOYMENT_TARGET": FIRST_MACOS}
    return subprocess.run(command, capture_output=True, env=environment, check=False).returncode == 0


def cell(system: str, python: str, extras: list[str]) -> str:
    """What can be installed: "all", "without" some extras, or "no", where an edit's own dependencies are missing."""
    if resolves(system, python, *extras):
        return "all"
    if not resolves(system, python):
        return "no"
    return "without " + ", ".join(extra for extra in extras if not resolves(system, python, extra))


def main() -> int:
    """Print the table; the exit code is 1 where what an edit needs has no wheel."""
    extras = [*tomllib.loads(PROJECT.read_text())["project"]["optional-dependencies"]]
    extras = [one for one in extras if one not in _NOT_FOR_USERS]
    print("| system |", " | ".join(PYTHONS), "|")
    print("|---|", "---|" * len(PYTHONS), sep="")
    failed = False
    for system in SYSTEMS:
        row = [cell(system, python, extras) for python in PYTHONS]
        failed |= "no" in row and system not in WITHOUT_INTEL_MACS
        print("|", system, "|", " | ".join(row), "|", flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
