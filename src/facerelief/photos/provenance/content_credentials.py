"""Content Credentials: a signed C2PA manifest in the file, which records the edit and detects later changes.

Signed with the user's certificate (PEM files named by the environment variables `CERTIFICATE` and `KEY`), or with a
temporary one of this process, which shows that nothing changed but not who edited. No request leaves the machine.

C2PA's library takes more than quadratic time in the parts of a manifest. So a foreign manifest is first read in an
isolated process with bounded time (`processes.isolated`); this process reads only those that passed.
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
from dataclasses import astuple
from pathlib import Path
from typing import Any, BinaryIO

from facerelief import __version__
from facerelief.errors import FacereliefError, MissingExtra, one_line
from facerelief.files import atomic, open_file
from facerelief.photos.provenance.certificates import CERTIFICATE, KEY, signing_key
from facerelief.photos.provenance.credentials_report import Credentials, parse_report
from facerelief.photos.provenance.file_kinds import (
    MANIFEST_SUFFIXES,
    MEDIA_TYPES,
    media_type_of,
    stream_has_manifest,
)
from facerelief.photos.provenance.xmp import EDITED, EditMark
from facerelief.processes.isolated import ChildFailed, ChildTimeout, limit_cpu_time, limit_memory, run_child

_GENERATOR = {"name": "facerelief", "version": __version__}
_OFFLINE = {"ocsp_fetch": False, "remote_manifest_fetch": False, "verify_after_sign": False}
_CLOCK_S = 60.0  # wall clock to read a foreign manifest, on a busy machine
_WORK_S, _PER_BYTE_S = 1.0, 1 / 50e6  # CPU time; real ones take hundredths
_DOT = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==")


def can_sign() -> bool:
    """Whether C2PA's library is installed."""
    return importlib.util.find_spec("c2pa") is not None


def sign(data: bytes, format: str, mark: EditMark | None, source: str = "", parent: bytes | None = None) -> bytes:
    """Add a manifest to a file; without C2PA's library its bytes are returned unchanged.

    Args:
        data: The file's bytes.
        format: A key of `MEDIA_TYPES`.
        mark: The record of the edit. None: the picture was only written again.
        source: SHA-256 of the edited file, hexadecimal.
        parent: The edited file's bytes if it has a manifest, whose history is carried on.

    Raises:
        FacereliefError: The user's certificate cannot be used.
        MissingExtra: There is a user's certificate but no c2pa library.
    """
    if not _signs():
        return data
    target = io.BytesIO()
    follows = parent is None or can_carry_history(parent)
    parents = (media_type_of(io.BytesIO(parent)), io.BytesIO(parent)) if parent and follows else None
    _sign(io.BytesIO(data), target, MEDIA_TYPES[format], _manifest(mark, source), parents)
    return target.getvalue() if mark or follows else data


def sign_file(path: Path, mark: EditMark, source: str = "", parent: Path | bytes | None = None) -> bool:
    """Add a manifest to a video or animation on disk; files without a suffix of `MANIFEST_SUFFIXES` are unchanged.

    Args:
        path: The file.
        mark: The record of the edit.
        source: SHA-256 of the edited file, hexadecimal.
        parent: The edited file or its bytes, whose history is carried on.

    Returns:
        False if the parent's history was lost.

    Raises as `sign`.
    """
    with _parent(parent) as history:
        kind = MANIFEST_SUFFIXES.get(path.suffix.lower())
        if kind is None or not _signs():
            return history is None
        follows = parent is None or history is None or can_carry_history(parent)
        with atomic(path) as part, open_file(path) as before, part.open("w+b") as after:
            _sign(before, after, MEDIA_TYPES[kind], _manifest(mark, source), history if follows else None)
        return follows


@contextlib.contextmanager
def _parent(parent: Path | bytes | None) -> Iterator["tuple[str, BinaryIO] | None"]:
    """The media type and stream of a file with a manifest, or None."""
    with contextlib.ExitStack() as stack:
        stream: BinaryIO | None = io.BytesIO(parent) if isinstance(parent, bytes) else None
        if isinstance(parent, Path):
            stream = stack.enter_context(open_file(parent))
        yield (media_type_of(stream), stream) if stream is not None and stream_has_manifest(stream) else None


def _signs() -> bool:
    """Whether files are signed. Raises `MissingExtra` for a user's certificate without C2PA's library."""
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
    """Copy a file with a manifest that carries on that of `parent`. names: PEM files in place of the user's."""
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
            f"cannot sign ({one_line(reason)}); set {CERTIFICATE} and {KEY} to a certificate chain "
            f"and its key, or unset both"
        ) from reason


_followed: dict[bytes, bool] = {}  # by SHA-256, results of `can_carry_history`
_REMEMBERED = 256


def can_carry_history(file: bytes | Path, seconds: float = _CLOCK_S) -> bool:
    """Whether the history in a file's manifest can be carried on, tested in bounded time. Needs C2PA's library.

    seconds: after which it cannot.
    """
    key = hashlib.sha256(file).digest() if isinstance(file, bytes) else None
    if key is not None and key in _followed:
        return _followed[key]
    try:
        follows = bool(_run_isolated("_follows", file, min(seconds, _CLOCK_S)))
    except ChildTimeout:
        return False
    except ChildFailed:
        follows = False
    if key is not None:
        _followed[key] = follows
        for old in list(_followed)[:-_REMEMBERED]:
            _followed.pop(old, None)
    return follows


def _follows(stream: BinaryIO) -> bool:
    """Whether a picture of one pixel can be signed with this file as its parent."""
    import c2pa

    media = media_type_of(stream)
    try:
        with _context() as context, c2pa.Reader(media, stream, context=context):
            pass  # an unreadable manifest would be added silently without its history
        stream.seek(0)
        _sign(io.BytesIO(_DOT), io.BytesIO(), MEDIA_TYPES["PNG"], _manifest(None, ""), (media, stream), (None, None))
    except (c2pa.C2paError, FacereliefError):
        return False
    return True


def read_credentials(file: bytes | Path, format: str, trusted: bytes | None = None) -> Credentials | None:
    """Read the manifest of a file in bounded time; None if it has none.

    Args:
        file: Its bytes or path.
        format: A key of `MEDIA_TYPES`.
        trusted: Trusted certificates, PEM.

    Raises:
        MissingExtra: C2PA's library is not installed.
    """
    if not can_sign():
        raise MissingExtra("c2pa-python", "provenance")
    if format not in MEDIA_TYPES:
        return None
    try:
        found = _run_isolated(
            "_read", file, _CLOCK_S, media=MEDIA_TYPES[format], trusted=trusted.decode() if trusted else None
        )
    except (ChildFailed, ChildTimeout) as reason:
        return Credentials("invalid", "", (), "", (str(reason),))
    if found is None:
        return None
    state, signer, actions, source_type, problems = found
    return Credentials(state, signer, tuple(actions), source_type, tuple(problems))


def _read(stream: BinaryIO, media: str, trusted: str | None) -> tuple[Any, ...] | None:
    import c2pa

    try:
        with _context(trusted) as context, c2pa.Reader(media, stream, context=context) as reader:
            return astuple(parse_report(json.loads(reader.json())))
    except c2pa.C2paError.ManifestNotFound:
        return None
    except c2pa.C2paError as reason:
        return astuple(Credentials("invalid", "", (), "", (one_line(reason),)))


def _run_isolated(work: str, file: bytes | Path, seconds: float, **options: Any) -> Any:
    """Run a function of this module on a file in an isolated process. Raises as `run_child`."""
    path, data = (None, file) if isinstance(file, bytes) else (os.path.abspath(file), b"")
    request = json.dumps({"work": work, "path": path, "options": options}).encode() + b"\n"
    return json.loads(run_child(f"{__name__}:credentials_child()", request + data, "its C2PA manifest", seconds))


def credentials_child() -> None:
    """Run in the isolated process; standard input is a line of JSON, then the file unless the line gives its path."""
    limit_memory()
    request = json.loads(sys.stdin.buffer.readline())
    with open_file(request["path"]) if request["path"] else io.BytesIO(sys.stdin.buffer.read()) as stream:
        limit_cpu_time(_WORK_S + stream.seek(0, os.SEEK_END) * _PER_BYTE_S)
        stream.seek(0)
        found = globals()[request["work"]](stream, **request["options"])
    sys.stdout.write(json.dumps(found))


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
    """Settings of C2PA's library: no requests, no thumbnails."""
    import c2pa

    settings: dict[str, Any] = {"verify": _OFFLINE, "builder": {"thumbnail": {"enabled": False}}}
    if trusted:
        settings["trust"] = {"trust_anchors": trusted}
        settings["verify"] = _OFFLINE | {"verify_trust": True}
    return c2pa.Context(settings=c2pa.Settings.from_dict(settings))
