"""Whether a judge knows anything, against permutations that are really made."""

import numpy as np
import pytest

from facerelief.evaluation.chance import SMOKE_WARNING, chance_facts, chance_warning, permutation_p_value
from facerelief.evaluation.experiments.tables import study_warnings as study_warnings
from facerelief.evaluation.report.report import report_warnings as report_warnings
from facerelief.evaluation.summary import accuracy_facts, accuracy_of
from facerelief.training.classifier import Accuracy

NAMES = ("neutral", "happiness", "surprise", "anger")


def calls(seed: int, knows: float, sizes: tuple[int, ...] = (40, 25, 20, 15)) -> tuple[np.ndarray, np.ndarray]:
    """True classes, of unequal sizes, and calls of which a share is right and the rest mostly "neutral"."""
    random = np.random.default_rng(seed)
    true = np.repeat(np.arange(len(sizes)), sizes)
    guess = random.choice(4, len(true), p=(0.7, 0.1, 0.1, 0.1))
    return true, np.where(random.random(len(true)) < knows, true, guess)


@pytest.mark.parametrize("knows", [0.0, 0.05, 0.1])
def test_the_closed_form_is_the_share_of_permutations_that_do_as_well(knows: float) -> None:
    true, called = calls(3, knows)
    accuracy = accuracy_of(true, called, NAMES)
    random = np.random.default_rng(0)
    others = [accuracy_of(true, random.permutation(called), NAMES).balanced for _ in range(4000)]
    at_least = np.mean(np.array(others) >= accuracy.balanced - 1e-12)
    assert permutation_p_value(accuracy) == pytest.approx(at_least, abs=0.015)


def test_of_judges_that_guess_one_in_twenty_passes() -> None:
    passed = [permutation_p_value(accuracy_of(*calls(seed, 0.0), NAMES)) <= 0.05 for seed in range(400)]
    assert 0.02 < np.mean(passed) < 0.09


def test_one_that_knows_passes_and_one_that_says_one_word_does_not() -> None:
    knows = accuracy_of(*calls(1, 0.5), NAMES)
    assert chance_warning(knows) == ""
    assert chance_facts(knows)["judge_at_chance"] is False
    one_word = Accuracy(NAMES, [[90, 0, 0, 0], [4, 0, 0, 0], [3, 0, 0, 0], [3, 0, 0, 0]])
    assert one_word.overall == 0.9  # which a careless reader would take for skill
    assert permutation_p_value(one_word) == 1
    assert chance_warning(one_word) == (
        "THE CLASSIFIER IS AT CHANCE LEVEL: ITS RATES ARE MEANINGLESS (balanced accuracy 0.250 on 100 real photos, "
        "chance 0.250, permutation test p = 1.00)"
    )


def test_classes_without_photos_do_not_count() -> None:
    true, called = calls(1, 0.5, (40, 30, 30, 0))
    assert permutation_p_value(accuracy_of(true, called, NAMES)) < 1e-3
    assert permutation_p_value(Accuracy(NAMES, [[1, 0, 0, 0], [0] * 4, [0] * 4, [0] * 4])) == 1


@pytest.mark.parametrize(("scale", "knows"), [("smoke", 0.0), ("smoke", 0.5), ("cpu", 0.0), ("cpu", 0.5)])
def test_reports_and_studies_warn_where_the_numbers_stand(scale: str, knows: float) -> None:
    real = accuracy_of(*calls(1, knows), NAMES)
    bench = {"judge": {"accuracy_on_real": accuracy_facts(real)}, "expressions": list(NAMES)}
    chance = [chance_warning(real)] if knows == 0 else []
    assert study_warnings({"scale": scale, "bench": bench}) == [SMOKE_WARNING] * (scale == "smoke") + chance
    assert report_warnings(bench) == chance
