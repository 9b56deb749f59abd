"""One version: pyproject.toml's, also where nothing is installed and in the citation."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

_ROOT = Path(__file__).parents[1]
_VERSION = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]


def version_without_packages(source: Path) -> str:
    """What the package in a folder calls its version, in a Python that sees nothing that is installed."""
    program = f"import sys; sys.path.insert(0, {str(source)!r}); import facerelief; print(facerelief.__version__)"
    return subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True).stdout.strip()


def test_a_source_tree_that_is_not_installed_knows_its_version() -> None:
    assert version_without_packages(_ROOT / "src") == _VERSION


def test_a_copy_of_the_package_alone_can_be_imported(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "facerelief").symlink_to(_ROOT / "src" / "facerelief")
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "another"\nversion = "9"\n')
    assert version_without_packages(tmp_path / "lib") == "0+unknown"


def test_the_citation_has_the_version() -> None:
    found = re.search(r"^version: (.*)$", (_ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE)
    assert found
    assert found[1] == _VERSION
