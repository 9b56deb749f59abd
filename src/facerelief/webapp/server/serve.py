"""`serve`: open the socket, build the application, run it until interrupted."""

import dataclasses
import functools
import importlib
import os
import socket
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from facerelief.errors import FacereliefError, MissingExtra
from facerelief.faces.detector import FinderPool, load_finder
from facerelief.processes.cores import available_cores
from facerelief.processes.threads import limit_threads
from facerelief.webapp.server.addresses import LOCAL_NAMES, is_local, networks_of
from facerelief.webapp.server.limits import Limits
from facerelief.webapp.service import EditorOptions, EditService
from facerelief.webapp.several.shared import Shared, shared_folder
from facerelief.webapp.several.supervisor import Supervisor

_BACKLOG = 64  # connections that are accepted at once
_SPARE_FILES = 64  # open files that are left for the work
_EXTRA = ("uvicorn", "starlette", "python_multipart", "prometheus_client")
_MIN_CONNECTIONS = 16


@dataclass(frozen=True)
class AccessOptions:
    """Who may use the server.

    Args:
        hosts: Host names to allow beside the server's own.
        token: The bearer token that requests need. None: no token.
        proxies: Addresses or networks of trusted proxies.
    """

    hosts: Sequence[str] = ()
    token: str | None = None
    proxies: Sequence[str] = ()


def serve(
    host: str = "127.0.0.1",
    port: int = 7860,
    *,
    editor: EditorOptions | None = None,
    task_file: Path | None = None,
    limits: Limits | None = None,
    access_options: AccessOptions | None = None,
    ready: Callable[[str], None] = lambda url: None,
    warn: Callable[[str], None] = lambda words: None,
) -> None:
    """Serve the page and the API until interrupted.

    Args:
        host: The address to listen at.
        port: 0: any free one.
        editor: The default editor. None: the package's own weights.
        task_file: MediaPipe's face_landmarker.task. None: the package's networks.
        limits: None: the defaults, with one worker per processor.
        access_options: None: this machine only, without a token.
        ready: Called with the server's URL once it accepts requests.
        warn: Told of each process that was replaced.

    Raises:
        FacereliefError: The address cannot be used.
        MissingExtra: The extra `serve` is not installed.
    """
    try:
        for package in _EXTRA:
            importlib.import_module(package)
        from facerelief.webapp.access import Access
    except ImportError as reason:
        raise MissingExtra(reason.name or "starlette", "serve") from reason
    access_options, editor = access_options or AccessOptions(), editor or EditorOptions()
    limits = limits or Limits(workers=available_cores())
    access = Access(
        {*LOCAL_NAMES, host.lower(), *_own_names(host), *map(_host_name, access_options.hosts)},
        not is_local(host),
        access_options.token,
        networks_of(access_options.proxies),
    )
    processes = limits.processes
    job = _Job(editor, task_file, limits.divided(processes), access)
    with _socket(host, port) as listening:
        url = f"http://{_shown(host)}:{listening.getsockname()[1]}"
        if processes == 1:
            job(listening, 0, lambda: ready(url))
            return
        if sys.platform == "win32":
            raise FacereliefError("several server processes need Linux or macOS; leave out --processes")
        with shared_folder() as folder:
            job = dataclasses.replace(job, folder=folder)
            Supervisor(processes, job, listening, warn).run(lambda: ready(url))


@dataclass(frozen=True)
class _Job:
    """What a server process does, for others to pickle.

    Args:
        editor: As of `serve`.
        task_file: As of `serve`.
        limits: Of this process.
        access: Who may use it.
        folder: What they share, if there are several.
    """

    editor: EditorOptions
    task_file: Path | None
    limits: Limits
    access: Any
    folder: Path | None = None

    def __call__(self, listening: socket.socket, number: int, ready: Callable[[], None]) -> None:
        from facerelief.webapp.app import create_app
        from facerelief.webapp.server.graceful_server import GracefulServer, uvicorn_config

        limit_threads(max(1, available_cores() // (self.limits.workers * self.limits.processes)))
        finder = FinderPool(lambda: load_finder(task_file=self.task_file), most=2 * self.limits.workers)
        limits, backlog = _fit_open_files(self.limits)
        shared = Shared(self.folder, number) if self.folder else None
        app = create_app(functools.partial(EditService, finder, self.editor), limits, self.access, shared)
        app.state.service.warm_up()
        ready()
        GracefulServer(uvicorn_config(app, backlog), app).run(sockets=[listening])
        if app.state.admission.workers.running:
            # The interpreter would wait for threads that cannot be stopped.
            sys.stdout.flush()
            os._exit(0)


def _host_name(text: str) -> str:
    """The host name in a name with a port or in a URL."""
    try:
        return urlsplit(text if "//" in text else f"//{text}").hostname or text
    except ValueError as reason:
        raise FacereliefError(
            f"--allow-host {text!r} is not a host name; give one such as faces.example.org"
        ) from reason


def _own_names(host: str) -> tuple[str, ...]:
    """Names of this machine in its local network, if the server can be reached from there."""
    name = "" if is_local(host) else socket.gethostname().lower()
    return (name, f"{name}.local") if name else ()


def _fit_open_files(limits: Limits) -> tuple[Limits, int]:
    """Limits and a backlog that fit into the number of files that this process may open. Raises `FacereliefError`.

    A whole backlog may be accepted at once, and again before the first of it is handled.
    """
    if sys.platform == "win32":  # which has no such limit
        return limits, _BACKLOG
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = limits.connections + 4 * _BACKLOG + 2 * _SPARE_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    free = wanted if soft == resource.RLIM_INFINITY else soft - _SPARE_FILES - _open_files()
    backlog = max(1, min(_BACKLOG, free // 8))
    connections = min(limits.connections, free - 4 * backlog)
    if connections < min(_MIN_CONNECTIONS, limits.connections):
        raise FacereliefError(
            f"this process may open only {soft} files, too few for a server; allow more: ulimit -n 1024"
        )
    return limits.with_connections(connections), backlog


def _open_files() -> int:
    try:
        return len(os.listdir("/dev/fd"))
    except OSError:
        return _SPARE_FILES


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
