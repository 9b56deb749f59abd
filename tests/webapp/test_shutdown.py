"""How the server ends, and work that cannot be stopped."""

import contextlib
import json
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from live import Live, edit, everything, head, live, parsed, wait_for
from webapp_app import form

ROOT = Path(__file__).parents[2]


def test_running_requests_are_answered_and_queued_ones_are_refused(own_server: Any, tmp_path: Path) -> None:
    """Forty at once, at a real server."""
    with own_server("--workers", 1) as server:
        photo = httpx.get(server.url + "/v1/sample?seed=3", timeout=60).content
        answers: list[httpx.Response] = []

        def ask() -> None:
            answers.append(httpx.post(server.url + "/v1/edit", **form(photo, to="fear"), timeout=120))

        clients = [threading.Thread(target=ask) for _ in range(40)]
        for one in clients:
            one.start()
        with httpx.Client(base_url=server.url, timeout=60) as client:
            wait_for(lambda: len(answers) + client.get("/health").json()["waiting"] >= 38)
        server.process.send_signal(signal.SIGTERM)
        for one in clients:
            one.join(60)
        assert server.process.wait(60) == 0
    assert Counter(answer.status_code for answer in answers).keys() <= {200, 503}
    assert len(answers) == 40
    put_off = [answer for answer in answers if answer.status_code == 503]
    assert len(put_off) >= 5  # the others were served before
    assert {answer.json()["error"]["code"] for answer in put_off} == {"busy"}
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in put_off)
    assert (tmp_path / "server.log").read_text() == ""


def test_a_request_that_comes_just_then_is_told_too_and_silent_connections_do_not_hold_up_the_end() -> None:
    with live() as server:
        late, silent, dripping = server.connect(), server.connect(), server.connect(b"POST /v1")
        wait_for(lambda: len(server.app.state.connections) == 3)
        server.process.should_exit = True
        wait_for(lambda: server.app.state.admission.stopping)
        late.sendall(edit())
        status, body = parsed(everything(late))
        assert (status, json.loads(body)["error"]["message"]) == (503, "the server is stopping")
        assert everything(silent) == b""
        assert parsed(everything(dripping))[0] in (408, 0)


def test_uploads_that_are_under_way_are_told_too() -> None:
    with live() as server:
        connection = server.connect(head(Content_Type="application/json", Content_Length=999) + b"{")
        wait_for(lambda: server.app.state.admission.bodies.held == 1)
        server.process.should_exit = True
        status, body = parsed(everything(connection))
        assert (status, json.loads(body)["error"]["message"]) == (503, "the server is stopping")


def test_whoever_does_not_take_an_answer_does_not_hold_up_the_end() -> None:
    with live(timeout_s=0.5) as server:
        server.service.go.set()
        server.connect(edit(b'{"to":"fear","photo":"' + b"A" * 16_000_000 + b'"}'), buffer=4096)
        wait_for(lambda: server.app.state.admission.responses.held)
    assert server.app.state.admission.responses.held == 0  # `live` has seen it end


SERVER = """
    import sys, time
    sys.path[:0] = [{tests!r}, {source!r}]
    import live
    from webapp_app import SlowService
    from facerelief.webapp.server import serve as module
    from facerelief.webapp.server.limits import Limits

    class Odd(SlowService):
        def edit(self, edit_request, token):
            print("at work", flush=True)
            {work}

        def warm_up(self):
            pass

    module.EditService = lambda *given, **named: Odd()
    module.serve(port=0, limits=Limits(workers=1, timeout_s=1.0), ready=lambda url: print(url, flush=True))
"""


@contextlib.contextmanager
def odd_server(work: str) -> Iterator[tuple[Any, Live]]:
    """A process that serves, whose edits do as the code says."""
    code = textwrap.dedent(SERVER).format(tests=str(ROOT / "tests"), source=str(ROOT / "src"), work=work)
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        port = int(process.stdout.readline().rpartition(":")[2])
        yield process, Live(port, None, None, None)  # type: ignore[arg-type]
    finally:
        process.kill()
        process.communicate()


def test_a_process_without_a_free_file_says_so_once_and_serves_again_later() -> None:
    """The edit takes all files for two seconds, in which many want in."""
    with odd_server("live.take_all_files(2.5)") as (process, server):
        server.connect(edit())
        assert process.stdout.readline() == "at work\n"
        time.sleep(0.5)
        waiting = [server.connect(head("GET", "/health", Connection="close")) for _ in range(30)]
        assert [parsed(everything(connection))[0] for connection in waiting] == [200] * 30
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        said = process.stderr.read()
        for connection in server.opened:
            connection.close()
    assert said.count("out of system resource") == 1
    assert len(said) < 3000


@pytest.mark.parametrize("signals", [1, 2])
def test_work_that_cannot_be_stopped_does_not_hold_up_the_end(signals: int) -> None:
    with odd_server("time.sleep(600)") as (process, server):
        with server.connect(edit()) as connection:
            assert process.stdout.readline() == "at work\n"
            process.send_signal(signal.SIGTERM)
            if signals == 2:
                time.sleep(0.3)
                process.send_signal(signal.SIGTERM)
            status = parsed(everything(connection))[0]
        assert process.wait(60) == (0 if signals == 1 else 128 + signal.SIGTERM)
        assert status == (504 if signals == 1 else 0)
        assert process.stderr.read() == ""


class Stuck:
    """Puts a service's edits to sleep that no token ends."""

    def __init__(self, server: Live) -> None:
        self.go, self.begun, self.usual = threading.Event(), 0, server.service.edit
        server.service.edit = self.edit  # type: ignore[method-assign]

    def edit(self, edit_request: Any, token: Any) -> Any:
        if not edit_request.photo:
            return self.usual(edit_request, token)
        self.begun += 1
        self.go.wait(60)
        raise ValueError("nobody hears of it")


GOOD = b'{"photo":"","to":"fear"}'


def test_late_work_is_written_off_and_others_are_served_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("facerelief.webapp.server.workers._LATE_S", 0.2)
    with live(workers=2, timeout_s=1.0) as server:
        stuck = Stuck(server)
        server.service.go.set()
        evil = [server.connect(edit()) for _ in range(2)]
        wait_for(lambda: stuck.begun == 2)
        assert [parsed(everything(connection))[0] for connection in evil] == [504, 504]
        time.sleep(0.4)
        assert [server.ask(edit(GOOD))[0] for _ in range(4)] == [200] * 4
        assert server.health() == (200, server.health()[1] | {"status": "ok"})
        stuck.go.set()


def test_where_all_workers_are_stuck_the_server_says_so_at_once_and_recovers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("facerelief.webapp.server.workers._LATE_S", 0.2)
    monkeypatch.setattr("facerelief.webapp.server.workers._RECHECK_S", 0.1)
    with live(workers=1, timeout_s=1.0) as server:
        stuck = Stuck(server)
        server.service.go.set()
        for count in (1, 2):
            assert server.ask(edit())[0] == 504
            assert stuck.begun == count
        wait_for(lambda: server.health()[0] == 503)
        assert server.health()[1]["status"] == "stuck"
        assert "busy with work" in server.health()[1]["reason"]
        status, body = server.ask(edit(GOOD))
        assert (status, json.loads(body)["error"]["code"]) == (503, "busy")
        stuck.go.set()
        wait_for(lambda: server.health()[0] == 200)
        assert server.ask(edit(GOOD))[0] == 200


def test_those_who_wait_when_all_become_stuck_need_not_wait_for_their_own_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("facerelief.webapp.server.workers._LATE_S", 0.1)
    monkeypatch.setattr("facerelief.webapp.server.workers._RECHECK_S", 0.1)
    with live(workers=1, timeout_s=2.0) as server:
        stuck = Stuck(server)
        for count in (1, 2):  # their clients go, so that the second is begun soon
            evil = server.connect(edit())
            wait_for(lambda count=count: stuck.begun == count)  # type: ignore[misc]
            evil.close()
        time.sleep(1)
        waiting = server.connect(edit(GOOD))
        status, body = parsed(everything(waiting))
        assert (status, json.loads(body)["error"]["code"]) == (503, "busy")
        stuck.go.set()
