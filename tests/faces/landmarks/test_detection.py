"""Anchors, decoding and suppression, by numbers worked out by hand; both detectors against mediapipe."""

import numpy as np
import pytest
from PIL import Image

from facerelief.faces.landmarks.detection import (
    anchors,
    decode_boxes,
    full_range,
    intersection_over_union,
    merge_boxes,
    short_range,
)
from facerelief.faces.landmarks.landmarker import FAR


def test_as_many_anchors_as_the_networks_have_boxes() -> None:
    near, far = anchors(((16, 2), (8, 6))), anchors(((48, 1),))
    assert (len(near), len(far)) == (896, 2304)
    assert near[:3].tolist() == [[1 / 32, 1 / 32], [1 / 32, 1 / 32], [3 / 32, 1 / 32]]
    assert near[-1].tolist() == [15 / 16, 15 / 16]
    assert far[1].tolist() == pytest.approx([1.5 / 48, 0.5 / 48])


def test_numbers_are_decoded() -> None:
    """A box of 32 x 64 pixels of 128, 16 right and 8 up of an anchor at a quarter; its first point 4 left, 12 down."""
    raw = np.array([[16.0, -8, 32, 64, -4, 12, *[0] * 10]], np.float32)
    found = decode_boxes(raw, np.array([[0.25, 0.25]], np.float32), 128)[0]
    assert found[:4].tolist() == [0.25, -0.0625, 0.5, 0.4375]
    assert found[4:6].tolist() == [0.21875, 0.34375]
    assert found[6:].tolist() == [0.25] * 10


def test_overlaps() -> None:
    boxes = np.array([[0, 0, 2, 2], [1, 0, 3, 2], [2, 2, 4, 4], [0.5, 0.5, 1.5, 1.5], [1, 1, 1, 1]], float)
    assert intersection_over_union(boxes, boxes[0]).tolist() == [1, 1 / 3, 0, 1 / 4, 0]


def test_boxes_of_one_face_become_their_mean_by_score() -> None:
    boxes = np.array([[10, 10, 20, 20, 5], [0, 0, 10, 10, 1], [0, 0, 10, 8, 9], [0, 6, 10, 16, 3]], float)
    merged, scores = merge_boxes(boxes, np.array([0.5, 0.75, 0.25, 0.6]))
    # The third overlaps the second by 0.8; the fourth by 40 / 160, which is too little.
    assert merged.tolist() == [[0, 0, 10, 9.5, 3], [0, 6, 10, 16, 3], [10, 10, 20, 20, 5]]
    assert scores.tolist() == [0.75, 0.6, 0.5]


def test_nothing_and_empty_boxes_are_merged() -> None:
    assert merge_boxes(np.zeros((0, 16)), np.zeros(0))[0].shape == (0, 16)
    merged, _ = merge_boxes(np.zeros((2, 4)), np.array([0.5, 0.6]))
    assert merged.tolist() == [[0, 0, 0, 0]] * 2


def test_a_face_is_where_it_was_drawn(portrait: np.ndarray) -> None:
    """The portrait's eyes, read off by eye, in the square of its head."""
    head = np.asarray(Image.fromarray(portrait).crop((110, 0, 340, 230)).resize((128, 128)))
    (found,) = next(short_range()(head, 0.5))
    np.testing.assert_allclose(found.eyes * 230 + (110, 0), [(204, 101), (247, 103)], atol=5)
    assert found.score > 0.8


@pytest.mark.parametrize("far", [False, True])
@pytest.mark.filterwarnings("ignore")
def test_detections_are_those_of_mediapipe(portrait: np.ndarray, far: bool) -> None:
    solutions = pytest.importorskip("mediapipe", exc_type=ImportError, reason="mediapipe is not installed").solutions
    detect, oracle = (
        (full_range if far else short_range)(),
        solutions.face_detection.FaceDetection(min_detection_confidence=0.5, model_selection=int(far)),
    )
    photo = Image.fromarray(portrait)
    for angle in (0, 20, -35):
        picture = np.asarray(photo.rotate(angle).resize((detect.side, detect.side), Image.Resampling.BOX))
        found, expected = next(detect(picture, FAR if far else 0.5)), oracle.process(picture).detections or []
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            box = other.location_data.relative_bounding_box
            points = other.location_data.relative_keypoints
            x0, y0 = box.xmin, box.ymin
            np.testing.assert_allclose(one.box, (x0, y0, x0 + box.width, y0 + box.height), atol=1e-4)
            np.testing.assert_allclose(one.eyes, [(p.x, p.y) for p in points[:2]], atol=1e-4)
            assert one.score == pytest.approx(other.score[0], abs=1e-4)
