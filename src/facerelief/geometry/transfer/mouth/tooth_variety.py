"""Teeth that differ from person to person: a model's are all alike, and more regular than anybody's."""

import numpy as np

from facerelief.array_types import Float32, Floats, Int64
from facerelief.geometry.transfer.mouth.model import MouthModel

_WIDTHS, _FRONT = (0.09, 0.2), 0.34  # inter-ocular distances: of a tooth; from the middle, up to the first molars
_UP, _TURN, _WIDER, _DARKER = 0.014, 0.1, 0.1, 0.08  # at most: inter-ocular distances, radians, shares
_ARCH, _LIGHTER, _YELLOWER = 0.03, 0.09, 0.1  # at most: all teeth up, inter-ocular distances; shares, of their colour
_AVERAGE = 0.3  # weight of each pattern for the mean face
_TRAITS = 8  # modes of identity that teeth follow


class ToothVariety:
    """Moves, turns, widens and shades each front tooth by a smooth function of a face's identity.

    What a photo hides cannot be known. The function is random and fixed, so that one face always gets the same teeth.
    """

    def __init__(self, model: MouthModel) -> None:
        self._tooth, count = _front_teeth(model)
        random = np.random.default_rng(0)
        self._of_identity = random.normal(size=(count, 4, _TRAITS)) / np.sqrt(_TRAITS)
        self._of_mouth = random.normal(size=(3, _TRAITS)) / np.sqrt(_TRAITS)
        inside = self._tooth >= 0
        self._centre, half = np.zeros((len(model.vertices), 2)), np.zeros(len(model.vertices))
        for number in range(count):
            own = self._tooth == number
            low, high = model.vertices[own, :2].min(axis=0), model.vertices[own, :2].max(axis=0)
            half[own] = (high[0] - low[0]) / 2
            self._centre[own] = (low[0] + high[0]) / 2, high[1] if model.jaw[own].mean() < 0.5 else low[1]
        self._inside = inside
        away = np.abs(model.vertices[:, 1] - self._centre[:, 1])
        self.from_edge: Floats = np.where(inside, away, 1.0)  # (V,), of front teeth; 1 elsewhere
        across = np.abs(model.vertices[:, 0] - self._centre[:, 0])
        self.from_side: Floats = np.where(inside, half - across, 1.0)  # (V,), the same

    def moved(self, vertices: Floats, identity: Floats) -> Floats:
        """The closed model's vertices (V, 3), its frame, with the teeth of a face of coefficients `identity` (K,)."""
        up, turn, wider, _ = self._traits(identity)
        varied, tooth = vertices.astype(np.float64), self._tooth[self._inside]
        away = vertices[self._inside, :2] - self._centre[self._inside]
        varied[self._inside, 0] += wider[tooth] * away[:, 0] - turn[tooth] * away[:, 1]
        varied[self._inside, 1] += turn[tooth] * away[:, 0] - up[tooth]
        varied[:, 1] -= _ARCH * self._mouth_traits(identity)[0]  # gums and tongue too
        return varied

    def brightness(self, identity: Floats) -> Floats:
        """By how much each vertex is as bright as the model's, (V,), for a face of coefficients `identity` (K,)."""
        bright = np.ones(len(self._tooth))
        bright[self._inside] -= self._traits(identity)[3][self._tooth[self._inside]]
        return bright

    def tint(self, identity: Floats) -> Floats:
        """The colour (3,) of a face's teeth, of coefficients `identity` (K,), as a share of that of usual teeth."""
        _, lighter, yellower = self._mouth_traits(identity)
        tint: Floats = (1 + _LIGHTER * lighter) * (1 - np.array((0, 0.2, 1)) * _YELLOWER * yellower)
        return tint

    def blend(self, identity: Floats, count: int) -> Float32:
        """Weights (count,), of length 1, of patterns for the teeth of a face of coefficients `identity` (K,)."""
        weights = np.full(count, _AVERAGE, np.float32)
        weights[1:] += _known(identity)[: count - 1]
        return weights / np.linalg.norm(weights)

    def _mouth_traits(self, identity: Floats) -> Floats:
        """(3,), -1 to 1: how far all teeth are higher, lighter and yellower than usual."""
        traits: Floats = np.tanh(self._of_mouth @ _known(identity))
        return traits

    def _traits(self, identity: Floats) -> Floats:
        """(4, teeth): how far each tooth is moved up, turned, widened and darkened."""
        most = np.array(((_UP,), (_TURN,), (_WIDER,), (_DARKER,)))
        found: Floats = np.tanh(self._of_identity @ _known(identity)).T * most
        return found


def _known(identity: Floats) -> Floats:
    """The coefficients (`_TRAITS`,) that count, of `identity` (K,)."""
    known = np.zeros(_TRAITS)
    known[: len(identity)] = identity[:_TRAITS]
    return known


def _front_teeth(model: MouthModel) -> tuple[Int64, int]:
    """The number of the front tooth that each vertex belongs to, (V,), -1 for none, and how many there are."""
    triangles = model.triangles[(model.tooth[model.triangles] > 0.99).all(axis=1)]
    piece = _pieces(triangles, len(model.vertices))
    found: Int64 = np.full(len(model.vertices), -1)
    count = 0
    for one in np.unique(piece[triangles]):
        own = piece == one
        across: Float32 = model.vertices[own, 0]
        if _WIDTHS[0] < np.ptp(across) < _WIDTHS[1] and abs(across).min() < _FRONT:
            found[own] = count
            count += 1
    return found, count


def _pieces(triangles: Int64, count: int) -> Int64:
    """For each of so many vertices, (V,), the first vertex of the piece that triangles (T, 3) make of it."""
    piece: Int64 = np.arange(count)
    while True:
        before, lowest = piece, piece[triangles].min(axis=1)
        piece = before.copy()
        for corner in triangles.T:
            np.minimum.at(piece, before[corner], lowest)  # a piece's first vertex goes along
        piece = piece[piece]
        if (piece == before).all():
            return piece
