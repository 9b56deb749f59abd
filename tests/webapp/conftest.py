"""A server of its own process, as users start it, and a browser for its page."""

import contextlib
import functools
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import httpx
import numpy as np
import pytest
from photos import astronaut

import facerelief

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    *("--no-sandbox", "--disable-gpu"),
    *("--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--use-angle=swiftshader"),
    *("--enable-unsafe-swiftshader", "--use-fake-device-for-media-stream"),
    "--use-fake-ui-for-media-stream",
)

_LONG = 120_000  # ms: a machine may be busy


class Server:
    """`facerelief serve` on a free port. url: where. log: what it wrote to standard error."""

    def __init__(self, *options: object, log: IO[str], home: Path, files: int = 0) -> None:
        """files: how many it may open, 0 for as many as the tests."""
        call = [sys.executable, "-m", "facerelief", "serve", "--port", "0", *map(str, options)]
        source = Path(facerelief.__file__).parents[1]
        environment = {**os.environ, "COLUMNS": "150", "TMPDIR": str(home), "PYTHONPATH": str(source)}
        call = ["bash", "-c", f'ulimit -n {files} && exec "$@"', "bash", *call] if files else call
        self.process = subprocess.Popen(call, stdout=subprocess.PIPE, stderr=log, text=True, env=environment, cwd=home)
        assert self.process.stdout
        line = self.process.stdout.readline()
        found = re.search(r"serves at (http://\S+)", line)
        if not found:
            self.kill()
            raise AssertionError(f"the server said {line!r} and {Path(log.name).read_text()!r}")
        self.url = found[1]

    def stop(self) -> int:
        """End it as Ctrl-C does; its exit code."""
        self.process.send_signal(2)
        try:
            return self.process.wait(timeout=30)
        finally:
            self.kill()

    def kill(self) -> None:
        """End it at once."""
        self.process.kill()
        self.process.wait()
        assert self.process.stdout
        self.process.stdout.close()


@contextlib.contextmanager
def running(folder: Path, *options: object, files: int = 0) -> Iterator[Server]:
    """A server for a while; `folder` gets what it says on standard error, server.log, and what it writes, home."""
    home = folder / "home"
    home.mkdir()
    with (folder / "server.log").open("w+") as log:
        server = Server(*options, log=log, home=home, files=files)
        try:
            yield server
        finally:
            server.kill()


@pytest.fixture
def own_server(tmp_path: Path) -> Callable[..., contextlib.AbstractContextManager[Server]]:
    """Starts a server for one test, told options; its log is `tmp_path / "server.log"`."""
    return functools.partial(running, tmp_path)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One for all tests; a line in its log, or a file that it leaves anywhere, fails the last of them."""
    for package in ("starlette", "uvicorn", "prometheus_client"):
        pytest.importorskip(package, exc_type=ImportError)
    folder = tmp_path_factory.mktemp("server")
    with running(folder) as server:
        yield server
        assert server.stop() == 0
    assert (folder / "server.log").read_text() == ""
    assert list((folder / "home").iterdir()) == []


@pytest.fixture(scope="session")
def group() -> np.ndarray:
    """uint8 (320, 640, 3): two faces, far enough apart."""
    head = astronaut()[:320, 64:384]
    return np.hstack([head, head[:, ::-1]])


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A browser. Not for the session: while it is there, its event loop takes the thread from `asyncio.run`."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="the page is driven with playwright")
    if CHROMIUM is None:
        pytest.skip("no chromium here; Debian and Ubuntu: apt-get install chromium")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS), timeout=_LONG)
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Any, server: Server) -> Iterator[Callable[..., Any]]:
    """Opens the page in a browser of its own, `options` are those of `new_context`.

    Afterwards: no request went elsewhere, no error came up that the test did not take from `page.problems`.
    """
    contexts = []
    pages = []

    def visit(path: str = "/", **options: Any) -> Any:
        context = chromium.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(_LONG)
        pages.append(page)
        page.problems, page.asked = [], []
        page.on("console", lambda m: page.problems.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: page.problems.append(str(error)))
        page.on("request", lambda request: page.asked.append(request.url))
        page.goto(server.url + path)
        return page

    yield visit
    for context in contexts:
        context.close()
    for page in pages:
        assert page.problems == []
        assert page.asked
        elsewhere = [url for url in page.asked if not url.startswith((server.url + "/", "data:", "blob:"))]
        assert elsewhere == []


@pytest.fixture(scope="module")
def client(server: Any) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=60) as client:
        yield client
