"""Content Credentials: a signed C2PA manifest in the file that says what was done, and whether it changed since.

Signed with the user's certificate, two PEM files named by the environment variables `CERTIFICATE` and `KEY`, or else
with one made on the spot and thrown away with the process: it shows that nothing changed since, but not who edited. No
time stamp is fetched and nothing is looked up: no request leaves the machine.
"""

import contextlib
import datetime
import functools
import importlib.util
import io
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from facerelief import __version__
from facerelief.errors import FacereliefError, MissingExtra
from facerelief.faces.mark import EDITED, EditMark
from facerelief.files import atomic, open_file, read_file

CERTIFICATE, KEY = "FACERELIEF_CERTIFICATE", "FACERELIEF_KEY"
LOCAL = "facerelief (a certificate made for the occasion)"  # who signs, where the user named no certificate
TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp", "TIFF": "image/tiff", "GIF": "image/gif"}
TYPES |= {"AVIF": "image/avif", "MP4": "video/mp4", "MOV": "video/quicktime"}
FILES = {".mp4": "MP4", ".m4v": "MP4", ".mov": "MOV", ".gif": "GIF", ".webp": "WEBP"}

_OFFLINE = {"ocsp_fetch": False, "remote_manifest_fetch": False, "verify_after_sign": False}
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


def sign(data: bytes, kind: str, mark: EditMark, source: str = "", parent: bytes | None = None) -> bytes:
    """A file's bytes, of a kind in `TYPES`, with a manifest; without C2PA's library the bytes as they are.

    source: SHA-256 of the file that was edited, hexadecimal. parent: that file's bytes where it had a manifest, whose
    history then goes on in the new one.
    Raises `FacereliefError` where the user's certificate cannot be used, `MissingExtra` where it cannot without c2pa.
    """
    if not _signs():
        return data
    target = io.BytesIO()
    _sign(io.BytesIO(data), target, TYPES[kind], mark, source, parent)
    return target.getvalue()


def sign_file(path: Path, mark: EditMark, source: str = "") -> None:
    """Give a file on disk, a video or moving picture with a suffix in `FILES`, its manifest; others stay as they are.

    Raises as `sign`.
    """
    kind = FILES.get(path.suffix.lower())
    if kind is None or not _signs():
        return
    with atomic(path) as part, open_file(path) as before, part.open("w+b") as after:
        _sign(before, after, TYPES[kind], mark, source, None)


def _signs() -> bool:
    """Whether files are signed: where C2PA's library is there; who names a certificate cannot do without it."""
    if os.environ.get(CERTIFICATE) and not can_sign():
        raise MissingExtra("c2pa-python", "provenance")
    return can_sign()


def _sign(before: BinaryIO, after: BinaryIO, media: str, mark: EditMark, source: str, parent: bytes | None) -> None:
    """Copy a file with a manifest."""
    import c2pa

    certificate, key, algorithm = _signing_key(os.environ.get(CERTIFICATE), os.environ.get(KEY))
    try:
        signer = c2pa.Signer.from_info(c2pa.C2paSignerInfo(algorithm, certificate, key, None))
        with signer, _context() as context, c2pa.Builder(_manifest(mark, source), context) as builder:
            builder.set_intent(c2pa.C2paBuilderIntent.EDIT)
            with contextlib.suppress(c2pa.C2paError):  # of a parent whose manifest is broken: it is not carried on
                if parent:
                    builder.add_ingredient({"relationship": "parentOf"}, _type_of(parent), io.BytesIO(parent))
            builder.sign(signer, media, before, after)
    except c2pa.C2paError as reason:
        raise FacereliefError(
            f"cannot sign ({_line(reason)}); name a certificate chain and its key for signing with {CERTIFICATE} and "
            f"{KEY}, or unset both"
        ) from reason


def read_credentials(data: bytes, kind: str, trusted: bytes | None = None) -> Credentials | None:
    """What the manifest in a file's bytes says, or None where it has none.

    trusted: PEM of the certificates to trust. Raises `MissingExtra` without c2pa.
    """
    if not can_sign():
        raise MissingExtra("c2pa-python", "provenance")
    import c2pa

    if kind not in TYPES:
        return None
    try:
        with _context(trusted) as context, c2pa.Reader(TYPES[kind], io.BytesIO(data), context=context) as reader:
            found = json.loads(reader.json())
    except c2pa.C2paError.ManifestNotFound:
        return None
    except c2pa.C2paError as reason:
        return Credentials("invalid", "", (), "", (_line(reason),))
    return _understood(found)


def _understood(found: dict[str, Any]) -> Credentials:
    manifest = found["manifests"].get(found.get("active_manifest"), {})
    sets = (one["data"].get("actions", ()) for one in manifest.get("assertions", ()) if "c2pa.actions" in one["label"])
    actions = [action for actions in sets for action in actions]
    types = [action["digitalSourceType"] for action in actions if "digitalSourceType" in action]
    problems = tuple(
        dict.fromkeys(one["code"] for one in found.get("validation_status", ()) if one["code"] != _UNTRUSTED)
    )
    state = {"Trusted": "trusted", "Valid": "untrusted"}.get(found.get("validation_state", ""), "invalid")
    signer = manifest.get("signature_info", {}).get("issuer") or "unknown"
    return Credentials(state, signer, tuple(action["action"] for action in actions), (types or [""])[-1], problems)


def _manifest(mark: EditMark, source: str) -> dict[str, Any]:
    edit: dict[str, Any] = {"action": "c2pa.edited", "digitalSourceType": EDITED, "description": mark.description}
    if source:
        edit["parameters"] = {"org.facerelief.source-sha256": source}
    actions = [edit]
    if mark.faces:
        actions.append({"action": "c2pa.watermarked.unbound"})
    generator = {"name": "facerelief", "version": __version__}
    return {
        "claim_generator_info": [generator],
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


@functools.lru_cache(maxsize=2)
def _signing_key(certificate: str | None, key: str | None) -> tuple[bytes, bytes, str]:
    """Certificates and key as PEM, and C2PA's name of the key's algorithm."""
    if not certificate and not key:
        return _made_for_the_occasion()
    if not certificate or not key:
        raise FacereliefError(f"{CERTIFICATE} and {KEY} belong together; set both, or neither")
    from cryptography.hazmat.primitives import serialization

    try:
        chain, secret = read_file(certificate), read_file(key)
        loaded = serialization.load_pem_private_key(secret, None)
    except (OSError, ValueError, TypeError) as reason:
        raise FacereliefError(
            f"cannot read {certificate} or {key} ({_line(reason)}); {CERTIFICATE} and {KEY} name PEM files, the key "
            "without a password"
        ) from reason
    return chain, secret, _algorithm(loaded)


def _algorithm(key: Any) -> str:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.key_size in (256, 384, 521):
        return {256: "es256", 384: "es384", 521: "es512"}[key.curve.key_size]
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "ed25519"
    if isinstance(key, rsa.RSAPrivateKey):
        return "ps256"
    raise FacereliefError(f"{KEY}: C2PA knows no such key; use an elliptic curve (P-256), Ed25519 or RSA key")


def _made_for_the_occasion() -> tuple[bytes, bytes, str]:
    """A certificate under an authority of its own, as C2PA asks for, good for a year; the authority's key is lost."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    authority, own = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    chain = _certificate(own, authority, False), _certificate(authority, authority, True)
    pem = b"".join(one.public_bytes(serialization.Encoding.PEM) for one in chain)
    plain = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return pem, own.private_bytes(*plain), "es256"


def _certificate(subject: Any, issuer: Any, is_authority: bool) -> Any:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    now, day = datetime.datetime.now(datetime.UTC), datetime.timedelta(days=1)
    own, signs = subject.public_key(), x509.SubjectKeyIdentifier.from_public_key
    uses = dict.fromkeys(
        (
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    uses |= {"digital_signature": not is_authority, "key_cert_sign": is_authority, "crl_sign": is_authority}
    extensions: list[tuple[x509.ExtensionType, bool]] = [
        (x509.BasicConstraints(is_authority, None), True),
        (x509.KeyUsage(**uses), True),
        (signs(own), False),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key()), False),
    ]
    if not is_authority:
        extensions.append((x509.ExtendedKeyUsage([x509.OID_EMAIL_PROTECTION]), False))
    builder = x509.CertificateBuilder().subject_name(_named(is_authority)).issuer_name(_named(True)).public_key(own)
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - day)
    builder = builder.not_valid_after(now + 365 * day)
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(issuer, hashes.SHA256())


def _named(is_authority: bool) -> Any:
    from cryptography import x509

    role = "authority" if is_authority else "signer"
    parts = ((x509.NameOID.ORGANIZATION_NAME, LOCAL), (x509.NameOID.COMMON_NAME, f"{role}, thrown away after use"))
    return x509.Name([x509.NameAttribute(kind, text) for kind, text in parts])


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
