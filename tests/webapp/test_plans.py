"""Plans that are kept between requests: the same edits, made once, and dropped again."""

import time

import numpy as np
import pytest

from facerelief.array_types import RGB
from facerelief.editing import Editor, load_editor
from facerelief.editing.edit import EditPlan
from facerelief.editing.regions import WHOLE
from facerelief.faces.detector import Face, LandmarkFinder
from facerelief.webapp.plans import PlanCache


@pytest.fixture(scope="module")
def editor(finder: LandmarkFinder) -> Editor:
    return load_editor(finder=finder, method="morphable")


@pytest.fixture(scope="module")
def face(finder: LandmarkFinder, group: np.ndarray) -> Face:
    return finder(group[:, :320])[0]


def test_kept_plans_make_the_same_edits(
    editor: Editor, group: np.ndarray, face: Face, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the face is fitted once for all of them."""
    rgb, cache, fitted, plan = group[:, :320], PlanCache(), list[str](), editor.plan

    def counted(rgb: RGB, face: Face, to: str, part: str) -> EditPlan:
        fitted.append(to)
        return plan(rgb, face, to, part)

    for to in ("AU12:0.5", "AU12:0.5", "happiness", "AU43", "eyeLookUp", "AU15:0.3", "surprise"):
        with monkeypatch.context() as patch:
            patch.setattr(editor, "plan", counted)
            kept = cache.plan(editor, rgb, face, to, WHOLE)
        made = editor.render(rgb, kept, 0.8)
        assert np.array_equal(made, editor.render(rgb, editor.plan(rgb, face, to), 0.8))
    assert len(cache) == 1 and fitted == ["AU12:0.5"]


def test_another_photo_part_or_face_is_another_plan(editor: Editor, group: np.ndarray, face: Face) -> None:
    rgb, cache = group[:, :320], PlanCache()
    moved = Face(face.landmarks + np.float32(0.5))
    for number, (pixels, one, part) in enumerate(
        [(rgb, face, WHOLE), (rgb, face, "eyes"), (rgb, moved, WHOLE), (rgb[:, ::-1].copy(), face, WHOLE)], 1
    ):
        plan = cache.plan(editor, pixels, one, "anger", part)
        assert (plan.face, plan.part) == (one, part)
        assert len(cache) == number


def test_no_picture_is_kept_and_nothing_for_long(editor: Editor, group: np.ndarray, face: Face) -> None:
    rgb, cache = group[:, :320], PlanCache(lifetime_s=0.2)
    cache.plan(editor, rgb, face, "anger", WHOLE)
    assert [plan.before.size for plan, _ in cache._plans.values()] == [0]
    end = time.monotonic() + 20
    while len(cache):
        assert time.monotonic() < end
        time.sleep(0.02)


def test_at_most_sixteen_faces_are_kept(editor: Editor, group: np.ndarray, face: Face) -> None:
    rgb, cache = group[:, :320], PlanCache()
    for number in range(18):
        cache.plan(editor, rgb, Face(face.landmarks + np.float32(0.1 * number)), "anger", WHOLE)
    assert len(cache) == 16
