"""What single settings take: text in, a value out, ValueError saying what is wanted; pure."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from archiver.model import TranscriptFormat

if TYPE_CHECKING:
    from collections.abc import Callable

#: Longer than anything is kept at the source, and short enough to be subtracted from any date.
DURATION_DAYS_MAX = 3650


class Secret:
    """A value that shows itself only when asked by name."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself."""
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        return "Secret(set)" if self._value else "Secret(unset)"

    def __str__(self) -> str:
        return "********" if self._value else ""


@dataclass(frozen=True, slots=True)
class RequestBudget:
    """How many requests per how many seconds may be taken of the account's limit."""

    requests: int
    period_s: float


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether this is a loopback address, or the one name that always means it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def secret(text: str) -> Secret:
    """A token, as an HTTP header can carry it."""
    if not re.match(r"[!-~]*\Z", text.strip()):
        raise ValueError("wants visible ASCII characters, without a space among them")
    return Secret(text.strip())


#: Shorter, and it could be guessed by whoever has something it has signed.
SIGNING_SECRET_MIN = 32


def signing_secret(text: str) -> Secret:
    """A secret that others are derived from, or none."""
    found = secret(text)
    if found and len(found.reveal()) < SIGNING_SECRET_MIN:
        raise ValueError(f"wants at least {SIGNING_SECRET_MIN} random characters")
    return found


def text(text: str) -> str:
    """Any text, without the white space around it."""
    return text.strip()


def names(text: str) -> tuple[str, ...]:
    """Comma-separated names, each once."""
    return tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))


#: Neither a path nor a pattern nor the port that goes without saying: it is compared as it stands.
_ORIGIN = re.compile(
    r"(?:https://[a-z0-9.-]+(?::(?!443\Z)[1-9]\d{0,4})?|http://[a-z0-9.-]+(?::(?!80\Z)[1-9]\d{0,4})?)\Z",
    re.ASCII,
)
_HOST = re.compile(r"(?:\*\.)?[\w-]+(?:\.[\w-]+)*\.?\Z")


def hosts(text: str) -> tuple[str, ...]:
    """Comma-separated host names or addresses, `*.` allowed in front of a name."""
    found = names(text)
    if not all(_HOST.match(each) or _is_address(each) for each in found):
        raise ValueError("wants host names, such as files.example.com or *.example.com")
    return found


def origins(text: str) -> tuple[str, ...]:
    """Comma-separated origins of web pages, as a browser spells them."""
    found = names(text)
    if not all(_ORIGIN.match(each) for each in found):
        raise ValueError("wants origins, such as https://crm.example.com, without a path and exact")
    return found


def url(text: str) -> str:
    """An http or https URL that something can be added to, without its last slash."""
    parts = urlsplit(text.strip())
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.port == 0:
        raise ValueError("wants an http or https URL")
    if "@" in parts.netloc:
        raise ValueError("wants a URL without a user name or password in it")
    if parts.query or parts.fragment or len(text.split()) > 1:
        raise ValueError("wants a URL without a query, a fragment or a space")
    return text.strip().rstrip("/")


def optional_url(text: str) -> str:
    """A URL, or nothing."""
    return url(text) if text.strip() else ""


_STORE = re.compile(r"file:.*\S.*\Z|s3://[A-Za-z0-9][A-Za-z0-9._-]{1,254}(?:/.*)?\Z")


def store(text: str) -> str:
    """Where the archive is: a folder or a bucket."""
    if not _STORE.match(text.strip()):
        raise ValueError("wants file:PATH or s3://BUCKET/PREFIX")
    return text.strip()


_ENCRYPTIONS = ("", "AES256", "aws:kms", "aws:kms:dsse")


def encryption(text: str) -> str:
    """What S3 calls a kind of encryption, or nothing."""
    found = {each.lower(): each for each in _ENCRYPTIONS}.get(text.strip().lower())
    if found is None:
        raise ValueError(f"wants one of {', '.join(filter(None, _ENCRYPTIONS))}")
    return found


#: From these an object must be restored before it can be read, which takes hours.
_COLD = {"GLACIER", "DEEP_ARCHIVE"}


def storage_class(text: str) -> str:
    """What S3 calls a storage class, or nothing; what is archived must stay readable at once."""
    found = text.strip().upper()
    if found and not re.match(r"[A-Z][A-Z0-9_]{1,31}\Z", found):
        raise ValueError("wants a storage class, such as STANDARD_IA")
    if found in _COLD:
        raise ValueError("wants a class whose objects can be read at once, such as GLACIER_IR")
    return found


def folder(text: str) -> Path:
    """A folder that is named: an empty text would mean whichever one we stand in."""
    if not text.strip():
        raise ValueError("wants a folder")
    return Path(text)


def optional_file(text: str) -> Path | None:
    """A file that is named, or nothing."""
    path = Path(text.strip())
    if text.strip() and not path.name:
        raise ValueError("wants a file")
    return path if text.strip() else None


def formats(text: str) -> tuple[TranscriptFormat, ...]:
    """One or more transcript formats, in any case, each once."""
    asked = [name.upper() for name in names(text)]
    known = [each.value for each in TranscriptFormat]
    if not asked or not set(asked) <= set(known):
        raise ValueError(f"wants one or more of {', '.join(known)}")
    return tuple(dict.fromkeys(TranscriptFormat(name) for name in asked))


def choice(*choices: str) -> Callable[[str], str]:
    """One of these words."""

    def parse(text: str) -> str:
        if text.strip().lower() not in choices:
            raise ValueError(f"wants one of {', '.join(choices)}")
        return text.strip().lower()

    return parse


_DURATION = re.compile(r"(\d{1,9})\s*([smhd])\Z")
_UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def duration(text: str) -> timedelta:
    """A length of time; none at all is one."""
    match = _DURATION.match(text.strip().lower())
    if not match:
        raise ValueError("wants a number and a unit: 30s, 15m, 6h or 14d")
    found = timedelta(seconds=int(match[1]) * _UNIT_S[match[2]])
    if found > timedelta(days=DURATION_DAYS_MAX):
        raise ValueError(f"wants {DURATION_DAYS_MAX}d at most")
    return found


def interval(text: str) -> timedelta:
    """A length of time above zero: whatever is done at this interval would never pause."""
    found = duration(text)
    if not found:
        raise ValueError("wants more than no time")
    return found


def at_least_daily(text: str) -> timedelta:
    """A length of time above zero, and a day at most."""
    found = interval(text)
    if found > timedelta(days=1):
        raise ValueError("wants 24h at most")
    return found


_SIZE_BYTES = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30}


def size(text: str) -> int:
    """A number of bytes above zero."""
    match = re.match(r"(\d{1,9})\s*(?:([kmg])i?)?b?\Z", text.strip().lower())
    if not match or not int(match[1]):
        raise ValueError("wants a size: 64MB or 2GB")
    return int(match[1]) * _SIZE_BYTES[match[2] or ""]


def switch(text: str) -> bool:
    """On or off."""
    value = text.strip().lower()
    if value in {"1", "on", "true", "yes"}:
        return True
    if value in {"0", "off", "false", "no", ""}:
        return False
    raise ValueError("wants on or off")


def budget(text: str) -> RequestBudget:
    """So many requests in so many seconds."""
    match = re.match(r"(\d{1,6})/(\d{1,6})\Z", text.strip())
    if not match or not int(match[1]) or not int(match[2]):
        raise ValueError("wants REQUESTS/SECONDS, such as 600/300")
    return RequestBudget(int(match[1]), float(match[2]))


def count(text: str) -> int:
    """A whole number above zero."""
    if not re.match(r"\d{1,6}\Z", text.strip()) or not int(text):
        raise ValueError("wants a whole number above zero")
    return int(text)


def address(text: str) -> Address:
    """A host and a port; an IPv6 address stands in brackets."""
    match = re.match(r"(?:\[([0-9a-fA-F:.]+)\]|([^:\s\[\]]+)):(\d{1,5})\Z", text.strip())
    if not match or int(match[3]) > 65535 or (match[1] and not _is_address(match[1])):
        raise ValueError("wants HOST:PORT, such as 127.0.0.1:8000")
    return Address(match[1] or match[2], int(match[3]))


def optional_address(text: str) -> Address | None:
    """A host and a port, or nothing."""
    return address(text) if text.strip() else None


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
