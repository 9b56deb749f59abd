import numpy as np
import pytest

from facerelief.easing import smoothstep


def test_a_share_is_eased_at_both_ends() -> None:
    """By hand, 3 t^2 - 2 t^3; beyond the ends it stays."""
    t = np.array([-1, 0, 0.25, 0.5, 0.75, 1, 2], dtype=np.float32)
    assert smoothstep(t).tolist() == pytest.approx([0, 0, 0.15625, 0.5, 0.84375, 1, 1])
    assert smoothstep(t).dtype == np.float32
    assert float(smoothstep(0.5)) == 0.5
