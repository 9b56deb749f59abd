"""An S3 server on loopback (moto's), which can be told to fail."""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

KEY = "testing"
_DENIED = b"<Error><Code>InvalidAccessKeyId</Code><Message>The key does not exist in our records.</Message></Error>"
_BROKEN = b"<Error><Code>InternalError</Code><Message>We encountered an internal error.</Message></Error>"
Environment = dict[str, Any]


class Bucket:
    """A running server: where it is, how many requests it got, and which of them fail.

    Attributes:
        address: For AWS_ENDPOINT_URL.
        requests: "METHOD /path" of each, in their order.
        fails: Says of a request, by method and path, whether the server fails at it.
    """

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self._app, self.address, self.requests = app, "", list[str]()
        self.fails: Callable[[str, str], bool] = lambda method, path: False

    def __call__(self, environment: Environment, start: Callable[..., Any]) -> Iterable[bytes]:
        method, path = environment["REQUEST_METHOD"], environment["PATH_INFO"]
        self.requests.append(f"{method} {path}")
        if f"Credential={KEY}/" not in environment.get("HTTP_AUTHORIZATION", ""):
            return _answer(start, "403 Forbidden", _DENIED)
        if self.fails(method, path):
            return _answer(start, "500 Internal Server Error", _BROKEN)
        return self._app(environment, start)

    @property
    def settings(self) -> dict[str, str]:
        """The environment of a client."""
        keys = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": KEY, "AWS_DEFAULT_REGION": "us-east-1"}
        return keys | {"AWS_ENDPOINT_URL": self.address, "AWS_MAX_ATTEMPTS": "1"}


def _answer(start: Callable[..., Any], status: str, body: bytes) -> list[bytes]:
    start(status, [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))])
    return [body]


@contextmanager
def s3_server() -> Iterator[Bucket]:
    """Serve an empty bucket named `bucket`."""
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    bucket = Bucket(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, bucket, threaded=True)  # type: ignore[arg-type]
    bucket.address = f"http://127.0.0.1:{server.port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield bucket
    finally:
        server.shutdown()
        thread.join()
