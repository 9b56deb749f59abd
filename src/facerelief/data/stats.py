"""The paper's Table 4 for a dataset, and warnings of what its numbers do not show."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from rich import box
from rich.table import Table
from rich.text import Text

from facerelief.colour import GREY
from facerelief.data.dataset import SPLITS
from facerelief.data.manifest import Sample
from facerelief.data.sources.labelled import first_few
from facerelief.expressions import EXPRESSIONS

TABLE_COLUMNS = tuple(sorted(EXPRESSIONS))  # Table 4's order
_HEADINGS = {"happiness": "Happy"}

ENOUGH_PHOTOS, ENOUGH_PERSONS = 50, 20  # of a class, to train or evaluate on it
_IMBALANCE = 10  # photos of the largest class for each of the smallest
_FEW_SHARE = 1 / 3  # of a class's photos that come from three persons
_COLOUR_GAP = 0.25  # between the share of colour photos in a class and the median of the others'


@dataclass(frozen=True)
class TableRow:
    """One line of the table.

    Attributes:
        name: What is counted.
        counts: One for each of `TABLE_COLUMNS`.
        total: The number in all; for persons it is not the sum, as one may show several expressions.
    """

    name: str
    counts: tuple[int, ...]
    total: int


def table4(samples: Sequence[Sample], name: str) -> list[TableRow]:
    """Kept photos by expression: the line of the paper's Table 4, then each split, persons, and what is left out."""
    kept = [sample for sample in samples if sample.keep]
    rows = [_photos(name, kept)]
    rows += [_photos(split, [sample for sample in kept if sample.split == split]) for split in SPLITS]
    persons = _persons(kept)
    everyone = {sample.identity for sample in kept}
    rows.append(TableRow("persons", tuple(len(persons[label]) for label in TABLE_COLUMNS), len(everyone)))
    return [*rows, _photos("left out", [sample for sample in samples if not sample.keep])]


def render(rows: Sequence[TableRow]) -> Table:
    """The rows as a table for the terminal."""
    table = Table("Dataset", box=box.SIMPLE_HEAD, padding=0, show_edge=False)
    for heading in (*(_HEADINGS.get(label, label.capitalize()) for label in TABLE_COLUMNS), "Total"):
        table.add_column(heading, justify="right")
    for index, row in enumerate(rows):
        table.add_row(Text(row.name), *(f"{count:,}" for count in (*row.counts, row.total)), end_section=index == 0)
    return table


def dataset_warnings(samples: Sequence[Sample]) -> list[str]:
    """Problems of the kept samples for training and for scores, a line each; empty if there are none."""
    kept = [sample for sample in samples if sample.keep]
    if not kept:
        return ["no sample is kept: there is nothing to train on"]
    checks: tuple[Callable[[Sequence[Sample]], list[str]], ...] = (
        _imbalance,
        _few,
        _missing_in_splits,
        _crowded,
        _colour,
        _shared_persons,
        _shared_pictures,
    )
    lines = [line for check in checks for line in check(kept)]
    if all(sample.quality == 1 and not sample.reasons for sample in samples):
        lines.append("not reviewed: faces in profile, blur and duplicates are all kept; run: facerelief dataset review")
    return lines


def _photos(name: str, samples: Sequence[Sample]) -> TableRow:
    counts = Counter(sample.expression for sample in samples)
    return TableRow(name, tuple(counts[label] for label in TABLE_COLUMNS), len(samples))


def _persons(samples: Sequence[Sample]) -> dict[str, Counter[str]]:
    """Photos of each person, by expression."""
    persons: dict[str, Counter[str]] = defaultdict(Counter)
    for sample in samples:
        persons[sample.expression][sample.identity] += 1
    return persons


def _imbalance(kept: Sequence[Sample]) -> list[str]:
    counts = Counter(sample.expression for sample in kept).most_common()
    (most, large), (least, small) = counts[0], counts[-1]
    if large < _IMBALANCE * small:
        return []
    ratio = f"{large / small:.0f} to 1"
    return [f"imbalance: {large:,} photos of {most}, {small:,} of {least} ({ratio}); read scores class by class"]


def _few(kept: Sequence[Sample]) -> list[str]:
    persons = _persons(kept)
    sizes = {label: (persons[label].total(), len(persons[label])) for label in EXPRESSIONS if persons[label]}
    return [
        f"{label}: {photos} photos of {people} persons are few to train or evaluate on; "
        f"have at least {ENOUGH_PHOTOS} photos of it, of at least {ENOUGH_PERSONS} persons"
        for label, (photos, people) in sizes.items()
        if photos < ENOUGH_PHOTOS or people < ENOUGH_PERSONS
    ]


def _missing_in_splits(kept: Sequence[Sample]) -> list[str]:
    present = {(sample.expression, sample.split) for sample in kept}
    labels = [label for label in EXPRESSIONS if any(label == found for found, _ in present)]
    missing = {split: [label for label in labels if (label, split) not in present] for split in SPLITS}
    return [f"{split}: no photos of {', '.join(absent)}" for split, absent in missing.items() if absent]


def _crowded(kept: Sequence[Sample]) -> list[str]:
    lines = []
    for label, people in sorted(_persons(kept).items()):
        top = people.most_common(3)
        share = sum(count for _, count in top) / people.total()
        if share >= _FEW_SHARE and people.total() >= ENOUGH_PHOTOS:
            names = ", ".join(name for name, _ in top)
            lines.append(f"{label}: {share:.0%} of its photos show three persons ({names}); they may be learnt instead")
    return lines


def _colour(kept: Sequence[Sample]) -> list[str]:
    groups: dict[str, list[bool]] = defaultdict(list)
    for sample in kept:
        groups[sample.expression].append(sample.chroma >= GREY)
    shares = {label: sum(group) / len(group) for label, group in sorted(groups.items())}
    lines = []
    for label, share in shares.items():
        usual = median([other for name, other in shares.items() if name != label] or [share])
        if abs(share - usual) >= _COLOUR_GAP:
            lines.append(
                f"{label}: {share:.0%} of its photos are in colour, {usual:.0%} in a typical other class; "
                "colour gives the label away: train and judge on luminance"
            )
    return lines


def _shared_persons(kept: Sequence[Sample]) -> list[str]:
    splits = defaultdict(set)
    for sample in kept:
        splits[sample.identity].add(sample.split)
    shared = sorted(identity for identity, where in splits.items() if len(where) > 1)
    if not shared:
        return []
    return [f"identity leak: {len(shared)} in more than one split ({first_few(shared)}); build with splits by identity"]


def _shared_pictures(kept: Sequence[Sample]) -> list[str]:
    """Equal fingerprints: near ones need the pictures themselves, which the review looks at."""
    alike = defaultdict(list)
    for sample in kept:
        alike[sample.fingerprint].append(sample)
    shared = [group for group in alike.values() if len({sample.split for sample in group}) > 1]
    if not shared:
        return []
    names = first_few([" = ".join(sample.file_name for sample in group[:2]) for group in shared])
    return [f"picture leak: {len(shared)} in more than one split ({names}); run: facerelief dataset review"]
