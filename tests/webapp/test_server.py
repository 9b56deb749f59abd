"""The HTTP API, asked over the network as other programs ask it."""

import base64
import io
import json
from pathlib import Path
from urllib.parse import unquote

import httpx
import numpy as np
import pytest
from photos import astronaut
from PIL import Image
from webapp_app import form

from facerelief.editing import METHODS, Editor, load_editor
from facerelief.expressions import EXPRESSIONS
from facerelief.faces.detector import LandmarkFinder
from facerelief.geometry.topology import face_triangles
from facerelief.photos.photo import Photo, encode_photo, read_mark
from facerelief.photos.provenance.verify import find_provenance
from facerelief.webapp.pictures import EncodedPicture
from facerelief.webapp.server.responses import as_picture


@pytest.fixture(scope="module")
def editor(finder: LandmarkFinder) -> Editor:
    return load_editor(finder=finder)


def as_png(rgb: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(rgb).save(stream, "PNG", compress_level=1)
    return stream.getvalue()


def rgb_of(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def url_data(url: str) -> bytes:
    head, _, body = url.partition(",")
    assert head.startswith("data:image/")
    return base64.b64decode(body)


# -- /v1/edit -------------------------------------------------------------------------------------------------------


def test_an_edit_is_what_the_editor_makes(client: httpx.Client, editor: Editor, group: np.ndarray) -> None:
    expected = editor(Photo(group), "happiness", strength=0.7, face=2).photo
    for provenance in (True, False):
        fields = {"to": "Happy", "strength": 0.7, "face": 2, "provenance": str(provenance).lower()}
        answer = client.post("/v1/edit", **form(as_png(group), **fields))
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
        as_saved = encode_photo(expected, "PNG", provenance=provenance)
        assert np.array_equal(rgb_of(answer.content), rgb_of(as_saved))
        mark = read_mark(answer.content)
        assert ("happiness" in mark.description if mark else False) is provenance


def test_json_and_forms_say_the_same(client: httpx.Client, group: np.ndarray) -> None:
    photo = as_png(group)
    by_form = rgb_of(client.post("/v1/edit", **form(photo, to="anger", strength="1.2", face="all")).content)
    said = {"photo": base64.b64encode(photo).decode(), "to": "anger", "strength": 1.2, "face": "all"}
    assert np.array_equal(rgb_of(client.post("/v1/edit", json=said).content), by_form)
    said |= {"photo": "data:image/png;base64," + said["photo"], "reply": "json"}
    answer = client.post("/v1/edit", json=said).json()
    assert np.array_equal(rgb_of(url_data(answer["photo"])), by_form)
    assert answer["media_type"] == "image/png"


def test_several_edits_of_known_faces(client: httpx.Client, editor: Editor, group: np.ndarray) -> None:
    photo = as_png(group)
    faces = client.post("/v1/faces", **form(photo)).json()["faces"]
    edits = [
        {"to": name, "strength": 0.8, "landmarks": face["landmarks"], "part": part}
        for name, part, face in zip(("sadness", "surprise"), ("face", "mouth"), faces, strict=True)
    ]
    fields = {"edits": json.dumps(edits), "provenance": "false"}
    answer = rgb_of(client.post("/v1/edit", **form(photo, **fields)).content)
    first = editor(Photo(group), "sadness", strength=0.8, face=1).photo
    expected = editor(first, "surprise", strength=0.8, faces=editor.find(Photo(group)), face=2, part="mouth").photo.rgb
    apart = np.abs(answer.astype(int) - expected).max(axis=2)
    assert (apart > 2).mean() < 1e-3  # landmarks travel with two decimals
    assert ((answer != group).any(axis=2)).mean() > 0.02


def test_strength_nought_gives_the_photo_back(client: httpx.Client, group: np.ndarray) -> None:
    answer = client.post("/v1/edit", **form(as_png(group), to="fear", strength=0, face="all"))
    assert np.array_equal(rgb_of(answer.content), group)
    assert read_mark(answer.content) is None  # nothing was edited


def test_what_is_known_against_an_edit_comes_with_it(
    client: httpx.Client, finder: LandmarkFinder, group: np.ndarray
) -> None:
    relief = load_editor(finder=finder, method="relief")
    known = {name: relief.caution(name) for name in relief.expressions}
    assert known["fear"] and known["disgust"] and known["contempt"] and not known["neutral"]
    one, two = as_png(group[:, :320]), as_png(group)
    for name in ("fear", "neutral"):
        expected = [str(known[name]).replace("--", "")] if known[name] else []
        wish = {"to": name, "method": "relief"}
        assert client.post("/v1/edit", **form(one, **wish, reply="json")).json()["notes"] == expected
        header = client.post("/v1/edit", **form(one, **wish)).headers.get("x-notes", "")
        assert unquote(header) == "; ".join(expected)
    answer = client.post("/v1/edit", **form(two, to="neutral", reply="json")).json()
    assert answer["notes"] == ["2 faces; the largest is edited (choose with face)"]
    assert client.post("/v1/edit", **form(two, to="neutral", face="1", reply="json")).json()["notes"] == []
    assert (
        client.post("/v1/edit", **form(one, to="fear", method="relief", strength=0, reply="json")).json()["notes"] == []
    )


def test_what_cannot_be_done_to_a_face_comes_with_the_edit(
    client: httpx.Client, finder: LandmarkFinder, group: np.ndarray
) -> None:
    """Once, however many faces it is of; nothing where it is not to be done."""
    small = np.ascontiguousarray(np.asarray(Image.fromarray(group[:, :320]).resize((256, 256))))
    for rgb in (group, small):  # whose plans are kept, or not
        photo = as_png(load_editor(finder=finder, method="morphable")(Photo(rgb), "eyes-closed", face="all").photo.rgb)
        wish = {"to": "look-left+AU12", "method": "morphable", "face": "all"}
        caution = ["an eye is shut or hardly seen; it is not opened or turned"]
        for more, notes in (({}, caution), ({"strength": 0}, []), ({"part": "mouth"}, []), ({"to": "AU12"}, [])):
            assert client.post("/v1/edit", **form(photo, **{**wish, **more}, reply="json")).json()["notes"] == notes
        moving = {**wish, "format": "webp", "seconds": 0.2, "fps": 5, "hold": 0}
        for strength, notes in ((1, caution), (0, [])):
            answer = client.post("/v1/morph", **form(photo, **moving, strength=strength))
            assert answer.status_code == 200
            assert unquote(answer.headers.get("x-notes", "")) == "; ".join(notes)


@pytest.mark.parametrize(("address", "width"), [("/v1/edit", 512), ("/v1/edit", 256), ("/v1/morph", 256)])
def test_what_changes_nothing_is_no_edit(
    client: httpx.Client, finder: LandmarkFinder, tmp_path: Path, address: str, width: int
) -> None:
    """It is told, and not marked; as large and as small photos, whose plans are kept."""
    photo = as_png(np.asarray(Image.fromarray(astronaut()).resize((width, width))))
    timing = {"seconds": 0.2, "fps": 5, "hold": 0, "format": "webp"} if address == "/v1/morph" else {}
    for to, changes in (("happiness", True), ("look-left", False)):
        fields = {"to": to, "method": "morphable", "part": "mouth", **timing}
        answer = client.post(address, **form(photo, **fields))
        said = unquote(answer.headers.get("x-notes", ""))
        assert (answer.status_code, said) == (
            200,
            "" if changes else "part mouth leaves nothing of look-left to change",
        )
        path = tmp_path / ("it.webp" if timing else "it.png")
        path.write_bytes(answer.content)
        assert find_provenance(path, finder).edited is changes


@pytest.mark.parametrize("address", ["/v1/edit", "/v1/morph"])
def test_two_edits_of_one_face(client: httpx.Client, group: np.ndarray, address: str) -> None:
    photo = as_png(group)
    known = client.post("/v1/faces", **form(photo)).json()["faces"][0]["landmarks"]
    joy, rage = {"to": "happiness"}, {"to": "anger"}
    timing = {"seconds": 0.2, "fps": 5, "hold": 0} if address == "/v1/morph" else {}
    for one, other in (
        (joy, rage),
        (joy | {"face": 1}, rage),
        (joy | {"face": "all"}, rage | {"face": 2}),
        (joy | {"landmarks": known}, rage | {"landmarks": known}),
        (joy | {"landmarks": known}, rage | {"face": 1}),
        (joy | {"part": "eyes"}, rage),
        (joy | {"part": "mouth"}, rage | {"part": "mouth"}),
    ):
        answer = client.post(address, **form(photo, edits=json.dumps([one, other]), **timing))
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "bad_option")
        assert answer.json()["error"]["message"] == "edits 1 and 2 are of the same face"
    for one, other in (
        (joy | {"face": 1}, rage | {"face": 2}),
        (joy | {"landmarks": known}, rage | {"face": 2}),
        (joy | {"part": "eyes"}, rage | {"part": "mouth"}),  # beside each other
    ):
        assert client.post(address, **form(photo, edits=json.dumps([one, other]), **timing)).status_code == 200


def test_notes_of_any_letters_are_a_header_s_and_nothing_more() -> None:
    note = "d\u00e9j\u00e0 vu \u6f22; 100 %\r\nX-Evil: 1"
    header = as_picture(EncodedPicture(b"", "PNG", (note,))).headers["X-Notes"]
    assert header.isascii() and header.isprintable()
    assert unquote(header) == note


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "tiff"])
def test_formats(client: httpx.Client, group: np.ndarray, kind: str) -> None:
    answer = client.post("/v1/edit", **form(as_png(group), to="disgust", format=kind))
    assert answer.headers["content-type"] == f"image/{kind}"
    assert Image.open(io.BytesIO(answer.content)).format == kind.upper()
    assert read_mark(answer.content)


# -- the other addresses --------------------------------------------------------------------------------------------


def test_faces_are_those_that_the_finder_finds(client: httpx.Client, finder: LandmarkFinder, group: np.ndarray) -> None:
    answer = client.post("/v1/faces", **form(as_png(group))).json()
    assert (answer["width"], answer["height"], answer["format"]) == (640, 320, "png")
    assert answer["edited_before"] is None
    found = finder(group)
    assert [face["number"] for face in answer["faces"]] == [1, 2]
    for face, expected in zip(answer["faces"], found, strict=True):
        np.testing.assert_allclose(face["landmarks"], expected.landmarks, atol=0.006)
        np.testing.assert_allclose(face["box"], expected.box, atol=0.06)
        assert face["unfit"] is None


def test_a_photo_that_was_edited_says_so(client: httpx.Client, group: np.ndarray) -> None:
    edited = client.post("/v1/edit", **form(as_png(group), to="anger")).content
    assert "anger" in client.post("/v1/faces", **form(edited)).json()["edited_before"]


def test_a_face_too_small_is_named_and_not_edited(client: httpx.Client, group: np.ndarray) -> None:
    small = np.full((320, 320, 3), 90, np.uint8)
    small[100:148, 100:148] = np.asarray(Image.fromarray(group[:160, :320][:, 60:220]).resize((48, 48)))
    answer = client.post("/v1/faces", **form(as_png(small))).json()
    assert "pixels large" in answer["faces"][0]["unfit"]
    assert client.post("/v1/edit", **form(as_png(small), to="anger")).json()["error"]["code"] == "no_face"


def test_previews_show_each_expression(client: httpx.Client, group: np.ndarray) -> None:
    answer = client.post("/v1/previews", **form(as_png(group[:, :320]))).json()
    assert tuple(answer) == EXPRESSIONS
    pictures = [rgb_of(url_data(url)) for url in answer.values()]
    assert {picture.shape for picture in pictures} == {(320, 320, 3)}
    assert len({picture.tobytes() for picture in pictures}) == len(EXPRESSIONS)
    assert not any(read_mark(url_data(url)) for url in answer.values())


def test_geometry_of_a_face(client: httpx.Client, group: np.ndarray) -> None:
    answer = client.post("/v1/geometry", **form(as_png(group[:, :320]))).json()
    assert rgb_of(url_data(answer["depth"])).shape == rgb_of(url_data(answer["normals"])).shape == (256, 256, 3)
    vertices = np.array(answer["vertices"])
    assert vertices.shape == (468, 3)
    assert (abs(vertices[:, :2] - 0.5) < 0.5).mean() > 0.9
    depth = rgb_of(url_data(answer["depth"]))[..., 0]
    column, row = (vertices[4, :2] * 256).astype(int)  # the tip of the nose is the nearest
    assert depth[row, column] >= np.percentile(depth[depth > 0], 97)


def test_what_the_server_can_do(client: httpx.Client) -> None:
    menu = client.get("/v1/expressions").json()
    assert [one["name"] for one in menu["expressions"]] == list(EXPRESSIONS)
    assert "happy" in menu["expressions"][1]["aliases"]
    methods = {one["name"]: one["expressions"] for one in menu["methods"]}
    assert tuple(methods) == METHODS
    assert methods["morphable"] == list(EXPRESSIONS)
    assert "fear" not in methods["stargan"]
    assert menu["default_method"] == "morphable"
    assert client.get("/v1/triangles").json()["face"] == face_triangles().tolist()


def test_drawn_faces_differ_by_seed_and_stay_the_same(client: httpx.Client) -> None:
    first, again, other = (client.get(f"/v1/sample?seed={seed}").content for seed in (1, 1, 2))
    assert first == again != other


def test_health_and_metrics(client: httpx.Client, group: np.ndarray) -> None:
    assert client.get("/health").json()["status"] == "ok"

    def count() -> float:
        lines = client.get("/metrics").text.splitlines()
        wanted = 'facerelief_requests_total{code="bad_photo",route="/v1/faces",status="422"}'
        return sum(float(line.split()[-1]) for line in lines if line.startswith(wanted))

    before = count()
    client.post("/v1/faces", **form(b"nothing"))
    assert count() == before + 1
    text = client.get("/metrics").text
    for name in ("facerelief_held_bytes 0.0", "facerelief_at_work 0.0", 'facerelief_stage_seconds_count{stage="find"}'):
        assert name in text
