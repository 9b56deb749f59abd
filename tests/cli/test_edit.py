"""`facerelief edit` and `demo`: where edits go, what they keep of the photo, and batches."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from edits import around, changed, faces_at
from photos import astronaut
from PIL import Image, ImageCms

from facerelief.editing.jobs import photo_job as files_module
from facerelief.errors import NoFaceFound
from facerelief.faces.detector import load_finder
from facerelief.files.ownership import OWNERSHIP_JOURNAL
from facerelief.photos.photo import Photo, read_mark, read_photo, save_photo

Command = Callable
PORTRAIT = Image.fromarray(astronaut())


# -- where edits go -------------------------------------------------------------------------------------------------


def test_one_photo_to_one_expression(command: Command, portrait_jpg: Path, weights: Path) -> None:
    before = portrait_jpg.read_bytes()
    result = command("edit", portrait_jpg, "--to", "happy", "--weights", weights)
    assert (result.code, result.err) == (0, "")
    edited = portrait_jpg.with_name("me-happiness-tiny.jpg")
    assert result.out.splitlines() == [str(edited)]
    assert portrait_jpg.read_bytes() == before
    assert sorted(path.name for path in portrait_jpg.parent.iterdir()) == [
        OWNERSHIP_JOURNAL,
        "me-happiness-tiny.jpg",
        "me.jpg",
    ]
    assert read_photo(edited).rgb.shape == (512, 512, 3)


def test_the_same_as_a_program(program: Command, command: Command, portrait_jpg: Path, weights: Path) -> None:
    """And with nothing but the result on the screen."""
    arguments = ("edit", portrait_jpg, "--to", "happy", "--weights", weights, "-o")
    result = program(*arguments, portrait_jpg.with_name("program.png"))
    assert (result.code, result.err) == (0, "")
    assert result.out == f"{portrait_jpg.with_name('program.png')}\n"
    command(*arguments, portrait_jpg.with_name("here.png"))
    program_made, made_here = (read_photo(portrait_jpg.with_name(name)).rgb for name in ("program.png", "here.png"))
    difference = program_made.astype(int) - made_here
    assert np.abs(difference).max() <= 1  # convolutions may round differently in another process


@pytest.mark.parametrize(
    ("options", "written"),
    [
        (["--to", "all"], ["me-happiness-tiny.jpg", "me-neutral-tiny.jpg", "me-surprise-tiny.jpg"]),
        (["--to", "surprised, Happy,happy"], ["me-happiness-tiny.jpg", "me-surprise-tiny.jpg"]),
        (["--to", "happy", "-o", "out"], ["out/me-happiness-tiny.jpg"]),
        (["--to", "happy,neutral", "-o", "a/b.2"], ["a/b.2/me-happiness-tiny.jpg", "a/b.2/me-neutral-tiny.jpg"]),
        (["--to", "happy", "-o", "new/smile.WEBP"], ["new/smile.WEBP"]),
        (
            ["--to", "happy", "--save-depth", "-o", "smile.tif"],
            ["smile-depth-after.png", "smile-depth-before.png", "smile.tif"],
        ),
    ],
)
def test_names_of_what_is_written(
    command: Command,
    portrait_jpg: Path,
    weights: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    written: list[str],
) -> None:
    monkeypatch.chdir(portrait_jpg.parent)
    monkeypatch.setattr(files_module, "find_same", lambda editor, photo, face: face)  # noise has no face
    result = command("edit", "me.jpg", *options, "--weights", weights)
    assert result.code == 0, result.err
    files = [path.relative_to(portrait_jpg.parent).as_posix() for path in portrait_jpg.parent.rglob("*.*")]
    assert sorted(name for name in files if not name.endswith(("me.jpg", "b.2", OWNERSHIP_JOURNAL))) == written
    assert sorted(result.out.split()) == written


@pytest.mark.parametrize(("name", "suffix"), [("a.bmp", ".png"), ("a.JPEG", ".jpeg"), ("a", ".png"), ("a.gif", ".png")])
def test_formats_that_cannot_be_written_become_png(
    command: Command, tmp_path: Path, weights: Path, name: str, suffix: str
) -> None:
    kind = {".gif": "GIF", ".JPEG": "JPEG"}.get(Path(name).suffix, "BMP")
    PORTRAIT.save(tmp_path / name, kind)
    assert command("edit", tmp_path / name, "--to", "happy", "--weights", weights).code == 0
    assert (tmp_path / f"a-happiness-tiny{suffix}").is_file()


def test_depth_that_cannot_be_measured_is_said(
    command: Command, portrait_jpg: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(*_: object) -> None:
        raise NoFaceFound("gone")

    monkeypatch.setattr(files_module, "find_same", lost)
    result = command("edit", portrait_jpg, "--to", "happy", "--save-depth", "--weights", weights)
    assert result.code == 0
    assert "no depth after, since no face is found in the edited photo" in result.err
    names = sorted(path.name for path in portrait_jpg.parent.iterdir())
    assert names == [OWNERSHIP_JOURNAL, "me-happiness-tiny-depth-before.png", "me-happiness-tiny.jpg", "me.jpg"]


def test_a_name_that_is_not_text(command: Command, tmp_path: Path, weights: Path) -> None:
    photo = tmp_path / "br\udcffken [red] :cat:.png"
    PORTRAIT.save(photo)
    result = command("edit", photo, "--to", "happy", "--weights", weights)
    assert result.code == 0
    assert result.out.rstrip("\n").endswith("br\\udcffken [red] :cat:-happiness-tiny.png")
    assert (tmp_path / "br\udcffken [red] :cat:-happiness-tiny.png").is_file()


# -- what an edit keeps, and what it adds ---------------------------------------------------------------------------


def test_the_photos_profile_exif_and_orientation(command: Command, tmp_path: Path, weights: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    tags = Image.Exif()
    tags[0x0112], tags[0x010F] = 6, "Maker"
    tags.get_ifd(0x8769)[0x9003] = "2024:05:06 07:08:09"
    lying = PORTRAIT.crop((50, 0, 450, 300)).transpose(Image.Transpose.ROTATE_90)
    lying.save(tmp_path / "lying.jpg", quality=95, icc_profile=profile, exif=tags)
    assert command("edit", tmp_path / "lying.jpg", "--to", "happy", "--weights", weights).code == 0
    with Image.open(tmp_path / "lying-happiness-tiny.jpg") as edited:
        assert edited.size == (400, 300)  # upright
        assert edited.info["icc_profile"] == profile
        kept = edited.getexif()
        assert (kept[0x0112], kept[0x010F]) == (1, "Maker")
        assert kept.get_ifd(0x8769)[0x9003] == "2024:05:06 07:08:09"


def test_the_mark_of_an_edit(command: Command, portrait_jpg: Path, weights: Path) -> None:
    for name, option in (("marked.jpg", []), ("plain.jpg", ["--no-provenance"])):
        command(
            "edit", portrait_jpg, "--to", "surprise", "--weights", weights, "-o", portrait_jpg.with_name(name), *option
        )
    mark = read_mark(portrait_jpg.with_name("marked.jpg"))
    assert mark is not None
    assert mark.tool.startswith("facerelief ")
    assert mark.description == "facial expression edited to surprise"
    assert read_mark(portrait_jpg.with_name("plain.jpg")) is None


def mode_of(path: Path) -> str:
    with Image.open(path) as image:
        return image.mode


def test_colour_modes_are_read_and_what_is_lost_is_said(command: Command, tmp_path: Path, weights: Path) -> None:
    alpha = Image.new("L", PORTRAIT.size, 255)
    alpha.paste(0, (0, 0, 100, 512))
    translucent = PORTRAIT.copy()
    translucent.putalpha(alpha)
    translucent.quantize(256).save(tmp_path / "palette.png")
    PORTRAIT.convert("CMYK").save(tmp_path / "inks.jpg", quality=95)
    deep = np.asarray(PORTRAIT.convert("L")).astype(np.uint16) * 257
    Image.fromarray(deep).save(tmp_path / "deep.png")
    notes = {"palette.png": "", "inks.jpg": "CMYK converted to sRGB without a profile", "deep.png": "16-bit reduced"}
    for name, note in notes.items():
        result = command("edit", tmp_path / name, "--to", "happy", "--weights", weights)
        assert (result.code, result.out.count("\n")) == (0, 1), name
        assert note in result.err
        assert result.err.count("\n") == bool(note)
    assert mode_of(tmp_path / "palette-happiness-tiny.png") == "RGBA"
    kept = np.asarray(Image.open(tmp_path / "palette-happiness-tiny.png").getchannel("A"))
    np.testing.assert_array_equal(kept[:, 5:95], 0)
    np.testing.assert_array_equal(kept[:, 105:], 255)
    assert mode_of(tmp_path / "inks-happiness-tiny.jpg") == "RGB"
    assert mode_of(tmp_path / "deep-happiness-tiny.png") == "RGB"


def test_strength_nought_writes_the_very_pixels(command: Command, portrait_jpg: Path, weights: Path) -> None:
    target = portrait_jpg.with_name("same.png")
    command("edit", portrait_jpg, "--to", "happy", "--strength", "0", "--weights", weights, "-o", target)
    np.testing.assert_array_equal(read_photo(target).rgb, read_photo(portrait_jpg).rgb)


# -- several faces, several photos ----------------------------------------------------------------------------------


def test_a_part_of_a_face(command: Command, portrait_jpg: Path, tmp_path: Path) -> None:
    photo, out = read_photo(portrait_jpg).rgb, tmp_path / "out"
    (face,) = load_finder()(photo)
    above = slice(None, int(face.landmarks[[145, 374], 1].min()) - 20)
    below = slice(int(face.landmarks[[61, 0, 291], 1].max()) + 20, None)
    for part, stays, changes in (("mouth", above, below), ("eyes", below, above)):
        options = ("--to", "anger", "--method", "morphable", "--no-provenance", "--part", part)
        result = command("edit", portrait_jpg.parent, *options, "-o", out / "{name}-{part}.png")
        assert result.code == 0, result.err
        edited = read_photo(out / f"me-{part}.png").rgb
        np.testing.assert_array_equal(edited[stays], photo[stays])
        assert (edited[changes] != photo[changes]).any()
    wrong = command("edit", portrait_jpg, "--to", "happy", "--part", "nose")
    assert wrong.err.strip() == "facerelief: no part 'nose' of a face; choose from face, eyes, mouth"


def test_teeth_of_another_photo(command: Command, portrait_jpg: Path, refused: Callable[..., str]) -> None:
    """A smile that was closed comes back with the person's own teeth; without them, with others."""
    folder, plain = portrait_jpg.parent, ("--method", "morphable", "--no-provenance")
    closed = folder / "closed.png"
    assert command("edit", portrait_jpg, "--to", "neutral", *plain, "-o", closed).code == 0
    for more in ((), ("--teeth-from", portrait_jpg)):
        assert command("edit", closed, "--to", "happiness", *plain, *more).code == 0
    smile, own, other = (
        read_photo(path).rgb.astype(float)
        for path in (portrait_jpg, *(folder / f"closed-happiness{more}.png" for more in ("-teeth", "")))
    )
    (face,) = load_finder()(smile.astype(np.uint8))
    (left, right), (top, bottom) = face.landmarks[[80, 310], 0].astype(int), face.landmarks[[13, 14], 1].astype(int)
    teeth = slice(top, bottom), slice(left, right)
    assert np.abs(own[teeth] - smile[teeth]).mean() < 0.8 * np.abs(other[teeth] - smile[teeth]).mean()
    line = refused("edit", portrait_jpg, "--to", "happiness", "--teeth-from", closed)
    assert line == f"{closed} shows no teeth; choose a photo with an open smile for --teeth-from"
    line = refused("edit", portrait_jpg, "--to", "happiness", "--method", "stargan", "--teeth-from", portrait_jpg)
    assert line.startswith("method stargan draws no teeth")


def test_several_faces(command: Command, tmp_path: Path, weights: Path) -> None:
    group = faces_at((130, 150, 230), (450, 200, 170))
    save_photo(group, tmp_path / "group.png")
    faces = load_finder()(group.rgb)
    assert len(faces) == 2

    def edit(*options: object) -> Photo:
        result = command("edit", tmp_path / "group.png", "--to", "happy", "--weights", weights, *options)
        assert result.code == 0, result.err
        said = "2 faces; the largest is edited (choose with --face)" in result.err
        assert said == ("--face" not in options)
        return read_photo(Path(result.out.rstrip("\n")))

    first, second = (around([face], group.rgb.shape) for face in faces)
    for options, expected in (([], (1, 0)), (["--face", 2], (0, 1)), (["--face", "all"], (1, 1))):
        moved = changed(group, edit(*options))
        assert (moved[first].any(), moved[second].any()) == expected
        assert not moved[~(first | second)].any()


def test_a_batch_does_what_it_can_and_lists_the_rest(command: Command, tmp_path: Path, weights: Path) -> None:
    PORTRAIT.save(tmp_path / "good1.png")
    PORTRAIT.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(tmp_path / "good2.png")
    Image.new("RGB", (200, 200)).save(tmp_path / "nobody.png")
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "cut.png").write_bytes((tmp_path / "good1.png").read_bytes()[:5000])
    photos = [
        tmp_path / name for name in ("good1.png", "nobody.png", "empty.jpg", "cut.png", "absent.jpg", "good2.png")
    ]
    result = command("edit", *photos, "--to", "happy,neutral", "--weights", weights, "-o", tmp_path / "out")
    assert result.code == 1
    written = sorted(path.name for path in (tmp_path / "out").glob("[!.]*"))
    assert written == [f"good{n}-{name}-tiny.png" for n in (1, 2) for name in ("happiness", "neutral")]
    lines = result.err.splitlines()
    assert [line.split(":")[0] for line in lines[:4]] == ["facerelief"] * 4
    for lines_of_failures in (lines[:4], lines[5:9]):  # as they happen, and in the table
        for line, name in zip(lines_of_failures, ("nobody.png", "empty.jpg", "cut.png", "absent.jpg"), strict=True):
            assert name in line
    assert lines[4].split() == ["edited", "2", "4", "files", "written"]
    assert lines[5].split()[:2] == ["failed", "4"]
    assert lines[-1] == "facerelief: 4 of 6 were not edited"


def test_a_photo_that_is_named_twice_is_edited_once(command: Command, portrait_jpg: Path, weights: Path) -> None:
    result = command("edit", portrait_jpg, portrait_jpg, "--to", "happy", "--weights", weights)
    assert (result.code, result.out.count("\n")) == (0, 1)


# -- demo -----------------------------------------------------------------------------------------------------------


NEXT = "Next: facerelief edit YOUR_PHOTO --to happiness"


def test_demo_draws_every_edit_as_one_picture(command: Command, tmp_path: Path, weights: Path) -> None:
    result = command("demo", "-o", tmp_path / "demo", "--weights", weights)
    assert (result.code, result.err) == (0, NEXT + "\n")
    names = ["demo.png", "happiness.png", "neutral.png", "surprise.png"]
    assert sorted(path.name for path in (tmp_path / "demo").glob("*.png")) == names
    with Image.open(tmp_path / "demo" / "demo.png") as sheet:
        assert sheet.width > 4 * 256
        assert sheet.height > 3 * 256
    assert all(read_mark(tmp_path / "demo" / name) for name in names)


def test_demo_of_ones_own_photo(command: Command, portrait_jpg: Path, weights: Path) -> None:
    target = portrait_jpg.parent / "mine"
    assert command("demo", portrait_jpg, "-o", target, "--weights", weights).code == 0
    assert read_photo(target / "neutral.png").rgb.shape == (512, 512, 3)
    two = Image.new("RGB", (460, 230))
    for x in (0, 230):
        two.paste(PORTRAIT.crop((110, 0, 340, 230)), (x, 0))
    two.convert("CMYK").save(portrait_jpg, quality=95)
    result = command("demo", portrait_jpg, "-o", target, "--weights", weights, "--overwrite")
    notes = (*read_photo(portrait_jpg).notes, "2 faces; the largest is edited")
    assert len(notes) == 2 and result.err.splitlines() == [*(f"{portrait_jpg}: {note}" for note in notes), NEXT]


def test_all_expressions_beside_some(command: Command, portrait_jpg: Path, weights: Path) -> None:
    result = command("edit", portrait_jpg, "--to", "all, happy", "--weights", weights)
    assert (result.code, len(result.out.splitlines())) == (0, 3)
    left_out = "sadness, fear, disgust, anger, contempt"
    assert result.err == f"these weights support 3 of 8 expressions; left out: {left_out}\n"
