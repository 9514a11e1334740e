"""Metrics as Prometheus's own parser understands them, and those that alerts and dashboards ask for."""

from __future__ import annotations

import re
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from archiver.metrics import PREFIX

MONITORING = Path(__file__).parent.parent / "archiver" / "monitoring"


def read(text: bytes) -> dict[str, float]:
    """Values by name, without the prefix, and labels: `sessions{state=live}`."""
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(text.decode()):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sample.labels.items())
            name = sample.name.removeprefix(PREFIX)
            assert name != sample.name
            found[f"{name}{{{labels}}}" if labels else name] = sample.value
    return found


def asked_for(text: str) -> set[str]:
    """The names of the metrics in a text, without the prefix."""
    return set(re.findall(rf"\b{PREFIX}(\w+)", text))
