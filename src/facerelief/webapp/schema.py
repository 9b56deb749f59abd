"""The API's description in OpenAPI 3.1, which its page at /api shows."""

from typing import Any

from facerelief import __version__
from facerelief.editing import METHODS
from facerelief.editing.regions import PARTS, WHOLE
from facerelief.editing.strength import MAX_STRENGTH
from facerelief.expressions import EXPRESSIONS
from facerelief.geometry.morphable.control_list import REGIONS
from facerelief.webapp import morphs
from facerelief.webapp.errors import CODES
from facerelief.webapp.server.limits import Limits
from facerelief.webapp.service import PHOTO_FORMATS, SAMPLES

Schema = dict[str, Any]

_TOKEN = "Only if the server was started with one."
_INTRO = """Edit the expression of faces in photos. Requests are forms (`multipart/form-data`) or JSON; in JSON a photo
is base64, in a form a file. Photos are not stored. Errors are `{"error": {"code", "message",
"remedy"}}`; codes stay the same between versions."""


def openapi(limits: Limits) -> Schema:
    """The OpenAPI 3.1 description of the server."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "facerelief",
            "version": __version__,
            "description": f"{' '.join(_INTRO.split())} Limits: {limits.body // 2**20} MiB a request, "
            f"{limits.pixels // 1_000_000} megapixels a photo, {limits.timeout_s:g} s an answer.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {
            "/v1/edit": {"post": _edit()},
            "/v1/morph": {"post": _morph()},
            "/v1/faces": {"post": _faces()},
            "/v1/previews": {"post": _previews()},
            "/v1/geometry": {"post": _geometry()},
            **_GETS,
        },
        "security": [{}, {"token": []}],
        "components": {
            "schemas": {"Error": _ERROR, "Landmarks": _LANDMARKS, "Edit": _listed_edit()},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "description": _TOKEN}},
        },
    }


def _text(description: str, **more: Any) -> Schema:
    return {"type": "string", "description": description, **more}


def _object(properties: Schema, required: tuple[str, ...] = ()) -> Schema:
    return {"type": "object", "properties": properties, **({"required": list(required)} if required else {})}


def _answer(description: str, schema: Schema, kind: str = "application/json") -> Schema:
    return {"description": description, "content": {kind: {"schema": schema}}}


def _files(files: dict[str, str], **more: str) -> Schema:
    return {name: _text(what, **more) for name, what in files.items()}


def _post(summary: str, fields: Schema, answer: Schema) -> Schema:
    """An operation that takes a photo."""
    files = {"photo": "The file.", **(_LIKE if "edits" in fields else {})}
    forms = {**_files(files, contentMediaType="application/octet-stream"), **fields}
    in_json = {**_files(files, contentEncoding="base64"), **fields}
    kinds = {"multipart/form-data": forms, "application/json": in_json}
    body = {kind: {"schema": _object(properties, ("photo",))} for kind, properties in kinds.items()}
    return {
        "summary": summary,
        "requestBody": {"required": True, "content": body},
        "responses": {"200": answer, **_errors()},
    }


def _errors() -> Schema:
    found: dict[str, list[str]] = {}
    for code, (status, when) in CODES.items():
        found.setdefault(str(status), []).append(f"`{code}`: {when}")
    reference = {"$ref": "#/components/schemas/Error"}
    return {status: _answer(" ".join(lines), reference) for status, lines in sorted(found.items())}


_ERROR: Schema = _object(
    {
        "error": _object(
            {
                "code": _text("Stable, for programs.", enum=list(CODES)),
                "message": _text("What is wrong, for people."),
                "remedy": _text("What to do."),
            },
            ("code", "message", "remedy"),
        )
    },
    ("error",),
)
_LANDMARKS: Schema = {
    "type": "array",
    "description": "468 points (x right, y down, z towards the viewer) in pixels of the photo.",
    "minItems": 468,
    "maxItems": 468,
    "items": {"type": "array", "items": {"type": "number"}, "minItems": 3, "maxItems": 3},
}
_METHOD = _text("The editing method. Default: the server's, see /v1/expressions.", enum=list(METHODS))
_KNOWN = {"landmarks": {"$ref": "#/components/schemas/Landmarks"}, "method": _METHOD}
_ONE_EDIT: Schema = {
    "to": _text(
        f"The expression: {', '.join(EXPRESSIONS)}, or an alias (happy, sad, ...). The method morphable also takes "
        "action units (AU12), one-sided ones (AU12L), ARKit's blendshapes and presets, as /v1/controls lists them, "
        "each with an amount (AU12:0.5) from 0 to 2, and several at once: happiness:0.6+surprise:0.4."
    ),
    "strength": {
        "type": "number",
        "minimum": 0,
        "maximum": MAX_STRENGTH,
        "default": 1,
        "description": "Share of the full change.",
    },
    "face": _text(
        "largest, all, a number counted from the largest (1), or X,Y: a point on the face in pixels.", default="largest"
    ),
    "part": _text(
        "The region that may change: the eyes and brows, or all below them.", enum=list(PARTS), default=WHOLE
    ),
    "landmarks": {
        "$ref": "#/components/schemas/Landmarks",
        "description": "The face as /v1/faces returned it, instead of `face`; it is not detected again.",
    },
}
_LIKE = {
    "like": "Another photo: what its largest face shows is `like` in `to`, whose default it then is. Method morphable.",
    "like_neutral": "A photo of the person of `like` without expression: what differs between both is taken.",
}


def _listed_edit() -> Schema:
    return _object({**_ONE_EDIT, **_files(_LIKE, contentEncoding="base64")})


_EDITS: Schema = {
    **_ONE_EDIT,
    "edits": {
        "type": "array",
        "items": {"$ref": "#/components/schemas/Edit"},
        "description": "Several edits of one photo, instead of the fields above.",
    },
}
_PROVENANCE: Schema = {
    "type": "boolean",
    "default": True,
    "description": "Record in the picture that it was edited. Leave it on for pictures that others will see.",
}


def _edit() -> Schema:
    fields = {
        **_EDITS,
        "method": _METHOD,
        "format": _text("The picture's format; same: the photo's own.", enum=["same", *PHOTO_FORMATS], default="same"),
        "quality": {"type": "integer", "minimum": 1, "maximum": 100, "default": 95, "description": "JPEG and WebP."},
        "provenance": _PROVENANCE,
        "reply": _text("The picture itself, or JSON with the picture.", enum=["picture", "json"], default="picture"),
    }
    picture = _answer("The photo, edited, at its own size.", _text("The file."), "image/*")
    picture["content"]["application/json"] = {
        "schema": _object(
            {
                "photo": _text("The picture as a data URL, data:TYPE;base64,DATA, which may be sent as it is."),
                "media_type": _text("Such as image/jpeg."),
                "notes": {
                    "type": "array",
                    "items": {"type": "string"},
                    "description": "What was lost in reading, and warnings about the edit.",
                },
            }
        )
    }
    return _post("Edit the expression of one or several faces", fields, picture)


_MOVING = {
    "seconds": "Seconds from the photo to the expression.",
    "hold": "Seconds for which the expression is held.",
    "fps": "Frames a second.",
    "size": "The longer side in pixels, at most.",
}


def _morph() -> Schema:
    numbers = {
        name: {"type": "number", "minimum": low, "maximum": high, "default": usual, "description": _MOVING[name]}
        for name, (low, high, usual) in morphs.NUMBERS.items()
    }
    fields = {
        **_EDITS,
        "method": _METHOD,
        "format": _text(
            "The file's format; mp4 needs PyAV on the server.", enum=list(morphs.MORPH_FORMATS), default="gif"
        ),
        **numbers,
        "back": {"type": "boolean", "default": False, "description": "Also back to the photo."},
        "provenance": _PROVENANCE,
    }
    words = f"The frames; at most {morphs.MAX_MORPH_PIXELS // 1_000_000} megapixels together."
    answer = _answer(words, _text("The file."), "image/*")
    answer["content"]["video/mp4"] = {"schema": _text("The file, of the format mp4.")}
    return _post("An animation from a photo to an expression, as GIF, WebP or MP4", fields, answer)


def _faces() -> Schema:
    number = {"type": "integer"}
    face = _object(
        {
            "number": {**number, "description": "1 is the largest."},
            "box": {
                "type": "array",
                "items": {"type": "number"},
                "description": "x0, y0, x1, y1 in pixels of the upright photo.",
            },
            "unfit": {"type": ["string", "null"], "description": "Why it cannot be edited, or null."},
            "landmarks": {"$ref": "#/components/schemas/Landmarks"},
        }
    )
    answer = {
        "width": number,
        "height": number,
        "format": _text("Such as jpeg."),
        "edited_before": {"type": ["string", "null"], "description": "The description of an earlier edit, or null."},
        "faces": {"type": "array", "items": face},
    }
    return _post("Find the faces of a photo, the largest first", {}, _answer("The faces.", _object(answer)))


def _previews() -> Schema:
    urls = {"type": "object", "additionalProperties": _text("A data URL."), "description": "A picture by expression."}
    text = "The photo with each expression the method knows, as JPEG without provenance; send a small photo of one face"
    to = _text("What to show instead, as `to` of /v1/edit; several, at most 20, are separated by commas.")
    fields = {**_KNOWN, "part": _ONE_EDIT["part"], "to": to}
    return _post(text, fields, _answer("The pictures.", urls))


def _geometry() -> Schema:
    answer = {
        "crop": _text("The face's aligned crop, a data URL."),
        "depth": _text("Its depth, near is white, a data URL."),
        "normals": _text("Its normals, (n + 1) / 2 as RGB, a data URL."),
        "vertices": {"$ref": "#/components/schemas/Landmarks", "description": "In units of the crop's side."},
    }
    fields = {"landmarks": _KNOWN["landmarks"]}
    return _post("Depth, normals and mesh of a face", fields, _answer("The geometry.", _object(answer)))


def _controls() -> Schema:
    name, region = _text("As `to` takes it."), _text("What it moves.", enum=list(REGIONS))
    kinds = {
        "presets": {"stands_for": _text("What it is made of.")},
        "action_units": {
            "description": _text("What FACS calls it."),
            "shape": _text("The blendshape that shows it, without its side."),
            "region": region,
            "sides": {"type": "boolean", "description": "Whether L or R may follow the name."},
        },
        "blendshapes": {"region": region, "both": {"type": ["string", "null"], "description": "Both sides at once."}},
    }
    lists = {kind: {"type": "array", "items": _object({"name": name, **facts})} for kind, facts in kinds.items()}
    texts = {"type": "array", "items": {"type": "string"}}
    return _object({"expressions": texts, **lists, "regions": texts, "most": {"type": "number"}, "methods": texts})


def _get(summary: str, answer: Schema, *parameters: Schema) -> Schema:
    return {"get": {"summary": summary, "parameters": list(parameters), "responses": {"200": answer}}}


_SEED = {
    "name": "seed",
    "in": "query",
    "description": "Which one.",
    "schema": {"type": "integer", "minimum": 0, "maximum": SAMPLES - 1, "default": 0},
}
_GETS: Schema = {
    "/v1/expressions": _get(
        "The expressions, their aliases, and the methods", _answer("The expressions and methods.", _object({}))
    ),
    "/v1/controls": _get(
        "What `to` may name: expressions, presets, action units and blendshapes", _answer("The lists.", _controls())
    ),
    "/v1/triangles": _get("The triangles of the mesh, as three vertices each", _answer("The lists.", _object({}))),
    "/v1/sample": _get("A synthetic portrait", _answer("It.", _text("JPEG"), "image/jpeg"), _SEED),
    "/health": _get(
        "Whether the server works; 503 and a reason if it does not",
        _answer("It does.", _object({"status": _text("ok")})),
    ),
    "/metrics": _get("Counters for Prometheus", _answer("The counters.", _text("Text."), "text/plain")),
    "/openapi.json": _get("This description", _answer("OpenAPI 3.1.", _object({}))),
}
