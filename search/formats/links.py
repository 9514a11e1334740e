"""What a linked image or file is called, without the link: it may be signed, and it expires."""

from __future__ import annotations

import re
from urllib.parse import unquote

from search.formats.errors import FormatError
from search.formats.jsontext import load
from search.formats.limits import Limits
from search.formats.model import Notes
from search.formats.rows import by_name

_LINK = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,30}://\S*")
_EMBEDDED = re.compile(r"(?:data|blob):\S*", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_NAMES = ("name", "filename", "title")
_LINKS = ("link", "url", "src", "href", "imageurl", "fileurl", "downloadurl", "path")
_JSON_CHARS_MAX = 2**16


def is_link(text: str) -> bool:
    """Whether the text is one link and nothing else."""
    return bool(_LINK.fullmatch(text) or _EMBEDDED.fullmatch(text))


def attachment_name(payload: object) -> str:
    """The file's name in a payload: an object, one written as JSON, a link, or words with links."""
    if isinstance(payload, str):
        payload = payload.strip()
        if not payload.startswith("{"):
            return _name_in_text(payload)
        payload = _describe(payload)
    if not isinstance(payload, dict):
        return ""
    fields = by_name(payload)
    for names in (_NAMES, _LINKS):
        for name in names:
            value = fields.get(name)
            if isinstance(value, str) and value.strip():
                return _name_in_text(value.strip())
    return ""


def _describe(text: str) -> object:
    """The object that a text spells out as JSON; None if it does not."""
    if len(text) > _JSON_CHARS_MAX:
        return None
    try:
        return load(text, Limits(), Notes())
    except FormatError:
        return None


def _name_in_text(text: str) -> str:
    if _EMBEDDED.match(text):
        return ""
    if _LINK.match(text):
        _, _, location = text.partition("://")
        return _last_part(location) if "/" in location else ""
    if any(char.isspace() for char in text):
        return _LINK.sub("", text).strip()
    return _last_part(text)


def _last_part(location: str) -> str:
    path = re.split(r"[?#]", location, maxsplit=1)[0]
    return _CONTROL.sub("", unquote(path.rsplit("/", 1)[-1])).strip()
