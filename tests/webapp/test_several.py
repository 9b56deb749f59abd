"""Several server processes behind one port: killed ones are replaced; limits and metrics are those of one server."""

import errno
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest
from live import wait_for
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client import Counter as Counted
from webapp_app import form

from facerelief.errors import FacereliefError
from facerelief.webapp.access import RateLimiter
from facerelief.webapp.server.limits import Limits
from facerelief.webapp.several import summed_metrics
from facerelief.webapp.several.shared import shared_folder
from facerelief.webapp.several.shared_rates import SharedRates
from facerelief.webapp.several.summed_metrics import sum_metrics


def children(server: Any) -> list[int]:
    """The server processes of a parent."""
    return _children(server.process.pid)


def _children(parent: int) -> list[int]:
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


def test_times_of_start_are_not_added() -> None:
    def text(count: float, created: float) -> str:
        counter = Counted("a", "What.", registry=(registry := CollectorRegistry()))
        counter.inc(count)
        counter._created = created
        return generate_latest(registry).decode()

    assert "a_created 5.0" in text(1, 5.0)
    lines = sum_metrics([text(2, 50.0), text(3, 40.0), text(4, 60.0)]).decode().splitlines()
    assert {line for line in lines if line[0] != "#"} == {"a_total 9.0", "a_created 40.0"}


class _OutOfFiles(socket.socket):
    """A socket that cannot take the first connection."""

    failed = False

    def accept(self) -> tuple[socket.socket, Any]:
        if not self.failed:
            self.failed = True
            raise OSError(errno.EMFILE, "too many open files")
        return super().accept()


def _of(count: int) -> bytes:
    return f"# HELP a_total What.\n# TYPE a_total counter\na_total {count}.0\n".encode()


def test_metrics_are_told_after_a_connection_that_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(summed_metrics, "_new_socket", lambda: _OutOfFiles(socket.AF_UNIX))
    one, other = (summed_metrics.SummedMetrics(tmp_path, number, lambda: _of(2)) for number in range(2))
    assert one.text().decode().splitlines()[-1] == other.text().decode().splitlines()[-1] == "a_total 4.0"


def test_metrics_are_told_while_another_process_does_not_listen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It asked and was stopped, say; more than its socket's buffer is to be told."""
    monkeypatch.setattr(summed_metrics, "_WAIT_S", 0.5)
    much = _of(2) + b"# " + b"x" * 4_000_000 + b"\n"
    teller = summed_metrics.SummedMetrics(tmp_path, 0, lambda: much)
    with socket.socket(socket.AF_UNIX) as stopped:
        stopped.connect(str(teller._path))
        time.sleep(0.7)
        asker = summed_metrics.SummedMetrics(tmp_path, 1, lambda: _of(3))
        assert asker.text().decode().splitlines()[-1] == "a_total 5.0"


def test_a_long_name_of_the_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sockets have short names; where there is no other place, the server says so."""
    long = tmp_path / ("x" * 120)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    with shared_folder() as folder:
        assert summed_metrics.SummedMetrics(folder, 63, lambda: _of(1)).text()
    assert not folder.exists()
    with pytest.raises(FacereliefError, match="set TMPDIR to another folder"):
        summed_metrics.SummedMetrics(long, 0, lambda: _of(1))
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")  # a short name: where it is long, /tmp is taken
    with pytest.raises(FacereliefError, match=r"no folder to share: .*; set TMPDIR to a folder"), shared_folder():
        pass


_SUPERVISED = """
import signal, socket, time
from facerelief.webapp.several.supervisor import Supervisor

class Slow:
    def __getstate__(self):  # while a process is started
        time.sleep(0.3)
        return {"a": "b"}

    def __setstate__(self, state):  # while it begins
        time.sleep(1.5)

    def __call__(self, listening, number, ready):
        ready()
        time.sleep(600)

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which tests in the background ignore
    with socket.create_server(("127.0.0.1", 0)) as listening:
        Supervisor(3, Slow(), listening, print).run(lambda: print("ready"))
"""


@pytest.mark.parametrize("later", [0.0, 0.2, 0.5, 1.0])
def test_ctrl_c_while_processes_start(tmp_path: Path, later: float) -> None:
    """It reaches all of them, as from a terminal, at any moment: all end, and none has anything to say."""
    script = tmp_path / "supervised.py"
    script.write_text(_SUPERVISED)
    call, pipe = [sys.executable, str(script)], subprocess.PIPE
    with subprocess.Popen(call, stdout=pipe, stderr=pipe, text=True, start_new_session=True) as parent:
        try:
            wait_for(lambda: _children(parent.pid))
            time.sleep(later)
            ours = _children(parent.pid)
            for one in ours:
                os.kill(one, signal.SIGINT)
            time.sleep(0.1)  # the parent may be the last to notice
            os.killpg(parent.pid, signal.SIGINT)
            assert parent.communicate(timeout=20) == ("", "")
        finally:
            parent.kill()
    assert parent.returncode == 0
    wait_for(lambda: not any(Path(f"/proc/{one}/stat").exists() and _runs(one) for one in ours))


def test_limits_are_divided() -> None:
    whole = Limits(workers=4, places=65, client_places=16, connections=512, rate=9)
    part = whole.divided(2)
    assert (part.workers, part.places, part.client_places, part.connections) == (2, 33, 8, 256)
    assert (part.body, part.pixels, part.timeout_s, part.rate) == (whole.body, whole.pixels, whole.timeout_s, 9)
    small = whole.divided(64)
    assert small.workers == 1 and small.held == whole.body  # any single request still fits
    assert whole.divided(1) == whole
