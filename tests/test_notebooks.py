"""The notebooks of the repository run in a real kernel, from the first cell to the last."""

from pathlib import Path

import nbformat
import pytest
from kernels import printed, run, shown

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
SMALL = {
    "train": (
        "FOLDER, PICTURES, DEPTH_STEPS, STEPS = 'small', 96, 2, 2\n"
        "OPTIONS = '--set batch=4 --set size=32 --set width=8 --set d_width=8'"
    ),
    "measure": (
        "FOLDER, PICTURES, JUDGE_STEPS, IDENTITY_STEPS, PHOTOS = 'small', 136, 2, 2, 4\n"
        "RENDERING = '--settings 1 --seed 1 --size 64'  # two persons to test with\n"
        "OPTIONS = '--set batch=8 --set size=32 --set width=4'"
    ),
}


def executed(name: str, folder: Path) -> nbformat.NotebookNode:
    """A notebook after it ran, its parameters small."""
    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", 4)
    if name in SMALL:
        (parameters,) = (cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", ()))
        parameters.source = SMALL[name]
    return run(notebook, folder)


def cell(notebook: nbformat.NotebookNode, holds: str) -> nbformat.NotebookNode:
    return next(one for one in notebook.cells if one.cell_type == "code" and holds in one.source)


@pytest.mark.parametrize("name", sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb")))
def test_notebooks_are_kept_small_and_without_outputs(name: str) -> None:
    path = NOTEBOOKS / f"{name}.ipynb"
    assert path.stat().st_size < 32 * 1024
    for one in nbformat.read(path, 4).cells:
        assert one.cell_type != "code" or (not one.outputs and one.execution_count is None)


def test_the_editing_notebook_edits_saves_and_says_what_goes_wrong(tmp_path: Path) -> None:
    done = executed("edit", tmp_path)
    assert shown(cell(done, '"surprise")\nedit'))["text/plain"] == "Edited('surprise', 512x512, 1 face)"
    assert "Left: before. Right: surprise." in shown(cell(done, '"surprise")\nedit'))["text/html"]
    assert "before, happiness, anger, surprise" in shown(cell(done, "\nseveral"))["text/html"]
    assert {path.name for path in (tmp_path / "edited").iterdir()} == {"anger.jpg", "happiness.jpg", "surprise.jpg"}
    assert shown(cell(done, "read_mark"))["text/plain"] == "'facial expression edited to anger'"
    assert "NoFaceFound" in shown(cell(done, "edit_all"))["text/plain"]
    assert printed(cell(done, "absent.jpg")) == "absent.jpg does not exist; check the name\n"


def test_the_training_notebook_ends_in_an_edit_by_what_it_trained(tmp_path: Path) -> None:
    done = executed("train", tmp_path)
    assert (tmp_path / "small" / "guided" / "weights.safetensors").is_file()
    assert "image/png" in shown(cell(done, "samples[-1]"))
    assert shown(cell(done, "fr.load"))["text/html"].count("<img") == 1


def test_the_measuring_notebook_sets_your_model_between_nothing_and_the_truth(tmp_path: Path) -> None:
    """An editor that does nothing is no distance from the person, and is called by the target in one of eight cases."""
    done = executed("measure", tmp_path)
    lines = [line for line in printed(cell(done, "score_edits(")).splitlines() if " rate " in line]
    rows = {line[:12].strip(): line.split() for line in lines}
    assert list(rows) == ["unedited", "true target", "my model", "morphable"]
    assert float(rows["unedited"][-1]) == 0.0
    assert all(0 <= float(numbers[-4]) <= 1 for numbers in rows.values())
    assert "image/png" in shown(cell(done, "Image.fromarray"))
