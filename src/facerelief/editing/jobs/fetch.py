"""Photos from the web: http and https only, and nothing of one's own network unless that is allowed.

Every address that a host's name resolves to is looked at, and the connection goes to the very address that was; so it
is for each redirect. Size and time have limits. Proxies are not used: behind one, the address could not be looked at.
"""

import contextlib
import http.client
import ipaddress
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit

from facerelief import __version__
from facerelief.errors import PhotoError

_MAX_BYTES = 100_000_000
MOST_REDIRECTS = 5
_CONNECT, _TOTAL = 15.0, 60.0  # seconds
_REDIRECTS = (301, 302, 303, 307, 308)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # addresses that stand for IPv4 ones
_UNICAST = ipaddress.ip_network("2000::/3")  # the only IPv6 addresses that are given out to the public
_RESERVED = tuple(  # within it and within IPv4: for protocols, relays and documents, some unknown to older Pythons
    map(ipaddress.ip_network, ("2001::/23", "2001:db8::/32", "3fff::/20", "192.0.0.0/24", "192.88.99.0/24"))
)
_ISATAP = (0x00005EFE, 0x02005EFE)  # before an IPv4 address, the end of one that is reached through a tunnel
_KEPT = "!#$%&'()*+,/:;=?@[]~"  # of addresses that are encoded already
_FAILED = (OSError, http.client.HTTPException, ValueError)  # ValueError: of a socket closed while it was read


@dataclass(frozen=True)
class DownloadLimits:
    """What a download may reach and take.

    Attributes:
        private: Also addresses of one's own machine and network.
        most_bytes: Of the answer.
        seconds: In all.
    """

    private: bool = False
    most_bytes: int = _MAX_BYTES
    seconds: float = _TOTAL


def is_url(text: str) -> bool:
    """Whether a user's argument is an address rather than a file's name."""
    return re.match(r"[a-z][a-z0-9+.-]*://", text, re.IGNORECASE) is not None


def download(url: str, limits: DownloadLimits | None = None) -> bytes:
    """What lies at an http or https address. Raises `PhotoError` where it must not or cannot be fetched."""
    limits, start = limits or DownloadLimits(), url
    until = time.monotonic() + limits.seconds
    for _ in range(MOST_REDIRECTS + 1):
        with _answer(url, limits, start, until) as answer:
            if answer.status not in _REDIRECTS:
                return _body(answer, limits, start)
            with contextlib.suppress(ValueError):  # an address that is none is asked again
                url = urljoin(url, answer.getheader("Location") or "")
    raise PhotoError(f"{start} redirects more than {MOST_REDIRECTS} times; give the address of the photo itself")


def name_of(url: str) -> str:
    """A file's name for what lies at an address: letters, digits, dots and dashes of the last part of its path."""
    with contextlib.suppress(ValueError):
        last = unquote(urlsplit(url).path).replace("\\", "/").rstrip("/").rpartition("/")[2]
        plain = re.sub(r"[^\w.-]+", "-", last).strip("-.")[:100]
        return plain or "photo"
    return "photo"


@contextlib.contextmanager
def _answer(url: str, limits: DownloadLimits, start: str, until: float) -> Iterator[http.client.HTTPResponse]:
    """The answer's head; its body can be read within the block, which ends at the time `until`."""
    parts = _parts(url, start)
    addresses = _addresses(parts, limits, start)
    late = threading.Event()
    with _failure_explained(start), _connected(parts, addresses, until) as wire:
        # Each read has a time limit of its own, which a server that drips would never reach: this one cuts the wire.
        watch = threading.Timer(_left(until), _cut, (wire, late))
        watch.daemon = True
        watch.start()
        try:
            if isinstance(wire, ssl.SSLSocket):
                wire.do_handshake()
            with _asked(parts, wire) as answer:
                yield answer
        finally:
            watch.cancel()
            if late.is_set():
                raise TimeoutError(f"it took more than {limits.seconds:.0f} s")


@contextlib.contextmanager
def _failure_explained(start: str) -> Iterator[None]:
    try:
        yield
    except _FAILED as reason:
        plain = " ".join(str(reason).split())  # it may quote the server
        said = "".join(letter for letter in plain if letter.isprintable()) or type(reason).__name__
        raise PhotoError(f"{start} cannot be fetched ({said}); check the address or download it yourself") from reason


def _parts(url: str, start: str) -> SplitResult:
    """An address in its parts. Raises `PhotoError` unless it is plain http or https."""
    try:
        parts = urlsplit(url)
        usable = bool(parts.hostname) and (parts.port or 1) > 0 and parts.username is None
    except ValueError:
        usable = False
    if not usable:
        raise PhotoError(f"{start} is not an address that can be fetched; give http://HOST/PHOTO or https://HOST/PHOTO")
    if parts.scheme.lower() not in ("http", "https"):
        raise PhotoError(f"{start}: only http and https are fetched, not {parts.scheme}; download it yourself")
    return parts


def _addresses(parts: SplitResult, limits: DownloadLimits, start: str) -> list[str]:
    """The host's addresses, all of them public. Raises `PhotoError`."""
    host = str(parts.hostname)
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as reason:
        raise PhotoError(f"{start}: the host {host} is not known; check the address and the network") from reason
    addresses = [str(entry[4][0]).partition("%")[0] for entry in found]
    private = next((one for one in addresses if not _is_public(one)), None)
    if private is not None and not limits.private:
        raise PhotoError(
            f"{start}: {host} is the address {private} of a private network, which is not fetched; "
            "allow it with --allow-private-urls"
        )
    return addresses


def _is_public(address: str) -> bool:
    ip: Any = ipaddress.ip_address(address)
    if ip.version == 6:
        end = str(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF))
        inside = ip.ipv4_mapped or ip.sixtofour or (end if ip in _NAT64 else None)
        if inside is not None:
            return _is_public(str(inside))
        tunnel = (int(ip) >> 32) & 0xFFFFFFFF in _ISATAP
        if ip not in _UNICAST or (tunnel and not _is_public(end)):
            return False
    return bool(ip.is_global) and not ip.is_multicast and not any(ip in network for network in _RESERVED)


def _connected(parts: SplitResult, addresses: list[str], until: float) -> socket.socket:
    """A connection to one of `addresses`, whatever the host's name would resolve to by now; of https, before the
    handshake.
    """
    secure = parts.scheme.lower() == "https"
    wire = _first_open(addresses, parts.port or (443 if secure else 80), until)
    if not secure:
        return wire
    with contextlib.ExitStack() as unless:
        unless.enter_context(wire)
        context = ssl.create_default_context()
        safe = context.wrap_socket(wire, server_hostname=parts.hostname, do_handshake_on_connect=False)
        unless.pop_all()
        return safe


def _first_open(addresses: list[str], port: int, until: float) -> socket.socket:
    for address in addresses[:-1]:
        with contextlib.suppress(OSError):
            return socket.create_connection((address, port), min(_CONNECT, _left(until)))
    return socket.create_connection((addresses[-1], port), min(_CONNECT, _left(until)))


def _left(until: float) -> float:
    """Seconds to a time, hardly any after it."""
    return max(0.001, until - time.monotonic())


def _asked(parts: SplitResult, wire: socket.socket) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(str(parts.hostname), timeout=_CONNECT)
    connection.sock = wire
    host = parts.netloc.encode("idna").decode() if not parts.netloc.isascii() else parts.netloc
    target = quote(parts.path or "/", safe=_KEPT) + (f"?{quote(parts.query, safe=_KEPT)}" if parts.query else "")
    headers = {"Host": host, "User-Agent": f"facerelief/{__version__}", "Accept": "image/*", "Connection": "close"}
    connection.request("GET", target, headers=headers)
    return connection.getresponse()


def _cut(wire: socket.socket, late: threading.Event) -> None:
    late.set()
    with contextlib.suppress(OSError, ValueError):
        wire.shutdown(socket.SHUT_RDWR)


def _status(code: int) -> str:
    return f"{code} {http.client.responses.get(code, '')}".rstrip()


def _body(answer: http.client.HTTPResponse, limits: DownloadLimits, start: str) -> bytes:
    if answer.status != 200:
        raise PhotoError(f"{start}: the server answers {_status(answer.status)}; check the address")
    most = limits.most_bytes
    body = answer.read(most + 1)
    if len(body) > most:
        raise PhotoError(f"{start} is larger than {most // 1_000_000} MB; download and shrink it yourself")
    if answer.length:  # fewer than were announced
        raise PhotoError(f"{start} ended before all of it had come; try again")
    return body
