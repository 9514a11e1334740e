"""`/openapi.json`: the interface as OpenAPI 3.1, made of the tables and types that answers are made of."""

from __future__ import annotations

from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from starlette.responses import Response
from starlette.routing import Route

from search.web import alert_shapes, params, shapes
from search.web.operations import EVERYWHERE, JSON, OPERATIONS
from search.web.problems import MEDIA_TYPE, encode_json, slugs_of
from search.web.sessions import SESSION_ID_LIMIT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from search.web.operations import Operation
    from search.web.parameters import Parameter
    from search.web.services import AppRequest

_SHAPES = {shapes.__name__, alert_shapes.__name__}
_REF = "#/components/schemas/{name}"
_ABOUT = """\
Search in archived RealtimeKit sessions, and what was archived of them.

Times are RFC 3339 in UTC; moments are milliseconds from the session's start. Every GET can be a HEAD.
With `Accept: application/x-ndjson` a search answers its whole result: a line of `Opening`, one of `Hit`
for each session, and at last `StreamEnd` or `StreamError`; `limit`, `cursor` and `facets` are then refused.
"""
_PATH_PARAMETERS = {
    "session_id": "the session's id",
    "search_id": "the saved search's id",
    "name": "the artifact's name, as the session tells it",
}
_TAGGED = {"ETag": "changes when what is answered does"}
_WHOLE = {**_TAGGED, "Repr-Digest": "SHA-256 of the whole (RFC 9530)", "Accept-Ranges": "bytes"}


@cache
def document() -> bytes:
    """The document, as JSON."""
    schemas = _schemas()
    paths: dict[str, Any] = {}
    for each in OPERATIONS:
        paths.setdefault(each.path, {})[each.method] = _operation(each)
    return encode_json(
        {
            "openapi": "3.1.0",
            "info": {"title": "realtimekit-archive", "version": "1", "description": _ABOUT},
            "servers": [{"url": "/"}],
            "security": [{"key": []}],
            "paths": paths,
            "webhooks": {"session.matched": {"post": _alert()}},
            "components": {
                "schemas": schemas,
                "securitySchemes": {
                    "key": {
                        "type": "http",
                        "scheme": "bearer",
                        "description": "made by `rtk-archive keys create`",
                    }
                },
            },
        }
    )


def _types() -> list[Any]:
    told = [each.answer for each in OPERATIONS if isinstance(each.answer, type)]
    return list(
        dict.fromkeys(
            [
                *told,
                *(shapes.Problem, shapes.Opening, shapes.StreamEnd, shapes.StreamError),
                alert_shapes.Alert,
            ]
        )
    )


@cache
def _described() -> tuple[dict[Any, Any], dict[str, Any]]:
    types = [each for each in _types() if each.__module__ in _SHAPES]
    return schemas_of(types, _REF)


def schemas_of(types: Sequence[Any], ref_template: str) -> tuple[dict[Any, Any], dict[str, Any]]:
    """The JSON Schema of each of these types, and by name what they refer to."""
    # The library is needed for this alone.
    from msgspec.json import schema_components

    found, components = schema_components(types, ref_template=ref_template)
    return dict(zip(types, found, strict=True)), _plain(components)


def _plain(schema: Any) -> Any:
    """Pairs without `prefixItems`, which not every tool understands: so many items, of either type."""
    if isinstance(schema, list):
        return [_plain(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    told = {name: _plain(each) for name, each in schema.items()}
    if (places := told.pop("prefixItems", None)) is not None:
        kinds = [each for at, each in enumerate(places) if each not in places[:at]]
        told["items"] = kinds[0] if len(kinds) == 1 else {"anyOf": kinds}
    return told


def _schemas() -> dict[str, Any]:
    return _described()[1]


def _schema(answer: Any) -> dict[str, Any]:
    found: dict[str, Any] = _described()[0].get(answer, {"type": "object"})
    return found


def _operation(of: Operation) -> dict[str, Any]:
    told: dict[str, Any] = {
        "operationId": of.name,
        "summary": of.summary,
        "parameters": _parameters(of),
        "responses": _responses(of),
    }
    if of.has_body:
        told["requestBody"] = {"required": True, "content": {JSON: {"schema": _body(of)}}}
    if of.is_open:
        told["security"] = []
    return told


def _alert() -> dict[str, Any]:
    """What a saved search sends, by Standard Webhooks."""
    headers = {
        "webhook-id": "the same however often this is sent",
        "webhook-timestamp": "when it is sent, in seconds since 1970",
        "webhook-signature": "`v1,` and the HMAC-SHA256 of id, timestamp and body, in base64",
    }
    return {
        "operationId": "sessionMatched",
        "summary": "A session that came in, and that a saved search has found",
        "security": [],
        "parameters": [
            {
                "name": name,
                "in": "header",
                "required": True,
                "description": meaning,
                "schema": {"type": "string"},
            }
            for name, meaning in headers.items()
        ],
        "requestBody": {
            "required": True,
            "content": {JSON: {"schema": _schema(alert_shapes.Alert)}},
        },
        "responses": {
            "2XX": {"description": "Taken: it is not sent again"},
            "410": {"description": "Nothing more is wanted: the search rests until it is deleted"},
            "default": {"description": "It is sent again, for a day"},
        },
    }


def _parameters(of: Operation) -> list[dict[str, Any]]:
    in_path = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": meaning,
            "schema": {"type": "string", "minLength": 1, "maxLength": SESSION_ID_LIMIT},
        }
        for name, meaning in _PATH_PARAMETERS.items()
        if f"{{{name}}}" in of.path
    ]
    in_query = [] if of.has_body else [_parameter(each) for each in of.parameters.values()]
    conditions = ["If-None-Match", "If-Match"] if of.has_tag else []
    conditions += ["Range", "If-Range"] if of.has_parts else []
    in_headers = [
        {"name": name, "in": "header", "description": "RFC 9110", "schema": {"type": "string"}}
        for name in conditions
    ]
    return in_path + in_query + in_headers


def _parameter(each: Parameter) -> dict[str, Any]:
    told: dict[str, Any] = {
        "name": each.name,
        "in": "query",
        "description": each.meaning,
        "required": each.is_needed,
        "schema": each.schema(),
    }
    if each.is_repeatable or each.is_list:
        told |= {"style": "form", "explode": each.is_repeatable}
    return told


def _body(of: Operation) -> dict[str, Any]:
    needed = [each.name for each in of.parameters.values() if each.is_needed]
    return {
        "type": "object",
        "properties": {each.name: each.schema_in_body() for each in of.parameters.values()},
        **({"required": needed} if needed else {}),
        "additionalProperties": False,
    }


def _responses(of: Operation) -> dict[str, Any]:
    content: dict[str, Any] = {}
    if of.answer is not None:
        content[JSON] = {"schema": _schema(of.answer)}
    for each in of.texts:
        content.setdefault(each, {})
    headers = _headers(_WHOLE if of.has_parts else _TAGGED if of.has_tag else {})
    responses: dict[str, Any] = {
        "200": {"description": "The answer", "content": content, **headers}
    }
    if of.has_parts:
        part = _headers({**_WHOLE, "Content-Range": "which bytes of how many"})
        responses["206"] = {
            "description": "The part that was asked for",
            "content": content,
            **part,
        }
    if of.has_tag:
        responses["304"] = {"description": "Nothing changed", **_headers(_TAGGED)}
    refused = of.problems | (frozenset() if of.is_open else EVERYWHERE)
    return responses | {str(status): _problem(status) for status in sorted(refused)}


def _headers(told: dict[str, str]) -> dict[str, Any]:
    headers = {
        name: {"description": meaning, "schema": {"type": "string"}}
        for name, meaning in told.items()
    }
    return {"headers": headers} if headers else {}


def _problem(status: int) -> dict[str, Any]:
    slugs = ", ".join(f"`{each}`" for each in slugs_of(status))
    title = HTTPStatus(status).phrase
    return {
        "description": f"{title}: {slugs}" if slugs else title,
        "content": {MEDIA_TYPE: {"schema": _schema(shapes.Problem)}},
    }


async def openapi(request: AppRequest) -> Response:
    """GET /openapi.json."""
    params.no_parameters(request)
    return Response(document(), media_type=JSON)


ROUTES = [Route("/openapi.json", openapi)]
