"""A report of tables under headings, as Markdown and as one HTML page."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from facerelief.evaluation.report.html import definition_list, notes, page, paragraph
from facerelief.evaluation.report.tables import table_html, table_markdown
from facerelief.files import write_json, write_text
from facerelief.files.markdown import escape_text

Table = tuple[list[str], list[list[str]]]
Sections = Mapping[str, Sequence[tuple[str, Table]]]  # by heading: captions, which may be empty, and tables


def write_sections(
    facts: Mapping[str, Any], lead: str, sections: Sections, said: Mapping[str, str], folder: Path
) -> Path:
    """Write report.json, report.md and report.html, replacing earlier ones.

    Args:
        facts: What goes into report.json; the rest as of `sections_markdown`.
        lead: As there.
        sections: As there.
        said: As there.
        folder: Where they go.

    Returns:
        The path of report.html.
    """
    write_json(folder / "report.json", dict(facts))
    write_text(folder / "report.md", sections_markdown(facts, lead, sections, said))
    write_text(folder / "report.html", sections_html(facts, lead, sections, said))
    return folder / "report.html"


def sections_markdown(facts: Mapping[str, Any], lead: str, sections: Sections, said: Mapping[str, str]) -> str:
    """A report as Markdown.

    Args:
        facts: `title`, `notes` (lines) and `made_with` (names and values).
        lead: What stands above the sections.
        sections: The tables.
        said: By heading, what stands above its tables.
    """
    lines = [f"# {escape_text(facts['title'])}", "", escape_text(lead), ""]
    for heading, some in sections.items():
        lines += [f"## {heading}", "", escape_text(said[heading]), ""]
        for caption, (header, rows) in some:
            lines += [escape_text(caption), ""] if caption else []
            lines.append(table_markdown(header, rows))
    lines += [f"- {escape_text(line)}" for line in facts["notes"]]
    lines += ["", "## Made with", "", *(f"- {escape_text(f'{k}: {v}')}" for k, v in facts["made_with"].items())]
    return "\n".join(lines) + "\n"


def sections_html(facts: Mapping[str, Any], lead: str, sections: Sections, said: Mapping[str, str]) -> str:
    """The same report as an HTML page; arguments as of `sections_markdown`."""
    parts = [
        (heading, paragraph(said[heading]) + "".join(table_html(*table, caption) for caption, table in some))
        for heading, some in sections.items()
    ]
    made_with = definition_list([(name, str(value)) for name, value in facts["made_with"].items()])
    parts.append(("Made with", notes(facts["notes"]) + made_with))
    return page(facts["title"], lead, parts)
