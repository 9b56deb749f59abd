"""What a JSON body says: null is as good as nothing, at each depth."""

import json

import httpx
import pytest
from starlette.datastructures import Headers

from facerelief.webapp.errors import ApiError
from facerelief.webapp.requests import Fields, parse_form, parse_json
from facerelief.webapp.server.limits import CancelToken


def form_of(**fields: str) -> Fields:
    """What is read of a form."""
    request = httpx.Request("POST", "http://localhost", files={name: (None, text) for name, text in fields.items()})
    return parse_form(Headers(request.headers), bytearray(request.read()), CancelToken(float("inf")))


def test_a_list_of_edits_has_room_for_photos() -> None:
    """Two faces, each like a photo against a calm one, as large as the page sends them."""
    picture = "data:image/jpeg;base64," + "A" * 200_000
    edits = [{"to": "like", "like": picture, "like_neutral": picture}] * 2
    assert form_of(edits=json.dumps(edits)).items("edits")[1].values == edits[1]
    for fields in ({"edits": "A" * 17_000_000}, {"edits": "[]", "landmarks": "A" * 300_000}, {"to": "A" * 300_000}):
        with pytest.raises(ApiError) as problem:
            form_of(**fields)
        assert (problem.value.code, "maximum size" in problem.value.message) == ("bad_request", True)
    with pytest.raises(ApiError) as problem:
        form_of(edits="[" + "0," * 1_000_000 + "0]").items("edits")
    assert problem.value.message == "edits holds too many values"


@pytest.mark.parametrize("as_text", [False, True])
def test_null_is_not_given_in_an_edit_either(as_text: bool) -> None:
    edits = [{"to": "fear", "strength": None, "face": None, "landmarks": None, "part": None}]
    body = json.dumps({"photo": "AAAA", "quality": None, "edits": json.dumps(edits) if as_text else edits})
    fields = parse_json(bytearray(body.encode()))
    assert set(fields.values) == {"photo", "edits"}
    (item,) = fields.items("edits")
    assert item.values == {"to": "fear"}
    assert item.number("strength", 0, 1.5, 1.0) == 1.0
    assert item.face() == "largest"
