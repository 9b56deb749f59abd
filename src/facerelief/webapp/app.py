"""The ASGI application: routes, and the fields of each. `schema.py` describes them to users."""

import asyncio
from collections.abc import Awaitable, Callable, Sized
from importlib import resources
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from facerelief import __version__
from facerelief.editing.regions import PARTS, WHOLE
from facerelief.editing.strength import MAX_STRENGTH
from facerelief.errors import FacereliefError
from facerelief.webapp import morphs
from facerelief.webapp.access import Access, RateLimiter
from facerelief.webapp.admission import AdmissionControl
from facerelief.webapp.edits import EditRequest, EditSpec
from facerelief.webapp.errors import ApiError, RequestCancelled, to_api_error
from facerelief.webapp.likes import LIKE
from facerelief.webapp.metrics import Metrics
from facerelief.webapp.middleware import CLIENT, AccessMiddleware, as_response
from facerelief.webapp.pictures import EncodedPicture
from facerelief.webapp.requests import Fields, parse_form, parse_json
from facerelief.webapp.schema import openapi
from facerelief.webapp.server.addresses import is_local
from facerelief.webapp.server.connections import Connections
from facerelief.webapp.server.limits import CancelToken, Limits
from facerelief.webapp.server.responses import Reply, TrackedResponse, as_json, as_picture
from facerelief.webapp.service import PHOTO_FORMATS, SAMPLES, EditService
from facerelief.webapp.several.shared import Shared

Endpoint = Callable[[Request], Awaitable[Response]]
Handler = Callable[[Fields, CancelToken], Reply]
_CLIENT_CLOSED_REQUEST = 499  # nginx' status of requests whose client has disconnected
_MAX_EDITS = 20
_EDIT_FIELDS = ("to", "strength", "face", "landmarks", "part", "like", "like_neutral")  # the fields of one edit


class Api:
    """The routes under /v1. Parsing the body and all work are done by a worker."""

    def __init__(self, service: EditService, admission: AdmissionControl) -> None:
        self.service, self.admission = service, admission

    async def edit(self, request: Request) -> Response:
        """A photo with another expression."""

        def work(fields: Fields, token: CancelToken) -> Reply:
            picture = self.service.edit(_edit_request(fields, self.service.method), token)
            return as_json(_described(picture)) if fields.values.get("reply") == "json" else as_picture(picture)

        return await self._run(request, work)

    async def morph(self, request: Request) -> Response:
        """An animation from the photo to the edit."""

        def work(fields: Fields, token: CancelToken) -> Reply:
            fields.allow_only((*morphs.FIELDS, *_EDIT_FIELDS, "edits"))
            return as_picture(morphs.make_morph(self.service, fields, _edit_specs(fields), token))

        return await self._run(request, work)

    async def faces(self, request: Request) -> Response:
        """The faces of a photo."""

        def work(fields: Fields, token: CancelToken) -> Reply:
            fields.allow_only(("photo",))
            return as_json(self.service.faces(fields.photo, token))

        return await self._run(request, work)

    async def previews(self, request: Request) -> Response:
        """One face with each expression."""

        def work(fields: Fields, token: CancelToken) -> Reply:
            fields.allow_only(("photo", "landmarks", "part", "method", "to"))
            method, part = fields.method(self.service.method), fields.choice("part", PARTS, WHOLE)
            names = [name.strip() for name in fields.text("to", "").split(",") if name.strip()]
            _check_count(names, "previews")
            return as_json(self.service.previews(fields.photo, fields.landmarks(), part, method, names, token))

        return await self._run(request, work)

    async def geometry(self, request: Request) -> Response:
        """Depth, normals and mesh of one face."""

        def work(fields: Fields, token: CancelToken) -> Reply:
            fields.allow_only(("photo", "landmarks"))
            return as_json(self.service.geometry(fields.photo, fields.landmarks(), token))

        return await self._run(request, work)

    async def expressions(self, request: Request) -> Response:
        """The expressions and methods."""
        limits = {"bytes": self.admission.limits.body, "pixels": self.admission.limits.pixels}
        return await self._admit(request, lambda token: as_json({**self.service.expressions(), "limits": limits}))

    async def controls(self, request: Request) -> Response:
        """What `to` may name."""
        return await self._admit(request, lambda token: as_json(self.service.controls()))

    async def triangles(self, request: Request) -> Response:
        """The mesh's triangles."""
        return JSONResponse(self.service.triangles(), headers={"Cache-Control": "max-age=86400"})

    async def sample(self, request: Request) -> Response:
        """A synthetic face."""
        values = Fields(dict(request.query_params))
        values.allow_only(("seed",))
        seed = int(values.number("seed", 0, SAMPLES - 1, 0))
        return await self._admit(request, lambda token: as_picture(self.service.sample(seed, token)))

    async def _run(self, request: Request, work: Handler) -> Response:
        """Respond to a request with a body, whose fields are passed to `work`."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in ("multipart/form-data", "application/json"):
            message = f"the body is {kind[:80] or 'without a type'}"
            raise ApiError("unsupported_media_type", message, "send multipart/form-data or application/json")
        self.admission.check(_client(request))  # before a body is sent that would be refused
        async with self.admission.body(request) as body:

            def read_and_work(token: CancelToken) -> Reply:
                as_form = kind != "application/json"
                return work(parse_form(request.headers, body, token) if as_form else parse_json(body), token)

            return await self._admit(request, read_and_work)

    async def _admit(self, request: Request, work: Callable[[CancelToken], Reply]) -> Response:
        with self.admission.place(_client(request)):
            return TrackedResponse(self.admission, await self.admission.run(request, work))


def _client(request: Request) -> str:
    return str(request.scope.get(CLIENT, ""))


def _edit_request(fields: Fields, method: str) -> EditRequest:
    """The request of `/v1/edit`. Raises `ApiError`."""
    fields.allow_only(("photo", *_EDIT_FIELDS, "edits", "method", "format", "quality", "provenance", "reply"))
    fields.choice("reply", ("picture", "json"), "picture")
    format = fields.choice("format", ("same", *PHOTO_FORMATS), "same")
    return EditRequest(
        fields.photo,
        _edit_specs(fields),
        fields.method(method),
        PHOTO_FORMATS.get(format),
        int(fields.number("quality", 1, 100, 95)),
        fields.flag("provenance", True),
    )


def _edit_specs(fields: Fields) -> tuple[EditSpec, ...]:
    """The edits of a request: one, or the list `edits`. Raises `ApiError`."""
    if "edits" not in fields.values:
        return (_edit_spec(fields),)
    if any(name in fields.values for name in _EDIT_FIELDS):
        raise ApiError("bad_option", "both edits and a single edit are given", f"leave out {', '.join(_EDIT_FIELDS)}")
    items = fields.items("edits")
    _check_count(items, "edits")
    for item in items:
        item.allow_only(_EDIT_FIELDS)
    return tuple(map(_edit_spec, items))


def _check_count(items: Sized, what: str) -> None:
    if len(items) > _MAX_EDITS:
        raise ApiError("bad_option", f"{len(items)} {what} are too many", f"send at most {_MAX_EDITS}")


def _edit_spec(fields: Fields) -> EditSpec:
    face = fields.landmarks() or fields.face()
    strength, part = fields.number("strength", 0, MAX_STRENGTH, 1.0), fields.choice("part", PARTS, WHOLE)
    like, neutral = fields.file("like"), fields.file("like_neutral")
    if like is None and neutral is not None:
        raise ApiError("bad_option", "like_neutral is given without like", "send like, or leave like_neutral out")
    to = fields.text("to", LIKE if like is not None else None)
    return EditSpec(to, strength, face, part, like, neutral)


def _described(picture: EncodedPicture) -> dict[str, Any]:
    return {"photo": picture.url, "media_type": picture.media_type, "notes": list(picture.notes)}


async def _error_response(request: Request, error: Exception) -> Response:
    """Respond with an error's JSON."""
    if isinstance(error, ApiError):
        return as_response(error)
    if isinstance(error, FacereliefError):
        return as_response(to_api_error(error))
    assert isinstance(error, HTTPException)
    code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "bad_request")
    remedy = "choose another address" if code == "not_found" else "see the API's page at /api"
    return as_response(ApiError(code, str(error.detail).lower(), remedy, dict(error.headers or {})))


async def _client_closed(request: Request, error: Exception) -> Response:
    return Response(status_code=_CLIENT_CLOSED_REQUEST)


def create_app(
    make_service: Callable[..., EditService], limits: Limits, access: Access, shared: Shared | None = None
) -> Starlette:
    """Build the application.

    Args:
        make_service: Called with the keywords `pixels` and `on_stage`.
        limits: The server's limits.
        access: Who may use it.
        shared: Of several processes: what they share.
    """
    admission = AdmissionControl(limits)
    metrics = Metrics(admission)
    connections = Connections(
        limits, lambda address: access.is_proxy(address) or is_local(address), metrics.connection_closed
    )
    metrics.gauge("facerelief_connections", "Open connections.", lambda: len(connections))
    service = make_service(pixels=limits.pixels, on_stage=metrics.stage)
    api = Api(service, admission)
    metrics_text = shared.metrics(metrics.text) if shared else metrics.text
    posts, gets = _post_routes(api), _get_routes(api, metrics_text)
    routes = [Route(path, endpoint, methods=["POST"]) for path, endpoint in posts.items()]
    routes += [Route(path, endpoint, methods=["GET"]) for path, endpoint in gets.items()]
    files = Mount("/static", StaticFiles(packages=[("facerelief.webapp", "static")]))
    middleware = Middleware(
        AccessMiddleware,
        access=access,
        rates=shared.rates(limits.rate) if shared else RateLimiter(limits.rate),
        routes={*posts, *gets},
        count=metrics.response,
    )
    handlers: dict[Any, Any] = dict.fromkeys((ApiError, FacereliefError, HTTPException), _error_response)
    handlers[RequestCancelled] = _client_closed
    app = Starlette(routes=[*routes, files], middleware=[middleware], exception_handlers=handlers)
    app.state.admission, app.state.connections, app.state.service = admission, connections, service
    return app


def _post_routes(api: Api) -> dict[str, Endpoint]:
    return {
        "/v1/edit": api.edit,
        "/v1/morph": api.morph,
        "/v1/faces": api.faces,
        "/v1/previews": api.previews,
        "/v1/geometry": api.geometry,
    }


def _get_routes(api: Api, metrics: Callable[[], bytes]) -> dict[str, Endpoint]:
    async def health(request: Request) -> Response:
        state, why = api.admission.health()
        waiting = max(0, api.admission.taken - api.admission.workers.running)
        facts = {"status": state, "version": __version__, "waiting": waiting}
        return JSONResponse({**facts, "reason": why} if why else facts, 503 if why else 200)

    async def metrics_text(request: Request) -> Response:
        return PlainTextResponse(await asyncio.to_thread(metrics), media_type="text/plain; version=0.0.4")

    async def schema(request: Request) -> Response:
        return JSONResponse(openapi(api.admission.limits))

    return {
        "/": _page("index.html"),
        "/api": _page("api.html"),
        "/openapi.json": schema,
        "/v1/expressions": api.expressions,
        "/v1/controls": api.controls,
        "/v1/triangles": api.triangles,
        "/v1/sample": api.sample,
        "/health": health,
        "/metrics": metrics_text,
    }


def _page(name: str) -> Endpoint:
    async def show(request: Request) -> Response:
        path = resources.files("facerelief.webapp") / "static" / name
        return HTMLResponse(path.read_text(encoding="utf-8"), headers={"Cache-Control": "no-cache"})

    return show
