"""`facerelief edit | demo --method`: which editor does it, by the method's name or by what the weights are for."""

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from edits import around
from photos import astronaut
from PIL import Image

from facerelief.editing import Editor, load_editor
from facerelief.editing.jobs import photo_job as files_module
from facerelief.expressions import EXPRESSIONS
from facerelief.faces import detector
from facerelief.faces.detector import Face, LandmarkFinder
from facerelief.geometry.morphable.model import FACE_FILE, carried_face, load_face, save_face
from facerelief.photos.photo import read_mark, read_photo

Command = Callable
Refused = Callable[..., str]


@pytest.fixture(autouse=True)
def _one_finder(finder: LandmarkFinder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Loaded once, since that takes longer than an edit."""
    for module in (files_module, detector):
        monkeypatch.setattr(module, "load_finder", lambda **_: finder)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A small portrait, which the finder knows well."""
    path = tmp_path / "photos" / "me.png"
    path.parent.mkdir()
    Image.fromarray(astronaut()[:230, 110:340]).save(path)
    return path


@pytest.fixture(scope="module")
def weak(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a face of one's own: the package's, with half as strong expressions."""
    folder, face = tmp_path_factory.mktemp("faces") / "weak", load_face()
    halved = {name: getattr(face, name) / 2 for name in ("amounts", "texture_classes")}
    save_face(folder / FACE_FILE, dataclasses.replace(face, **halved), {})
    return folder


@pytest.fixture
def edited(command: Command, photo: Path) -> Callable[..., np.ndarray]:
    """Edits the photo; returns its pixels, without a mark in them."""

    def run(*options: object, to: str = "happy") -> np.ndarray:
        target = photo.with_name("edited.png")
        result = command("edit", photo, "--to", to, "-o", target, "--no-provenance", "--overwrite", *options)
        assert (result.code, result.err, result.out) == (0, "", f"{target}\n")
        return read_photo(target).rgb

    return run


def by_python(editor: Editor, photo: Path, finder: LandmarkFinder) -> np.ndarray:
    source = read_photo(photo)
    return editor(source, "happiness", faces=finder(source.rgb)).photo.rgb


def assert_same_network(one: np.ndarray, other: np.ndarray) -> None:
    """A network's last bits, and so what is rounded, may differ from call to call."""
    assert np.abs(one.astype(int) - other).max() <= 1


def amount(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one.astype(float) - other).mean())


# -- whose edit it is -----------------------------------------------------------------------------------------------


def test_a_method_by_its_name_is_pythons(
    edited: Callable[..., np.ndarray], photo: Path, weights: Path, finder: LandmarkFinder
) -> None:
    drawn, painted = edited("--method", "morphable"), edited("--method", "stargan", "--weights", weights)
    np.testing.assert_array_equal(drawn, by_python(load_editor(method="morphable"), photo, finder))
    assert_same_network(painted, by_python(load_editor(weights, method="stargan"), photo, finder))
    assert amount(drawn, painted) > 1
    np.testing.assert_array_equal(edited(), drawn)  # who names none
    assert_same_network(edited("--method", "relief"), by_python(load_editor(method="relief"), photo, finder))
    assert_same_network(edited("--weights", weights), painted)


def test_the_packages_network(edited: Callable[..., np.ndarray], photo: Path, finder: LandmarkFinder) -> None:
    result = edited("--method", "stargan")
    assert_same_network(result, by_python(load_editor(method="stargan"), photo, finder))
    assert amount(result, edited("--method", "morphable")) > 1


def test_weights_tell_the_method(edited: Callable[..., np.ndarray], photo: Path, weights: Path, weak: Path) -> None:
    """A folder or a file, of a run or of a face, whatever the file is called."""
    own = edited("--method", "morphable", "--weights", weak)
    renamed = photo.with_name("mine.safetensors")
    shutil.copy(weak / FACE_FILE, renamed)
    for place in (weak, weak / FACE_FILE, renamed):
        np.testing.assert_array_equal(edited("--weights", place), own)
    run = edited("--method", "stargan", "--weights", weights)
    assert_same_network(edited("--weights", weights.parent), run)
    shutil.copy(weights, renamed)
    assert_same_network(edited("--weights", renamed), run)
    np.testing.assert_array_equal(edited("--weights", carried_face()), edited("--method", "morphable"))


def test_a_weaker_face_edits_less(edited: Callable[..., np.ndarray], photo: Path, weak: Path) -> None:
    before = read_photo(photo).rgb
    full = amount(edited("--method", "morphable", to="surprise"), before)
    assert 0.1 * full < amount(edited("--weights", weak, to="surprise"), before) < 0.9 * full


# -- what comes of it -----------------------------------------------------------------------------------------------


def test_all_eight_expressions_with_depth(command: Command, photo: Path, finder: LandmarkFinder) -> None:
    """The edited face is still a face, in the same place; what is far from it stays, and so does the photo itself."""
    before = photo.read_bytes()
    result = command("edit", photo, "--to", "all", "--method", "morphable", "--save-depth", "-o", photo.parent)
    assert (result.code, result.err) == (0, "")
    kinds = ("", "-depth-before", "-depth-after")
    written = {f"me-{name}{kind}.png" for name in EXPRESSIONS for kind in kinds}
    assert {path.name for path in photo.parent.glob("*.png")} == {"me.png", *written}
    assert {Path(line).name for line in result.out.splitlines()} == written
    assert photo.read_bytes() == before
    source = read_photo(photo).rgb
    (face,) = finder(source)
    region = around([face, Face(face.landmarks + np.float32((0, face.size / 8, 0)))], source.shape)
    for name in EXPRESSIONS:
        edited = read_photo(photo.with_name(f"me-{name}.png")).rgb
        assert edited.shape == source.shape
        assert amount(edited[region], source[region]) > 1
        assert (edited == source)[~region].mean() > 0.6
        depths = [read_photo(photo.with_name(f"me-{name}{kind}.png")).rgb for kind in kinds[1:]]
        assert amount(*depths) > 0.2
    mark = read_mark(photo.with_name("me-contempt.png"))
    assert mark is not None
    assert mark.description == "facial expression edited to contempt"


def test_a_demo_by_each_method(command: Command, photo: Path, weights: Path, tmp_path: Path) -> None:
    for method, names in (("morphable", EXPRESSIONS), ("stargan", ("neutral", "happiness", "surprise"))):
        options = ("--weights", weights) if method == "stargan" else ()
        folder = tmp_path / method
        result = command("demo", photo, "-o", folder, "--method", method, *options)
        assert (result.code, result.err) == (0, "Next: facerelief edit YOUR_PHOTO --to happiness\n")
        assert {path.name for path in folder.glob("*.png")} == {"demo.png", *(f"{name}.png" for name in names)}
        with Image.open(folder / "demo.png") as sheet:
            assert sheet.width == 34 + (1 + len(names)) * 264
        assert amount(read_photo(folder / "surprise.png").rgb, read_photo(photo).rgb) > 1  # she smiles already


# -- what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["edit", "demo"])
def test_methods_and_weights_that_do_not_go_together(
    refused: Refused, photo: Path, weights: Path, weak: Path, tmp_path: Path, verb: str
) -> None:
    arguments = (photo, "--to", "happy") if verb == "edit" else (photo,)
    editor, face = "is facerelief-editor, not facerelief-face", "is facerelief-face, not facerelief-editor"
    lines: list[tuple[tuple[object, ...], str]] = [
        (("--method", "3dmm"), "no method '3dmm'; choose from morphable, relief, stargan"),
        (("--method", "morphable", "--weights", weights), f"{weights} {editor}; name another file"),
        (("--method", "stargan", "--weights", weak / FACE_FILE), f"{weak / FACE_FILE} {face}; name another file"),
        (("--method", "stargan", "--weights", weak), f"no weights at {weak / 'weights.safetensors'}; name a run"),
        (
            ("--method", "morphable", "--weights", weights.parent),
            f"no weights at {weights.parent / FACE_FILE}; name a run",
        ),
        (("--weights", tmp_path), f"no weights at {tmp_path / 'weights.safetensors'}; name a run folder"),
    ]
    for options, message in lines:
        assert refused(verb, *arguments, "-o", tmp_path / "out", *options).startswith(message)


def test_a_face_that_is_damaged(refused: Refused, photo: Path, weak: Path) -> None:
    """In its folder it is known by its name, so that it is not taken for a run."""
    damaged = photo.parent / "face" / FACE_FILE
    damaged.parent.mkdir()
    damaged.write_bytes((weak / FACE_FILE).read_bytes()[:5000])
    for place in (damaged, damaged.parent):
        line = refused("edit", photo, "--to", "happy", "--weights", place)
        assert (
            line
            == f"{damaged} is damaged or not a safetensors file; only whole .safetensors files of facerelief are read"
        )


def test_a_photo_without_a_face(refused: Refused, tmp_path: Path) -> None:
    Image.new("RGB", (200, 200), "teal").save(tmp_path / "wall.png")
    line = refused("edit", tmp_path / "wall.png", "--to", "fear", "--method", "morphable")
    assert line == f"{tmp_path / 'wall.png'}: no face found; use a photo with a face seen from the front"
