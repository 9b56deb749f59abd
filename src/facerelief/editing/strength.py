"""How strong an edit is: one number, or in a video one that changes with time."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from facerelief.errors import FacereliefError

MAX_STRENGTH = 1.5


def check_range(strength: float) -> None:
    """Raises `FacereliefError` for a strength below 0 or above `MAX_STRENGTH`, and for NaN."""
    if not 0 <= strength <= MAX_STRENGTH:
        raise FacereliefError(f"strength {strength:g} is out of range; choose 0 to {MAX_STRENGTH}")


@dataclass(frozen=True)
class Strength:
    """Strength over time, linear between keyframes and constant beyond them. Raises `FacereliefError` for wrong ones.

    Attributes:
        keys: Keyframes (seconds, strength) in order of time.

    Example:
        >>> parse_strength("0:0,2.5:1").at(1.25)
        0.5
    """

    keys: tuple[tuple[float, float], ...] = ((0.0, 1.0),)

    def __post_init__(self) -> None:
        for seconds, value in self.keys:
            check_range(value)
            if not 0 <= seconds < float("inf"):
                raise FacereliefError(f"strength at {seconds:g} s is out of range; times are seconds from the start")
        if not self.keys or any(one >= other for (one, _), (other, _) in pairwise(self.keys)):
            raise FacereliefError("the times of strength keyframes must increase; write them as 0:0,2.5:1")

    def at(self, seconds: float) -> float:
        """The strength at a time."""
        times, values = zip(*self.keys, strict=True)
        return float(np.interp(seconds, times, values))

    def most(self, until: float) -> float:
        """The greatest strength from 0 to a time in seconds.

        Example:
            >>> parse_strength("10:0,12:1").most(until=5)
            0.0
        """
        return max(self.at(seconds) for seconds in (0.0, until, *(s for s, _ in self.keys if s <= until)))

    @property
    def constant(self) -> float:
        """The one strength of a photo. Raises `FacereliefError` for keyframes."""
        if len(self.keys) > 1:
            raise FacereliefError("strength keyframes are for videos; give one strength for photos")
        return self.keys[0][1]


def parse_strength(text: str) -> Strength:
    """`"0.8"`, or keyframes as `seconds:strength`, separated by commas: `"0:0,2.5:1"`. Raises `FacereliefError`."""
    try:
        if ":" not in text:
            return Strength(((0.0, float(text)),))
        pairs = [part.split(":") for part in text.split(",")]
        return Strength(tuple((float(seconds), float(value)) for seconds, value in pairs))
    except ValueError:
        raise FacereliefError(
            f"no strength {text!r}; choose 0 to {MAX_STRENGTH}, or seconds:strength in a video, as in 0:0,2.5:1"
        ) from None
