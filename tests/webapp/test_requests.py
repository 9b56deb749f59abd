"""What a JSON body says: null is as good as nothing, at each depth."""

import json

import pytest

from facerelief.webapp.requests import parse_json


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
