"""The alerts and the dashboard: they ask for metrics there are, and Prometheus itself agrees with them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from archiver.metrics import FAMILIES
from tests.exposed import MONITORING, asked_for

ALERTS = (MONITORING / "alerts.yml").read_text(encoding="utf-8")
RULES = ALERTS.split("      - alert: ")[1:]
DASHBOARD = json.loads((MONITORING / "grafana.json").read_text(encoding="utf-8"))
UNIT_TESTS = Path(__file__).parent / "alerts_test.yml"
NAMES = {each.name for each in FAMILIES}
LABELS = {label for each in FAMILIES for label in each.labels} | {"instance"}

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="needs promtool, of the Debian package prometheus"
)


def test_the_alerts_ask_for_metrics_there_are() -> None:
    """In expressions as in descriptions: a name that was changed fails here."""
    assert asked_for(ALERTS) <= NAMES
    assert len(asked_for(ALERTS)) >= 10


def test_the_dashboard_asks_for_metrics_there_are() -> None:
    """Every panel has expressions, and every metric there is has a panel."""
    expressions = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]

    assert all(asked_for(each) for each in expressions)
    assert {name for each in expressions for name in asked_for(each)} == NAMES


@pytest.mark.parametrize("name", ["alerts.yml", "grafana.json"])
def test_they_ask_for_labels_there_are(name: str) -> None:
    """By which is selected or grouped."""
    text = (MONITORING / name).read_text(encoding="utf-8").replace('\\"', '"')
    asked = set(re.findall(r'[{,](\w+)=~?"', text))
    for group in re.findall(r"\bby \(([\w, ]+)\)", text):
        asked |= set(group.split(", "))

    assert asked <= LABELS
    assert "outcome" in asked


@pytest.mark.parametrize("rule", RULES, ids=[each.split("\n")[0] for each in RULES])
def test_every_alert_says_what_to_do(rule: str) -> None:
    """A severity, a summary and a description; and a test that makes it fire."""
    name = rule.split("\n", maxsplit=1)[0]
    assert re.search(r"^ {10}severity: (critical|warning)$", rule, re.MULTILINE)
    assert re.search(r"^ {10}summary: \S", rule, re.MULTILINE)
    description = rule.split(" description: >-\n")[1]
    assert len(description.split()) > 20
    assert f'alertname="{name}",alertstate="firing"' in UNIT_TESTS.read_text(encoding="utf-8")


def test_panels_have_ids_of_their_own_and_do_not_overlap() -> None:
    """What an editor would have seen to."""
    panels = DASHBOARD["panels"]
    cells = [
        (x, y)
        for panel in panels
        for at in [panel["gridPos"]]
        for x in range(at["x"], at["x"] + at["w"])
        for y in range(at["y"], at["y"] + at["h"])
    ]

    assert len({panel["id"] for panel in panels}) == len(panels)
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24


def _promtool(*arguments: str | Path) -> str:
    ran = subprocess.run(
        ["promtool", *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@needs_promtool
def test_prometheus_understands_the_alerts() -> None:
    """All of them, by its own tool."""
    assert f"{len(RULES)} rules found" in _promtool("check", "rules", MONITORING / "alerts.yml")


@needs_promtool
def test_every_alert_fires_when_it_should_and_not_before() -> None:
    """Prometheus's own unit tests, over series made for each alert."""
    assert "SUCCESS" in _promtool("test", "rules", UNIT_TESTS)
