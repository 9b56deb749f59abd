"""A manifest that a photo came with is never lost in silence: its history goes on in the edit's, or a note says not."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facerelief.errors import FacereliefError
from facerelief.photos import photo
from facerelief.photos.photo import SAVE_FORMATS, encode_photo, read_photo
from facerelief.photos.provenance import content_credentials
from facerelief.photos.provenance.certificates import CERTIFICATE, KEY
from facerelief.photos.provenance.content_credentials import can_carry_history, read_credentials, sign, sign_file
from facerelief.photos.provenance.file_kinds import MEDIA_TYPES
from facerelief.photos.provenance.verify import find_provenance
from facerelief.photos.provenance.xmp import EditMark

c2pa = pytest.importorskip("c2pa", reason="needs the extra provenance")

RGB = np.random.default_rng(5).integers(0, 256, (64, 80, 3), dtype=np.uint8)
FIRST = EditMark("camera 1", "taken by camera 1")
SECOND = EditMark("facerelief 1", "facial expression edited to anger")
NAMES = {"JPEG": "JPEG", "MPO": "JPEG", "PNG": "PNG", "WEBP": "WEBP", "TIFF": "TIFF", "GIF": "GIF", "AVIF": "AVIF"}


@pytest.fixture(autouse=True)
def _no_certificate(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (CERTIFICATE, KEY):
        monkeypatch.delenv(name, raising=False)


def signed(kind: str) -> bytes:
    """A file as another program left it, with a manifest of its own."""
    stream = io.BytesIO()
    more = {"save_all": True, "append_images": [Image.fromarray(RGB[::2])]} if kind == "MPO" else {}
    Image.fromarray(RGB).save(stream, kind, **more)
    return sign(stream.getvalue(), NAMES[kind], FIRST)


def told(data: bytes, kind: str) -> dict:
    return json.loads(c2pa.Reader(MEDIA_TYPES[kind], io.BytesIO(data)).json())


@pytest.mark.parametrize("kind", NAMES)
def test_of_every_kind_the_history_goes_on(kind: str, tmp_path: Path) -> None:
    source = signed(kind)
    (tmp_path / "source").write_bytes(source)
    before = find_provenance(tmp_path / "source")
    assert before.edited and before.credentials is not None and before.credentials.state == "untrusted"
    found = read_photo(source)
    assert found.history == source and not any("manifest" in note for note in found.notes)
    for written in sorted({found.save_format, "JPEG"}):
        edited = encode_photo(found, written, SECOND)
        said = told(edited, written)
        assert len(said["manifests"]) == 2 and said["validation_state"] == "Valid"
        assert {"taken by camera 1", SECOND.description} <= {*_descriptions(said)}


def _descriptions(said: dict) -> list[str]:
    assertions = [one for manifest in said["manifests"].values() for one in manifest["assertions"]]
    actions = [action for one in assertions if "c2pa.actions" in one["label"] for action in one["data"]["actions"]]
    return [action.get("description", "") for action in actions]


@pytest.mark.parametrize("kind", sorted({*SAVE_FORMATS.values()}))
def test_a_photo_that_is_only_written_anew_keeps_it_too(kind: str) -> None:
    """As at strength 0: the new manifest says that nothing was done but that."""
    data = encode_photo(read_photo(signed("PNG")), kind)
    found = read_credentials(data, kind)
    assert found is not None
    assert (found.state, found.actions, found.source_type) == ("untrusted", ("c2pa.opened", "c2pa.transcoded"), "")
    assert "taken by camera 1" in _descriptions(told(data, kind))
    without = encode_photo(read_photo(signed("PNG")), kind, provenance=False)
    assert b"jumdc2pa" not in without


def test_a_damaged_one_is_told() -> None:
    whole = signed("JPEG")
    start = whole.index(b"jumdc2pa")
    for place in (start + 8, start + 32):  # in the latter case C2PA's library takes the picture, but not its history
        source = whole[:place] + b"\xff" * 4 + whole[place + 4 :]
        assert not can_carry_history(source)
        found = read_photo(source)
        assert found.notes == (photo._LOST,)
    assert read_credentials(encode_photo(found, "PNG", SECOND), "PNG") is not None
    assert read_credentials(encode_photo(found, "PNG"), "PNG") is None  # nothing to carry on, and nothing to say


@pytest.mark.parametrize("said", ['dcterms:provenance="https://x/y.c2pa"', "a><dcterms:provenance>http://x</x"])
def test_one_that_is_kept_elsewhere_is_told(said: str) -> None:
    stream = io.BytesIO()
    Image.fromarray(RGB).save(stream, "JPEG", xmp=f"<x {said}/>".encode())
    assert read_photo(stream.getvalue()).notes == ("its C2PA manifest is stored at an address, and is lost in an edit",)
    stream = io.BytesIO()
    Image.fromarray(RGB).save(stream, "JPEG", xmp=b'<x dcterms:provenance="self#jumbf=c2pa"/>')
    assert read_photo(stream.getvalue()).notes == ()


def test_without_the_library_its_loss_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    source = signed("JPEG")
    for module in (content_credentials, photo):
        monkeypatch.setattr(module, "can_sign", lambda: False)
    (note,) = read_photo(source).notes
    assert note.startswith("an edit loses its C2PA manifest: c2pa-python is not installed; install it with")
    assert read_photo(encode_photo(read_photo(source), "JPEG", SECOND, provenance=False)).notes == ()


def test_a_picture_on_disk_follows_its_source(tmp_path: Path) -> None:
    """By path or by bytes; a source without a manifest is none to follow, a broken one is told by the answer."""
    source, plain, broken = tmp_path / "source.png", tmp_path / "plain.png", tmp_path / "broken.png"
    source.write_bytes(signed("PNG"))
    plain.write_bytes(encode_photo(read_photo(source), "PNG", provenance=False))
    broken.write_bytes(source.read_bytes().replace(b"jumdc2pa", b"jumdc2pa" + bytes(8), 1))
    moving = io.BytesIO()
    Image.fromarray(RGB).save(moving, "GIF")
    for parent, count, kept in (
        (source, 2, True),
        (source.read_bytes(), 2, True),
        (plain, 1, True),
        (broken, 1, False),
    ):
        path = tmp_path / "moving.gif"
        path.write_bytes(moving.getvalue())
        assert sign_file(path, SECOND, parent=parent) is kept
        said = told(path.read_bytes(), "GIF")
        assert len(said["manifests"]) == count
        assert ("taken by camera 1" in _descriptions(said)) is (count == 2)
    with pytest.raises((OSError, FacereliefError)):
        sign_file(tmp_path / "moving.gif", SECOND, parent=tmp_path / "absent.png")
