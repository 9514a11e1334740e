"""Latency, size and build of the index, class by class, against tantivy doing the same work.

    python -m benchmarks.search [--utterances 1000000] [--peer tantivy] [--keep DIR] [--classes NAMES]
                                [--cold] [--running-indexer] [--json FILE]

Three moments, highlights and the exact total with every answer. `--keep` holds the indexes for the
next run; without it they are built in a temporary folder. `benchmarks.search.peer` says what the peer
does, and where it does less.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import tempfile
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.corpus import Corpus
from benchmarks.search import indexes, peer_index
from benchmarks.search.queries import queries_of
from benchmarks.search.timing import Compared, Peers, compare, geometric_mean
from benchmarks.search.upkeep import Upkeep, beside_writer, cold, upkeep
from benchmarks.source import machine
from search.index.library import Library

if TYPE_CHECKING:
    from benchmarks.search.queries import Classes

WIDTH = 21


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--utterances", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--peer", choices=["tantivy"])
    parser.add_argument("--keep", type=Path, metavar="DIR", help="where indexes are built and kept")
    parser.add_argument("--classes", help="only these, by commas")
    parser.add_argument("--cold", action="store_true", help="every file out of the page cache, too")
    parser.add_argument(
        "--running-indexer", action="store_true", help="while sessions are inserted, too"
    )
    parser.add_argument("--no-upkeep", action="store_true", help="insert nothing")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    return parser.parse_args()


def main() -> None:
    """Read the arguments, build what is not built yet, and measure."""
    args = arguments()
    if args.keep is not None:
        args.keep.mkdir(parents=True, exist_ok=True)
        measure(args, args.keep)
    else:
        with tempfile.TemporaryDirectory() as kept:
            measure(args, Path(kept))


def measure(args: argparse.Namespace, kept: Path) -> None:
    corpus = Corpus(args.utterances, args.seed)
    ours = indexes.kept_index(corpus, kept, "ours", indexes.build)
    theirs = indexes.kept_index(corpus, kept, "tantivy", peer_index.build) if args.peer else None
    classes = queries_of(corpus, kept)
    if args.classes:
        wanted = args.classes.split(",")
        if unknown := sorted({*wanted} - {*classes}):
            raise SystemExit(f"there is no class {', '.join(unknown)}, only: {', '.join(classes)}")
        classes = {name: classes[name] for name in wanted}
    print(f"{corpus.utterances} utterances in {len(corpus)} sessions   [{machine()}]")
    figures: dict[str, Any] = {"utterances": corpus.utterances, "machine": machine()}
    figures["build"] = _report_builds(ours, theirs)
    with closing(Library(ours, timeout_s=120)) as library:
        found = compare(classes, library, Peers(theirs) if theirs else None)
    figures["classes"] = {name: dataclasses.asdict(each) for name, each in found.items()}
    _report(found)
    if args.cold:
        _report_cold(ours, theirs, classes)
    if args.running_indexer:
        print("\nwhile sessions are inserted at full speed, ms p50 / p99")
        for name, each in beside_writer(ours, classes).items():
            print(f"{name:<{WIDTH}} {each}")
    if not args.no_upkeep:
        figures["upkeep"] = dataclasses.asdict(
            _report_upkeep(upkeep(ours, queries_of(corpus, kept)))
        )
    if args.json is not None:
        args.json.write_text(json.dumps(figures, indent=1), encoding="utf-8")


def _report_builds(ours: Path, theirs: Path | None) -> dict[str, Any]:
    held = {"ours": indexes.built(ours)}
    if theirs is not None:
        print(f"tantivy (Python) {version('tantivy')}")
        held["tantivy"] = indexes.built(theirs)
    for name, each in held.items():
        print(
            f"build of {name:<8} {each.rate:8.0f} utterances per CPU second, "
            f"{each.utterances / each.wall_s:8.0f} per second; size {each.size_ratio:.2f} x text; "
            f"peak {each.peak_mib:.0f} MiB, {each.before_mib:.0f} of them before it began"
        )
    if theirs is not None:
        print(f"build rate, ours by tantivy's: {held['ours'].rate / held['tantivy'].rate:.2f}")
    return {name: dataclasses.asdict(each) for name, each in held.items()}


def _report(found: dict[str, Compared]) -> None:
    print(
        f"\n{'ms p50 / p99':<{WIDTH}} {'ours':>15} {'facets add':>11}"
        f" {'tantivy, same':>15} {'ratio':>6} {'less':>15} {'ratio':>6}"
    )
    ratios: tuple[list[float], list[float]] = [], []
    for name, each in found.items():
        adds = each.faceted.p50_ms - each.ours.p50_ms
        line = f"{name:<{WIDTH}} {each.ours!s:>15} {adds:>11.2f}"
        for best, known in zip((each.peer, each.lean), ratios, strict=True):
            if best is not None:
                known.append(each.ours.p50_ms / best.figures.p50_ms)
                line += f" {best.figures!s:>15} {known[-1]:>6.2f}"
        line += f"   {each.peer.variant}" if each.peer else ""
        line += f", {each.empty} found nothing" * bool(each.empty)
        print(line + f", {each.unlike} other totals" * bool(each.unlike))
    if ratios[0]:
        same, less = map(geometric_mean, ratios)
        print(
            "geometric mean of the ratios of p50:"
            f" {same:.2f} where tantivy gives the same answer, {less:.2f} where it does less"
        )


def _report_cold(ours: Path, theirs: Path | None, classes: Classes) -> None:
    print("\nindex just opened, its files out of the page cache, ms p50 / p99")
    for name, (mine, others) in cold(ours, theirs, classes).items():
        print(f"{name:<{WIDTH}} {mine!s:>17} {others or ''!s:>17}")


def _report_upkeep(found: Upkeep) -> Upkeep:
    print("\nms p50 / p99, alone, and while the other is at it")
    print(
        f"{'insert of a session':<{WIDTH}} {found.insert!s:>17} {found.insert_beside_reader!s:>17}"
    )
    print(f"{'reader':<{WIDTH}} {found.reader!s:>17} {found.reader_beside_writer!s:>17}")
    return found


if __name__ == "__main__":
    main()
