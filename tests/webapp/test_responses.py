"""Responses that clients do not read, or read slowly: they end, and their bytes are counted until then."""

import base64
import contextlib
import json
import time

from live import Live, edit, everything, head, live, parsed, wait_for

SIZE = 12_000_000  # bytes of an answer: more than the system keeps for a connection


def large(size: int = SIZE) -> bytes:
    """A request whose answer has so many bytes."""
    return edit(b'{"to":"fear","photo":"' + base64.b64encode(bytes(size)) + b'"}')


def unsent(server: Live) -> int:
    return server.app.state.admission.responses.held


def test_an_answer_arrives_whole_however_slowly_it_is_read() -> None:
    with live(send_timeout_s=5) as server:
        server.service.go.set()
        connection = server.connect(large(), buffer=4096)
        wait_for(lambda: unsent(server) == SIZE)
        time.sleep(0.2)
        status, body = parsed(everything(connection))
        assert (status, body) == (200, bytes(SIZE))
        wait_for(lambda: unsent(server) == 0)


def test_an_answer_that_is_not_read_counts_until_it_is_cut_off() -> None:
    with live(send_timeout_s=1) as server:
        server.service.go.set()
        connection = server.connect(large(), buffer=4096)
        wait_for(lambda: unsent(server) == SIZE)
        assert server.app.state.admission.taken == 0  # it keeps nobody from a place
        wait_for(lambda: unsent(server) == 0)
        assert server.ended("unread") == 1
        assert len(everything(connection)) < SIZE


def test_unread_responses_are_evicted_or_new_ones_are_refused() -> None:
    """Two fill the memory: at first the third is refused, soon the slowest of them has to go."""
    with live(send_timeout_s=60, unsent=2 * SIZE + 100, grace_s=1.0) as server:
        server.service.go.set()
        unread = [server.connect(large(), buffer=4096) for _ in range(2)]
        wait_for(lambda: unsent(server) == 2 * SIZE)
        status, body = server.ask(large(1000))
        assert (status, json.loads(body)["error"]["code"]) == (503, "busy")
        wait_for(lambda: server.ask(large(1000))[0] == 200)
        assert unsent(server) <= SIZE
        assert min(len(everything(connection)) for connection in unread) < SIZE


def test_slow_readers_are_replaced_where_connections_are_full() -> None:
    """The slowest of them: the one that has taken more gets all of its answer."""
    with live(send_timeout_s=60, grace_s=0.5, connections=2) as server:
        server.service.go.set()
        slow, faster = (server.connect(large(), buffer=4096) for _ in range(2))
        wait_for(lambda: unsent(server) == 2 * SIZE)
        came = 0
        while came < SIZE // 2:
            came += len(faster.recv(65536))
        time.sleep(0.6)
        assert server.health()[0] == 200
        assert server.ended("gave_way") == 1
        assert len(everything(slow)) < SIZE
        assert came + len(everything(faster)) > SIZE


def test_many_small_responses_that_are_read_slowly_are_evicted_too() -> None:
    """A client that always asks anew before it has taken the answer."""
    with live(send_timeout_s=60, grace_s=0.5, header_timeout_s=60, connections=1, system_buffer=4096) as server:
        connection = server.connect(buffer=4096)
        connection.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                connection.send(head("GET", "/openapi.json") * 100)
        end = time.monotonic() + 1.0
        while time.monotonic() < end:
            with contextlib.suppress(BlockingIOError):
                connection.recv(2000)
            time.sleep(0.01)
        assert server.health()[0] == 200


def test_answers_that_wait_behind_others_of_one_connection_are_bounded() -> None:
    """Pipelined requests are worked on one by one."""
    with live(send_timeout_s=1) as server:
        server.service.go.set()
        body = b'{"to":"fear","photo":"' + base64.b64encode(bytes(3_000_000)) + b'"}'
        one = head(Content_Type="application/json", Content_Length=len(body)) + body
        connection = server.connect(buffer=4096)
        connection.settimeout(1)
        with contextlib.suppress(OSError):  # at some time it takes no more
            connection.sendall(one * 10)
        assert unsent(server) <= 3_000_000
        wait_for(lambda: unsent(server) == 0)
        assert server.service.ended < 10


def test_the_last_bytes_of_an_answer_may_stall_no_longer_either() -> None:
    """An answer that is complete, but too large for what the system keeps: its connection closes, and does not end."""
    with live(send_timeout_s=1, system_buffer=4096) as server:
        server.service.go.set()
        connection = server.connect(large(60_000), buffer=4096)
        wait_for(lambda: server.service.ended == 1 and unsent(server) == 0)
        wait_for(lambda: len(server.app.state.connections) == 0)
        assert server.ended("unread") == 1
        assert len(everything(connection)) < 60_000
