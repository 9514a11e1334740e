"""What every page has in common: its templates, the files it may load, its headers, its compression."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources
from itertools import chain
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.exceptions import HTTPException
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from search.web.codings import (
    VARY,
    WORTH_COMPRESSING_BYTES,
    Compressor,
    coding_for,
    compressed,
    compressed_well,
)
from search.web.pages import times
from search.web.pages.words import counted, finalize, name_of, shown, title_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from search.web.codings import Coding
    from search.web.services import AppRequest

Context = dict[str, Any]

#: Nothing inline, nothing from elsewhere, nothing that sends what is on a page anywhere.
POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "script-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
PAGE_HEADERS = {
    "Cache-Control": "private, no-store",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Content-Security-Policy": POLICY,
    "X-Robots-Tag": "noindex, nofollow",
}
_HEADERS = {**PAGE_HEADERS, **VARY}
_FOREVER = "public, max-age=31536000, immutable"
_MEDIA_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_FIRST_PIECE_CHARS = 8 * 1024
_LARGEST_PIECE_CHARS = 512 * 1024
#: So much is made in one go, some thousand lines: in fewer nobody would see a beginning any sooner.
_AT_ONCE_BYTES = 240 * 1024


@dataclass(frozen=True)
class Asset:
    """A file that pages load; its name in the URL changes with what it holds."""

    name: str
    body: bytes

    @cached_property
    def digest(self) -> str:
        return hashlib.sha256(self.body).hexdigest()[:16]

    @property
    def url(self) -> str:
        return f"/static/{self.digest}/{self.name}"

    @property
    def media_type(self) -> str:
        return _MEDIA_TYPES[self.name.rpartition(".")[2]]


@cache
def assets() -> Mapping[str, Asset]:
    """The files that pages load, by name."""
    folder = resources.files("search.web").joinpath("static")
    return {each.name: Asset(each.name, each.read_bytes()) for each in folder.iterdir()}


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("search.web"),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=finalize,
    )
    environment.globals |= {
        "asset": lambda name: assets()[name].url,
        "counted": counted,
        "help": _help,
        "may_sign_out": False,
        "signed_in_as": None,
    }
    environment.filters |= {
        "clock": times.moment_clock,
        "day": times.day_text,
        "iso": times.iso_text,
        "moment": times.moment_text,
        "name": name_of,
        "shown": shown,
        "time": times.time_text,
        "title": title_of,
    }
    return environment


@cache
def _help() -> Markup:
    """How to ask, which is the same on every page."""
    html = _environment().get_template("help.html").render()
    return Markup(html)  # noqa: S704 — a template has escaped it


def rendered(template: str, context: Context) -> bytes:
    """A page as the bytes of its HTML; half of a surrogate pair becomes a question mark."""
    return _environment().get_template(template).render(context).encode("utf-8", "replace")


def account_in(state: Mapping[str, Any]) -> Context:
    """Whom a page says to be signed in as: None where nobody needs to be; and whether they may leave."""
    reader = state.get("reader")
    if reader is None or not reader.owner:
        return {}
    return {"signed_in_as": reader.name, "may_sign_out": reader.kind == "key"}


async def answered(
    request: AppRequest, template: str, read: Callable[[], Context], status: int = 200
) -> Response:
    """The page made of what `read` finds; reading, rendering and compressing block, in one thread."""
    coding = coding_for(request.headers)

    def make() -> Response:
        context = {**account_in(request.scope["state"]), **read()}
        return page(rendered(template, context), status, coding)

    return await request.state["threads"].run(make)


async def streamed(
    request: AppRequest, template: str, read: Callable[[], Context], status: int = 200
) -> Response:
    """The same for a page that may be long: then it is sent while it is made, so that a browser may begin.

    What `read` finds wrong is an answer of its own; nothing after that may fail.
    """
    coding = coding_for(request.headers)

    def make() -> Response:
        context = {**account_in(request.scope["state"]), **read()}
        pieces = _pieces(_environment().get_template(template).generate(context))
        beginning = bytearray()
        for each in pieces:
            beginning += each
            if len(beginning) >= _AT_ONCE_BYTES:
                return _long_page(chain([bytes(beginning)], pieces), status, coding)
        return page(bytes(beginning), status, coding)

    return await request.state["threads"].run(make)


def _long_page(pieces: Iterator[bytes], status: int, coding: Coding | None) -> Response:
    """A page whose first piece is made, and every other when those before it are sent."""
    headers = dict(_HEADERS)
    if coding is not None:
        pieces = _compressed_pieces(pieces, Compressor(coding))
        headers["Content-Encoding"] = coding
    return StreamingResponse(chain([next(pieces)], pieces), status, headers, "text/html")


def _pieces(html: Iterable[str]) -> Iterator[bytes]:
    """HTML in pieces that grow: the first is there at once, and the last are few."""
    held: list[str] = []
    chars, wanted = 0, _FIRST_PIECE_CHARS
    for each in html:
        held.append(each)
        chars += len(each)
        if chars >= wanted:
            yield "".join(held).encode("utf-8", "replace")
            held.clear()
            chars, wanted = 0, min(2 * wanted, _LARGEST_PIECE_CHARS)
    yield "".join(held).encode("utf-8", "replace")


def _compressed_pieces(pieces: Iterable[bytes], compressor: Compressor) -> Iterator[bytes]:
    yield from map(compressor.piece, pieces)
    yield compressor.end()


def page(html: bytes, status: int, coding: Coding | None = None) -> Response:
    """A page with its headers, compressed if a coding is given and it is worth it."""
    headers = dict(_HEADERS)
    if coding is not None and len(html) > WORTH_COMPRESSING_BYTES:
        html = compressed(html, coding)
        headers["Content-Encoding"] = coding
    return Response(html, status, headers, "text/html")


async def static(request: AppRequest) -> Response:
    """GET /static/{digest}/{name}."""
    asset = assets().get(request.path_params["name"])
    if asset is None or asset.digest != request.path_params["digest"]:
        raise HTTPException(404)
    headers = {"Cache-Control": _FOREVER, **VARY}
    body = asset.body
    if (coding := coding_for(request.headers)) and len(body) > WORTH_COMPRESSING_BYTES:
        body = _compressed(asset, coding)
        headers["Content-Encoding"] = coding
    return Response(body, headers=headers, media_type=asset.media_type)


@cache
def _compressed(asset: Asset, coding: Coding) -> bytes:
    return compressed_well(asset.body, coding)


ROUTES = [Route("/static/{digest}/{name}", static)]
