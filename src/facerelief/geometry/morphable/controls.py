"""What a face is to show, in words: expressions, FACS action units, blendshapes and presets, alone or blended.

happiness                     an expression
happiness:0.6+surprise:0.4    a blend
AU12+AU4:0.3, AU12L:0.5       action units; L and R are the person's own sides
jawOpen:0.3+mouthSmileLeft    blendshapes, by ARKit's names
wink-left                     a preset
"""

import difflib
import functools
import math
import re
import tomllib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from facerelief.array_types import Floats
from facerelief.errors import FacereliefError, shown
from facerelief.expressions import ALL_NAMES, EXPRESSIONS, resolve
from facerelief.files import packaged_file, read_file
from facerelief.geometry.morphable.action_units import ACTION_UNITS, GAZE_SHAPES, GAZES, SIDES, Rig

MOST = 2.0  # amount of a part
_MOST_PARTS, _LARGEST = 24, 1_000_000  # of a blend; bytes of a file of presets
_UNIT = re.compile(r"au(\d{1,3})([lr]?)", re.IGNORECASE)
_PRESET = re.compile(r"[a-z][a-z0-9-]{0,31}")
_LISTED = "what `facerelief expressions` lists"
_FORM = "write NAME or NAME:AMOUNT, several joined by +"
_WRITE = 'write lines such as wink = "AU43L:1"'
_NO_SHAPE = {"tongueout": "tongueOut"}
_WAYS = ("jaw", "mouth")  # that move to one side or the other: both at once is nowhere


@dataclass(frozen=True)
class Control:
    """What a face is to show.

    Attributes:
        parts: Names, each once, and how much of it; names are those of `EXPRESSIONS`, `AU12`, `AU12L`, ARKit's of
            blendshapes, and presets.
    """

    parts: tuple[tuple[str, float], ...]

    def __str__(self) -> str:
        """The text that `parse_control` reads as this: `happiness:0.6+surprise:0.4`."""
        return "+".join(name if amount == 1 else f"{name}:{amount:g}" for name, amount in self.parts)


def parse_control(text: str, rig: Rig, names: Collection[str] | None = None) -> Control:
    """Read what a face is to show.

    Args:
        text: `NAME[:AMOUNT]`, joined by `+`.
        rig: Whose shapes may be named.
        names: Further names; by default those of the package's presets.

    Raises:
        FacereliefError: A name is unknown, an amount is not between 0 and 2, or a part is named twice.

    Example:
        >>> from facerelief.geometry.morphable.model import load_face
        >>> parse_control("joy:0.5 + au4:0.25", load_face().rig)
        Control(parts=(('happiness', 0.5), ('AU4', 0.25)))
    """
    names = package_presets() if names is None else names
    pieces = [piece.strip() for piece in text.split("+")]
    if len(pieces) > _MOST_PARTS:
        raise FacereliefError(f"{len(pieces)} parts in one expression; name at most {_MOST_PARTS}")
    parts: dict[str, float] = {}
    for piece in pieces:
        word, colon, number = piece.partition(":")
        if not word:
            raise FacereliefError(f"a name is missing in {shown(text)}; {_FORM}")
        name = _named(word.strip(), rig, names)
        if name in parts:
            raise FacereliefError(f"{name} is named twice in {shown(text)}; name it once")
        parts[name] = _amount(number, word) if colon else 1.0
    return Control(tuple(parts.items()))


def _amount(text: str, of: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= MOST:
        raise FacereliefError(f"no amount {shown(text)} of {shown(of)}; choose 0 to {MOST:g}")
    return value


def _named(word: str, rig: Rig, names: Collection[str]) -> str:
    """The name that a word means. Raises `FacereliefError`."""
    key = word.lower()
    if unit := _UNIT.fullmatch(key):
        number, side = int(unit[1]), unit[2].upper()
        if number not in ACTION_UNITS:
            units = ", ".join(f"AU{known}" for known in ACTION_UNITS)
            raise FacereliefError(f"no action unit {shown(word)}; choose from {units}")
        if side and ACTION_UNITS[number][1] + SIDES[0] not in rig.names:
            raise FacereliefError(f"AU{number} has no sides; write AU{number}")
        return f"AU{number}{side}"
    for name in (*names, *rig.names, *both_sides(rig), *GAZE_SHAPES, *GAZES):
        if key == name.lower():
            return name
    try:
        return resolve(word)
    except FacereliefError:
        raise FacereliefError(f"nothing is called {shown(word)}; {_instead(word, rig, names)}") from None


def _instead(word: str, rig: Rig, names: Collection[str]) -> str:
    """What to write in place of a word that means nothing."""
    if set(word) & set(",;="):
        return _FORM
    key, listed = word.lower(), f"choose from {', '.join(EXPRESSIONS)}, or from {_LISTED}"
    if key == "all":
        return "all takes no amount or number of a face and goes into no blend; write all alone, and --strength 0.5"
    if key in _NO_SHAPE:
        return f"{_NO_SHAPE[key]} is ARKit's name of a movement of the tongue, which is not supported; {listed}"
    every = (*ALL_NAMES, *names, *rig.names, *both_sides(rig), *GAZE_SHAPES, *GAZES)
    by_key = {name.lower(): name for name in every}
    near = difflib.get_close_matches(key, by_key, 1, 0.75)
    return f"did you mean {by_key[near[0]]}? Else {listed}" if near else listed


def both_sides(rig: Rig) -> list[str]:
    """Shapes of both sides at once, without the side: `mouthSmile`."""
    left, right = SIDES
    stems = [name.removesuffix(left) for name in rig.names if name.endswith(left)]
    return [stem for stem in stems if stem + right in rig.names and stem not in _WAYS]


def kind_of(name: str) -> str:
    """Of a canonical name: "expression", "action unit", "preset" or "blendshape"."""
    if name in EXPRESSIONS:
        return "expression"
    return "action unit" if _UNIT.fullmatch(name) else "preset" if _PRESET.fullmatch(name) else "blendshape"


def rig_amounts(name: str, rig: Rig) -> Floats:
    """Amounts (R,) of a rig's shapes that an action unit or a blendshape stands for, by its canonical name."""
    if unit := _UNIT.fullmatch(name):
        sides = {"": SIDES, "L": SIDES[:1], "R": SIDES[1:]}[unit[2].upper()]
        return rig.amounts({int(unit[1]): 1.0}, sides)
    wanted = {name} if name in rig.names else {name + side for side in SIDES}
    return np.array([float(shape in wanted) for shape in rig.names])


def eye_amounts(name: str, rig: Rig) -> Floats:
    """What lids and eyeballs do by the canonical name of an action unit or a blendshape.

    Returns:
        (2, 3), of the eye on the left in the picture, the person's right one, and of the other: the share to which it
        is closed, and how far it looks right and down in the picture, of a full gaze.
    """
    found = np.zeros((2, 3))
    amounts = dict(zip(rig.names, rig_amounts(name, rig), strict=True))
    for eye, (side, nose) in enumerate((("Right", 1.0), ("Left", -1.0))):
        found[eye, 0] = amounts.get("eyeBlink" + side, 0.0)
        for look, (inwards, down) in GAZES.items():
            if name in (look, look + side):
                found[eye, 1:] = nose * inwards, down
    return found


def blink_shapes(rig: Rig) -> Floats:
    """The movements of a rig's lids as they close, (2, 468, 3), of each eye of `eye_amounts`; 0 if it has none."""
    named = dict(zip(rig.names, rig.shapes, strict=True))
    none = np.zeros((468, 3))
    return np.stack([named.get("eyeBlink" + side, none) for side in ("Right", "Left")])


@functools.cache
def package_presets() -> dict[str, str]:
    """The package's presets: names, and what they stand for."""
    return _read(packaged_file("geometry", "morphable", "presets.toml"))


def read_presets(path: Path, rig: Rig) -> dict[str, str]:
    """Read presets: lines `name = "AU43L:1+AU6L:0.4"` of a TOML file.

    Args:
        path: The file.
        rig: Whose shapes may be named.

    Raises:
        FacereliefError: The file cannot be read, or a line is not of this form, or stands for nothing. Presets are made
            of expressions, action units and blendshapes, not of presets.
    """
    found = _read(path)
    for name, value in found.items():
        if name == "all" or _UNIT.fullmatch(name) or _is_known(name, rig):
            raise FacereliefError(f"{path}: {shown(name)} has a meaning already; choose another name")
        try:
            parse_control(value, rig, ())
        except FacereliefError as reason:
            parts = {piece.partition(":")[0].strip().lower() for piece in value.split("+")}
            inner = next((one for one in (*found, *package_presets()) if one.lower() in parts), None)
            why = f"{inner} is a preset, and presets cannot contain presets; write what it stands for"
            raise FacereliefError(f"{path}: {name}: {why if inner else reason}") from reason
    return found


def _is_known(word: str, rig: Rig) -> bool:
    try:
        return bool(_named(word, rig, ()))
    except FacereliefError:
        return False


def _read(path: Path) -> dict[str, str]:
    """Names and values of a file of presets. Raises `FacereliefError`."""
    try:
        found = tomllib.loads(read_file(path, _LARGEST).decode("utf-8"))
    except OSError as reason:
        raise FacereliefError(f"{path} cannot be read ({reason.strerror}); check the name") from reason
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as reason:
        raise FacereliefError(f"{path} is no TOML file ({reason}); {_WRITE}") from reason
    for name, value in found.items():
        if not _PRESET.fullmatch(name):
            rule = "small letters, digits and hyphens, at most 32, and begin with a letter"
            raise FacereliefError(f"{path}: {shown(name)} is no preset's name; names are {rule}")
        if not isinstance(value, str):
            raise FacereliefError(f"{path}: {shown(name)} is no preset, since it stands for no text; {_WRITE}")
    return found
