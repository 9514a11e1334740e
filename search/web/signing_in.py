"""The page to sign in with a key, and the way out."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from archiver.access.keys import SECRET
from archiver.settings import RequestBudget
from search.web.pages.site import page, rendered
from search.web.permission import Buckets, too_many
from search.web.signed_in import cookie_of, set_cookie

if TYPE_CHECKING:
    from archiver.access import ApiKey
    from search.web.services import AppRequest

BODY_BYTES_MAX = 8 * 1024
NEXT_MAX = 2000
#: Of one address. A key cannot be guessed; this keeps whoever tries from being a burden.
ATTEMPTS = RequestBudget(20, 60.0)

#: A browser that does not say where a form comes from says so by `Origin`, which needs this.
_HEADERS = {"Referrer-Policy": "same-origin"}


def local_path(text: str) -> str:
    """Where to go on after signing in: a path of this very site, whatever was asked for."""
    plain = text.isascii() and text.isprintable() and "\\" not in text and " " not in text
    if len(text) > NEXT_MAX or not plain or not text.startswith("/") or text.startswith("//"):
        return "/"
    return text


def _form(following: str, told: str = "", status: int = 200) -> Response:
    answer = page(rendered("sign_in.html", {"following": following, "told": told}), status)
    answer.headers.update(_HEADERS)
    return answer


async def sign_in(request: AppRequest) -> Response:
    """GET and POST /sign-in."""
    if request.method != "POST":
        return _form(local_path(request.query_params.get("next", "")))
    door = request.state["door"]
    cookie = door.cookie_name(request.scope)
    if not cookie:
        return _form(
            "/", "Signing in needs https: ask under the address of RTK_ARCHIVE_PUBLIC_URL.", 403
        )
    if not door.is_own_page(request.scope):
        return _form("/", "This came from another site. Sign in here.", 403)
    if wait_s := _attempts(request):
        return too_many(wait_s, "too many attempts to sign in").response()
    sent = await _form_of(request)
    following = local_path(sent.get("next", ""))
    key = _key(request, sent.get("key", "").strip())
    signed_in = request.state["services"].signed_in
    if key is None or signed_in is None:
        return _form(following, "This key lets nobody in: it is unknown, expired or revoked.", 401)
    if (trail := request.state["services"].trail) is not None:
        trail.record(key.reader, "sign-in", asked={})
    signed_in.end(cookie_of(request.scope, cookie))
    word = signed_in.begin(key)
    return _go_on(following, set_cookie(cookie, word, int(signed_in.lifetime.total_seconds())))


def _attempts(request: AppRequest) -> float:
    """Count an attempt; returns 0, or the seconds to wait."""
    client = request.client
    now = request.state["services"].clock.now()
    return request.state["attempts"].take("" if client is None else client.host, now)


async def _form_of(request: AppRequest) -> dict[str, str]:
    """The fields of the form; none where it is no form, or too large for this one."""
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            return {}
    if content_type != "application/x-www-form-urlencoded":
        return {}
    try:
        fields = parse_qs(body.decode("ascii"), max_num_fields=4)
    except ValueError:
        return {}
    return {name: values[0] for name, values in fields.items()}


def _key(request: AppRequest, secret: str) -> ApiKey | None:
    keyring = request.state["services"].keyring
    return keyring.find(secret) if keyring is not None and SECRET.match(secret) else None


def _go_on(path: str, cookie: str) -> Response:
    return RedirectResponse(path, 303, {"Set-Cookie": cookie, "Cache-Control": "no-store"})


async def sign_out(request: AppRequest) -> Response:
    """POST /sign-out."""
    door = request.state["door"]
    cookie, signed_in = door.cookie_name(request.scope), request.state["services"].signed_in
    if not cookie or not door.is_own_page(request.scope):
        return _form("/", "This came from another site; nobody was signed out.", 403)
    if signed_in is not None:
        word = cookie_of(request.scope, cookie)
        reader, trail = signed_in.reader(word), request.state["services"].trail
        if reader is not None and trail is not None:
            trail.record(reader, "sign-out", asked={})
        signed_in.end(word)
    return _go_on("/sign-in", set_cookie(cookie, "", 0))


def attempts() -> Buckets:
    """What counts the attempts to sign in, of one endpoint."""
    return Buckets(ATTEMPTS)


ROUTES = [
    Route("/sign-in", sign_in, methods=["GET", "POST"]),
    Route("/sign-out", sign_out, methods=["POST"]),
]
