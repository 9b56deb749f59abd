"""Parsing and validation of a request's body, form or JSON."""

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
from facerelief.faces.mediapipe_models import LANDMARK_COUNT
from facerelief.geometry.morphable.fitting import is_face_like
from facerelief.webapp.errors import ApiError, to_api_error
from facerelief.webapp.server.limits import CancelToken

logging.getLogger("python_multipart").setLevel(logging.ERROR)  # otherwise malformed forms fill the log
_MAX_TEXT = 256 * 1024  # bytes of a field that is not a photo; landmarks are the longest
_MAX_LIST = 16 * 1024 * 1024  # bytes of a list of edits, each of which may have two photos in base64
_CHUNK = 256 * 1024  # bytes of a form that are parsed between two checks of the token
_MAX_FIELDS = 16
_MAX_FILES = 3  # the photo, and those of `like` and `like_neutral`
# Of a JSON body, or of a field that holds JSON: parsing blocks all other requests. Twenty edits with landmarks have
# fewer than half.
_MAX_VALUES = 100_000


@dataclass(frozen=True)
class Fields:
    """The fields of a request by name. `photo` is the file's bytes."""

    values: dict[str, Any]

    def allow_only(self, known: Collection[str]) -> None:
        """Raises `ApiError` for unknown fields, such as misspelt names."""
        for name in self.values:
            if name not in known:
                raise _invalid(f"there is no field {name[:40]!r}", f"choose from {', '.join(known)}")

    @property
    def photo(self) -> bytes:
        """The photo's bytes."""
        photo = self.file("photo")
        if photo is None:
            raise _invalid("the photo is missing", "send it as the field photo: a file, or base64 in JSON")
        return photo

    def file(self, name: str) -> bytes | None:
        """A file's bytes, sent as a file, in base64 or as a data URL; None without that field."""
        value = self.values.get(name)
        if value is None or isinstance(value, bytes):
            return value
        try:
            return base64.b64decode(str(value).rpartition(",")[2], validate=True)
        except (binascii.Error, ValueError) as reason:
            message = f"{name} is neither a file nor base64"
            raise _invalid(message, "send the file itself, or its bytes in base64") from reason

    def text(self, name: str, default: str | None = None) -> str:
        """A text field; required if there is no default."""
        value = self.values.get(name, default)
        if not isinstance(value, str):
            raise _invalid(f"{name} is {'missing' if value is None else 'not text'}", f"send the field {name} as text")
        return value

    def choice(self, name: str, choices: Collection[str], default: str) -> str:
        """A text field with a fixed set of values."""
        value = self.text(name, default)
        if value not in choices:
            raise _invalid(f"{name} is {value[:40]!r}", f"choose from {', '.join(choices)}")
        return value

    def number(self, name: str, low: float, high: float, default: float) -> float:
        """A number in [low, high]."""
        value = self.values.get(name, default)
        try:
            number = float(value) if isinstance(value, str | int | float) else float("nan")
        except (ValueError, OverflowError):
            number = float("nan")
        if not low <= number <= high:
            raise _invalid(f"{name} is {str(value)[:40]!r}", f"choose a number from {low:g} to {high:g}")
        return number

    def flag(self, name: str, default: bool) -> bool:
        """A boolean: true or false, in JSON or as text."""
        value = self.values.get(name, default)
        if isinstance(value, bool):
            return value
        return self.choice(name, ("true", "false"), "") == "true"

    def face(self) -> FaceChoice:
        """Which face: "largest", "all", a number, or "X,Y", a point on it in pixels."""
        value = self.values.get("face", "largest")
        try:
            return parse_face_choice(value if isinstance(value, int) else str(value)[:40])
        except FacereliefError as reason:
            raise to_api_error(reason) from reason

    def method(self, default: str) -> str:
        """The editing method."""
        return self.choice("method", METHODS, default)

    def items(self, name: str) -> list["Fields"]:
        """A list of objects, as the fields of each."""
        value = _parsed(self.values.get(name), name)
        if not isinstance(value, list) or not value or not all(isinstance(item, dict) for item in value):
            raise _invalid(f"{name} is not a list of objects", "see the API's page at /api")
        return list(map(_non_null, value))

    def landmarks(self) -> Face | None:
        """The face with the field `landmarks`, as `/v1/faces` returned it; None without that field."""
        given = self.values.get("landmarks")
        if given is None:
            return None
        try:
            points = np.array(_parsed(given, "landmarks"), dtype=np.float32)
        except (ValueError, TypeError, OverflowError):
            points = np.zeros(0, np.float32)
        if points.shape != (LANDMARK_COUNT, 3) or not is_face_like(points):
            raise _invalid("landmarks are not those of a face", "send those that /v1/faces gave for this photo")
        return Face(points)


def parse_json(body: bytearray) -> Fields:
    """Parse JSON. Empties the body, so that its content is not in memory twice."""
    if sum(map(body.count, (b",", b"[", b"{"))) > _MAX_VALUES:
        raise ApiError("bad_request", "the body holds too many values", f"send fewer than {_MAX_VALUES}")
    try:
        values = json.loads(body)
    except (ValueError, RecursionError) as reason:
        raise ApiError("bad_request", "the body is not valid JSON", "send one JSON object") from reason
    body.clear()
    if not isinstance(values, dict):
        raise ApiError("bad_request", "the body is not a JSON object", "send one JSON object")
    return _non_null(values)


def parse_form(headers: Headers, body: bytearray, token: CancelToken) -> Fields:
    """Parse multipart/form-data in a worker thread, which has no event loop. Empties the body, as `parse_json` does."""

    async def chunks() -> AsyncGenerator[bytes, None]:
        while body:
            token.check()
            yield bytes(body[:_CHUNK])
            del body[:_CHUNK]

    async def parsed() -> dict[str, Any]:
        form = await _InMemory(
            headers, chunks(), max_files=_MAX_FILES, max_fields=_MAX_FIELDS, max_part_size=_MAX_TEXT
        ).parse()
        values: dict[str, Any] = {}
        try:
            for name, value in form.multi_items():
                if name in values:
                    raise _invalid(f"{name[:40]} is given twice", "send each field once")
                values[name] = await value.read() if isinstance(value, UploadFile) else value
        finally:
            await form.close()
        return values

    try:
        return Fields(asyncio.run(parsed()))
    except (MultiPartException, KeyError, ValueError, LookupError) as reason:
        message = getattr(reason, "message", "") or "the form cannot be read"
        raise ApiError("bad_request", str(message).rstrip("."), "send multipart/form-data as curl -F does") from reason


class _InMemory(MultiPartParser):
    """Never writes files to disk; the body's size is limited before."""

    spool_max_size = 2**62

    def on_headers_finished(self) -> None:
        """Once a field's name is known."""
        super().on_headers_finished()
        self.max_part_size = _MAX_LIST if self._current_part.field_name == "edits" else _MAX_TEXT


def _non_null(values: dict[str, Any]) -> Fields:
    """Fields of a JSON object; null means that the field is absent."""
    return Fields({name: value for name, value in values.items() if value is not None})


def _parsed(value: Any, name: str) -> Any:
    """The value of a form's field that holds JSON."""
    if not isinstance(value, str):
        return value
    if sum(map(value.count, ",[{")) > _MAX_VALUES:
        raise _invalid(f"{name} holds too many values", f"send fewer than {_MAX_VALUES}")
    try:
        return json.loads(value)
    except (ValueError, RecursionError) as reason:
        raise _invalid(f"{name} is not valid JSON", f"send {name} as JSON") from reason


def _invalid(message: str, remedy: str) -> ApiError:
    return ApiError("bad_option", message, remedy)
