"""The page, in a real browser, as a person uses it."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pages import picked, pixels, png, settled, until, upload

from facerelief.expressions import EXPRESSIONS
from facerelief.faces.detector import LandmarkFinder
from facerelief.geometry.transfer.expression_transfer import transfer_crop
from facerelief.photos.photo import read_photo
from facerelief.photos.provenance.verify import find_provenance

Open = Callable[..., Any]


def test_one_face_of_a_group_from_upload_to_download(
    open_page: Open, finder: LandmarkFinder, group: np.ndarray, tmp_path: Path
) -> None:
    page = open_page(viewport={"width": 1440, "height": 900})
    upload(page, png(tmp_path, group, "us.png"))
    faces = page.get_by_role("group", name="Faces").get_by_role("button")
    assert [face.get_attribute("aria-label") for face in faces.all()] == ["Face 1", "Face 2"]
    assert page.get_by_role("button", name="Download").is_disabled()

    faces.nth(1).click()
    assert faces.nth(1).get_attribute("aria-pressed") == "true"
    until(page, "document.querySelectorAll('.thumb img').length === 9")
    picked(page, "surprise")
    strong = settled(page)
    picked(page, "anger")
    assert (settled(page) != strong).any()
    picked(page, "surprise")

    slider = page.get_by_role("slider", name="Strength")
    slider.focus()
    for _ in range(50):
        slider.press("ArrowLeft")
    until(page, "document.getElementById('picture').dataset.edits === 'surprise 0.5'")
    weak = settled(page)
    assert 0 < weak.mean() < 0.8 * strong.mean()

    with page.expect_download() as got:
        page.get_by_role("button", name="Download").click()
    assert got.value.suggested_filename == "us-surprise.png"
    saved = tmp_path / "saved.png"
    got.value.save_as(saved)
    said = find_provenance(saved, finder)
    assert said.xmp is not None
    assert "surprise" in said.xmp.description
    assert said.edited
    moved = (read_photo(saved).rgb != group).any(axis=2)
    crop = transfer_crop(finder(group)[1].landmarks)
    corners = crop.to_photo(crop.size * np.array([(0, 0), (1, 0), (0, 1), (1, 1)], float))
    (x0, y0), (x1, y1) = corners.min(axis=0), corners.max(axis=0)
    rows, columns = np.nonzero(moved)
    assert rows.size
    assert y0 < rows.min() < rows.max() < y1  # the other face and all else stay
    assert x0 < columns.min() < columns.max() < x1
    seen = weak > 24
    assert (seen & moved).sum() > 0.9 * seen.sum()  # the preview shows what is saved


def test_faces_keep_their_own_expressions(open_page: Open, group: np.ndarray, tmp_path: Path) -> None:
    page = open_page()
    upload(page, png(tmp_path, group))
    picked(page, "happiness")
    page.get_by_role("button", name="Face 2").click()
    until(page, "document.querySelectorAll('.thumb img').length === 9")
    assert page.get_by_role("radio", name="as it was").is_checked()
    picked(page, "sadness")
    assert page.get_attribute("#picture", "data-edits") == "happiness 1, sadness 1"
    moved = settled(page) > 24
    assert moved[:, : moved.shape[1] // 2].any()
    assert moved[:, moved.shape[1] // 2 :].any()
    page.get_by_role("button", name="Face 1").click()
    assert page.get_by_role("radio", name="happiness").is_checked()


def test_eyes_or_mouth_alone(open_page: Open, finder: LandmarkFinder, group: np.ndarray, tmp_path: Path) -> None:
    """Each face keeps its own part, and the download has what is shown."""
    page = open_page()
    upload(page, png(tmp_path, group))
    picked(page, "surprise")
    whole = settled(page) > 24
    rows = finder(group)[0].landmarks[:, 1]
    above, below = slice(0, int(rows[[145, 374]].min()) - 8), slice(int(rows[[61, 0, 291]].max()) + 12, None)
    part = page.get_by_label("What may change")
    for name, stays, changes in (("eyes and brows", below, above), ("mouth and cheeks", above, below)):
        part.select_option(name)
        seen = settled(page) > 24
        assert seen[stays].sum() < 0.05 * whole[stays].sum()  # what JPEG does to the preview
        assert seen[changes].sum() > 0.5 * whole[changes].sum()
    page.get_by_role("button", name="Face 2").click()
    assert part.input_value() == "face"
    page.get_by_role("button", name="Face 1").click()
    assert part.input_value() == "mouth"
    with page.expect_download() as got:
        page.get_by_role("button", name="Download").click()
    got.value.save_as(tmp_path / "saved.png")
    moved = np.abs(read_photo(tmp_path / "saved.png").rgb.astype(int) - group).max(axis=2) > 24
    assert moved[below].any()
    assert not moved[above].any()


def test_the_wipe_moves_by_keys_and_by_hand(open_page: Open, group: np.ndarray, tmp_path: Path) -> None:
    page = open_page()
    upload(page, png(tmp_path, group))
    picked(page, "disgust")
    wipe = page.get_by_role("slider", name="Before and after")
    clip = "getComputedStyle(document.getElementById('after')).clipPath"
    assert page.evaluate(clip) == "inset(0px 0px 0px 0%)"
    wipe.focus()
    wipe.press("PageUp")
    assert page.evaluate(clip) == "inset(0px 0px 0px 10%)"
    box, handle = page.locator("#picture").bounding_box(), wipe.bounding_box()
    page.mouse.move(handle["x"] + handle["width"] / 2, handle["y"] + 10)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, handle["y"] + 10)
    page.mouse.up()
    assert wipe.get_attribute("aria-valuenow") == "50"
    assert page.evaluate(clip) == "inset(0px 0px 0px 50%)"


@pytest.mark.parametrize("width", [390, 1440])
def test_zooming_in_on_a_face(open_page: Open, group: np.ndarray, tmp_path: Path, width: int) -> None:
    page = open_page(viewport={"width": width, "height": 900})
    upload(page, png(tmp_path, group))
    page.get_by_role("button", name="Face 2").click()
    picked(page, "happiness")
    face = page.locator("#boxes button").nth(1)
    stage, before = page.locator("#view-photo").bounding_box(), face.bounding_box()
    page.get_by_role("button", name="Zoom in").click()
    after = face.bounding_box()
    assert after["width"] > 1.3 * before["width"]
    middle = after["x"] + after["width"] / 2
    assert abs(middle - (stage["x"] + stage["width"] / 2)) < 0.1 * stage["width"]
    wipe = page.get_by_role("slider", name="Before and after")
    for key, edge in (("Home", stage["x"]), ("End", stage["x"] + stage["width"])):
        for _ in range(2):
            wipe.press(key)
        knob = page.locator("#wipe span").bounding_box()
        assert abs(knob["x"] + knob["width"] / 2 - edge) < 30  # in sight from end to end
        assert stage["y"] < knob["y"] < stage["y"] + page.locator("#view-photo").bounding_box()["height"]
    page.get_by_role("button", name="Zoom out").click()
    assert abs(face.bounding_box()["width"] - before["width"]) < 1


def test_strength_nought_and_the_first_small_picture_are_the_photo(
    open_page: Open, group: np.ndarray, tmp_path: Path
) -> None:
    page = open_page()
    upload(page, png(tmp_path, group))
    picked(page, "fear")
    assert settled(page).any()
    page.get_by_role("slider", name="Strength").press("Home")
    until(page, "document.getElementById('picture').dataset.edits === ''")
    assert not settled(page).any()
    assert page.get_by_role("button", name="Download").is_disabled()
    picked(page, "anger")  # a choice at strength 0 goes to full strength
    assert page.inner_text("#strength-value") == "100 %"
    page.get_by_role("radio", name="as it was").check(force=True)
    until(page, "document.getElementById('picture').dataset.edits === ''")
    assert not settled(page).any()


def test_depth_normals_and_the_face_in_3d(open_page: Open, group: np.ndarray, tmp_path: Path) -> None:
    page = open_page(viewport={"width": 1000, "height": 800})
    upload(page, png(tmp_path, group))
    picked(page, "surprise")
    for name in ("Depth", "Normals"):
        page.get_by_role("radio", name=name).check(force=True)
        sources = until(
            page,
            "(() => { const maps = ['before', 'after'].map(when => document.getElementById('map-' + when));"
            f"return maps.every(map => map.alt.startsWith('{name.lower()}') && map.naturalWidth === 256)"
            " && maps.map(map => map.src) })()",
        )
        assert sources[0] != sources[1]
    page.get_by_role("radio", name="3D").check(force=True)
    until(page, "document.querySelector('.measuring').hidden")
    time.sleep(0.5)
    straight = pixels(page, "#solid")
    assert len(np.unique(straight.reshape(-1, 3), axis=0)) > 1000  # a photo, not a blank
    page.locator("#solid").press("ArrowRight")
    page.locator("#solid").press("ArrowRight")
    turned = pixels(page, "#solid")
    assert (turned != straight).mean() > 0.02
    page.get_by_role("radio", name="Before").check(force=True)
    time.sleep(1)
    assert (pixels(page, "#solid") != turned).mean() > 0.01
    page.get_by_role("radio", name="Clay").check(force=True)
    clay = pixels(page, "#solid")
    assert np.ptp(clay[clay.sum(axis=1).sum(axis=1) > 0], axis=2).max() < 60  # nearly grey


def test_a_method_that_knows_five_expressions(open_page: Open, group: np.ndarray, tmp_path: Path) -> None:
    page = open_page()
    upload(page, png(tmp_path, group))
    picked(page, "fear")
    page.get_by_label("Method").select_option("stargan")
    until(page, "document.querySelectorAll('.thumb img').length === 6")
    known = [name for name in EXPRESSIONS if page.get_by_role("radio", name=name).is_enabled()]
    assert known == ["neutral", "happiness", "sadness", "surprise", "anger"]
    assert page.get_attribute("#picture", "data-edits") == ""  # what the method cannot do is taken back
    picked(page, "happiness")
    assert settled(page).any()


def test_a_drawn_face_to_try_with(open_page: Open) -> None:
    page = open_page()
    until(page, "document.body.dataset.ready")
    page.get_by_role("button", name="Try a face that nobody has").click()
    until(page, "document.querySelectorAll('.thumb img').length === 9")
    assert page.get_by_role("button", name="Another photo").is_visible()


# -- what goes wrong ------------------------------------------------------------------------------------------------
