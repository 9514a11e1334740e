"""Every bar of search, and what was found, in one table.

    python -m benchmarks.search_table --keep DIR [--qmsum DIR] [--sizes 1000000,10000000] [--seed 1]

Runs `benchmarks.search` at each size, `benchmarks.relevance`, `benchmarks.recall` and `benchmarks.http`,
each in a process of its own, shows what they print, and then one line for each bar: the row, the bar,
what was found. Growth is seen between the first size and the last. The first run builds the indexes
(ten million utterances want some 6 GB of disk); later runs find them in DIR.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.search.timing import geometric_mean

#: Sizes from this one on are held to the wider bars.
LARGE = 3_000_000


class Row(NamedTuple):
    """One bar."""

    what: str
    bar: str
    found: str
    holds: bool | None  #: None: only reported


def at_most(what: str, bar: float, value: float, unit: str = "") -> Row:
    return Row(what, f"<= {bar:g}{unit}", f"{value:.2f}{unit}", value <= bar)


def at_least(what: str, bar: float, value: float, unit: str = "") -> Row:
    return Row(what, f">= {bar:g}{unit}", f"{value:.3f}{unit}", value >= bar)


def rows_of_size(figures: dict[str, Any]) -> list[Row]:
    """The bars that hold at one size."""
    utterances, classes = figures["utterances"], figures["classes"]
    size = f"{utterances / 1e6:g}M"
    p50_bar, p99_bar = (10, 100) if utterances >= LARGE else (5, 25)
    slowest = max(classes, key=lambda name: classes[name]["ours"]["p50_ms"])
    worst = max(classes, key=lambda name: classes[name]["ours"]["p99_ms"])
    rows = [
        at_most(f"{size}: p50, {slowest}", p50_bar, classes[slowest]["ours"]["p50_ms"], " ms"),
        at_most(f"{size}: p99, {worst}", p99_bar, classes[worst]["ours"]["p99_ms"], " ms"),
    ]
    adds = {
        name: each["faceted"]["p50_ms"] - each["ours"]["p50_ms"] for name, each in classes.items()
    }
    most = max(adds, key=lambda name: adds[name])
    rows.append(at_most(f"{size}: facets add to the p50, {most}", 10, adds[most], " ms"))
    for peer, does in (("peer", "giving the same answer"), ("lean", "doing less")):
        ratios = [
            each["ours"]["p50_ms"] / each[peer]["figures"]["p50_ms"] for each in classes.values()
        ]
        what = f"{size}: p50 by tantivy's {does}, geometric mean"
        rows.append(at_most(what, 1.3, geometric_mean(ratios)))
    ours, theirs = figures["build"]["ours"], figures["build"]["tantivy"]
    by_cpu = theirs["cpu_s"] / ours["cpu_s"]
    rows += [
        at_least(f"{size}: build rate by tantivy's, per CPU second", 0.5, by_cpu),
        Row(f"{size}: the same by the clock", "", f"{theirs['wall_s'] / ours['wall_s']:.3f}", None),
        at_most(f"{size}: peak memory of the build", 600, ours["peak_mib"], " MiB"),
        at_most(
            f"{size}: everything on disk by the text", 2.0, ours["size_bytes"] / ours["text_bytes"]
        ),
    ]
    return rows + _rows_of_upkeep(size, figures["upkeep"])


def _rows_of_upkeep(size: str, upkeep: dict[str, dict[str, float]]) -> list[Row]:
    alone, beside = upkeep["reader"]["p99_ms"], upkeep["reader_beside_writer"]["p99_ms"]
    return [
        at_most(f"{size}: insert of a session, p50", 10, upkeep["insert"]["p50_ms"], " ms"),
        at_most(f"{size}: insert of a session, p99", 100, upkeep["insert"]["p99_ms"], " ms"),
        at_most(f"{size}: readers' p99 meanwhile, by alone", 2, beside / alone),
    ]


def row_of_growth(small: dict[str, Any], large: dict[str, Any]) -> Row:
    """The class that grows most, by how the data grow."""
    growth = {
        name: each["ours"]["p50_ms"] / small["classes"][name]["ours"]["p50_ms"]
        for name, each in large["classes"].items()
    }
    most = max(growth, key=lambda name: growth[name])
    times = large["utterances"] / small["utterances"]
    return at_most(f"growth of the p50, {most}", times, growth[most], " x")


def rows_of_relevance(figures: dict[str, dict[str, float]]) -> list[Row]:
    found = figures["all"]
    return [
        at_least("relevance: MRR@10 of the meeting", 0.46, found["MRR@10"]),
        at_least("relevance: hit@5 of a moment", 0.73, found["hit@5"]),
    ]


def rows_of_http(figures: dict[str, float]) -> list[Row]:
    return [
        at_most("HTTP: the endpoint adds, p50", 1, figures["adds_ms"], " ms"),
        at_least("HTTP: two processes by one", 1.8, figures["two"] / figures["one"]),
    ]


def run(name: str, *args: object) -> Any:
    """One of the scripts: shows what it prints, and returns its figures."""
    with tempfile.NamedTemporaryFile(suffix=".json") as found:
        argv = [sys.executable, "-m", f"benchmarks.{name}", *map(str, args), "--json", found.name]
        print(f"\n== {name} {' '.join(map(str, args))}", flush=True)
        subprocess.run(argv, check=True)
        return json.loads(Path(found.name).read_text(encoding="utf-8"))


def print_table(rows: list[Row]) -> None:
    width = max(len(each.what) for each in rows)
    print(f"\n{'':<{width}}  {'bar':>12}  {'found':>12}")
    for what, bar, found, holds in rows:
        verdict = {True: "", False: "  missed", None: ""}[holds]
        print(f"{what:<{width}}  {bar:>12}  {found:>12}{verdict}")


def main() -> None:
    """Read the arguments, measure everything, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--keep", type=Path, required=True, metavar="DIR", help="for the indexes")
    parser.add_argument("--qmsum", type=Path, metavar="DIR", help="without it, no relevance")
    parser.add_argument("--sizes", default="1000000,10000000", help="utterances, by commas")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    sizes = [int(each) for each in args.sizes.split(",")]
    asked = ("--seed", args.seed, "--keep", args.keep)
    measured = [
        run(
            "search",
            "--utterances",
            each,
            *asked,
            "--peer",
            "tantivy",
            "--cold",
            "--running-indexer",
        )
        for each in sizes
    ]
    rows = [row for figures in measured for row in rows_of_size(figures)]
    if len(sizes) > 1:
        rows.append(row_of_growth(measured[0], measured[-1]))
    if args.qmsum is not None:
        rows += rows_of_relevance(run("relevance", "--qmsum", args.qmsum))
    rows += [at_least(f"recall: {name}", 1, value) for name, value in run("recall").items()]
    rows += rows_of_http(run("http", "--utterances", sizes[0], *asked))
    print_table(rows)
    print(measured[0]["machine"])


if __name__ == "__main__":
    main()
