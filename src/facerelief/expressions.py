"""The eight expressions, in AffectNet's order, and the other names they go by."""

import difflib
from typing import Literal, TypeAlias, get_args

from facerelief.errors import FacereliefError, shown

Name: TypeAlias = Literal["neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger", "contempt"]
Alias: TypeAlias = Literal[
    "neutrality",
    "calm",
    "happy",
    "smile",
    "smiling",
    "joy",
    "joyful",
    "sad",
    "surprised",
    "afraid",
    "fearful",
    "scared",
    "disgusted",
    "angry",
    "mad",
    "contemptuous",
]
Expression: TypeAlias = Name | Alias

EXPRESSIONS: tuple[Name, ...] = get_args(Name)

ALIASES: dict[Name, tuple[Alias, ...]] = {
    "neutral": ("neutrality", "calm"),
    "happiness": ("happy", "smile", "smiling", "joy", "joyful"),
    "sadness": ("sad",),
    "surprise": ("surprised",),
    "fear": ("afraid", "fearful", "scared"),
    "disgust": ("disgusted",),
    "anger": ("angry", "mad"),
    "contempt": ("contemptuous",),
}

_BY_NAME: dict[str, Name] = {name: label for label, names in ALIASES.items() for name in (label, *names)}
ALL_NAMES = tuple(_BY_NAME)


def resolve(name: str) -> Name:
    """The expression that `name` means: `resolve("Happy") == "happiness"`.

    Accepts the eight names, their aliases (RaFD's and FER+'s among them) and AffectNet's numbers 0-7.
    Raises `FacereliefError` that lists the choices.
    """
    key = name.strip().lower() if isinstance(name, str) else ""
    if len(key) == 1 and key.isdecimal() and int(key) < len(EXPRESSIONS):
        return EXPRESSIONS[int(key)]
    if key not in _BY_NAME:
        near = difflib.get_close_matches(key, _BY_NAME, 1, 0.75)
        meant = f"did you mean {near[0]}? Else " if near else ""
        raise FacereliefError(f"unknown expression {shown(name)}; {meant}choose from {', '.join(EXPRESSIONS)}")
    return _BY_NAME[key]


def resolve_all(names: str) -> tuple[Name, ...]:
    """Comma-separated names, each resolved, in AffectNet's order and without repeats: `"sad,happy"`, `"all"`."""
    if names.strip().lower() == "all":
        return EXPRESSIONS
    found = {resolve(name) for name in names.split(",")}
    return tuple(label for label in EXPRESSIONS if label in found)
