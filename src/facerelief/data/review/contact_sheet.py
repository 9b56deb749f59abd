"""The contact sheet of a review: one HTML page, complete in itself, of what was kept, left out, and why.

It asks the network for nothing, follows the reader's light or dark mode, fits a phone, and stays below 8 MB.
"""

import base64
import io
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from html import escape
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facerelief.data.manifest import REJECTS, Reject, Sample, read_rows, read_samples
from facerelief.data.review.limits import Thresholds, thresholds_of
from facerelief.data.review.overrides import DECISIONS, OVERRIDES
from facerelief.data.review.selection import left_out_for, reasons
from facerelief.data.review.sheet_style import STYLE
from facerelief.data.sources.labelled import fixed_draw
from facerelief.data.stats import dataset_warnings
from facerelief.errors import DatasetError
from facerelief.expressions import EXPRESSIONS
from facerelief.files import write_text
from facerelief.files.html import document
from facerelief.files.png import read_png
from facerelief.geometry.depth_maps import load_depth

SHEET = "review.html"
THUMBNAIL = 96  # pixels of a thumbnail
EXAMPLES = 24  # thumbnails of a class or reason
DOUBTFUL = 48
MOST_BYTES = 9000  # of one pair of thumbnails: 580 of them in base64 make 7 MB
_AVERAGED = 60  # the best faces of a class, whose average is shown
_ROWS = 30  # examples in the table of a reason
_NEAR = 0.3, 0.85  # depth shown as black and white

Pixels = NDArray[np.uint8]


def write_contact_sheet(dataset: Path, out: Path | None = None, thresholds: Thresholds | None = None) -> Path:
    """Write the page and return its path; a damaged picture is shown as an empty tile.

    Args:
        dataset: The dataset's folder.
        out: The file; by default DATASET/review.html.
        thresholds: Those of the review.

    Raises:
        DatasetError: The dataset cannot be read.
    """
    samples = read_samples(dataset)
    rejects = read_rows(dataset / REJECTS, Reject)
    limits = thresholds or thresholds_of(dataset)
    parts = chain(
        _head(dataset.resolve().name, samples, rejects),
        _classes(samples, rejects),
        _scores(samples, limits),
        _how_to_overrule(samples),
        _by_hand(dataset, samples),
        _left_out(dataset, samples),
        _doubtful(dataset, samples),
        _kept(dataset, samples),
        _without_sample(rejects),
        ["</main>"],
    )
    path = out or dataset / SHEET
    write_text(path, document(f"Review of {dataset.resolve().name}", STYLE, "\n".join(parts)))
    return path


def _head(name: str, samples: Sequence[Sample], rejects: Sequence[Reject]) -> Iterable[str]:
    kept = sum(sample.keep for sample in samples)
    links = {"classes": "Classes", "scores": "Scores", "overrule": "Overrule", "left-out": "Left out"}
    links |= {"doubtful": "Doubtful", "kept": "Kept", "no-sample": "No sample"}
    yield f"<header><h1>Review of <em>{escape(name)}</em></h1>"
    yield f"<p class=lead><b>{kept:,}</b> of {len(samples):,} faces kept, "
    yield f"<b>{len(samples) - kept:,}</b> left out; <b>{len(rejects):,}</b> photos without a usable face.</p>"
    yield "<nav>" + "".join(f'<a href="#{key}">{text}</a>' for key, text in links.items()) + "</nav></header><main>"


def _classes(samples: Sequence[Sample], rejects: Sequence[Reject]) -> Iterable[str]:
    counts = [
        Counter(s.expression for s in samples if s.keep),
        Counter(s.expression for s in samples if not s.keep),
        Counter(r.expression for r in rejects),
    ]
    rows = [(label, [count[label] for count in counts]) for label in EXPRESSIONS if any(c[label] for c in counts)]
    most = max((sum(numbers) for _, numbers in rows), default=1)
    yield '<section id="classes"><h2>Classes</h2><div class=wide><table><thead><tr><th>Expression<th class=n>Kept'
    yield "<th class=n>Left out<th class=n>No face<th class=bars><span class=kept>kept</span> <span class=out>left out"
    yield "</span> <span class=none>no usable face</span></tr></thead><tbody>"
    for label, numbers in [*rows, ("all", [count.total() for count in counts])]:
        cells = "".join(f"<td class=n>{number:,}" for number in numbers)
        shares = zip(("kept", "out", "none"), numbers, strict=True)
        drawn = shares if label != "all" else ()  # all of them would need another scale
        bars = "".join(f'<i class={name} style="width:{100 * n / most:.2f}%"></i>' for name, n in drawn if n)
        yield f"<tr><th>{label}{cells}<td class=bars><div class=bar>{bars}</div></tr>"
    yield "</tbody></table></div>"
    found = dataset_warnings(samples)
    yield "<ul class=warn>" + "".join(f"<li>{escape(line)}" for line in found) + "</ul></section>"


def _scores(samples: Sequence[Sample], limits: Thresholds) -> Iterable[str]:
    """A histogram of each score with the limits; beyond them the bars have the colour of what is left out."""
    drawn: list[tuple[str, Callable[[Sample], float], float, float, float, float]] = [
        ("yaw, degrees", lambda s: s.yaw, -60, 60, -limits.max_yaw, limits.max_yaw),
        ("pitch, degrees", lambda s: s.pitch, -60, 60, -limits.max_pitch, limits.max_pitch),
        ("face size, pixels", lambda s: s.face_size, 0, 400, limits.min_face_size, np.inf),
        ("sharpness", lambda s: s.sharpness, 0, 0.2, limits.min_sharpness, np.inf),
        ("face inside the photo", lambda s: s.coverage, 0.5, 1, limits.min_coverage, np.inf),
        ("quality", lambda s: s.quality, 0, 1, -np.inf, np.inf),
    ]
    yield '<section id="scores"><h2>Scores and limits</h2><div class=plots>'
    for title, score, low, high, least, most in drawn:
        edges = np.linspace(low, high, 41)
        values = np.clip([score(sample) for sample in samples], low, np.nextafter(high, low))
        counts = np.histogram(values, edges)[0]
        heights = 60 * counts / max(1, counts.max())
        names = ["kept" if least <= middle <= most else "out" for middle in (edges[:-1] + edges[1:]) / 2]
        bars = "".join(
            f"<rect x={3 * k} y={60 - height:.1f} width=2.4 height={height:.1f} class={name}></rect>"
            for k, (height, name) in enumerate(zip(heights, names, strict=True))
            if height
        )
        yield f'<figure class=plot><svg viewBox="0 0 120 60" role=img aria-label="{title}">{bars}</svg>'
        yield f"<div class=axis><span>{low:g}</span><b>{title}</b><span>{high:g}</span></div></figure>"
    yield "</div></section>"


def _how_to_overrule(samples: Sequence[Sample]) -> Iterable[str]:
    name = escape(min((s.file_name for s in samples), default="rgb/1.png"))
    examples = "".join(f"{name},{one},{'surprise' if one == 'relabel' else ''},\n" for one in DECISIONS)
    yield f'<section id="overrule"><h2>To overrule</h2><p>Edit <code>{OVERRIDES}</code> in the dataset, a line a face, '
    yield "and run <code>facerelief dataset review</code> again. A tap on a file name selects it whole. The note is "
    yield "yours.</p><dl><dt>keep<dd>the face stays, whatever the checks say; with an expression, under that label"
    yield "<dt>reject<dd>the face is left out<dt>relabel<dd>the face gets the expression; all checks still apply</dl>"
    yield f"<pre>file_name,decision,expression,note\n{examples}</pre></section>"


def _by_hand(dataset: Path, samples: Sequence[Sample]) -> Iterable[str]:
    chosen = [sample for sample in samples if " by hand" in sample.reasons]
    if chosen:
        yield f'<section id="by-hand"><h2>Decided by hand</h2><p>{len(chosen):,} in all.</p>'
        yield from _gallery(dataset, chosen[:DOUBTFUL], samples)
        yield "</section>"


def _left_out(dataset: Path, samples: Sequence[Sample]) -> Iterable[str]:
    """Every reason with examples, from the clearest to those on the edge of being kept."""
    yield '<section id="left-out"><h2>Left out, by reason</h2>'
    found = {id(sample): left_out_for(sample) for sample in samples}
    counts = Counter(name for names in found.values() for name in names)
    yield "" if counts else "<p>None.</p>"
    for name, count in counts.most_common():
        having = [sample for sample in samples if name in found[id(sample)]]
        yield f"<h3>{escape(name)} <small>{count:,}</small></h3>"
        yield from _gallery(dataset, _spread(sorted(having, key=lambda s: (s.quality, s.file_name))), samples)
    yield "</section>"


def _doubtful(dataset: Path, samples: Sequence[Sample]) -> Iterable[str]:
    kept = sorted((sample for sample in samples if sample.keep), key=lambda s: (s.quality, s.file_name))
    yield '<section id="doubtful"><h2>Kept, but doubtful</h2><p>The kept faces of the lowest quality.</p>'
    yield from _gallery(dataset, kept[:DOUBTFUL], samples)
    yield "</section>"


def _kept(dataset: Path, samples: Sequence[Sample]) -> Iterable[str]:
    yield '<section id="kept"><h2>Kept, by expression</h2>'
    for label in EXPRESSIONS:
        having = sorted((s for s in samples if s.keep and s.expression == label), key=lambda s: fixed_draw(s.file_name))
        if not having:
            continue
        best = sorted(having, key=lambda s: -s.quality)[:_AVERAGED]
        average = np.mean([_pair(dataset, sample, None) for sample in best], axis=0).round().astype(np.uint8)
        yield f"<h3>{label} <small>{len(having):,}</small></h3>"
        yield f'<figure class=average><img alt="average {label}" src="{_data_uri(average)}">'
        yield f"<figcaption>the average of the {len(best)} best</figcaption></figure>"
        yield from _gallery(dataset, having[:EXAMPLES], samples)
    yield "</section>"


def _without_sample(rejects: Sequence[Reject]) -> Iterable[str]:
    yield '<section id="no-sample"><h2>Photos without a usable face</h2>'
    counts = Counter(reject.reason for reject in rejects)
    yield "" if rejects else "<p>None.</p>"
    for reason, count in counts.most_common():
        rows = [reject for reject in rejects if reject.reason == reason]
        more = f"; {_ROWS} are shown, <code>{REJECTS}</code> has all" if count > _ROWS else ""
        yield f"<h3>{escape(reason)} <small>{count:,}{more}</small></h3><div class=wide><table><thead><tr>"
        yield "<th>Photo<th>Expression<th>Detail</tr></thead><tbody>"
        for row in rows[:_ROWS]:
            yield f"<tr><td><code>{escape(row.source)}</code><td>{escape(row.expression)}<td>{escape(row.detail)}</tr>"
        yield "</tbody></table></div>"
    yield "</section>"


def _gallery(dataset: Path, shown: Sequence[Sample], samples: Sequence[Sample]) -> Iterable[str]:
    by_name = {sample.file_name: sample for sample in samples}
    yield "<div class=gallery>"
    for sample in shown:
        twins = re.findall(r"(?:duplicate of|label conflict with) (\S+)", sample.reasons)
        yield _figure(sample, _pair(dataset, sample, by_name.get(twins[0]) if twins else None))
    yield "</div>"


def _figure(sample: Sample, pair: Pixels) -> str:
    notes = "".join(f"<li class={'no' if not sample.keep else 'yes'}>{escape(text)}" for text in reasons(sample))
    pose = f"yaw {round(sample.yaw)} · pitch {round(sample.pitch)}"
    scores = f"{pose} · {sample.face_size:.0f} px · quality {sample.quality:.2f}"
    return (
        f'<figure><img alt="{escape(sample.expression)}, {escape(sample.identity)}" src="{_data_uri(pair)}" '
        f"width={2 * THUMBNAIL} height={THUMBNAIL}><figcaption><b>{escape(sample.expression)}</b> "
        f"<code>{escape(sample.file_name)}</code><ul>{notes}</ul><small>{scores}</small></figcaption></figure>"
    )


def _pair(dataset: Path, sample: Sample, twin: Sample | None) -> Pixels:
    """The face and, beside it, its depth or the twin that its reason names, uint8 (96, 192, 3)."""
    beside = _depth(dataset / sample.depth_file_name) if twin is None else _face(dataset / twin.file_name)
    return np.concatenate([_face(dataset / sample.file_name), beside], axis=1)


def _face(path: Path) -> Pixels:
    try:
        whole = Image.fromarray(read_png(path, "RGB"))
        return np.asarray(whole.resize((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS))
    except DatasetError:
        return np.full((THUMBNAIL, THUMBNAIL, 3), 128, dtype=np.uint8)


def _depth(path: Path) -> Pixels:
    try:
        depth = load_depth(path)
    except DatasetError:
        return np.full((THUMBNAIL, THUMBNAIL, 3), 128, dtype=np.uint8)
    shown = np.where(depth > 0, np.clip((depth - _NEAR[0]) / (_NEAR[1] - _NEAR[0]), 0.06, 1), 0) * 255
    grey = Image.fromarray(shown.astype(np.uint8)).resize((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS)
    return np.asarray(grey.convert("RGB"))


def _data_uri(pixels: Pixels) -> str:
    data = b""
    for compression in (82, 60, 40, 20, 5):
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, "JPEG", quality=compression)
        data = stream.getvalue()
        if len(data) <= MOST_BYTES:
            break
    return "data:image/jpeg;base64," + base64.b64encode(data).decode()


def _spread(samples: Sequence[Sample]) -> list[Sample]:
    """At most `EXAMPLES`, evenly spaced, the first and the last among them."""
    chosen = np.unique(np.linspace(0, len(samples) - 1, EXAMPLES).round().astype(int))
    return [samples[index] for index in chosen]
