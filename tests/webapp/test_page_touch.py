"""The page under fingers, on a phone's width, and without JavaScript."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pages import PHONE, SMALL, opened, picked, png, settled, upload

Open = Callable[..., Any]


@pytest.mark.parametrize("options", [PHONE, {"viewport": {"width": 1440, "height": 900}}], ids=["phone", "desk"])
def test_the_handle_stays_inside_the_picture(
    open_page: Open, group: np.ndarray, tmp_path: Path, options: dict[str, Any]
) -> None:
    page = open_page(**options)
    opened(page, png(tmp_path, group))
    picked(page, "happiness")
    settled(page)
    wipe = page.get_by_role("slider", name="Before and after")
    place = page.locator("#view-photo").bounding_box()
    for zoomed in (False, True):
        if zoomed:
            page.get_by_role("button", name="Zoom in").click()
        for keys in (("Home", "Home"), ("PageUp",) * 5, ("End",)):
            for key in keys:
                wipe.press(key)
            handle, picture = wipe.bounding_box(), page.locator("#picture").bounding_box()
            left = max(picture["x"], place["x"])
            right = min(picture["x"] + picture["width"], place["x"] + place["width"])
            assert left - 0.5 <= handle["x"] < handle["x"] + 44 <= right + 0.5, (zoomed, keys)


def test_the_line_is_dragged_by_a_finger_from_the_very_edge(open_page: Open, group: np.ndarray, tmp_path: Path) -> None:
    page = open_page(**PHONE)
    opened(page, png(tmp_path, group))
    picked(page, "happiness")
    settled(page)
    page.mouse.move(12, 150)
    page.mouse.down()
    page.mouse.move(195, 150)
    page.mouse.up()
    assert page.get_by_role("slider", name="Before and after").get_attribute("aria-valuenow") == "50"


@pytest.mark.parametrize("width", [360, 390])
def test_all_expressions_are_in_sight_on_a_phone(
    open_page: Open, group: np.ndarray, tmp_path: Path, width: int
) -> None:
    page = open_page(**{**PHONE, "viewport": {"width": width, "height": 844}})
    opened(page, png(tmp_path, group[:, :320]))
    boxes = [label.bounding_box() for label in page.locator("#expressions label").all()]
    assert len(boxes) == 9
    assert all(0 <= box["x"] < box["x"] + box["width"] <= width for box in boxes)
    assert all(box["width"] >= 44 for box in boxes)
    words = page.locator("#expressions .name")
    assert all(word.evaluate("one => one.scrollWidth <= one.clientWidth") for word in words.all())  # none is cut off
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_what_fingers_touch_is_large_enough(open_page: Open, group: np.ndarray, tmp_path: Path) -> None:
    page = open_page(**PHONE)
    assert page.evaluate(SMALL) == []
    upload(page, png(tmp_path, group))
    picked(page, "happiness")
    settled(page)
    assert page.evaluate(SMALL) == []
    for name in ("several", "moving"):
        page.locator(f"#{name}-open").click()
        assert page.evaluate(SMALL.replace("document.query", f"document.getElementById('{name}').query")) == []
        page.locator(f"#{name}-close").click()
    page = open_page("/api", **PHONE)
    page.get_by_role("heading", name="POST /v1/edit").wait_for()
    assert page.evaluate(SMALL) == []


def test_drop_and_paste_are_offered_to_mice_alone(open_page: Open) -> None:
    words = "or drop one here, or paste it"
    assert open_page().get_by_text(words).is_visible()
    assert not open_page(**PHONE).get_by_text(words).is_visible()


# -- what every page has --------------------------------------------------------------------------------------------


def test_each_page_has_one_heading_of_the_first_rank_and_no_empty_table_head(
    open_page: Open, group: np.ndarray, tmp_path: Path
) -> None:
    heads = "[...document.querySelectorAll('h1')].map(one => one.innerText.trim())"
    page = open_page()
    assert page.evaluate(heads) == ["Another expression,\nthe same photo."]
    opened(page, png(tmp_path, group, "us.png"))
    assert page.evaluate(heads) == ["Editing us.png"]
    assert page.title() == "us.png · facerelief"
    page.get_by_role("button", name="Another photo").click()
    assert page.evaluate(heads) == ["Another expression,\nthe same photo."]
    page = open_page("/api")
    page.get_by_role("heading", name="POST /v1/edit").wait_for()
    assert page.evaluate(heads) == ["API"]
    names = page.evaluate("[...document.querySelectorAll('th')].map(one => one.innerText.trim())")
    assert len(names) > 10
    assert all(names)


def test_without_javascript_each_page_says_so_and_what_to_do(open_page: Open) -> None:
    page = open_page(java_script_enabled=False)
    said = page.locator("noscript .note")
    assert said.is_visible()
    assert "This page needs JavaScript" in said.inner_text()
    assert "facerelief edit me.jpg --to happiness" in said.inner_text()
    assert not any(one.is_visible() for one in page.locator("button, .button, input").all())
    said.locator("a").click()
    assert page.get_by_role("heading", name="API").is_visible()
    assert said.is_visible()
    for words in ("POST /v1/edit", "POST /v1/morph", "curl -F photo=@me.jpg"):
        assert words in said.inner_text()
    assert said.locator("a").get_attribute("href") == "openapi.json"
