"""What the page gives out: several expressions at once, and a photo that moves."""

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pages import Held, opened, picked, png, settled, until, without
from PIL import Image, ImageSequence

from facerelief.faces.detector import LandmarkFinder
from facerelief.photos.photo import read_photo
from facerelief.photos.provenance.verify import find_provenance

Open = Callable[..., Any]


def saved(page: Any, button: str, folder: Path) -> Path:
    """The file that a click gives."""
    with page.expect_download() as got:
        page.locator(button).click()
    path = folder / got.value.suggested_filename
    got.value.save_as(path)
    return path


def test_several_expressions_come_as_one_archive(
    open_page: Open, finder: LandmarkFinder, group: np.ndarray, tmp_path: Path
) -> None:
    """Of the chosen face; the other one keeps its own."""
    page = open_page()
    opened(page, png(tmp_path, group, "us.png"))
    picked(page, "anger")
    settled(page)
    page.get_by_role("button", name="Face 2").click()
    page.get_by_role("button", name="All expressions").click()
    assert page.locator("#several-go").inner_text() == "Download 8 photos"
    for name in ("neutral", "sadness", "fear", "disgust", "anger", "contempt"):
        page.get_by_role("checkbox", name=name).uncheck()
    archive = saved(page, "#several-go", tmp_path)
    assert archive.name == "us-expressions.zip"
    until(page, "document.getElementById('several-said').innerText === 'Saved as us-expressions.zip'")
    with zipfile.ZipFile(archive) as files:
        assert files.testzip() is None
        assert files.namelist() == ["us-happiness.png", "us-surprise.png"]
        files.extractall(tmp_path)
    moved = []
    for name in ("happiness", "surprise"):
        path = tmp_path / f"us-{name}.png"
        assert find_provenance(path, finder).edited
        moved.append(np.abs(read_photo(path).rgb.astype(int) - group).max(axis=2) > 24)
    middle = group.shape[1] // 2
    assert (moved[0][:, :middle] == moved[1][:, :middle]).mean() > 0.999
    assert moved[0][:, :middle].any()
    assert (moved[0][:, middle:] != moved[1][:, middle:]).mean() > 0.005


def test_a_single_one_is_no_archive_and_none_is_no_choice(open_page: Open, group: np.ndarray, tmp_path: Path) -> None:
    page = open_page()
    opened(page, png(tmp_path, group[:, :320], "me.png"))
    page.locator("#several-open").click()
    boxes = page.get_by_role("checkbox").all()
    for box in boxes:
        box.uncheck()
    assert page.locator("#several-go").is_disabled()
    page.get_by_role("checkbox", name="happiness").check()
    assert page.locator("#several-go").inner_text() == "Download 1 photo"
    assert saved(page, "#several-go", tmp_path).name == "me-happiness.png"


def test_what_goes_wrong_with_several_is_said_where_they_are_asked_for(
    open_page: Open, group: np.ndarray, tmp_path: Path
) -> None:
    page = open_page()
    opened(page, png(tmp_path, group[:, :320]))
    error = {"error": {"code": "too_slow", "message": "the answer takes too long", "remedy": "come again later"}}
    page.route("**/v1/edit", lambda route: route.fulfill(status=504, json=error))
    page.locator("#several-open").click()
    page.locator("#several-go").click()
    until(page, "document.getElementById('several-said').innerText.includes('takes too long. Come again later.')")
    assert page.locator("#several-go").is_enabled()
    page.unroute("**/v1/edit")
    held = Held()
    page.route("**/v1/edit", held)
    page.locator("#several-go").click()
    held.come(page)
    assert page.locator("#several-said").inner_text() == "1 of 8: neutral"
    assert page.locator("#several-done").evaluate("bar => [bar.value, bar.max]") == [0, 8]
    page.keyboard.press("Escape")  # ends it
    until(page, "!document.getElementById('several-go').disabled")
    assert len(held.routes) == 1
    without(page, "status of 504")


def test_a_moving_picture(open_page: Open, finder: LandmarkFinder, group: np.ndarray, tmp_path: Path) -> None:
    page = open_page()
    opened(page, png(tmp_path, group, "us.png"))
    assert page.locator("#moving-open").is_disabled()  # nothing would move
    picked(page, "surprise")
    settled(page)
    page.get_by_role("button", name="Moving picture").click()
    page.get_by_label("Pace").select_option("0.8")
    page.locator("#moving-go").click()
    until(page, "document.getElementById('moving-said').innerText.startsWith('Making')")
    page.locator("#moving-save").wait_for()
    shown = page.locator("#moving-result img")
    until(page, "document.querySelector('#moving-result img').complete")
    assert shown.evaluate("image => [image.naturalWidth, image.naturalHeight]") == [640, 320]
    assert page.evaluate("document.activeElement.id") == "moving-save"
    path = saved(page, "#moving-save", tmp_path)
    assert path.name == "us-surprise.gif"
    assert find_provenance(path, finder).edited
    with Image.open(path) as film:
        frames = [np.asarray(frame.convert("RGB")).astype(int) for frame in ImageSequence.Iterator(film)]
    assert len(frames) > 20
    far = [np.abs(frame - frames[0]).mean() for frame in frames]
    assert np.argmax(far) == pytest.approx(len(frames) / 2, abs=len(frames) / 5)  # there and back
    assert far[-1] < 0.2 * max(far)
    page.get_by_label("Pace").select_option("1.5")  # what was made is no more what is asked for
    assert not page.locator("#moving-save").is_visible()
    assert page.locator("#moving-go").is_enabled()


def test_a_moving_picture_is_not_started_where_little_motion_is_asked_for(
    open_page: Open, group: np.ndarray, tmp_path: Path
) -> None:
    page = open_page(reduced_motion="reduce")
    opened(page, png(tmp_path, group[:, :320]))
    picked(page, "surprise")
    settled(page)
    page.locator("#moving-open").click()
    page.get_by_label("Pace").select_option("0.8")
    page.locator("#moving-back").uncheck()
    page.locator("#moving-go").click()
    page.locator("#moving-save").wait_for()
    assert page.locator("#moving-result img, #moving-result video").count() == 0
    assert "Ready: photo-surprise.gif" in page.inner_text("#moving-said")
