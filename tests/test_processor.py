"""A machine without AVX is told so in a line."""

import subprocess
import sys
from pathlib import Path

import pytest

from facerelief.errors import FacereliefError
from facerelief.processor import check_processor

NEHALEM = "processor\t: 0\nflags\t\t: fpu sse sse2 ssse3 sse4_1 sse4_2 popcnt\nbugs\t\t:\n"


def test_this_machine_has_what_it_takes() -> None:
    check_processor()


def test_a_processor_without_avx_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text(NEHALEM)
    with pytest.raises(FacereliefError, match="this processor has no AVX instructions, which NumPy and ONNX Runtime"):
        check_processor("x86_64", tmp_path / "cpuinfo")


@pytest.mark.parametrize("text", [NEHALEM.replace("popcnt", "popcnt avx"), "Features\t: fp asimd\n", ""])
def test_others_are_not(tmp_path: Path, text: str) -> None:
    (tmp_path / "cpuinfo").write_text(text)
    check_processor("x86_64", tmp_path / "cpuinfo")
    check_processor("x86_64", tmp_path / "absent")


def test_neither_command_nor_package_gets_as_far_as_numpy() -> None:
    code = """
import sys
import facerelief.processor as processor
processor._has_avx = lambda cpuinfo: False
processor.platform.machine = lambda: "x86_64"
sys.modules["numpy"] = None
if sys.argv[1:]:
    from facerelief.cli import main
    main()
import facerelief
facerelief.load
"""
    for arguments in (["edit", "me.jpg", "--to", "happiness"], []):
        done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
        assert "this processor has no AVX instructions" in done.stderr.splitlines()[-1]
        assert done.returncode == (2 if arguments else 1)
        assert len(done.stderr.splitlines()) == 1 or not arguments
