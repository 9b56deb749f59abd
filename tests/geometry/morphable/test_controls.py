"""What a face is to show, in words: each kind of word, what is written is read, what is wrong is one clear line."""

from pathlib import Path

import numpy as np
import pytest

from facerelief.errors import FacereliefError
from facerelief.expressions import EXPRESSIONS
from facerelief.geometry.morphable.action_units import ACTION_UNITS
from facerelief.geometry.morphable.controls import kind_of, package_presets, parse_control, read_presets, rig_amounts
from facerelief.geometry.morphable.model import load_face

RIG = load_face().rig


def test_every_kind_of_word() -> None:
    text = " JOY:0.5 + au12 + AU4l:0.25 + jawopen:2 + MOUTHSMILE + mouthSmileleft:0 + Wink-Left "
    assert parse_control(text, RIG).parts == (
        ("happiness", 0.5),
        ("AU12", 1.0),
        ("AU4L", 0.25),
        ("jawOpen", 2.0),
        ("mouthSmile", 1.0),
        ("mouthSmileLeft", 0.0),
        ("wink-left", 1.0),
    )
    assert str(parse_control("3", RIG)) == EXPRESSIONS[3]


@pytest.mark.parametrize(
    "text", ["happiness", "happiness:0.6+surprise:0.4", "AU12L:0.5", "AU12+AU4:0.3", "jawOpen:0.3+kiss", "AU1:1e-07"]
)
def test_what_is_written_is_read(text: str) -> None:
    control = parse_control(text, RIG)
    assert str(control) == text
    assert parse_control(str(control), RIG) == control


def test_names_of_all_there_is_are_read_whatever_their_case() -> None:
    names = [*EXPRESSIONS, *RIG.names, *package_presets(), *(f"AU{unit}" for unit in ACTION_UNITS)]
    for name in names:
        assert str(parse_control(name, RIG)) == name
        assert str(parse_control(name.upper(), RIG)) == name


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("smirk", "nothing is called 'smirk'; choose from neutral, happiness,"),
        ("", "a name is missing in ''; write NAME or NAME:AMOUNT, several joined by +"),
        ("happiness+", "a name is missing in 'happiness+'; write NAME or NAME:AMOUNT, several joined by +"),
        ("AU12=0.5", "nothing is called 'AU12=0.5'; write NAME or NAME:AMOUNT, several joined by +"),
        ("AU13", "no action unit 'AU13'; choose from AU1, AU2, AU4,"),
        ("AU26L", "AU26 has no sides; write AU26"),
        ("jaw", "nothing is called 'jaw'; choose from"),  # to the left and to the right is nowhere
        ("mouth", "nothing is called 'mouth'; choose from"),
        ("AU12:2.5", "no amount '2.5' of 'AU12'; choose 0 to 2"),
        ("AU12:-1", "no amount '-1' of 'AU12'; choose 0 to 2"),
        ("AU12:nan", "no amount 'nan' of 'AU12'; choose 0 to 2"),
        ("AU12:", "no amount '' of 'AU12'; choose 0 to 2"),
        ("AU12:much", "no amount 'much' of 'AU12'; choose 0 to 2"),
        ("joy+happiness:0.5", "happiness is named twice in 'joy+happiness:0.5'; name it once"),
        ("+".join(["AU1"] * 25), "25 parts in one expression; name at most 24"),
        ("x" * 5000, "nothing is called 'xxx"),
    ],
)
def test_what_is_wrong_is_one_line(text: str, says: str) -> None:
    with pytest.raises(FacereliefError) as caught:
        parse_control(text, RIG)
    assert str(caught.value).startswith(says)
    assert len(str(caught.value)) < 250 and "\n" not in str(caught.value)


def test_a_unit_of_a_side_is_the_shape_of_that_side() -> None:
    def shapes(name: str) -> dict[str, float]:
        return {shape: float(amount) for shape, amount in zip(RIG.names, rig_amounts(name, RIG), strict=True) if amount}

    assert shapes("AU12L") == {"mouthSmileLeft": 1.0}
    assert shapes("AU12R") == {"mouthSmileRight": 1.0}
    assert shapes("AU12") == shapes("mouthSmile") == {"mouthSmileLeft": 1.0, "mouthSmileRight": 1.0}
    assert shapes("AU26") == shapes("jawOpen") == {"jawOpen": 1.0}
    assert shapes("jawLeft") == {"jawLeft": 1.0}


# -- presets ----------------------------------------------------------------------------------------------------------


def test_the_package_s_presets_are_made_of_units_and_blendshapes() -> None:
    """Some take the photo's own expression away first."""
    presets = package_presets()
    assert presets
    for value in presets.values():
        parts = {part for part, _ in parse_control(value, RIG, {}).parts} - {"neutral"}
        assert parts and all(kind_of(part) in ("action unit", "blendshape") for part in parts), value


def test_presets_of_one_s_own(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('grin = "AU12:1.2+jawOpen:0.2"\nsulk = "sadness:0.5+AU17"\n')
    presets = read_presets(tmp_path / "mine.toml", RIG)
    assert presets == {"grin": "AU12:1.2+jawOpen:0.2", "sulk": "sadness:0.5+AU17"}
    assert str(parse_control("grin:0.5+AU4", RIG, presets)) == "grin:0.5+AU4"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"grin = AU12", "is no TOML file"),
        (b"\xff\xfe\x00g", "is no TOML file"),
        (b"\x89PNG\r\n", "is no TOML file"),
        (b"grin = 1", "'grin' is no preset, since it stands for no text; write lines such as wink = \"AU43L:1\""),
        (b'[grin]\na = "AU12"', "'grin' is no preset"),
        (b'"my grin" = "AU12"', "'my grin' is no preset's name; names are small letters, digits and hyphens"),
        (b'Grin = "AU12"', "'Grin' is no preset's name"),
        (b'fear = "AU12"', "'fear' has a meaning already; choose another name"),
        (b'joy = "AU12"', "'joy' has a meaning already; choose another name"),
        (b'au12 = "AU12"', "'au12' has a meaning already; choose another name"),
        (b'jawopen = "AU12"', "'jawopen' has a meaning already; choose another name"),
        (b'all = "AU12"', "'all' has a meaning already; choose another name"),
        (b'grin = "AU13"', "grin: no action unit 'AU13'; choose from"),
        (b'grin = "AU12:3"', "grin: no amount '3' of 'AU12'; choose 0 to 2"),
        (
            b'grin = "grin:0.5"',
            "grin: grin is a preset, and presets cannot contain presets; write what it stands for",
        ),  # presets of presets could go on for ever
        (b'grin = "kiss:0.5"', "grin: kiss is a preset, and presets cannot contain presets"),
        (b"grin = " + b"[" * 30_000, "is no TOML file"),
        (b"#" * 1_100_000, "larger than 1 MB"),
    ],
)
def test_files_that_hold_no_presets(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(content)
    with pytest.raises(FacereliefError) as caught:
        read_presets(path, RIG)
    assert str(path) in str(caught.value) and says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FacereliefError, match=r"nothing\.toml cannot be read"):
        read_presets(tmp_path / "nothing.toml", RIG)
    with pytest.raises(FacereliefError, match="cannot be read"):
        read_presets(tmp_path, RIG)


def test_amounts_add_up_as_shapes_do() -> None:
    both = rig_amounts("AU12L", RIG) + rig_amounts("AU12R", RIG)
    np.testing.assert_array_equal(both, rig_amounts("AU12", RIG))
