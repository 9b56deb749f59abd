"""Content Credentials: a signed C2PA manifest in the file that says what was done, and whether it changed since.

Signed with the user's certificate, two PEM files named by the environment variables `CERTIFICATE` and `KEY`, or else
with one made on the spot and thrown away with the process: it shows that nothing changed since, but not who edited. No
time stamp is fetched and nothing is looked up: no request leaves the machine.
"""

import contextlib
import importlib.util
import io
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from facerelief import __version__
from facerelief.errors import FacereliefError, MissingExtra
from facerelief.faces.certificates import CERTIFICATE, KEY, LOCAL, signing_key
from facerelief.faces.mark import EDITED, EditMark
from facerelief.files import atomic, open_file

TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp", "TIFF": "image/tiff", "GIF": "image/gif"}
TYPES |= {"AVIF": "image/avif", "MP4": "video/mp4", "MOV": "video/quicktime"}
FILES = {".mp4": "MP4", ".m4v": "MP4", ".mov": "MOV", ".gif": "GIF", ".webp": "WEBP"}

_GENERATOR = {"name": "facerelief", "version": __version__}
_OFFLINE = {"ocsp_fetch": False, "remote_manifest_fetch": False, "verify_after_sign": False}
_BOX = b"jumdc2pa"  # how the box of manifests begins, in every kind of file
_ACTIONS = ("c2pa.actions", "c2pa.actions.v2")  # labels; a further one of a kind ends in __1, __2, ...
_BLOCK = 2**22  # bytes
_UNTRUSTED = "signingCredential.untrusted"


@dataclass(frozen=True)
class Credentials:
    """What a file's manifest says. `state`: "trusted" (signed by one of the trusted certificates), "untrusted" (whole,
    but signed by a certificate that nobody here vouches for) or "invalid"; `signer`: whose certificate it is;
    `actions`: what was done, C2PA's names; `source_type`: IPTC's digital source type of the edit, "" without one;
    `problems`: C2PA's codes of what is wrong.
    """

    state: str
    signer: str
    actions: tuple[str, ...]
    source_type: str
    problems: tuple[str, ...]

    @property
    def made_here(self) -> bool:
        """Whether it was signed by a certificate made for the occasion."""
        return self.signer == LOCAL


def can_sign() -> bool:
    """Whether C2PA's library is installed."""
    return importlib.util.find_spec("c2pa") is not None


def has_manifest(data: bytes) -> bool:
    """Whether a file's bytes seem to have a C2PA manifest."""
    return _BOX in data


def sign(data: bytes, kind: str, mark: EditMark | None, source: str = "", parent: bytes | None = None) -> bytes:
    """A file's bytes, of a kind in `TYPES`, with a manifest; without C2PA's library the bytes as they are.

    mark: what was done, None where the picture was only written anew.
    source: SHA-256 of the file that was edited, hexadecimal. parent: that file's bytes where it had a manifest, whose
    history then goes on in the new one.
    Raises `FacereliefError` where the user's certificate cannot be used, `MissingExtra` where it cannot without c2pa.
    """
    if not _signs():
        return data
    target = io.BytesIO()
    parents = (_type_of(parent), io.BytesIO(parent)) if parent else None
    follows = _sign(io.BytesIO(data), target, TYPES[kind], _manifest(mark, source), parents)
    return target.getvalue() if mark or follows else data


def sign_file(path: Path, mark: EditMark, source: str = "", parent: Path | bytes | None = None) -> bool:
    """Give a file on disk, a video or moving picture with a suffix in `FILES`, its manifest; others stay as they are.

    parent: the file that it was made from, or its bytes, whose manifest goes on in the new one. Returns whether none
    was lost: false where the parent has a manifest, and the file could not carry it on. Raises as `sign`.
    """
    with _parent(parent) as history:
        kind = FILES.get(path.suffix.lower())
        if kind is None or not _signs():
            return history is None
        with atomic(path) as part, open_file(path) as before, part.open("w+b") as after:
            return _sign(before, after, TYPES[kind], _manifest(mark, source), history)


@contextlib.contextmanager
def _parent(parent: Path | bytes | None) -> Iterator["tuple[str, BinaryIO] | None"]:
    """The media type and the stream of a file with a manifest, or None."""
    with contextlib.ExitStack() as stack:
        stream: BinaryIO | None = io.BytesIO(parent) if isinstance(parent, bytes) else None
        if isinstance(parent, Path):
            stream = stack.enter_context(open_file(parent))
        yield (_type_of(_head(stream)), stream) if stream is not None and stream_has_manifest(stream) else None


def _head(stream: BinaryIO) -> bytes:
    stream.seek(0)
    head = stream.read(16)
    stream.seek(0)
    return head


def stream_has_manifest(stream: BinaryIO) -> bool:
    """As `has_manifest`, of a file that may be large; the stream is at its beginning afterwards."""
    before, found = b"", False
    while not found and (block := stream.read(_BLOCK)):
        found = has_manifest(before + block)
        before = block[-len(_BOX) :]
    stream.seek(0)
    return found


def _signs() -> bool:
    """Whether files are signed: where C2PA's library is there; who names a certificate cannot do without it."""
    if os.environ.get(CERTIFICATE) and not can_sign():
        raise MissingExtra("c2pa-python", "provenance")
    return can_sign()


def _sign(
    before: BinaryIO, after: BinaryIO, media: str, manifest: dict[str, Any], parent: tuple[str, BinaryIO] | None
) -> bool:
    """Copy a file with a manifest; whether the parent's goes on in it."""
    import c2pa

    follows = True

    certificate, key, algorithm = signing_key(os.environ.get(CERTIFICATE), os.environ.get(KEY))
    try:
        signer = c2pa.Signer.from_info(c2pa.C2paSignerInfo(algorithm, certificate, key, None))
        with signer, _context() as context, c2pa.Builder(manifest, context) as builder:
            builder.set_intent(c2pa.C2paBuilderIntent.EDIT)
            if parent:
                follows = _follow(builder, *parent)
            builder.sign(signer, media, before, after)
    except c2pa.C2paError as reason:
        raise FacereliefError(
            f"cannot sign ({_line(reason)}); name a certificate chain and its key for signing with {CERTIFICATE} and "
            f"{KEY}, or unset both"
        ) from reason
    return follows


def _follow(builder: Any, media: str, parent: BinaryIO) -> bool:
    """Have the parent's history go on in a new manifest; false where it is broken."""
    import c2pa

    try:
        with _context() as context, c2pa.Reader(media, parent, context=context):
            pass  # what cannot be read would be added without its history, and without a word
        parent.seek(0)
        builder.add_ingredient({"relationship": "parentOf"}, media, parent)
    except c2pa.C2paError:
        return False
    return True


def can_follow(data: bytes) -> bool:
    """Whether the history in a file's manifest can go on in another's; needs C2PA's library."""
    import c2pa

    with _context() as context, c2pa.Builder(_manifest(None, ""), context) as builder:
        return _follow(builder, _type_of(data), io.BytesIO(data))


def read_credentials(data: bytes | BinaryIO, kind: str, trusted: bytes | None = None) -> Credentials | None:
    """What the manifest in a file says, given as bytes or a stream, or None where it has none.

    trusted: PEM of the certificates to trust. Raises `MissingExtra` without c2pa.
    """
    if not can_sign():
        raise MissingExtra("c2pa-python", "provenance")
    import c2pa

    if kind not in TYPES:
        return None
    try:
        stream = io.BytesIO(data) if isinstance(data, bytes) else data
        with _context(trusted) as context, c2pa.Reader(TYPES[kind], stream, context=context) as reader:
            found = json.loads(reader.json())
    except c2pa.C2paError.ManifestNotFound:
        return None
    except c2pa.C2paError as reason:
        return Credentials("invalid", "", (), "", (_line(reason),))
    return _understood(found)


def _understood(found: dict[str, Any]) -> Credentials:
    manifest = found["manifests"].get(found.get("active_manifest"), {})
    actions = [action for one in manifest.get("assertions", ()) for action in _actions(one)]
    types = [kind for action in actions if isinstance(kind := action.get("digitalSourceType"), str)]
    problems = tuple(
        dict.fromkeys(one["code"] for one in found.get("validation_status", ()) if one["code"] != _UNTRUSTED)
    )
    state = {"Trusted": "trusted", "Valid": "untrusted"}.get(found.get("validation_state", ""), "invalid")
    signer = manifest.get("signature_info", {}).get("issuer") or "unknown"
    return Credentials(state, signer, tuple(action["action"] for action in actions), (types or [""])[-1], problems)


def _actions(assertion: dict[str, Any]) -> list[dict[str, Any]]:
    """The actions of an assertion that tells some. Its content is whatever the file's maker wrote."""
    data = assertion.get("data")
    if assertion["label"].split("__")[0] not in _ACTIONS or not isinstance(data, dict):
        return []
    actions = data.get("actions")
    if not isinstance(actions, list):
        return []
    return [one for one in actions if isinstance(one, dict) and isinstance(one.get("action"), str)]


def _manifest(mark: EditMark | None, source: str) -> dict[str, Any]:
    edit: dict[str, Any] = {"action": "c2pa.transcoded"}
    if mark:
        edit = {"action": "c2pa.edited", "digitalSourceType": EDITED, "description": mark.description}
    if source:
        edit["parameters"] = {"org.facerelief.source-sha256": source}
    actions = [edit]
    if mark and mark.faces:
        actions.append({"action": "c2pa.watermarked.unbound"})
    return {
        "claim_generator_info": [_GENERATOR],
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": actions}}],
    }


def _context(trusted: bytes | None = None) -> Any:
    """C2PA's library told to ask nobody and to make no thumbnails."""
    import c2pa

    settings: dict[str, Any] = {"verify": _OFFLINE, "builder": {"thumbnail": {"enabled": False}}}
    if trusted:
        settings["trust"] = {"trust_anchors": trusted.decode()}
        settings["verify"] = _OFFLINE | {"verify_trust": True}
    return c2pa.Context(settings=c2pa.Settings.from_dict(settings))


def _type_of(data: bytes) -> str:
    """The media type of an image file with a manifest, by its first bytes."""
    starts = {
        b"\x89PNG": "PNG",
        b"\xff\xd8": "JPEG",
        b"RIFF": "WEBP",
        b"II*\0": "TIFF",
        b"MM\0*": "TIFF",
        b"GIF8": "GIF",
    }
    return next((TYPES[kind] for start, kind in starts.items() if data.startswith(start)), TYPES["AVIF"])


def _line(reason: BaseException) -> str:
    return " ".join(str(reason).split()) or type(reason).__name__
