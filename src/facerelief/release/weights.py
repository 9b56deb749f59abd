"""Weights to publish: half precision, with a model card made from what the run and its evaluation recorded."""

from pathlib import Path
from typing import Any

from facerelief import __version__
from facerelief.checkpoint import WEIGHTS, half, named_tensors, save_checkpoint
from facerelief.editing.loading import load_network_editor
from facerelief.errors import FacereliefError
from facerelief.files import sha256, write_text
from facerelief.files.markdown import escape_text
from facerelief.training.classifier import Accuracy
from facerelief.training.run.folder import read_metrics, read_run_settings
from facerelief.training.run.model_card import last_terms, recipe_table

_DRAWS = {
    "stargan": """\
- It repaints a crop of {size} pixels; what changed is added to the photo at its own resolution. So fine detail of
  the new expression (teeth, wrinkles) is soft, and detail of the old one can shine through.""",
    "relief": """\
- It warps the photo's own pixels and shades skin, as a crop of {size} pixels shows them. Wrinkles, noses, mouths that
  open or shut, and half of a face from the side come from the package's morphable face model: the teeth of an open
  mouth are average ones.
- Expressions without a score above are less clear.""",
}
_LIMITS = """\
{draws}
- It edits faces seen from the front. Rims of glasses bend unless the mouth alone is edited; hands before the
  face and strong side light can go wrong.
- The expression classifier is a network too: a rate says how far it agrees, not how a person sees the picture.
- The training photos are mostly of public figures in news pictures; performance on groups that are rare among them
  was not measured.
- It must not be used to deceive. Pictures edited with it carry provenance marks unless the user turns them off."""

_MEASURE = "facerelief report rate --as-edited --json"
_SCORES = {"judge_on_real": "real", "edits": "edits"}  # of the weights' facts, in what `report rate` wrote


def release(run: Path, out: Path, rates: dict[str, Any], data_note: str, command: str) -> Path:
    """Write the run's editor in half precision, and its card beside it as README.md.

    Args:
        run: Folder of a run of stage 2.
        out: The weights' file.
        rates: What `report rate --as-edited --json` wrote; it must hold this run.
        data_note: What the card says of the photos, Markdown.
        command: The command that trained the run, for the card.

    Returns:
        `out`.

    Raises:
        FacereliefError: The rates do not hold this run, are damaged, or are those of the network alone.
    """
    if run.name not in rates:
        raise FacereliefError(f"the rates hold {', '.join(rates)}, not {run.name}; measure it with: {_MEASURE}")
    settings = read_run_settings(run)
    try:
        as_edited = rates[run.name].get("as_edited", True)  # of all that the versions before this key measured
        scores = {title: _recalls(rates[run.name][key]) for title, key in _SCORES.items()}
    except (LookupError, TypeError, ValueError, AttributeError, ZeroDivisionError) as reason:
        raise FacereliefError(
            f"the rates of {run.name} are damaged ({type(reason).__name__}); measure it with: {_MEASURE}"
        ) from reason
    if as_edited is not True:
        raise FacereliefError(f"the rates of {run.name} are those of its network alone; measure it with: {_MEASURE}")
    editor = load_network_editor(run)
    facts = settings | {"scores": scores, "run_weights_sha256": sha256(run / WEIGHTS)}
    save_checkpoint(out, "editor", half(named_tensors(generator=editor.generator, condition=editor.condition)), facts)
    write_text(out.parent / "README.md", editor_card(run, out, rates[run.name], data_note, command))
    return out


def editor_card(run: Path, weights: Path, rate: dict[str, Any], data_note: str, command: str) -> str:
    """The model card, Markdown."""
    settings = read_run_settings(run)
    config = settings["config"]
    return f"""# {escape_text(weights.stem)}

An editor of facial expressions: {", ".join(config["expressions"])}. Made with facerelief {__version__};
safetensors, half precision, {weights.stat().st_size / 1e6:.1f} MB, SHA-256 `{sha256(weights)}`.

## Data

{data_note}

The state of the dataset: SHA-256 of its metadata.csv `{settings["metadata_sha256"]}`.

```
{command}
```

{recipe_table(config)}
{last_terms(read_metrics(run))}

## Scores, on people that neither it nor the expression classifier was trained on

{_table(rate)}
Edits: test photos to every other expression, as a user gets them, classified by a network trained on real
training photos only.
"Unedited": how often the classifier predicts the target for the source itself: the score of doing nothing.

## What it cannot do

{_LIMITS.format(draws=_DRAWS.get(config["method"], _DRAWS["stargan"]).format(size=config["size"]))}
"""


def _table(rate: dict[str, Any]) -> str:
    columns = {"classifier on real photos": "real", "unedited": "unedited", "edits": "edits"}
    recalls = {title: _recalls(rate[key]) for title, key in columns.items()}
    names = list(recalls["edits"])
    lines = [f"| | {' | '.join(names)} | balanced |", "|---" * (len(names) + 2) + "|"]
    for title, values in recalls.items():
        mean = sum(values.values()) / len(values)
        cells = " | ".join(f"{values[name]:.2f}" if name in values else "-" for name in names)
        lines.append(f"| {title} | {cells} | {mean:.2f} |")
    counts = [sum(row) for row in rate["real"]["confusion"]]
    lines.append(f"| real test photos | {' | '.join(map(str, counts))} | {sum(counts)} |")
    return "\n".join(lines) + "\n"


def _recalls(accuracy: dict[str, Any]) -> dict[str, float]:
    return Accuracy(tuple(accuracy["expressions"]), accuracy["confusion"]).per_class
