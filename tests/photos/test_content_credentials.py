"""Signed manifests, read back by C2PA's own library: whole, changed, foreign, without a certificate and with one."""

import datetime
import io
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facerelief.errors import FacereliefError, MissingExtra, install_command
from facerelief.faces.alignment import Crop
from facerelief.photos.photo import SAVE_FORMATS, Photo, encode_photo, read_photo
from facerelief.photos.provenance import certificates, content_credentials
from facerelief.photos.provenance.certificates import CERTIFICATE, KEY, signing_key
from facerelief.photos.provenance.content_credentials import read_credentials, sign, sign_file
from facerelief.photos.provenance.file_kinds import MEDIA_TYPES
from facerelief.photos.provenance.verify import find_provenance
from facerelief.photos.provenance.xmp import EDITED, EditMark

c2pa = pytest.importorskip("c2pa", reason="needs the extra provenance")

ROWS, COLUMNS = np.mgrid[0:64, 0:80]
RGB = np.stack([COLUMNS * 3, ROWS * 3, COLUMNS + ROWS], axis=-1).astype(np.uint8)
CROP = Crop(np.array([[2.0, 0, 0], [0, 2.0, 0]]), 128)
MARK = EditMark("facerelief 1", "facial expression edited to fear", ((CROP, "fear"),))
KINDS = sorted(set(SAVE_FORMATS.values()))


@pytest.fixture(autouse=True)
def _no_certificate(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (CERTIFICATE, KEY):
        monkeypatch.delenv(name, raising=False)


def file_of(kind: str) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(RGB).save(stream, kind)
    return stream.getvalue()


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_edit_is_signed_and_says_what_was_done(kind: str) -> None:
    source = read_photo(file_of("PNG"))
    data = encode_photo(source, kind, MARK)
    found = read_credentials(data, kind)
    assert found is not None
    assert (found.state, found.problems, found.made_here) == ("untrusted", (), True)
    assert found.actions == ("c2pa.opened", "c2pa.edited", "c2pa.watermarked.unbound")
    assert found.source_type == EDITED
    manifests = json.loads(c2pa.Reader(MEDIA_TYPES[kind], io.BytesIO(data)).json())
    (edit,) = [
        action
        for assertion in manifests["manifests"][manifests["active_manifest"]]["assertions"]
        for action in assertion["data"]["actions"]
        if action["action"] == "c2pa.edited"
    ]
    assert edit["description"] == MARK.description
    assert edit["parameters"]["org.facerelief.source-sha256"] == source.digest
    assert read_photo(data).rgb.shape == RGB.shape


@pytest.mark.parametrize("kind", KINDS)
def test_a_changed_file_is_told(kind: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8)  # fills the file's middle
    data = bytearray(encode_photo(Photo(noise), kind, MARK))
    data[len(data) // 2] ^= 1
    found = read_credentials(bytes(data), kind)
    assert found is not None
    assert (found.state, found.problems) == ("invalid", ("assertion.dataHash.mismatch",))


def test_without_an_edit_or_on_request_nothing_is_signed() -> None:
    for data in (encode_photo(Photo(RGB), "PNG"), encode_photo(Photo(RGB), "PNG", MARK, provenance=False)):
        assert read_credentials(data, "PNG") is None
        assert b"c2pa" not in data and b"xmp" not in data.lower()
        np.testing.assert_array_equal(read_photo(data).rgb, RGB)


def test_a_second_edit_carries_the_first_ones_history() -> None:
    first = encode_photo(Photo(RGB), "JPEG", MARK)
    second = encode_photo(read_photo(first), "PNG", EditMark("facerelief 1", "facial expression edited to anger"))
    manifests = json.loads(c2pa.Reader("image/png", io.BytesIO(second)).json())["manifests"]
    told = json.dumps(manifests)
    assert len(manifests) == 2 and "edited to fear" in told and "edited to anger" in told
    found = read_credentials(second, "PNG")
    assert found is not None and found.state == "untrusted" and found.problems == ()


def test_a_broken_history_does_not_stop_an_edit() -> None:
    first = bytearray(encode_photo(Photo(RGB), "PNG", MARK))
    first[first.index(b"jumdc2pa") + 8] ^= 255
    data = sign(file_of("PNG"), "PNG", MARK, parent=bytes(first))
    assert read_credentials(data, "PNG").state == "untrusted"  # type: ignore[union-attr]


def chain(folder: Path, key: object = None) -> tuple[Path, Path, Path]:
    """PEM files of a user's own: the chain to sign with, its key, and the authority to trust."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    authority, own = ec.generate_private_key(ec.SECP256R1()), key or ec.generate_private_key(ec.SECP384R1())
    names = [x509.Name([x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, name)]) for name in ("Paper", "Press")]
    now = datetime.datetime.now(datetime.UTC)

    def certify(subject: int, public: object) -> bytes:
        builder = x509.CertificateBuilder().subject_name(names[subject]).issuer_name(names[1]).public_key(public)
        builder = builder.serial_number(7 + subject).not_valid_before(now - datetime.timedelta(1))
        builder = builder.not_valid_after(now + datetime.timedelta(9))
        builder = builder.add_extension(x509.BasicConstraints(bool(subject), None), True)
        uses = [not subject, False, False, False, False, bool(subject), bool(subject), False, False]
        builder = builder.add_extension(x509.KeyUsage(*uses), True)
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key())
        builder = builder.add_extension(identifier, False)
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public), False)
        if not subject:
            builder = builder.add_extension(x509.ExtendedKeyUsage([x509.OID_EMAIL_PROTECTION]), False)
        return builder.sign(authority, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    secret = own.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    files = {"chain.pem": certify(0, own.public_key()) + certify(1, authority.public_key()), "key.pem": secret}
    files["trust.pem"] = certify(1, authority.public_key())
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder / "chain.pem", folder / "key.pem", folder / "trust.pem"


def test_the_users_own_certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate, key, trust = chain(tmp_path)
    monkeypatch.setenv(CERTIFICATE, str(certificate))
    monkeypatch.setenv(KEY, str(key))
    data = encode_photo(Photo(RGB), "JPEG", MARK)
    for trusted, state in ((None, "untrusted"), (trust.read_bytes(), "trusted")):
        found = read_credentials(data, "JPEG", trusted)
        assert found is not None
        assert (found.state, found.signer, found.made_here) == (state, "Paper", False)


def test_a_certificate_that_cannot_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate, key, _ = chain(tmp_path)
    (tmp_path / "empty.pem").touch()
    for one, other, message in (
        (certificate, None, "belong together"),
        (certificate, tmp_path / "absent.pem", "cannot read"),
        (certificate, tmp_path / "empty.pem", "cannot read"),
        (tmp_path / "empty.pem", key, "cannot sign"),
    ):
        for name, value in ((CERTIFICATE, one), (KEY, other)):
            monkeypatch.setenv(name, str(value)) if value else monkeypatch.delenv(name, raising=False)
        with pytest.raises(FacereliefError, match=message):
            encode_photo(Photo(RGB), "JPEG", MARK)


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content_credentials, "can_sign", lambda: False)
    data = file_of("PNG")
    assert sign(data, "PNG", MARK) == data
    with pytest.raises(MissingExtra, match=re.escape(install_command("provenance"))):
        read_credentials(data, "PNG")
    monkeypatch.setenv(CERTIFICATE, "chain.pem")
    with pytest.raises(MissingExtra, match=re.escape(install_command("provenance"))):
        sign(data, "PNG", MARK)


def test_each_process_has_a_certificate_of_its_own() -> None:
    """What many pictures have in common must not tell that one person made them."""
    module = "facerelief.photos.provenance.certificates"
    script = f"from {module} import signing_key; print(signing_key(None, None)[0].decode())"
    first, second = (subprocess.run([sys.executable, "-c", script], capture_output=True, check=True) for _ in range(2))
    assert first.stdout.startswith(b"-----BEGIN CERTIFICATE") and first.stdout != second.stdout


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_videos_on_disk(tmp_path: Path, suffix: str) -> None:
    av = pytest.importorskip("av", reason="needs the extra video")
    path = tmp_path / f"film{suffix}"
    with av.open(str(path), "w") as film:
        stream = film.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 64
        for level in (20, 200):
            picture = av.VideoFrame.from_ndarray(np.full((64, 64, 3), level, np.uint8), "rgb24")
            film.mux(stream.encode(picture))
        film.mux(stream.encode())
    before = path.read_bytes()
    sign_file(path, EditMark("facerelief 1", "facial expression edited to fear"))
    with av.open(str(path)) as film:
        assert sum(1 for _ in film.decode(video=0)) == 2
    if suffix == ".mkv":  # which C2PA does not know
        assert path.read_bytes() == before
        return
    found = find_provenance(path)
    assert found.edited and found.credentials is not None and found.pixels is None
    assert found.credentials.actions == ("c2pa.opened", "c2pa.edited")
    path.write_bytes(before)
    assert not find_provenance(path).edited


def test_a_video_is_not_left_unsigned_in_silence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content_credentials, "can_sign", lambda: False)
    path = tmp_path / "film.mp4"
    path.write_bytes(b"film")
    sign_file(path, MARK)
    assert path.read_bytes() == b"film"
    monkeypatch.setenv(CERTIFICATE, "mine.pem")
    with pytest.raises(MissingExtra):
        sign_file(path, MARK)
    assert path.read_bytes() == b"film"


def test_a_renewed_certificate_is_read_without_a_restart(tmp_path: Path) -> None:
    chain, secret = tmp_path / "chain.pem", tmp_path / "key.pem"
    seen = []
    for age in (2, 1):
        certificates._read_key.cache_clear()  # another temporary one
        for path, data in zip((chain, secret), signing_key(None, None)[:2], strict=True):
            path.write_bytes(data if isinstance(data, bytes) else data.encode())
            os.utime(path, (time.time() - age,) * 2)
        seen.append(signing_key(str(chain), str(secret))[0])
        assert signing_key(str(chain), str(secret))[0] == chain.read_bytes()
    assert seen[0] != seen[1]


@pytest.mark.parametrize("data", [["a"], {"actions": ["x"]}, {"actions": [{"when": "x"}]}, {"actions": {}}, {}])
@pytest.mark.parametrize("label", ["org.c2pa.actions", "c2pa.actions", "c2pa.actions.v2__1"])
def test_actions_of_any_shape_are_read(label: str, data: object) -> None:
    """Of one's own label, which any program may write, and of C2PA's, where its library lets them through."""
    assertions = [{"label": label, "data": data}, {"label": "c2pa.hash"}]
    known = {"action": "c2pa.edited", "digitalSourceType": EDITED}
    for more, names in (([], ()), ([{"label": "c2pa.actions", "data": {"actions": [known]}}], ("c2pa.edited",))):
        found = {"active_manifest": "a", "manifests": {"a": {"assertions": assertions + more}}}
        assert content_credentials.parse_report(found).actions == names
    if label.startswith("c2pa"):
        return
    certificate, key, algorithm = signing_key(None, None)
    manifest = {"claim_generator_info": [{"name": "x", "version": "1"}], "assertions": assertions[:1]}
    signed = io.BytesIO()
    signer = c2pa.Signer.from_info(c2pa.C2paSignerInfo(algorithm, certificate, key, None))
    with signer, content_credentials._context() as context, c2pa.Builder(manifest, context) as builder:
        builder.sign(signer, "image/png", io.BytesIO(file_of("PNG")), signed)
    read = read_credentials(signed.getvalue(), "PNG")
    assert read is not None
    assert read.actions == ()
