"""The networks that the package carries are those of mediapipe's wheel, converted."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from facerelief.errors import FacereliefError
from facerelief.faces.landmarks.networks import CHECKSUMS, FOLDER
from facerelief.files.packaged import packaged_file
from facerelief.release.landmarks import LANDMARK_FILES, make_landmarks


@pytest.fixture
def modules() -> Path:
    found = find_spec("mediapipe")
    folder = Path(found.origin).parent / "modules" if found and found.origin else Path("absent")
    if not (folder / "face_landmark" / "face_landmark.tflite").is_file():
        pytest.skip("no mediapipe that carries its models is installed")
    return folder


def test_the_packaged_networks_are_made_by_the_command(modules: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    assert [path.name for path in make_landmarks(modules, tmp_path)] == list(LANDMARK_FILES)
    random = np.random.default_rng(0)
    for name in CHECKSUMS:
        made, packaged = (
            onnxruntime.InferenceSession(str(path)) for path in (tmp_path / name, packaged_file(*FOLDER, name))
        )
        side = made.get_inputs()[0].shape[1]
        pictures = random.integers(0, 256, (2, side, side, 3), dtype=np.uint8)
        for one, other in zip(*(each.run(None, {"image": pictures}) for each in (made, packaged)), strict=True):
            np.testing.assert_array_equal(one, other)


def test_folders_that_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FacereliefError, match=r"no folder .*absent; name the folder mediapipe/modules"):
        make_landmarks(tmp_path / "absent", tmp_path / "out")
    (tmp_path / "note.txt").touch()
    with pytest.raises(FacereliefError, match="holds something else; choose an empty folder for the networks"):
        make_landmarks(tmp_path, tmp_path)
    with pytest.raises(FacereliefError, match=r"cannot read .*face_detection_short_range.tflite"):
        make_landmarks(tmp_path, tmp_path / "out")
