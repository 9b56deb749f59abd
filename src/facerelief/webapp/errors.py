"""What can go wrong with a request: a stable code, what and why, the remedy, and the HTTP status."""

from dataclasses import dataclass, field

from facerelief.errors import CheckpointError, FacereliefError, MissingExtra, NoFaceFound, PhotoError

# code: HTTP status, and when it comes
CODES: dict[str, tuple[int, str]] = {
    "bad_request": (400, "The body cannot be read as the form or the JSON that it says it is."),
    "unauthorized": (401, "The server asks for a token, and the request has none or a wrong one."),
    "forbidden": (403, "The request comes from another site's page, or asks for another host."),
    "not_found": (404, "There is nothing at this address."),
    "method_not_allowed": (405, "The address answers other methods, named in `Allow`."),
    "slow_upload": (408, "The head or the body did not arrive in time."),
    "too_large": (413, "The body is larger than the server takes."),
    "unsupported_media_type": (415, "The body is neither multipart/form-data nor application/json."),
    "bad_option": (422, "A field is missing, unknown, or has a value that it cannot have."),
    "bad_photo": (422, "The photo cannot be read, or has too many pixels."),
    "no_face": (422, "The photo has no face, not the one asked for, or none that can be edited."),
    "rate_limited": (429, "This client asks too often, or for too much at once; wait `Retry-After` seconds."),
    "internal": (500, "A fault of the server."),
    "not_installed": (501, "A package or weights that this needs are missing or damaged on the server."),
    "busy": (503, "The server is busy or ending; come again after `Retry-After` seconds."),
    "too_slow": (504, "The answer took longer than the server allows."),
}
_KINDS: tuple[tuple[type[FacereliefError], str], ...] = (
    (PhotoError, "bad_photo"),
    (NoFaceFound, "no_face"),
    (CheckpointError, "not_installed"),
    (MissingExtra, "not_installed"),
)


@dataclass
class Problem(Exception):
    """An answer that is an error. code: one of `CODES`."""

    code: str
    message: str
    remedy: str
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def status(self) -> int:
        """The HTTP status."""
        return CODES[self.code][0]

    def body(self) -> dict[str, dict[str, str]]:
        """The answer's JSON."""
        return {"error": {"code": self.code, "message": self.message, "remedy": self.remedy}}


class Abandoned(Exception):
    """The client has gone; nobody waits for the answer."""


def as_problem(error: FacereliefError) -> Problem:
    """An error of the package, whose message is one line: what, why; the remedy."""
    code = next((code for kind, code in _KINDS if isinstance(error, kind)), "bad_option")
    what, _, remedy = str(error).removeprefix("photo: ").rpartition("; ")
    return Problem(code, what or remedy, remedy if what else "change the request")
