"""Python programs of their own, which are killed with all their children where they take too long."""

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

TOO_LONG = 600  # seconds


@dataclass(frozen=True)
class Ended:
    """code: -1 where it was killed."""

    code: int
    out: str
    err: str


def run_script(code: str, folder: Path, *arguments: str, seconds: float = TOO_LONG) -> Ended:
    """Run a program as a file of a folder, in that folder."""
    path = folder / "program.py"
    path.write_text(code)
    call = [sys.executable, "-W", "ignore", path.name, *arguments]
    with subprocess.Popen(
        call, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            out, err = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
            return Ended(-1, out, err)
    return Ended(process.returncode, out, err)
