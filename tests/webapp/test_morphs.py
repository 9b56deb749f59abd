"""`POST /v1/morph`: a photo that moves into its edits."""

import base64
import io
import json
import re
from collections.abc import Iterator
from importlib import resources
from typing import Any

import httpx
import numpy as np
import pytest
from photos import astronaut
from PIL import Image, ImageSequence
from webapp_app import form

from facerelief.editing.video.morph import Morph
from facerelief.faces.detector import LandmarkFinder
from facerelief.photos.provenance.content_credentials import sign
from facerelief.photos.provenance.verify import find_provenance
from facerelief.photos.provenance.xmp import EditMark
from facerelief.photos.video_container import import_pyav
from facerelief.webapp import morphs
from facerelief.webapp.edits import EditSpec
from facerelief.webapp.errors import RequestCancelled
from facerelief.webapp.requests import Fields
from facerelief.webapp.server.limits import CancelToken
from facerelief.webapp.service import EditorOptions, EditService


def as_png(rgb: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(rgb).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture(scope="module")
def face() -> bytes:
    return as_png(astronaut()[:256, 96:352])


def frames_of(data: bytes) -> list[np.ndarray]:
    with Image.open(io.BytesIO(data)) as film:
        return [np.asarray(frame.convert("RGB")).astype(int) for frame in ImageSequence.Iterator(film)]


def film_of(data: bytes) -> Iterator[np.ndarray]:
    with import_pyav().open(io.BytesIO(data)) as container:
        for frame in container.decode(video=0):
            yield frame.to_ndarray(format="rgb24").astype(int)


@pytest.mark.parametrize("kind", ["gif", "webp", "mp4"])
def test_it_begins_as_the_photo_and_ends_as_the_edit(
    client: httpx.Client, finder: LandmarkFinder, face: bytes, kind: str, tmp_path: Any
) -> None:
    if kind == "mp4":
        pytest.importorskip("av")
    asked = {"to": "surprise", "method": "morphable"}
    answer = client.post("/v1/morph", **form(face, **asked, seconds=0.4, hold=0, fps=10, format=kind))
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == ("video/mp4" if kind == "mp4" else f"image/{kind}")
    frames = list(film_of(answer.content)) if kind == "mp4" else frames_of(answer.content)
    assert len(frames) == 4
    edited = client.post("/v1/edit", **form(face, **asked, format="png", provenance="false"))
    ends = [np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int) for data in (face, edited.content)]
    apart = np.abs(ends[0] - ends[1]).mean()
    for frame, end in ((frames[0], ends[0]), (frames[-1], ends[1])):
        assert np.abs(frame - end).mean() < 5  # what 256 colours, or the codec, make of it
    assert np.abs(frames[0] - frames[-1]).mean() > 0.7 * apart
    (tmp_path / f"it.{kind}").write_bytes(answer.content)
    assert find_provenance(tmp_path / f"it.{kind}", finder).edited


def test_several_faces_move_each_to_its_own(client: httpx.Client, group: np.ndarray) -> None:
    photo = as_png(group)
    found = client.post("/v1/faces", **form(photo)).json()["faces"]
    specs = [{"to": to, "landmarks": one["landmarks"]} for to, one in zip(("anger", "surprise"), found, strict=True)]
    body = {"seconds": 0.2, "hold": 0, "fps": 10, "format": "webp", "back": True, "method": "morphable"}
    answer = client.post("/v1/morph", json={"photo": base64.b64encode(photo).decode(), "edits": specs, **body})
    assert answer.status_code == 200, answer.text
    frames = frames_of(answer.content)
    moved = np.abs(frames[1] - frames[0]).max(axis=2) > 24
    assert moved[:, :320].any()
    assert moved[:, 320:].any()
    assert np.abs(frames[-1] - frames[0]).mean() < 1  # back again


@pytest.mark.parametrize(
    ("fields", "code", "words"),
    [
        ({"to": "fear", "seconds": 90}, "bad_option", "choose a number from 0.2 to 5"),
        ({"to": "fear", "size": 100_000}, "bad_option", "choose a number from 64 to 1080"),
        ({"to": "fear", "fps": "nan"}, "bad_option", "choose a number from 5 to 30"),
        ({"to": "fear", "format": "exe"}, "bad_option", "choose from gif, webp, mp4"),
        ({"to": "joyless"}, "bad_option", "joyless"),
        ({"to": "fear", "seconds": 5, "fps": 30, "hold": 3, "back": "true"}, "bad_option", "megapixels together"),
        ({"to": "fear", "size": 64}, "no_face", "choose a larger size"),
        ({"to": "fear", "quality": 3}, "bad_option", "there is no field 'quality'"),
        ({"to": "fear", "edits": "[]"}, "bad_option", "both edits and a single edit"),
    ],
)
def test_what_is_too_much_is_refused(client: httpx.Client, fields: dict[str, Any], code: str, words: str) -> None:
    large = "size" not in fields and "back" in fields
    photo = as_png(np.kron(astronaut(), np.ones((2, 2, 1), np.uint8)) if large else astronaut())
    error = client.post("/v1/morph", **form(photo, **fields)).json()["error"]
    assert error["code"] == code
    assert words in f"{error['message']}; {error['remedy']}"


def test_whatever_the_page_offers_is_within_the_limits() -> None:
    page = (resources.files("facerelief.webapp") / "static" / "index.html").read_text(encoding="utf-8")
    paces = re.findall(r'<option value="([\d.]+)"', page)
    assert len(paces) == 3
    (_, _, hold), (_, _, fps), (_, _, size) = (morphs.NUMBERS[name] for name in ("hold", "fps", "size"))
    for pace in paces:
        count = len(Morph(float(pace), fps, hold, back=True).shares())
        assert count * size * size <= morphs.MAX_MORPH_PIXELS


@pytest.mark.parametrize("provenance", [True, False])
def test_the_history_of_a_photo_goes_on_in_its_morph(finder: LandmarkFinder, face: bytes, provenance: bool) -> None:
    c2pa = pytest.importorskip("c2pa", reason="needs the extra provenance")
    photo = sign(face, "PNG", EditMark("camera 1", "taken by camera 1"))
    values = {"photo": photo, "format": "gif", "seconds": 0.2, "fps": 5, "provenance": provenance}
    specs = (EditSpec("surprise", 1.0, "largest"),)
    service = EditService(finder, EditorOptions(method="morphable"))
    picture = morphs.make_morph(service, Fields(values), specs, CancelToken(float("inf")))
    assert (b"jumdc2pa" in picture.data) is provenance
    if provenance:
        said = c2pa.Reader("image/gif", io.BytesIO(picture.data)).json()
        assert len(json.loads(said)["manifests"]) == 2
        assert "taken by camera 1" in said


class CancelledAfter(CancelToken):
    """Cancelled after so many checks."""

    def __init__(self, after: int) -> None:
        super().__init__(float("inf"))
        self.limit = self.left = after

    def check(self) -> None:
        self.left -= 1
        if self.left < 0:
            self.cancel()
        super().check()


def test_nobody_waits_for_frames_that_nobody_wants(finder: LandmarkFinder, face: bytes) -> None:
    service = EditService(finder, EditorOptions(method="morphable"))
    fields = Fields({"photo": face, "format": "gif"})
    specs = (EditSpec("surprise", 1.0, "largest"),)
    enough = CancelledAfter(10_000)
    assert morphs.make_morph(service, fields, specs, enough).media_type == "image/gif"
    checks = enough.limit - enough.left
    assert checks > 50  # at each frame
    for after in (0, checks // 2, checks - 1):
        with pytest.raises(RequestCancelled):
            morphs.make_morph(service, fields, specs, CancelledAfter(after))


def test_the_description_has_each_field_and_its_limits(client: httpx.Client) -> None:
    described = client.get("/openapi.json").json()["paths"]["/v1/morph"]["post"]
    fields = described["requestBody"]["content"]["multipart/form-data"]["schema"]["properties"]
    assert {"photo", "to", "edits", "landmarks", "method", "format", "back", "provenance", *morphs.NUMBERS} <= set(
        fields
    )
    assert (fields["seconds"]["minimum"], fields["seconds"]["maximum"], fields["seconds"]["default"]) == (0.2, 5, 1.5)
    assert set(described["responses"]["200"]["content"]) == {"image/*", "video/mp4"}
