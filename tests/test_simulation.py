"""Weeks of hostile reality in seconds: whatever a seed draws, the promises hold.

`python -m tests.simulation --seeds 2000` runs any number; see `tests/simulation`.
"""

from __future__ import annotations

import time

import pytest

from tests.simulation.check import check

AT_LEAST = 25
FOR_S = 45.0


def test_the_promises_hold_whatever_happens() -> None:
    """As many seeds as fit the time, and at least twenty-five of them."""
    began = time.monotonic()
    seed = 0
    while seed < AT_LEAST or time.monotonic() - began < FOR_S:
        checked = check(seed)
        assert not checked.broken, f"seed {seed}:\n" + "\n".join(checked.broken)
        seed += 1


@pytest.mark.parametrize("seed", [4, 10])
def test_a_seed_is_the_same_run_again(seed: int) -> None:
    """Every object, every step, every death and every POST."""
    assert check(seed).trace == check(seed).trace != ""
