"""The page's gaze pad, by mouse, by keyboard, by a screen reader and on a phone."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pages import PHONE, SMALL, opened, pixels, png, settled, until

from facerelief.faces.detector import LandmarkFinder
from facerelief.geometry.depth_maps import polygon_mask
from facerelief.geometry.topology import lid_curves

Open = Callable[..., Any]
DESK = {"viewport": {"width": 1440, "height": 900}}
EDITS = "document.getElementById('picture').dataset.edits"
RIGHT_UP = "eyeLookInRight:0.5+eyeLookOutLeft:0.5+eyeLookUp:0.5 1"


@pytest.fixture
def open_eyes(open_page: Open, group: np.ndarray, tmp_path: Path) -> Open:
    """Opens the page with a face, and the tab's sliders of the eyes."""

    def visit(**options: Any) -> Any:
        page = open_page(**options)
        opened(page, png(tmp_path, np.kron(group[:, :320], np.ones((2, 2, 1), np.uint8))))
        page.get_by_role("tab", name="Controls").click()
        assert not page.locator("#gaze").is_visible()
        page.get_by_role("radio", name="eyes").evaluate("one => one.scrollIntoView({ block: 'center' })")
        page.get_by_role("radio", name="eyes").check(force=True)
        page.locator("#gaze-pad").evaluate("one => one.scrollIntoView({ block: 'center' })")
        return page

    return visit


def place(page: Any, across: float, down: float) -> tuple[float, float]:
    """Where on the screen the pad stands for a gaze: 16 pixels from its border it is full."""
    box = page.locator("#gaze-pad").bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    return middle[0] + across * (box["width"] / 2 - 16), middle[1] + down * (box["height"] / 2 - 16)


def irises(page: Any, finder: LandmarkFinder) -> np.ndarray:
    """(2, 2), of each eye: by how much of its width the dark between its lids moved, right and down."""
    before, after = pixels(page, "#before"), pixels(page, "#after")
    landmarks, moved = finder(before.astype(np.uint8))[0].landmarks, []
    for curves in lid_curves():
        lids = landmarks[np.array(curves).ravel(), :2]
        (x0, y0), (x1, y1) = lids.min(axis=0).astype(int), np.ceil(lids.max(axis=0)).astype(int)
        here = polygon_mask(landmarks[[*curves[0], *curves[1][::-1]], :2] - (x0, y0), max(x1 - x0, y1 - y0))
        middles = []
        for picture in (before, after):
            dark = np.clip(120 - picture[y0:y1, x0:x1].mean(axis=2), 0, None) * here[: y1 - y0, : x1 - x0]
            rows, columns = np.indices(dark.shape)
            middles.append(((dark * columns).sum() / dark.sum(), (dark * rows).sum() / dark.sum()))
        moved.append(np.subtract(middles[1], middles[0]) / (x1 - x0))
    return np.array(moved)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("options", [PHONE, DESK], ids=["phone", "desk"])
def test_both_eyes_look_where_the_pad_says(
    open_eyes: Open, finder: LandmarkFinder, options: dict[str, Any], scheme: str
) -> None:
    page = open_eyes(**options, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.mouse.move(*place(page, 0, 0))
    page.mouse.down()
    for share in (0.25, 0.5, 1):
        page.mouse.move(*place(page, share * 0.8, 0))
    page.mouse.up()
    settled(page)
    assert page.evaluate(EDITS) == "eyeLookInRight:0.8+eyeLookOutLeft:0.8 1"
    to_the_right = irises(page, finder)[:, 0]
    assert page.locator("#gaze-value").text_content() == "80 % right"
    page.mouse.click(*place(page, -0.8, 0))
    settled(page)
    assert page.evaluate(EDITS) == "eyeLookInLeft:0.8+eyeLookOutRight:0.8 1"
    to_the_left = irises(page, finder)[:, 0]
    assert (to_the_right > 0.03).all()
    assert (to_the_left < -0.03).all()
    picture = page.locator("#picture").bounding_box()
    assert 0 <= picture["y"] < picture["y"] + picture["height"] <= options["viewport"]["height"]


def test_a_finger_moves_it_and_finds_it(open_eyes: Open) -> None:
    page = open_eyes(**PHONE)
    page.touchscreen.tap(*place(page, 0.5, -0.5))
    settled(page)
    assert page.evaluate(EDITS) == RIGHT_UP
    assert page.evaluate(SMALL) == []


def test_the_pad_by_keyboard(open_eyes: Open) -> None:
    page = open_eyes(**DESK)
    page.get_by_role("radio", name="Both sides").focus()
    while page.evaluate("document.activeElement.id") != "gaze-across":
        page.keyboard.press("Tab")
    for key in (*["ArrowRight"] * 2, "Shift+ArrowRight", *["ArrowRight"] * 4, "PageUp", *["ArrowUp"] * 6):
        page.keyboard.press(key)
    settled(page)
    assert page.evaluate(EDITS) == RIGHT_UP
    group = page.get_by_role("group", name="Gaze")
    said = [group.get_by_role("slider", name=name) for name in ("Gaze to the left and right", "Gaze up and down")]
    assert [one.get_attribute("aria-valuetext") for one in said] == ["50 % right", "50 % up"]
    assert [one.input_value() for one in said] == ["0.5", "0.5"]
    assert page.evaluate("document.activeElement.id") == "gaze-up"  # whose value was changed last
    page.keyboard.press("Home")
    until(page, f"{EDITS} === ''")
    assert not settled(page).any()
    page.keyboard.press("ArrowDown")
    settled(page)
    assert page.evaluate(EDITS) == "eyeLookDown:0.05 1"
    page.keyboard.press("Escape")
    until(page, f"{EDITS} === ''")
    assert said[1].get_attribute("aria-valuetext") == "neither up nor down"


def test_a_screen_readers_own_way_to_change_a_slider(open_eyes: Open) -> None:
    page = open_eyes(**DESK)
    page.get_by_role("slider", name="Gaze up and down").fill("0.5")
    settled(page)
    page.get_by_role("slider", name="Gaze to the left and right").fill("0.5")
    settled(page)
    assert page.evaluate(EDITS) == RIGHT_UP


def test_one_eye_undo_reset_and_presets(open_eyes: Open) -> None:
    page = open_eyes(**DESK)
    side, value = page.get_by_role("radio", name="Left"), page.locator("#gaze-value")
    side.check(force=True)
    page.mouse.click(*place(page, 0.5, -0.5))
    settled(page)
    assert page.evaluate(EDITS) == "eyeLookOutLeft:0.5+eyeLookUpLeft:0.5 1"
    page.get_by_role("radio", name="Right").check(force=True)
    assert value.text_content() == "as in the photo"
    page.mouse.click(*place(page, 0.5, -0.5))
    settled(page)
    assert page.evaluate(EDITS) == RIGHT_UP
    page.get_by_role("button", name="Undo").click()
    until(page, f"{EDITS} === 'eyeLookOutLeft:0.5+eyeLookUpLeft:0.5 1'")
    assert value.text_content() == "as in the photo"
    page.get_by_role("radio", name="Both sides").check(force=True)
    assert value.text_content() == "25 % right, 25 % up"  # the mean
    page.get_by_role("button", name="Redo").click()
    until(page, f"{EDITS} === '{RIGHT_UP}'")
    assert page.get_by_role("status").first.text_content() == "Shown: gaze, 100 %"
    page.get_by_role("button", name="Reset").click()
    until(page, f"{EDITS} === ''")
    assert value.text_content() == "as in the photo"
    page.get_by_label("Start from").select_option("look left")
    until(page, f"{EDITS} !== ''")
    assert value.text_content() == "100 % right"  # the person's left
    page.mouse.click(*place(page, -1, 0))
    assert page.get_by_label("Start from").evaluate("one => one.selectedOptions[0].text") == "look right"


def test_methods_without_single_movements_do_not_move_it(open_eyes: Open) -> None:
    page = open_eyes(**DESK)
    page.get_by_label("Method").select_option("stargan")
    assert page.get_by_role("slider", name="Gaze up and down").is_disabled()
    page.mouse.click(*place(page, 0.5, -0.5))
    assert page.locator("#gaze-value").text_content() == "as in the photo"
