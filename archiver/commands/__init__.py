"""The commands: each how it is called, and what it does. `cli` puts them together and runs one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Coroutine

    from archiver.settings import Settings


@dataclass(frozen=True, slots=True)
class Command:
    """One command: how it is called, and what it does."""

    name: str
    help: str
    arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace, Settings], Coroutine[Any, Any, int]]
    needs_settings: bool = True
