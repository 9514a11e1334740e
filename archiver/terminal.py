"""What the commands write: results on standard output, everything else on standard error."""

from __future__ import annotations

import json
import logging
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator


def say(text: str) -> None:
    """A line for people, on standard error."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201 — this is the one place that prints


def answer(text: str) -> None:
    """A line of the result, on standard output."""
    print(text, flush=True)  # noqa: T201 — this is the one place that prints


def answer_json(document: Any) -> None:
    """One JSON document, on standard output."""
    # Escaped, nothing in it can steer a terminal; DEL is the one control that JSON lets through.
    answer(json.dumps(document).replace("\x7f", "\\u007f"))


class Progress(Protocol):
    """Told how far long work has come."""

    def __call__(self, done: int, total: int | None = None) -> None:
        """So much is done, of so much if that is known."""
        ...


@contextmanager
def progress(title: str, *, unit: str = "sessions") -> Iterator[Progress]:
    """A progress bar on a terminal, plain lines elsewhere."""
    if sys.stderr.isatty():
        with _bar(title) as update:
            yield update
    else:
        yield _lines(title, unit)


@contextmanager
def _bar(title: str) -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Bar(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task(title, total=None)

        def update(done: int, total: int | None = None) -> None:
            bar.update(task, completed=done, total=total)

        yield update


def _lines(title: str, unit: str, every_s: float = 5.0) -> Progress:
    last = time.monotonic()

    def update(done: int, total: int | None = None) -> None:
        nonlocal last
        if time.monotonic() - last >= every_s:
            last = time.monotonic()
            say(f"{title}: {done}{f' of {total}' if total else ''} {unit}")

    return update


class _JsonFormatter(logging.Formatter):
    """A log line: one event name plus keys; no sentence, and nothing said in a meeting."""

    _standard = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

    def format(self, record: logging.LogRecord) -> str:
        keys = {key: value for key, value in vars(record).items() if key not in self._standard}
        line = {
            "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created)),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **keys,
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=True)


def set_up_logs(*, verbose: bool) -> None:
    """Write our own log lines to standard error: warnings, or with `verbose` everything we say."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonFormatter())
    for name in ("archiver", "search"):
        logger = logging.getLogger(name)
        logger.handlers[:] = [handler]
        logger.setLevel(logging.INFO if verbose else logging.WARNING)
        logger.propagate = False
