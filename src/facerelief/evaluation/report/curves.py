"""The paper's Fig. 9 from the runs' own logs: reconstruction, classification and adversarial loss of the generator."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from facerelief.errors import CheckpointError, FacereliefError, MissingExtra
from facerelief.files import atomic
from facerelief.training.run.folder import read_metrics

PANELS = {
    "G/rgb/rec": "L_rec (Eq. 3)",
    "G/rgb/cls": "L_cls of edits (Eq. 2)",
    "G/rgb/adv": "L_adv of G (Eq. 1)",
    "D_rgb/adv": "L_adv of D (Eq. 1)",
}


def save_curves(path: Path, runs: Sequence[Path], smooth: int = 5) -> None:
    """Draw the panels of every run; a thick line is the mean over `smooth` log lines, the thin one the log itself.

    Raises `CheckpointError` for a run that logged nothing or is of another kind, `FacereliefError` for a name that
    says no picture format.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
        from matplotlib.lines import Line2D
    except ImportError as reason:
        raise MissingExtra("matplotlib", "eval") from reason
    figure = Figure(figsize=(4 * len(PANELS), 3.2), layout="constrained")
    formats = FigureCanvasAgg(figure).get_supported_filetypes()
    if path.suffix[1:].lower() not in formats:
        raise FacereliefError(f"{path} names no picture format; end it with .png, .svg or .pdf")
    axes, entries = figure.subplots(1, len(PANELS)), []
    for number, run in enumerate(runs):
        lines = read_metrics(run)
        if not lines:
            raise CheckpointError(f"{run} has no metrics; name a run that has logged")
        if not any(name in line for line in lines for name in PANELS):
            raise CheckpointError(f"{run} is no run of stage 2; name what `facerelief train expression` wrote")
        entries.append(Line2D([], [], color=f"C{number}", linewidth=1.8, label=run.name))
        for axis, name in zip(axes, PANELS, strict=True):
            logged = [(line["step"], line[name]) for line in lines if name in line]
            if not logged:  # a run that ended in its warm-up
                continue
            steps, values = np.array(logged).T
            window = min(smooth, len(values))
            mean = np.convolve(values, np.ones(window) / window, mode="valid")
            axis.plot(steps, values, color=f"C{number}", alpha=0.25, linewidth=0.8)
            only = "o" if len(mean) == 1 else None  # a line needs two points
            axis.plot(steps[window - 1 :], mean, color=f"C{number}", linewidth=1.8, marker=only, markersize=4)
    for axis, title in zip(axes, PANELS.values(), strict=True):
        axis.set_title(title)
        axis.set_xlabel("discriminator steps")
        axis.grid(alpha=0.3)
        if not axis.lines:
            axis.text(0.5, 0.5, "not logged yet", transform=axis.transAxes, ha="center", color="grey")
    axes[0].legend(handles=entries)
    with atomic(path) as part:
        figure.savefig(part, dpi=110)
