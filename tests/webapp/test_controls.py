"""What edits may name, over HTTP: action units, blendshapes, presets and blends."""

import base64
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image
from webapp_app import form

from facerelief.editing import Editor, load_editor
from facerelief.faces.detector import LandmarkFinder
from facerelief.geometry.morphable.controls import package_presets
from facerelief.photos.photo import Photo, encode_photo, read_mark

OwnServer = Callable[..., Any]


@pytest.fixture(scope="module")
def editor(finder: LandmarkFinder) -> Editor:
    return load_editor(finder=finder, method="morphable")


@pytest.fixture(scope="module")
def photo(group: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(group[:, :320]).save(stream, "PNG", compress_level=1)
    return stream.getvalue()


def rgb_of(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def test_the_list_is_that_of_the_editor(client: httpx.Client, editor: Editor) -> None:
    assert client.get("/v1/controls").json() == {**(editor.controls() or {}), "methods": ["morphable"]}


def test_presets_of_the_servers_owner(own_server: OwnServer, photo: bytes, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('grin = "AU12:1.2+jawOpen:0.2"\nkiss = "AU18"')
    with own_server("--presets", tmp_path / "mine.toml") as server, httpx.Client(base_url=server.url) as own:
        presets = {one["name"]: one["stands_for"] for one in own.get("/v1/controls").json()["presets"]}
        assert presets == package_presets() | {"grin": "AU12:1.2+jawOpen:0.2", "kiss": "AU18"}
        answer = own.post("/v1/edit", **form(photo, to="grin:0.5"), timeout=60)
    mark = read_mark(answer.content)
    assert mark is not None
    assert "grin:0.5" in mark.description


def test_an_edit_by_a_blend_is_what_the_editor_makes(client: httpx.Client, editor: Editor, photo: bytes) -> None:
    to = "happiness:0.6+AU4L:0.5+jawOpen:0.3"
    answer = client.post("/v1/edit", **form(photo, to=to, method="morphable"))
    assert answer.status_code == 200, answer.text
    assert np.array_equal(rgb_of(answer.content), rgb_of(encode_photo(editor(Photo(rgb_of(photo)), to).photo, "PNG")))
    mark = read_mark(answer.content)
    assert mark is not None
    assert to in mark.description


def test_small_previews_of_what_is_asked_for(client: httpx.Client, photo: bytes) -> None:
    found = client.post("/v1/faces", **form(photo)).json()["faces"][0]["landmarks"]
    asked = {"landmarks": json.dumps(found), "to": "wink-left, AU12:0.5,anger", "method": "morphable"}
    pictures = client.post("/v1/previews", **form(photo, **asked)).json()
    assert list(pictures) == ["wink-left", "AU12:0.5", "anger"]
    shown = [rgb_of(base64.b64decode(url.partition(",")[2])) for url in pictures.values()]
    assert all(one.shape == (320, 320, 3) for one in shown)
    assert not np.array_equal(shown[0], shown[1])


def test_an_animation_of_an_action_unit(client: httpx.Client, photo: bytes) -> None:
    fields = {"to": "AU26:0.5", "format": "webp", "seconds": 0.2, "fps": 10, "hold": 0, "method": "morphable"}
    answer = client.post("/v1/morph", **form(photo, **fields))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/webp")


@pytest.mark.parametrize("address", ["/v1/edit", "/v1/morph", "/v1/previews"])
@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"to": "AU3"}, "no action unit 'AU3'; choose from AU1, "),
        ({"to": "AU26L"}, "AU26 has no sides; write AU26"),
        ({"to": "AU12:9"}, "no amount '9' of 'AU12'; choose 0 to 2"),
        ({"to": "AU12:nan"}, "choose 0 to 2"),
        ({"to": "AU12+au12:0.3"}, "AU12 is named twice"),
        ({"to": "+".join(["AU12"] * 40)}, "name at most 24"),
        ({"to": "smirkiness"}, "contempt, or from what /v1/controls lists"),
        ({"to": "AU12=0.5"}, "nothing is called 'AU12=0.5'; write NAME or NAME:AMOUNT, several joined by +"),
        ({"to": "AU12+"}, "a name is missing in 'AU12+'; write NAME or NAME:AMOUNT, several joined by +"),
        ({"to": "x" * 100_000}, "nothing is called"),
        ({"to": "AU12", "method": "stargan"}, "AU12"),
    ],
)
def test_what_is_not_understood_is_said_in_one_line(
    client: httpx.Client, photo: bytes, address: str, fields: dict[str, Any], words: str
) -> None:
    answer = client.post(address, **form(photo, **{"method": "morphable", **fields}))
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (422, "bad_option")
    line = f"{error['message']}; {error['remedy']}"
    assert words in line
    assert "\n" not in line
    assert len(line) < 600


# -- what another photo shows -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def smile(editor: Editor, group: np.ndarray) -> bytes:
    """A photo whose face smiles with an open mouth, as edited."""
    head = np.ascontiguousarray(group[:, 320:])
    return encode_photo(editor(Photo(head), "AU12:1.2+AU26:0.6").photo, "PNG")


def test_what_another_photo_shows(client: httpx.Client, editor: Editor, photo: bytes, smile: bytes) -> None:
    neutral = encode_photo(Photo(np.ascontiguousarray(rgb_of(photo)[:, ::-1])), "PNG")
    for calm in (None, neutral):
        files = {"photo": ("p", photo), "like": ("l", smile), **({"like_neutral": ("n", calm)} if calm else {})}
        data = {"method": "morphable", "to": "like:0.8+AU4:0.3", "provenance": "false"}
        answer = client.post("/v1/edit", files=files, data=data)
        assert answer.status_code == 200, answer.text
        learned = editor.take_expression(Photo(rgb_of(smile)), Photo(rgb_of(calm)) if calm else None)
        expected = editor(Photo(rgb_of(photo)), f"{learned}:0.8+AU4:0.3").photo
        assert np.array_equal(rgb_of(answer.content), expected.rgb)
        in_json = {name: base64.b64encode(file).decode() for name, (_, file) in files.items()}
        assert np.array_equal(rgb_of(client.post("/v1/edit", json={**in_json, **data}).content), expected.rgb)


def test_each_edit_of_a_list_has_its_own_photo_to_be_like(
    client: httpx.Client, editor: Editor, group: np.ndarray, smile: bytes
) -> None:
    both = encode_photo(Photo(group), "PNG")
    edits = [{"like": base64.b64encode(smile).decode(), "face": 1}, {"to": "anger", "face": 2}]
    answer = client.post("/v1/edit", **form(both, edits=json.dumps(edits), method="morphable", provenance="false"))
    assert answer.status_code == 200, answer.text
    faces = editor.find(Photo(group))
    first = editor(Photo(group), editor.take_expression(Photo(rgb_of(smile))), faces=faces, face=1).photo
    assert np.array_equal(rgb_of(answer.content), editor(first, "anger", faces=faces, face=2).photo.rgb)


def test_what_a_photo_shows_is_named_by_nobody_else(
    client: httpx.Client, editor: Editor, photo: bytes, group: np.ndarray, smile: bytes
) -> None:
    """Another client could tell by it who was here, and would depend on them."""
    files = {"photo": ("p", photo), "like": ("l", smile)}
    assert client.post("/v1/edit", files=files, data={"method": "morphable"}).status_code == 200
    name = editor.take_expression(Photo(rgb_of(smile)))
    for address in ("/v1/edit", "/v1/morph", "/v1/previews"):
        answer = client.post(address, **form(photo, to=name, method="morphable"))
        assert answer.status_code == 422
        assert answer.json()["error"]["message"] == f"nothing is called '{name}'"
    edits = [{"like": base64.b64encode(smile).decode(), "face": 1}, {"to": f"{name}:0.5", "face": 2}]
    both = encode_photo(Photo(group), "PNG")
    assert client.post("/v1/edit", **form(both, edits=json.dumps(edits), method="morphable")).status_code == 200


def test_what_another_photo_shows_moves(client: httpx.Client, photo: bytes, smile: bytes) -> None:
    files = {"photo": ("p", photo), "like": ("l", smile)}
    data = {"method": "morphable", "format": "webp", "seconds": 0.2, "fps": 10, "hold": 0}
    answer = client.post("/v1/morph", files=files, data=data)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/webp")


@pytest.mark.parametrize(
    ("more", "fields", "code", "words"),
    [
        ({"like": b"no photo"}, {}, "bad_photo", "like"),
        ({"like": "wall"}, {}, "no_face", "like"),
        ({"like_neutral": "smile"}, {"to": "anger"}, "bad_option", "like_neutral is given without like"),
        ({"like": "smile"}, {"to": "anger"}, "bad_option", "like is given, but to does not name it; send to=like"),
        ({"like": "smile"}, {"to": "like+like"}, "bad_option", "named twice"),
        ({"like": "smile"}, {"to": "Like:7"}, "bad_option", "no amount '7' of 'like'; choose 0 to 2"),
        ({}, {"to": "AU12+like:0.3"}, "bad_option", "to names like, but there is no like; send the other photo as"),
        ({}, {"to": "like", "like": "not base64!"}, "bad_option", "like is neither a file nor base64"),
        ({"like": "smile"}, {"method": "stargan"}, "bad_option", "take method morphable for like"),
        ({"like": "smile", "like_neutral": "smile", "other": "smile"}, {}, "bad_request", "Too many files"),
    ],
)
def test_another_photo_that_cannot_be_followed(
    client: httpx.Client,
    photo: bytes,
    smile: bytes,
    more: dict[str, Any],
    fields: dict[str, str],
    code: str,
    words: str,
) -> None:
    wall = encode_photo(Photo(np.full((200, 200, 3), 128, np.uint8)), "PNG")
    known = {"smile": smile, "wall": wall}
    files = {"photo": photo, **{name: known.get(data, data) for name, data in more.items()}}
    sent = {name: (name, data) for name, data in files.items()}
    error = client.post("/v1/edit", files=sent, data={"method": "morphable", **fields}).json()["error"]
    line = f"{error['message']}; {error['remedy']}"
    assert (error["code"], words in line) == (code, True), line
    assert "\n" not in line


def test_the_description_has_the_files(client: httpx.Client) -> None:
    described = client.get("/openapi.json").json()
    for address in ("/v1/edit", "/v1/morph"):
        content = described["paths"][address]["post"]["requestBody"]["content"]
        for kind, key in (("multipart/form-data", "contentMediaType"), ("application/json", "contentEncoding")):
            fields = content[kind]["schema"]["properties"]
            assert all(key in fields[name] for name in ("photo", "like", "like_neutral"))
    assert {"like", "like_neutral"} <= set(described["components"]["schemas"]["Edit"]["properties"])
    assert (
        "like"
        not in described["paths"]["/v1/faces"]["post"]["requestBody"]["content"]["application/json"]["schema"][
            "properties"
        ]
    )


def test_too_many_previews(client: httpx.Client, photo: bytes) -> None:
    error = client.post("/v1/previews", **form(photo, to=",".join(["anger"] * 21))).json()["error"]
    assert error == {"code": "bad_option", "message": "21 previews are too many", "remedy": "send at most 20"}
