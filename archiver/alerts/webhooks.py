"""Calling a webhook: signed, to hosts the settings name, under the rules of downloads, no redirects."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Self

from archiver.alerts.signing import headers_of, secret_of
from archiver.errors import AlertError, DownloadError, DownloadForbiddenError, UndeliveredError
from archiver.realtimekit.download_rules import Rules
from archiver.realtimekit.guarded import FAILURES, Guarded, failure_of
from archiver.realtimekit.lenient import escape

if TYPE_CHECKING:
    from types import TracebackType

    from aiohttp.abc import AbstractResolver
    from yarl import URL

    from archiver.alerts.records import Search
    from archiver.settings import Settings

TIMEOUT_S = 10.0
TOTAL_TIMEOUT_S = 20.0
CONNECTIONS = 32
#: An answer up to this size is read, so that its connection can be used again; its text is not.
ANSWER_BYTES_MAX = 16 * 1024
_GONE = 410


class Webhooks:
    """Sends messages to the webhooks of saved searches.

    `exempt_base_url` is the one loopback host that may be called, in clear text: for trying out.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        exempt_base_url: str = "",
        resolver: AbstractResolver | None = None,
    ) -> None:
        self._setting = settings.alert_secret
        self._hosts = settings.alert_hosts
        self._exempt = bool(exempt_base_url)
        self._rules = Rules(
            exempt_base_url=exempt_base_url,
            allowed_hosts=settings.alert_hosts,
            what="webhook",
            setting="RTK_ARCHIVE_ALERT_HOSTS",
        )
        self._client = Guarded(
            self._rules,
            timeout_s=TIMEOUT_S,
            total_timeout_s=TOTAL_TIMEOUT_S,
            connections=CONNECTIONS,
            trust_env=settings.proxy,
            resolver=resolver,
        )

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._client.__aexit__(kind, error, traceback)

    def require_settings(self) -> None:
        """Raise AlertError unless messages can be signed, and any host may be called."""
        if not self._setting:
            raise AlertError(
                "webhooks cannot be signed: RTK_ARCHIVE_ALERT_SECRET is not set",
                hint="set it to at least 32 random characters, such as `openssl rand -base64 32`"
                " prints",
            )
        if not self._hosts and not self._exempt:
            raise AlertError(
                "no webhook may be called: RTK_ARCHIVE_ALERT_HOSTS is not set",
                hint="set it to the hosts that may be, such as hooks.example.com",
            )

    def check(self, url: str) -> URL:
        """The URL as it will be called; raises AlertError where nothing may be sent there."""
        self.require_settings()
        try:
            return self._rules.check(url)
        except DownloadForbiddenError as error:
            raise AlertError(error.message, hint=error.hint) from None

    def secret(self, search: Search) -> str:
        """What a search's messages are signed with, as its receiver has it."""
        return secret_of(self._setting.reveal(), search.id)

    async def send(self, search: Search, message: str, sent_at_s: int, body: bytes) -> None:
        """Send a message; raises UndeliveredError unless its receiver said that it has it."""
        try:
            url = self.check(search.target.to)
        except AlertError as error:
            raise UndeliveredError(error.message) from None
        headers = headers_of(self.secret(search), message, sent_at_s, body)
        headers["Content-Type"] = "application/json"
        try:
            async with self._client.request("POST", url, data=body, headers=headers) as answer:
                status = answer.status
                with suppress(*FAILURES):  # it is the status that tells
                    if (answer.content_length or 0) <= ANSWER_BYTES_MAX and status < 300:
                        await answer.content.read(ANSWER_BYTES_MAX)
        except FAILURES as error:
            failure = failure_of(error, lambda reason: _at(reason, url))
            raise UndeliveredError(failure.message) from None
        except DownloadError as error:  # an address that is not public
            raise UndeliveredError(error.message) from None
        if not 200 <= status < 300:
            raise UndeliveredError(_at(str(status), url), is_gone=status == _GONE)


def _at(reason: str, url: URL) -> str:
    return f"webhook at {escape(url.host or '')}: {reason}"
