"""The server's Prometheus metrics. Nothing here describes a picture."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from facerelief.webapp.admission import AdmissionControl

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """The metrics of one server."""

    def __init__(self, admission: AdmissionControl) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._answers = Counter(
            "facerelief_requests",
            "Responses by route, status and error code.",
            ("route", "status", "code"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "facerelief_request_seconds", "Time to respond.", ("route",), buckets=_SECONDS, registry=self.registry
        )
        self._stages = Histogram(
            "facerelief_stage_seconds",
            "Time of each step of an edit.",
            ("stage",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._ended = Counter(
            "facerelief_connections_ended",
            "Connections that the server closed: full, silent, unread, or gave_way (replaced by a new one).",
            ("why",),
            registry=self.registry,
        )
        self.gauge("facerelief_places_taken", "Requests queued and running.", lambda: admission.taken)
        self.gauge("facerelief_at_work", "Requests running.", lambda: admission.workers.running)
        self.gauge("facerelief_stuck", "1 if all workers are stuck.", lambda: admission.workers.stuck)
        self.gauge("facerelief_held_bytes", "Bodies in memory.", lambda: admission.bodies.held)
        self.gauge(
            "facerelief_unsent_bytes",
            "Responses in memory that clients have not received.",
            lambda: admission.responses.held,
        )

    def gauge(self, name: str, text: str, value: Callable[[], float]) -> None:
        """Add a number that is read when the metrics are."""
        Gauge(name, text, registry=self.registry).set_function(value)

    def connection_closed(self, why: str) -> None:
        """Count a connection that the server closed."""
        self._ended.labels(why).inc()

    def response(self, route: str, status: int, code: str, seconds: float) -> None:
        """Count one response."""
        self._answers.labels(route, str(status), code).inc()
        self._seconds.labels(route).observe(seconds)

    def stage(self, name: str, seconds: float) -> None:
        """Record the time of one step."""
        self._stages.labels(name).observe(seconds)

    def text(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self.registry)
