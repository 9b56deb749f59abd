"""Notebooks run as Jupyter runs them: in a kernel of their own, which is killed where a cell takes too long."""

import os
from pathlib import Path

import nbformat
import pytest

TOO_LONG = 1200  # seconds of a cell


def run(notebook: nbformat.NotebookNode, folder: Path) -> nbformat.NotebookNode:
    """The notebook with its outputs. Raises `nbclient.exceptions.CellExecutionError` for a cell that fails."""
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IPYTHONDIR", str(folder / "ipython"))
        patch.setenv("JUPYTER_RUNTIME_DIR", str(folder / "jupyter"))
        patch.setenv("PYDEVD_DISABLE_FILE_VALIDATION", "1")
        patch.setenv("OMP_NUM_THREADS", os.environ.get("OMP_NUM_THREADS", "2"))
        client = nbclient.NotebookClient(notebook, timeout=TOO_LONG, resources={"metadata": {"path": str(folder)}})
        client.execute()
    return notebook


def cells(*sources: str) -> nbformat.NotebookNode:
    """A notebook of code cells, which may fail."""
    made = nbformat.v4.new_notebook()
    made.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    made.cells = [nbformat.v4.new_code_cell(source, metadata={"tags": ["raises-exception"]}) for source in sources]
    return made


def shown(cell: nbformat.NotebookNode) -> dict[str, str]:
    """What a cell's last value is shown as, by MIME type."""
    (data,) = [one.data for one in cell.outputs if one.output_type == "execute_result"]
    return dict(data)


def printed(cell: nbformat.NotebookNode) -> str:
    """What a cell printed."""
    return "".join(one.text for one in cell.outputs if one.output_type == "stream" and one.name == "stdout")
