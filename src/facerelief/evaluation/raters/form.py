"""The form that a rater fills in, a line for each picture."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from facerelief.errors import FacereliefError, shown
from facerelief.expressions import EXPRESSIONS, resolve
from facerelief.files.csv import csv_lines

FORM_COLUMNS = ("picture", "edited", "shows", "clear", "realism", "reason")
_ANSWERS = {"yes": True, "no": False}
_SCORES = range(1, 6)
GUIDE = f"""# Rating pictures

Some of the pictures in `pictures` are photographs as they were taken. In others the expression of the face was changed
by software. Look at one after the other, at its full size, and fill in its line of `form.csv`; leave empty what you
are not asked for.

| column | what to write |
|---|---|
| `edited` | `yes` if you think that the picture was changed, else `no` |
| `shows` | the expression that you see: {", ".join(EXPRESSIONS)} |
| `clear` | how clearly, from 1 (not at all) to 5 (beyond doubt) |
| `realism` | from 1 (nobody would take it for a photograph) to 5 (I would never doubt it) |
| `reason` | what gives it away, in a few words |

Do not look at the key, and do not talk about the pictures with others who rate them before all are done.
"""


@dataclass(frozen=True)
class Rating:
    """What one rater says of one picture; None and "" where the form is empty.

    Attributes:
        edited: Whether it is taken for edited.
        shows: The expression that is seen, one of `EXPRESSIONS`.
        clear: How clearly, 1 to 5.
        realism: How much it looks like a photograph, 1 to 5.
        reason: What gives it away.
    """

    edited: bool | None
    shows: str | None
    clear: int | None
    realism: int | None
    reason: str


def read_form(path: Path, pictures: Sequence[str]) -> dict[str, Rating]:
    """Read what one rater filled in.

    Args:
        path: A CSV file with the columns `FORM_COLUMNS`; all but the first may be absent.
        pictures: The names of all pictures.

    Returns:
        By name of the picture; those without a line, or with an empty one, are absent.

    Raises:
        FacereliefError: It cannot be read, or a line says something that is no answer.
    """
    known, found = {*pictures}, dict[str, Rating]()
    try:
        with csv_lines(path) as lines:
            table = csv.DictReader(lines)
            if "picture" not in (table.fieldnames or ()):
                raise FacereliefError(f"{path} has no column picture; use the form.csv that was written")
            for row in table:
                name = (row["picture"] or "").strip()
                where = f"{path}, line {table.line_num}"
                if name not in known:
                    raise FacereliefError(f"{where}: no picture {shown(name)}; name those of the key")
                if name in found:
                    raise FacereliefError(f"{where}: {name} is rated twice; leave one of its lines")
                rating = _rating(row, where)
                if rating != Rating(None, None, None, None, ""):
                    found[name] = rating
    except (OSError, UnicodeDecodeError, csv.Error) as reason:
        raise FacereliefError(f"{path} cannot be read: {reason}") from reason
    if not found:
        raise FacereliefError(f"{path} holds no rating; fill in the form first")
    return found


def _rating(row: Mapping[str, str | None], where: str) -> Rating:
    given = {name: (row.get(name) or "").strip() for name in FORM_COLUMNS}
    edited = given["edited"].lower()
    if edited and edited not in _ANSWERS:
        raise FacereliefError(f"{where}: edited is {shown(given['edited'])}; write yes or no")
    try:
        shows = resolve(given["shows"]) if given["shows"] else None
    except FacereliefError as reason:
        raise FacereliefError(f"{where}: {reason}") from reason
    return Rating(
        _ANSWERS.get(edited), shows, _score(given, "clear", where), _score(given, "realism", where), given["reason"]
    )


def _score(given: Mapping[str, str], name: str, where: str) -> int | None:
    if not given[name]:
        return None
    if not given[name].isdecimal() or int(given[name]) not in _SCORES:
        raise FacereliefError(f"{where}: {name} is {shown(given[name])}; write a whole number from 1 to 5")
    return int(given[name])
