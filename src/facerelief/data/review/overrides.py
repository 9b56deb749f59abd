"""DATASET/overrides.csv, where a person overrules the review; columns file_name,decision,expression,note.

keep      the sample stays, whatever the checks say; with an expression, under that label
reject    the sample is left out
relabel   the sample gets the expression; all checks still apply
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from facerelief.data.sources.labelled import read_table
from facerelief.errors import DatasetError, FacereliefError
from facerelief.expressions import EXPRESSIONS, resolve
from facerelief.files import write_text

OVERRIDES = "overrides.csv"
DECISIONS = ("keep", "reject", "relabel")
_COLUMNS = {"path": ("file_name",), "decision": ("decision",), "expression": ("expression",), "note": ("note",)}


@dataclass(frozen=True)
class Override:
    """A person's decision on one sample.

    Attributes:
        decision: One of `DECISIONS`.
        expression: The new label; None keeps the old one.
        note: Why.
    """

    decision: str
    expression: str | None = None
    note: str = ""


def read_overrides(dataset: Path, file_names: Iterable[str]) -> dict[str, Override]:
    """The decisions by file name; an absent or empty list is created with its header.

    Args:
        dataset: The dataset's folder.
        file_names: Those of the dataset's samples.

    Raises:
        DatasetError: A line names an unknown file, a file twice, or an unknown decision or expression, or is a relabel
            without expression. The message names the line.
    """
    file = dataset / OVERRIDES
    if not file.exists() or file.stat().st_size == 0:
        write_text(file, "file_name,decision,expression,note\n")
    known = set(file_names)
    overrides: dict[str, Override] = {}
    for line, cells in read_table(file, _COLUMNS):
        where, name = f"{file}, line {line}", cells["path"]
        if name not in known:
            raise DatasetError(
                f"{where}: no sample {name!r}; copy a file name such as {min(known, default='rgb/1.png')}"
            )
        if name in overrides:
            raise DatasetError(f"{where}: {name} is listed a second time; keep one line for it")
        overrides[name] = _override(where, cells)
    return overrides


def _override(where: str, cells: dict[str, str]) -> Override:
    decision, label = cells.get("decision", "").lower(), cells["expression"]
    if decision not in DECISIONS:
        raise DatasetError(f"{where}: no decision {decision!r}; choose from {', '.join(DECISIONS)}")
    if decision == "relabel" and not label:
        raise DatasetError(f"{where}: relabel needs an expression; choose from {', '.join(EXPRESSIONS)}")
    try:
        expression = resolve(label) if label and decision != "reject" else None
    except FacereliefError as reason:
        raise DatasetError(f"{where}: {reason}") from reason
    return Override(decision, expression, " ".join(cells.get("note", "").replace(";", ",").split()))
