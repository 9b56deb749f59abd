"""Errors of requests: a stable code, what and why, the remedy, and the HTTP status."""

from dataclasses import dataclass, field

from facerelief.errors import CheckpointError, FacereliefError, MissingExtra, NoFaceFound, PhotoError

# code: HTTP status, and when it is given
CODES: dict[str, tuple[int, str]] = {
    "bad_request": (400, "The body is not the form or the JSON that its type states."),
    "unauthorized": (401, "The server needs a token, and the request has none or a wrong one."),
    "forbidden": (403, "The request comes from another site's page, or asks for another host."),
    "not_found": (404, "There is nothing at this address."),
    "method_not_allowed": (405, "The address takes other methods, named in `Allow`."),
    "slow_upload": (408, "The header or the body did not arrive in time."),
    "too_large": (413, "The body is larger than the server takes."),
    "unsupported_media_type": (415, "The body is neither multipart/form-data nor application/json."),
    "bad_option": (422, "A field is missing, unknown, or has an invalid value."),
    "bad_photo": (422, "The photo cannot be read, or has too many pixels."),
    "no_face": (422, "The photo has no face, not the one asked for, or none that can be edited."),
    "rate_limited": (429, "This client sends too many requests; wait `Retry-After` seconds."),
    "internal": (500, "An internal error of the server."),
    "not_installed": (501, "A required package or weights are missing or damaged on the server."),
    "busy": (503, "The server is busy or stopping; try again after `Retry-After` seconds."),
    "too_slow": (504, "The answer took longer than the server allows."),
}
_KINDS: tuple[tuple[type[FacereliefError], str], ...] = (
    (PhotoError, "bad_photo"),
    (NoFaceFound, "no_face"),
    (CheckpointError, "not_installed"),
    (MissingExtra, "not_installed"),
)


@dataclass
class ApiError(Exception):
    """An error that is sent to the client. code: one of `CODES`."""

    code: str
    message: str
    remedy: str
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def status(self) -> int:
        """The HTTP status."""
        return CODES[self.code][0]

    def body(self) -> dict[str, dict[str, str]]:
        """The response's JSON."""
        return {"error": {"code": self.code, "message": self.message, "remedy": self.remedy}}


class RequestCancelled(Exception):
    """The client has disconnected; no response is needed."""


def to_api_error(error: FacereliefError) -> ApiError:
    """An error of the package as an error of the API, with fields in place of options.

    Its message is one line: what, why; the remedy.
    """
    code = next((code for kind, code in _KINDS if isinstance(error, kind)), "bad_option")
    line = str(error).replace(" --", " ").replace("`facerelief expressions`", "/v1/controls").removeprefix("photo: ")
    what, _, remedy = line.rpartition("; ")
    return ApiError(code, what or remedy, remedy if what else "change the request")
