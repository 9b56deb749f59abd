"""The card of a run's weights: what they are, what they were made from, how, and what they cannot do."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from facerelief import __version__
from facerelief.checkpoint import WEIGHTS
from facerelief.data.conditions import CONDITIONS
from facerelief.files import sha256, write_text
from facerelief.files.markdown import escape_code, escape_text
from facerelief.networks.backbones import BACKBONES
from facerelief.training.methods import TRAINING_METHODS
from facerelief.training.run.folder import CARD, read_metrics, read_run_settings

_KINDS = {
    "depth": "A depth network (G_depth, G'_depth and D_depth of Bodur et al., WACV 2021).",
    "editor": "An editor of facial expressions: G_rgb of {method}.",
    "judge": "A classifier of facial expressions, to score edited photos; trained on real photos only.",
    "identity": (
        "An encoder of faces, to measure how far an edit keeps the person. It must not score an editor that it trained."
    ),
}
_LIMITS = {
    "depth": "It knows aligned crops of faces seen from the front, in the geometry of its dataset's meshes.",
    "editor": (
        "It works on a small aligned crop of a face seen from the front: fine detail of the new expression is soft. "
        "It is not for deceiving anyone."
    ),
    "judge": "It agrees with its labels as far as its accuracy on real photos says; it does not read feelings.",
    "identity": (
        "It compares small aligned crops of faces seen from the front; its `verification` on held-out people says how "
        "often it is right. It must not be used to recognise anyone."
    ),
}


def write_card(run: Path) -> None:
    """Write RUN/README.md from what the run recorded."""
    settings, metrics = read_run_settings(run), read_metrics(run)
    kind, config = settings["kind"], settings["config"]
    what = _KINDS[kind].format(method=TRAINING_METHODS[config["method"]].title if kind == "editor" else "")
    text = f"""# {escape_text(run.name)}

{what} Expressions: {", ".join(config["expressions"])}. Made with facerelief {__version__};
`{WEIGHTS}` has SHA-256 `{sha256(run / WEIGHTS)}`.

## Data

Dataset `{escape_code(settings.get("dataset", "unnamed"))}`, SHA-256 of its metadata.csv
`{settings.get("metadata_sha256", "not recorded")}`; people of its val and test splits were not trained on. Who may use
these weights depends on the terms of those photos.{_carried(config) if kind == "editor" else ""}

{recipe_table(config)}
{last_terms(metrics)}

## Limits

{_LIMITS[kind]} Scores are not part of this card; measure them with `facerelief report`.
"""
    write_text(run / CARD, text)


def _carried(config: Mapping[str, Any]) -> str:
    """A sentence on what the weights hold of training photos, or nothing."""
    carries = CONDITIONS[BACKBONES[config["method"]].condition].carries
    return f"\nThey contain {carries}." if carries else ""


def recipe_table(config: Mapping[str, Any]) -> str:
    """The whole configuration as a Markdown section."""
    rows = "\n".join(f"| `{name}` | {escape_text(_listed(value))} |" for name, value in config.items())
    return f"## Training\n\n| setting | value |\n|---|---|\n{rows}\n"


def last_terms(metrics: list[dict[str, float]]) -> str:
    """The raw terms of the last line of the log, in a sentence."""
    if not metrics:
        return "Nothing was logged."
    last = metrics[-1]
    terms = ", ".join(f"{k} {v:.3f}" for k, v in sorted(last.items()) if "/" in k and not k.startswith("weighted"))
    return f"Raw terms at step {last['step']}: {terms}."


def _listed(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
