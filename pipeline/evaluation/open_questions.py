"""What the numbers leave open about the choice of a method, and how many examples or seeds would settle it."""

from collections.abc import Mapping
from typing import Any

from pipeline.evaluation.bootstrap import ALPHA
from pipeline.evaluation.differences import Difference, format_change
from pipeline.evaluation.pairs import Pair
from pipeline.evaluation.power import (
    MOST_EXAMPLES,
    MOST_SEEDS,
    POWER,
    examples_needed,
    seeds_needed,
    settle,
)

NOTHING_DIFFERS = "no example differs"


def undecided_margin(pair: Pair, margin: float, examples: int, methods: int) -> str:
    """What would show whether pair.first loses less than the margin to pair.second: a part of a sentence.

    methods: how many Holm's correction is over.
    """
    estimate, tail = pair.estimate, ALPHA / methods
    distance = abs(estimate.difference + margin)
    return _needed(
        examples_needed(estimate, distance, estimate.seeds, tail),
        seeds_needed(estimate, distance, examples, tail),
        estimate,
    )


def undecided_difference(pair: Pair, examples: int, tests: int) -> str:
    """What would show a difference of the size that was measured, and what is shown now: a part of a sentence.

    tests: how many pairs Holm's correction is over.
    """
    estimate = pair.estimate
    if estimate.nothing_differs:
        return NOTHING_DIFFERS
    needed = settle(estimate, examples, tests)
    return (
        f"{_size(examples, estimate)} find a difference of {needed.detectable:.1f} points in {100 * POWER:.0f} % of "
        f"cases; {_needed(needed.examples, needed.seeds, estimate)}"
    )


def describe_interval(estimate: Mapping[str, Any]) -> str:
    """`+1.0 [-0.1, +2.1]`, of a difference with its low and high."""
    return format_change(estimate["difference"], estimate["low"], estimate["high"])


def not_ruled_out(difference: Difference) -> str:
    """What a difference that is not significant can still be; empty where its own interval excludes zero."""
    loss, gain = -difference.low, difference.high
    if loss <= 0 or gain <= 0:
        return ""
    return f"a loss of up to {loss:.1f} and a gain of up to {gain:.1f} points are not ruled out"


def _size(examples: int, difference: Difference) -> str:
    return f"{examples} examples and {difference.seeds} seeds" if difference.seeds > 1 else f"{examples} examples"


def _needed(examples: int | None, seeds: int | None, difference: Difference) -> str:
    ways = ways_to_settle(examples, seeds)
    if not ways:
        limits = f"{MOST_EXAMPLES:,} examples"
        return f"not even {limits}{f' or {MOST_SEEDS} seeds' if difference.seeds > 1 else ''} would settle it"
    unknown = "; how far another seed moves it is unknown" if difference.seeds == 1 else ""
    return f"settling it would take about {' or '.join(ways)}{unknown}"


def ways_to_settle(examples: int | None, seeds: int | None) -> list[str]:
    """`4,300 examples`, to two digits, and `7 seeds`; those that are known."""
    ways = [f"{float(f'{examples:.2g}'):,.0f} examples"] if examples else []
    return ways + ([f"{seeds} seeds"] if seeds else [])
