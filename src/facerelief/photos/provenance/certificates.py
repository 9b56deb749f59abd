"""Certificate and key that sign manifests: the user's, or temporary ones."""

import datetime
import functools
import os
from typing import Any

from facerelief.errors import FacereliefError, one_line
from facerelief.files import read_file

CERTIFICATE, KEY = "FACERELIEF_CERTIFICATE", "FACERELIEF_KEY"  # environment variables
LOCAL = "facerelief (a certificate made for the occasion)"  # the issuer of temporary certificates; files have it
_MAX_BYTES = 1_000_000  # bytes


def signing_key(certificate: str | None, key: str | None) -> tuple[bytes, bytes, str]:
    """The certificate chain and key as PEM, and C2PA's name of the key's algorithm.

    Args:
        certificate: The chain's PEM file; None for a temporary one.
        key: The key's PEM file; None if `certificate` is None.

    Raises:
        FacereliefError: One of the two is missing, or the files cannot be used.
    """
    changed = [os.stat(path).st_mtime_ns for path in (certificate, key) if path and os.path.exists(path)]
    return _read_key(certificate, key, *changed)  # a certificate that is renewed is read again


@functools.lru_cache(maxsize=2)
def _read_key(certificate: str | None, key: str | None, *_changed: int) -> tuple[bytes, bytes, str]:
    if not certificate and not key:
        return _temporary_certificate()
    if not certificate or not key:
        raise FacereliefError(f"{CERTIFICATE} and {KEY} belong together; set both, or neither")
    from cryptography.hazmat.primitives import serialization

    try:
        chain, secret = read_file(certificate, _MAX_BYTES), read_file(key, _MAX_BYTES)
        loaded = serialization.load_pem_private_key(secret, None)
    except (OSError, ValueError, TypeError) as reason:
        raise FacereliefError(
            f"cannot read {certificate} or {key} ({one_line(reason)}); {CERTIFICATE} and {KEY} name PEM files, the key "
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
    raise FacereliefError(f"{KEY}: C2PA does not support this key; use an elliptic curve (P-256), Ed25519 or RSA key")


def _temporary_certificate() -> tuple[bytes, bytes, str]:
    """A certificate for a year, signed by its own authority, as C2PA requires; the authority's key is discarded."""
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
