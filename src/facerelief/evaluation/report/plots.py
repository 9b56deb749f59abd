"""The paper's plots, by matplotlib: Fig. 4 (identity distances), Fig. 8 (confusion) and Fig. 9 (learning curves)."""

import base64
import io
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from facerelief.array_types import Floats
from facerelief.errors import CheckpointError, FacereliefError, MissingExtra
from facerelief.files import atomic
from facerelief.training.classifier import Accuracy
from facerelief.training.run.folder import read_metrics

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BINS = 60
REFERENCE_COLOURS = ("#5aaa5a", "#828282")
CURVES = {
    "G/rgb/rec": "L_rec (Eq. 3)",
    "G/rgb/cls": "L_cls of edits (Eq. 2)",
    "G/rgb/adv": "L_adv of G (Eq. 1)",
    "D_rgb/adv": "L_adv of D (Eq. 1)",
}


def check_matplotlib() -> None:
    """Raise `MissingExtra` if matplotlib is not installed."""
    _figure()


def check_plot(path: Path) -> None:
    """Raise `FacereliefError` if the name's suffix is no format that matplotlib writes."""
    if path.suffix[1:].lower() not in _figure().canvas.get_supported_filetypes():
        raise FacereliefError(f"{path} names no picture format; end it with .png, .jpg, .svg or .pdf")


def distribution_plot(lines: Mapping[str, Floats], references: Mapping[str, Floats], title: str) -> "Figure":
    """Fig. 4: shares of distances.

    Args:
        lines: Distances (N,) by name, drawn as lines with their medians.
        references: The same of real photos, drawn filled.
        title: Of the axis.
    """
    figure = _figure(8.7, 4.2)
    axis = figure.subplots()
    everything = {**references, **lines}
    longest = np.ceil(max(np.quantile(values, 0.999) for values in everything.values()) * 10 + 1e-6) / 10
    edges = np.linspace(0, longest, BINS + 1)
    for number, (name, values) in enumerate(everything.items()):
        share = np.histogram(values, edges)[0] / len(values)
        median = float(np.median(values))
        label = f"{name} (median {median:.2f}, N {len(values):,})"
        if name in references:
            colour = REFERENCE_COLOURS[number % len(REFERENCE_COLOURS)]
            axis.fill_between((edges[1:] + edges[:-1]) / 2, share, alpha=0.4, color=colour, label=label, linewidth=0)
        else:
            (line,) = axis.plot((edges[1:] + edges[:-1]) / 2, share, label=label)
            axis.axvline(median, ymax=0.05, color=line.get_color())
    axis.set_xlim(0, longest)
    axis.set_ylim(bottom=0)
    axis.set_yticks([])
    axis.set_xlabel(title)
    axis.legend(fontsize=8)
    return figure


def confusion_plot(
    matrices: Sequence[tuple[str, Accuracy, str]], warnings: Sequence[str] = (), columns: int = 4
) -> "Figure":
    """Fig. 8: confusion matrices side by side, in percent of each row.

    Args:
        matrices: Title, confusion, and what a row says ("asked for"), of each.
        warnings: Why the numbers mean nothing, written above.
        columns: Matrices in a row, at most.
    """
    across = min(columns, len(matrices))
    down = -(-len(matrices) // across)
    figure = _figure(3.6 * across, 3.9 * down)
    axes = np.atleast_1d(figure.subplots(down, across)).ravel()
    for axis in axes[len(matrices) :]:
        axis.remove()
    for axis, (title, accuracy, row_title) in zip(axes, matrices, strict=False):
        counts = np.array(accuracy.confusion, dtype=float)
        shares = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        axis.imshow(shares, vmin=0, vmax=100, cmap="Blues")
        axis.set_title(f"{title}, N {int(counts.sum()):,}", fontsize=9)
        places = range(len(accuracy.expressions))
        axis.set_xticks(places, accuracy.expressions, rotation=60, fontsize=8)
        axis.set_yticks(places, accuracy.expressions, fontsize=8)
        axis.set_ylabel(row_title, fontsize=8)
        axis.set_xlabel("predicted", fontsize=8)
        for row, column in np.ndindex(*shares.shape):
            ink = "white" if shares[row, column] > 55 else "black"
            text = f"{shares[row, column]:.0f}" if counts[row].sum() else "-"
            axis.text(column, row, text, ha="center", va="center", fontsize=7, color=ink)
    if warnings:
        figure.suptitle("\n".join(warnings), color="firebrick", fontsize=8, wrap=True)
    return figure


def curves_plot(runs: Sequence[Path], smooth: int = 5) -> "Figure":
    """Fig. 9: the generator's and the discriminator's losses, from the runs' own logs.

    Args:
        runs: Runs of stage 2.
        smooth: The thick line is the mean over so many lines of the log, the thin one the log itself.

    Raises:
        CheckpointError: A run logged nothing, or is of another kind.
    """
    figure = _figure(4 * len(CURVES), 3.2)
    axes = figure.subplots(1, len(CURVES))
    for number, run in enumerate(runs):
        lines = read_metrics(run)
        if not lines:
            raise CheckpointError(f"{run} has no metrics; name a run that has logged")
        if not any(name in line for line in lines for name in CURVES):
            raise CheckpointError(f"{run} is no run of stage 2; name what `facerelief train expression` wrote")
        axes[0].plot([], [], color=f"C{number}", linewidth=1.8, label=run.name)
        for axis, name in zip(axes, CURVES, strict=True):
            logged = [(line["step"], line[name]) for line in lines if name in line]
            if logged:  # not of a run that ended in its warm-up
                _draw_curve(axis, np.array(logged), smooth, f"C{number}")
    for axis, title in zip(axes, CURVES.values(), strict=True):
        axis.set_title(title)
        axis.set_xlabel("discriminator steps")
        axis.grid(alpha=0.3)
        if not any(len(line.get_xdata()) for line in axis.lines):
            axis.text(0.5, 0.5, "not logged yet", transform=axis.transAxes, ha="center", color="grey")
    axes[0].legend()
    return figure


def _draw_curve(axis: Any, logged: Floats, smooth: int, colour: str) -> None:
    steps, values = logged.T
    window = min(smooth, len(values))
    mean = np.convolve(values, np.ones(window) / window, mode="valid")
    axis.plot(steps, values, color=colour, alpha=0.25, linewidth=0.8)
    only = "o" if len(mean) == 1 else None  # a line needs two points
    axis.plot(steps[window - 1 :], mean, color=colour, linewidth=1.8, marker=only, markersize=4)


def save_plot(path: Path, figure: "Figure") -> None:
    """Write a plot, whole or not at all, in the format of the suffix. Raises `FacereliefError` as `check_plot`."""
    check_plot(path)
    with atomic(path) as part:
        figure.savefig(part, dpi=110)


def plot_html(figure: "Figure", alt: str) -> str:
    """A plot inside a page, as SVG."""
    stream = io.BytesIO()
    figure.savefig(stream, format="svg", metadata={"Date": None})
    data = base64.b64encode(stream.getvalue()).decode()
    return f'<p><img class="figure" alt="{escape(alt)}" src="data:image/svg+xml;base64,{data}"></p>'


def _figure(width: float = 1.0, height: float = 1.0) -> "Figure":
    try:
        from matplotlib import rcParams
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as reason:
        raise MissingExtra("matplotlib", "eval") from reason
    rcParams["svg.hashsalt"] = "facerelief"  # else names in the file differ from run to run
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure
