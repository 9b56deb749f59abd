"""`facerelief serve`: what stops it from starting, and how it ends."""

import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from facerelief.errors import install_command
from facerelief.webapp.server import serve
from facerelief.webapp.server.limits import Limits
from facerelief.webapp.server.serve import AccessOptions, is_local

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


@pytest.mark.parametrize("given", [("--weights", "absent.safetensors"), ("--port", "taken"), ("--processes", 0)])
def test_what_several_processes_cannot_begin_with(refused: Refused, given: tuple[object, ...]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        words = [taken.getsockname()[1] if word == "taken" else word for word in given]
        line = refused("serve", "--processes", 2, "--port", 0, *words)
    assert {"--weights": "absent", "--port": "already in use", "--processes": "greater than or equal to 1"}[
        given[0]
    ] in line


def test_without_the_extra(refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert refused("serve") == f"uvicorn is not installed; install it with: {install_command('serve')}"


def test_options_become_limits(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    given = {}
    monkeypatch.setattr(serve, "serve", lambda *where, **options: given.update(options, where=where))
    result = command(
        *("serve", "--host", "::1", "--port", 1234, "--workers", 3, "--places", 9),
        *("--max-mib", 5, "--max-megapixels", 7, "--timeout", 11, "--allow-host", "faces.example"),
        *("--connections", 40, "--rate", 12, "--client-places", 2, "--token", "secret", "--trusted-proxy", "10.0.0.1"),
    )
    assert result.code == 0
    assert given["where"] == ("::1", 1234)
    assert given["access_options"] == AccessOptions(["faces.example"], "secret", ["10.0.0.1"])
    assert given["limits"] == Limits(
        workers=3, places=9, client_places=2, body=5 * 2**20, pixels=7_000_000, timeout_s=11, connections=40,
        client_connections=10, rate=12,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("options", "rate", "places"),
    [
        ((), 0, 64),
        (("--host", "0.0.0.0"), 600, 16),
        (("--trusted-proxy", "127.0.0.1"), 600, 16),
        (("--host", "0.0.0.0", "--rate", 0, "--client-places", 64), 0, 64),
    ],
)
def test_where_others_may_ask_each_has_a_share(
    command: Command, monkeypatch: pytest.MonkeyPatch, options: tuple[object, ...], rate: int, places: int
) -> None:
    given = {}
    monkeypatch.setattr(serve, "serve", lambda *where, **options: given.update(options))
    assert command("serve", *options).code == 0
    assert (given["limits"].rate, given["limits"].client_places) == (rate, places)


def test_the_token_of_the_environment(command: Command, refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    given = {}
    monkeypatch.setattr(serve, "serve", lambda *where, **options: given.update(options))
    monkeypatch.setenv("FACERELIEF_TOKEN", "of-the-environment")
    assert command("serve").code == 0
    assert given["access_options"].token == "of-the-environment"
    assert command("serve", "--token", "of-the-option").code == 0
    assert given["access_options"].token == "of-the-option"
    for token in ("", " ", "two words", "sch\u00f6n", "a\nb"):  # as from a variable that is not set
        monkeypatch.setenv("FACERELIEF_TOKEN", token)
        assert refused("serve").startswith("FACERELIEF_TOKEN is ")
        if token:  # an empty argument is refused by every command
            assert refused("serve", "--token", token).startswith("--token is ")


def test_a_proxy_that_is_no_address(refused: Refused) -> None:
    assert "--trusted-proxy 'nginx' is not an IP address" in refused("serve", "--port", 0, "--trusted-proxy", "nginx")


def test_names_are_taken_as_people_type_them(refused: Refused) -> None:
    for text in ("faces.example", "Faces.Example:8443", "https://faces.example/", "faces.example/x"):
        assert serve._host_name(text) == "faces.example"
    assert "--allow-host '[x' is not a host name" in refused("serve", "--port", 0, "--allow-host", "[x")


def test_a_process_that_may_open_too_few_files(tmp_path: Path) -> None:
    """Fewer connections, and at last a line."""
    code = (
        "import resource; from facerelief.webapp.server import serve;"
        "from facerelief.webapp.server.limits import Limits;"
        "resource.setrlimit(resource.RLIMIT_NOFILE, ({0}, {0})); print(serve._fit_open_files(Limits()))"
    )
    for most, expected in ((4096, "connections=512"), (300, "connections=1"), (80, "may open only 80 files")):
        call = [sys.executable, "-c", code.format(most)]
        ended = subprocess.run(call, capture_output=True, text=True, cwd=tmp_path, timeout=120, check=False)
        assert expected in ended.stdout + ended.stderr


@pytest.mark.parametrize(
    ("host", "local"), [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False)]
)
def test_a_server_for_others_says_that_it_asks_for_no_password(
    command: Command, monkeypatch: pytest.MonkeyPatch, host: str, local: bool
) -> None:
    assert is_local(host) is local
    monkeypatch.setattr(serve, "serve", lambda *where, ready, **options: ready("http://x:1"))
    result = command("serve", "--host", host)
    assert "facerelief serves at http://x:1" in result.out
    assert ("no password" in result.err) is not local
