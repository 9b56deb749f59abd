"""How far people agree, by hand."""

import pytest
from shells import row_of

from facerelief.evaluation.evidence.crowd import crowd_ceiling, one_against_the_others


def test_one_against_the_others_by_hand() -> None:
    assert one_against_the_others([10, 0, 0]) == 1
    assert one_against_the_others([7, 3, 0]) == pytest.approx(0.7)  # the seven see six to three
    # Of five and four: one of the five sees a draw and counts half, one of the four sees five to three.
    assert one_against_the_others([5, 4]) == pytest.approx(5 * 0.5 / 9)
    assert one_against_the_others([5, 5]) == 0  # whoever looks at the others sees the majority for the other


def test_the_ceiling_is_a_mean_over_expressions() -> None:
    samples = [
        row_of("a", votes="10 0 0 0 0 0 0 0"),
        row_of("b", votes="6 4 0 0 0 0 0 0"),
        row_of("c", expression="happiness", votes="3 7 0 0 0 0 0 0"),
        row_of("d", expression="fear", votes="0 0 0 0 9 1 0 0"),  # of an expression that is not asked for
        row_of("e"),  # without votes
    ]
    found = crowd_ceiling(samples, ("neutral", "happiness", "anger"))
    assert found == {
        "neutral": pytest.approx((1 + 0.6) / 2),
        "happiness": pytest.approx(0.7),
        "balanced": pytest.approx(0.75),
    }
    assert crowd_ceiling(samples[4:], ("neutral",)) == {}
