"""Learning curves from the runs' own logs."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facerelief.config import ExpressionTraining
from facerelief.errors import CheckpointError, FacereliefError
from facerelief.evaluation.report.plots import CURVES, curves_plot, save_plot
from facerelief.training.expression import generator_weights
from facerelief.training.methods import TRAINING_METHODS

pytest.importorskip("matplotlib", reason="the curves are drawn with it")


def write_log(folder: Path, steps: range, names: tuple[str, ...] = tuple(CURVES)) -> Path:
    folder.mkdir()
    lines = [{"step": step} | {name: 1 / (1 + step) for name in names} for step in steps]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def hues(path: Path) -> set[str]:
    """Which of matplotlib's first two colours are in the picture."""
    pixels = np.asarray(Image.open(path).convert("RGB")).reshape(-1, 3).astype(int)
    colours = {"blue": (31, 119, 180), "orange": (255, 127, 14)}
    return {name for name, colour in colours.items() if (np.abs(pixels - colour).max(axis=1) < 4).any()}


def test_a_picture_with_a_line_for_each_run(tmp_path: Path) -> None:
    runs = [write_log(tmp_path / "stargan", range(0, 100, 5)), write_log(tmp_path / "guided", range(0, 60, 5))]
    save_plot(tmp_path / "one.png", curves_plot(runs[:1]))
    save_plot(tmp_path / "both.png", curves_plot(runs))
    with Image.open(tmp_path / "both.png") as picture:
        assert picture.format == "PNG"
        assert picture.width > 3 * picture.height  # four panels beside one another
    assert hues(tmp_path / "one.png") == {"blue"}
    assert hues(tmp_path / "both.png") == {"blue", "orange"}


def test_a_panel_s_lines_are_the_log_and_its_mean_over_five_lines(tmp_path: Path) -> None:
    """Each mean stands at the last step of its five; a term that is logged late begins late."""
    run = write_log(tmp_path / "run", range(0, 40, 5))
    log = run / "metrics.jsonl"
    logged = [json.loads(line) for line in log.read_text().splitlines()]
    for late in logged[:2]:
        del late["G/rgb/cls"]
    for number, line in enumerate(logged):
        line["D_rgb/adv"] = float(number**2)
    log.write_text("".join(json.dumps(line) + "\n" for line in logged))
    for axis, name, title in zip(curves_plot([run]).axes, CURVES, CURVES.values(), strict=True):
        steps = np.array([line["step"] for line in logged if name in line])
        values = np.array([line[name] for line in logged if name in line])
        thin, thick = (line.get_xydata() for line in axis.lines if len(line.get_xdata()))
        np.testing.assert_allclose(thin, np.stack([steps, values], 1))
        means = [values[k - 4 : k + 1].mean() for k in range(4, len(values))]
        np.testing.assert_allclose(thick, np.stack([steps[4:], means], 1))
        assert axis.get_title() == title


@pytest.mark.parametrize("count", [1, 3])
def test_runs_shorter_than_the_smoothing(tmp_path: Path, count: int) -> None:
    figure = curves_plot([write_log(tmp_path / "run", range(count))])
    for axis in figure.axes:
        thin, thick = (line for line in axis.lines if len(line.get_xdata()))
        assert len(thin.get_xdata()) == count
        assert thick.get_ydata() == pytest.approx([np.mean([1 / (1 + step) for step in range(count)])])
    save_plot(tmp_path / "curves.png", figure)
    assert hues(tmp_path / "curves.png") == {"blue"}


def test_a_run_that_ended_in_its_warm_up_has_two_panels(tmp_path: Path) -> None:
    figure = curves_plot([write_log(tmp_path / "run", range(9), ("G/rgb/rec", "D_rgb/adv"))])
    drawn = [any(len(line.get_xdata()) for line in axis.lines) for axis in figure.axes]
    assert drawn == [True, False, False, True]
    assert [[text.get_text() for text in axis.texts] for axis in figure.axes] == [
        [] if one else ["not logged yet"] for one in drawn
    ]


def test_a_run_without_metrics(tmp_path: Path) -> None:
    runs = [write_log(tmp_path / "run", range(5)), tmp_path / "none"]
    for made in (False, True):
        if made:
            write_log(tmp_path / "empty", range(0))
            runs[1] = tmp_path / "empty"
        with pytest.raises(CheckpointError, match=rf"{runs[1].name} has no metrics; name a run that has logged"):
            save_plot(tmp_path / "curves.png", curves_plot(runs))
    assert not (tmp_path / "curves.png").exists()


def test_a_run_of_another_kind_is_refused(tmp_path: Path) -> None:
    run = write_log(tmp_path / "depth", range(5), ("G_depth/pix",))
    with pytest.raises(CheckpointError, match="depth"):
        save_plot(tmp_path / "curves.png", curves_plot([run]))


@pytest.mark.parametrize("name", ["curves", "curves.docx"])
def test_a_name_that_says_no_picture_format_is_refused(tmp_path: Path, name: str) -> None:
    run = write_log(tmp_path / "run", range(5))
    with pytest.raises(FacereliefError, match="png"):
        save_plot(tmp_path / name, curves_plot([run]))
    assert sorted(tmp_path.iterdir()) == [run]


def test_the_panels_are_terms_that_stage_2_logs() -> None:
    weights = generator_weights(TRAINING_METHODS["stargan"](ExpressionTraining()))
    logged = {f"G/{name}" for name in weights} | {"D_rgb/adv", "D_rgb/cls"}
    assert set(CURVES) <= logged


def test_a_run_whose_first_panel_is_empty_is_named_all_the_same(tmp_path: Path) -> None:
    """Without a word from matplotlib, whose warnings are errors here."""
    save_plot(tmp_path / "curves.png", curves_plot([write_log(tmp_path / "run", range(9), ("D_rgb/adv",))]))
    save_plot(tmp_path / "one.png", curves_plot([write_log(tmp_path / "short", range(1), ("D_rgb/adv",))]))
    assert hues(tmp_path / "curves.png") == hues(tmp_path / "one.png") == {"blue"}
