"""An evaluation as JSON, Markdown and one self-contained HTML page."""

from pathlib import Path
from typing import Any

from facerelief.evaluation.chance import chance_warning
from facerelief.evaluation.evaluate import Evaluation, Samples
from facerelief.evaluation.report.html import definition_list as facts_html
from facerelief.evaluation.report.html import notes, page, paragraph, tiles
from facerelief.evaluation.report.plots import confusion_plot, distribution_plot, plot_html
from facerelief.evaluation.report.tables import bold, table_html, table_markdown
from facerelief.evaluation.summary import MEASURES, measure_title, read_first
from facerelief.files import write_json, write_text
from facerelief.files.markdown import escape_text
from facerelief.training.classifier import Accuracy

_Table = tuple[list[str], list[list[str]]]
RATE_NOTE = (
    "Every test photo is edited to every other expression, and an expression classifier, trained on real photos only, "
    "predicts what each edit shows. The rate says how often it predicts the target, not how a person sees the edit: "
    "read it beside its own accuracy on real test photos, and beside its predictions of the unedited sources, where an "
    "editor that does nothing would end. all: mean over the classes; six: the same without contempt and disgust, as in "
    "the paper."
)
QUALITY_NOTE = (
    "Edits are rounded to 8 bits before anything is measured. Cycle: the edit, edited back to the photo's own "
    "expression, against the photo. Intervals: 95 % of 1,000 redraws of the test persons. unedited: the photo itself "
    "in place of its edit, the scores of an editor that does nothing. true target, where a dataset has it: the same "
    "person in the same picture with the expression asked for; its remaining errors are those of the metric networks."
)


def write_report(evaluation: Evaluation, folder: Path) -> Path:
    """Write report.json, report.md and report.html, replacing earlier ones.

    Args:
        evaluation: What `evaluate_all` returned.
        folder: Where they go; made where it is missing.

    Returns:
        The path of report.html.
    """
    write_json(folder / "report.json", evaluation.facts | {"warnings": report_warnings(evaluation.facts)})
    write_text(folder / "report.md", report_markdown(evaluation.facts))
    write_text(folder / "report.html", report_html(evaluation))
    return folder / "report.html"


def title(facts: dict[str, Any]) -> str:
    """What was measured on what."""
    names = [name for name in facts["editors"] if name not in facts["bases"]]
    return f"{', '.join(names) or 'unedited photos'} on {facts['dataset']}"


def report_warnings(facts: dict[str, Any]) -> list[str]:
    """Warnings that the numbers mean nothing."""
    real = facts["judge"]["accuracy_on_real"]
    line = chance_warning(Accuracy(tuple(real["expressions"]), real["confusion"]))
    return [line] if line else []


def lead(facts: dict[str, Any]) -> str:
    """How much was measured, in a sentence."""
    some = next(iter(facts["editors"].values()))
    return (
        f"{facts['measured_photos']:,} of {facts['test_photos']:,} held-out photos of {some['persons']:,} persons, "
        f"{some['edits']['n']:,} edits by each editor; {facts['size']} px, {facts['colour']}, "
        f"{len(facts['expressions'])} expressions. facerelief {facts['facerelief']}, {facts['device']}."
    )


def rate_table(facts: dict[str, Any]) -> _Table:
    """The classifier on real photos and on unedited ones, and every editor."""
    names = facts["expressions"]
    rows = [_rate_row("classifier on real photos", facts["judge"]["accuracy_on_real"], names, None)]
    for name, summary in facts["editors"].items():
        rows.append(_rate_row(name, summary["edits"], names, summary["values"]["rate"]))
    return ["", "all", "95 %", "six", *names, "N"], rows


def _rate_row(name: str, accuracy: dict[str, Any], names: list[str], rate: dict[str, Any] | None) -> list[str]:
    shares = [f"{accuracy['per_class'][k]:.2f}" if k in accuracy["per_class"] else "-" for k in names]
    interval = f"{rate['low']:.2f} to {rate['high']:.2f}" if rate and rate["low"] is not None else ""
    return [name, f"{accuracy['all']:.3f}", interval, f"{accuracy['six']:.3f}", *shares, f"{accuracy['n']:,}"]


def quality_table(facts: dict[str, Any]) -> _Table:
    """Every other measure, a row each; a column an editor."""
    editors = facts["editors"]
    first = next(iter(editors.values()))["distances"]
    rows = [
        [_distance_title(kind, first), *(_distance(summary["distances"], kind) for summary in editors.values())]
        for kind in ("frechet", "kernel")
    ]
    rows += [
        [MEASURES[kind].title, *(_plain(one["distances"].get(kind), kind) for one in editors.values())]
        for kind in ("frechet_matched", "kernel_within")
        if any(kind in one["distances"] for one in editors.values())
    ]
    for key, how in MEASURES.items():
        if key in ("rate", "rate_six") or not any(key in summary["values"] for summary in editors.values()):
            continue
        label = measure_title(key, facts) + (f", {how.unit}" if how.unit else "")
        rows.append([label, *(_value(summary["values"].get(key), how.digits) for summary in editors.values())])
    return ["", *editors], rows


def _distance_title(kind: str, first: dict[str, Any]) -> str:
    name, count, length = first[f"{kind}_name"], first["n_real"], first["dimensions"]
    return f"{name} to {count:,} held-out real photos, features of length {length:,}"


def _distance(found: dict[str, Any], kind: str) -> str:
    name = found[f"{kind}_name"]
    if kind not in found:
        return f"refused, N {found['n_edits']:,}" if name in found["refused"] else "-"
    return f"{found[kind]:.{MEASURES[kind].digits}f} (N {found['n_edits']:,})"


def _plain(value: float | None, kind: str) -> str:
    return "-" if value is None else f"{value:.{MEASURES[kind].digits}f}"


def _value(value: dict[str, Any] | None, digits: int) -> str:
    if value is None:
        return "-"
    interval = "" if value["low"] is None else f"{value['low']:.{digits}f} to {value['high']:.{digits}f}; "
    return f"{value['mean']:.{digits}f} ({interval}N {value['n']:,})"


def refusals(facts: dict[str, Any]) -> list[str]:
    """Why a distance is not given, once each."""
    found = {f"{name}: {why}" for one in facts["editors"].values() for name, why in one["distances"]["refused"].items()}
    return sorted(found)


def provenance(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """Names and checksums of the dataset, the metric networks and the editors."""
    rows = [
        ("dataset", f"{facts['dataset']}, metadata.csv sha256 {facts['metadata_sha256']}"),
        ("classifier", f"sha256 {facts['judge']['sha256']}"),
        (facts["features"]["name"], f"features sha256 {facts['features']['sha256']}"),
    ]
    if facts["encoder"]:
        rows.append((facts["encoder"]["name"], f"sha256 {facts['encoder']['sha256']}"))
    if facts["depth"]:
        error = facts["depth"]["error_on_real"]
        units = {"depth": "inter-ocular", "normal": "degrees"}
        own = [f"{error[kind]:.3f} {unit}" for kind, unit in units.items() if error[kind] is not None]
        text = f"guide {facts['depth']['guide']}, own error on real photos {', '.join(own)}"
        rows.append(("depth network", f"{text}, sha256 {facts['depth']['sha256']}"))
    return rows + [(name, f"sha256 {digest}") for name, digest in facts.get("weights_sha256", {}).items()]


def report_markdown(facts: dict[str, Any]) -> str:
    """report.md."""
    lines = [
        f"# {escape_text(title(facts))}",
        "",
        escape_text(lead(facts)),
        "",
        *bold(report_warnings(facts)),
        read_first(facts),
        "",
    ]
    lines += ["## Expression generation rate", "", RATE_NOTE, "", table_markdown(*rate_table(facts))]
    lines += [
        "## Realism, reconstruction, person, geometry",
        "",
        QUALITY_NOTE,
        "",
        table_markdown(*quality_table(facts)),
    ]
    lines += [f"- {escape_text(line)}" for line in (*refusals(facts), *facts["notes"])]
    lines += ["", "## Confusion: asked for (row), called (column)", ""]
    for name, summary in facts["editors"].items():
        accuracy = summary["edits"]
        header = [name, *accuracy["expressions"]]
        cells = zip(accuracy["expressions"], accuracy["confusion"], strict=True)
        lines.append(table_markdown(header, [[row, *map(str, counts)] for row, counts in cells]))
    lines += [
        "## Made with",
        "",
        *(f"- {escape_text(name)}: {escape_text(value)}" for name, value in provenance(facts)),
    ]
    return "\n".join(lines) + "\n"


def report_html(evaluation: Evaluation) -> str:
    """report.html."""
    facts = evaluation.facts
    sections = [
        (
            "Expression generation rate",
            paragraph(read_first(facts))
            + paragraph(RATE_NOTE)
            + table_html(*rate_table(facts))
            + notes(facts["notes"]),
        ),
        ("Confusion", confusions(facts)),
        ("Edits of held-out photos", sample_tiles(evaluation.samples)),
        (
            "Realism, reconstruction, person, geometry",
            paragraph(QUALITY_NOTE) + table_html(*quality_table(facts)) + notes(refusals(facts)),
        ),
    ]
    if evaluation.distances:
        distance = facts["encoder"]["name"]
        chart = plot_html(distribution_plot(evaluation.distances, evaluation.references, distance), distance)
        sections.append(("Identity: how far an edit is from its source", chart))
    sections.append(("Made with", facts_html(provenance(facts))))
    return page(title(facts), lead(facts), sections, report_warnings(facts))


def confusions(facts: dict[str, Any]) -> str:
    """The classifier on real photos, and every editor."""
    accuracies = [("classifier, real photos", facts["judge"]["accuracy_on_real"], "shows")]
    accuracies += [(name, summary["edits"], "asked for") for name, summary in facts["editors"].items()]
    matrices = [(name, Accuracy(tuple(one["expressions"]), one["confusion"]), row) for name, one, row in accuracies]
    return plot_html(confusion_plot(matrices), "confusion matrices, in percent of each row")


def sample_tiles(samples: Samples) -> str:
    """A block a photo: its edits by every editor, the depth seen in them, and the true pictures where they exist."""
    blocks = []
    for number, photo in enumerate(samples.source):
        block: list[tuple[str, list[Any]]] = []
        for place, (name, edits) in enumerate(samples.edits.items()):
            block.append((name, [photo if place == 0 else None, *edits[number]]))
            if name in samples.depth:
                block.append(("depth seen in it", [None, *samples.depth[name][number]]))
        if samples.truth is not None:
            block.append(("true pictures", [None, *samples.truth[number]]))
        blocks.append(block)
    if not samples.edits:
        return paragraph("Nothing was edited.")
    return tiles(["photo", *samples.expressions], blocks)
