"""What this machine gives the archiver to work with: a folder, SQLite, open files, a way out."""

from __future__ import annotations

import os
import platform
import resource
import tempfile
from typing import TYPE_CHECKING
from urllib.request import getproxies

from archiver.checks import Check, failed, not_applicable, ok, unknown, weak
from archiver.errors import LedgerError
from archiver.filesystems import NETWORK, kind_of, nearest, privacy_check, space_check
from archiver.ledger import Ledger
from migrations.sqlite import VERSION, DatabaseError, faults, missing_features

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from archiver.settings import Settings

_SETTING = "RTK_ARCHIVE_DATA"
#: A worker's connections, its threads' files and SQLite's, with room to spare.
OPEN_FILES_MIN = 1024
CHECKED_FOR_S = 10.0
_REBUILD = "`rtk-archive rebuild all` makes it again from the bucket"


def examine_machine(settings: Settings, archive_id: str) -> Iterator[Check]:
    """Every trial of this machine; `archive_id` is "" where there is no archive yet."""
    yield ok("Python", f"{platform.python_implementation()} {platform.python_version()}")
    yield _sqlite()
    yield _data(settings.data)
    if settings.data.is_dir():
        yield privacy_check("data privacy", settings.data)
    yield space_check("data space", settings.data, _SETTING)
    yield _file_system(settings.data)
    yield _ledger(settings.ledger_path, archive_id)
    yield _index(settings.index_path)
    yield _open_files()
    yield _proxies(settings)


def _sqlite() -> Check:
    if missing := missing_features():
        return failed(
            "SQLite",
            f"{VERSION} has no {', '.join(missing)}",
            "install a newer one: pip install 'realtimekit-archive[sqlite]'",
        )
    return ok("SQLite", f"{VERSION} has all that is used: strict tables, full-text search")


def _data(data: Path) -> Check:
    place = nearest(data)
    try:
        with tempfile.TemporaryFile(dir=place) as file:
            file.write(b"written")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        return failed("data", f"{place} cannot be written to: {reason}", f"check {_SETTING}")
    there = "can be written to" if place == data.absolute() else "is not there yet, and can be made"
    return ok("data", f"{data.absolute()} {there}")


def _file_system(data: Path) -> Check:
    kind = kind_of(data)
    if kind in NETWORK:
        return failed(
            "data file system",
            f"{kind}: SQLite's write-ahead log does not work over a network",
            f"move {_SETTING} to a disk of this machine",
        )
    return ok("data file system", kind or "of unknown kind")


def _ledger(path: Path, archive_id: str) -> Check:
    if not path.exists():
        return not_applicable("ledger", "there is none yet")
    if (instead := _damage("ledger", path)) is not None:
        return instead
    try:
        ledger = Ledger.open(path, read_only=True)
    except LedgerError as error:
        return failed("ledger", error.message, error.hint or _REBUILD)
    try:
        belongs_to = ledger.about("archive")
    except LedgerError as error:
        return failed("ledger", error.message, error.hint or _REBUILD)
    finally:
        ledger.close()
    if archive_id and belongs_to and belongs_to != archive_id:
        return failed(
            "ledger",
            "it is of another archive than the store's",
            f"give every archive a folder of its own in {_SETTING}",
        )
    return ok("ledger", "whole, by SQLite's own check")


def _index(folder: Path) -> Check:
    files = sorted(folder.rglob("*.db")) if folder.is_dir() else []
    if not files:
        return not_applicable("index", "there is none yet")
    for path in files:
        if (instead := _damage("index", path)) is not None:
            return instead
    return ok("index", f"{len(files)} files, whole by SQLite's own check")


def _damage(name: str, path: Path) -> Check | None:
    """What is wrong with a file of SQLite's, or None."""
    try:
        found = faults(path, within_s=CHECKED_FOR_S)
    except DatabaseError as error:
        return failed(name, f"{path} cannot be read: {error}", _REBUILD)
    if found is None:
        return unknown(name, f"{path} is too large to be checked in {CHECKED_FOR_S:.0f} s")
    return failed(name, f"{path} is damaged: {found[0]}", _REBUILD) if found else None


def _open_files() -> Check:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return ok("open files", "no limit")
    if soft < OPEN_FILES_MIN:
        advice = f"raise it to {OPEN_FILES_MIN} (ulimit -n, or LimitNOFILE= of the service)"
        return weak("open files", f"the limit is {soft}", advice)
    return ok("open files", f"the limit is {soft}")


def _proxies(settings: Settings) -> Check:
    # Their URLs may hold passwords: only the names are told.
    named = sorted(set(getproxies()) & {"http", "https", "all"})
    if named and not settings.proxy:
        return weak(
            "proxies",
            f"the environment names one for {', '.join(named)}; the source is asked without it",
            "set RTK_ARCHIVE_PROXY=on where it is needed",
        )
    if settings.proxy and not named:
        observed = "RTK_ARCHIVE_PROXY is on, and the environment names no proxy"
        return weak("proxies", observed, "set HTTPS_PROXY, or leave RTK_ARCHIVE_PROXY off")
    return ok("proxies", "used as the settings say" if named else "none")
