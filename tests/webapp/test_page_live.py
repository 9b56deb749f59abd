"""The live camera: its pictures are edited one after another, and it stops."""

import base64
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pages import PHONE, pixels, until, without
from PIL import Image

Open = Callable[..., Any]
CAMERA = """async url => {
  const [image, canvas] = [new Image(), document.createElement('canvas')];
  image.src = url;
  await image.decode();
  [canvas.width, canvas.height] = [image.width, image.height];
  const context = canvas.getContext('2d');
  const draw = () => window.covered ? context.fillRect(0, 0, 9999, 9999) : context.drawImage(image, 0, 0);
  draw();
  setInterval(draw, 50);
  navigator.mediaDevices.getUserMedia = async () => (window.camera = canvas.captureStream(20));
}"""
STATES = "window.camera.getTracks().map(track => track.readyState).join()"


def with_camera(page: Any, rgb: np.ndarray) -> Any:
    """A page whose camera shows a picture."""
    stream = io.BytesIO()
    Image.fromarray(rgb).save(stream, "PNG")
    until(page, "document.body.dataset.ready")
    page.evaluate(CAMERA, f"data:image/png;base64,{base64.b64encode(stream.getvalue()).decode()}")
    page.get_by_role("button", name="Live camera").click()
    return page


@pytest.mark.parametrize("options", [PHONE, {"viewport": {"width": 1440, "height": 900}}], ids=["phone", "desk"])
def test_frames_are_edited_until_it_is_stopped(open_page: Open, group: np.ndarray, options: dict[str, Any]) -> None:
    page = with_camera(open_page(**options), group[:, :320])
    until(page, "document.getElementById('live-rate').textContent.includes('pictures a second')")
    assert page.get_by_text("Camera on").is_visible()
    page.get_by_label("Expression", exact=True).select_option("neutral")
    page.wait_for_timeout(1500)
    calm = pixels(page, "#live-canvas")
    page.get_by_label("Expression", exact=True).select_option("surprise")
    page.wait_for_timeout(1500)
    assert (np.abs(pixels(page, "#live-canvas") - calm) > 40).any()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("button", name="Stop the camera").click()
    until(page, f"{STATES} === 'ended'")
    assert not page.get_by_role("dialog").is_visible()
    page.wait_for_timeout(300)
    count = len(page.asked)
    page.wait_for_timeout(700)
    assert len(page.asked) == count  # nothing is sent any more
    assert not pixels(page, "#live-canvas").any()


def test_escape_stops_it_too(open_page: Open, group: np.ndarray) -> None:
    page = with_camera(open_page(), group[:, :320])
    until(page, "document.getElementById('live-rate').textContent")
    page.keyboard.press("Escape")
    until(page, f"{STATES} === 'ended'")
    assert not page.get_by_role("alert").is_visible()


def test_nobody_in_sight(open_page: Open, group: np.ndarray) -> None:
    page = with_camera(open_page(), group[:, :320])
    until(page, "document.getElementById('live-rate').textContent")
    page.evaluate("() => { window.covered = true }")
    until(page, "document.getElementById('live-said').textContent === 'No face in sight.'")
    page.get_by_role("button", name="Stop the camera").click()
    until(page, f"{STATES} === 'ended'")
    without(page, "status of 422")


def test_a_camera_that_is_taken_away(open_page: Open, group: np.ndarray) -> None:
    page = open_page()
    until(page, "document.body.dataset.ready")
    refusal = "() => Promise.reject(new DOMException('no', 'NotAllowedError'))"
    page.evaluate(f"() => {{ navigator.mediaDevices.getUserMedia = {refusal} }}")
    page.get_by_role("button", name="Live camera").click()
    page.get_by_text("The camera cannot be used.").wait_for()


def test_pages_of_other_machines_have_no_live_camera(open_page: Open) -> None:
    page = open_page()
    here = ["localhost", "127.0.0.1", "127.3.2.1", "[::1]", "faces.localhost"]
    elsewhere = ["faces.example.org", "192.168.0.7", "127.0.0.1.example.org", "localhost.example.org", ""]
    script = "async hosts => { const live = await import('/static/live.js'); return hosts.map(live.isThisMachine) }"
    assert page.evaluate(script, here + elsewhere) == [True] * len(here) + [False] * len(elsewhere)
