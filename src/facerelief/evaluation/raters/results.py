"""From raters' forms and the key to shares and means: what passes for a photo, and what is recognised."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from facerelief.errors import FacereliefError
from facerelief.evaluation.intervals import mean_interval
from facerelief.evaluation.raters.form import Rating, read_form
from facerelief.evaluation.raters.key import KeyLine, read_key
from facerelief.expressions import EXPRESSIONS

GOOD = 4  # of 5, for clear and for realism
_NAN = float("nan")
Rated = tuple[str, KeyLine, Rating]  # a rater, a picture, what was said


def rating_facts(folder: Path, forms: Sequence[Path]) -> dict[str, Any]:
    """Everything that report.json holds.

    Args:
        folder: As `report blind` wrote it.
        forms: One form a rater; its name is the rater's.

    Raises:
        FacereliefError: The key or a form cannot be read, or two forms have one name.
    """
    key, made_with = read_key(folder)
    raters = [path.stem for path in forms]
    if twice := [name for name, count in Counter(raters).items() if count > 1]:
        raise FacereliefError(f"two forms are called {twice[0]}; rename one, since a form's name is its rater's")
    read = {path.stem: read_form(path, [*key]) for path in forms}
    rows = [(rater, key[name], one) for rater, form in read.items() for name, one in form.items()]
    groups = {"edits": [row for row in rows if row[1].target], "photos": [row for row in rows if not row[1].target]}
    for name in EXPRESSIONS:
        groups[f"edits to {name}"] = [row for row in groups["edits"] if row[1].shows == name]
    for name in EXPRESSIONS:
        groups[f"photos of {name}"] = [row for row in groups["photos"] if row[1].shows == name]
    missing = [f"{rater}: {len(key) - len(form)} of {len(key)} pictures are not rated" for rater, form in read.items()]
    return {
        "title": f"ratings of {folder.name}",
        "lead": f"{len(key):,} pictures, {len(forms)} raters, {len(rows):,} ratings.",
        "notes": [line for line, form in zip(missing, read.values(), strict=True) if len(form) < len(key)],
        "made_with": made_with,
        "groups": {name: _summary(some) for name, some in groups.items() if some},
        "raters": {rater: _of_rater([row for row in rows if row[0] == rater]) for rater in read},
        "agreement": _agreement(read),
        "reasons": {name: _reasons(some) for name, some in groups.items() if name.startswith("edits to") and some},
    }


def _summary(rows: Sequence[Rated]) -> dict[str, Any]:
    people = {name: number for number, name in enumerate(dict.fromkeys(shown.identity for _, shown, _ in rows))}
    persons = np.array([people[shown.identity] for _, shown, _ in rows])

    def mean(value: Callable[[KeyLine, Rating], float]) -> dict[str, Any] | None:
        values = np.array([value(shown, one) for _, shown, one in rows])
        return mean_interval(values, persons) if np.isfinite(values).any() else None

    instead = Counter(one.shows for _, shown, one in rows if one.shows and one.shows != shown.shows)
    return {
        "pictures": len({shown.picture for _, shown, _ in rows}),
        "people": len(people),
        "taken_for_real": mean(lambda _, one: _NAN if one.edited is None else float(not one.edited)),
        "named": mean(lambda shown, one: _NAN if one.shows is None else float(one.shows == shown.shows)),
        "instead": instead.most_common(1)[0][0] if instead else "",
        "clear": mean(lambda _, one: _NAN if one.clear is None else one.clear),
        "realism": mean(lambda _, one: _NAN if one.realism is None else one.realism),
        "good": mean(_good),
    }


def _good(_: KeyLine, one: Rating) -> float:
    """Whether a rating is `GOOD` for both, as 0 or 1."""
    return _NAN if one.clear is None or one.realism is None else float(min(one.clear, one.realism) >= GOOD)


def _of_rater(rows: Sequence[Rated]) -> dict[str, Any]:
    """What one rater says: means, without intervals."""
    found: dict[str, Any] = {"ratings": len(rows)}
    for name, some in (("edits", [r for r in rows if r[1].target]), ("photos", [r for r in rows if not r[1].target])):
        summary = _summary(some) if some else {}
        found[name] = {part: one["mean"] if isinstance(one, dict) else None for part, one in summary.items()}
    return found


def _agreement(forms: Mapping[str, Mapping[str, Rating]]) -> dict[str, Any]:
    """Cohen's kappa of two raters, the mean over all pairs; None where no pair has two pictures in common."""
    found = {}
    for name in ("edited", "shows"):
        kappas = []
        for one, other in combinations(forms.values(), 2):
            both = [(getattr(one[p], name), getattr(other[p], name)) for p in one.keys() & other.keys()]
            both = [pair for pair in both if None not in pair]
            if len(both) > 1:
                kappas.append(cohens_kappa(both))
        found[name] = float(np.mean(kappas)) if kappas else None
    return found


def cohens_kappa(pairs: Sequence[tuple[Any, Any]]) -> float:
    """Agreement of two raters beyond chance: 1 is perfect, 0 what chance gives (Cohen 1960).

    Args:
        pairs: What each says of the same things.

    Example:
        >>> round(cohens_kappa([("yes", "yes"), ("yes", "no"), ("no", "no"), ("no", "no")]), 3)
        0.5
    """
    seen = sum(one == other for one, other in pairs) / len(pairs)
    first, second = (Counter(side) for side in zip(*pairs, strict=True))
    chance = sum(first[name] * second[name] for name in first) / len(pairs) ** 2
    return 1.0 if chance == 1 else (seen - chance) / (1 - chance)


def _reasons(rows: Sequence[Rated]) -> list[str]:
    """What is said of edits that are not taken for photos, most frequent first."""
    said = Counter(one.reason.lower() for _, _, one in rows if one.reason and (one.edited or (one.realism or 5) < GOOD))
    return [f"{reason} ({count})" if count > 1 else reason for reason, count in said.most_common()]
