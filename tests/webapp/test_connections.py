"""Connections that are silent, slow or many: none of them keeps others out, all of them end."""

import contextlib
import itertools
import json
import socket
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from live import edit, everything, head, is_closed, live, parsed, wait_for
from webapp_app import form

from facerelief.webapp.server.addresses import client_key
from facerelief.webapp.server.connections import Connections
from facerelief.webapp.server.limits import Limits

QUICK = {"header_timeout_s": 0.4, "send_timeout_s": 0.5, "grace_s": 0.4, "upload_timeout_s": 2.0}


def test_who_says_nothing_is_closed() -> None:
    with live(**QUICK) as server:
        silent = server.connect()
        assert everything(silent) == b""
        assert server.ended("silent") == 1


@pytest.mark.parametrize("drips", [False, True])
def test_a_head_that_never_ends_is_closed_with_an_error(drips: bool) -> None:
    with live(**QUICK) as server, server.connect(b"POST /v1/edit HTTP/1.1\r\nX-A: ") as connection:
        end = time.monotonic() + 1.5
        with contextlib.suppress(OSError):
            while drips and time.monotonic() < end:
                connection.sendall(b"a")
                time.sleep(0.05)
        status, body = parsed(everything(connection))
        if not drips:  # who goes on sending may lose what was said to him
            assert (status, json.loads(body)["error"]["code"]) == (408, "slow_upload")
        assert server.ended("silent") == 1


def test_a_connection_that_has_been_answered_is_closed_when_it_drips() -> None:
    with live(**QUICK) as server, server.connect(head("GET", "/health")) as connection:
        assert connection.recv(100).startswith(b"HTTP/1.1 200")
        begun = time.monotonic()
        with contextlib.suppress(OSError):
            while time.monotonic() < begun + 20:
                connection.sendall(b"G")
                time.sleep(0.02)
        assert time.monotonic() < begun + 10


def test_idle_connections_are_replaced() -> None:
    with live(connections=20, header_timeout_s=60) as server:
        silent = [server.connect() for _ in range(60)]
        for _ in range(30):
            assert server.health()[0] == 200
        assert len(server.app.state.connections) <= 21
        wait_for(lambda: sum(map(is_closed, silent)) >= 40)
        server.service.go.set()
        assert server.ask(edit())[0] == 200


def test_a_process_that_may_open_few_files_serves_beside_very_many_silent_connections(
    own_server: Any, tmp_path: Path
) -> None:
    """Twice as many as it has files for, opened again as they are closed."""
    with own_server(files=400) as server:
        port = int(server.url.rpartition(":")[2])
        over, opened = threading.Event(), []

        def open_again() -> None:
            while not over.is_set():
                opened.append(socket.create_connection(("127.0.0.1", port), 20))
                if len(opened) > 800:
                    opened.pop(0).close()

        opening = threading.Thread(target=open_again)
        opening.start()
        wait_for(lambda: len(opened) > 700)
        photo = httpx.get(server.url + "/v1/sample?seed=3", timeout=60).content
        for _ in range(10):
            assert httpx.get(server.url + "/health", timeout=60).status_code == 200
        answer = httpx.post(server.url + "/v1/edit", **form(photo, to="fear"), timeout=60)
        over.set()
        opening.join()
        for connection in opened:
            connection.close()
        assert answer.status_code == 200
        assert server.stop() == 0
    assert (tmp_path / "server.log").read_text() == ""


def test_where_all_are_at_work_one_more_is_told_so() -> None:
    with live(connections=3) as server:
        working = [server.connect(edit()) for _ in range(3)]
        wait_for(lambda: server.app.state.admission.taken == 3)
        status, body = server.ask(head("GET", "/health", Connection="close"))
        assert (status, json.loads(body)["error"]["code"]) == (503, "busy")
        server.service.go.set()
        assert [parsed(everything(connection))[0] for connection in working] == [200] * 3


def test_one_address_takes_its_share_of_connections_only() -> None:
    with live(client_connections=5, connections=100, header_timeout_s=60) as server:
        server.app.state.connections._exempt = lambda address: address == "127.0.0.2"
        others = [server.connect(source="127.0.0.2") for _ in range(20)]
        greedy = [server.connect(source="127.0.0.3") for _ in range(20)]
        wait_for(lambda: len(server.app.state.connections) == 25)
        wait_for(lambda: sum(map(is_closed, greedy)) == 15)
        assert not any(map(is_closed, others))


class Plain:
    """A connection that sends nothing."""

    arriving, sending, seconds, received, upload_rate = True, False, 100.0, 0, 0.0

    def __init__(self, address: str, since: float) -> None:
        self.address, self.key, self.since = address, client_key(address), since
        self.transport, self.ended = self, False

    def abort(self) -> None:
        self.ended = True


def admitted(limits: Limits, *addresses: str) -> list[bool]:
    """Which of some connections, one after another, have ended."""
    connections, plain = Connections(limits, lambda address: False, lambda why: None), []
    for since, address in enumerate(addresses):
        plain.append(Plain(address, since))
        connections.admit(plain[-1])  # type: ignore[arg-type]
    return [one.ended for one in plain]


def test_one_network_of_an_ipv6_household_counts_as_one_client() -> None:
    limits = Limits(client_connections=2, connections=100)
    assert admitted(limits, *(f"2001:db8::{k}" for k in range(5))) == [True] * 3 + [False] * 2
    assert admitted(limits, *(f"2001:db8:0:{k}::1" for k in range(5))) == [False] * 5
    assert admitted(limits, "10.0.0.1", "::ffff:10.0.0.1", "10.0.0.1", "10.0.0.2") == [True] + [False] * 3


def test_connections_from_one_ipv6_network_share_their_share(monkeypatch: pytest.MonkeyPatch) -> None:
    hosts = itertools.count(1)
    address = lambda transport: (f"2001:db8::{next(hosts):x}", 1)  # noqa: E731
    monkeypatch.setattr("uvicorn.protocols.http.h11_impl.get_remote_addr", address)
    with live(client_connections=5, connections=100, header_timeout_s=60) as server:
        greedy = [server.connect() for _ in range(20)]
        wait_for(lambda: sum(map(is_closed, greedy)) == 15)


def test_a_newcomer_takes_the_place_of_one_only() -> None:
    """Where both its client's share and all connections are taken."""
    limits = Limits(client_connections=2, connections=4)
    assert admitted(limits, "1.1.1.1", "2.2.2.2", "2.2.2.2", "1.1.1.1", "2.2.2.2") == [False, True, False, False, False]


def test_slow_uploads_end_and_keep_no_place() -> None:
    """As many as there are places, a byte each, and again when they are put off; others are served beside them."""
    with live(places=8, **QUICK) as server:
        server.service.go.set()
        over, codes = threading.Event(), []

        def drip() -> None:
            while not over.is_set():
                with contextlib.suppress(OSError), server.connect(_promise()) as connection:
                    status, body = parsed(everything(connection))
                    codes.append((status, json.loads(body)["error"]["code"]) if status else None)

        drippers = [threading.Thread(target=drip) for _ in range(16)]
        for one in drippers:
            one.start()
        wait_for(lambda: len(server.app.state.connections) >= 16)
        assert [server.ask(edit())[0] for _ in range(20)] == [200] * 20
        wait_for(lambda: len(codes) >= 16)
        over.set()
        for one in drippers:
            one.join()
        assert set(codes) <= {(408, "slow_upload"), None}
        assert (408, "slow_upload") in codes


def _promise(length: int = 999_999, body: bytes = b"{") -> bytes:
    return head(Content_Type="application/json", Content_Length=length, Connection="close") + body


def test_an_upload_that_keeps_its_pace_may_take_longer_than_the_grace() -> None:
    body = b'{"photo":"AAAA","to":"fear"}'.ljust(40)
    with live(min_upload_rate=5.0, **QUICK) as server, server.connect(edit(body)[: -len(body)]) as connection:
        server.service.go.set()
        for byte in body:
            connection.sendall(bytes([byte]))
            time.sleep(0.03)
        assert parsed(everything(connection))[0] == 200


def test_slow_uploads_are_evicted_where_memory_is_short() -> None:
    """They have sent most of what the server holds, and go on at a rate that would be enough."""
    with live(held=1_000_000, grace_s=0.3, min_upload_rate=1.0) as server:
        server.service.go.set()
        slow = [server.connect(_promise(900_000, b" " * 450_000)) for _ in range(2)]
        wait_for(lambda: server.app.state.admission.bodies.held >= 900_000)
        time.sleep(0.4)
        big = b'{"photo":"AAAA","to":"fear"}'.ljust(300_000)
        assert server.ask(edit(big))[0] == 200
        status, body = parsed(everything(slow[0]))
        assert (status, json.loads(body)["error"]["code"]) == (503, "busy")
