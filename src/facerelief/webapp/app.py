"""The application: addresses, and what each takes and gives. `schema.py` describes it to users."""

from collections.abc import Awaitable, Callable
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
from facerelief.errors import FacereliefError
from facerelief.webapp import morphs
from facerelief.webapp.access import Access
from facerelief.webapp.admission import Desk
from facerelief.webapp.errors import Abandoned, Problem, as_problem
from facerelief.webapp.metrics import Metrics
from facerelief.webapp.middleware import CLIENT, Guard, as_response
from facerelief.webapp.requests import Fields, parse_form, parse_json
from facerelief.webapp.schema import openapi
from facerelief.webapp.server.addresses import is_local
from facerelief.webapp.server.connections import Wires
from facerelief.webapp.server.limits import Limits, Ticket
from facerelief.webapp.server.responses import Answer, Reply, as_json, as_picture
from facerelief.webapp.service import KINDS, SAMPLES, Order, Picture, Studio, Wish

Endpoint = Callable[[Request], Awaitable[Response]]
Work = Callable[[Fields, Ticket], Reply]
_NOBODY = 499  # the status of answers that nobody waits for, as nginx counts them
_EDITS = 20
_ONE = ("to", "strength", "face", "landmarks", "part")  # the fields of one edit


class Api:
    """The addresses under /v1. What needs more than a moment is done in a worker: reading the body's fields too."""

    def __init__(self, studio: Studio, desk: Desk) -> None:
        self.studio, self.desk = studio, desk

    async def edit(self, request: Request) -> Response:
        """A photo with another expression."""

        def work(fields: Fields, ticket: Ticket) -> Reply:
            picture = self.studio.edit(_order(fields, self.studio.method), ticket)
            return as_json(_described(picture)) if fields.values.get("reply") == "json" else as_picture(picture)

        return await self._run(request, work)

    async def morph(self, request: Request) -> Response:
        """A moving picture into the expression."""

        def work(fields: Fields, ticket: Ticket) -> Reply:
            fields.only((*morphs.FIELDS, *_ONE, "edits"))
            return as_picture(morphs.make(self.studio, fields, _wishes(fields), ticket))

        return await self._run(request, work)

    async def faces(self, request: Request) -> Response:
        """Where a photo's faces are."""

        def work(fields: Fields, ticket: Ticket) -> Reply:
            fields.only(("photo",))
            return as_json(self.studio.faces(fields.photo, ticket))

        return await self._run(request, work)

    async def previews(self, request: Request) -> Response:
        """One face with each expression."""

        def work(fields: Fields, ticket: Ticket) -> Reply:
            fields.only(("photo", "landmarks", "part", "method"))
            method, part = fields.method(self.studio.method), fields.choice("part", PARTS, WHOLE)
            return as_json(self.studio.previews(fields.photo, fields.landmarks(), part, method, ticket))

        return await self._run(request, work)

    async def geometry(self, request: Request) -> Response:
        """Depth, normals and mesh of one face."""

        def work(fields: Fields, ticket: Ticket) -> Reply:
            fields.only(("photo", "landmarks"))
            return as_json(self.studio.geometry(fields.photo, fields.landmarks(), ticket))

        return await self._run(request, work)

    async def menu(self, request: Request) -> Response:
        """The expressions and methods."""
        limits = {"bytes": self.desk.limits.body, "pixels": self.desk.limits.pixels}
        return await self._placed(request, lambda ticket: as_json({**self.studio.menu(), "limits": limits}))

    async def triangles(self, request: Request) -> Response:
        """The mesh's triangles, which never change."""
        return JSONResponse(self.studio.triangles(), headers={"Cache-Control": "max-age=86400"})

    async def sample(self, request: Request) -> Response:
        """A drawn face."""
        values = Fields(dict(request.query_params))
        values.only(("seed",))
        seed = int(values.number("seed", 0, SAMPLES - 1, 0))
        return await self._placed(request, lambda ticket: as_picture(self.studio.sample(seed, ticket)))

    async def _run(self, request: Request, work: Work) -> Response:
        """The answer to a request with a body; `work` is given its fields."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in ("multipart/form-data", "application/json"):
            message = f"the body is {kind[:80] or 'of no stated type'}"
            raise Problem("unsupported_media_type", message, "send multipart/form-data or application/json")
        self.desk.check(_client(request))  # before the body is sent in vain
        async with self.desk.body(request) as body:

            def read_and_work(ticket: Ticket) -> Reply:
                as_form = kind != "application/json"
                return work(parse_form(request.headers, body, ticket) if as_form else parse_json(body), ticket)

            return await self._placed(request, read_and_work)

    async def _placed(self, request: Request, work: Callable[[Ticket], Reply]) -> Response:
        with self.desk.place(_client(request)):
            return Answer(self.desk, await self.desk.run(request, work))


def _client(request: Request) -> str:
    return str(request.scope.get(CLIENT, ""))


def _order(fields: Fields, method: str) -> Order:
    """What `/v1/edit` is to do. Raises `Problem`."""
    fields.only(("photo", *_ONE, "edits", "method", "format", "quality", "provenance", "reply"))
    fields.choice("reply", ("picture", "json"), "picture")
    kind = fields.choice("format", ("same", *KINDS), "same")
    return Order(
        fields.photo,
        _wishes(fields),
        fields.method(method),
        KINDS.get(kind),
        int(fields.number("quality", 1, 100, 95)),
        fields.flag("provenance", True),
    )


def _wishes(fields: Fields) -> tuple[Wish, ...]:
    """The edit of a request, or its several `edits`. Raises `Problem`."""
    if "edits" not in fields.values:
        return (_wish(fields),)
    if any(name in fields.values for name in _ONE):
        raise Problem("bad_option", "both edits and a single edit are given", f"leave out {', '.join(_ONE)}")
    items = fields.items("edits")
    if len(items) > _EDITS:
        raise Problem("bad_option", f"{len(items)} edits are too many", f"send at most {_EDITS}")
    for item in items:
        item.only(_ONE)
    return tuple(map(_wish, items))


def _wish(fields: Fields) -> Wish:
    face = fields.landmarks() or fields.face()
    strength, part = fields.number("strength", 0, 1.5, 1.0), fields.choice("part", PARTS, WHOLE)
    return Wish(fields.text("to"), strength, face, part)


def _described(picture: Picture) -> dict[str, Any]:
    return {"photo": picture.url, "media_type": picture.media_type, "notes": list(picture.notes)}


async def _explain(request: Request, error: Exception) -> Response:
    """Every error as a typed one."""
    if isinstance(error, Problem):
        return as_response(error)
    if isinstance(error, FacereliefError):
        return as_response(as_problem(error))
    assert isinstance(error, HTTPException)
    code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "bad_request")
    remedy = "choose another address" if code == "not_found" else "see the API's page at /api"
    return as_response(Problem(code, str(error.detail).lower(), remedy, dict(error.headers or {})))


async def _nobody(request: Request, error: Exception) -> Response:
    return Response(status_code=_NOBODY)


def create_app(studio_of: Callable[..., Studio], limits: Limits, access: Access) -> Starlette:
    """The application. studio_of: makes the studio, told `pixels` and `timed`."""
    desk = Desk(limits)
    metrics = Metrics(desk)
    wires = Wires(limits, lambda address: access.is_proxy(address) or is_local(address), metrics.ended)
    metrics.gauge("facerelief_connections", "Open connections.", lambda: len(wires))
    studio = studio_of(pixels=limits.pixels, timed=metrics.stage)
    api = Api(studio, desk)
    static = resources.files("facerelief.webapp") / "static"

    async def health(request: Request) -> Response:
        state, why = desk.health()
        facts = {"status": state, "version": __version__, "waiting": max(0, desk.taken - desk.workers.at_work)}
        return JSONResponse({**facts, "reason": why} if why else facts, 503 if why else 200)

    async def counts(request: Request) -> Response:
        return PlainTextResponse(metrics.text(), media_type="text/plain; version=0.0.4")

    async def schema(request: Request) -> Response:
        return JSONResponse(openapi(limits))

    def page(name: str) -> Endpoint:
        async def show(request: Request) -> Response:
            return HTMLResponse((static / name).read_text(encoding="utf-8"), headers={"Cache-Control": "no-cache"})

        return show

    posts: dict[str, Endpoint] = {
        "/v1/edit": api.edit,
        "/v1/morph": api.morph,
        "/v1/faces": api.faces,
        "/v1/previews": api.previews,
        "/v1/geometry": api.geometry,
    }
    gets: dict[str, Endpoint] = {
        "/": page("index.html"),
        "/api": page("api.html"),
        "/openapi.json": schema,
        "/v1/expressions": api.menu,
        "/v1/triangles": api.triangles,
        "/v1/sample": api.sample,
        "/health": health,
        "/metrics": counts,
    }
    routes = [Route(path, endpoint, methods=["POST"]) for path, endpoint in posts.items()]
    routes += [Route(path, endpoint, methods=["GET"]) for path, endpoint in gets.items()]
    files = Mount("/static", StaticFiles(packages=[("facerelief.webapp", "static")]))
    guard = Middleware(Guard, access=access, rate=limits.rate, routes={*posts, *gets}, counted=metrics.answered)
    handlers: dict[Any, Any] = dict.fromkeys((Problem, FacereliefError, HTTPException), _explain)
    handlers[Abandoned] = _nobody
    app = Starlette(routes=[*routes, files], middleware=[guard], exception_handlers=handlers)
    app.state.desk, app.state.wires, app.state.studio = desk, wires, studio
    return app
