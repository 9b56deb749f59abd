"""Charts as inline SVG that take the page's colours, so that they are legible on light and on dark."""

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

from facerelief.files.markdown import escape_text
from facerelief.training.classifier import Accuracy

_CELL, _SIDE, _TOP = 46, 92, 66


def confusion_svg(accuracy: Accuracy, row_title: str) -> str:
    """A confusion matrix, the paper's Fig. 8: rows say what was asked for, columns what the judge called it."""
    names, count = accuracy.expressions, len(accuracy.expressions)
    width, height = _SIDE + count * _CELL + 40, _TOP + count * _CELL + 8
    parts = [f'<svg class="confusion" viewBox="0 0 {width} {height}" role="img" aria-label="confusion matrix">']
    parts.append(f'<text x="{_SIDE - 8}" y="{_TOP - 10}" class="axis" text-anchor="end">{escape(row_title)}</text>')
    for column, name in enumerate(names):
        x, y = _SIDE + column * _CELL + _CELL / 2, _TOP - 8
        parts.append(f'<text x="{x}" y="{y}" transform="rotate(-38 {x} {y})">{escape(name)}</text>')
    for row, (name, line) in enumerate(zip(names, accuracy.confusion, strict=True)):
        y, total = _TOP + row * _CELL, sum(line)
        parts.append(f'<text x="{_SIDE - 8}" y="{y + _CELL / 2 + 4}" text-anchor="end">{escape(name)}</text>')
        for column, hits in enumerate(line):
            parts.append(_cell(_SIDE + column * _CELL, y, hits, total, row == column))
    return "".join([*parts, "</svg>"])


def _cell(x: float, y: float, hits: int, total: int, diagonal: bool) -> str:
    share = hits / total if total else 0.0
    kind = "right" if diagonal else "wrong"
    tip = f"<title>{hits:,} of {total:,}</title>"
    box = f'<rect x="{x}" y="{y}" width="{_CELL}" height="{_CELL}" class="grid"/>'
    fill = f'<rect x="{x}" y="{y}" width="{_CELL}" height="{_CELL}" class="{kind}" fill-opacity="{share:.3f}"/>'
    shown = f"{100 * share:.0f}" if total else "-"
    strong = " strong" if share > 0.55 else ""
    text = (
        f'<text x="{x + _CELL / 2}" y="{y + _CELL / 2 + 5}" text-anchor="middle" class="value{strong}">{shown}</text>'
    )
    return f"<g>{tip}{box}{fill}{text}</g>"


def distribution_svg(lines: Mapping[str, np.ndarray], references: Mapping[str, np.ndarray], title: str) -> str:
    """Shares of distances, the paper's Fig. 4: editors as lines with their medians, real photos as filled shapes."""
    everything = {**references, **lines}
    longest = float(np.ceil(max(np.quantile(values, 0.999) for values in everything.values()) * 10 + 1e-6) / 10)
    edges = np.linspace(0, longest, 51)
    shares = {name: np.histogram(values, edges)[0] / len(values) for name, values in everything.items()}
    highest = 1.08 * max(float(share.max()) for share in shares.values())
    width, height, left, bottom = 760, 300, 20, 46

    def place(distance: float, share: float) -> str:
        return f"{left + distance / longest * (width - 2 * left):.1f},{(height - bottom) * (1 - share / highest):.1f}"

    parts = [f'<svg class="distribution" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}">']
    for number, (name, share) in enumerate(shares.items()):
        points = [place(x, y) for x, y in zip((edges[1:] + edges[:-1]) / 2, share, strict=True)]
        if name in references:
            foot = [place(0, 0), *points, place(longest, 0)]
            parts.append(f'<polygon class="reference r{number}" points="{" ".join(foot)}"/>')
        else:
            kind = f"line c{(number - len(references)) % 6}"
            parts.append(f'<polyline class="{kind}" points="{" ".join(points)}"/>')
            low, high = place(float(np.median(everything[name])), 0), place(float(np.median(everything[name])), 0.04)
            parts.append(f'<polyline class="{kind}" points="{low} {high}"/>')
    parts += _ticks(place, longest, height, bottom)
    parts.append(
        f'<text x="{width / 2}" y="{height - 4}" text-anchor="middle" class="axis">{escape(title)}</text></svg>'
    )
    return "".join(parts) + _legend(everything, references)


def _ticks(place: object, longest: float, height: int, bottom: int) -> list[str]:
    assert callable(place)
    step = 2 if longest > 0.8 else 1
    parts = [f'<polyline class="rule" points="{place(0, 0)} {place(longest, 0)}"/>']
    for tenth in range(0, round(longest * 10) + 1, step):
        x = place(tenth / 10, 0).split(",")[0]
        parts.append(f'<text x="{x}" y="{height - bottom + 16}" text-anchor="middle">{tenth / 10:.1f}</text>')
    return parts


def _legend(everything: Mapping[str, np.ndarray], references: Mapping[str, np.ndarray]) -> str:
    items = []
    for number, (name, values) in enumerate(everything.items()):
        kind = f"reference r{number}" if name in references else f"line c{(number - len(references)) % 6}"
        swatch = f'<svg viewBox="0 0 20 12" class="swatch"><rect width="20" height="12" class="{kind} key"/></svg>'
        numbers = f"median {np.median(values):.2f}, N {len(values):,}"
        items.append(f"<li>{swatch} {escape(name)} <small>({numbers})</small></li>")
    return f'<ul class="legend">{"".join(items)}</ul>'


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
