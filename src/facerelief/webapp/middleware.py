"""What holds for every answer: who may ask and how often, headers that keep the page to itself, and the counting."""

import logging
import math
import time
from collections.abc import Awaitable, Callable, Collection

from starlette.datastructures import MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from facerelief.webapp.access import Access, Rates
from facerelief.webapp.errors import Problem

CLIENT = "facerelief.client"  # in a request's scope: who asks
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
_LOG = logging.getLogger(__name__)
Counted = Callable[[str, int, str, float], None]


class Guard:
    """Middleware: refuses, counts, and adds the headers."""

    def __init__(self, app: ASGIApp, access: Access, rate: int, routes: Collection[str], counted: Counted) -> None:
        """rate: requests a minute of one client, 0 for any number. routes: the addresses that are counted."""
        self._app, self._access, self._routes, self._counted = app, access, routes, counted
        self._rates = Rates(rate)

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

        scope[CLIENT] = self._access.client(scope)
        problem = self._refusal(scope)
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

    def _refusal(self, scope: Scope) -> Problem | None:
        if stranger := self._access.stranger(scope):
            return stranger
        wait = self._rates.wait_s(scope[CLIENT]) if self._access.is_guarded(scope) else 0.0
        if wait:
            again = str(math.ceil(wait))
            return Problem("rate_limited", "too many requests a minute", f"wait {again} s", {"Retry-After": again})
        return self._access.unknown(scope)


def as_response(problem: Problem) -> JSONResponse:
    """A problem as its answer."""
    headers = {**problem.headers, "X-Error-Code": problem.code}
    return JSONResponse(problem.body(), problem.status, headers)
