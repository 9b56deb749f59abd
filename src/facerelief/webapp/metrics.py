"""What the server counts, as Prometheus reads it. Nothing here tells anything about a picture."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from facerelief.webapp.desk import Desk

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
        gauges = {
            "facerelief_places_taken": ("Requests uploading, waiting and being computed.", lambda: desk.taken),
            "facerelief_at_work": ("Requests being computed.", lambda: desk.at_work),
            "facerelief_held_bytes": ("Bodies in memory.", lambda: desk.held),
        }
        for name, (text, value) in gauges.items():
            Gauge(name, text, registry=self.registry).set_function(value)

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
