"""While the server works: the picture stays sharp and says so; what was done is taken back and done again."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from pages import Held, opened, picked, pixels, png, settled, until, upload, without
from PIL import Image

Open = Callable[..., Any]
CAUTION = "fear: a classifier recognises 22% of such edits, and 60% of real photos; look at the result"


def test_the_picture_stays_sharp_under_a_sign_until_the_sharp_one_comes(
    open_page: Open, group: np.ndarray, tmp_path: Path
) -> None:
    page = open_page()
    opened(page, png(tmp_path, group))
    held = Held()
    page.route("**/v1/edit", held)
    page.get_by_role("radio", name="surprise").check(force=True)
    held.come(page)
    sign = page.locator("#busy")
    assert sign.is_visible()
    assert sign.inner_text().strip() == "Editing face 1: surprise …"
    assert page.inner_text("#status") == "Editing face 1: surprise …"
    assert page.get_attribute("#picture", "aria-busy") == "true"
    assert (pixels(page, "#after") == pixels(page, "#before")).all()
    held.go()
    assert settled(page).max() > 24
    assert not sign.is_visible()
    assert page.inner_text("#status") == "Shown: surprise, 100 %"
    before = pixels(page, "#after")
    held.passing = 0
    page.get_by_role("radio", name="anger").check(force=True)
    held.come(page)
    assert (pixels(page, "#after") == before).all()  # the last edit stays meanwhile
    held.go()
    assert (settled(page) > 24).any()
    edits = [url for url in page.asked if url.endswith("/v1/edit")]
    assert len(edits) == 2  # straight to the sharp one


def test_while_the_slider_moves_only_what_changes_is_soft(open_page: Open, group: np.ndarray, tmp_path: Path) -> None:
    page = open_page()
    opened(
        page, png(tmp_path, np.asarray(Image.fromarray(group).resize((1920, 960))))
    )  # larger than the small pictures
    picked(page, "surprise")
    sharp = settled(page)
    held = Held(passing=1)
    page.route("**/v1/edit", held)
    page.get_by_role("slider", name="Strength").press("ArrowLeft")
    held.come(page)  # the sharp one; the small one is shown
    soft = np.abs(pixels(page, "#before") - pixels(page, "#after")).max(axis=2)
    rows, columns = np.nonzero(sharp > 24)
    height, width = np.ptp(rows), np.ptp(columns)
    inside = np.zeros(soft.shape, bool)
    inside[
        rows.min() - height // 4 : rows.max() + height // 4, columns.min() - width // 4 : columns.max() + width // 4
    ] = True
    assert (soft[inside] > 24).mean() > 0.05
    assert (soft[~inside] > 0).mean() < 0.005  # pixel by pixel the photo
    assert page.locator("#busy").is_visible()
    held.go()
    assert settled(page).any()


def test_little_motion_is_respected(open_page: Open) -> None:
    page = open_page(reduced_motion="reduce")
    names = "[...document.querySelectorAll('.spinner')].map(one => getComputedStyle(one).animationName)"
    assert set(page.evaluate(names)) == {"breathe"}  # its opacity alone
    page = open_page()
    assert set(page.evaluate(names)) == {"turn"}


def test_small_pictures_show_that_they_are_coming(open_page: Open, tmp_path: Path, group: np.ndarray) -> None:
    page = open_page()
    held = Held()
    page.route("**/v1/previews", held)
    opened(page, png(tmp_path, group[:, :320]))
    held.come(page)
    assert page.locator("#coming").inner_text().strip() == "making previews"
    waiting = page.locator(".thumb.waiting")
    assert waiting.count() == 8
    assert "url(" in waiting.first.evaluate("one => getComputedStyle(one).backgroundImage")  # the face, dimmed
    assert waiting.first.evaluate("one => getComputedStyle(one, '::after').animationName") == "turn"
    held.go()
    until(page, "document.querySelectorAll('.thumb img').length === 9")
    assert waiting.count() == 0
    assert not page.locator("#coming").is_visible()


def test_small_pictures_that_do_not_come_are_not_waited_for(open_page: Open, tmp_path: Path, group: np.ndarray) -> None:
    page = open_page()
    error = {"error": {"code": "too_slow", "message": "the answer takes too long", "remedy": "come again later"}}
    page.route("**/v1/previews", lambda route: route.fulfill(status=504, json=error))
    opened(page, png(tmp_path, group))
    page.get_by_role("alert").wait_for()
    assert page.locator(".thumb.waiting").count() == 0
    assert not page.locator("#coming").is_visible()
    picked(page, "happiness")  # which works without them
    without(page, "status of 504")


def test_edits_are_taken_back_and_done_again(open_page: Open, group: np.ndarray, tmp_path: Path) -> None:
    page = open_page()
    upload(page, png(tmp_path, group))
    undo, redo = (page.get_by_role("button", name=name, exact=True) for name in ("Undo", "Redo"))
    assert undo.is_disabled()
    assert redo.is_disabled()
    states = [""]
    picked(page, "surprise")
    first = settled(page)
    states.append("surprise 1")
    page.get_by_role("slider", name="Strength").press("ArrowLeft")
    settled(page)
    states.append("surprise 0.99")
    page.get_by_role("button", name="Face 2").click()
    picked(page, "anger")
    settled(page)
    states.append("surprise 0.99, anger 1")
    page.get_by_label("What may change").select_option("eyes and brows")
    settled(page)

    def shown() -> str | None:
        settled(page)
        return str(page.get_attribute("#picture", "data-edits"))

    page.keyboard.press("Control+z")
    settled(page)
    assert page.get_by_label("What may change").input_value() == "face"
    for state in states[-2::-1]:
        page.keyboard.press("Control+z")
        assert shown() == state
    assert not settled(page).any()
    assert undo.is_disabled()
    for state in states[1:]:
        page.keyboard.press("Control+Shift+Z")
        assert shown() == state
        if state == "surprise 1":
            assert (settled(page) == first).all()
    redo.click()
    settled(page)
    assert page.get_by_label("What may change").input_value() == "eyes"
    assert redo.is_disabled()
    undo.click()
    settled(page)
    picked(page, "fear")  # something new ends what could be done again
    settled(page)
    assert redo.is_disabled()


def test_what_is_still_being_made_is_taken_back_too(open_page: Open, group: np.ndarray, tmp_path: Path) -> None:
    page = open_page()
    opened(page, png(tmp_path, group))
    held = Held()
    page.route("**/v1/edit", held)
    page.get_by_role("radio", name="surprise").check(force=True)
    held.come(page)
    page.keyboard.press("Control+z")
    until(page, "document.getElementById('picture').ariaBusy === 'false'")
    assert page.get_by_role("radio", name="as it was").is_checked()
    assert not settled(page).any()


def test_an_edit_that_fails_leaves_what_is_shown(open_page: Open, group: np.ndarray, tmp_path: Path) -> None:
    page = open_page()
    opened(page, png(tmp_path, group))
    picked(page, "surprise")
    shown = settled(page)
    error = {"error": {"code": "internal", "message": "the server has a fault", "remedy": "report it"}}
    page.route("**/v1/edit", lambda route: route.fulfill(status=500, json=error))
    page.get_by_role("radio", name="anger").click(force=True)
    page.get_by_role("alert").wait_for()
    assert page.get_by_role("radio", name="surprise").is_checked()
    assert (settled(page) == shown).all()
    assert page.get_attribute("#picture", "data-edits") == "surprise 1"
    assert not page.locator("#busy").is_visible()
    without(page, "status of 500")


def test_what_the_server_says_against_an_edit_is_shown(open_page: Open, group: np.ndarray, tmp_path: Path) -> None:
    page = open_page()
    opened(page, png(tmp_path, group))

    def noted(route: Any) -> None:
        answer = route.fetch()
        name = page.get_by_role("radio", checked=True, name="fear").count()
        route.fulfill(response=answer, headers={**answer.headers, **({"x-notes": CAUTION} if name else {})})

    page.route("**/v1/edit", noted)
    caution = page.locator("#caution")
    for expression, words in (("fear", CAUTION.replace("fear", "Fear") + "."), ("happiness", ""), ("fear", None)):
        picked(page, expression)
        settled(page)
        assert caution.is_visible() == (words != "")
        assert words is None or caution.inner_text() == words
    page.get_by_role("radio", name="as it was").check(force=True)
    settled(page)
    assert not caution.is_visible()


def busy(wait: int) -> dict[str, Any]:
    """The answer of a server that is to be asked again after so many seconds."""
    error = {"error": {"code": "busy", "message": "the server is busy", "remedy": "try again later"}}
    return {"status": 503, "headers": {"Retry-After": str(wait)}, "json": error}


def test_an_edit_is_made_though_the_last_photos_still_waited(
    open_page: Open, group: np.ndarray, tmp_path: Path
) -> None:
    page = open_page()
    opened(page, png(tmp_path, group))
    asked = []
    page.route("**/v1/edit", lambda route: route.fulfill(**busy(600)) if not asked else route.continue_())
    page.get_by_role("radio", name="surprise").check(force=True)
    page.wait_for_event("console")  # the browser's own line about the refusal
    asked.append("by then")
    page.set_input_files("#file", png(tmp_path, group[:, :320], "other.png"))
    until(page, "document.querySelectorAll('#boxes button').length === 1")
    picked(page, "anger")
    assert settled(page).max() > 24
    without(page, "status of 503")


def test_an_edit_that_comes_while_the_last_photos_is_on_its_way(
    open_page: Open, group: np.ndarray, tmp_path: Path
) -> None:
    """It is made once the other has ended, which may be after the new photo's faces are known."""
    page = open_page()
    opened(page, png(tmp_path, group))
    # The browser is slow to decode what came for the first photo, which no signal stops.
    script = """() => {
      const decode = window.createImageBitmap;
      window.createImageBitmap = (picture) => new Promise((done) => (window.late = () => done(decode(picture))));
      window.asBefore = () => { window.createImageBitmap = decode; };
    }"""
    page.evaluate(script)
    page.get_by_role("radio", name="surprise").check(force=True)
    until(page, "window.late !== undefined")
    page.evaluate("window.asBefore()")
    page.set_input_files("#file", png(tmp_path, group[:, :320], "other.png"))
    until(page, "document.querySelectorAll('#boxes button').length === 1")
    page.get_by_role("radio", name="anger").check(force=True)
    page.wait_for_timeout(300)
    page.evaluate("window.late()")
    until(page, "document.getElementById('picture').dataset.edits.includes('anger')", seconds=30)
    assert settled(page).max() > 24


def test_a_photo_that_comes_before_the_menu(open_page: Open, group: np.ndarray, tmp_path: Path) -> None:
    page = open_page()
    held = Held()
    page.route("**/v1/expressions", held)
    page.reload()
    held.come(page)
    page.set_input_files("#file", png(tmp_path, group))
    page.wait_for_timeout(500)
    assert page.inner_text("#reading-what") == "Reading the photo"
    held.go()
    until(page, "document.querySelectorAll('.thumb img').length === 9")
    assert not page.get_by_role("alert").is_visible()


def test_a_server_that_is_busy_when_the_page_opens(open_page: Open, group: np.ndarray, tmp_path: Path) -> None:
    page = open_page()
    until(page, "document.body.dataset.ready")
    times: dict[str, int] = {}

    def refused(route: Any) -> None:
        url = route.request.url
        times[url] = times.get(url, 0) + 1
        if times[url] > 1:
            route.continue_()
        else:
            route.fulfill(**busy(1))

    page.route("**/v1/expressions", refused)
    page.route("**/v1/controls", refused)
    page.reload()
    upload(page, png(tmp_path, group))
    assert not page.get_by_role("alert").is_visible()
    assert list(times.values()) == [2, 2]
    without(page, "status of 503")
