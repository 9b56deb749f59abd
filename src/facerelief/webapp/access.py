"""Access control: allowed host names, the token, rate limits, and clients behind a proxy."""

import hmac
import time
from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import SplitResult, urlsplit

from starlette.datastructures import Headers
from starlette.types import Scope

from facerelief.webapp.errors import ApiError
from facerelief.webapp.server.addresses import LOCAL_NAMES, IPNetwork, address_of, client_key, forwarded_address, within

_FOREIGN = ApiError("forbidden", "the request comes from another site's page", "use this server's own page")
_MAX_CLIENTS = 10_000  # whose rates are remembered
_METRICS = "/metrics"


@dataclass(frozen=True)
class Access:
    """Who may use the server.

    Args:
        hosts: Host names that requests may name. None: any.
        addresses: Whether they may also name an IP address, which DNS rebinding cannot forge.
        token: The bearer token that requests need. None: no token.
        proxies: Trusted proxies, whose `X-Forwarded-For` is used.
    """

    hosts: Collection[str] | None = None
    addresses: bool = False
    token: str | None = None
    proxies: Sequence[IPNetwork] = ()

    def client(self, scope: Scope) -> str:
        """The client's key (see `client_key`), "" if unknown."""
        client = address_of((scope.get("client") or ("", 0))[0])
        if client is None:
            return ""
        forwarded = ",".join(Headers(scope=scope).getlist("x-forwarded-for")).split(",")
        while forwarded and self.is_proxy(str(client)):
            before = forwarded_address(forwarded.pop())
            if before is None:
                break
            client = before
        return client_key(str(client))

    def is_proxy(self, address: str) -> bool:
        """Whether an address is that of a trusted proxy."""
        return within(address, self.proxies)

    def is_protected(self, scope: Scope) -> bool:
        """Whether the path needs the token, if there is one, and counts towards the rate limit."""
        return scope["path"].startswith("/v1/") or scope["path"] == _METRICS

    def host_error(self, scope: Scope) -> ApiError | None:
        """The error of a request that names another host or comes from another site's page; else None.

        Otherwise any page that a user visits could use this server (cross-site requests), and read its responses
        through a host name that it points here (DNS rebinding).
        """
        headers = Headers(scope=scope)
        host, origin = headers.get("host", ""), headers.get("origin")
        if not self._is_own_name(_parts(f"//{host}").hostname):
            return ApiError("forbidden", "this server does not know that host name", "add it with --allow-host")
        if origin is not None and _parts(origin).netloc != host:
            return _FOREIGN
        by_page = headers.get("sec-fetch-mode", "navigate") != "navigate"  # such as an image, which sends no Origin
        if by_page and headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            return _FOREIGN
        return None

    def authorization_error(self, scope: Scope) -> ApiError | None:
        """The error of a request that may not access the path; else None."""
        headers = Headers(scope=scope)
        if self.token is not None and self.is_protected(scope):
            return self._token_error(headers)
        if scope["path"] == _METRICS and not self._is_local(scope, headers):
            return ApiError("forbidden", "the metrics are for this machine only", "start the server with a --token")
        return None

    def _is_own_name(self, name: str | None) -> bool:
        if self.hosts is None or name in self.hosts:
            return True
        return self.addresses and address_of(name or "") is not None

    def _token_error(self, headers: Headers) -> ApiError | None:
        kind, _, given = headers.get("authorization", "").partition(" ")
        known = hmac.compare_digest(given.strip().encode("latin-1"), str(self.token).encode())
        if kind.lower() == "bearer" and known:
            return None
        message = "the token is wrong" if given else "there is no token"
        remedy = "send the header Authorization: Bearer TOKEN, with the token of the server's --token"
        return ApiError("unauthorized", message, remedy, {"WWW-Authenticate": "Bearer"})

    def _is_local(self, scope: Scope, headers: Headers) -> bool:
        """Whether a program on this machine asks, rather than a proxy on it for another client."""
        peer = address_of((scope.get("client") or ("", 0))[0])
        named = _parts(f"//{headers.get('host', '')}").hostname in LOCAL_NAMES
        return named and peer is not None and peer.is_loopback and "x-forwarded-for" not in headers


class ClientRates(Protocol):
    """Counts the requests of clients."""

    def wait_s(self, client: str) -> float:
        """Count a request. 0 if it is allowed, else the seconds until one is."""


def take_token(left: float, seconds: float, per_minute: int) -> tuple[float, float]:
    """A token bucket that holds and gets `per_minute` tokens: one is taken, if there is one.

    Args:
        left: The tokens that were in it.
        seconds: How long ago that was.
        per_minute: Not 0.

    Returns:
        The tokens that are in it now, and 0, or the seconds until there is one.

    Example:
        >>> take_token(0.5, 1.0, 60), take_token(0.0, 0.25, 60)
        ((0.5, 0.0), (0.25, 0.75))
    """
    a_second = per_minute / 60
    left = min(float(per_minute), left + seconds * a_second)
    return (left - 1, 0.0) if left >= 1 else (left, (1 - left) / a_second)


class RateLimiter:
    """A token bucket per client: `per_minute` requests at once, refilled over a minute."""

    def __init__(self, per_minute: int) -> None:
        """per_minute: 0: any number."""
        self._most = per_minute
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # by client: requests left, and when that was

    def wait_s(self, client: str) -> float:
        """Count a request. 0 if it is allowed, else the seconds until one is."""
        if not self._most:
            return 0.0
        now = time.monotonic()
        left, then = self._left.pop(client, (float(self._most), now))
        left, wait = take_token(left, now - then, self._most)
        self._left[client] = left, now
        if len(self._left) > _MAX_CLIENTS:
            self._left.popitem(last=False)
        return wait


def _parts(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:  # such as an unclosed bracket
        return urlsplit("")
