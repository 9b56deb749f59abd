"""Relief maps against closed forms: unit, range, holes, the mouth, and the pictures they are kept in."""

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facerelief.errors import DatasetError
from facerelief.geometry.depth_maps import (
    FAR,
    NEAR,
    GeometryMaps,
    load_depth,
    load_normal,
    polygon_mask,
    render_geometry,
    save_depth,
    save_normal,
)
from facerelief.geometry.mesh import FaceMesh

SIZE, UNIT, STEP = 128, 48.0, 4  # crop, inter-ocular distance of the landmarks, sides of the sheet's squares
Height = Callable[[np.ndarray, np.ndarray], np.ndarray]
Box = tuple[int, int, int, int]  # x0, y0, x1, y1


def cells(x0: int, y0: int, x1: int, y1: int) -> tuple[np.ndarray, np.ndarray]:
    """Upper left corners of the sheet's squares in a box."""
    column, row = np.meshgrid(np.arange(x0 // STEP, x1 // STEP), np.arange(y0 // STEP, y1 // STEP))
    return column.ravel(), row.ravel()


def sheet(
    height: Height, area: Box = (4, 4, 124, 124), holes: tuple[Box, ...] = (), lids: tuple[Box, ...] = ()
) -> FaceMesh:
    """z = height(x, y) over `area` without `holes`; `lids` belong to the mesh's closing triangles."""
    y, x = (axis.ravel().astype(float) for axis in np.mgrid[0 : SIZE + 1 : STEP, 0 : SIZE + 1 : STEP])
    across = SIZE // STEP + 1
    kind = np.full((across, across), -1)
    for value, boxes in ((0, (area,)), (-1, holes), (1, lids)):
        for box in boxes:
            column, row = cells(*box)
            kind[row, column] = value

    def triangles(value: int) -> np.ndarray:
        row, column = np.nonzero(kind == value)
        a = row * across + column
        b, c, d = a + 1, a + across, a + across + 1
        return np.concatenate([np.column_stack([a, c, b]), np.column_stack([b, c, d])])

    return FaceMesh(np.column_stack([x, y, height(x, y)]), triangles(0), triangles(1))


def plane(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return 0.5 * x - 0.25 * y + 100


def bowl(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return -((x - 64) ** 2 + (y - 64) ** 2) / 150


def centres() -> tuple[np.ndarray, np.ndarray]:
    row, column = np.mgrid[:SIZE, :SIZE] + 0.5
    return column, row


def encoded(z: np.ndarray) -> np.ndarray:
    """The depth of heights over the eyes in pixels."""
    return (z / UNIT - FAR) / (NEAR - FAR)


def inside(box: Box) -> np.ndarray:
    x, y = centres()
    return (x > box[0]) & (x < box[2]) & (y > box[1]) & (y < box[3])


def test_depth_is_z_over_the_inter_ocular_distance_in_a_fixed_range(landmarks: np.ndarray) -> None:
    relief = render_geometry(sheet(plane), landmarks, SIZE)
    x, y = centres()
    expected = encoded(0.5 * (x - 64.5) - 0.25 * (y - 48.5))  # zero in the middle of the four corners
    face = inside((4, 4, 124, 124))
    np.testing.assert_array_equal(relief.mask, face)
    np.testing.assert_array_equal(relief.measured, face)
    np.testing.assert_allclose(relief.depth[face], expected[face], atol=1e-6)
    assert not relief.depth[~face].any()
    assert not relief.normal[:, ~face].any()
    normal = np.array([-0.5, -0.25, 1]) / np.linalg.norm([0.5, 0.25, 1])  # the sheet rises to the right and upwards
    np.testing.assert_allclose(relief.normal[:, face].T, np.tile(normal, (face.sum(), 1)), atol=1e-6)
    assert relief.depth.dtype == relief.normal.dtype == np.float32


def test_the_unit_is_the_distance_in_space_and_zero_the_surface_not_the_landmarks(landmarks: np.ndarray) -> None:
    flat = render_geometry(sheet(lambda x, y: 7 + 0 * x), landmarks, SIZE)
    assert flat.depth[64, 64] == pytest.approx(-FAR / (NEAR - FAR))
    turned = landmarks.copy()  # the eyes 48 pixels apart in space, 48 * 0.6 of them towards the viewer
    turned[:, 0] = 64 + (landmarks[:, 0] - 64) * 0.8
    turned[:, 2] = 500 + (landmarks[:, 0] - 64) * 0.6
    relief = render_geometry(sheet(bowl), turned, SIZE)
    scaled = render_geometry(sheet(bowl), landmarks, SIZE)
    difference = (relief.depth - scaled.depth)[relief.mask]
    assert np.ptp(difference) < 1e-6  # the unit is the same, only the zero moved with the corners


def test_depth_is_kept_in_range_and_a_face_is_never_background(landmarks: np.ndarray) -> None:
    relief = render_geometry(sheet(lambda x, y: 10 * (x - 64.5)), landmarks, SIZE)
    assert relief.depth[64, 120] == 1
    assert relief.depth[64, 8] == np.float32(1 / 65535)
    assert (relief.depth[relief.mask] > 0).all()


def test_zero_is_taken_from_the_corners_in_sight(landmarks: np.ndarray) -> None:
    x, _ = centres()
    slope: Height = lambda x, y: 0.5 * x  # noqa: E731
    half = render_geometry(sheet(slope, area=(4, 4, 60, 124)), landmarks, SIZE)  # corners at 28.5 and 52.5
    np.testing.assert_allclose(half.depth[half.mask], encoded(0.5 * (x - 40.5))[half.mask], atol=1e-6)
    below = render_geometry(
        sheet(slope, area=(48, 100, 80, 124)), landmarks, SIZE
    )  # none; the nearest pixel is straight below
    np.testing.assert_allclose(below.depth[below.mask], encoded(0.5 * (x - 64))[below.mask], atol=0.5 / UNIT)


@pytest.mark.parametrize("box", [(32, 60, 44, 76), (60, 8, 96, 20)])
def test_a_hole_is_filled_by_interpolation(landmarks: np.ndarray, box: Box) -> None:
    whole, holed = (render_geometry(sheet(plane, holes=holes), landmarks, SIZE) for holes in ((), (box,)))
    np.testing.assert_array_equal(holed.mask, whole.mask)
    np.testing.assert_array_equal(holed.measured, whole.mask & ~inside(box))
    np.testing.assert_allclose(holed.depth, whole.depth, atol=1e-6)  # a plane is met exactly
    np.testing.assert_allclose(holed.normal, whole.normal, atol=1e-6)


def test_a_hole_in_a_curved_surface_is_filled_smoothly(landmarks: np.ndarray) -> None:
    box = (52, 56, 68, 72)
    whole, holed = (render_geometry(sheet(bowl, holes=holes), landmarks, SIZE) for holes in ((), (box,)))
    pixels = np.abs(holed.depth - whole.depth)[inside(box)] * (NEAR - FAR) * UNIT
    assert pixels.max() < 0.15  # linear interpolation across the hole would miss by 8^2 / 150 = 0.43
    np.testing.assert_allclose(np.linalg.norm(holed.normal, axis=0)[holed.mask], 1, atol=1e-6)


def test_a_bay_in_the_outline_is_no_hole(landmarks: np.ndarray) -> None:
    box = (4, 60, 20, 76)
    assert not render_geometry(sheet(plane, holes=(box,)), landmarks, SIZE).mask[inside(box)].any()


def test_an_open_mouth_stays_open_and_a_hole_beside_it_does_not(landmarks: np.ndarray) -> None:
    mouth, hole = (56, 92, 72, 100), (88, 92, 100, 104)
    relief = render_geometry(sheet(plane, holes=(mouth, hole)), landmarks, SIZE)
    assert not relief.mask[inside(mouth)].any()
    assert not relief.depth[inside(mouth)].any()
    assert not relief.normal[:, inside(mouth)].any()
    assert relief.mask[inside(hole)].all()
    assert render_geometry(sheet(plane), landmarks, SIZE).mask[inside(mouth)].all()  # what the mesh covers is face


def test_closed_eyes_are_face_but_not_measured(landmarks: np.ndarray) -> None:
    eye = (32, 44, 48, 52)
    relief = render_geometry(sheet(plane, lids=(eye,)), landmarks, SIZE)
    whole = render_geometry(sheet(plane), landmarks, SIZE)
    np.testing.assert_array_equal(relief.mask, whole.mask)
    np.testing.assert_array_equal(relief.measured, whole.mask & ~inside(eye))
    np.testing.assert_allclose(relief.depth, whole.depth, atol=1e-6)


@pytest.mark.parametrize("offset", [None, 1000.0])
def test_an_empty_mesh_or_one_out_of_the_frame_is_all_background(landmarks: np.ndarray, offset: float | None) -> None:
    mesh = FaceMesh(np.zeros((0, 3)), np.zeros((0, 3), dtype=np.int64))
    if offset is not None:
        whole = sheet(plane)
        mesh = FaceMesh(whole.vertices + offset, whole.triangles)
    relief = render_geometry(mesh, landmarks, SIZE)
    for name in ("depth", "normal", "mask", "measured"):
        assert not getattr(relief, name).any(), name
    assert relief.normal.shape == (3, SIZE, SIZE)


def test_both_backends_give_the_same_relief(landmarks: np.ndarray, hemisphere: FaceMesh) -> None:
    pytest.importorskip("numba", reason="numba is optional")
    one, other = (render_geometry(hemisphere, landmarks, SIZE, backend=name) for name in ("numpy", "numba"))
    for name in ("depth", "normal", "mask", "measured"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_a_polygon_holds_the_pixels_inside_it() -> None:
    points = np.array([(10.0, 8.0), (30.0, 8.0), (30.0, 20.0), (10.0, 20.0)])
    row, column = np.mgrid[:40, :40] + 0.5
    found = polygon_mask(points, 40)
    assert found[(column > 10) & (column < 30) & (row > 8) & (row < 20)].all()
    assert not found[(column < 9) | (column > 31) | (row < 7) | (row > 21)].any()


# --- pictures ---


def test_depth_pictures_keep_16_bits(tmp_path: Path) -> None:
    path = tmp_path / "d.png"
    depth = np.random.default_rng(0).random((20, 30)).astype(np.float32)
    depth[0, :4] = (0, 1 / 65535, 0.5, 1)
    save_depth(path, depth)
    with Image.open(path) as image:
        assert image.mode == "I;16"
        assert image.getpixel((3, 0)) == 65535
    loaded = load_depth(path)
    assert loaded.dtype == np.float32
    assert np.abs(loaded - depth).max() <= 0.5 / 65535 + 1e-7
    assert loaded[0, 0] == 0
    assert loaded[0, 1] > 0
    assert loaded[0, 3] == 1


def test_normal_pictures_keep_the_direction(tmp_path: Path) -> None:
    path = tmp_path / "n.png"
    normal = np.random.default_rng(0).normal(size=(3, 40, 30))
    normal[2] = np.abs(normal[2])
    normal /= np.linalg.norm(normal, axis=0)
    normal[:, :5] = 0
    save_normal(path, normal.astype(np.float32))
    with Image.open(path) as image:
        assert image.mode == "RGB"
        assert image.getpixel((0, 0)) == (128, 128, 128)
    loaded = load_normal(path)
    assert loaded.dtype == np.float32
    assert not loaded[:, :5].any()
    cosine = (loaded * normal)[:, 5:].sum(axis=0)
    assert np.degrees(np.arccos(np.minimum(cosine, 1))).max() < 0.4  # half a level in each of three axes
    np.testing.assert_allclose(np.linalg.norm(loaded[:, 5:], axis=0), 1, atol=1e-6)


def refused(load: Callable[[Path], object], path: Path) -> None:
    with pytest.raises(DatasetError) as caught:
        load(path)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    assert "build the dataset again" in message


def test_pictures_of_another_kind_are_refused(tmp_path: Path) -> None:
    level, path = np.zeros((4, 4), np.uint8), tmp_path / "a.png"
    for pixels in (level, level.astype(bool), np.zeros((4, 4, 3), np.uint8)):
        Image.fromarray(pixels).save(path)
        refused(load_depth, path)
    for pixels in (level, level.astype(np.uint16), np.zeros((4, 4, 4), np.uint8)):
        Image.fromarray(pixels).save(path)
        refused(load_normal, path)


@pytest.mark.parametrize("load", [load_depth, load_normal])
def test_damaged_pictures_are_refused(tmp_path: Path, load: Callable[[Path], object]) -> None:
    save_depth(tmp_path / "d.png", np.random.default_rng(0).random((64, 64)))
    save_normal(tmp_path / "n.png", np.random.default_rng(0).random((3, 64, 64)))
    whole = (tmp_path / ("d.png" if load is load_depth else "n.png")).read_bytes()
    assert whole[12:16] == b"IHDR"
    short = struct.pack(">I", 4) + b"IHDR" + whole[16:20] + struct.pack(">I", zlib.crc32(b"IHDR" + whole[16:20]))
    end = whole.index(b"IDAT") + 40
    damages = {
        "absent": None,
        "empty": b"",
        "text": b"not a picture",
        "cut": whole[: len(whole) // 2],
        "header cut": whole[:20],
        "short header": whole[:8] + short + whole[33:],
        "no chunk": whole[:33] + b"\0\0\0\x04\x03\x04\x05\x06" + whole[41:],
        "pixels": whole[:end] + bytes(200) + whole[end + 200 :],
    }
    for name, data in damages.items():
        path = tmp_path / f"{name}.png"
        if data is not None:
            path.write_bytes(data)
        refused(load, path)


def test_a_relief_survives_its_pictures(tmp_path: Path, landmarks: np.ndarray, hemisphere: FaceMesh) -> None:
    relief: GeometryMaps = render_geometry(hemisphere, landmarks, SIZE)
    save_depth(tmp_path / "d.png", relief.depth)
    save_normal(tmp_path / "n.png", relief.normal)
    np.testing.assert_array_equal(load_depth(tmp_path / "d.png") > 0, relief.mask)
    np.testing.assert_array_equal(load_normal(tmp_path / "n.png").any(axis=0), relief.mask)
