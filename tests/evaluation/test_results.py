"""The numbers of `report outside` from scores that are made up, and how they are shown."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facerelief.errors import FacereliefError
from facerelief.evaluation.outside.measure import EditScore, Measured, MouthPair, PhotoScore, scores_json
from facerelief.evaluation.outside.page import (
    mouth_sheet,
    mouth_table,
    save_mouths,
    strength_table,
    tables,
    target_table,
    truth_table,
    write_pages,
)
from facerelief.evaluation.outside.results import summarise_edits
from facerelief.evaluation.outside.strengths import STRENGTHS, StrengthCurve, moved_by_warp, summarise_strengths
from facerelief.evaluation.outside.views import AGAINST_TRUTH

NAN = float("nan")
PEOPLE = [f"{k}" for k in range(6)]


def photos() -> list[PhotoScore]:
    neutral = [PhotoScore(f"n{k}", k, "neutral", "neutral", 0.01, NAN, NAN) for k in PEOPLE]
    # Five of six real smiles are called smiles; four are open, and show 0.5, 0.6, 0.7 and 0 of their inside as teeth.
    called = ["happiness"] * 5 + ["neutral"]
    teeth = [0.5, 0.6, 0.7, 0.0, NAN, NAN]
    smiles = [
        PhotoScore(f"h{k}", k, "happiness", c, 0.01 if np.isnan(t) else 0.1, t, t)
        for k, c, t in zip(PEOPLE, called, teeth, strict=True)
    ]
    return neutral + smiles


def truth(identity: float, made: float) -> dict[str, float]:
    values = {name: 0.1 for name in AGAINST_TRUTH}
    return values | {"identity": identity, "made": made, "true": 2.0 + made, "made_common": made, "true_common": 1.0}


def edits() -> list[EditScore]:
    found = []
    for number, k in enumerate(PEOPLE):
        distance = 0.1 * number
        called = "happiness" if number < 3 else "surprise"
        true = {"edit": truth(distance, 1.0 + number), "no edit": truth(0.2, 0.0)}
        found.append(EditScore(f"n{k}", k, "neutral", "happiness", True, called, 0.5, distance, 0.1, 0.0, 0.5, true))
        found.append(EditScore(f"n{k}", k, "neutral", "contempt", True, "neutral", NAN, 0.3, 0.0, NAN, NAN))
        angry = EditScore(f"n{k}", k, "neutral", "anger", True, "anger", 1.0, 0.7)
        found.append(angry if number else EditScore(f"n{k}", k, "neutral", "anger", False))
    return found


def curves() -> list[StrengthCurve]:
    """Warps move all alike, twice as far for every second person; the landmark model sees none of it beyond 1."""
    found = []
    for number, k in enumerate(PEOPLE):
        far = 1.0 + number % 2
        seen = tuple(far * min(strength, 1.0) for strength in STRENGTHS)
        found.append(StrengthCurve("n", k, "anger", seen, tuple(3 * far * s for s in STRENGTHS), number // 4))
    return [*found, StrengthCurve("n", "6", "anger", (0.0, NAN, *seen[2:]), tuple(STRENGTHS), 0)]


@pytest.fixture
def facts() -> dict[str, object]:
    measured = Measured(photos(), edits(), curves=curves())
    more = {"title": "a|b on c", "lead": "Much.", "notes": ["a note"], "made_with": {"method": "<relief>"}}
    return summarise_edits(measured) | scores_json(measured) | more


def test_rates_by_hand(facts: dict) -> None:
    assert (facts["photos"], facts["people"], facts["edits"]) == (12, 6, 18)
    happy = facts["targets"]["happiness"]
    assert happy["rate"]["mean"] == 0.5
    assert happy["rate"]["low"] < 0.5 < happy["rate"]["high"]
    assert happy["instead"] == [("surprise", 0.5)]
    assert happy["identity_median"]["value"] == pytest.approx(0.25)
    assert happy["identity_p95"]["value"] == pytest.approx(np.quantile([0, 0.1, 0.2, 0.3, 0.4, 0.5], 0.95))
    assert happy["same_person"] == 1
    assert facts["real"]["happiness"]["rate"]["mean"] == pytest.approx(5 / 6)
    assert facts["real"]["neutral"]["rate"]["mean"] == 1


def test_a_face_that_is_not_found_shows_nothing(facts: dict) -> None:
    angry = facts["targets"]["anger"]
    assert (angry["n"], angry["not_found"], angry["same_person"]) == (6, 1, 0)
    assert angry["rate"]["mean"] == pytest.approx(5 / 6)
    assert angry["probability"]["mean"] == 1


def test_what_the_judge_does_not_know_has_no_rate(facts: dict) -> None:
    contempt = facts["targets"]["contempt"]
    assert contempt["rate"] is contempt["probability"] is None
    assert contempt["identity_median"]["value"] == pytest.approx(0.3)
    assert target_table(facts)[1][-1][1:3] == ["-", "-"]  # contempt is the last


def test_movements_by_hand(facts: dict) -> None:
    """Made 1 to 6 of 3 to 8: shares 1/3 to 6/8; both grow alike, so they are correlated; along the mean 1 to 6 of 1."""
    (name,) = facts["truth"]
    assert name == "neutral to happiness"
    found = facts["truth"][name]["edit"]
    shares = [k / (2 + k) for k in range(1, 7)]
    assert found["movement"]["ratio"]["value"] == pytest.approx(np.median(shares))
    assert found["movement"]["ratio_quartiles"] == pytest.approx(np.quantile(shares, (0.25, 0.75)).tolist())
    assert found["movement"]["correlation"] == pytest.approx(1)
    assert found["common_movement"]["ratio"]["value"] == pytest.approx(3.5)
    assert found["common_movement"]["correlation"] is None  # all of the same length
    assert found["identity_median"]["value"] == pytest.approx(0.25)
    assert "movement" not in facts["truth"][name]["no edit"]
    header, rows = truth_table(facts["truth"][name])
    assert header == ["", "edit", "no edit"]
    assert rows[0][2].startswith("0.200")


def test_mouths_by_hand(facts: dict) -> None:
    real = facts["real_mouths"]["happiness"]
    assert (real["open"], real["n"], real["teeth"]["value"], real["shows_teeth"]["mean"]) == (4, 6, 0.55, 0.75)
    assert facts["real_mouths"]["neutral"]["teeth"] is None
    assert facts["mouths"]["happiness"]["shows_teeth"]["mean"] == 0
    rows = {row[0]: row[1:] for row in mouth_table(facts)[1]}
    assert rows["real neutral"] == ["0", "6", "-", "-", "-"]
    assert rows["real happiness"][:3] == ["4", "6", "0.55"]


def test_strengths_by_hand(facts: dict) -> None:
    angry = facts["strengths"]["anger"]
    assert (angry["n"], angry["not_found"], angry["length"]) == (7, 1, 1.5)
    assert angry["seen"]["shares"] == [0, 0.25, 0.5, 0.75, 1, 1, 1]
    # Of the line 4.625 / 5.6875 * strength, 3.875 - 4.625 ** 2 / 5.6875 of 3.875 - 4.5 ** 2 / 7 is beside it.
    assert angry["seen"]["r2"] == pytest.approx(0.88391, abs=1e-5)
    assert angry["seen"]["r2_median"] == pytest.approx(0.88391, abs=1e-5)
    assert angry["warped"]["shares"] == pytest.approx(STRENGTHS)
    assert angry["warped"]["r2"] == pytest.approx(1)
    assert angry["folded"] == pytest.approx(2 / 42)
    header, rows = strength_table(facts)
    assert [len(row) for row in rows] == [len(header)] * 2
    assert rows[0][:3] == ["anger", "seen", "0.25"]
    assert rows[1][-3:] == ["0.048", "", "7"]
    assert "Strength" not in tables(facts | {"strengths": {}})


def test_a_method_that_does_not_warp() -> None:
    found = summarise_strengths([StrengthCurve("n", "a", "fear", tuple(STRENGTHS), (), 0)])["fear"]
    assert found["warped"] is found["folded"] is None
    assert found["seen"]["r2"] == pytest.approx(1)


def test_what_does_not_move_has_no_shares() -> None:
    found = summarise_strengths([StrengthCurve("n", "a", "fear", (0.0,) * 7, (0.0,) * 7, 0)])["fear"]
    assert found["seen"] is found["warped"] is None


def test_where_a_warp_brings_points() -> None:
    """A picture that is enlarged twice and turned by 20 degrees about its middle."""
    y, x = np.mgrid[:64, :64] + 0.5 - 32
    turn = np.exp(1j * np.deg2rad(20))
    sources = 0.5 * (x + 1j * y) / turn
    points = np.array([(36.0, 32.0), (32.0, 30.0), (33.3, 34.7)])
    moved = moved_by_warp(np.dstack([sources.real - x, sources.imag - y]), points)
    after = 2 * turn * ((points - 32) @ (1, 1j))
    np.testing.assert_allclose(moved + points - 32, np.column_stack([after.real, after.imag]), atol=1e-3)


def test_pages_hold_the_tables_and_nothing_runs(facts: dict, tmp_path: Path) -> None:
    written = write_pages(facts, tmp_path)
    text, html = written.with_suffix(".md").read_text(), written.read_text()
    for page in (text, html):
        assert "Expression and identity" in page
        assert "neutral to happiness: 6 photos of 6 people" in page
        assert "surprise 0.50" in page
    assert "<relief>" not in html
    assert "&lt;relief&gt;" in html
    assert "a\\|b on c" in text
    assert json.loads(written.with_suffix(".json").read_text()) == json.loads(json.dumps(facts, allow_nan=False))


def test_a_report_without_true_photos(facts: dict, tmp_path: Path) -> None:
    assert "Against true photos" not in write_pages(facts | {"truth": {}}, tmp_path).read_text()


def test_mouths_stand_in_columns() -> None:
    red, blue = (np.full((30, 50, 3), colour, np.uint8) for colour in ((255, 0, 0), (0, 0, 255)))
    pairs = [MouthPair("a", red, blue), MouthPair("b", red[:20, :40], blue[:20, :40]), MouthPair("c", red, blue)]
    sheet = np.asarray(mouth_sheet(pairs))
    assert sheet.shape == (22 + 2 * 34, 22 + 4 * 54, 3)
    columns = [22 + 54 * k + 25 for k in range(4)]
    assert [tuple(sheet[22 + 15, x]) for x in columns] == [(255, 0, 0), (0, 0, 255)] * 2
    assert (sheet[22 + 2, columns[2]] == 255).all()  # of the smaller one, white above


def test_no_mouths(tmp_path: Path) -> None:
    with pytest.raises(FacereliefError, match="no mouth can be shown"):
        save_mouths([], tmp_path / "x.png")
    pair = MouthPair("a", np.zeros((9, 9, 3), np.uint8), np.zeros((9, 9, 3), np.uint8))
    save_mouths([pair], tmp_path / "x.png")
    with Image.open(tmp_path / "x.png") as picture:
        assert picture.size == (22 + 2 * 13, 22 + 13)
