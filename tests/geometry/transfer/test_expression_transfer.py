"""Steps of the transfer of an expression: how mouths open, and how an edit fades out."""

import numpy as np
import pytest

from facerelief.faces.warping import border_fade
from facerelief.geometry.transfer.expression_transfer import _TEETH, _drops, _newly_open, below_teeth


@pytest.mark.parametrize(
    ("was", "becomes", "share"),
    [
        (0.0, 0.3, 1.0),  # closed: all of the opening is new
        (0.03, 0.3, 1.0),
        (0.2, 0.25, 0.0),  # its own teeth will do
        (0.2, 0.2675, 0.5),
        (0.2, 0.3, 1.0),
        (0.05, 0.0905, 0.5),  # of the smallest opening that shows teeth
        (0.3, 0.0, 0.0),  # it closes
        (-0.1, 0.3, 1.0),  # lips that overlap are closed
    ],
)
@pytest.mark.parametrize("unit", [1.0, 33.0])
def test_how_much_of_a_mouths_opening_is_new(was: float, becomes: float, share: float, unit: float) -> None:
    """Lip gaps in inter-ocular distances, whatever the pixels."""
    assert _newly_open(mouth(was, unit=unit), mouth(becomes, unit=unit)) == pytest.approx(share, abs=1e-6)


@pytest.mark.parametrize(
    ("breadth", "becomes", "share"),
    [
        (0.9, 0.21, 0.0),  # as broad as it was
        (0.87, 0.21, 0.0),
        (0.83, 0.21, 0.5),
        (0.7, 0.21, 1.0),  # a smile that becomes surprise: its teeth are not wanted
        (0.7, 0.175, 0.5),
        (0.7, 0.1, 0.0),  # hardly open: its own teeth will do
        (1.2, 0.21, 0.0),  # broader
    ],
)
def test_a_smiles_teeth_go_when_the_mouth_drops(breadth: float, becomes: float, share: float) -> None:
    assert _drops(mouth(0.2, 0.9, unit=20), mouth(becomes, breadth, unit=20)) == pytest.approx(share, abs=1e-6)


def test_what_is_below_the_teeth_begins_where_they_end_in_every_column() -> None:
    inside = np.zeros((60, 30), bool)
    inside[10:50, 5:15] = inside[30:40, 15:20] = True
    found = below_teeth(inside)
    for column, top, height in ((5, 10, 40), (17, 30, 10)):
        depth = (np.arange(height) + 0.5) / height
        part = found[top : top + height, column]
        assert (np.diff(part) >= 0).all()
        assert not part[depth < _TEETH[0]].any()
        assert (part[depth > _TEETH[1]] == 1).all()
        assert part[height // 2] == pytest.approx(0.5, abs=0.25)


def mouth(gap: float, breadth: float = 0.8, unit: float = 1.0) -> np.ndarray:
    """Landmarks whose eyes are 1 apart, with a mouth so far open and so broad."""
    points = np.zeros((468, 3))
    points[[33, 133], 0], points[[263, 362], 0] = (-0.7, -0.3), (0.7, 0.3)
    points[13, 1], points[14, 1] = 1.2, 1.2 + gap
    points[[78, 308], 0] = -breadth / 2, breadth / 2
    return points * unit + 5


def test_the_border_fades() -> None:
    """Over 8 of 100 pixels, by the smooth step 3 t^2 - 2 t^3."""
    fade = border_fade(100, 0.08)
    assert fade.shape == (100, 100, 1)
    assert not fade[[0, -1]].any() and not fade[:, [0, -1]].any()
    assert (fade[8:92, 8:92] == 1).all()
    assert fade[50, 2:7:2, 0].tolist() == [0.15625, 0.5, 0.84375]
    assert fade[4, 2] == fade[2, 50] == 0.15625  # the nearer side tells
    for same in (fade[::-1], fade[:, ::-1], fade.swapaxes(0, 1)):
        np.testing.assert_array_equal(fade, same)
