"""One self-contained HTML page: no script, no request, light or dark as the reader's system is."""

import base64
import io
from collections.abc import Sequence
from html import escape

import numpy as np
from PIL import Image

from facerelief.files.html import document

_STYLE = """
:root { color-scheme: light dark; --paper: #fcfcfb; --ink: #1d1f21; --soft: #5d6166; --rule: #d8d9da; --panel: #f2f2f0;
  --wrong: #c2571a; }
@media (prefers-color-scheme: dark) { :root { --paper: #16181a; --ink: #e7e7e5; --soft: #a2a6aa; --rule: #3a3d41;
  --panel: #202326; --wrong: #e08a4b; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1240px; padding: 28px 22px 60px; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 6px; } h2 { font-size: 1.2rem; margin: 40px 0 8px; }
h3 { font-size: 1rem; margin: 18px 0 4px; } p { max-width: 75ch; margin: 6px 0; } small, .soft { color: var(--soft); }
.wide { overflow-x: auto; } table { border-collapse: collapse; margin: 10px 0; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--soft); padding-bottom: 4px; }
table { font-size: .94rem; }
th, td { padding: 5px 8px; border-bottom: 1px solid var(--rule); text-align: right; white-space: nowrap; }
thead th { color: var(--soft); font-weight: 600; vertical-align: bottom; }
th[scope=row] { text-align: left; font-weight: 600; white-space: normal; min-width: 190px;
  line-height: 1.3; } th:first-child { text-align: left; }
.tiles td, .tiles th { padding: 1px; border: 0; text-align: center; } .tiles th[scope=row] { min-width: 0;
  text-align: right;
  padding-right: 8px; color: var(--soft); font-weight: 400; }
.tiles img { display: block; width: 104px; height: auto; } .tiles tr.first td { padding-top: 12px; }
.tiles tr.first th { padding-top: 12px; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 16px; margin: 8px 0; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; } code { font-size: .88em; }
.alarm { max-width: none; padding: 10px 14px; border-left: 6px solid var(--wrong); background: var(--panel);
  font-weight: 700; }
ul.notes { padding-left: 20px; max-width: 75ch; } img.figure { max-width: 100%; height: auto; background: #fff; }
"""


def page(title: str, lead: str, sections: Sequence[tuple[str, str]], warnings: Sequence[str] = ()) -> str:
    """The page. lead: plain text. sections: heading and HTML of each. warnings: why its numbers mean nothing."""
    alarm = "".join(f'<p class="alarm" role="alert">{escape(line)}</p>' for line in warnings)
    body = "".join(f"<section><h2>{escape(heading)}</h2>{html}</section>" for heading, html in sections)
    return document(title, _STYLE, f'<h1>{escape(title)}</h1><p class="soft">{escape(lead)}</p>{alarm}{body}')


def paragraph(text: str) -> str:
    """Plain text as a paragraph."""
    return f"<p>{escape(text)}</p>"


def notes(lines: Sequence[str]) -> str:
    """Plain sentences as a list; nothing where there are none."""
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f'<ul class="notes">{items}</ul>' if items else ""


def facts(values: Sequence[tuple[str, str]]) -> str:
    """Names and what they are."""
    items = "".join(f"<dt>{escape(name)}</dt><dd><code>{escape(value)}</code></dd>" for name, value in values)
    return f"<dl>{items}</dl>"


def figure(picture: bytes, kind: str, alt: str) -> str:
    """A picture inside the page; kind: "png" or "jpeg"."""
    data = base64.b64encode(picture).decode()
    return f'<p><img class="figure" alt="{escape(alt)}" src="data:image/{kind};base64,{data}"></p>'


def tile(pixels: np.ndarray, alt: str) -> str:
    """A small picture uint8 (H, W, 3) as a table's cell."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=92, subsampling=0)
    data = base64.b64encode(buffer.getvalue()).decode()
    return f'<td><img alt="{escape(alt)}" src="data:image/jpeg;base64,{data}"></td>'


def tiles(header: Sequence[str], blocks: Sequence[Sequence[tuple[str, Sequence[np.ndarray | None]]]]) -> str:
    """Pictures in a grid: a block a photo, in it a named row of tiles; None leaves a place empty."""
    head = "".join(f"<th scope='col'>{escape(name)}</th>" for name in ("", *header))
    lines = []
    for block in blocks:
        for number, (name, pictures) in enumerate(block):
            cells = "".join(
                "<td></td>" if one is None else tile(one, f"{name}, {title}")
                for title, one in zip(header, pictures, strict=True)
            )
            kind = ' class="first"' if number == 0 else ""
            lines.append(f"<tr{kind}><th scope='row'>{escape(name)}</th>{cells}</tr>")
    body = "".join(lines)
    return f"<div class='wide'><table class='tiles'><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
