"""The page when something is amiss, and whether everybody can use it; in a real browser."""

import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from pages import Held, picked, png, settled, until, upload

Open = Callable[..., Any]
REFUSED = {"error": {"code": "no_face", "message": "no face found", "remedy": "use another photo"}}


def refused(page: Any, status: int = 422) -> str:
    """The message on the page; takes the browser's own line about the answer from the problems."""
    page.get_by_role("alert").wait_for()
    time.sleep(0.1)
    page.problems = [line for line in page.problems if f"status of {status}" not in line]
    return page.get_by_role("alert").inner_text()


def test_what_cannot_be_edited_is_said_in_plain_words(open_page: Open, tmp_path: Path) -> None:
    page = open_page()
    until(page, "document.body.dataset.ready")
    for name, data, words in (
        ("note.txt", b"not a photo", "The photo is not an image, or its header is damaged. Give a JPEG"),
        ("empty.jpg", b"", "The photo is empty (zero bytes). Copy or download it again."),
    ):
        (tmp_path / name).write_bytes(data)
        page.set_input_files("#file", tmp_path / name)
        until(page, f"document.getElementById('alert').innerText.includes({words[:20]!r})")
        assert words in refused(page).replace("\n", " ")
    page.set_input_files("#file", png(tmp_path, np.full((300, 400, 3), 128, np.uint8)))
    until(page, "document.getElementById('alert').innerText.includes('No face found')")
    assert "Use a photo with a face seen from the front" in refused(page)
    assert page.get_by_text("Choose a photo", exact=True).is_visible()
    page.get_by_role("button", name="Dismiss").click()
    assert not page.get_by_role("alert").is_visible()


def test_a_camera_that_shows_nobody(open_page: Open) -> None:
    """The browser's test camera shows a pattern; what is tested is the way from the camera to the server."""
    page = open_page(permissions=["camera"])
    until(page, "document.body.dataset.ready")
    page.get_by_role("button", name="Use the camera").click()
    until(page, "document.getElementById('camera-video').videoWidth > 0")
    page.get_by_role("button", name="Take the photo").click()
    until(page, "document.getElementById('alert').innerText.includes('No face found')")
    refused(page)
    assert not page.get_by_role("dialog").is_visible()


def test_a_camera_that_is_not_allowed(open_page: Open) -> None:
    page = open_page()
    refusal = "() => Promise.reject(new DOMException('no', 'NotAllowedError'))"
    page.evaluate(f"() => {{ navigator.mediaDevices.getUserMedia = {refusal} }}")
    until(page, "document.body.dataset.ready")
    page.get_by_role("button", name="Use the camera").click()
    assert "The camera cannot be used." in refused(page)


def test_a_server_that_is_gone_is_told(open_page: Open, group: np.ndarray, tmp_path: Path) -> None:
    page = open_page()
    upload(page, png(tmp_path, group))
    page.context.set_offline(True)
    page.get_by_role("radio", name="anger").click(force=True)
    assert "The server does not answer. See whether it still runs" in refused(page).replace("\n", " ")
    page.problems = [line for line in page.problems if "ERR_INTERNET_DISCONNECTED" not in line]
    page.context.set_offline(False)
    picked(page, "happiness")
    assert settled(page).any()


# -- for everybody --------------------------------------------------------------------------------------------------


def test_nothing_is_cut_off(open_page: Open, group: np.ndarray, tmp_path: Path) -> None:
    page = open_page()
    for opened in (False, True):
        for width in (360, 390, 768, 1440):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), width
            if opened:
                box = page.get_by_role("button", name="Download").bounding_box()
                assert 0 <= box["x"] < box["x"] + box["width"] <= width
                assert box["height"] >= 44
        if not opened:
            upload(page, png(tmp_path, group))


def test_every_control_has_a_name_and_is_reached_by_the_keyboard(
    open_page: Open, group: np.ndarray, tmp_path: Path
) -> None:
    page = open_page()
    upload(page, png(tmp_path, group))
    picked(page, "happiness")
    nameless = page.evaluate(
        "[...document.querySelectorAll('button, input, select, [tabindex]')].filter(one => one.checkVisibility())"
        ".filter(one => ![one.innerText, one.labels?.[0]?.innerText, one.ariaLabel].some(name => name?.trim()))"
        ".map(one => one.outerHTML)"
    )
    assert nameless == []
    reached = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate(
                "document.activeElement.id || document.activeElement.name || document.activeElement.ariaLabel"
            )
        )
    assert {
        "another",
        "undo",
        "several-open",
        "moving-open",
        "wipe",
        "Face 1",
        "Face 2",
        "view",
        "expression",
        "strength",
        "method",
        "download",
        "format",
    } <= reached


def test_dark_and_light_follow_the_system(open_page: Open) -> None:
    brightness = []
    for scheme in ("light", "dark"):
        page = open_page(color_scheme=scheme)
        paper, ink = page.evaluate(
            "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
        )
        brightness.append([sum(int(part) for part in colour[4:-1].split(",")[:3]) for colour in (paper, ink)])
    (light_paper, light_ink), (dark_paper, dark_ink) = brightness
    assert light_paper > 600 > 200 > light_ink
    assert dark_paper < 100 < 600 < dark_ink


def test_the_api_page_lists_every_address(open_page: Open) -> None:
    page = open_page("/api")
    page.get_by_role("heading", name="POST /v1/edit").wait_for()
    for address in ("/v1/faces", "/v1/previews", "/v1/geometry", "/v1/expressions", "/health", "/metrics"):
        assert page.get_by_role("link", name=address, exact=True).is_visible()
    assert page.get_by_text("busy", exact=True).is_visible()


def test_of_two_photos_that_come_at_once_the_last_is_shown(open_page: Open, group: np.ndarray, tmp_path: Path) -> None:
    """The first one's faces are known, or refused, only after the second one is there."""
    page = open_page()
    until(page, "document.body.dataset.ready")
    for late, second in (({}, group[:, :320]), ({"status": 422, "json": REFUSED}, group)):
        held = Held()
        page.route("**/v1/faces", held)
        page.set_input_files("#file", png(tmp_path, group if not late else group[:, :320], "first.png"))
        held.come(page)
        (first,) = held.routes
        page.unroute("**/v1/faces")
        page.set_input_files("#file", png(tmp_path, second, "second.png"))
        until(page, "document.querySelectorAll('.thumb img').length === 9")
        with contextlib.suppress(Exception):  # the page may have given it up
            first.fulfill(**late) if late else first.continue_()
        page.wait_for_timeout(500)
        assert page.locator("#boxes button").count() == second.shape[1] // 320
        assert page.eval_on_selector("#before", "one => one.width / one.height") == second.shape[1] / 320
        assert not page.get_by_role("alert").is_visible()
        picked(page, "surprise")
        assert settled(page).any()
        page.reload()
        until(page, "document.body.dataset.ready")
