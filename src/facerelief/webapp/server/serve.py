"""The server process: a socket, the application, and an end that is tidy."""

import functools
import importlib
import os
import socket
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from facerelief.errors import FacereliefError, MissingExtra
from facerelief.faces.detector import FinderPool, load_finder
from facerelief.webapp.server.addresses import LOCAL_NAMES, is_local, networks_of
from facerelief.webapp.server.limits import Limits
from facerelief.webapp.service import Studio

_BACKLOG = 64  # connections that are taken in at once
_SPARE = 64  # open files that are left for the work
_EXTRA = ("uvicorn", "starlette", "python_multipart", "prometheus_client")
_FEWEST = 16  # connections that are worth a server


@dataclass(frozen=True)
class Asked:
    """Who may ask. names: further host names. token: what requests must bring. proxies: addresses or networks of those
    who may say for whom they ask.
    """

    names: Sequence[str] = ()
    token: str | None = None
    proxies: Sequence[str] = ()


def serve(
    host: str = "127.0.0.1",
    port: int = 7860,
    *,
    weights: Path | None = None,
    method: str | None = None,
    engine: str | None = None,
    task_file: Path | None = None,
    limits: Limits | None = None,
    asked: Asked | None = None,
    ready: Callable[[str], None] = lambda url: None,
) -> None:
    """Serve the page and the API until interrupted. port: 0 for any that is free. ready: told the address.

    Raises `FacereliefError` where the address cannot be had, `MissingExtra` without the extra `serve`.
    """
    try:
        for package in _EXTRA:
            importlib.import_module(package)
        from facerelief.webapp.access import Access
        from facerelief.webapp.app import create_app
        from facerelief.webapp.server.process import Process, configured
    except ImportError as reason:
        raise MissingExtra(reason.name or "starlette", "serve") from reason
    import torch

    asked, limits = asked or Asked(), limits or Limits(workers=os.cpu_count() or 1)
    access = Access(
        {*LOCAL_NAMES, host.lower(), *_own_names(host), *map(_name, asked.names)},
        not is_local(host),
        asked.token,
        networks_of(asked.proxies),
    )
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // limits.workers))
    finder = FinderPool(lambda: load_finder(task_file=task_file), most=2 * limits.workers)
    with _socket(host, port) as listening:
        limits, backlog = _fitting(limits)
        app = create_app(functools.partial(Studio, finder, weights, method, engine), limits, access)
        app.state.studio.warm_up()
        ready(f"http://{_shown(host)}:{listening.getsockname()[1]}")
        Process(configured(app, backlog), app).run(sockets=[listening])
    if app.state.desk.workers.at_work:
        # What cannot be stopped would hold up the interpreter, which waits for its threads.
        sys.stdout.flush()
        os._exit(0)


def _name(text: str) -> str:
    """A host's name, also from one with a port, or a whole address."""
    try:
        return urlsplit(text if "//" in text else f"//{text}").hostname or text
    except ValueError as reason:
        raise FacereliefError(
            f"--allow-host {text!r} is no host's name; give one such as faces.example.org"
        ) from reason


def _own_names(host: str) -> tuple[str, ...]:
    """What this machine is called in its own network, where it is to be reached from there."""
    name = "" if is_local(host) else socket.gethostname().lower()
    return (name, f"{name}.local") if name else ()


def _fitting(limits: Limits) -> tuple[Limits, int]:
    """Limits, and a backlog, for which the files suffice that this process may open. Raises `FacereliefError`.

    A backlog may come in at once, and again before the first of it is looked at.
    """
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return limits, _BACKLOG
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = limits.connections + 4 * _BACKLOG + 2 * _SPARE
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    free = wanted if soft == resource.RLIM_INFINITY else soft - _SPARE - _open_files()
    backlog = max(1, min(_BACKLOG, free // 8))
    connections = min(limits.connections, free - 4 * backlog)
    if connections < min(_FEWEST, limits.connections):
        raise FacereliefError(f"this process may open only {soft} files, too few to serve; allow more: ulimit -n 1024")
    return limits.with_connections(connections), backlog


def _open_files() -> int:
    try:
        return len(os.listdir("/dev/fd"))
    except OSError:
        return _SPARE


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _socket(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except (OSError, OverflowError) as reason:
        code = getattr(reason, "errno", None)
        why = os.strerror(code) if code and code > 0 else reason
        raise FacereliefError(f"cannot serve at {host} port {port}: {why}; choose another --port or --host") from reason
