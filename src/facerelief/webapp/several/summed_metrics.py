"""Metrics of all server processes, whichever is asked: each tells its own at a socket in a folder that all know."""

import contextlib
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families

from facerelief.errors import FacereliefError

_WAIT_S = 2.0
_PAUSE_S = 0.1  # after a connection that could not be taken
_EARLIEST = ("process_start_time_seconds", "_created")  # ends of names
_MOST = ("process_max_fds", "process_virtual_memory_max_bytes")


class SummedMetrics:
    """The sum of what all processes count.

    Args:
        folder: Where the processes' sockets are; only this user can open it.
        number: This process's.
        own: Its own metrics, in Prometheus' text format.

    Raises:
        FacereliefError: The folder can hold no socket.
    """

    def __init__(self, folder: Path, number: int, own: Callable[[], bytes]) -> None:
        self._folder, self._own, self._path = folder, own, folder / f"{number}.metrics"
        self._path.unlink(missing_ok=True)  # of the process in whose place this one is
        self._server = _new_socket()
        try:
            self._server.bind(str(self._path))
        except OSError as reason:
            self._server.close()
            raise FacereliefError(f"cannot make {self._path}: {reason}; set TMPDIR to another folder") from reason
        self._server.listen()
        threading.Thread(target=self._tell, daemon=True).start()

    def text(self) -> bytes:
        """The sum, in Prometheus' text format. A process that does not answer counts for nothing."""
        texts = [self._own()]
        for path in sorted(self._folder.glob("*.metrics")):
            if path != self._path:
                with contextlib.suppress(OSError):
                    texts.append(_ask(path))
        return sum_metrics([text.decode() for text in texts])

    def _tell(self) -> None:
        while self._server.fileno() >= 0:
            try:
                connection, _ = self._server.accept()
                with connection:
                    connection.settimeout(_WAIT_S)  # who asks may have stopped
                    connection.sendall(self._own())
            except OSError:  # such as no more files, or one who went away
                time.sleep(_PAUSE_S)


def _new_socket() -> socket.socket:
    if sys.platform == "win32":
        raise NotImplementedError  # `serve` refuses several processes there
    return socket.socket(socket.AF_UNIX)


def _ask(path: Path) -> bytes:
    with _new_socket() as connection:
        connection.settimeout(_WAIT_S)
        connection.connect(str(path))
        return b"".join(iter(lambda: connection.recv(65536), b""))


def sum_metrics(texts: list[str]) -> bytes:
    r"""One text of several: values of the same name and labels are added; of times of start the earliest is kept.

    Example:
        >>> text = "# HELP a_total What.\n# TYPE a_total counter\na_total 2.0\n"
        >>> sum_metrics([text, text]).decode().splitlines()[-1]
        'a_total 4.0'
    """
    families: dict[str, Metric] = {}
    values: dict[str, dict[tuple[str, tuple[tuple[str, str], ...]], float]] = {}
    for text in texts:
        for family in text_string_to_metric_families(text):
            families.setdefault(family.name, Metric(family.name, family.documentation, family.type))
            found = values.setdefault(family.name, {})
            for sample in family.samples:
                key = sample.name, tuple(sorted(sample.labels.items()))
                before = found.get(key)
                found[key] = sample.value if before is None else _combined(sample.name, before, sample.value)
    for name, family in families.items():
        for (sample_name, labels), value in values[name].items():
            family.add_sample(sample_name, dict(labels), value)
    registry = CollectorRegistry()
    registry.register(_Families(list(families.values())))
    return generate_latest(registry)


def _combined(name: str, one: float, other: float) -> float:
    if name.endswith(_EARLIEST):
        return min(one, other)
    return max(one, other) if name in _MOST else one + other


class _Families:
    """What a registry collects."""

    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> list[Metric]:
        """See prometheus_client."""
        return self._families
