"""What faces are to show on the command line: --to, --au, --blendshape, --presets, --like, --edit, and their list."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from edits import changed, faces_at
from photos import astronaut
from PIL import Image

from facerelief.editing.jobs import photo_job as files_module
from facerelief.editing.jobs.outputs import OutputNaming
from facerelief.expressions import EXPRESSIONS
from facerelief.faces import detector
from facerelief.faces.detector import LandmarkFinder
from facerelief.geometry.morphable import load_face
from facerelief.photos.photo import Photo, read_mark, read_photo, save_photo

Command = Callable
Refused = Callable[..., str]


@pytest.fixture(autouse=True)
def _one_finder(finder: LandmarkFinder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Loaded once, since that takes longer than an edit."""
    for module in (files_module, detector):
        monkeypatch.setattr(module, "load_finder", lambda **_: finder)


@pytest.fixture
def photo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small portrait in the working directory."""
    monkeypatch.chdir(tmp_path)
    Image.fromarray(astronaut()[:230, 110:340]).save("me.png")
    return Path("me.png")


@pytest.fixture
def grinning(photo: Path, command: Command) -> Path:
    """The portrait with the corners of the mouth raised and the jaw let down."""
    assert command("edit", photo, "--au", "AU12=1.5,AU26=0.6", "-o", "grin.png", "--no-provenance").code == 0
    return Path("grin.png")


def words_in(name: str) -> str:
    mark = read_mark(Path(name))
    assert mark is not None
    return mark.description.removeprefix("facial expression edited to ")


# -- names of files, and the record in them -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "files"),
    [
        (["--to", "joy:0.6+surprise:0.4"], {"me-happiness_0.6_surprise_0.4.png": "happiness:0.6+surprise:0.4"}),
        (["--to", "au12l:0.5,Wink-Left"], {"me-AU12L_0.5.png": "AU12L:0.5", "me-wink-left.png": "wink-left"}),
        (["--au", "AU12=0.8,AU4=0.3,AU12L=1"], {"me-AU12_0.8_AU4_0.3_AU12L.png": "AU12:0.8+AU4:0.3+AU12L"}),
        (
            ["--blendshape", "mouthSmileLeft,jawopen=0.3"],
            {"me-mouthSmileLeft_jawOpen_0.3.png": "mouthSmileLeft+jawOpen:0.3"},
        ),
        (["--edit", "1:sad"], {"me-face1-sadness.png": "1:sadness"}),
        (["--to", "AU12:0.5", "-o", "out/{expression}_{name}"], {"out/AU12_0.5_me.png": "AU12:0.5"}),
    ],
)
def test_names_and_marks(command: Command, photo: Path, options: list[str], files: dict[str, str]) -> None:
    result = command("edit", photo, *options)
    assert (result.code, result.err) == (0, "")
    assert result.out.split() == list(files)
    assert {name: words_in(name) for name in files} == files


def test_all_and_more(command: Command, photo: Path) -> None:
    result = command("edit", photo, "--to", "kiss,all,kiss", "-o", "all/")
    assert result.out.split() == [f"all/me-{name}.png" for name in (*EXPRESSIONS, "kiss")]


def test_names_that_are_safe_everywhere_and_told_apart() -> None:
    """Windows forbids some letters; file systems take 255 bytes."""
    naming = OutputNaming()
    texts = [f"AU1:{amount}+AU2:{other}" for amount in (1, 0.5, 1.5) for other in (1, 0.1)]
    texts += ["+".join(f"{name}:0.12345" for name in load_face().rig.names[:24])]
    texts += [texts[-1].replace("0.12345", "0.12346"), "AU1", "AU12", "AU1:2", "1:AU1,2:AU1"]
    names = [naming.expression(text) for text in texts]
    assert len(set(names)) == len(names)
    assert not set("".join(names)) & set('<>:"/\\|?*+, ')
    assert max(map(len, names)) < 80


# -- what is edited -------------------------------------------------------------------------------------------------


def test_the_same_in_other_words(command: Command, photo: Path) -> None:
    """Each way of saying it gives the same pixels."""
    Path("mine.toml").write_text('grin = "AU12:0.8+AU26:0.5"')
    ways = [
        ["--to", "AU12:0.8+jawOpen:0.5"],
        ["--au", "AU12=0.8,AU26=0.5"],
        ["--blendshape", "mouthSmile=0.8,jawOpen=0.5"],
        ["--edit", "1:au26:0.5+au12:0.8"],
        ["--to", "grin", "--presets", "mine.toml"],
    ]
    made = []
    for number, way in enumerate(ways):
        assert command("edit", photo, *way, "--no-provenance", "-o", f"{number}.png").code == 0
        made.append(read_photo(Path(f"{number}.png")).rgb.astype(int))
    assert (made[0] != read_photo(photo).rgb).any()
    for other in made[1:]:
        assert np.abs(made[0] - other).max() <= 1


def test_another_edit_for_each_face(command: Command, photo: Path) -> None:
    """As if they were edited one after the other, and nothing else changes."""
    group = faces_at((170, 220, 230), (450, 220, 180))
    save_photo(group, Path("group.png"))
    options = ("--edit", "2:surprise", "--edit", "1:AU12:1.5", "--no-provenance")
    result = command("edit", "group.png", *options)
    assert (result.code, result.err, result.out) == (0, "", "group-face1-AU12_1.5-face2-surprise.png\n")
    both = read_photo(Path(result.out.strip()))
    command("edit", "group.png", "--to", "AU12:1.5", "-o", "one.png", "--no-provenance", "--face", 1)
    command("edit", "one.png", "--to", "surprise", "-o", "two.png", "--no-provenance", "--face", 2)
    apart = np.abs(both.rgb.astype(int) - read_photo(Path("two.png")).rgb)
    assert (apart > 8).mean() < 0.004  # the second face is found again in the edited photo
    assert changed(group, both)[:, :300].any() and changed(group, both)[:, 350:].any()


def test_what_another_photo_shows(command: Command, photo: Path, grinning: Path, finder: LandmarkFinder) -> None:
    """A grin of known units moves the mouth of the neutral photo most of the way that it moved in the other."""
    assert command("edit", photo, "--to", "neutral", "-o", "still.png", "--no-provenance").code == 0
    result = command("edit", "still.png", "--like", grinning, "--like-neutral", "still.png")
    assert (result.code, result.err, result.out) == (0, "", "still-like-grin-still.png\n")
    assert words_in("still-like-grin-still.png").startswith("like-photo-")
    places = (Path("still.png"), grinning, Path("still-like-grin-still.png"))
    before, other, after = (finder(read_photo(path).rgb)[0].landmarks[[61, 291, 17, 152], :2] for path in places)
    wanted, moved = (other - before).ravel(), (after - before).ravel()
    assert np.corrcoef(wanted, moved)[0, 1] > 0.9
    assert 0.6 < wanted @ moved / (wanted @ wanted) < 1.5


def test_another_photo_or_other_presets_are_another_edit(
    command: Command, refused: Refused, photo: Path, grinning: Path
) -> None:
    """Though they have the same name."""
    like = ("edit", photo, "--like", "friend.png")
    grinning.rename("friend.png")
    assert command(*like).out == "me-like-friend.png\n"
    assert "was edited before, with the same settings" in command(*like).err
    photo.rename("friend.png")
    Image.open("friend.png").save(photo)
    assert "me-like-friend.png exists and was made with other settings" in refused(*like)
    named = ("edit", photo, "--to", "grin", "--presets", "mine.toml")
    Path("mine.toml").write_text('grin = "AU12"')
    assert command(*named).code == 0
    Path("mine.toml").write_text('grin = "AU12:0.5"')
    assert "me-grin.png exists and was made with other settings" in refused(*named)


def test_a_batch_in_other_processes(command: Command, photo: Path, grinning: Path) -> None:
    """Each of which takes the expression anew."""
    for number in range(9):
        Image.open(photo).save(f"{number}.png")
    result = command("edit", "[0-9].png", "--like", grinning, "-o", "out", "--workers", 2, "--no-provenance")
    assert result.code == 0, result.err
    made = [read_photo(path).rgb for path in sorted(Path("out").glob("*.png"))]
    assert (made[0] != read_photo(Path("0.png")).rgb).any()
    assert len(made) == 9 and all(np.abs(one.astype(int) - made[0]).max() <= 1 for one in made)


def test_the_face_that_is_edited_is_the_one_that_is_named(command: Command, photo: Path) -> None:
    group = faces_at((170, 220, 230), (450, 220, 180))
    save_photo(group, Path("group.png"))
    assert command("edit", "group.png", "--edit", "2:kiss", "--no-provenance", "-o", "out.png").code == 0
    rows = changed(group, read_photo(Path("out.png")))
    assert rows[:, 350:].any() and not rows[:, :300].any()


# -- morph, and the list --------------------------------------------------------------------------------------------


def test_a_morph_into_a_blend(command: Command, photo: Path) -> None:
    timing = ("--seconds", 0.2, "--hold", 0, "--size", 120)
    assert command("morph", photo, "--au", "AU12=1,AU26=0.5", "-o", "a.webp", *timing).code == 0
    assert words_in("a.webp") == "AU12+AU26:0.5"


def test_the_list_is_what_can_be_said(command: Command, photo: Path) -> None:
    Path("mine.toml").write_text('grin = "AU12:1.2+jawOpen:0.2"')
    found = json.loads(command("expressions", "--presets", "mine.toml", "--json").out)
    names = [one["name"] for kind in ("presets", "action_units", "blendshapes") for one in found[kind]]
    assert found["expressions"] == list(EXPRESSIONS) and {"grin", "kiss", "AU12", "jawOpen", "mouthSmileLeft"} < set(
        names
    )
    sides = [one["name"] + side for one in found["action_units"] if one["sides"] for side in "LR"]
    sides += [one["both"] for one in found["blendshapes"] if one["both"]]
    said = command("expressions", "--presets", "mine.toml").out.split()
    assert {*found["expressions"], *names, *sides} <= {word.strip(",") for word in said}
    several = ",".join([*EXPRESSIONS[:3], "grin", *names[-3:]])
    assert command("edit", photo, "--to", several, "--presets", "mine.toml", "--strength", 0, "-o", "out/").code == 0


# -- one clear line -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--au AU12=1 --to fear", "--to and --au both say what faces are to show; give one of them"),
        ("--like me.png --edit 1:fear", "--like and --edit both say what faces are to show; give one of them"),
        ("", "say what faces are to show: --to, --au, --blendshape, --like or --edit"),
        ("--au AU13=1", "no action unit 'AU13'; choose from AU1,"),
        ("--au AU12=3", "no amount '3' of 'AU12'; choose 0 to 2"),
        ("--au AU12=", "no amount '' of 'AU12'; choose 0 to 2"),
        ("--au AU12,AU12=0.5", "AU12 is named twice"),
        ("--au jawOpen=1", "jawOpen is no action unit; write --au AU12=0.8,AU4L=0.3, or use --to"),
        ("--au AU12:1", "no action units 'AU12:1'; write --au AU12=0.8,AU4L=0.3, or use --to"),
        ("--blendshape AU12=1", "AU12 is no blendshape; write --blendshape mouthSmile=1,jawOpen=0.3, or use --to"),
        ("--blendshape fear=1", "fear is no blendshape; write --blendshape"),
        ("--blendshape smile=1,kiss", "happiness is no blendshape; write --blendshape"),
        ("--edit happy", "no edit 'happy'; write the face's number first, as in --edit 1:happiness"),
        ("--edit 0:happy", "no edit '0:happy'; write the face's number first"),
        ("--edit 1:smirk", "nothing is called 'smirk'; choose from"),
        ("--edit 1:all", "nothing is called 'all'; all takes no amount or number of a face"),
        ("--edit 1:fear --edit 1:anger", "face 1 has two edits; give one --edit for each face"),
        ("--edit 1:fear --face 2", "--edit says which face; leave --face out"),
        ("--edit 2:fear", "me.png: there is no face 2; choose from 1 to 1, 1 is the largest"),
        ("--to fear --like-neutral me.png", "--like-neutral is for --like: a photo of the same person without"),
        ("--like none.png", "Invalid value for '--like': path 'none.png' does not exist"),
        ("--like grey.png", "grey.png: no face found; use a photo with a face seen from the front"),
        ("--like me.png --like-neutral grey.png", "grey.png: no face found; use a photo with a face"),
        ("--like mine.toml", "mine.toml is not an image"),
        (
            "--like me.png --method relief",
            "method relief edits to expressions alone; take --method morphable for --like",
        ),
        ("--to wink-left --method stargan", "for blends, action units and blendshapes take --method morphable"),
        ("--to kiss --presets none.toml", "none.toml cannot be read (No such file or directory)"),
        ("--to kiss --presets grey.png", "grey.png is no TOML file"),
        ("--to kiss --presets mine.toml", "mine.toml: grin: no action unit 'AU13'; choose from"),
        ("--like grey2.png -o grey2.png --overwrite", "grey2.png is read by this command; choose another --out"),
    ],
)
def test_what_is_wrong_is_one_line(refused: Refused, photo: Path, options: str, message: str) -> None:
    save_photo(Photo(np.full((90, 90, 3), 128, np.uint8)), Path("grey.png"))
    Image.open(photo).save("grey2.png")
    Path("mine.toml").write_text('grin = "AU13"')
    assert message in refused("edit", photo, *options.split())


def test_videos_are_edited_face_by_face(refused: Refused, photo: Path) -> None:
    photo.rename("clip.mp4")
    assert "--edit is for photos; edit one face of a video after" in refused("edit", "clip.mp4", "--edit", "1:fear")


def test_a_morph_has_one_end(refused: Refused, photo: Path) -> None:
    assert "a morph shows one thing at its end" in refused("morph", photo, "--to", "fear,anger", "-o", "a.gif")
    assert "say what faces are to show: --to, --au, --blendshape or --like" in refused("morph", photo, "-o", "a.gif")
