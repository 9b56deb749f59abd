"""Old forms of command lines, which go on working with a word of notice (docs/troubleshooting.md lists them).

One name has one meaning in all commands: `--json` prints, `--depth` is a run of stage 1, `--face` says which face,
`--to` is an expression.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from facerelief.suffixes import PHOTO_SUFFIXES, VIDEO_SUFFIXES

_PICTURES = (*PHOTO_SUFFIXES, *VIDEO_SUFFIXES, ".gif", ".avif", ".ppm")
_MEASURE = ("compare", *(f"report {name}" for name in ("depth", "judge", "rate", "identity", "latency", "flicker")))


@dataclass(frozen=True)
class Renamed:
    """commands: their words. old: the option's old name. new: what takes its place, "" where its value stands alone.
    now: the new form, as the notice says it. applies: whether a value makes it the old form; None for a flag.
    """

    commands: tuple[str, ...]
    old: str
    new: str
    now: str
    applies: Callable[[str], bool] | None = lambda value: True


def _is_target(value: str) -> bool:
    """Whether what follows `--json` is the file that it used to write: no option, and no run or photo, also where the
    photo's name is mistyped.
    """
    if value.startswith("-") or value.lower().endswith(_PICTURES):
        return False
    return value.endswith(".json") or not Path(value).exists()


RENAMED = (
    Renamed(("edit",), "--depth", "--save-depth", "--save-depth", None),
    Renamed(("edit",), "--again", "--overwrite", "--overwrite", None),
    Renamed(("dataset synthesize",), "--face", "--weights", "--weights FACE"),
    Renamed(("export",), "--to", "--format", "--format"),
    Renamed(("demo",), "--photo", "", "demo PHOTO"),
    Renamed(_MEASURE, "--json", "--json-file", "--json > FILE", _is_target),
)


def modernised(command: str, arguments: Sequence[str], tell: Callable[[str], None]) -> list[str]:
    """The arguments of a command in today's form; `tell` gets a line for each old form."""
    olds = {one.old: one for one in RENAMED if command in one.commands}
    return list(_modernised(list(arguments), olds, tell))


def _modernised(left: list[str], olds: dict[str, Renamed], tell: Callable[[str], None]) -> Iterator[str]:
    while left:
        word = left.pop(0)
        name, equals, value = word.partition("=")
        if word == "--":
            yield from (word, *left)
            return
        one = olds.get(name)
        if one and one.applies and not equals and left and one.applies(left[0]):
            value, equals = left.pop(0), "="
        if one is None or (one.applies and not equals):
            yield word
            continue
        tell(f"{one.old} is now {one.now}")
        yield from ([one.new] if one.new else [])
        yield from ([value] if equals else [])
