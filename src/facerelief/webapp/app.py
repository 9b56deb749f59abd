"""The application: addresses, and what each takes and gives. `schema.py` describes it to users."""

import functools
from collections.abc import Awaitable, Callable, Collection
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
from facerelief.editing.mask import PARTS, WHOLE
from facerelief.errors import FacereliefError
from facerelief.webapp import fields as form
from facerelief.webapp import morphs
from facerelief.webapp.desk import Desk, Place
from facerelief.webapp.fields import Fields
from facerelief.webapp.guard import Guard, as_response
from facerelief.webapp.limits import Limits, Ticket
from facerelief.webapp.metrics import Metrics
from facerelief.webapp.problems import Abandoned, Problem, as_problem
from facerelief.webapp.schema import openapi
from facerelief.webapp.studio import KINDS, SAMPLES, Order, Picture, Studio, Wish

Endpoint = Callable[[Request], Awaitable[Response]]
Work = Callable[[Ticket], Any]
_NOBODY = 499  # the status of answers that nobody waits for, as nginx counts them
_EDITS = 20
_ONE = ("to", "strength", "face", "landmarks", "part")  # the fields of one edit


class Api:
    """The addresses under /v1."""

    def __init__(self, studio: Studio, desk: Desk) -> None:
        self.studio, self.desk = studio, desk

    async def edit(self, request: Request) -> Response:
        """A photo with another expression."""

        def work(fields: Fields) -> Work:
            order = _order(fields, self.studio.method)
            return lambda ticket: self.studio.edit(order, ticket)

        reply, fields = await self._run(request, work)
        return _as_json(reply) if fields.values.get("reply") == "json" else _as_picture(reply)

    async def morph(self, request: Request) -> Response:
        """A moving picture into the expression."""

        def work(fields: Fields) -> Work:
            fields.only((*morphs.FIELDS, *_ONE, "edits"))
            return lambda ticket: morphs.make(self.studio, fields, _wishes(fields), ticket)

        return _as_picture((await self._run(request, work))[0])

    async def faces(self, request: Request) -> Response:
        """Where a photo's faces are."""

        def work(fields: Fields) -> Work:
            fields.only(("photo",))
            return functools.partial(self.studio.faces, fields.photo)

        return JSONResponse((await self._run(request, work))[0])

    async def previews(self, request: Request) -> Response:
        """One face with each expression."""

        def work(fields: Fields) -> Work:
            fields.only(("photo", "landmarks", "part", "method"))
            method, part = fields.method(self.studio.method), fields.choice("part", PARTS, WHOLE)
            return functools.partial(self.studio.previews, fields.photo, fields.landmarks(), part, method)

        return JSONResponse((await self._run(request, work))[0])

    async def geometry(self, request: Request) -> Response:
        """Depth, normals and mesh of one face."""

        def work(fields: Fields) -> Work:
            fields.only(("photo", "landmarks"))
            return functools.partial(self.studio.geometry, fields.photo, fields.landmarks())

        return JSONResponse((await self._run(request, work))[0])

    async def menu(self, request: Request) -> Response:
        """The expressions and methods."""
        async with self.desk.place():
            menu = await self.desk.run(request, lambda ticket: self.studio.menu())
            limits = {"bytes": self.desk.limits.body, "pixels": self.desk.limits.pixels}
            return JSONResponse({**menu, "limits": limits})

    async def triangles(self, request: Request) -> Response:
        """The mesh's triangles, which never change."""
        return JSONResponse(self.studio.triangles(), headers={"Cache-Control": "max-age=86400"})

    async def sample(self, request: Request) -> Response:
        """A drawn face."""
        values = Fields(dict(request.query_params))
        values.only(("seed",))
        seed = int(values.number("seed", 0, SAMPLES - 1, 0))
        async with self.desk.place():
            return _as_picture(await self.desk.run(request, functools.partial(self.studio.sample, seed)))

    async def _run(self, request: Request, prepare: Callable[[Fields], Work]) -> tuple[Any, Fields]:
        async with self.desk.place() as place:
            fields = await _read(request, place)
            return await self.desk.run(request, lambda ticket: prepare(fields)(ticket)), fields


async def _read(request: Request, place: Place) -> Fields:
    """The fields of a request, whether a form or JSON."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in ("multipart/form-data", "application/json"):
        message = f"the body is {kind[:80] or 'of no stated type'}"
        raise Problem("unsupported_media_type", message, "send multipart/form-data or application/json")
    body = await place.read(request)
    return form.parse_json(body) if kind == "application/json" else await form.parse_form(request.headers, body)


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


def _as_picture(picture: Picture) -> Response:
    headers = {"X-Notes": "; ".join(picture.notes)} if picture.notes else {}
    return Response(picture.data, media_type=picture.media_type, headers=headers)


def _as_json(picture: Picture) -> Response:
    return JSONResponse({"photo": picture.url, "media_type": picture.media_type, "notes": list(picture.notes)})


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


def create_app(studio_of: Callable[..., Studio], limits: Limits, hosts: Collection[str] | None = None) -> Starlette:
    """The application.

    studio_of: makes the studio, told `pixels` and `timed`. hosts: the names that the server goes by, None for any.
    """
    desk = Desk(limits)
    metrics = Metrics(desk)
    studio = studio_of(pixels=limits.pixels, timed=metrics.stage)
    api = Api(studio, desk)
    static = resources.files("facerelief.webapp") / "static"

    async def health(request: Request) -> Response:
        return JSONResponse({"status": "ok", "version": __version__, "waiting": max(0, desk.taken - desk.at_work)})

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
    guard = Middleware(Guard, hosts=hosts, routes={*posts, *gets}, counted=metrics.answered)
    handlers: dict[Any, Any] = dict.fromkeys((Problem, FacereliefError, HTTPException), _explain)
    handlers[Abandoned] = _nobody
    app = Starlette(routes=[*routes, files], middleware=[guard], exception_handlers=handlers)
    app.state.desk, app.state.metrics, app.state.studio = desk, metrics, studio
    return app
