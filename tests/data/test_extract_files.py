"""The files of one sample, against what was given for them."""

from pathlib import Path

import numpy as np
from PIL import Image

from facerelief.data.extract import FOLDERS, write_files
from facerelief.geometry.depth_maps import GeometryMaps, load_depth, load_normal


def test_files_are_named_by_their_stem_and_hold_what_was_given(tmp_path: Path) -> None:
    for name in FOLDERS:
        (tmp_path / name).mkdir()
    rgb = np.random.default_rng(0).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    mask, measured = np.tri(4, dtype=bool), np.eye(4, dtype=bool)
    normal = np.stack([0 * mask, 0 * mask, mask]).astype(np.float32)
    relief = GeometryMaps((mask * 0.5).astype(np.float32), normal, mask, measured)
    arrays = {"strength": np.array(0.5), "vertices": np.arange(6.0).reshape(2, 3)}
    files = write_files(tmp_path, "p1-happy", rgb, relief, arrays, np.eye(2, 3), (30, 20))
    assert files["file_name"] == "rgb/p1-happy.png"
    assert files["mesh"] == "mesh/p1-happy.npz"
    assert sorted(files) == ["depth_file_name", "file_name", "mask_file_name", "mesh", "normal_file_name"]
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / files["file_name"])), rgb)
    np.testing.assert_allclose(load_normal(tmp_path / files["normal_file_name"])[2], mask, atol=0.01)
    levels = np.where(measured, 255, np.where(mask, 128, 0))
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / files["mask_file_name"])), levels)
    np.testing.assert_allclose(load_depth(tmp_path / files["depth_file_name"]), mask * 0.5, atol=1e-5)
    with np.load(tmp_path / files["mesh"]) as stored:
        assert sorted(stored) == ["matrix", "photo_size", "strength", "vertices"]
        assert stored["vertices"].dtype == stored["strength"].dtype == np.float32
        assert stored["vertices"].tolist() == [[0, 1, 2], [3, 4, 5]]
        assert stored["photo_size"].tolist() == [30, 20]
