"""The geometry receipt: numbers known by hand or measured another way, and what networks say of the crops."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from edits import changed
from PIL import Image
from runs import write_encoder, write_judge

from facerelief.editing import Editor, load_editor
from facerelief.editing.jobs.job import EditSettings
from facerelief.editing.jobs.receipt import SIZE, geometry_change, make_receipt
from facerelief.editing.loading import carried_weights
from facerelief.errors import CheckpointError
from facerelief.evaluation.receipt_scores import NetworkCropScorer, crop_scorer_factory
from facerelief.faces.alignment import align
from facerelief.faces.detector import LandmarkFinder
from facerelief.geometry.depth_maps import GeometryMaps
from facerelief.geometry.morphable.model import carried_face
from facerelief.photos.photo import Photo


@pytest.fixture(scope="module")
def sharp(finder: LandmarkFinder) -> Editor:
    return load_editor(finder=finder)


def flat(depth: float, tilt: float) -> GeometryMaps:
    """A plane of 2 x 4 pixels, whose left half is face; tilt of its normals in degrees."""
    mask = np.array([[True, True, False, False]] * 2)
    normal = np.zeros((3, 2, 4), np.float32)
    normal[0], normal[2] = np.sin(np.radians(tilt)) * mask, np.cos(np.radians(tilt)) * mask
    return GeometryMaps(np.float32(depth) * mask, normal, mask, mask)


def test_changes_of_known_geometry() -> None:
    """The depth range of 0 to 1 is 2.3 inter-ocular distances."""
    found = geometry_change(flat(0.5, 0), flat(0.6, 30))
    assert found == pytest.approx(
        {
            "share_of_face_compared": 1.0,
            "mean_depth_change": 0.23,
            "most_depth_change": 0.23,
            "mean_normal_change_degrees": 30,
            "most_normal_change_degrees": 30,
        },
        abs=1e-3,
    )
    nothing = flat(0.5, 0)
    empty = GeometryMaps(nothing.depth, nothing.normal, ~nothing.mask, nothing.measured)
    assert geometry_change(nothing, empty) == {"share_of_face_compared": 0.0}


def test_a_receipt_of_an_edit_and_of_none(sharp: Editor, photo: Photo) -> None:
    edit = sharp(photo, "surprise")
    receipt = make_receipt(sharp, photo, edit)
    moved = changed(photo, edit.photo)
    assert receipt.numbers["change"]["pixels"] == moved.sum()
    x0, y0, x1, y1 = receipt.numbers["change"]["box"]
    assert moved[y0:y1, x0:x1].sum() == moved.sum()
    assert moved[y0].any() and moved[y1 - 1].any() and moved[:, x0].any() and moved[:, x1 - 1].any()
    (face,) = receipt.numbers["faces"]
    assert face["geometry"]["mean_depth_change"] > 0.005  # a jaw that drops
    assert json.loads(json.dumps(receipt.numbers)) == receipt.numbers
    still = make_receipt(sharp, photo, sharp(photo, "surprise", strength=0)).numbers
    assert (still["change"]["pixels"], still["change"]["box"]) == (0, None)
    assert still["faces"][0]["geometry"]["most_depth_change"] < 1e-3
    assert still["faces"][0]["geometry"]["mean_normal_change_degrees"] < 0.1


def test_the_picture_shows_crops_before_and_after(sharp: Editor, photo: Photo) -> None:
    edit = sharp(photo, "happiness")
    sheet = np.asarray(make_receipt(sharp, photo, edit).picture)
    crop = align(edit.faces[0].face.landmarks, SIZE)
    for column, picture in enumerate((photo, edit.photo)):
        left, top = 34 + column * 264, 30
        np.testing.assert_array_equal(sheet[top : top + SIZE, left : left + SIZE], crop.cut(picture.rgb))


def test_an_edit_that_leaves_no_face(editor: Editor, photo: Photo) -> None:
    edit = editor(photo, "happy")
    blank = type(edit)(photo.with_rgb(np.full_like(photo.rgb, 90)), "happiness", edit.faces)
    receipt = make_receipt(editor, photo, blank)
    assert receipt.numbers["faces"][0]["geometry"] == "no face is found in the edited photo"


# -- judges and encoders --------------------------------------------------------------------------------------------


def test_what_networks_say_is_what_they_compute(sharp: Editor, photo: Photo, tmp_path: Path) -> None:
    judge, encoder = write_judge(tmp_path / "judge"), write_encoder(tmp_path / "encoder", colour="luma")
    maker = crop_scorer_factory(judge, encoder)
    assert maker is not None
    numbers = make_receipt(sharp, photo, sharp(photo, "happiness"), maker()).numbers["faces"][0]
    for when in ("before", "after"):
        shares = {name: numbers["judge"][when][name] for name in ("neutral", "happiness", "surprise")}
        assert sum(shares.values()) == pytest.approx(1, abs=1e-4)
        assert numbers["judge"][when]["called"] == max(shares, key=lambda name: shares[name])
    assert numbers["judge"]["sha256"] == hashlib.sha256((judge / "weights.safetensors").read_bytes()).hexdigest()
    assert 0 < numbers["identity"]["distance"] < 2
    still = make_receipt(sharp, photo, sharp(photo, "happiness", strength=0), maker()).numbers["faces"][0]
    assert still["identity"]["distance"] == pytest.approx(0, abs=1e-5)
    assert still["judge"]["before"] == still["judge"]["after"] == numbers["judge"]["before"]
    assert crop_scorer_factory(None, None) is None


def test_a_receipt_is_another_where_its_judge_was_trained_again(tmp_path: Path) -> None:
    """Its folder does not matter."""
    judge = write_judge(tmp_path / "judge")
    (tmp_path / "copy").mkdir()
    weights = (judge / "weights.safetensors").read_bytes()
    (tmp_path / "copy" / "weights.safetensors").write_bytes(weights)

    def digest(judge: Path | None, encoder: Path | None = None) -> str:
        return EditSettings(scores=crop_scorer_factory(judge, encoder)).digest("weights", receipt=True)

    first = digest(judge)
    assert digest(tmp_path / "copy") == digest(judge / "weights.safetensors") == first
    assert len({first, digest(None), digest(None, judge)}) == 3
    (judge / "weights.safetensors").write_bytes(weights + b"trained again")
    assert digest(judge) != first


def test_a_mirrored_crop_is_judged_alike(tmp_path: Path, photo: Photo) -> None:
    verdict = NetworkCropScorer(judge=write_judge(tmp_path / "judge"))
    crop = np.ascontiguousarray(photo.rgb[:256, 100:356])
    scores = verdict(crop, crop[:, ::-1].copy(), "fear")["judge"]
    assert scores["before"] == pytest.approx(scores["after"], abs=3e-6)
    assert not scores["knows_the_expression"]


def test_runs_that_are_something_else(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError):
        NetworkCropScorer(encoder=write_judge(tmp_path / "judge"))


# -- the command ----------------------------------------------------------------------------------------------------


def test_receipts_are_written_beside_the_edits(
    tmp_path: Path, photo: Photo, monkeypatch: pytest.MonkeyPatch, finder: LandmarkFinder
) -> None:
    from facerelief.editing.jobs import photo_job
    from facerelief.editing.jobs.inputs import Input

    monkeypatch.setattr(photo_job, "load_finder", lambda **_: finder)
    source = tmp_path / "me.png"
    Image.fromarray(photo.rgb).save(source)
    judge = write_judge(tmp_path / "judge")
    (face,) = finder(photo.rgb)
    for method, weights in (("morphable", carried_face()), ("stargan", carried_weights("stargan"))):
        settings = photo_job.EditSettings(
            method=method, part="mouth", receipt=True, scores=crop_scorer_factory(judge, None)
        )
        target = tmp_path / method / "me-happiness.png"
        outcome = photo_job.FileEditor(settings)(photo_job.EditJob(Input(source), {"happiness": target}))
        assert [path.name for path in outcome.written] == [
            "me-happiness.png", "me-happiness-receipt.json", "me-happiness-receipt.png",
        ]  # fmt: skip
        numbers = json.loads((target.parent / "me-happiness-receipt.json").read_text())
        for name, path in (("weights", weights), ("source", source), ("edited", target)):
            assert numbers[name]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest(), name
        assert numbers["settings"] == {"strength": 1.0, "face": "largest", "part": "mouth", "method": method}
        assert numbers["change"]["box"][1] > face.landmarks[[145, 374], 1].min() - 20  # nothing above the lower lids
        assert numbers["expression"] == "happiness"
        assert "judge" in numbers["faces"][0]
        with Image.open(target.parent / "me-happiness-receipt.png") as picture:
            assert picture.width > 3 * SIZE
