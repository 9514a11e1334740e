"""Settings as they are shown: each with its value, where it came from and its default; secrets masked."""

from __future__ import annotations

from datetime import timedelta

from archiver.settings import Settings, definitions
from archiver.settings.values import RequestBudget, Secret


def settings_rows(settings: Settings) -> list[dict[str, str]]:
    """Every setting, in order, as text."""
    return [
        {
            "variable": definition["variable"],
            "value": _text(getattr(settings, name)),
            "origin": settings.origins.get(name, "default"),
            "default": definition["default"],
        }
        for name, definition in definitions()
    ]


def _text(value: object) -> str:
    if isinstance(value, Secret):
        return str(value)
    if isinstance(value, tuple):
        return ",".join(str(each) for each in value)
    if isinstance(value, timedelta):
        return f"{int(value.total_seconds())}s"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, RequestBudget):
        return f"{value.requests}/{value.period_s:.0f}"
    return "" if value is None else str(value)
