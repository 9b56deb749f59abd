"""Tables of reports, as HTML and as Markdown."""

from collections.abc import Sequence
from html import escape

from facerelief.files.markdown import escape_text


def table_html(header: Sequence[str], rows: Sequence[Sequence[str]], caption: str = "") -> str:
    """A table; the first column names the rows."""
    head = "".join(f"<th scope='col'>{escape(cell)}</th>" for cell in header)
    body = "".join(
        f"<tr><th scope='row'>{escape(row[0])}</th>{''.join(f'<td>{escape(cell)}</td>' for cell in row[1:])}</tr>"
        for row in rows
    )
    below = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f"<div class='wide'><table>{below}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def bold(lines: Sequence[str]) -> list[str]:
    """Warnings as paragraphs of Markdown."""
    return [part for line in lines for part in (f"**{line}**", "")]


def table_markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The same as Markdown, numbers to the right."""
    lines = [list(header), ["---"] + ["--:"] * (len(header) - 1), *rows]
    return "\n".join("| " + " | ".join(escape_text(cell) for cell in line) + " |" for line in lines) + "\n"


def table_text(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """The same as lines for a terminal, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    return [
        "  ".join(cell.rjust(width) if place else cell.ljust(width) for place, (cell, width) in enumerate(cells))
        for cells in (list(zip(line, widths, strict=True)) for line in (header, *rows))
    ]
