"""One photo to one sample: what is written, against the render of the stored mesh, and what is refused."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from photos import variant
from PIL import Image

from facerelief.data.extract import FOLDERS, ExtractionTask, Extractor, Recipe, fingerprint, sharpness
from facerelief.data.manifest import Reject, Sample
from facerelief.data.sources.labelled import Labelled
from facerelief.faces.alignment import Crop
from facerelief.geometry.depth_maps import load_depth, load_normal, render_geometry
from facerelief.geometry.mesh import FaceMesh
from facerelief.geometry.topology import eye_triangles, face_triangles
from facerelief.photos.photo import read_photo

Extract = Callable[..., Sample | Reject]
CENTRE = [33, 133, 263, 362, 1, 2, 6, 61, 291, 13, 14, 168]  # landmarks well inside of the face


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("dataset")
    for name in FOLDERS:
        (root / name).mkdir()
    return root


@pytest.fixture(scope="module")
def extractor(dataset: Path) -> Extractor:
    return Extractor(Recipe(), dataset)


@pytest.fixture
def extract(tmp_path: Path, extractor: Extractor) -> Extract:
    """Extracts a picture, saved as PNG, or a file's bytes."""

    def run(
        picture: Image.Image | bytes,
        overlay: Path | None = None,
        box: tuple[float, float, float, float] | None = None,
        by: Extractor = extractor,
    ) -> Sample | Reject:
        photo = tmp_path / "photo.png"
        if isinstance(picture, bytes):
            photo.write_bytes(picture)
        else:
            picture.save(photo)
        labelled = Labelled(photo, "happiness", "Ada", box)
        return by(ExtractionTask(labelled, f"happy/{tmp_path.name}.png", "val", overlay))

    return run


def two_heads(left: int, right: int) -> Image.Image:
    """Two heads, their squares of so many pixels, side by side."""
    canvas = Image.new("RGB", (500, 300), (120, 130, 140))
    canvas.paste(variant(3, 230).resize((left, left)), (10, 20))
    canvas.paste(variant(4, 230).resize((right, right)), (270, 20))
    return canvas


def grey_map(path: Path, size: int = 256) -> Path:
    """A cone that points to the viewer, 8-bit, black around it."""
    rows, columns = np.mgrid[:size, :size] - size / 2
    Image.fromarray(np.clip(220 - 1.6 * np.hypot(rows, columns), 0, 255).astype(np.uint8)).save(path)
    return path


# -- what is written ------------------------------------------------------------------------------------------------


def test_a_sample_and_its_files(extract: Extract, dataset: Path) -> None:
    sample = extract(variant(0))
    assert isinstance(sample, Sample)
    assert (sample.expression, sample.identity, sample.split) == ("happiness", "Ada", "val")
    assert sample.faces == 1
    assert max(abs(sample.yaw), abs(sample.pitch), abs(sample.roll)) < 30
    assert 90 < sample.face_size < 150
    assert sample.chroma > 10
    assert (sample.quality, sample.keep, sample.reasons) == (1.0, True, "")
    names = [sample.file_name, sample.depth_file_name, sample.normal_file_name, sample.mask_file_name, sample.mesh]
    assert [Path(name).parent.name for name in names] == ["rgb", "depth", "normal", "mask", "mesh"]
    assert len({Path(name).stem for name in names}) == 1
    modes = {"rgb": "RGB", "depth": "I;16", "normal": "RGB", "mask": "L"}
    for name in names[:4]:
        with Image.open(dataset / name) as image:
            assert (image.size, image.mode) == ((256, 256), modes[Path(name).parent.name])


def test_the_maps_are_the_stored_meshs(extract: Extract, dataset: Path) -> None:
    sample = extract(variant(1))
    assert isinstance(sample, Sample)
    with np.load(dataset / sample.mesh) as arrays:
        vertices, landmarks = arrays["vertices"].astype(float), arrays["landmarks"].astype(float)
    mesh = FaceMesh(vertices, face_triangles(), eye_triangles())
    relief = render_geometry(mesh, landmarks, 256, backend="numpy")
    mask = np.asarray(Image.open(dataset / sample.mask_file_name))
    assert set(np.unique(mask)) == {0, 128, 255}
    # The stored vertices are rounded to float32, which may move a pixel of the edge.
    assert np.mean((mask > 0) != relief.mask) < 1e-4
    assert np.mean((mask == 255) != relief.measured) < 1e-3
    both = (mask > 0) & relief.mask
    depth, normal = load_depth(dataset / sample.depth_file_name), load_normal(dataset / sample.normal_file_name)
    assert np.abs(depth - relief.depth)[both].max() < 0.005
    assert np.abs(depth - relief.depth)[both].mean() < 2e-5
    assert (normal * relief.normal).sum(axis=0)[both].min() > 0.98
    assert not depth[mask == 0].any()
    assert not normal[:, mask == 0].any()


def test_the_stored_matrix_cuts_the_stored_crop(extract: Extract, dataset: Path, tmp_path: Path) -> None:
    sample = extract(variant(2))
    assert isinstance(sample, Sample)
    with np.load(dataset / sample.mesh) as arrays:
        crop, landmarks = Crop(arrays["matrix"], 256), arrays["landmarks"]
    cut = crop.cut(read_photo(tmp_path / "photo.png").rgb)
    np.testing.assert_array_equal(cut, np.asarray(Image.open(dataset / sample.file_name)))
    eyes = landmarks[[33, 133]].mean(axis=0), landmarks[[263, 362]].mean(axis=0)
    assert abs(eyes[1][1] - eyes[0][1]) < 4  # level, and a third of the crop apart
    assert eyes[1][0] - eyes[0][0] == pytest.approx(0.33 * 256, rel=0.1)


def test_the_mesh_file_tells_the_photos_width_and_height(extract: Extract, dataset: Path) -> None:
    sample = extract(variant(2).crop((0, 0, 200, 256)))
    assert isinstance(sample, Sample)
    with np.load(dataset / sample.mesh) as arrays:
        assert arrays["photo_size"].tolist() == [200, 256]
        right, _ = Crop(arrays["matrix"], 256).to_photo(np.array([(256.0, 128.0)]))[0]
    assert right > 200  # so that what the crop shows beyond the photo can be told


def test_a_second_time_gives_the_same_bytes(extract: Extract, dataset: Path, tmp_path: Path) -> None:
    first = extract(variant(5))
    assert isinstance(first, Sample)
    files = [dataset / name for name in (first.file_name, first.depth_file_name, first.normal_file_name, first.mesh)]
    before = [file.read_bytes() for file in files]
    assert extract(variant(5)) == first
    assert [file.read_bytes() for file in files] == before


def test_the_same_name_in_two_folders_gives_two_samples(extractor: Extractor, tmp_path: Path) -> None:
    variant(0).save(tmp_path / "photo.png")
    labelled = Labelled(tmp_path / "photo.png", "fear", "Ada")
    names = set()
    for source in ("a/Zoë [1].png", "b/Zoë [1].png"):
        row = extractor(ExtractionTask(labelled, source, "train"))
        assert isinstance(row, Sample)
        names.add(row.file_name)
    assert len(names) == 2
    assert all(name.startswith("rgb/Zoë__1_-") for name in names)


# -- scores ---------------------------------------------------------------------------------------------------------


def test_coverage_tells_how_much_of_the_face_the_photo_shows(extract: Extract) -> None:
    whole, cut_off = extract(variant(0)), extract(variant(0).crop((0, 0, 145, 256)))
    assert isinstance(whole, Sample)
    assert isinstance(cut_off, Sample)
    assert whole.coverage == 1.0
    assert 0.4 < cut_off.coverage < 0.9


def test_chroma_tells_grey_photos(extract: Extract) -> None:
    grey = extract(variant(0, grey=True))
    assert isinstance(grey, Sample)
    assert grey.chroma == 0.0


def test_sharpness_of_pictures_worked_out_by_hand() -> None:
    columns = np.arange(64)
    stripes = np.broadcast_to((columns % 2 * 100)[None, :, None], (64, 64, 3)).astype(np.uint8)
    # Laplacian of stripes of 0 and 100: -200 and 200, deviation 200; the luma's is 50.
    assert sharpness(stripes) == pytest.approx(4.0)
    ramp = np.broadcast_to((columns * 4)[None, :, None], (64, 64, 3)).astype(np.uint8)
    assert sharpness(ramp) == pytest.approx(0.0, abs=1e-9)
    assert sharpness(np.full((64, 64, 3), 7, np.uint8)) == 0.0


def test_sharpness_falls_with_blur_and_not_with_contrast() -> None:
    picture = variant(0)
    sharp = sharpness(np.asarray(picture))
    small = picture.resize((64, 64), Image.Resampling.BOX).resize((256, 256), Image.Resampling.BICUBIC)
    assert sharpness(np.asarray(small)) < 0.5 * sharp
    assert sharpness(np.asarray(picture) // 2) == pytest.approx(sharp, rel=0.1)


def test_fingerprints_of_pictures_worked_out_by_hand() -> None:
    rising = np.broadcast_to(np.arange(0, 252, 7)[None, :, None], (32, 36, 3)).astype(np.uint8)
    assert fingerprint(rising) == "f" * 16
    assert fingerprint(rising[:, ::-1]) == "0" * 16
    upper = np.concatenate([rising[:16], rising[16:, ::-1]])
    assert fingerprint(upper) == "f" * 8 + "0" * 8


def test_fingerprints_hardly_change_with_light_and_compression() -> None:
    def bits(picture: Image.Image) -> int:
        return int(fingerprint(np.asarray(picture)), 16)

    picture = variant(0)
    darker = Image.fromarray((np.asarray(picture) * 0.8).astype(np.uint8))
    assert (bits(picture) ^ bits(darker)).bit_count() <= 3
    assert (bits(picture) ^ bits(variant(9))).bit_count() > 10


# -- which face -----------------------------------------------------------------------------------------------------


def test_the_largest_face_is_taken_and_all_are_counted(extract: Extract) -> None:
    sample = extract(two_heads(140, 230))
    assert isinstance(sample, Sample)
    assert sample.faces == 2
    assert sample.face_size > 90


def test_the_publishers_box_chooses_the_face(extract: Extract) -> None:
    sample = extract(two_heads(140, 230), box=(0, 0, 170, 200))
    assert isinstance(sample, Sample)
    assert sample.face_size < 80
    aside = extract(two_heads(140, 230), box=(180, 250, 200, 290))  # around nobody
    assert isinstance(aside, Sample)
    assert aside.face_size > 90


# -- depth maps of others -------------------------------------------------------------------------------------------


def test_a_published_depth_map_takes_the_place_of_ours(extract: Extract, dataset: Path, tmp_path: Path) -> None:
    sample = extract(variant(6), overlay=grey_map(tmp_path / "cone.png"))
    assert isinstance(sample, Sample)
    depth, normal = load_depth(dataset / sample.depth_file_name), load_normal(dataset / sample.normal_file_name)
    assert depth[128, 128] == pytest.approx(220 / 255, abs=0.02)
    assert depth[128, 178] == pytest.approx((220 - 80) / 255, abs=0.01)
    assert depth[2, 2] == 0
    assert normal[0, 128, 178] > 0.3  # the cone's right side looks right, its upper side up
    assert normal[0, 128, 78] < -0.3
    assert normal[1, 78, 128] > 0.3
    mask = np.asarray(Image.open(dataset / sample.mask_file_name))
    np.testing.assert_array_equal(mask > 0, depth > 0.5 / 255)


def test_a_depth_map_of_another_size_is_brought_to_the_crop(extract: Extract, dataset: Path, tmp_path: Path) -> None:
    sample = extract(variant(6), overlay=grey_map(tmp_path / "cone.png", 128))
    assert isinstance(sample, Sample)
    depth = load_depth(dataset / sample.depth_file_name)
    assert depth.shape == (256, 256)
    for row, column, away in ((128, 128, 0.0), (128, 178, 25.0), (2, 2, 63 * math.sqrt(2))):
        assert depth[row, column] == pytest.approx((220 - 1.6 * away) / 255, abs=0.02)


# -- rejects --------------------------------------------------------------------------------------------------------


def whole_jpeg(tmp_path: Path) -> bytes:
    variant(0).save(tmp_path / "whole.jpg")
    return (tmp_path / "whole.jpg").read_bytes()


def test_unreadable_photos(extract: Extract, tmp_path: Path) -> None:
    contents = {"empty": b"", "not an image": b"hello " * 50, "truncated": whole_jpeg(tmp_path)[:-3000]}
    for detail, content in contents.items():
        reject = extract(content)
        assert isinstance(reject, Reject)
        assert (reject.reason, reject.expression, reject.identity) == ("unreadable", "happiness", "Ada")
        assert reject.detail.startswith("is ")
        assert detail in reject.detail
        assert str(tmp_path) not in reject.detail  # the row's source names the photo


def test_photos_without_a_usable_face(extract: Extract) -> None:
    blank = extract(Image.new("RGB", (200, 200), "gray"))
    assert isinstance(blank, Reject)
    assert (blank.reason, blank.detail) == ("no usable face", "no face found")
    tiny = extract(variant(0, 48))
    assert isinstance(tiny, Reject)
    assert tiny.reason == "no usable face"
    assert tiny.detail.endswith("pixels large, 24 are needed")


def test_photos_without_geometry(extract: Extract, dataset: Path, tmp_path: Path) -> None:
    variant(0).save(tmp_path / "colour.png")
    Image.new("L", (256, 256)).save(tmp_path / "black.png")
    (tmp_path / "meshes").mkdir()
    meshless = Extractor(
        Recipe(reconstructor="meshfile", reconstructor_options={"folder": tmp_path / "meshes"}), dataset
    )
    rows = {
        "is a colour picture, not a depth map": extract(variant(0), overlay=tmp_path / "colour.png"),
        "covers less than a twentieth of the crop": extract(variant(0), overlay=tmp_path / "black.png"),
        "no mesh photo": extract(variant(0), by=meshless),
    }
    for detail, row in rows.items():
        assert isinstance(row, Reject)
        assert row.reason == "no geometry"
        assert detail in row.detail
