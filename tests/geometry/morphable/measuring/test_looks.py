"""Several looks at a face, by a finder whose errors are known."""

import numpy as np

from facerelief.array_types import RGB, Landmarks
from facerelief.faces.detector import Face
from facerelief.geometry.morphable.measuring import looked_at_again
from facerelief.geometry.morphable.model import load_face
from facerelief.geometry.topology import mirror_vertices

WIDTH = 300
TRUE = (100 * load_face().mean + (150, 120, 0)).astype(np.float32)
TRUE[:, 0] += np.linspace(-5, 5, len(TRUE), dtype=np.float32)  # a face with two different sides


class KnownErrors:
    """Finds where the face is, and errs by a vector that the size of the crop, and the mirror, decide."""

    def __init__(self, errors: dict[str, tuple[float, float, float] | None]) -> None:
        self._errors = errors

    def __call__(self, rgb: RGB) -> list[Face]:
        raise AssertionError("nobody asked for all faces")

    def follow(self, rgb: RGB, face: Face) -> Face | None:
        mirrored = bool(rgb[0, -1, 0])  # the photo's first pixel is white
        share = np.ptp(face.landmarks[:, 1]) / np.ptp(TRUE[:, 1])
        look = "mirror" if mirrored else "smaller" if share < 0.95 else "larger" if share > 1.05 else "first"
        error = self._errors[look]
        return None if error is None else Face((self._there(mirrored) + error).astype(np.float32))

    def _there(self, mirrored: bool) -> Landmarks:
        if not mirrored:
            return TRUE
        swapped = TRUE[mirror_vertices()].copy()
        swapped[:, 0] = WIDTH - 1 - swapped[:, 0]
        return swapped


def photo() -> RGB:
    rgb = np.zeros((240, WIDTH, 3), np.uint8)
    rgb[0, 0] = 255
    return rgb


def test_the_mean_of_four_looks() -> None:
    finder = KnownErrors({"first": (4, 0, 0), "mirror": (4, 8, 0), "smaller": (0, 0, 4), "larger": (0, -4, 0)})
    found = looked_at_again(finder, photo(), Face(TRUE))
    assert found is not None
    # To the right in the mirror is to the left; both cancel.
    np.testing.assert_allclose(found.landmarks - TRUE, np.broadcast_to((0, 1, 1), TRUE.shape), atol=1e-4)


def test_looks_that_do_not_find_it_are_left_out() -> None:
    finder = KnownErrors({"first": (2, 0, 0), "mirror": None, "smaller": None, "larger": (0, 2, 0)})
    found = looked_at_again(finder, photo(), Face(TRUE))
    assert found is not None
    np.testing.assert_allclose(found.landmarks - TRUE, np.broadcast_to((1, 1, 0), TRUE.shape), atol=1e-4)


def test_a_face_that_the_first_look_does_not_find_is_lost() -> None:
    finder = KnownErrors({"first": None, "mirror": (0, 0, 0), "smaller": (0, 0, 0), "larger": (0, 0, 0)})
    assert looked_at_again(finder, photo(), Face(TRUE)) is None
