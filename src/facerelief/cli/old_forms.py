"""Old forms of options, which still work and print a notice (docs/troubleshooting.md lists them).

An option has one meaning in all commands: `--json` prints, `--depth` is a run of stage 1, `--face` selects faces,
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
    """One renamed option.

    Args:
        commands: Its commands, such as "report depth".
        old: The old name.
        new: The new name; "" if the value became an argument.
        now: The new form, as the notice shows it.
        applies: Whether an option with this value is the old form. None for a flag, which always is.
    """

    commands: tuple[str, ...]
    old: str
    new: str
    now: str
    applies: Callable[[str], bool] | None = lambda value: True


def _is_target(value: str) -> bool:
    """Whether the word after `--json` is its old value, a file to write: not an option, run or photo."""
    if value.startswith("-") or value.lower().endswith(_PICTURES):
        return False
    return value.endswith(".json") or not Path(value).exists()


RENAMED = (
    Renamed(("edit",), "--depth", "--save-depth", "--save-depth", None),
    Renamed(("edit",), "--again", "--overwrite", "--overwrite", None),
    Renamed(("dataset synthesize",), "--face", "--weights", "--weights FACE"),
    Renamed(("export",), "--to", "--format", "--format"),
    Renamed(("train expression", "export"), "--backbone", "--method", "--method"),
    Renamed(("demo",), "--photo", "", "demo PHOTO"),
    Renamed(_MEASURE, "--json", "--json-file", "--json > FILE", _is_target),
)


def translate(command: str, arguments: Sequence[str], tell: Callable[[str], None]) -> list[str]:
    """Translate old forms in a command's arguments; `tell` is called with a notice for each."""
    olds = {one.old: one for one in RENAMED if command in one.commands}
    return list(_translated(list(arguments), olds, tell))


def _translated(left: list[str], olds: dict[str, Renamed], tell: Callable[[str], None]) -> Iterator[str]:
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
