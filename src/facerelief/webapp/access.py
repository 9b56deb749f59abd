"""Who may ask: the names that the server goes by, the token, how often, and who is behind a proxy."""

import hmac
import time
from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from starlette.datastructures import Headers
from starlette.types import Scope

from facerelief.webapp.errors import Problem
from facerelief.webapp.server.addresses import LOCAL_NAMES, Network, address_of, client_key, within

_FOREIGN = Problem("forbidden", "the request comes from another site's page", "use this server's own page")
_CLIENTS = 10_000  # whose rates are remembered
_METRICS = "/metrics"


@dataclass(frozen=True)
class Access:
    """Who may ask.

    hosts: names that the server goes by, None for any. addresses: whether it may also be called by any IP address,
    which no other site's name can pretend to be. token: what requests must bring, None for nothing. proxies: whose word
    on their clients' addresses is believed.
    """

    hosts: Collection[str] | None = None
    addresses: bool = False
    token: str | None = None
    proxies: Sequence[Network] = ()

    def client(self, scope: Scope) -> str:
        """Who asks, as `client_key` has it; "" where nobody knows."""
        client = address_of((scope.get("client") or ("", 0))[0])
        if client is None:
            return ""
        forwarded = ",".join(Headers(scope=scope).getlist("x-forwarded-for")).split(",")
        while forwarded and self.is_proxy(str(client)):
            before = address_of(forwarded.pop().strip())
            if before is None:
                break
            client = before
        return client_key(str(client))

    def is_proxy(self, address: str) -> bool:
        """Whether an address is that of a trusted proxy."""
        return within(address, self.proxies)

    def is_guarded(self, scope: Scope) -> bool:
        """Whether what lies at the address needs the token where there is one; each request for it is counted."""
        return scope["path"].startswith("/v1/") or scope["path"] == _METRICS

    def stranger(self, scope: Scope) -> Problem | None:
        """Why a request is not for this server, or comes from another site's page; None where all is well.

        Else any page that a user visits could have this server work for it, and read its answers through a name that
        it makes point here.
        """
        headers = Headers(scope=scope)
        host, origin = headers.get("host", ""), headers.get("origin")
        if not self._goes_by(_parts(f"//{host}").hostname):
            return Problem("forbidden", "this server does not go by that host's name", "name it with --allow-host")
        if origin is not None and _parts(origin).netloc != host:
            return _FOREIGN
        by_page = headers.get("sec-fetch-mode", "navigate") != "navigate"  # say, as a picture, which tells no origin
        if by_page and headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            return _FOREIGN
        return None

    def unknown(self, scope: Scope) -> Problem | None:
        """Why whoever asks may not have what lies at the address; None where all is well."""
        headers = Headers(scope=scope)
        if self.token is not None and self.is_guarded(scope):
            return self._token_missing(headers)
        if scope["path"] == _METRICS and not self._is_local(scope, headers):
            return Problem("forbidden", "the metrics are for this machine alone", "start the server with a --token")
        return None

    def _goes_by(self, name: str | None) -> bool:
        if self.hosts is None or name in self.hosts:
            return True
        return self.addresses and address_of(name or "") is not None

    def _token_missing(self, headers: Headers) -> Problem | None:
        kind, _, given = headers.get("authorization", "").partition(" ")
        known = hmac.compare_digest(given.strip().encode("latin-1"), str(self.token).encode())
        if kind.lower() == "bearer" and known:
            return None
        message = "the token is wrong" if given else "there is no token"
        remedy = "send the header Authorization: Bearer TOKEN, with the token of the server's --token"
        return Problem("unauthorized", message, remedy, {"WWW-Authenticate": "Bearer"})

    def _is_local(self, scope: Scope, headers: Headers) -> bool:
        """Whether a program of this machine asks, and not a proxy on it for somebody else."""
        peer = address_of((scope.get("client") or ("", 0))[0])
        named = _parts(f"//{headers.get('host', '')}").hostname in LOCAL_NAMES
        return named and peer is not None and peer.is_loopback and "x-forwarded-for" not in headers


class Rates:
    """How often each client asks: `per_minute` requests at once, which come back over a minute."""

    def __init__(self, per_minute: int) -> None:
        """per_minute: 0 for any number."""
        self._most = per_minute
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # by client: requests left, and when it was

    def wait_s(self, client: str) -> float:
        """Count a request: 0 where it may be answered, else the seconds after which one may."""
        if not self._most:
            return 0.0
        now, a_second = time.monotonic(), self._most / 60
        left, then = self._left.pop(client, (float(self._most), now))
        left = min(float(self._most), left + (now - then) * a_second)
        wait = 0.0 if left >= 1 else (1 - left) / a_second
        self._left[client] = (left if wait else left - 1), now
        if len(self._left) > _CLIENTS:
            self._left.popitem(last=False)
        return wait


def _parts(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:  # a bracket that is not closed, say
        return urlsplit("")
