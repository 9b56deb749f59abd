"""Manifests made to do harm: their work is bounded, another process has it, and not all that they hold is believed."""

import io
import json
import resource
from typing import Any

import pytest
from PIL import Image

from facerelief.photos.photo import encode_photo, read_photo
from facerelief.photos.provenance import content_credentials
from facerelief.photos.provenance.content_credentials import can_carry_history, read_credentials, sign
from facerelief.photos.provenance.xmp import EditMark
from facerelief.processes.isolated import run_child

pytest.importorskip("c2pa", reason="needs the extra provenance")

MARK = EditMark("facerelief 1", "facial expression edited to anger")
PARTS = 4000  # of which the library takes seconds


@pytest.fixture(autouse=True)
def _nothing_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content_credentials, "_followed", {})
    for name in (content_credentials.CERTIFICATE, content_credentials.KEY):
        monkeypatch.delenv(name, raising=False)


def plain() -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (64, 64)).save(stream, "PNG")
    return stream.getvalue()


def holding(*assertions: dict[str, Any]) -> bytes:
    """A picture whose manifest holds these too."""
    manifest, target = content_credentials._manifest(MARK, ""), io.BytesIO()
    manifest["assertions"] += assertions
    content_credentials._sign(io.BytesIO(plain()), target, "image/png", manifest, None)
    return target.getvalue()


@pytest.fixture(scope="module")
def of_many_parts() -> bytes:
    return holding(*({"label": f"org.example.part{number}", "data": {}} for number in range(PARTS)))


def _spent() -> tuple[float, float]:
    """Seconds of the processor, of this process and of those that it started."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    here, there = (one.ru_utime + one.ru_stime for one in used)
    return here, there


def test_many_parts_are_too_much_work_and_none_of_it_is_done_here(
    of_many_parts: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    least = "limit_cpu_time = lambda seconds, limit=work.limit_cpu_time: limit(0); work.credentials_child("

    def briefly(call: str, *more: Any) -> bytes:
        return run_child(call.replace("credentials_child(", least), *more)

    monkeypatch.setattr(content_credentials, "run_child", briefly)
    here, there = _spent()
    photo = read_photo(of_many_parts)
    edited = encode_photo(photo, "PNG", MARK)
    assert not can_carry_history(of_many_parts)
    said = read_credentials(of_many_parts, "PNG")
    spent_here, spent_there = (after - before for after, before in zip(_spent(), (here, there), strict=True))
    assert any("too much work to read" in note for note in photo.notes)
    assert said is not None and said.state == "invalid" and "takes too long to read" in said.problems[0]
    assert spent_here < 0.5
    assert spent_there < 4  # two processes of a second; what was said of the file is remembered
    found = read_credentials(edited, "PNG")  # signed, without the history
    assert found is not None and found.state == "untrusted" and len(edited) < 20_000


def test_the_callers_time_counts_too_and_is_no_verdict_on_the_file() -> None:
    source = sign(plain(), "PNG", MARK)
    assert any("too much work" in note for note in read_photo(source, seconds=0).notes)
    assert read_photo(source).notes == ()


def test_a_library_that_crashes_takes_only_its_own_process(monkeypatch: pytest.MonkeyPatch) -> None:
    source = sign(plain(), "PNG", MARK)
    crash = "child(*[__import__('os').abort()])"
    monkeypatch.setattr(
        content_credentials, "run_child", lambda call, *more: run_child(call.replace("child()", crash), *more)
    )
    assert not can_carry_history(source)
    found = read_credentials(source, "PNG")
    assert found is not None and found.state == "invalid"


@pytest.mark.parametrize("data", [["a"], {"actions": ["x"]}, {"actions": [{"when": "x"}]}, {"actions": 3}, "a", None])
@pytest.mark.parametrize("label", ["c2pa.actions", "c2pa.actions.v2", "c2pa.actions__1", "org.example.c2pa.actions"])
def test_what_is_no_action_is_passed_over(data: Any, label: str) -> None:
    """In C2PA's report, as its library would give it."""
    true = {"label": "c2pa.actions.v2", "data": {"actions": [{"action": "c2pa.edited", "digitalSourceType": "x"}]}}
    told = {"active_manifest": "m", "manifests": {"m": {"assertions": [{"label": label, "data": data}, true]}}}
    found = content_credentials.parse_report(json.loads(json.dumps(told)))
    assert (found.actions, found.source_type) == (("c2pa.edited",), "x")


@pytest.mark.parametrize("data", [["a"], {"actions": ["x"]}, {"actions": [{"when": "x"}]}])
def test_of_a_whole_file_too(data: Any) -> None:
    found = read_credentials(holding({"label": "org.example.c2pa.actions", "data": data}), "PNG")
    assert found is not None
    assert (found.state, found.actions) == ("untrusted", ("c2pa.opened", "c2pa.edited"))
