"""A server that asks for a token; the page asks its user, once a tab."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from pages import opened, png, until, without

Open = Callable[..., Any]
TOKEN = "a+b/c=%41"


def guarded(page: Any, token: str = TOKEN) -> list[str | None]:
    """Have the server refuse what does not bring the token; what is brought is listed."""
    brought: list[str | None] = []

    def check(route: Any) -> None:
        brought.append(route.request.headers.get("authorization"))
        if brought[-1] == f"Bearer {token}":
            route.continue_()
            return
        error = {"code": "unauthorized", "message": "there is no token", "remedy": "send one"}
        route.fulfill(status=401, json={"error": error}, headers={"WWW-Authenticate": "Bearer"})

    page.route("**/v1/**", check)
    return brought


def test_the_page_asks_for_a_token_until_it_is_right(open_page: Open, group: np.ndarray, tmp_path: Path) -> None:
    page = open_page()
    brought = guarded(page)
    page.reload()
    dialog = page.get_by_role("dialog", name="This server asks for a token")
    dialog.wait_for()
    assert page.evaluate("document.activeElement.id") == "token"
    page.keyboard.type("wrong")
    page.keyboard.press("Enter")
    page.get_by_text("That token is not the right one.").wait_for()
    page.keyboard.type(TOKEN)
    page.keyboard.press("Enter")
    opened(page, png(tmp_path, group[:, :320]))
    assert not dialog.is_visible()
    assert brought[0] is None
    assert list(dict.fromkeys(filter(None, brought))) == ["Bearer wrong", f"Bearer {TOKEN}"]
    page.reload()  # kept in this tab
    until(page, "document.body.dataset.ready")
    assert not dialog.is_visible()
    assert page.evaluate("[localStorage.length, document.cookie]") == [0, ""]
    without(page, "status of 401")


def test_a_token_in_the_address_is_taken_and_taken_away(open_page: Open) -> None:
    page = open_page()
    guarded(page)
    address = page.url
    page.goto(f"{address}#token={TOKEN.replace('%', '%25')}")
    page.reload()
    until(page, "document.body.dataset.ready")
    assert page.url == address
    assert page.get_by_role("dialog").count() == 0
    without(page, "status of 401")


def test_whoever_has_no_token_is_told(open_page: Open) -> None:
    page = open_page()
    guarded(page)
    page.reload()
    page.get_by_role("dialog").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("alert").wait_for()
    assert "There is no token." in page.inner_text("#alert")
    page.get_by_role("button", name="Try a face that nobody has").click()  # asks again
    page.get_by_role("button", name="Cancel").click()
    assert page.locator("#start").is_visible()
    without(page, "status of 401")
