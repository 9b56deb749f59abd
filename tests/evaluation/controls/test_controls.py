"""Measured controls: numbers worked out by hand, and edits that are known."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facerelief.data.sources.labelled import Labelled
from facerelief.editing import load_editor
from facerelief.errors import FacereliefError
from facerelief.evaluation.controls.expressions import (
    EVEN_STRENGTHS,
    ExpressionEdits,
    edit_at_strengths,
    harmonic_mean,
    pearson,
    summarise_expressions,
)
from facerelief.evaluation.controls.likeness import LikePair, correlation, summarise_likeness, transfer_expressions
from facerelief.evaluation.controls.page import control_tables, write_control_pages
from facerelief.evaluation.controls.results import ControlScores, control_facts
from facerelief.evaluation.controls.units import SHAPES, UNITS, GivenUnit, all_units, summarise_units
from facerelief.evaluation.outside.people import FaceLandmarks, one_a_person
from facerelief.faces.detector import load_finder
from facerelief.geometry.morphable.measuring import Amount
from facerelief.geometry.morphable.model import load_face


def unit(person: str, name: str, deviation: float = 0.2, **measured: float) -> GivenUnit:
    return GivenUnit(person, UNITS, name, 1.0, {one: Amount(value, deviation) for one, value in measured.items()})


def test_confusion_by_hand() -> None:
    given = [
        unit("a", "AU1", AU1=0.8, AU2=0.1),
        unit("b", "AU1", AU1=0.4, AU2=0.5),
        unit("c", "AU1", AU1=0.9, AU2=0.3),
        unit("a", "AU2", deviation=0.6, AU1=0.0, AU2=0.0),  # nothing measured is not the largest
        GivenUnit("b", UNITS, "AU2", 1.0, {}),
    ]
    facts = summarise_units(given)[UNITS]
    assert facts["confusion"] == [[0.8, 0.3], [0.0, 0.0]]
    first, second = facts["each"]["AU1"], facts["each"]["AU2"]
    assert first["largest"] == pytest.approx(2 / 3) and first["instead"] == [["AU2", pytest.approx(1 / 3)]]
    assert first["seen"] and not second["seen"] and second["largest"] == 0 and second["not_found"] == 1
    assert facts["largest_of_seen"] == pytest.approx(2 / 3) and facts["largest_of_all"] == pytest.approx(1 / 3)


def test_every_unit_and_shape_is_given() -> None:
    units, rig = all_units(load_face().rig), load_face().rig
    assert [name for kind, name, _ in units if kind == SHAPES] == list(rig.names)
    assert len([1 for kind, _, _ in units if kind == UNITS]) == 19
    assert all(0 < amount <= 1 for _, _, amount in units)


def edits(target: str, called: str, scores: tuple[float, ...], similarity: float = 1.0) -> ExpressionEdits:
    return ExpressionEdits("a", target, called, scores, similarity, EVEN_STRENGTHS)


def test_the_benchmarks_definitions_by_hand() -> None:
    rising = tuple(strength / 2 for strength in EVEN_STRENGTHS)
    some = [edits("fear", "surprise", rising), edits("fear", "fear", rising)]
    some += [
        edits("surprise", "surprise", rising),
        edits("anger", "disgust", rising),
        edits("disgust", "disgust", rising),
    ]
    facts = summarise_expressions(some)
    assert facts["confusion"]["fear"] == {"fear": 0.5, "surprise": 0.5}
    assert facts["pairs"] == {"fear, surprise": 0.25, "anger, disgust": 0.5}
    assert facts["mscr"] == 0.375
    assert facts["acc"] == facts["acc_6"] == pytest.approx((0.5 + 1 + 0 + 1) / 4)
    assert facts["cls"]["fear"] == pytest.approx(1) and facts["motion"]["fear"] == pytest.approx(1)
    assert facts["hes"]["fear"] == pytest.approx(2 * 0.5 / 1.5)


def test_correlations_and_means_at_their_ends() -> None:
    assert pearson(tuple(-x for x in EVEN_STRENGTHS)) == pytest.approx(-1)
    assert pearson((0.3,) * 7) == 0 and math.isnan(pearson((*EVEN_STRENGTHS[:6], math.nan)))
    assert harmonic_mean(0.0, 0.9) == 0 and harmonic_mean(0.4, 0.4) == pytest.approx(0.4)
    shifted = np.ones((468, 2))
    assert correlation(shifted, -shifted) == -1 and correlation(np.zeros((468, 2)), shifted) == 0


def test_without_a_judge_only_motion_is_measured() -> None:
    nothing = (math.nan,) * 7
    facts = summarise_expressions([edits("fear", "", nothing, math.nan)])
    assert facts["acc"] is None and facts["mscr"] is None and facts["hes_6"] is None
    assert facts["motion"]["fear"] == pytest.approx(1)


def test_pairs_by_hand() -> None:
    def pair(giver: str, ratio: float, distance: float) -> LikePair:
        return LikePair(giver, "r", "happiness", 0.9, ratio, 0.01, 0.03, math.nan, distance)

    facts = summarise_likeness([pair("a", 0.5, 0.3), pair("b", 0.7, 0.7), pair("c", 0.9, 0.4)])["happiness"]
    assert facts["ratio"]["value"] == 0.7 and facts["own"] is None
    assert facts["same_person"] == pytest.approx(2 / 3) and facts["n"] == 3


def test_one_photo_a_person() -> None:
    photos = [Labelled(Path(f"{name}{k}.png"), "neutral", name) for name in "abc" for k in range(2)]
    found = one_a_person(photos, "neutral", 2)
    assert len(found) == 2 and all(one.photo.name.endswith("0.png") for one in found)
    with pytest.raises(FacereliefError, match="no fear photo can be measured"):
        one_a_person(photos, "fear", 2)


def test_a_giver_to_a_receiver_and_pages(portrait: np.ndarray, tmp_path: Path) -> None:
    """The receiver is the giver's own portrait, so the motion given is the one to be found."""
    editor = load_editor(finder=load_finder(), method="morphable")
    plan = editor.plan(portrait, editor.finder(portrait)[0], "neutral")
    still, smile = editor.render(portrait, plan, 1.0), portrait  # an astronaut who smiles
    photos = []
    for person in ("a", "b"):
        for expression, rgb in (("neutral", still), ("happiness", smile)):
            path = tmp_path / f"{person}-{expression}.png"
            Image.fromarray(rgb).save(path)
            photos.append(Labelled(path, expression, person))
    landmarks = FaceLandmarks(editor.finder)
    pairs = transfer_expressions(editor, photos, landmarks, None)
    assert [(one.giver, one.receiver) for one in pairs] == [("a", "b"), ("b", "a")]
    assert pairs[0].correlation > 0.85 and 0.5 < pairs[0].ratio < 1.5
    assert pairs[0].error < 0.55 * pairs[0].still and pairs[0].own == pytest.approx(1, abs=0.02)
    curves = edit_at_strengths(editor, [photos[0]], landmarks, None)
    assert len(curves) == 7 and np.median([pearson(one.motion) for one in curves]) > 0.9
    units = [unit("a", "AU1", AU1=0.5), GivenUnit("a", SHAPES, "jawOpen", 0.4, {"jawOpen": Amount(0.4, 0.1)})]
    facts = control_facts(ControlScores(units, curves, pairs), tmp_path, 2, editor, None, None, ["a note"])
    assert {*control_tables(facts)} == {"Units", "Confusion", "Expressions", "Another person's expression"}
    page = write_control_pages(facts, tmp_path / "report")
    assert "jawOpen" in page.read_text() and "a note" in page.with_suffix(".md").read_text()
    assert json.loads((tmp_path / "report" / "report.json").read_text())["people"] == 2
