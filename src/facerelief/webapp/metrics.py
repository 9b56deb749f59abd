"""What the server counts, as Prometheus reads it. Nothing here tells anything about a picture."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from facerelief.webapp.admission import Desk

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """Counters of one server."""

    def __init__(self, desk: Desk) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._answers = Counter(
            "facerelief_requests",
            "Answers by address, status and error code.",
            ("route", "status", "code"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "facerelief_request_seconds", "Time to answer.", ("route",), buckets=_SECONDS, registry=self.registry
        )
        self._stages = Histogram(
            "facerelief_stage_seconds",
            "Time of each step of the work.",
            ("stage",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._ended = Counter(
            "facerelief_connections_ended",
            "Connections that the server ended: no more were free (full), silent, their answer unread, or gave way.",
            ("why",),
            registry=self.registry,
        )
        self.gauge("facerelief_places_taken", "Requests waiting and being computed.", lambda: desk.taken)
        self.gauge("facerelief_at_work", "Requests being computed.", lambda: desk.workers.at_work)
        self.gauge("facerelief_stuck", "1 where all workers are held up.", lambda: desk.workers.stuck)
        self.gauge("facerelief_held_bytes", "Bodies in memory.", lambda: desk.bodies.held)
        self.gauge("facerelief_unsent_bytes", "Answers in memory, until clients have them.", lambda: desk.answers.held)

    def gauge(self, name: str, text: str, value: Callable[[], float]) -> None:
        """Tell a number as it is when it is asked for."""
        Gauge(name, text, registry=self.registry).set_function(value)

    def ended(self, why: str) -> None:
        """Count a connection that the server ended."""
        self._ended.labels(why).inc()

    def answered(self, route: str, status: int, code: str, seconds: float) -> None:
        """Count one answer."""
        self._answers.labels(route, str(status), code).inc()
        self._seconds.labels(route).observe(seconds)

    def stage(self, name: str, seconds: float) -> None:
        """Count one step of the work."""
        self._stages.labels(name).observe(seconds)

    def text(self) -> bytes:
        """All of it, as Prometheus reads it."""
        return generate_latest(self.registry)
