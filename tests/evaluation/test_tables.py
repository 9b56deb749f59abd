"""Means, intervals and paired differences over seeds, against scipy's own tests and by hand."""

from typing import Any

import numpy as np
import pytest
from scipy import stats

from facerelief.evaluation.experiments.tables import differences, estimate, measure_values, results_table


def test_an_interval_is_scipys() -> None:
    values = [0.81, 0.84, 0.79, 0.86, 0.80]
    low, high = stats.t.interval(0.95, 4, np.mean(values), stats.sem(values))
    found = estimate(values)
    assert (found.mean - found.half, found.mean + found.half) == pytest.approx((low, high))
    assert found.shown(2) == "0.82 ± 0.04"
    assert estimate([0.5]).shown(3) == "0.500"


def results(**cells: list[dict[str, float]]) -> dict[str, Any]:
    shown = [
        {"title": title, "seeds": {str(seed): one for seed, one in enumerate(values)}}
        for title, values in cells.items()
    ]
    return {
        "cells": shown,
        "in_pairs": False,
        "bases": {"unedited": {"rate": 0.1}},
        "names": {"frechet": "expression-FID", "kernel": "expression-KID"},
        "bench": {"encoder": {"name": "identity distance (facerelief encoder)"}, "depth": None},
    }


def test_differences_are_paired_by_seed() -> None:
    """Seeds differ by 0.2, cells by 0.02: paired, the interval is as narrow as what cells differ by."""
    first = [0.40, 0.60, 0.80]
    second = [0.42, 0.61, 0.83]
    found = results(a=[{"rate": x, "identity": x} for x in first], b=[{"rate": x, "identity": x} for x in second])
    header, rows = differences(found)
    assert header == ["minus a (seeds in which better)", "b"]
    half = stats.t.ppf(0.975, 2) * np.std(np.subtract(second, first), ddof=1) / np.sqrt(3)
    assert rows[0][1] == f"+0.020 ± {half:.3f} (3/3)"
    assert rows[1][0] == "identity distance (facerelief encoder) to the source ↓"
    assert rows[1][1].endswith("(0/3)")  # less is better
    same = stats.ttest_rel(second, first).confidence_interval(0.95)
    assert (0.02 - half, 0.02 + half) == pytest.approx((same.low, same.high))


def test_a_seed_that_failed_is_left_out_of_the_pairs() -> None:
    found = results(a=[{"rate": 0.4}, {"rate": 0.6}], b=[{"rate": 0.5}])
    assert differences(found)[1][0][1] == "+0.100 (1/1)"
    header, rows = results_table(found)
    assert header == ["", "unedited", "a (2)", "b (1)"]
    assert rows[0][1:] == ["0.100", "0.500 ± 1.271", "0.500"]
    gone = results(a=[{"rate": 0.4}], b=[])
    assert differences(gone)[1][0][1] == "-"
    assert results_table(gone)[1][0][3] == "-"


def test_distances_keep_their_own_names() -> None:
    found = results(a=[{"frechet": 3.0, "kernel": 0.01}], b=[{"frechet": 2.0, "kernel": 0.02}])
    titles = [row[0] for row in results_table(found)[1]]
    assert titles == ["expression-FID ↓", "expression-KID ↓"]
    assert [row[1] for row in differences(found)[1]] == ["-1.00 (1/1)", "+0.01000 (0/1)"]


def test_what_was_refused_is_not_there() -> None:
    summary = {
        "edits": {"all": 0.5, "six": 0.6},
        "distances": {"kernel": 0.1, "refused": {"expression-FID": "too few"}},
        "values": {"rate": {"mean": 0.5}, "true_psnr": {"mean": 20.0}},
    }
    assert measure_values(summary) == {"rate": 0.5, "rate_six": 0.6, "kernel": 0.1, "true_psnr": 20.0}


def test_a_study_in_pairs_says_what_guidance_is_worth() -> None:
    """Each method with guidance minus without, by seed; rows are methods."""
    found = results(
        StarGAN=[{"rate": 0.5}, {"rate": 0.7}],
        guided=[{"rate": 0.6}, {"rate": 0.8}],
        IcGAN=[{"rate": 0.3}, {"rate": 0.3}],
        lone=[{"rate": 0.2}, {"rate": 0.2}],
    )
    for cell, slug in zip(found["cells"], ("stargan", "stargan_depth", "icgan", "diat_depth"), strict=True):
        cell["slug"] = slug
    found["in_pairs"] = True
    title = results_table(found)[0][1]
    assert differences(found) == (
        ["with guidance minus without (seeds in which better)", title],
        [["StarGAN", "+0.100 ± 0.000 (2/2)"]],
    )
    header, rows = results_table(found)
    assert header == ["", title]
    assert [row[0] for row in rows] == ["unedited", "StarGAN (2)", "guided (2)", "IcGAN (2)", "lone (2)"]
    assert rows[0][1] == "0.100" and rows[3][1] == "0.300 ± 0.000"
