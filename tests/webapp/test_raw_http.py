"""Requests that no client of good will sends: each ends soon, none harms the next, and none fills the log."""

import gzip
import json
import logging
import time
from collections.abc import Iterator

import pytest
from live import Live, edit, everything, head, live, parsed, wait_for

QUICK = {"header_timeout_s": 0.5, "grace_s": 0.5, "upload_timeout_s": 1.5, "timeout_s": 5.0, "body": 4 * 2**20}
JSON = b'{"photo":"AAAA","to":"fear"}'
FORM = "multipart/form-data; boundary=b"
PART = b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'


@pytest.fixture(scope="module")
def server() -> Iterator[Live]:
    with live(**QUICK) as server:
        server.service.go.set()
        yield server


@pytest.fixture(autouse=True)
def well(server: Live, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """After each, the server works, keeps nothing, and has written no traceback."""
    yield
    assert server.ask(edit(JSON))[0] == 200
    wait_for(lambda: len(server.app.state.connections) == 0)
    admission = server.app.state.admission
    assert (admission.taken, admission.bodies.held, admission.responses.held) == (0, 0, 0)
    assert not any(record.exc_info or record.levelno > logging.WARNING for record in caplog.get_records("call"))


def status(server: Live, request: bytes, *more: bytes) -> int:
    """Of the first answer; every error among them must be a typed one."""
    with server.connect(request) as connection:
        for part in more:
            connection.sendall(part)
        got, body = parsed(everything(connection))
    if got >= 400:
        error, _ = json.JSONDecoder().raw_decode(body.decode())  # another answer may follow
        assert set(error["error"]) == {"code", "message", "remedy"}
    return got


def post(body: bytes, kind: str = "application/json", **headers: object) -> bytes:
    return head(Content_Type=kind, Content_Length=len(body), Connection="close", **headers) + body


HEADS = {
    "a huge header": (head("GET", "/health", X="a" * 200_000), 400),
    "headers without end": (head("GET", "/health")[:-2] + b"a: b\r\n" * 30_000, 400),
    "a long address": (head("GET", "/" + "a" * 100_000, Connection="close"), 404),
    "a NUL": (head("GET", "/health", X="a\0b"), 400),
    "a bare CR in a header": (head("GET", "/health", X="a\rSet-Cookie: b"), 400),
    "a folded header": (head("GET", "/health", X="a\r\n b", Connection="close"), 200),
    "two hosts": (head("GET", "/health")[:-2] + b"Host: evil\r\n\r\n", 400),
    "no host": (b"GET /health HTTP/1.1\r\n\r\n", 400),
    "HTTP/1.0": (b"GET /health HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n", 200),
    "HTTP/1.0 without a host": (b"GET /health HTTP/1.0\r\n\r\n", 403),
    "HTTP/0.9": (b"GET /health\r\n\r\n", 400),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 403),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(512) + b"\r\n\r\n", 400),
    "another site by its whole address": (head("GET", "http://evil.example/health", Connection="close"), 404),
    "CONNECT": (head("CONNECT", "127.0.0.1:22", Connection="close"), 404),
    "TRACE": (head("TRACE", "/health", Connection="close"), 405),
    "CRLF in an address": (head("GET", "/health%0d%0aX-Evil:%201", Connection="close"), 404),
    "a length below nought": (head(Content_Length=-1), 400),
    "a length of many digits": (head(Content_Length="9" * 30), 400),
    "two lengths": (head(Content_Length=2)[:-2] + b"Content-Length: 3\r\n\r\n{}", 400),
    "an unknown coding": (head(Transfer_Encoding="gzip"), 400),
}


@pytest.mark.parametrize("name", HEADS)
def test_heads(server: Live, name: str) -> None:
    request, expected = HEADS[name]
    assert status(server, request) == expected


def test_a_websocket_is_not_opened(server: Live) -> None:
    upgrade = {"Connection": "Upgrade, close", "Upgrade": "websocket", "Sec_WebSocket_Version": 13}
    assert status(server, head("GET", "/v1/edit", Sec_WebSocket_Key="dGhlIHNhbXBsZSBub25jZQ==", **upgrade)) == 405
    assert status(server, head("GET", "/health", Connection="Upgrade, close", Upgrade="h2c")) == 200


BODIES = {
    "compressed": (post(gzip.compress(JSON), Content_Encoding="gzip"), 400),
    "JSON without end": (post(b"[" * 1_000_000), 400),
    "a string without end": (post(b'{"photo":"' + b"A" * 1_000_000), 400),
    "many keys": (post(b"{" + b",".join(b'"%d":1' % k for k in range(60_000)) + b"}"), 422),
    "a number of a million digits": (post(b'{"photo":"AAAA","to":"fear","strength":' + b"9" * 1_000_000 + b"}"), 400),
    "UTF-16": (post(JSON.decode().encode("utf-16")), 200),
    "half a letter": (post(b'{"photo":"AAAA","to":"\\ud800"}'), 200),
    "a hundred thousand parts": (post(PART % (b"a", b"") * 60_000 + b"--b--\r\n", FORM), 400),
    "a part's header without end": (post(b"--b\r\nContent-Disposition: " + b"a" * 1_000_000, FORM), 400),
    "a part of many headers": (post(b"--b\r\n" + b"a: b\r\n" * 100_000 + b"\r\n\r\n--b--\r\n", FORM), 400),
    "a part without a name": (post(b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n", FORM), 400),
    "CRLF in names": (post(PART % (b"a%0d%0ab\r\nX: y", b"x") + b"--b--\r\n", FORM), 422),
    "an odd charset": (post(PART % (b"to", b"fear") + b"--b--\r\n", FORM + "; charset=undefined"), 400),
    "lines without end": (post(b"\r\n" * 1_000_000, FORM), 422),
    "a boundary of many letters": (post(b"x", "multipart/form-data; boundary=" + "b" * 30_000), 400),
}


@pytest.mark.parametrize("name", BODIES)
def test_bodies(server: Live, name: str) -> None:
    """The service takes any words; the real one refuses them, as other tests see."""
    request, expected = BODIES[name]
    assert status(server, request) == expected


def test_malformed_forms_write_nothing(server: Live, caplog: pytest.LogCaptureFixture) -> None:
    for k in range(40):
        letter = bytes([65 + k])
        for body in (b"--b" + letter, b"--b\r\n" + letter + b"\x00: a\r\n", PART % (b"to", b"fear") + b"--b" + letter):
            assert status(server, post(body, FORM)) in (400, 422)
    assert caplog.records == []


def test_a_body_that_is_larger_than_said_belongs_to_the_next_request(server: Live) -> None:
    smuggled = b"GET /metrics HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"
    body = head(Content_Type="application/json", Content_Length=len(JSON)) + JSON
    with server.connect(body + smuggled) as connection:
        answers = everything(connection)
    assert answers.startswith(b"HTTP/1.1 200")
    assert answers.count(b"HTTP/1.1 403") == 1


def test_a_length_and_chunks_at_once_are_read_one_way(server: Live) -> None:
    both = head(Content_Type="application/json", Content_Length=4, Transfer_Encoding="chunked", Connection="close")
    assert status(server, both + b"2\r\n{}\r\n0\r\n\r\n") in (200, 400, 422)


@pytest.mark.parametrize("chunk", [b"zz\r\n{}\r\n", b"f" * 18 + b"\r\n{}\r\n", b"-2\r\n{}\r\n", b"2;" + b"x" * 200_000])
def test_chunks_that_are_none(server: Live, chunk: bytes) -> None:
    assert status(server, head(Content_Type="application/json", Transfer_Encoding="chunked") + chunk) in (400, 408)


def test_chunks_without_end(server: Live) -> None:
    """As fast as may be: the size ends it; an address that reads no body is left after a while."""
    for path, expected in (("/v1/edit", (413, 0)), ("/health", (405, 0))):
        connection = server.connect(head("POST", path, Content_Type="application/json", Transfer_Encoding="chunked"))
        chunk, begun = b"10000\r\n" + b" " * 65536 + b"\r\n", time.monotonic()
        try:
            while time.monotonic() - begun < 10:
                connection.sendall(chunk)
        except OSError:
            pass
        assert time.monotonic() - begun < 9
        assert parsed(everything(connection))[0] in expected


def test_expect_100_continue(server: Live) -> None:
    request = post(JSON, Expect="100-continue")
    with server.connect(request[: -len(JSON)]) as connection:
        assert connection.recv(100).startswith(b"HTTP/1.1 100")
        connection.sendall(JSON)
        assert parsed(everything(connection))[0] == 200
    with server.connect(post(JSON, Expect="100-continue")[: -len(JSON)]) as connection:  # and then nothing
        assert b"HTTP/1.1 408" in everything(connection)


def test_many_requests_at_once_on_one_connection(server: Live) -> None:
    with server.connect(head("GET", "/health") * 199 + head("GET", "/health", Connection="close")) as connection:
        assert everything(connection).count(b"HTTP/1.1 200") == 200


def test_whoever_closes_his_half_is_let_go(server: Live) -> None:
    for request in (b"", b"GET /hea", edit(JSON), edit(JSON)[:-3]):
        with server.connect(request) as connection:
            connection.shutdown(1)
            everything(connection)


def test_lines_that_repeat_themselves_are_written_once_a_minute(
    server: Live, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(50):
        status(server, b"nonsense\r\n\r\n")
    assert len(caplog.records) <= 1
    monkeypatch.setattr("facerelief.webapp.server.log_filter._INTERVAL", 0.0)  # the minute is over
    status(server, b"nonsense\r\n\r\n")
    assert "more like it since the last line" in caplog.records[-1].getMessage()
