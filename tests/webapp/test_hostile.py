"""Every hostile input through the API and through the page: a typed error, and the server lives on."""

from typing import Any

import httpx
import pytest
from hostile import corpus
from hostile_words import hostile_names

from facerelief.webapp.errors import CODES

PATHS = ("/v1/edit", "/v1/morph", "/v1/faces", "/v1/previews", "/v1/geometry")


def refused(client: httpx.Client, path: str, name: str, content: bytes) -> None:
    """A file is refused with an error of its kind, in a few words."""
    fields = {"to": "fear"} if path in ("/v1/edit", "/v1/morph") else {}
    answer = client.post(path, files={"photo": (name, content)}, data=fields)
    error = answer.json()["error"]
    assert error["code"] in ("bad_photo", "no_face"), (name, error)
    assert answer.status_code == CODES[error["code"]][0]
    assert "Traceback" not in error["message"]
    assert len(error["message"] + error["remedy"]) < 500


@pytest.mark.parametrize("path", PATHS)
def test_each_file_is_refused(client: httpx.Client, path: str) -> None:
    """All by one address, a part by each of the others, which read photos alike."""
    for name, content in corpus()[:: 1 if path == "/v1/edit" else 7]:
        refused(client, path, name.encode("utf-8", "replace").decode(), content)
    assert client.get("/health").json()["status"] == "ok"


def test_names_of_files_mean_nothing(client: httpx.Client) -> None:
    _, content = corpus()[0]
    for name in hostile_names():
        given = name.encode("utf-8", "replace").decode()
        answer = client.post("/v1/faces", files={"photo": (given, content)})
        assert answer.json()["error"]["code"] in ("bad_photo", "no_face", "bad_request", "bad_option"), name


def test_the_page_says_what_is_wrong_with_them(open_page: Any) -> None:
    page = open_page()
    while not page.evaluate("document.body.dataset.ready"):
        page.wait_for_timeout(20)
    for name, content in corpus()[::4]:  # the API has had them all
        page.evaluate("document.getElementById('alert').hidden = true")
        page.set_input_files("#file", {"name": "photo.png", "mimeType": "image/png", "buffer": content})
        page.get_by_role("alert").wait_for()
        said = page.get_by_role("alert").inner_text()
        assert not any(word in said for word in ("Error", "undefined", "Traceback", "went wrong")), (name, said)
        assert page.locator("#start").is_visible()
    page.problems = [line for line in page.problems if "status of 422" not in line]
