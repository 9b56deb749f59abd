"""The list of what can be said: all of it is understood, and nothing that is understood is left out."""

from facerelief.expressions import EXPRESSIONS
from facerelief.geometry.morphable.action_units import ACTION_UNITS, GAZE_SHAPES
from facerelief.geometry.morphable.control_list import REGIONS, list_controls, region_of
from facerelief.geometry.morphable.controls import package_presets, parse_control
from facerelief.geometry.morphable.model import load_face

RIG = load_face().rig


def test_all_that_is_listed_is_understood() -> None:
    found = list_controls(RIG)
    names = [*found["expressions"], *(one["name"] for one in (*found["presets"], *found["blendshapes"]))]
    names += [one["both"] for one in found["blendshapes"] if one["both"]]
    names += [one["name"] + side for one in found["action_units"] for side in ("", "L", "R")[: 1 + 2 * one["sides"]]]
    for name in names:
        assert parse_control(f"{name}:{found['most']:g}", RIG).parts == ((name, found["most"]),)


def test_nothing_is_left_out() -> None:
    found = list_controls(RIG)
    assert found["expressions"] == list(EXPRESSIONS)
    assert {one["name"] for one in found["action_units"]} == {f"AU{number}" for number in ACTION_UNITS}
    assert [one["name"] for one in found["blendshapes"]] == [*RIG.names, *GAZE_SHAPES]
    assert {one["name"]: one["stands_for"] for one in found["presets"]} == package_presets()
    assert {one["region"] for one in found["action_units"]} == set(REGIONS) == set(found["regions"])


def test_both_sides_have_one_name_where_they_can_move_at_once() -> None:
    both = {one["name"]: one["both"] for one in list_controls(RIG)["blendshapes"]}
    assert both["mouthSmileLeft"] == both["mouthSmileRight"] == "mouthSmile"
    assert both["eyeLookInLeft"] == "eyeLookIn"
    assert both["jawOpen"] is both["jawLeft"] is both["mouthRight"] is None
    units = list_controls(RIG)["action_units"]
    assert [one["name"] for one in units if not one["sides"]] == ["AU17", "AU18", "AU22", "AU26"]


def test_presets_of_a_user() -> None:
    assert list_controls(RIG, {"grin": "AU12"})["presets"] == [{"name": "grin", "stands_for": "AU12"}]


def test_regions_by_the_names_of_shapes() -> None:
    expected = {
        "browDown": "brows",
        "eyeBlinkLeft": "eyes",
        "eyeLookUpLeft": "eyes",
        "cheekSquintLeft": "eyes",
        "cheekPuff": "mouth",
        "noseSneerLeft": "nose",
        "mouthSmileLeft": "mouth",
        "tongueOut": "mouth",
        "jawOpen": "jaw",
    }
    assert {name: region_of(name) for name in expected} == expected
