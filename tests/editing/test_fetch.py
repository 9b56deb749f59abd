"""Downloads from servers on loopback, which counts as private, and what is refused before anything is sent."""

import ipaddress
import socket
import time
from typing import Any

import pytest
from servers import Page, drip, serving, speaking

from facerelief.editing.jobs import fetch as fetch_module
from facerelief.editing.jobs.fetch import DownloadLimits, download, is_url, name_of
from facerelief.errors import PhotoError

ALLOWED = DownloadLimits(private=True)


def refusal(url: str, limits: DownloadLimits | None = None) -> str:
    with pytest.raises(PhotoError) as caught:
        download(url, limits)
    line = str(caught.value)
    assert "\n" not in line
    return line


def resolved(monkeypatch: pytest.MonkeyPatch, **addresses: str | list[str]) -> None:
    """Names of this test alone; others are numbers."""
    known = socket.getaddrinfo

    def look_up(host: str, *arguments: Any, **options: Any) -> Any:
        named = addresses.get(host.replace(".", "_"))
        if named is None:
            assert host.replace(".", "").isdigit() or ":" in host, host
            return known(host, *arguments, **options)
        return [(0, 0, 0, "", (one, 0)) for one in ([named] if isinstance(named, str) else named)]

    monkeypatch.setattr(fetch_module.socket, "getaddrinfo", look_up)


def test_bytes_come_as_they_are() -> None:
    body, asked = bytes(range(256)) * 1000, list[str]()
    with serving({"/a%20b/c.jpg?x=1&y=%2F": Page(body)}, asked) as root:
        assert download(f"{root}/a%20b/c.jpg?x=1&y=%2F", ALLOWED) == body
        assert download(f"{root}/a b/c.jpg?x=1&y=%2F#part", ALLOWED) == body  # as browsers' address bars show it
    assert asked == [f"{root[7:]}/a%20b/c.jpg?x=1&y=%2F"] * 2


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}/x",
        "http://localhost:{port}/x",
        "http://2130706433:{port}/x",  # 127.0.0.1 as one number
        "http://0x7f.1:{port}/x",
        "http://127.1:{port}/x",
        "http://[::1]:{port}/x",
        "http://[::ffff:127.0.0.1]:{port}/x",
        "http://[64:ff9b::7f00:1]:{port}/x",
        "http://[2002:7f00:1::]:{port}/x",
        "http://0.0.0.0:{port}/x",
        "http://10.0.0.1/x",
        "http://172.16.0.1/x",
        "http://192.168.1.1/x",
        "http://169.254.169.254/latest/meta-data/",  # clouds tell secrets there
        "http://100.64.0.1/x",
        "http://[fe80::1]/x",
        "http://[fd00::1]/x",
        "http://224.0.0.1/x",
        "http://255.255.255.255/x",
        "https://127.0.0.1:{port}/x",
    ],
)
def test_private_addresses_are_not_even_connected_to(url: str) -> None:
    asked: list[str] = []
    with serving({"/x": Page(b"secret")}, asked) as root:
        line = refusal(url.format(port=root.rpartition(":")[2]))
    assert "of a private network, which is not fetched; allow it with --allow-private-urls" in line
    assert not asked


def test_what_counts_is_every_address_of_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    resolved(monkeypatch, inside_example=["93.184.216.34", "10.1.2.3"])
    assert "inside.example is the address 10.1.2.3 of a private network" in refusal("http://inside.example/x")


def test_the_connection_goes_to_the_address_that_was_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that resolves to something else the second time gains nothing: it is not asked again."""
    asked: list[str] = []
    with serving({"/x": Page(b"body")}, asked) as root:
        port = root.rpartition(":")[2]
        resolved(monkeypatch, photos_example="127.0.0.1")
        assert download(f"http://photos.example:{port}/x", ALLOWED) == b"body"
    assert asked == [f"photos.example:{port}/x"]


def test_redirects_are_followed_and_each_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first server counts as public here; what it sends to does not."""
    asked: list[str] = []
    pages = {
        "/near": Page(status=302, headers={"Location": "here"}),
        "/here": Page(b"found"),
        "/in": Page(status=301, headers={"Location": "http://10.9.8.7/secret"}),
        "/file": Page(status=302, headers={"Location": "file:///etc/passwd"}),
        "/round": Page(status=307, headers={"Location": "/round"}),
        "/nowhere": Page(status=302, headers={"Location": "http://[::"}),
    }
    with serving(pages, asked) as root:
        public = fetch_module._is_public
        monkeypatch.setattr(fetch_module, "_is_public", lambda one: one == "127.0.0.1" or public(one))
        assert download(f"{root}/near") == b"found"
        assert "10.9.8.7 of a private network" in refusal(f"{root}/in")
        assert refusal(f"{root}/file").startswith(f"{root}/file is not an address that can be fetched")
        assert "redirects more than 5 times" in refusal(f"{root}/round")
        assert "redirects more than 5 times" in refusal(f"{root}/nowhere")
    assert len(asked) == 2 + 1 + 1 + 6 + 6


@pytest.mark.parametrize(
    "url",
    ["ftp://example.org/x", "file:///etc/passwd", "gopher://127.0.0.1/x", "FILE://x/y", "data://text/x", "ssh://a/b"],
)
def test_other_schemes(url: str) -> None:
    line = refusal(url)
    assert "only http and https are fetched" in line or "is not an address that can be fetched" in line


@pytest.mark.parametrize("url", ["http://", "http:///x", "http://a:b@example.org/", "http://h:99999/", "http://[::1/x"])
def test_addresses_that_are_none(url: str) -> None:
    assert "is not an address that can be fetched; give http://HOST/PHOTO or" in refusal(url)


def test_limits_of_size_and_time() -> None:
    with serving({"/large": Page(bytes(2000)), "/claimed": Page(b"ab", length=5000)}) as root:
        assert "is larger than 0 MB" in refusal(f"{root}/large", DownloadLimits(True, most_bytes=1000))
        assert download(f"{root}/large", DownloadLimits(True, most_bytes=2000)) == bytes(2000)
        assert "ended before all of it had come" in refusal(f"{root}/claimed", ALLOWED)
    with speaking(drip) as root:
        assert "cannot be fetched (it took more than 0 s)" in refusal(f"{root}/slow", DownloadLimits(True, seconds=0.3))


def test_servers_that_are_wrong() -> None:
    with serving({"/gone": Page(b"", 410), "/empty": Page(b"", 204)}) as root:
        assert refusal(f"{root}/absent", ALLOWED).endswith("the server answers 404 Not Found; check the address")
        assert "the server answers 410 Gone" in refusal(f"{root}/gone", ALLOWED)
        assert "the server answers 204 No Content" in refusal(f"{root}/empty", ALLOWED)
        assert "cannot be fetched (" in refusal(root.replace("http:", "https:"), ALLOWED)  # it does not speak TLS
    assert "cannot be fetched (" in refusal(f"{root}/x", ALLOWED)  # it is no more
    with speaking(lambda wire: wire.sendall(b"220 \x1b[31msmtp\r\n ready\r\n")) as root:
        assert "cannot be fetched (220 [31msmtp)" in refusal(f"{root}/x", ALLOWED)
    with speaking(lambda wire: None) as root:
        assert "cannot be fetched (" in refusal(f"{root}/x", ALLOWED)


def test_a_host_that_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(fetch_module.socket, "getaddrinfo", fail)
    assert "the host nowhere.example is not known" in refusal("http://nowhere.example/x")


def test_public_addresses_by_the_registries() -> None:
    """Where the two lists differ, ours is the stricter."""
    for text in ("8.8.8.8", "93.184.216.34", "2606:4700::1111", "2001:4860:4860::8888"):
        assert fetch_module._is_public(text)
    for network in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16", "0.0.0.0/8"):
        block = ipaddress.ip_network(network)
        assert not any(fetch_module._is_public(str(block[k])) for k in (0, 1, block.num_addresses - 1))


def test_ipv6_addresses_that_stand_for_others_or_are_given_to_nobody() -> None:
    """By RFC 3879, 4291, 2765, 6052, 8215, 6666, 9602, 4380, 2928, 9637, 5214 and 3056."""
    private = (
        *("fec0::1", "feff::1", "::8.8.8.8", "::127.0.0.1", "::ffff:0:8.8.8.8", "::ffff:0:10.0.0.1"),
        *("64:ff9b::10.0.0.1", "64:ff9b:1::8.8.8.8", "64:ff9b:1:ffff::1", "100::1", "5f00::1", "4000::1", "fe00::1"),
        *("2001::1", "2001:0:808:808::", "2001:2::1", "2001:10::1", "2001:20::1", "2001:db8::1", "3fff::1"),
        *("2600::5efe:10.0.0.1", "2600::200:5efe:192.168.0.1", "2002:a00:1::", "::ffff:10.0.0.1", "fe80::5efe:8.8.8.8"),
        *("ff0e::1", "ff0e::5efe:8.8.8.8"),
        *("192.0.0.1", "192.0.0.200", "192.88.99.1"),
    )
    assert [text for text in private if fetch_module._is_public(text)] == []
    for text in ("64:ff9b::8.8.8.8", "2002:808:808::1", "::ffff:8.8.8.8", "2600::5efe:8.8.8.8", "2a00:1450::1"):
        assert fetch_module._is_public(text), text


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("http://h/a/me.jpg", "me.jpg"),
        ("http://h/a/me%20too.jpg?x=/../y.png", "me-too.jpg"),
        ("http://h", "photo"),
        ("http://h/..", "photo"),
        ("http://h/%2e%2e%2f%2e%2e%2fetc%2fpasswd", "passwd"),
        ("http://h/..%5c..%5cboot.ini", "boot.ini"),
        ("http://h/%00a%0Ab.png", "a-b.png"),
        ("http://h/.hidden", "hidden"),
        ("http://[", "photo"),
        ("http://h/" + "x" * 500, "x" * 100),
    ],
)
def test_names_for_what_comes_from_the_web(url: str, name: str) -> None:
    assert name_of(url) == name


def test_what_is_an_address() -> None:
    assert all(is_url(text) for text in ("http://a/b", "HTTPS://a", "ftp://x", "file:///x"))
    assert not any(is_url(text) for text in ("-", "me.jpg", "C:\\me.jpg", "a/b://c", "//host/x", "http:me.jpg"))


def test_the_time_is_that_of_all_redirects_and_of_the_handshake() -> None:
    def dawdle(wire: socket.socket) -> None:
        wire.recv(4096)
        time.sleep(0.4)
        wire.sendall(b"HTTP/1.1 302 Found\r\nLocation: /more\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    with speaking(dawdle) as root:
        assert "(it took more than 1 s)" in refusal(f"{root}/x", DownloadLimits(True, seconds=0.9))

    def shake(wire: socket.socket) -> None:
        wire.sendall(b"\x16\x03\x03\x40\x00")  # a handshake of 16 kB follows, a byte now and then
        for _ in range(500):
            wire.sendall(b"\0")
            time.sleep(0.02)

    with speaking(shake) as root:
        line = refusal(root.replace("http:", "https:") + "/x", DownloadLimits(True, seconds=0.3))
    assert "cannot be fetched (it took more than 0 s)" in line
