"""`facerelief serve`: what stops it from starting, and how it ends."""

import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from facerelief.errors import install_command
from facerelief.webapp import server
from facerelief.webapp.limits import Limits
from facerelief.webapp.server import is_local

Command = Callable
Refused = Callable[..., str]


def test_a_port_that_is_taken(refused: Refused) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = refused("serve", "--port", port)
    assert f"cannot serve at 127.0.0.1 port {port}: Address already in use; choose another --port" in line


def test_an_address_that_is_not_this_machines(refused: Refused) -> None:
    assert "choose another --port or --host" in refused("serve", "--host", "192.0.2.1", "--port", 0)


def test_weights_that_are_not_there(refused: Refused, tmp_path: Path) -> None:
    assert "absent" in refused("serve", "--port", 0, "--weights", tmp_path / "absent.safetensors")


def test_without_the_extra(refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert refused("serve") == f"uvicorn is not installed; install it with: {install_command('serve')}"


def test_options_become_limits(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    given = {}
    monkeypatch.setattr(server, "serve", lambda *where, **options: given.update(options, where=where))
    result = command(
        *("serve", "--host", "::1", "--port", 1234, "--workers", 3, "--places", 9),
        *("--max-mib", 5, "--max-megapixels", 7, "--timeout", 11, "--allow-host", "faces.example"),
    )
    assert result.code == 0
    assert given["where"] == ("::1", 1234)
    assert given["allow_hosts"] == ["faces.example"]
    expected = Limits(workers=3, places=9, body=5 * 2**20, held=256 * 2**20, pixels=7_000_000, answer_s=11)
    assert given["limits"] == expected


@pytest.mark.parametrize(
    ("host", "local"), [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False)]
)
def test_a_server_for_others_says_that_it_asks_for_no_password(
    command: Command, monkeypatch: pytest.MonkeyPatch, host: str, local: bool
) -> None:
    assert is_local(host) is local
    monkeypatch.setattr(server, "serve", lambda *where, ready, **options: ready("http://x:1"))
    result = command("serve", "--host", host)
    assert "facerelief serves at http://x:1" in result.out
    assert ("no password" in result.err) is not local
