"""The page's tab of single movements, by mouse, by keyboard and on a phone."""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pages import PHONE, SMALL, opened, picked, png, settled, until, upload, without
from photos import astronaut

from facerelief.editing import load_editor
from facerelief.faces.detector import LandmarkFinder
from facerelief.photos.photo import Photo
from facerelief.photos.provenance.verify import find_provenance

Open = Callable[..., Any]
DESK = {"viewport": {"width": 1440, "height": 900}}
EDITS = "document.getElementById('picture').dataset.edits"


@pytest.fixture(scope="module")
def smiling(finder: LandmarkFinder) -> np.ndarray:
    """uint8 (320, 320, 3): a face that smiles, as edited."""
    head = np.ascontiguousarray(astronaut()[:320, 64:384][:, ::-1])
    return load_editor(finder=finder, method="morphable")(Photo(head), "AU12:1.2+AU26:0.6").photo.rgb


def to_controls(page: Any, region: str = "") -> None:
    """Show the tab, and one region's sliders."""
    page.get_by_role("tab", name="Controls").click()
    if region:
        choice = page.get_by_role("radio", name=region)
        choice.evaluate("one => one.scrollIntoView({ block: 'center' })")
        choice.check(force=True)


def slide(page: Any, label: str, steps: int) -> Any:
    """Move a slider up by keys, 5 % each."""
    slider = page.get_by_role("slider", name=label)
    slider.focus()
    for _ in range(steps):
        slider.press("ArrowRight")
    return slider


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("options", [PHONE, DESK], ids=["phone", "desk"])
def test_sliders_of_one_side_both_sides_and_back(
    open_page: Open, group: np.ndarray, tmp_path: Path, options: dict[str, Any], scheme: str
) -> None:
    page = open_page(**options, color_scheme=scheme)
    upload(page, png(tmp_path, group[:, :320]))
    to_controls(page, "mouth")
    assert page.get_by_role("button", name="Reset").is_disabled()
    smile = slide(page, "AU12 lip corner puller", 16)
    assert smile.get_attribute("aria-valuetext") == "80 %"
    both = settled(page)
    assert page.evaluate(EDITS) == "AU12:0.8 1"
    assert (both > 24).any()

    page.get_by_role("radio", name="Left").check(force=True)
    slide(page, "AU12 lip corner puller", 2)
    assert page.get_by_role("slider", name="AU18 lip pucker").is_disabled()  # has no sides
    settled(page)
    assert page.evaluate(EDITS) == "AU12L:0.9+AU12R:0.8 1"
    page.get_by_role("radio", name="Right").check(force=True)
    assert smile.input_value() == "0.8"
    slide(page, "AU12 lip corner puller", 2)
    settled(page)
    assert page.evaluate(EDITS) == "AU12:0.9 1"  # both alike are named once

    page.get_by_role("button", name="Undo").click()
    until(page, f"{EDITS} === 'AU12L:0.9+AU12R:0.8 1'")
    settled(page)
    assert smile.input_value() == "0.8"
    page.get_by_role("button", name="Redo").click()
    until(page, f"{EDITS} === 'AU12:0.9 1'")
    settled(page)
    page.get_by_role("button", name="Reset").click()
    until(page, f"{EDITS} === ''")
    assert not settled(page).any()
    assert smile.input_value() == "0"


def test_one_side_moves_and_it_is_the_persons_own(open_page: Open, group: np.ndarray, tmp_path: Path) -> None:
    page = open_page(**DESK)
    upload(page, png(tmp_path, group[:, :320]))
    to_controls(page, "mouth")
    seen = {}
    for side in ("Left", "Right"):
        page.get_by_role("radio", name=side).check(force=True)
        slide(page, "AU12 lip corner puller", 20)
        _, columns = np.nonzero(settled(page) > 24)
        seen[side] = columns.mean()
        page.get_by_role("button", name="Reset").click()
        until(page, f"{EDITS} === ''")
    assert seen["Right"] + 4 < seen["Left"]  # the person's left is on the picture's right


def test_the_tab_by_keyboard_alone(open_page: Open, group: np.ndarray, tmp_path: Path) -> None:
    page = open_page(**DESK)
    upload(page, png(tmp_path, group[:, :320]))
    focused = "document.activeElement.id || document.activeElement.value"

    def tab_to(wanted: str) -> None:
        for _ in range(40):
            if page.evaluate(focused) == wanted:
                return
            page.keyboard.press("Tab")
        raise AssertionError(f"{wanted} is not reached")

    tab_to("tab-expressions")
    page.keyboard.press("ArrowRight")
    assert page.evaluate(focused) == "tab-controls"
    assert page.get_by_role("tabpanel", name="Controls").is_visible()
    assert not page.get_by_role("tabpanel", name="Expressions").is_visible()
    tab_to("brows")
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    tab_to(page.get_by_role("slider", name="AU26 jaw drop").get_attribute("id"))
    page.keyboard.press("PageUp")
    page.keyboard.press("PageUp")
    assert (settled(page) > 24).any()
    assert page.evaluate(EDITS) == "AU26:0.4 1"
    page.keyboard.press("Control+z")
    until(page, f"{EDITS} === ''")
    nameless = page.evaluate(
        "[...document.querySelectorAll('button, input, select')].filter(one => one.checkVisibility())"
        ".filter(one => ![one.innerText, one.labels?.[0]?.innerText, one.ariaLabel].some(name => name?.trim()))"
        ".map(one => one.outerHTML)"
    )
    assert nameless == []


def test_a_preset_an_expression_below_and_the_file(
    open_page: Open, finder: LandmarkFinder, group: np.ndarray, tmp_path: Path
) -> None:
    page = open_page(**DESK)
    upload(page, png(tmp_path, group[:, :320], "me.png"))
    to_controls(page, "eyes")
    start = page.get_by_label("Start from")
    start.select_option("eyes closed")
    settled(page)
    assert page.evaluate(EDITS) == "AU43 1"
    assert page.get_by_role("slider", name="AU43 eyes closed").input_value() == "1"
    slide(page, "AU7 lid tightener", 4)
    settled(page)
    assert start.evaluate("one => one.selectedOptions[0].text") == "own mixture"
    start.select_option("the face as it is")
    until(page, f"{EDITS} === ''")

    page.get_by_role("tab", name="Expressions").click()
    picked(page, "happiness")
    to_controls(page, "brows")
    slide(page, "AU4 brow lowerer", 10)
    settled(page)
    assert page.evaluate(EDITS) == "happiness+AU4:0.5 1"
    assert page.get_by_text("On top of happiness.").is_visible()
    with page.expect_download() as got:
        page.get_by_role("button", name="Download").click()
    assert got.value.suggested_filename == "me-happiness_AU4-0.5.png"
    got.value.save_as(tmp_path / "saved.png")
    said = find_provenance(tmp_path / "saved.png", finder)
    assert said.xmp is not None
    assert "happiness+AU4:0.5" in said.xmp.description
    page.get_by_role("tab", name="Expressions").click()
    assert page.locator("input[name=expression]:checked").count() == 0


def test_faces_have_their_own_sliders(open_page: Open, group: np.ndarray, tmp_path: Path) -> None:
    page = open_page(**DESK)
    upload(page, png(tmp_path, group))
    to_controls(page, "jaw")
    jaw = slide(page, "AU26 jaw drop", 8)
    settled(page)
    page.get_by_role("button", name="Face 2").click()
    assert jaw.input_value() == "0"
    slide(page, "AU26 jaw drop", 12)
    settled(page)
    assert page.evaluate(EDITS) == "AU26:0.4 1, AU26:0.6 1"
    page.get_by_role("button", name="Face 1").click()
    assert jaw.input_value() == "0.4"


def test_what_another_photo_shows(open_page: Open, group: np.ndarray, smiling: np.ndarray, tmp_path: Path) -> None:
    """Dropped, and chosen by its field; sliders go on top of it; and it is taken back and done again."""
    page = open_page(**DESK)
    upload(page, png(tmp_path, group[:, :320], "me.png"))
    to_controls(page, "brows")
    page.set_input_files("#like-file", png(tmp_path, smiling, "other.png"))
    until(page, f"{EDITS} === 'like 1'")
    assert (settled(page) > 24).any()
    assert page.get_by_text("On top of another photo.").is_visible()
    slide(page, "AU4 brow lowerer", 10)
    first = settled(page)
    assert page.evaluate(EDITS) == "like+AU4:0.5 1"
    page.set_input_files("#like-neutral-file", png(tmp_path, group[:, :320], "calm.png"))
    until(page, "!document.getElementById('like-neutral-image').hidden")
    assert (settled(page) != first).any()
    assert page.evaluate(EDITS) == "like+AU4:0.5 1"
    with page.expect_download() as got:
        page.get_by_role("button", name="Download").click()
    assert got.value.suggested_filename == "me-like_AU4-0.5.png"
    for left in ("like+AU4:0.5 1", "like 1", ""):
        page.get_by_role("button", name="Undo").click()
        until(page, f"{EDITS} === '{left}'")
        settled(page)
    page.get_by_role("button", name="Redo").click()
    until(page, f"{EDITS} === 'like 1'")
    settled(page)
    page.get_by_role("button", name="Reset").click()
    until(page, f"{EDITS} === ''")
    assert not page.locator("#like-image").is_visible()


def test_another_photo_is_dropped_on_its_field(
    open_page: Open, group: np.ndarray, smiling: np.ndarray, tmp_path: Path
) -> None:
    page = open_page(**DESK)
    upload(page, png(tmp_path, group[:, :320], "me.png"))
    to_controls(page)
    drop = """async url => {
      const data = new DataTransfer();
      data.items.add(new File([await (await fetch(url)).blob()], 'other.png', { type: 'image/png' }));
      const event = new DragEvent('drop', { bubbles: true, cancelable: true, dataTransfer: data });
      document.getElementById('like-drop').dispatchEvent(event);
    }"""
    other = png(tmp_path, smiling, "other.png").read_bytes()
    page.route("**/other.png", lambda route: route.fulfill(body=other, content_type="image/png"))
    page.evaluate(drop, "/other.png")
    until(page, f"{EDITS} === 'like 1'")
    assert page.title() == "me.png · facerelief"  # the photo that is edited stays


def test_another_photo_without_a_face(open_page: Open, group: np.ndarray, tmp_path: Path) -> None:
    page = open_page(**DESK)
    upload(page, png(tmp_path, group[:, :320]))
    to_controls(page)
    page.set_input_files("#like-file", png(tmp_path, np.full((300, 400, 3), 128, np.uint8), "wall.png"))
    page.get_by_text("No face found").wait_for()
    assert page.evaluate(EDITS) == ""
    without(page, "status of 422")


def test_methods_without_single_movements_say_so(open_page: Open, group: np.ndarray, tmp_path: Path) -> None:
    page = open_page(**DESK)
    upload(page, png(tmp_path, group[:, :320]))
    to_controls(page, "jaw")
    slide(page, "AU26 jaw drop", 8)
    settled(page)
    page.get_by_label("Method").select_option("stargan")
    until(page, f"{EDITS} === ''")
    assert page.get_by_role("slider", name="AU26 jaw drop").is_disabled()
    page.get_by_role("button", name="Use morphable").click()
    assert page.get_by_role("slider", name="AU26 jaw drop").is_enabled()
    assert page.get_by_label("Method").input_value() == "morphable"


def test_nothing_is_cut_off_and_fingers_find_it(open_page: Open, group: np.ndarray, tmp_path: Path) -> None:
    page = open_page(**PHONE)
    opened(page, png(tmp_path, group[:, :320]))
    for region in ("brows", "eyes", "nose", "mouth", "jaw"):
        to_controls(page, region)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.evaluate(SMALL) == [], region
    slide(page, "AU26 jaw drop", 8)
    settled(page)
    picture = page.locator("#picture").bounding_box()
    assert 0 <= picture["y"] < picture["y"] + picture["height"] <= 844  # in sight while a slider is moved


def test_a_slider_answers_with_small_pictures(open_page: Open, group: np.ndarray, tmp_path: Path) -> None:
    """What is asked for while it moves has few pixels, and the whole face's fit is made once."""
    page = open_page(**DESK)
    opened(page, png(tmp_path, np.kron(group[:, :320], np.ones((3, 3, 1), np.uint8))))
    to_controls(page, "jaw")
    sizes = []
    page.on("response", lambda got: sizes.append(int(got.headers["content-length"])) if "v1/edit" in got.url else 0)
    slide(page, "AU26 jaw drop", 10)
    settled(page)
    small = [size < 0.3 * sizes[-1] for size in sizes]  # bytes
    # Where the machine is busy a slider may seem to rest on its way: then a large picture comes in between.
    assert small[0] and not small[-1] and all(one or after for one, after in itertools.pairwise(small))
    assert int(page.get_attribute("#picture", "data-answer")) > 0
