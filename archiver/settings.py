"""Every setting of the program, in one frozen object: defaults, then a TOML file, then the environment."""

from __future__ import annotations

import os
import re
import stat
import tomllib
from dataclasses import dataclass, field, fields
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from archiver.errors import SettingsError
from archiver.model import TranscriptFormat

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FILE_NAME = "rtk-archive.toml"

T = TypeVar("T")


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
        return self.host in {"127.0.0.1", "::1", "localhost"} or self.host.startswith("127.")


def _text(text: str) -> str:
    return text.strip()


def _list(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _url(text: str) -> str:
    parts = urlsplit(text.strip())
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("wants an http or https URL")
    if parts.username or parts.password:
        raise ValueError("wants a URL without a user name or password in it")
    return text.strip().rstrip("/")


def _optional_url(text: str) -> str:
    return _url(text) if text.strip() else ""


def _store(text: str) -> str:
    if not text.startswith(("file:", "s3://")) or text in {"file:", "s3://"}:
        raise ValueError("wants file:PATH or s3://BUCKET/PREFIX")
    return text


def _formats(text: str) -> tuple[TranscriptFormat, ...]:
    names = [name.upper() for name in _list(text)]
    known = [each.value for each in TranscriptFormat]
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        raise ValueError(f"wants one or more of {', '.join(known)}")
    return tuple(dict.fromkeys(TranscriptFormat(name) for name in names))


def _choice(*choices: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text.strip().lower() not in choices:
            raise ValueError(f"wants one of {', '.join(choices)}")
        return text.strip().lower()

    return parse


_DURATION = re.compile(r"(\d+)\s*([smhd])\Z")
_UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def _duration(text: str) -> timedelta:
    match = _DURATION.match(text.strip().lower())
    if not match or len(match[1]) > 9:
        raise ValueError("wants a number and a unit: 30s, 15m, 6h or 14d")
    return timedelta(seconds=int(match[1]) * _UNIT_S[match[2]])


_SIZE_BYTES = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30}


def _size(text: str) -> int:
    match = re.match(r"(\d{1,12})\s*([kmg]?)i?b?\Z", text.strip().lower())
    if not match or not int(match[1]):
        raise ValueError("wants a size: 64MB or 2GB")
    return int(match[1]) * _SIZE_BYTES[match[2]]


def _switch(text: str) -> bool:
    value = text.strip().lower()
    if value in {"1", "on", "true", "yes"}:
        return True
    if value in {"0", "off", "false", "no", ""}:
        return False
    raise ValueError("wants on or off")


def _budget(text: str) -> RequestBudget:
    match = re.match(r"(\d{1,6})/(\d{1,6})\Z", text.strip())
    if not match or not int(match[1]) or not int(match[2]):
        raise ValueError("wants REQUESTS/SECONDS, such as 600/300")
    return RequestBudget(int(match[1]), float(match[2]))


def _count(text: str) -> int:
    if not re.match(r"\d{1,6}\Z", text.strip()) or not int(text):
        raise ValueError("wants a whole number above zero")
    return int(text)


def _address(text: str) -> Address:
    match = re.match(r"(?:\[([0-9a-fA-F:.]+)\]|([^:\s\[\]]+)):(\d{1,5})\Z", text.strip())
    if not match or int(match[3]) > 65535:
        raise ValueError("wants HOST:PORT, such as 127.0.0.1:8000")
    return Address(match[1] or match[2], int(match[3]))


def _optional_address(text: str) -> Address | None:
    return _address(text) if text.strip() else None


def _setting(variable: str, default: str, parse: Callable[[str], T], meaning: str) -> T:
    """Declare one setting; the dataclass field's metadata is its whole definition."""
    metadata = {"variable": variable, "default": default, "parse": parse, "meaning": meaning}
    return field(default_factory=lambda: parse(default), metadata=metadata)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the operator may choose; every field's metadata says its variable, default and meaning."""

    token: Secret = _setting(
        "CLOUDFLARE_API_TOKEN", "", Secret, "the API token; needs the permission group Realtime"
    )
    account_id: str = _setting("CLOUDFLARE_ACCOUNT_ID", "", _text, "the account at the source")
    base_url: str = _setting(
        "CLOUDFLARE_BASE_URL",
        "https://api.cloudflare.com/client/v4",
        _url,
        "the source's API; anything but loopback must be https",
    )
    apps: tuple[str, ...] = _setting(
        "RTK_ARCHIVE_APPS", "", _list, "comma-separated app ids; all apps of the account unless set"
    )
    store: str = _setting(
        "RTK_ARCHIVE_STORE",
        "file:data/archive",
        _store,
        "`file:PATH` or `s3://BUCKET/PREFIX`; region, endpoint and credentials by the standard `AWS_*`",
    )
    data: Path = _setting(
        "RTK_ARCHIVE_DATA",
        "data",
        Path,
        "the folder of the ledger, the index and downloads under way",
    )
    formats: tuple[TranscriptFormat, ...] = _setting(
        "RTK_ARCHIVE_FORMATS",
        "JSON,CSV",
        _formats,
        "transcript formats to capture, the probe first",
    )
    summaries: str = _setting(
        "RTK_ARCHIVE_SUMMARIES",
        "generate",
        _choice("generate", "collect", "off"),
        "`generate` (ask for one where none comes by itself), `collect` (never ask), `off`",
    )
    summary_wait: timedelta = _setting(
        "RTK_ARCHIVE_SUMMARY_WAIT",
        "15m",
        _duration,
        "after the session's end, how long a summary that comes by itself is waited for before asking",
    )
    summary_patience: timedelta = _setting(
        "RTK_ARCHIVE_SUMMARY_PATIENCE",
        "6h",
        _duration,
        "how long a summary request of unknown fate is waited for before the second, and last",
    )
    peer_reports: bool = _setting(
        "RTK_ARCHIVE_PEER_REPORTS", "off", _switch, "capture peer reports: IP addresses and devices"
    )
    budget: RequestBudget = _setting(
        "RTK_ARCHIVE_BUDGET",
        "600/300",
        _budget,
        "requests per seconds that may be taken of the account's limit",
    )
    download_hosts: tuple[str, ...] = _setting(
        "RTK_ARCHIVE_DOWNLOAD_HOSTS",
        "",
        _list,
        "hosts artifacts may be downloaded from, `*.` allowed; any public host unless set",
    )
    download_max_bytes: int = _setting(
        "RTK_ARCHIVE_DOWNLOAD_MAX", "2GB", _size, "an artifact larger than this is not downloaded"
    )
    proxy: bool = _setting(
        "RTK_ARCHIVE_PROXY", "off", _switch, "use the proxy that `HTTPS_PROXY` names"
    )
    look_every: timedelta = _setting(
        "RTK_ARCHIVE_LOOK_EVERY", "2m", _duration, "between short looks at the newest sessions"
    )
    lookback: timedelta = _setting(
        "RTK_ARCHIVE_LOOKBACK", "14d", _duration, "how far back the whole look reaches"
    )
    lookback_every: timedelta = _setting(
        "RTK_ARCHIVE_LOOKBACK_EVERY", "6h", _duration, "between whole looks"
    )
    concurrency: int = _setting(
        "RTK_ARCHIVE_CONCURRENCY", "8", _count, "sessions captured at the same time"
    )
    sole_worker: bool = _setting(
        "RTK_ARCHIVE_SOLE_WORKER",
        "off",
        _switch,
        "declares that no other worker writes to this bucket; needed where put-if-absent is ignored",
    )
    parse_max_bytes: int = _setting(
        "RTK_ARCHIVE_PARSE_MAX",
        "64MB",
        _size,
        "an artifact larger than this is kept but not indexed",
    )
    listen: Address = _setting(
        "RTK_ARCHIVE_LISTEN",
        "127.0.0.1:8000",
        _address,
        "where the endpoint listens; an address beyond loopback is refused unless keys exist",
    )
    webhook_listen: Address | None = _setting(
        "RTK_ARCHIVE_WEBHOOK_LISTEN",
        "",
        _optional_address,
        "a second address that answers only the webhook and `/healthz`: point a tunnel here",
    )
    public_url: str = _setting(
        "RTK_ARCHIVE_PUBLIC_URL",
        "",
        _optional_url,
        "how links are written; while set, keys are needed",
    )
    query_timeout: timedelta = _setting(
        "RTK_ARCHIVE_QUERY_TIMEOUT", "10s", _duration, "a search that takes longer is stopped"
    )
    origins: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)

    @property
    def simulated(self) -> bool:
        """Whether the source is a stand-in: only HTTPS can be the real one."""
        return urlsplit(self.base_url).scheme == "http"

    @property
    def spool(self) -> Path:
        """Where downloads under way lie."""
        return self.data / "spool"

    @property
    def ledger_path(self) -> Path:
        return self.data / "ledger.db"

    @property
    def index_path(self) -> Path:
        return self.data / "index"

    def require_source(self) -> None:
        """Raise SettingsError unless there is a token and an account to ask with."""
        for name in ("token", "account_id"):
            if not getattr(self, name):
                raise SettingsError(
                    f"{variable_of(name)} is not set",
                    hint="set it to use your account, or try `rtk-archive demo` without one",
                )


def definitions() -> list[tuple[str, Mapping[str, Any]]]:
    """Every setting's name and its definition, in order."""
    return [(each.name, each.metadata) for each in fields(Settings) if each.metadata]


def variable_of(name: str) -> str:
    """The environment variable of a setting."""
    return str(next(definition["variable"] for each, definition in definitions() if each == name))


def key_of(variable: str) -> str:
    """A setting's key in the settings file: RTK_ARCHIVE_STORE is `store`."""
    return variable.removeprefix("RTK_ARCHIVE_").lower()


def load_settings(
    environ: Mapping[str, str],
    *,
    config: Path | None = None,
    overrides: Mapping[str, str] | None = None,
) -> Settings:
    """Read the settings: the file (`config`, or rtk-archive.toml here), then `environ`, then `overrides`.

    Overrides go by setting name. Raises SettingsError naming the key, where it stands and what it takes.
    """
    path = config or Path(FILE_NAME)
    from_file = _read_file(path) if config or path.exists() else {}
    _refuse_unknown(environ, from_file, path)
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for name, definition in definitions():
        variable = definition["variable"]
        candidates = (
            ("command line", (overrides or {}).get(name)),
            ("environment", environ.get(variable)),
            (str(path), from_file.get(key_of(variable))),
        )
        for origin, text in candidates:
            if text is not None:
                values[name] = _parse(definition, text, origin)
                origins[name] = origin
                break
    return Settings(**values, origins=origins)


def _parse(definition: Mapping[str, Any], text: str, origin: str) -> object:
    if definition["variable"] == "RTK_ARCHIVE_LISTEN" and not text:
        text = definition["default"]
    try:
        return definition["parse"](text)
    except ValueError as error:
        shown = "" if definition["parse"] is Secret else f" ({text[:80]!r})"
        raise SettingsError(f"{definition['variable']} from {origin}{shown} {error}") from None


def _refuse_unknown(environ: Mapping[str, str], from_file: Mapping[str, str], path: Path) -> None:
    variables = {definition["variable"] for _, definition in definitions()}
    for name in environ:
        if name.startswith("RTK_ARCHIVE_") and name not in variables:
            raise SettingsError(
                f"{name} in the environment is no setting", hint="`rtk-archive settings` lists them"
            )
    keys = {key_of(variable) for variable in variables}
    for key in from_file:
        if key not in keys:
            raise SettingsError(
                f"{key} in {path} is no setting", hint="`rtk-archive settings` lists them"
            )


def _read_file(path: Path) -> dict[str, str]:
    try:
        _refuse_writable_by_others(path)
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise SettingsError(f"the settings file {path} cannot be read: {reason}") from None
    return {key: _as_text(key, value, path) for key, value in document.items()}


def _refuse_writable_by_others(path: Path) -> None:
    if os.name != "posix":
        return
    status = path.stat()
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH) or status.st_uid not in {0, os.geteuid()}:
        raise SettingsError(
            f"the settings file {path} may be written by others", hint=f"chmod 600 {path}"
        )


def _as_text(key: str, value: object, path: Path) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, str | int):
        return str(value)
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return ",".join(value)
    raise SettingsError(f"{key} in {path} wants text, a number, on/off or a list of texts")
