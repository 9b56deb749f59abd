"""Measures and continua of pictures that Python programs hold."""

from __future__ import annotations  # help() then says `Part`, and not the words that it stands for

from collections.abc import Iterator
from typing import Any

import numpy as np

from facerelief.api.arguments import (
    Faces,
    OneFace,
    Part,
    Timing,
    check_choice,
    check_count,
    check_faces,
    check_places,
    check_strength,
    check_words,
)
from facerelief.api.pictures import Picture, image_of, photo_of
from facerelief.api.processes import EditorInEachProcess
from facerelief.api.results import ContinuumStep
from facerelief.editing.continuum import TIMINGS, Continuum, make_continuum
from facerelief.editing.face_choice import choose_faces
from facerelief.editing.measuring import MeasuredFace, measure_faces
from facerelief.editing.regions import PARTS
from facerelief.errors import FacereliefError


class MeasuringEditor(EditorInEachProcess):
    """What an editor measures."""

    def measure(
        self,
        image: Picture | np.ndarray,
        neutral: Picture | np.ndarray | None = None,
        *,
        faces: Faces = "largest",
    ) -> list[MeasuredFace]:
        """Measure the action units and blendshapes that faces in a picture show, as movements and not as feelings.

        Args:
            image: A picture, as `edit` takes it.
            neutral: A picture in which the same person shows nothing; amounts are then changes from it, and surer.
            faces: Which, as `edit` takes it.

        Returns:
            Each face, with `action_units` and `blendshapes`: by name the `amount` (0 none, 1 the full movement), its
            standard `deviation`, and whether landmarks tell it from others at all, `seen`.

        Raises:
            NoFaceFound: There is no such face, or it cannot be measured.
            PhotoError: This is no picture.

        Example:
            A mean face whose left corner of the mouth is pulled up, as the landmark model reports it:

            >>> import facerelief
            >>> from facerelief.geometry.morphable import load_face
            >>> from facerelief.geometry.morphable.measuring import load_responses
            >>> reported = load_responses()
            >>> smile = load_face().mean + reported.shapes[reported.names.index("mouthSmileLeft")]
            >>> face, editor = facerelief.Face(100 * smile + 200), facerelief.load(method="morphable")
            >>> (found,) = editor.measure(np.zeros((400, 400, 3), np.uint8), faces=face)
            >>> max(found.action_units, key=lambda name: found.action_units[name].amount)
            'AU12L'
        """
        which, some = check_faces(faces)
        photo, editor = photo_of(image), self._here()
        found = editor.find(photo) if some is None else check_places(some, photo)
        chosen = choose_faces(found, which, photo.name)
        return measure_faces(photo, chosen, editor.finder, None if neutral is None else photo_of(neutral))

    def continuum(
        self,
        image: Picture | np.ndarray,
        to: str,
        *,
        steps: int = 11,
        timing: Timing = "linear",
        strength: float = 1.0,
        faces: OneFace = "largest",
        part: Part = "face",
    ) -> Iterator[ContinuumStep[Any]]:
        """Make a continuum: a picture at evenly spaced strengths of an expression, each step measured.

        Args:
            image: A picture, as `edit` takes it.
            to: What a face is to show, as `edit` takes it.
            steps: From the picture itself to the expression, 2 to 201.
            timing: Strengths evenly spaced, along a logistic curve, or slow at both ends (3 t^2 - 2 t^3).
            strength: Of the last step, above 0 to 1.5.
            faces: One face: "largest", a number, a point, or one that `faces` returned.
            part: As `edit` takes it.

        Returns:
            The steps, one by one: they are made as they are asked for.

        Raises:
            NoFaceFound: There is no face, or none that can be edited.
            PhotoError: This is no picture.
            FacereliefError: Another argument is wrong.
        """
        check_choice(timing, TIMINGS, "timing")
        check_choice(part, PARTS, "part")
        which, some = check_faces(faces)
        if (which == "all" and some is None) or (some and len(some) > 1):
            raise FacereliefError('a continuum is of one face; give "largest", a number, a point, or one face')
        how = Continuum(check_count(steps, "steps"), check_strength(strength), timing, which if not some else 1, part)
        photo, words = photo_of(image), check_words(to)
        made = make_continuum(self._here(), photo, words, how, check_places(some, photo)[0] if some else None)
        as_array = isinstance(image, np.ndarray)
        return (
            ContinuumStep(
                edit.photo.rgb if as_array else image_of(edit.photo),
                *(edit.expression, edit.faces, edit.photo, photo.rgb, measures),
            )
            for edit, measures in made
        )
