"""How a setting is declared: once, with its variable, default, parser and meaning."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def setting(
    variable: str,
    default: str,
    parse: Callable[[str], T],
    meaning: str,
    *,
    only_in_file: bool = False,
) -> T:
    """Declare one setting; the dataclass field's metadata is its whole definition."""
    metadata = {"variable": variable, "default": default, "parse": parse, "meaning": meaning}
    metadata |= {"only_in_file": only_in_file}
    return field(default_factory=lambda: parse(default), metadata=metadata)
