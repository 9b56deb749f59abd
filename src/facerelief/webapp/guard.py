"""What holds for every answer: who may ask, the headers that keep the page to itself, and the counting."""

import logging
import time
from collections.abc import Awaitable, Callable, Collection
from urllib.parse import SplitResult, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from facerelief.webapp.problems import Problem

_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "media-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _CSP,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_FOREIGN = Problem("forbidden", "the request comes from another site's page", "use this server's own page")
_LOG = logging.getLogger(__name__)
Counted = Callable[[str, int, str, float], None]


class Guard:
    """Middleware. A request of another site's page, or for a host that this is not, is refused.

    Else any page that a user visits could have this server work for it, and read its answers through a name that it
    makes point here.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str] | None, routes: Collection[str], counted: Counted) -> None:
        """hosts: names without ports that this server goes by, None for any. routes: the addresses that are counted."""
        self._app, self._hosts, self._routes, self._counted = app, hosts, routes, counted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start, status, code = time.perf_counter(), 0, ""

        async def answer(message: Message) -> None:
            nonlocal status, code
            if message["type"] == "http.response.start":
                headers, status = MutableHeaders(scope=message), message["status"]
                code = headers.get("X-Error-Code", "")
                for name, value in _HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        problem = self._refusal(Headers(scope=scope))
        inner: Callable[..., Awaitable[None]] = as_response(problem) if problem else self._app
        try:
            await inner(scope, receive, answer)
        except Exception:
            _LOG.exception("a fault while answering %s", scope["path"])
            if status:
                raise
            fault = Problem("internal", "the server has a fault", "report it, with how to bring it about")
            await as_response(fault)(scope, receive, answer)
        finally:
            route = scope["path"] if scope["path"] in self._routes else "other"
            self._counted(route, status, code, time.perf_counter() - start)

    def _refusal(self, headers: Headers) -> Problem | None:
        host, origin = headers.get("host", ""), headers.get("origin")
        if self._hosts is not None and _parts(f"//{host}").hostname not in self._hosts:
            return Problem("forbidden", "this server does not go by that host's name", "name it with --allow-host")
        if origin is not None and _parts(origin).netloc != host:
            return _FOREIGN
        by_page = headers.get("sec-fetch-mode", "navigate") != "navigate"  # say, as a picture, which tells no origin
        if by_page and headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            return _FOREIGN
        return None


def _parts(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:  # a bracket that is not closed, say
        return urlsplit("")


def as_response(problem: Problem) -> JSONResponse:
    """A problem as its answer."""
    headers = {**problem.headers, "X-Error-Code": problem.code}
    return JSONResponse(problem.body(), problem.status, headers)
