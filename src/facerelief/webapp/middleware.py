"""Middleware for every request: access control, rate limit, security headers and metrics."""

import logging
import math
import time
from collections.abc import Awaitable, Callable, Collection

from starlette.datastructures import MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from facerelief.webapp.access import Access, ClientRates
from facerelief.webapp.errors import ApiError

CLIENT = "facerelief.client"  # key in a request's scope: who sent it
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
_FILES = "/static/"
_LOG = logging.getLogger(__name__)
CountResponse = Callable[[str, int, str, float], None]  # (route, status, error code, seconds)


class AccessMiddleware:
    """Refuses requests, adds security headers, counts responses."""

    def __init__(
        self, app: ASGIApp, access: Access, rates: ClientRates, routes: Collection[str], count: CountResponse
    ) -> None:
        """rates: of the clients. routes: paths that are counted by name."""
        self._app, self._access, self._routes, self._count = app, access, routes, count
        self._rates = rates

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
                # The page's files have an ETag, by which a browser's copy is confirmed; all else tells of its user.
                own = scope["path"].startswith(_FILES) and status < 400
                headers.setdefault("Cache-Control", "no-cache" if own else "no-store")
            await send(message)

        scope[CLIENT] = self._access.client(scope)
        error = self._refusal(scope)
        inner: Callable[..., Awaitable[None]] = as_response(error) if error else self._app
        try:
            await inner(scope, receive, answer)
        except Exception:
            _LOG.exception("internal error at %s", scope["path"])
            if status:
                raise
            internal = ApiError("internal", "internal server error", "report it, with the steps that lead to it")
            await as_response(internal)(scope, receive, answer)
        finally:
            route = scope["path"] if scope["path"] in self._routes else "other"
            self._count(route, status, code, time.perf_counter() - start)

    def _refusal(self, scope: Scope) -> ApiError | None:
        if error := self._access.host_error(scope):
            return error
        wait = self._rates.wait_s(scope[CLIENT]) if self._access.is_protected(scope) else 0.0
        if wait:
            again = str(math.ceil(wait))
            return ApiError("rate_limited", "too many requests a minute", f"wait {again} s", {"Retry-After": again})
        return self._access.authorization_error(scope)


def as_response(error: ApiError) -> JSONResponse:
    """An error as its response."""
    headers = {**error.headers, "X-Error-Code": error.code}
    return JSONResponse(error.body(), error.status, headers)
