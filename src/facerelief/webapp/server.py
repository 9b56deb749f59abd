"""The server process: a socket, the application, and an end that is tidy."""

import ipaddress
import os
import socket
from collections.abc import Callable, Sequence
from pathlib import Path

from facerelief.errors import FacereliefError, MissingExtra
from facerelief.faces.detect import FinderPool, load_finder
from facerelief.webapp.limits import Limits
from facerelief.webapp.studio import Studio

LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")


def serve(
    host: str = "127.0.0.1",
    port: int = 7860,
    *,
    weights: Path | None = None,
    method: str | None = None,
    engine: str | None = None,
    task_file: Path | None = None,
    limits: Limits | None = None,
    allow_hosts: Sequence[str] = (),
    ready: Callable[[str], None] = lambda url: None,
) -> None:
    """Serve the page and the API until interrupted. port: 0 for any that is free. ready: told the address.

    Raises `FacereliefError` where the address cannot be had, `MissingExtra` without the extra `serve`.
    """
    try:
        import uvicorn

        from facerelief.webapp.app import create_app
    except ImportError as reason:
        raise MissingExtra(reason.name or "starlette", "serve") from reason
    import torch

    limits = limits or Limits(workers=os.cpu_count() or 1)
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // limits.workers))
    finder = FinderPool(lambda: load_finder(task_file=task_file), most=limits.workers)
    with _socket(host, port) as listening:
        app = create_app(
            lambda **options: Studio(finder, weights, method, engine, **options), limits, _hosts(host, allow_hosts)
        )
        app.state.studio.warm_up()
        ready(f"http://{_shown(host)}:{listening.getsockname()[1]}")
        config = uvicorn.Config(
            app, log_level="warning", access_log=False, server_header=False, lifespan="off", timeout_graceful_shutdown=5
        )
        try:
            uvicorn.Server(config).run(sockets=[listening])
        except KeyboardInterrupt:
            pass  # the way to end it
        finally:
            app.state.desk.close()


def is_local(host: str) -> bool:
    """Whether only programs on this machine can reach an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _hosts(host: str, allowed: Sequence[str]) -> set[str] | None:
    """The names that a server goes by: at this machine's own address its own names; elsewhere any, or those allowed."""
    if is_local(host):
        return {*LOCAL_NAMES, host, *allowed}
    return {*LOCAL_NAMES, host, *allowed} if allowed else None


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _socket(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=256)
    except (OSError, OverflowError) as reason:
        code = getattr(reason, "errno", None)
        why = os.strerror(code) if code and code > 0 else reason
        raise FacereliefError(f"cannot serve at {host} port {port}: {why}; choose another --port or --host") from reason
