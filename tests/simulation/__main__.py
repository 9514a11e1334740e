"""Run any number of seeds on all cores: `python -m tests.simulation --seeds 2000 [--from 0] [--jobs N]`.

A seed that fails is printed with what does not hold; `--seeds 1 --from SEED` runs it again, the same.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import TYPE_CHECKING

from tests.simulation.check import Checked, check

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Exit with 1 where an invariant does not hold."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--from", dest="first", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    args = parser.parse_args(argv)
    began, done, failed = time.monotonic(), 0, []
    seeds = range(args.first, args.first + args.seeds)
    totals = Checked(seed=-1)
    # Looking for cycles so often takes a tenth of the time.
    with ProcessPoolExecutor(args.jobs, initializer=gc.set_threshold, initargs=(50_000,)) as pool:
        for running in as_completed([pool.submit(check, seed) for seed in seeds]):
            checked = running.result()
            done += 1
            totals.add(checked)
            if checked.broken:
                failed.append(checked.seed)
                print(f"seed {checked.seed}:", *checked.broken, sep="\n    ", flush=True)
            if done % 100 == 0:
                print(f"{done} seeds, {len(failed)} failed", file=sys.stderr, flush=True)
    print(
        f"{done} seeds in {time.monotonic() - began:.0f} s: {totals.sessions} sessions,"
        f" {totals.requests} requests, {totals.kills} kills, {totals.posts} POSTs,"
        f" {totals.lost} artifacts lost for good reason; failed: {failed or 'none'}"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
