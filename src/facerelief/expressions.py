"""The eight expressions, in AffectNet's order, and the other names they go by."""

from facerelief.errors import FacereliefError

EXPRESSIONS = ("neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger", "contempt")

ALIASES = {
    "neutral": ("neutrality", "calm"),
    "happiness": ("happy", "smile", "smiling", "joy", "joyful"),
    "sadness": ("sad",),
    "surprise": ("surprised",),
    "fear": ("afraid", "fearful", "scared"),
    "disgust": ("disgusted",),
    "anger": ("angry", "mad"),
    "contempt": ("contemptuous",),
}

_BY_NAME = {name: label for label, names in ALIASES.items() for name in (label, *names)}


def resolve(name: str) -> str:
    """The expression that `name` means: `resolve("Happy") == "happiness"`.

    Accepts the eight names, their aliases (RaFD's and FER+'s among them) and AffectNet's numbers 0-7.
    Raises `FacereliefError` that lists the choices.
    """
    key = name.strip().lower()
    if len(key) == 1 and key.isdecimal() and int(key) < len(EXPRESSIONS):
        return EXPRESSIONS[int(key)]
    if key not in _BY_NAME:
        raise FacereliefError(f"unknown expression {name!r}; choose from {', '.join(EXPRESSIONS)}")
    return _BY_NAME[key]


def resolve_all(names: str) -> tuple[str, ...]:
    """Comma-separated names, each resolved, in AffectNet's order and without repeats: `"sad,happy"`, `"all"`."""
    if names.strip().lower() == "all":
        return EXPRESSIONS
    found = {resolve(name) for name in names.split(",")}
    return tuple(label for label in EXPRESSIONS if label in found)
