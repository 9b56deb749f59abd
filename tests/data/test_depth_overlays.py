from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facerelief.data.sources.depth_overlays import depth_overlay, normals_from_depth, read_depth_image
from facerelief.errors import DatasetError


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def laid(root: Path, photos: list[str]) -> dict[str, str]:
    found = depth_overlay(root, [Path("photos") / name for name in photos])
    return {
        photo.relative_to("photos").as_posix(): depth.relative_to(root).as_posix() for photo, depth in found.items()
    }


def test_maps_go_by_name_whatever_the_folders(tmp_path: Path) -> None:
    touch(tmp_path, "x/y/a.png", "b_depth.jpg", "c-DepthMap.png", "unused.png", "notes.txt")
    assert laid(tmp_path, ["happy/a.jpg", "b.jpg", "sad/c.jpeg", "d.jpg"]) == {
        "happy/a.jpg": "x/y/a.png",
        "b.jpg": "b_depth.jpg",
        "sad/c.jpeg": "c-DepthMap.png",
    }


def test_folders_tell_maps_of_one_name_apart(tmp_path: Path) -> None:
    touch(tmp_path, "maps/happy/1.png", "maps/sad/1.png", "maps/sad/2.png")
    assert laid(tmp_path, ["happy/1.jpg", "sad/1.jpg", "fear/1.jpg", "happy/2.jpg", "sad/2.jpg"]) == {
        "happy/1.jpg": "maps/happy/1.png",
        "sad/1.jpg": "maps/sad/1.png",
        "sad/2.jpg": "maps/sad/2.png",
    }


@pytest.mark.parametrize(
    ("maps", "photos"),
    [
        (["depth/1.png", "normal/1.png"], ["happy/1.jpg"]),  # two candidates
        (["1.png"], ["happy/1.jpg", "sad/1.jpg"]),  # one map, two photos
        (["happy/1.png"], ["a/happy/1.jpg", "b/happy/1.jpg"]),
        (["a/happy/1.png", "b/happy/1.png"], ["happy/1.jpg", "sad/1.jpg"]),
        (["happy/1.png", "happy/1.jpg"], ["happy/1.jpg"]),
    ],
)
def test_maps_that_could_be_of_several_photos_are_refused(tmp_path: Path, maps: list[str], photos: list[str]) -> None:
    touch(tmp_path, *maps)
    with pytest.raises(DatasetError, match="cannot tell which depth map is whose") as caught:
        laid(tmp_path, photos)
    assert maps[0].split("/")[-1] in str(caught.value)


def test_a_tree_that_fits_nothing_is_refused(tmp_path: Path) -> None:
    touch(tmp_path, "a.png")
    with pytest.raises(DatasetError, match="none of its 1 images is named like one of the 1 photos"):
        laid(tmp_path, ["b.jpg"])
    with pytest.raises(DatasetError, match="is not a folder"):
        laid(tmp_path / "a.png", ["a.jpg"])


def test_depth_images_of_8_and_16_bits(tmp_path: Path) -> None:
    levels = np.array([[0, 51, 255]], np.uint8)
    deep = np.array([[0, 13107, 65535]], np.uint16)
    Image.fromarray(levels).save(tmp_path / "grey.png")
    Image.fromarray(deep).save(tmp_path / "deep.png")
    Image.fromarray(deep).save(tmp_path / "deep.tif")
    Image.fromarray(np.repeat(levels[..., None], 3, axis=2)).save(tmp_path / "rgb.png")
    Image.fromarray(levels).convert("P").save(tmp_path / "palette.png")
    for name in ("grey.png", "deep.png", "deep.tif", "rgb.png", "palette.png"):
        depth = read_depth_image(tmp_path / name)
        assert depth.dtype == np.float32
        np.testing.assert_allclose(depth, [[0, 0.2, 1]], atol=1e-6, err_msg=name)


def test_transparent_is_background(tmp_path: Path) -> None:
    Image.fromarray(np.array([[[99, 99, 99, 255], [250, 0, 7, 0]]], np.uint8)).save(tmp_path / "a.png")
    np.testing.assert_allclose(read_depth_image(tmp_path / "a.png"), [[99 / 255, 0]], atol=1e-6)


def test_a_replicated_grey_jpeg_is_depth(tmp_path: Path) -> None:
    ramp = np.tile(np.arange(64, dtype=np.uint8) * 4, (64, 1))
    Image.fromarray(np.repeat(ramp[..., None], 3, axis=2)).save(tmp_path / "a.jpg", quality=75)
    np.testing.assert_allclose(read_depth_image(tmp_path / "a.jpg"), ramp / 255, atol=0.05)


def test_what_is_no_depth_image_is_refused(tmp_path: Path) -> None:
    colour = np.zeros((8, 8, 3), np.uint8)
    colour[..., 2] = 255
    Image.fromarray(colour).save(tmp_path / "normal.png")
    Image.fromarray(np.ones((8, 8), np.float32)).save(tmp_path / "float.tif")
    Image.fromarray(np.full((8, 8), 70000, np.int32)).save(tmp_path / "wide.tif")
    (tmp_path / "text.png").write_text("no image")
    (tmp_path / "empty.png").touch()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8)).save(tmp_path / "whole.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "whole.png").read_bytes()[:2000])
    for name in ("normal.png", "float.tif", "wide.tif", "text.png", "empty.png", "cut.png", "absent.png"):
        with pytest.raises(DatasetError, match=name):
            read_depth_image(tmp_path / name)


def test_normals_of_a_tilted_plane() -> None:
    # z = 0.5 x - 0.25 y in pixels, so with y up the normal is (-0.5, -0.25, 1) made unit, at every pixel, borders too.
    y, x = np.mgrid[:20, :30].astype(np.float64)
    z = 0.5 * x - 0.25 * y + 10
    mask = (x - 15) ** 2 + (y - 10) ** 2 < 64
    normal = normals_from_depth(z / 40, mask, 40.0)
    expected = np.array([-0.5, -0.25, 1]) / np.sqrt(0.25 + 0.0625 + 1)
    np.testing.assert_allclose(normal[:, mask].T, np.tile(expected, (mask.sum(), 1)), atol=1e-5)
    assert normal.shape == (3, 20, 30)
    assert not normal[:, ~mask].any()


def test_normals_of_a_sphere() -> None:
    # With y up, the normal of a sphere is (x, -y, z) / radius: right of the centre it points right, below it down.
    radius, centre = 60.0, 64
    y, x = np.mgrid[:129, :129].astype(np.float64) - centre
    inside = x**2 + y**2 < (0.8 * radius) ** 2
    z = np.sqrt(np.maximum(radius**2 - x**2 - y**2, 0))
    normal = normals_from_depth((z / 200).astype(np.float32), inside, 200.0)
    away = inside & (x**2 + y**2 < (0.7 * radius) ** 2)
    cosine = (normal * np.stack([x, -y, z]) / radius).sum(axis=0)[away]
    assert np.degrees(np.arccos(np.minimum(cosine, 1))).max() < 0.2
    assert normal[0, centre, centre + 30] > 0.4
    assert normal[1, centre + 30, centre] < -0.4


def test_normals_of_lone_pixels_face_the_viewer() -> None:
    mask = np.eye(4, dtype=bool)
    normal = normals_from_depth(np.random.default_rng(0).random((4, 4)), mask, 100.0)
    np.testing.assert_array_equal(normal[:, mask], [[0] * 4, [0] * 4, [1] * 4])
