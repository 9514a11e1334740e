"""Every setting of the program, in one frozen object: defaults, then a TOML file, then the environment."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from archiver.errors import SettingsError
from archiver.settings import grants, programs, retention, values
from archiver.settings.declaring import setting as _setting
from archiver.settings.paths import Paths
from archiver.settings.reading import Definition, key_of, read_settings
from archiver.settings.retention import ALL_APPS, Retention
from archiver.settings.values import Address, RequestBudget, Secret

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta

    from archiver.model import Lock, TranscriptFormat
    from archiver.settings.grants import Grant
    from archiver.settings.programs import Program

__all__ = [
    "FILE_NAME",
    "Address",
    "RequestBudget",
    "Secret",
    "Settings",
    "definitions",
    "key_of",
    "load_settings",
    "variable_of",
]

FILE_NAME = "rtk-archive.toml"


@dataclass(frozen=True, kw_only=True)
class Settings(Paths):
    """What the operator may choose; every field's metadata says its variable, default and meaning."""

    token: Secret = _setting(
        "CLOUDFLARE_API_TOKEN",
        "",
        values.secret,
        "the API token; needs the permission group Realtime",
    )
    account_id: str = _setting(
        "CLOUDFLARE_ACCOUNT_ID", "", values.text, "the account at the source"
    )
    base_url: str = _setting(
        "CLOUDFLARE_BASE_URL",
        "https://api.cloudflare.com/client/v4",
        values.url,
        "the source's API; anything but loopback must be https",
    )
    apps: tuple[str, ...] = _setting(
        "RTK_ARCHIVE_APPS",
        "",
        values.names,
        "comma-separated app ids; all apps of the account unless set",
    )
    store: str = _setting(
        "RTK_ARCHIVE_STORE",
        "file:data/archive",
        values.store,
        "`file:PATH` or `s3://BUCKET/PREFIX`; region, endpoint and credentials by the standard `AWS_*`",
    )
    lock: Retention = _setting(
        "RTK_ARCHIVE_LOCK",
        "off",
        retention.retention,
        "Object Lock of everything that is put: `off`, `governance:90d`, `compliance:7y`; then, by"
        " commas, `APP=…` for single apps",
    )
    legal_hold: tuple[str, ...] = _setting(
        "RTK_ARCHIVE_LEGAL_HOLD",
        "off",
        retention.held_apps,
        "puts what is archived under a legal hold: `off`, `all`, or comma-separated app ids",
    )
    encryption: str = _setting(
        "RTK_ARCHIVE_SSE",
        "",
        values.encryption,
        "encryption the bucket is asked for: `AES256`, `aws:kms` or `aws:kms:dsse`; the bucket's own"
        " unless set",
    )
    kms_key: str = _setting(
        "RTK_ARCHIVE_SSE_KMS_KEY",
        "",
        values.text,
        "id, alias or ARN of the KMS key; the account's default key unless set",
    )
    storage_class: str = _setting(
        "RTK_ARCHIVE_STORAGE_CLASS",
        "",
        values.storage_class,
        "storage class of what is put, such as `STANDARD_IA`; the bucket's default unless set",
    )
    data: Path = _setting(
        "RTK_ARCHIVE_DATA",
        "data",
        values.folder,
        "the folder of the ledger, the index, the unsealed record of reads and downloads under way",
    )
    formats: tuple[TranscriptFormat, ...] = _setting(
        "RTK_ARCHIVE_FORMATS",
        "JSON,CSV",
        values.formats,
        "transcript formats to capture, the probe first",
    )
    summaries: str = _setting(
        "RTK_ARCHIVE_SUMMARIES",
        "generate",
        values.choice("generate", "collect", "off"),
        "`generate` (ask for one where none comes by itself), `collect` (never ask), `off`",
    )
    summary_wait: timedelta = _setting(
        "RTK_ARCHIVE_SUMMARY_WAIT",
        "15m",
        values.duration,
        "after the session's end, how long a summary that comes by itself is waited for before asking",
    )
    summary_patience: timedelta = _setting(
        "RTK_ARCHIVE_SUMMARY_PATIENCE",
        "6h",
        values.duration,
        "how long a summary request of unknown fate is waited for before the second, and last",
    )
    peer_reports: bool = _setting(
        "RTK_ARCHIVE_PEER_REPORTS",
        "off",
        values.switch,
        "capture peer reports: IP addresses and devices",
    )
    budget: RequestBudget = _setting(
        "RTK_ARCHIVE_BUDGET",
        "600/300",
        values.budget,
        "requests per seconds that may be taken of the account's limit",
    )
    download_hosts: tuple[str, ...] = _setting(
        "RTK_ARCHIVE_DOWNLOAD_HOSTS",
        "",
        values.hosts,
        "hosts artifacts may be downloaded from, `*.` allowed; any public host unless set",
    )
    download_max_bytes: int = _setting(
        "RTK_ARCHIVE_DOWNLOAD_MAX",
        "2GB",
        values.size,
        "an artifact larger than this is not downloaded",
    )
    proxy: bool = _setting(
        "RTK_ARCHIVE_PROXY", "off", values.switch, "use the proxy that `HTTPS_PROXY` names"
    )
    look_every: timedelta = _setting(
        "RTK_ARCHIVE_LOOK_EVERY",
        "2m",
        values.interval,
        "between short looks at the newest sessions",
    )
    lookback: timedelta = _setting(
        "RTK_ARCHIVE_LOOKBACK", "14d", values.interval, "how far back the whole look reaches"
    )
    lookback_every: timedelta = _setting(
        "RTK_ARCHIVE_LOOKBACK_EVERY", "6h", values.interval, "between whole looks"
    )
    seal_every: timedelta = _setting(
        "RTK_ARCHIVE_SEAL_EVERY",
        "24h",
        values.at_least_daily,
        "between seals, which name what was committed; a day at most",
    )
    verify_every: timedelta = _setting(
        "RTK_ARCHIVE_VERIFY_EVERY",
        "30d",
        values.duration,
        "the worker reads everything back once in this time, a little at a time; `0d` never",
    )
    concurrency: int = _setting(
        "RTK_ARCHIVE_CONCURRENCY", "8", values.count, "sessions captured at the same time"
    )
    sole_worker: bool = _setting(
        "RTK_ARCHIVE_SOLE_WORKER",
        "off",
        values.switch,
        "declares that no other worker writes to this bucket; needed where put-if-absent is ignored",
    )
    parse_max_bytes: int = _setting(
        "RTK_ARCHIVE_PARSE_MAX",
        "64MB",
        values.size,
        "an artifact larger than this is kept but not indexed",
    )
    listen: Address = _setting(
        "RTK_ARCHIVE_LISTEN",
        "127.0.0.1:8000",
        values.address,
        "where the endpoint listens; an address beyond loopback is refused unless keys exist",
    )
    webhook_listen: Address | None = _setting(
        "RTK_ARCHIVE_WEBHOOK_LISTEN",
        "",
        values.optional_address,
        "a second address that answers only the webhook and `/healthz`: point a tunnel here",
    )
    webhook_key_url: str = _setting(
        "RTK_ARCHIVE_WEBHOOK_KEY_URL",
        "https://api.realtime.cloudflare.com/.well-known/webhooks.json",
        values.url,
        "where the source publishes the key its webhooks are signed with",
    )
    webhook_wait: timedelta = _setting(
        "RTK_ARCHIVE_WEBHOOK_WAIT",
        "1h",
        values.duration,
        "where webhooks arrive, how long an artifact's is waited for before it is asked for",
    )
    public_url: str = _setting(
        "RTK_ARCHIVE_PUBLIC_URL",
        "",
        values.optional_url,
        "how links are written; while set, keys are needed",
    )
    cors_origins: tuple[str, ...] = _setting(
        "RTK_ARCHIVE_CORS_ORIGINS",
        "",
        values.origins,
        "sites whose pages may use the API from a browser, with a key: `https://crm.example.com`,"
        " several by commas; none unless set",
    )
    keys_patience: timedelta = _setting(
        "RTK_ARCHIVE_KEYS_PATIENCE",
        "15m",
        values.interval,
        "how long the keys read last hold while the bucket cannot be read; then nobody is let in",
    )
    sign_in: timedelta = _setting(
        "RTK_ARCHIVE_SIGN_IN",
        "12h",
        values.interval,
        "how long people who signed in with a key stay so",
    )
    access_team: str = _setting(
        "RTK_ARCHIVE_ACCESS_TEAM",
        "",
        values.optional_url,
        "the Cloudflare Access team people come through: `https://TEAM.cloudflareaccess.com`",
    )
    access_audiences: tuple[str, ...] = _setting(
        "RTK_ARCHIVE_ACCESS_AUDIENCE",
        "",
        values.names,
        "the audience tag (AUD) of the Access application; several by commas",
    )
    access_grants: tuple[Grant, ...] = _setting(
        "RTK_ARCHIVE_ACCESS_ROLES",
        "",
        grants.grants,
        "what they may do: `ana@example.com=reader:APP+APP`, `*@example.com=reader`,"
        " `group:legal=auditor`, by commas; the first that fits",
    )
    key_rate: RequestBudget = _setting(
        "RTK_ARCHIVE_KEY_RATE",
        "600/60",
        values.budget,
        "requests per seconds that each key may make",
    )
    key_concurrency: int = _setting(
        "RTK_ARCHIVE_KEY_CONCURRENCY",
        "8",
        values.count,
        "requests of one key that are answered at the same time",
    )
    audit: bool = _setting(
        "RTK_ARCHIVE_AUDIT",
        "on",
        values.switch,
        "the record of reads; that it is off is itself recorded",
    )
    audit_keep: timedelta = _setting(
        "RTK_ARCHIVE_AUDIT_KEEP",
        "30d",
        values.duration,
        "how long the record of reads stays in the data folder once it is in the bucket",
    )
    mcp: bool = _setting(
        "RTK_ARCHIVE_MCP",
        "off",
        values.switch,
        "let models search and read, by `rtk-archive mcp` and at `/mcp`; needs the extra `mcp`",
    )
    mcp_key: Secret = _setting(
        "RTK_ARCHIVE_MCP_KEY",
        "",
        values.secret,
        "the key by which `rtk-archive mcp` reads; without one it sees all that this user may",
    )
    alert_secret: Secret = _setting(
        "RTK_ARCHIVE_ALERT_SECRET",
        "",
        values.signing_secret,
        "signs webhooks of saved searches, each by a secret derived from it; 32 characters or more",
    )
    alert_hosts: tuple[str, ...] = _setting(
        "RTK_ARCHIVE_ALERT_HOSTS",
        "",
        values.hosts,
        "hosts that webhooks of saved searches may be sent to, `*.` allowed; none unless set",
    )
    alert_commands: tuple[Program, ...] = _setting(
        "RTK_ARCHIVE_ALERT_COMMANDS",
        "",
        programs.programs,
        "commands for saved searches: `page=/bin/page --now`, by commas; only in the settings file",
        only_in_file=True,
    )
    query_timeout: timedelta = _setting(
        "RTK_ARCHIVE_QUERY_TIMEOUT", "10s", values.interval, "a search that takes longer is stopped"
    )
    metrics_file: Path | None = _setting(
        "RTK_ARCHIVE_METRICS_FILE",
        "",
        values.optional_file,
        "where the worker writes its metrics, such as `…/rtk-archive.prom` for node_exporter",
    )
    origins: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)

    @property
    def simulated(self) -> bool:
        """Whether the source is a stand-in: only HTTPS can be the real one."""
        return urlsplit(self.base_url).scheme == "http"

    @property
    def alerts(self) -> bool:
        """Whether anything can be told from here."""
        return bool(self.alert_secret) or bool(self.alert_commands)

    def lock_for(self, app_id: str, now: datetime) -> Lock:
        """The lock of what is put for an app now; for "", of what vouches for all of them."""
        held = bool(self.legal_hold) if not app_id else app_id in self.legal_hold
        found = self.lock.lock(app_id, now) if app_id else self.lock.strictest(now)
        return replace(found, hold=held or ALL_APPS in self.legal_hold)

    def require_whole_access(self) -> None:
        """Raise SettingsError where only a part of the settings for Cloudflare Access is set."""
        names = ("access_team", "access_audiences", "access_grants")
        unset = [variable_of(name) for name in names if not getattr(self, name)]
        if unset and len(unset) < len(names):
            raise SettingsError(
                f"{unset[0]} is not set", hint="people come through Access by all three, or by none"
            )

    def require_source(self) -> None:
        """Raise SettingsError unless there is a token and an account to ask with."""
        for name in ("token", "account_id"):
            if not getattr(self, name):
                raise SettingsError(
                    f"{variable_of(name)} is not set",
                    hint="set it to use your account, or try `rtk-archive demo` without one",
                )


def definitions() -> list[Definition]:
    """Every setting's name and its definition, in order."""
    return [(each.name, each.metadata) for each in fields(Settings) if each.metadata]


def variable_of(name: str) -> str:
    """The environment variable of a setting."""
    return str(next(definition["variable"] for each, definition in definitions() if each == name))


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
    found, origins = read_settings(
        definitions(), environ, overrides or {}, path, required=config is not None
    )
    return Settings(**found, origins=origins)
