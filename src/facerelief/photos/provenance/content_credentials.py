"""Content Credentials: a signed C2PA manifest in the file that says what was done, and whether it changed since.

Signed with the user's certificate, two PEM files named by the environment variables `CERTIFICATE` and `KEY`, or else
with one made on the spot and thrown away with the process: it shows that nothing changed since, but not who edited. No
time stamp is fetched and nothing is looked up: no request leaves the machine.

C2PA's library takes time that goes by the square of a manifest's parts, and more. So a foreign manifest is first looked
at in a process of its own (`processes.isolated`), within bounded time; here the library sees only those that passed.
"""

import base64
import contextlib
import hashlib
import importlib.util
import io
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from facerelief import __version__
from facerelief.errors import FacereliefError, MissingExtra
from facerelief.files import atomic, open_file
from facerelief.photos.provenance.certificates import CERTIFICATE, KEY, LOCAL, signing_key
from facerelief.photos.provenance.file_kinds import FILES, TYPES, stream_has_manifest, type_of
from facerelief.photos.provenance.xmp import EDITED, EditMark
from facerelief.processes.isolated import ChildEnded, ChildLate, bound_memory, bound_time, run_child

_GENERATOR = {"name": "facerelief", "version": __version__}
_OFFLINE = {"ocsp_fetch": False, "remote_manifest_fetch": False, "verify_after_sign": False}
_ACTIONS = ("c2pa.actions", "c2pa.actions.v2")  # labels; a further one of a kind ends in __1, __2, ...
_CLOCK_S = 60.0  # for a look at a foreign manifest, on a busy machine
_WORK_S, _PER_BYTE_S = 1.0, 1 / 50e6  # of the processor; real ones take hundredths
_DOT = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==")
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
    follows = parent is None or can_follow(parent)
    parents = (type_of(io.BytesIO(parent)), io.BytesIO(parent)) if parent and follows else None
    _sign(io.BytesIO(data), target, TYPES[kind], _manifest(mark, source), parents)
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
        follows = parent is None or history is None or can_follow(parent)
        with atomic(path) as part, open_file(path) as before, part.open("w+b") as after:
            _sign(before, after, TYPES[kind], _manifest(mark, source), history if follows else None)
        return follows


@contextlib.contextmanager
def _parent(parent: Path | bytes | None) -> Iterator["tuple[str, BinaryIO] | None"]:
    """The media type and the stream of a file with a manifest, or None."""
    with contextlib.ExitStack() as stack:
        stream: BinaryIO | None = io.BytesIO(parent) if isinstance(parent, bytes) else None
        if isinstance(parent, Path):
            stream = stack.enter_context(open_file(parent))
        yield (type_of(stream), stream) if stream is not None and stream_has_manifest(stream) else None


def _signs() -> bool:
    """Whether files are signed: where C2PA's library is there; who names a certificate cannot do without it."""
    if os.environ.get(CERTIFICATE) and not can_sign():
        raise MissingExtra("c2pa-python", "provenance")
    return can_sign()


def _sign(
    before: BinaryIO,
    after: BinaryIO,
    media: str,
    manifest: dict[str, Any],
    parent: tuple[str, BinaryIO] | None,
    names: tuple[str | None, str | None] | None = None,
) -> None:
    """Copy a file with a manifest, in which that of `parent` goes on. names: of other PEM files than the user's."""
    import c2pa

    certificate, key, algorithm = signing_key(*(names or (os.environ.get(CERTIFICATE), os.environ.get(KEY))))
    try:
        signer = c2pa.Signer.from_info(c2pa.C2paSignerInfo(algorithm, certificate, key, None))
        with signer, _context() as context, c2pa.Builder(manifest, context) as builder:
            builder.set_intent(c2pa.C2paBuilderIntent.EDIT)
            if parent:
                builder.add_ingredient({"relationship": "parentOf"}, *parent)
            builder.sign(signer, media, before, after)
    except c2pa.C2paError as reason:
        raise FacereliefError(
            f"cannot sign ({_line(reason)}); name a certificate chain and its key for signing with {CERTIFICATE} and "
            f"{KEY}, or unset both"
        ) from reason


_followed: dict[bytes, bool] = {}  # by SHA-256, what `can_follow` said of the last files
_REMEMBERED = 256


def can_follow(file: bytes | Path, seconds: float = _CLOCK_S) -> bool:
    """Whether the history in a file's manifest can go on in another's, with bounded work; needs C2PA's library.

    seconds: of the clock, after which it cannot.
    """
    key = hashlib.sha256(file).digest() if isinstance(file, bytes) else None
    if key is not None and key in _followed:
        return _followed[key]
    try:
        follows = bool(_apart("_follows", file, min(seconds, _CLOCK_S)))
    except ChildLate:
        return False
    except ChildEnded:
        follows = False
    if key is not None:
        _followed[key] = follows
        for old in list(_followed)[:-_REMEMBERED]:
            _followed.pop(old, None)
    return follows


def _follows(stream: BinaryIO) -> bool:
    """Whether a picture of one dot can be signed with this file as its parent, as `sign` does it."""
    import c2pa

    media = type_of(stream)
    try:
        with _context() as context, c2pa.Reader(media, stream, context=context):
            pass  # what cannot be read would be added without its history, and without a word
        stream.seek(0)
        _sign(io.BytesIO(_DOT), io.BytesIO(), TYPES["PNG"], _manifest(None, ""), (media, stream), (None, None))
    except (c2pa.C2paError, FacereliefError):
        return False
    return True


def read_credentials(file: bytes | Path, kind: str, trusted: bytes | None = None) -> Credentials | None:
    """What the manifest in a file says, or None where it has none; read with bounded work.

    trusted: PEM of the certificates to trust. Raises `MissingExtra` without c2pa.
    """
    if not can_sign():
        raise MissingExtra("c2pa-python", "provenance")
    if kind not in TYPES:
        return None
    try:
        found = _apart("_read", file, _CLOCK_S, media=TYPES[kind], trusted=trusted.decode() if trusted else None)
    except (ChildEnded, ChildLate) as reason:
        return Credentials("invalid", "", (), "", (str(reason),))
    if found is None:
        return None
    state, signer, actions, source_type, problems = found
    return Credentials(state, signer, tuple(actions), source_type, tuple(problems))


def _read(stream: BinaryIO, media: str, trusted: str | None) -> tuple[Any, ...] | None:
    import c2pa

    try:
        with _context(trusted) as context, c2pa.Reader(media, stream, context=context) as reader:
            return astuple(_understood(json.loads(reader.json())))
    except c2pa.C2paError.ManifestNotFound:
        return None
    except c2pa.C2paError as reason:
        return astuple(Credentials("invalid", "", (), "", (_line(reason),)))


def _apart(work: str, file: bytes | Path, seconds: float, **options: Any) -> Any:
    """What a function of this module gives of a file in a process of its own. Raises as `run_child`."""
    path, data = (None, file) if isinstance(file, bytes) else (os.path.abspath(file), b"")
    order = json.dumps({"work": work, "path": path, "options": options}).encode() + b"\n"
    return json.loads(run_child(f"{__name__}:child()", order + data, "its C2PA manifest", seconds))


def child() -> None:
    """What the process does: given a line of JSON, and a file where the line names none."""
    bound_memory()
    order = json.loads(sys.stdin.buffer.readline())
    with open_file(order["path"]) if order["path"] else io.BytesIO(sys.stdin.buffer.read()) as stream:
        bound_time(_WORK_S + stream.seek(0, os.SEEK_END) * _PER_BYTE_S)
        stream.seek(0)
        found = globals()[order["work"]](stream, **order["options"])
    sys.stdout.write(json.dumps(found))


def _understood(found: dict[str, Any]) -> Credentials:
    """C2PA's report; what a foreign manifest holds in place of actions is passed over."""
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


def _context(trusted: str | None = None) -> Any:
    """C2PA's library told to ask nobody and to make no thumbnails."""
    import c2pa

    settings: dict[str, Any] = {"verify": _OFFLINE, "builder": {"thumbnail": {"enabled": False}}}
    if trusted:
        settings["trust"] = {"trust_anchors": trusted}
        settings["verify"] = _OFFLINE | {"verify_trust": True}
    return c2pa.Context(settings=c2pa.Settings.from_dict(settings))


def _line(reason: BaseException) -> str:
    return " ".join(str(reason).split()) or type(reason).__name__
