"""Where settings stand: the command line, the environment, a TOML file; in this order, all strict."""

from __future__ import annotations

import difflib
import os
import stat
import tomllib
import unicodedata
from typing import TYPE_CHECKING, Any

from archiver.errors import SettingsError
from archiver.settings import values

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

PREFIX = "RTK_ARCHIVE_"

#: A setting's name, and what its field's metadata says.
Definition = tuple[str, "Mapping[str, Any]"]


def key_of(variable: str) -> str:
    """A setting's key in the settings file: RTK_ARCHIVE_STORE is `store`."""
    return variable.removeprefix(PREFIX).lower()


def read_settings(
    definitions: Sequence[Definition],
    environ: Mapping[str, str],
    overrides: Mapping[str, str],
    path: Path,
    *,
    required: bool,
) -> tuple[dict[str, Any], dict[str, str]]:
    """The value of every setting that is set, and where each came from."""
    from_file = _read_file(path) if required or path.exists() else {}
    _refuse_unknown(
        [definition["variable"] for _, definition in definitions], environ, from_file, path
    )
    found: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for name, definition in definitions:
        variable = definition["variable"]
        if definition["only_in_file"] and variable in environ:
            raise SettingsError(
                f"{variable} is in the environment, and counts only in the settings file",
                hint=f"write {key_of(variable)} in {path}",
            )
        candidates = (
            ("command line", overrides.get(name)),
            ("environment", environ.get(variable)),
            (str(path), from_file.get(key_of(variable))),
        )
        for origin, text in candidates:
            if text is not None:
                found[name] = _parse(definition, text, origin)
                origins[name] = origin
                break
    return found, origins


def _parse(definition: Mapping[str, Any], text: str, origin: str) -> object:
    variable, parse = definition["variable"], definition["parse"]
    if variable == "RTK_ARCHIVE_LISTEN" and not text:
        text = definition["default"]
    try:
        return parse(_without_controls(text))
    except ValueError as error:
        # What is not understood may hold a password, or the signature of a URL.
        hidden = parse in {values.secret, values.signing_secret} or "@" in text or "?" in text
        shown = "" if hidden else f" ({text[:80]!r})"
        raise SettingsError(f"{variable} from {origin}{shown} {error}") from None


def _without_controls(text: str) -> str:
    if any(unicodedata.category(each) in {"Cc", "Cs"} for each in text.strip()):
        raise ValueError("holds a control character")
    return text


def _refuse_unknown(
    variables: Sequence[str], environ: Mapping[str, str], from_file: Mapping[str, str], path: Path
) -> None:
    for name in environ:
        if name.startswith(PREFIX) and name not in variables:
            hint = _closest(name, variables)
            raise SettingsError(f"{name} in the environment is no setting", hint=hint)
    keys = [key_of(variable) for variable in variables]
    for key in from_file:
        if key not in keys:
            raise SettingsError(f"{key} in {path} is no setting", hint=_closest(key, keys))


def _closest(name: str, names: Sequence[str]) -> str:
    """What was probably meant; else where all of them stand, for the command that lists them stops too."""
    close = difflib.get_close_matches(name.upper(), [each.upper() for each in names], 1)
    meant = [each for each in names if each.upper() in close]
    return f"did you mean {meant[0]}?" if meant else "the README lists them; correct or remove it"


def _read_file(path: Path) -> dict[str, str]:
    try:
        with path.open("rb") as file:
            _refuse_writable_by_others(os.fstat(file.fileno()), path)
            document = tomllib.loads(file.read().decode("utf-8"))
    except OSError as error:
        raise SettingsError(f"the settings file {path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"the settings file {path} cannot be read: {error}") from None
    return {key: _as_text(key, value, path) for key, value in document.items()}


def _refuse_writable_by_others(status: os.stat_result, path: Path) -> None:
    if os.name != "posix":
        return
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
