"""A detector of landmarks that reports a known share of what an edit moves."""

import numpy as np
import pytest

from facerelief.faces.detector import Face
from facerelief.geometry.morphable.learning import responses
from facerelief.geometry.transfer import WarpLayers


class Shortening:
    """Finds a share of what an edit moves, and everything always by the same amount elsewhere.

    It is handed the edit itself in the place of the edited picture, by `hand_edits_on`. `blind` are the calls in which
    it finds no face.
    """

    def __init__(self, share: float, blind: range = range(0)) -> None:
        self.share, self.blind, self.calls = share, blind, 0
        self.elsewhere = np.random.default_rng(1).normal(scale=0.5, size=(468, 3))  # pixels

    def __call__(self, edit: WarpLayers) -> list[Face]:
        self.calls += 1
        if self.calls - 1 in self.blind:
            return []
        assert edit.mouth is not None
        before, after = edit.mouth.before.landmarks, edit.mouth.after
        return [Face((before + self.elsewhere + self.share * (after - before)).astype(np.float32))]


def hand_edits_on(patch: pytest.MonkeyPatch) -> None:
    """Edits are not applied to pictures, which takes long, but handed to the detector."""
    patch.setattr(responses, "apply_layers", lambda rgb, crop, layers: layers)
