"""Several server processes behind one port: killed ones are replaced; limits and metrics are those of one server."""

import multiprocessing
import os
import signal
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest
from live import wait_for
from webapp_app import form

from facerelief.webapp.access import RateLimiter
from facerelief.webapp.server.limits import Limits
from facerelief.webapp.several.shared_rates import SharedRates
from facerelief.webapp.several.summed_metrics import sum_metrics


def children(server: Any) -> list[int]:
    """The server processes of a parent."""
    parent = server.process.pid
    found = map(int, Path(f"/proc/{parent}/task/{parent}/children").read_text().split())
    return [one for one in found if b"spawn_main" in Path(f"/proc/{one}/cmdline").read_bytes()]


def test_a_process_that_is_killed_in_the_middle(own_server: Any, tmp_path: Path) -> None:
    """Its own requests break off; each answer that comes is that of its request; another takes its place."""
    with own_server("--processes", 2, "--workers", 2) as server:
        photos = [httpx.get(f"{server.url}/v1/sample?seed={seed}", timeout=60).content for seed in range(4)]
        expected = [httpx.post(server.url + "/v1/faces", **form(one), timeout=60).json() for one in photos]
        assert len({str(one) for one in expected}) == 4
        outcome: Counter[str] = Counter()
        over = threading.Event()

        def ask(number: int) -> None:
            while not over.is_set():
                try:
                    answer = httpx.post(server.url + "/v1/faces", **form(photos[number % 4]), timeout=60)
                except httpx.TransportError:
                    outcome["broke off"] += 1
                    continue
                right = answer.status_code == 200 and answer.json() == expected[number % 4]
                outcome["right" if right else f"wrong: {answer.text[:99]}"] += 1

        clients = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
        for one in clients:
            one.start()
        wait_for(lambda: outcome["right"] >= 20, 60)
        before = children(server)
        os.kill(before[0], signal.SIGKILL)
        wait_for(lambda: len(children(server)) == 2 and children(server) != before, 60)
        enough = outcome["right"] + 40
        wait_for(lambda: outcome["right"] >= enough, 60)
        over.set()
        for one in clients:
            one.join(60)
        assert outcome.keys() <= {"right", "broke off"}
        assert outcome["broke off"] <= 8  # no more than there were requests
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(60) == 0
    assert (tmp_path / "server.log").read_text() == (
        "facerelief: a server process died (exit code -9) and is replaced; its requests broke off\n"
    )


def test_processes_count_as_one_and_end_with_their_parent(own_server: Any) -> None:
    with own_server("--processes", 3, "--rate", 7) as server:
        ours = children(server)
        statuses = [httpx.get(server.url + "/v1/triangles").status_code for _ in range(12)]  # a connection each
        assert statuses == [200] * 7 + [429] * 5
        local = httpx.get(server.url + "/health").json()
        assert local["status"] == "ok"
        server.process.kill()
        server.process.wait()
        wait_for(lambda: not any(Path(f"/proc/{one}/stat").exists() and _runs(one) for one in ours))


def _runs(process: int) -> bool:
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def test_metrics_are_those_of_all(own_server: Any) -> None:
    with own_server("--processes", 2) as server:
        for _ in range(10):
            assert httpx.get(server.url + "/v1/triangles").status_code == 200
        text = httpx.get(server.url + "/metrics").text
    line = next(line for line in text.splitlines() if 'requests_total{code="",route="/v1/triangles"' in line)
    assert line.endswith(" 10.0")
    assert text.count("# TYPE facerelief_requests_total counter") == 1


def test_a_bucket_of_two_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same as of one, by a clock that the test moves."""
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    alone, both = RateLimiter(3), [SharedRates(3, tmp_path / "rates") for _ in range(2)]
    for number, later in enumerate([0, 0, 0, 0, 5, 20, 0, 1, 60, 0, 0, 0]):
        now[0] += later
        for client in ("1.2.3.4", "5.6.7.8"):
            assert both[number % 2].wait_s(client) == pytest.approx(alone.wait_s(client))
    assert SharedRates(0, tmp_path / "none").wait_s("1.2.3.4") == 0


def _hold(path: Path, held: Any) -> None:
    with SharedRates(3, path)._locked(0):
        held.set()
        time.sleep(600)


def test_a_process_that_dies_with_the_lock(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    held = context.Event()
    holder = context.Process(target=_hold, args=(tmp_path / "rates", held))
    holder.start()
    assert held.wait(60)
    holder.kill()
    holder.join()
    assert SharedRates(3, tmp_path / "rates").wait_s("1.2.3.4") == 0


def test_sums_by_hand() -> None:
    def text(count: float, start: float, extra: str = "") -> str:
        return (
            "# HELP a_total What.\n# TYPE a_total counter\n"
            f'a_total{{route="/x"}} {count}\n{extra}'
            f"# HELP process_start_time_seconds When.\n# TYPE process_start_time_seconds gauge\n"
            f"process_start_time_seconds {start}\n"
        )

    lines = sum_metrics([text(2, 50), text(3, 40, 'a_total{route="/y"} 1.0\n')]).decode().splitlines()
    assert {line for line in lines if line[0] != "#"} == {
        'a_total{route="/x"} 5.0',
        'a_total{route="/y"} 1.0',
        "process_start_time_seconds 40.0",
    }


def test_limits_are_divided() -> None:
    whole = Limits(workers=4, places=65, client_places=16, connections=512, rate=9)
    part = whole.divided(2)
    assert (part.workers, part.places, part.client_places, part.connections) == (2, 33, 8, 256)
    assert (part.body, part.pixels, part.timeout_s, part.rate) == (whole.body, whole.pixels, whole.timeout_s, 9)
    small = whole.divided(64)
    assert small.workers == 1 and small.held == whole.body  # any single request still fits
    assert whole.divided(1) == whole
