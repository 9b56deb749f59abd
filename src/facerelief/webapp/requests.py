"""A request's body, form or JSON, as checked values."""

import asyncio
import base64
import binascii
import json
import logging
from collections.abc import AsyncGenerator, Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from facerelief.editing import METHODS
from facerelief.editing.face_choice import FaceChoice, parse_face_choice
from facerelief.errors import FacereliefError
from facerelief.faces.detector import Face
from facerelief.faces.mediapipe_models import POINTS
from facerelief.geometry.morphable.fitting import is_face_like
from facerelief.webapp.errors import Problem, as_problem
from facerelief.webapp.server.limits import Ticket

logging.getLogger("python_multipart").setLevel(logging.ERROR)  # else malformed forms fill the log
_TEXT = 256 * 1024  # bytes of a field that is no photo; landmarks are the longest
_PIECE = 256 * 1024  # bytes of a form that are parsed between two looks at the ticket
_FIELDS = 16
_VALUES = 100_000  # of a JSON body; twenty edits with landmarks have fewer than half


@dataclass(frozen=True)
class Fields:
    """What a request says, by name. `photo` is the file's bytes."""

    values: dict[str, Any]

    def only(self, known: Collection[str]) -> None:
        """Refuse misspelt names, which would otherwise do nothing."""
        for name in self.values:
            if name not in known:
                raise _bad(f"there is no field {name[:40]!r}", f"choose from {', '.join(known)}")

    @property
    def photo(self) -> bytes:
        """The photo's bytes."""
        photo = self.values.get("photo")
        if photo is None:
            raise _bad("there is no photo", "send it as the field photo: a file, or base64 in JSON")
        if isinstance(photo, bytes):
            return photo
        try:
            return base64.b64decode(str(photo).rpartition(",")[2], validate=True)  # also what follows data:...;base64,
        except (binascii.Error, ValueError) as reason:
            raise _bad("photo is neither a file nor base64", "send the file itself, or its bytes in base64") from reason

    def text(self, name: str, default: str | None = None) -> str:
        """A field of text; without a default it is needed."""
        value = self.values.get(name, default)
        if not isinstance(value, str):
            raise _bad(f"{name} is {'missing' if value is None else 'no text'}", f"send the field {name} as text")
        return value

    def choice(self, name: str, choices: Collection[str], default: str) -> str:
        """One of some words."""
        value = self.text(name, default)
        if value not in choices:
            raise _bad(f"{name} is {value[:40]!r}", f"choose from {', '.join(choices)}")
        return value

    def number(self, name: str, low: float, high: float, default: float) -> float:
        """A number in [low, high]."""
        value = self.values.get(name, default)
        try:
            number = float(value) if isinstance(value, str | int | float) else float("nan")
        except (ValueError, OverflowError):
            number = float("nan")
        if not low <= number <= high:
            raise _bad(f"{name} is {str(value)[:40]!r}", f"choose a number from {low:g} to {high:g}")
        return number

    def flag(self, name: str, default: bool) -> bool:
        """Yes or no: true and false, in JSON or as words."""
        value = self.values.get(name, default)
        if isinstance(value, bool):
            return value
        return self.choice(name, ("true", "false"), "") == "true"

    def face(self) -> FaceChoice:
        """Which face: "largest", "all", a number, or "X,Y", a point of it in pixels."""
        value = self.values.get("face", "largest")
        try:
            return parse_face_choice(value if isinstance(value, int) else str(value)[:40])
        except FacereliefError as reason:
            raise as_problem(reason) from reason

    def method(self, default: str) -> str:
        """The editing method."""
        return self.choice("method", METHODS, default)

    def items(self, name: str) -> list["Fields"]:
        """A list of objects, each with fields of its own."""
        value = _parsed(self.values.get(name), name)
        if not isinstance(value, list) or not value or not all(isinstance(item, dict) for item in value):
            raise _bad(f"{name} is no list of objects", "see the API's page for what it holds")
        return list(map(_given, value))

    def landmarks(self) -> Face | None:
        """The face that `landmarks` describes, as `/v1/faces` gave it, or None."""
        given = self.values.get("landmarks")
        if given is None:
            return None
        try:
            points = np.array(_parsed(given, "landmarks"), dtype=np.float32)
        except (ValueError, TypeError, OverflowError):
            points = np.zeros(0, np.float32)
        if points.shape != (POINTS, 3) or not is_face_like(points):
            raise _bad("landmarks are not those of a face", "send those that /v1/faces gave for this photo")
        return Face(points)


def parse_json(body: bytearray) -> Fields:
    """Fields from JSON. The body is emptied: what is in it shall not be in memory twice."""
    if sum(map(body.count, (b",", b"[", b"{"))) > _VALUES:  # parsing holds up all other requests
        raise Problem("bad_request", "the body holds too many values", f"send fewer than {_VALUES}")
    try:
        values = json.loads(body)
    except (ValueError, RecursionError) as reason:
        raise Problem("bad_request", "the body is not valid JSON", "send one JSON object") from reason
    body.clear()
    if not isinstance(values, dict):
        raise Problem("bad_request", "the body is not a JSON object", "send one JSON object")
    return _given(values)


def parse_form(headers: Headers, body: bytearray, ticket: Ticket) -> Fields:
    """Fields from multipart/form-data; looks at the ticket on the way. For a thread without an event loop.

    The body is emptied, as by `parse_json`.
    """

    async def pieces() -> AsyncGenerator[bytes, None]:
        while body:
            ticket.check()
            yield bytes(body[:_PIECE])
            del body[:_PIECE]

    async def parsed() -> dict[str, Any]:
        form = await _InMemory(headers, pieces(), max_files=1, max_fields=_FIELDS, max_part_size=_TEXT).parse()
        values: dict[str, Any] = {}
        try:
            for name, value in form.multi_items():
                if name in values:
                    raise _bad(f"{name[:40]} is given twice", "send each field once")
                values[name] = await value.read() if isinstance(value, UploadFile) else value
        finally:
            await form.close()
        return values

    try:
        return Fields(asyncio.run(parsed()))
    except (MultiPartException, KeyError, ValueError, LookupError) as reason:
        message = getattr(reason, "message", "") or "the form cannot be read"
        raise Problem("bad_request", str(message).rstrip("."), "send multipart/form-data as curl -F does") from reason


class _InMemory(MultiPartParser):
    """Pictures never touch the disk; the body's size is limited before."""

    spool_max_size = 2**62


def _given(values: dict[str, Any]) -> Fields:
    """Fields of a JSON object, where null is not given."""
    return Fields({name: value for name, value in values.items() if value is not None})


def _parsed(value: Any, name: str) -> Any:
    """JSON in a form's field."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError) as reason:
        raise _bad(f"{name} is not valid JSON", f"send {name} as JSON") from reason


def _bad(message: str, remedy: str) -> Problem:
    return Problem("bad_option", message, remedy)
