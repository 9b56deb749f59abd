"""`FaceEditor.measure` and `FaceEditor.continuum`: the same numbers and pictures as commands and `edit` give."""

import numpy as np
import pytest
from PIL import Image

import facerelief
from facerelief import FaceEditor, FacereliefError
from facerelief.editing import measure_photo, shares_of_motion
from facerelief.faces.detector import load_finder
from facerelief.geometry.morphable import load_face
from facerelief.photos.photo import Photo


@pytest.fixture(scope="module")
def editor() -> FaceEditor:
    return facerelief.load(method="morphable")


@pytest.fixture(scope="module")
def still(editor: FaceEditor, portrait: np.ndarray) -> np.ndarray:
    """The portrait without its smile."""
    return editor.edit(portrait, "neutral").image


def test_measured_as_the_command_measures(editor: FaceEditor, portrait: np.ndarray, still: np.ndarray) -> None:
    (found,) = editor.measure(Image.fromarray(portrait), neutral=still)
    (expected,) = measure_photo(Photo(portrait), load_finder(), neutral=Photo(still))
    assert {name: one.amount for name, one in found.action_units.items()} == pytest.approx(
        {name: one.amount for name, one in expected.action_units.items()}, abs=1e-6
    )
    assert found.action_units["AU12"].amount > 0.3 and found.action_units["AU12"].seen


def test_known_amounts_of_faces_that_are_given(editor: FaceEditor) -> None:
    """Without a photo at all: landmarks of the mean face, moved as the landmark model reports a dropped jaw."""
    from facerelief.geometry.morphable.measuring import load_responses

    responses, mean = load_responses(), load_face().mean
    moved = mean + 0.3 * responses.shapes[responses.names.index("jawOpen")]
    faces = [facerelief.Face((100 * shape + 250).astype(np.float32)) for shape in (mean, moved)]
    first, second = editor.measure(np.zeros((500, 500, 3), np.uint8), faces=faces)
    assert second.blendshapes["jawOpen"].amount - first.blendshapes["jawOpen"].amount == pytest.approx(0.3, abs=0.05)


def test_steps_are_edits(editor: FaceEditor, still: np.ndarray) -> None:
    face = editor.faces(still)[0]
    steps = list(editor.continuum(still, "jawOpen:0.4", steps=3, faces=face))
    assert (steps[0].image == still).all()
    for step, strength in zip(steps, (0.0, 0.5, 1.0), strict=True):
        assert step.measures.strength == strength
        assert (step.image == editor.edit(still, "jawOpen:0.4", strength=strength, faces=face).image).all()
    motion = [step.measures.motion for step in steps]
    assert motion[0] == 0 and motion == sorted(motion)
    assert shares_of_motion([step.measures for step in steps]) == pytest.approx([0, 0.5, 1], abs=0.2)
    assert steps[-1].measures.action_units["AU26"].amount == pytest.approx(0.4, abs=0.15)


def test_steps_are_made_as_they_are_asked_for(editor: FaceEditor, still: np.ndarray) -> None:
    steps = editor.continuum(Image.fromarray(still), "anger", steps=201)
    assert isinstance(next(steps).image, Image.Image) and next(steps).measures.strength == pytest.approx(1 / 200)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"steps": 1}, "1 steps; choose 2 to 201"),
        ({"steps": 2.5}, "steps is 2.5; give a whole number"),
        ({"timing": "slow"}, "no timing 'slow'"),
        ({"strength": 0}, "strength 0 is out of range"),
        ({"faces": "all"}, "a continuum is of one face"),
        ({"part": "nose"}, "no part 'nose'"),
        ({"to": "glee"}, "nothing is called 'glee'"),
        ({"to": 5}, "unknown expression 5"),
    ],
)
def test_wrong_arguments_are_told_at_once(editor: FaceEditor, still: np.ndarray, arguments: dict, message: str) -> None:
    with pytest.raises(FacereliefError, match=message):
        editor.continuum(still, **({"to": "anger"} | arguments))
