"""What the HTTP API refuses, and how; and that its description agrees with it."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from webapp_app import EMPTY_PNG, form

from facerelief.webapp.errors import CODES

HEAD = {"content-type": "application/json"}
REFUSALS: dict[str, tuple[str, dict[str, Any]]] = {
    "no body": ("unsupported_media_type", {}),
    "text": ("unsupported_media_type", {"content": b"x", "headers": {"content-type": "text/plain"}}),
    "broken JSON": ("bad_request", {"content": b'{"photo":', "headers": HEAD}),
    "deep JSON": ("bad_request", {"content": b"[" * 100_000, "headers": HEAD}),
    "JSON that is no object": ("bad_request", {"content": b"[1]", "headers": HEAD}),
    "form without boundary": (
        "bad_request",
        {"content": b"x", "headers": {"content-type": "multipart/form-data"}},
    ),
    "form cut short": (
        "bad_option",
        {"content": b"--b\r\n", "headers": {"content-type": "multipart/form-data; boundary=b"}},
    ),
    "two photos": ("bad_option", {"files": [("photo", b"1"), ("photo", b"2")], "data": {"to": "fear"}}),
    "no photo": ("bad_option", {"json": {"to": "fear"}}),
    "no expression": ("bad_option", form(EMPTY_PNG)),
    "no base64": ("bad_option", {"json": {"photo": "§§", "to": "fear"}}),
    "not a photo": ("bad_photo", form(b"not a photo", to="fear")),
    "an empty photo": ("bad_photo", form(b"", to="fear")),
    "nobody": ("no_face", form(EMPTY_PNG, to="fear")),
    "unknown field": ("bad_option", form(EMPTY_PNG, to="fear", strenght="1")),
    "unknown expression": ("bad_option", form(EMPTY_PNG, to="glee")),
    "too strong": ("bad_option", form(EMPTY_PNG, to="fear", strength="1.6")),
    "strength that is no number": ("bad_option", form(EMPTY_PNG, to="fear", strength="nan")),
    "strength that is a list": ("bad_option", {"json": {"photo": "AAAA", "to": "fear", "strength": [1]}}),
    "huge number": (
        "bad_option",
        {"content": b'{"photo":"AAAA","to":"fear","strength":1' + b"0" * 400 + b"}", "headers": HEAD},
    ),
    "unknown method": ("bad_option", form(EMPTY_PNG, to="fear", method="magic")),
    "what a method cannot do": ("bad_option", form(EMPTY_PNG, to="fear", method="stargan")),
    "unknown format": ("bad_option", form(EMPTY_PNG, to="fear", format="bmp")),
    "unknown face": ("bad_option", form(EMPTY_PNG, to="fear", face="left")),
    "edits that are no list": ("bad_option", form(EMPTY_PNG, edits='{"to": "fear"}')),
    "edits and an edit": ("bad_option", form(EMPTY_PNG, edits='[{"to": "fear"}]', to="fear")),
    "too many edits": ("bad_option", form(EMPTY_PNG, edits=json.dumps([{"to": "fear"}] * 21))),
    "landmarks too few": ("bad_option", form(EMPTY_PNG, to="fear", landmarks="[[1, 2, 3]]")),
    "landmarks that are words": ("bad_option", form(EMPTY_PNG, to="fear", landmarks='["a"]')),
    "landmarks of no face": ("bad_option", form(EMPTY_PNG, to="fear", landmarks=json.dumps([[5, 5, 5]] * 468))),
    "landmarks far away": (
        "bad_option",
        form(EMPTY_PNG, to="fear", landmarks=json.dumps([[k * 1e5, -k * 1e5, 0] for k in range(468)])),
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_typed_errors(client: httpx.Client, name: str) -> None:
    code, request = REFUSALS[name]
    answer = client.post("/v1/edit", **request)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (CODES[code][0], code), error
    assert set(error) == {"code", "message", "remedy"}
    assert all(text.strip() and len(text) < 400 and "Traceback" not in text for text in error.values())


def test_addresses_and_methods_that_are_not_there(client: httpx.Client) -> None:
    for method, path, code in (
        ("GET", "/v1/nothing", "not_found"),
        ("GET", "/static/../app.py", "not_found"),
        ("GET", "/static/%2e%2e/app.py", "not_found"),
        ("GET", "/static/..%2fapp.py", "not_found"),
        ("GET", "/v1/edit", "method_not_allowed"),
        ("DELETE", "/", "method_not_allowed"),
    ):
        answer = client.request(method, path)
        assert (answer.status_code, answer.json()["error"]["code"]) == (CODES[code][0], code), path
    assert client.get("/v1/edit").headers["allow"] == "POST"
    assert client.get("/v1/sample?seed=-1").json()["error"]["code"] == "bad_option"


def test_other_sites_and_other_names_are_refused(client: httpx.Client) -> None:
    for headers in (
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": "[::1"},
        {"Origin": "http://["},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ):
        answer = client.post("/v1/edit", **form(EMPTY_PNG, to="fear"), headers=headers)
        assert answer.json()["error"]["code"] == "forbidden", headers
    own = str(client.base_url).rstrip("/")
    assert client.get("/health", headers={"Origin": own}).status_code == 200


def test_every_answer_keeps_the_page_to_itself(client: httpx.Client) -> None:
    for path in ("/", "/api", "/static/app.js", "/v1/expressions", "/nothing"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert "server" not in headers
        assert "access-control-allow-origin" not in headers
    for path in ("/v1/expressions", "/nothing", "/static/nothing"):
        assert client.get(path).headers["cache-control"] == "no-store"


def test_a_browsers_copy_of_the_pages_files_is_confirmed(client: httpx.Client) -> None:
    """Not sent again, and never older than the server."""
    for path in ("/static/app.js", "/static/style.css"):
        first = client.get(path)
        assert first.headers["cache-control"] == "no-cache"
        again = client.get(path, headers={"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content, again.headers["cache-control"]) == (304, b"", "no-cache")


def test_the_description_agrees_with_the_server(client: httpx.Client) -> None:
    schema = client.get("/openapi.json").json()
    assert schema["openapi"].startswith("3.1")
    for path, methods in schema["paths"].items():
        (method,) = methods
        answer = client.request(method.upper(), path, **(form(b"", nothing="x") if method == "post" else {}))
        assert answer.status_code in (200, 422), path
        if method == "post":
            body = methods[method]["requestBody"]["content"]
            assert set(body) == {"multipart/form-data", "application/json"}
            accepted = set(answer.json()["error"]["remedy"].removeprefix("choose from ").split(", "))
            for kind in body.values():
                assert set(kind["schema"]["properties"]) == accepted
    codes = schema["components"]["schemas"]["Error"]["properties"]["error"]["properties"]["code"]["enum"]
    assert codes == list(CODES)
    statuses = set(schema["paths"]["/v1/edit"]["post"]["responses"])
    assert statuses == {"200", *(str(status) for status, _ in CODES.values())}
    references = set(json.dumps(schema).split('"$ref": "')[1:])
    named = {one.split('"')[0].removeprefix("#/components/schemas/") for one in references}
    assert named <= set(schema["components"]["schemas"])


def test_the_documents_name_every_error_and_address(client: httpx.Client) -> None:
    text = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
    assert [code for code in CODES if f"`{code}`" not in text] == []
    assert [path for path in client.get("/openapi.json").json()["paths"] if path not in text] == []


def test_landmarks_that_are_not_this_photos_cost_nothing(client: httpx.Client) -> None:
    """Far larger than the photo they would ask for gigabytes; beside it there is nothing to edit."""
    photo = client.get("/v1/sample?seed=3").content
    found = client.post("/v1/faces", **form(photo)).json()["faces"][0]["landmarks"]
    larger = [[100 * value for value in point] for point in found]
    beside = [[x + 3000, y, z] for x, y, z in found]
    for path, fields in (("edit", {"to": "fear"}), ("previews", {}), ("geometry", {})):
        for landmarks in (larger, beside):
            answer = client.post(f"/v1/{path}", **form(photo, landmarks=json.dumps(landmarks), **fields))
            assert answer.json()["error"]["code"] == "no_face", path
            assert answer.json()["error"]["message"] == "the landmarks are not of a face in this photo"


def test_a_body_of_very_many_values_is_not_even_parsed(client: httpx.Client) -> None:
    body = b'{"to": "fear", "photo": [' + b",".join([b"[]"] * 200_000) + b"]}"
    answer = client.post("/v1/edit", content=body, headers=HEAD)
    assert answer.json()["error"]["code"] == "bad_request"
    assert answer.json()["error"]["message"] == "the body holds too many values"


def test_pictures_in_other_sites_pages_are_refused(client: httpx.Client) -> None:
    """Browsers send no Origin with them."""
    for site, mode, refused in (
        ("cross-site", "no-cors", True),
        ("same-site", "no-cors", True),
        ("same-origin", "no-cors", False),
        ("cross-site", "navigate", False),  # a link
        ("none", "navigate", False),
    ):
        answer = client.get("/v1/expressions", headers={"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode})
        assert (answer.status_code == 403) is refused, (site, mode)


def test_previews_may_be_of_a_part(client: httpx.Client) -> None:
    photo = client.get("/v1/sample?seed=3").content
    whole, eyes = (client.post("/v1/previews", **form(photo, part=part)).json() for part in ("face", "eyes"))
    assert whole["surprise"] != eyes["surprise"]
