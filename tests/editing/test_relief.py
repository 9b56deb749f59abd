"""Edits by flow, mask and colour, brought to the photo's own resolution."""

import numpy as np
import pytest
import torch
from edits import around, changed
from torch import Tensor, nn

from facerelief.config import ExpressionTraining
from facerelief.data.conditions import OneHot
from facerelief.editing import load_editor
from facerelief.editing.methods.network import TrainedNetwork
from facerelief.editing.methods.relief import ReliefEditor, _trusted
from facerelief.editing.regions import around_mouth
from facerelief.faces.alignment import align
from facerelief.faces.detector import Face, LandmarkFinder
from facerelief.faces.pose import head_pose
from facerelief.geometry.morphable.model import load_face
from facerelief.geometry.transfer.expression_transfer import TRANSFER_SIZE, ExpressionTransfer
from facerelief.geometry.transfer.warp_layers import WarpLayers
from facerelief.networks.relief import Maps, ReliefGenerator
from facerelief.photos.photo import Photo

CHOICES = ("neutral", "happiness")


class Known(ReliefGenerator):
    """A network that moves a square of the face's middle by a known way, without paint."""

    def __init__(self, way: float) -> None:
        nn.Module.__init__(self)
        self.way = way

    def maps(self, image: Tensor, condition: Tensor) -> Maps:
        flow = torch.zeros(1, 2, *image.shape[2:])
        flow[:, 1, 16:48, 16:48] = self.way * condition[0, 1]
        return Maps(flow, torch.zeros(1, 1, *image.shape[2:]), torch.zeros_like(image))


class Idle(ExpressionTransfer):
    """The morphable face changes nothing."""

    def __call__(self, *what: object) -> WarpLayers:
        return WarpLayers(
            np.zeros((TRANSFER_SIZE, TRANSFER_SIZE, 2), np.float32),
            np.zeros((TRANSFER_SIZE, TRANSFER_SIZE, 1), np.float32),
        )


def network_alone(network: ReliefGenerator, finder: LandmarkFinder, colour: str = "rgb") -> ReliefEditor:
    config = ExpressionTraining(size=64, colour=colour, expressions=CHOICES, method="relief")
    editor = ReliefEditor(lambda: TrainedNetwork(network, OneHot(config)), config, finder)
    editor._morphable._transfer = Idle(load_face())
    return editor


@pytest.mark.parametrize("colour", ["rgb", "luma"])
def test_what_only_moves_stays_as_sharp_as_the_photo(finder: LandmarkFinder, photo: Photo, colour: str) -> None:
    editor = network_alone(Known(-2 / 64), finder, colour)
    face = editor.find(photo)[0]
    edit = editor(photo, "happiness")
    crop = align(face.landmarks, 64)
    x, y = face.landmarks[[33, 133], :2].mean(axis=0).astype(int)  # an eye: far from nose and mouth
    way = crop.to_photo(np.array([(32.0, 30.0)]))[0] - crop.to_photo(np.array([(32.0, 32.0)]))[0]
    window = photo.rgb[y - 6 : y + 6, x - 6 : x + 6].astype(float)
    found = edit.photo.rgb[y - 6 : y + 6, x - 6 : x + 6].astype(float)
    dx, dy = np.rint(way).astype(int)
    there = photo.rgb[y - 6 + dy : y + 6 + dy, x - 6 + dx : x + 6 + dx].astype(float)
    assert np.abs(found - there).mean() < 0.25 * np.abs(found - window).mean()
    assert found.std() > 0.9 * there.std()
    assert not changed(photo, edit.photo)[~around([face], photo.rgb.shape)].any()
    np.testing.assert_array_equal(edit.faces[0].after, edit.faces[0].crop.cut(edit.photo.rgb))


def test_the_expression_and_strength_reach_the_network(finder: LandmarkFinder, photo: Photo) -> None:
    editor = network_alone(Known(-2 / 64), finder)
    face = editor.find(photo)[0]
    x, y = face.landmarks[168, :2].astype(int)  # between the eyes: far from the mouth

    def difference(to: str, strength: float) -> float:
        shown = editor(photo, to, strength=strength, faces=[face]).photo.rgb.astype(int) - photo.rgb
        return float(np.abs(shown[y - 5 : y + 5, x - 5 : x + 5]).mean())

    assert difference("neutral", 1.0) == 0
    assert difference("happiness", 0.0) == 0
    assert 0 < difference("happiness", 0.3) < difference("happiness", 1.0)
    assert difference("happiness", 1.5) == difference("happiness", 1.0)  # more is the morphable face's, which is still


def test_a_nose_goes_where_the_morphable_face_has_it(finder: LandmarkFinder, photo: Photo) -> None:
    """Where a network moves all, and the morphable face nothing, the eyes move, and the nose and its folds do not."""
    editor = network_alone(Known(-2 / 64), finder)
    face = editor.find(photo)[0]
    edited = editor(photo, "happiness", faces=[face]).photo.rgb.astype(int)
    amounts = []
    for k in (4, 165, 391, 33):  # its tip, between its wings and the corners of the mouth, the corner of an eye
        x, y = face.landmarks[k, :2].astype(int)
        window = (slice(y - 4, y + 5), slice(x - 4, x + 5))
        amounts.append(np.abs(edited[window] - photo.rgb[window]).mean())
    assert max(amounts[:3]) < 0.1 * amounts[3]


def test_a_network_is_trusted_half_as_much_from_the_side(finder: LandmarkFinder, photo: Photo) -> None:
    """The same landmarks turned about the vertical; between, the share falls steadily."""
    points = finder(photo.rgb)[0].landmarks.astype(float)
    points -= points.mean(axis=0)
    yaw = np.radians(head_pose(points)[0])
    shares = []
    for degrees in (0, 10, 20, 25, 40, -40):
        angle = np.radians(degrees) - yaw
        turn = np.array([(np.cos(angle), 0, np.sin(angle)), (0, 1, 0), (-np.sin(angle), 0, np.cos(angle))])
        face = Face((points @ turn.T).astype(np.float32))
        assert abs(head_pose(face.landmarks)[0] - degrees) < 4
        shares.append(_trusted(face))
    assert shares[:2] == [1, 1]
    assert 1 > shares[2] > shares[3] > 0.5
    assert shares[4:] == [0.5, 0.5]


class Paints(ReliefGenerator):
    """A network that would paint the whole crop white."""

    def __init__(self) -> None:
        nn.Module.__init__(self)

    def maps(self, image: Tensor, condition: Tensor) -> Maps:
        plane = torch.ones(1, 1, *image.shape[2:])
        return Maps(torch.zeros(1, 2, *image.shape[2:]), plane, torch.ones_like(image))


def test_skin_is_shaded_and_no_more(finder: LandmarkFinder, photo: Photo) -> None:
    """By all-white paint skin changes by a twenty-fifth of the range at most, and what is beside the face not."""
    editor = network_alone(Paints(), finder)
    face = editor.find(photo)[0]
    edit = editor(photo, "neutral")
    crop = align(face.landmarks, 64)
    shown, before = crop.cut(edit.photo.rgb), crop.cut(photo.rgb)
    change = np.abs(shown.astype(int) - before).max(axis=2)
    points = crop.to_crop(face.landmarks)[:, :2].astype(int)
    for skin in (1, 9, 50, 280):  # nose, between the brows, cheeks
        assert 0 < change[points[skin, 1], points[skin, 0]] <= 12
    corners = [(slice(55, 60), slice(4, 9)), (slice(55, 60), slice(55, 60))]  # beside the chin
    for place in corners:
        np.testing.assert_array_equal(shown[place], before[place])


def test_the_mouth_is_the_morphable_face_s(finder: LandmarkFinder, photo: Photo) -> None:
    """Whatever the network would do there: around it both editors give the same."""
    config = ExpressionTraining(size=64, expressions=("neutral", "surprise"), method="relief")
    editor, morphable = (
        ReliefEditor(lambda: TrainedNetwork(Paints(), OneHot(config)), config, finder),
        load_editor(method="morphable", finder=finder),
    )
    face = editor.find(photo)[0]
    crop = align(face.landmarks, 160)
    for to in ("neutral", "surprise"):
        edits = editor(photo, to, faces=[face]), morphable(photo, to, faces=[face])
        ours, theirs = (crop.cut(edit.photo.rgb).astype(int) for edit in edits)
        share, points = around_mouth(crop, face), crop.to_crop(face.landmarks)[:, :2].astype(int)
        assert all(share[points[k, 1], points[k, 0]] > 0.9 for k in (13, 14, 199))  # lips, chin
        assert all(share[points[k, 1], points[k, 0]] < 0.05 for k in (4, 33, 263, 105, 334))  # nose's tip, eyes, brows
        mouth = share > 0.999
        assert np.abs(theirs - crop.cut(photo.rgb))[mouth].mean() > 5
        assert np.quantile(np.abs(ours - theirs)[mouth], 0.99) <= 2
