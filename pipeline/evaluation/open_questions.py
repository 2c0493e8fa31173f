"""What the numbers leave open about the choice of a method, and how many dialogues or seeds would settle it."""

from collections.abc import Mapping
from typing import Any

from pipeline.evaluation.bootstrap import ALPHA
from pipeline.evaluation.differences import Difference
from pipeline.evaluation.pairs import Pair
from pipeline.evaluation.power import (
    MOST_DIALOGUES,
    MOST_SEEDS,
    POWER,
    dialogues_needed,
    seeds_needed,
    settle,
)


def undecided_margin(pair: Pair, margin: float, dialogues: int, methods: int) -> str:
    """What would show whether pair.first loses less than the margin to pair.second: a part of a sentence.

    methods: how many Holm's correction is over.
    """
    estimate, tail = pair.estimate, ALPHA / methods
    distance = abs(estimate.difference + margin)
    return _needed(
        dialogues_needed(estimate, distance, estimate.seeds, tail),
        seeds_needed(estimate, distance, dialogues, tail),
        estimate,
    )


def undecided_difference(pair: Pair, dialogues: int, tests: int) -> str:
    """What would show a difference of the size that was measured, and what is shown now: a part of a sentence.

    tests: how many pairs Holm's correction is over.
    """
    estimate = pair.estimate
    needed = settle(estimate, dialogues, tests)
    return (
        f"{_size(dialogues, estimate)} find a difference of {needed.detectable:.1f} points in {100 * POWER:.0f} % of "
        f"cases; {_needed(needed.dialogues, needed.seeds, estimate)}"
    )


def describe_interval(estimate: Mapping[str, Any]) -> str:
    """`+1.0 [-0.1, +2.1]`, of a difference with its low and high."""
    return f"{estimate['difference']:+.1f} [{estimate['low']:+.1f}, {estimate['high']:+.1f}]"


def not_ruled_out(difference: Difference) -> str:
    """What a difference that is not significant can still be; empty where its own interval excludes zero."""
    loss, gain = -difference.low, difference.high
    if loss <= 0 or gain <= 0:
        return ""
    return f"a loss of up to {loss:.1f} and a gain of up to {gain:.1f} points are not ruled out"


def _size(dialogues: int, difference: Difference) -> str:
    return f"{dialogues} dialogues and {difference.seeds} seeds" if difference.seeds > 1 else f"{dialogues} dialogues"


def _needed(dialogues: int | None, seeds: int | None, difference: Difference) -> str:
    ways = ways_to_settle(dialogues, seeds)
    if not ways:
        limits = f"{MOST_DIALOGUES:,} dialogues"
        return f"not even {limits}{f' or {MOST_SEEDS} seeds' if difference.seeds > 1 else ''} would settle it"
    unknown = "; how far another seed moves it is unknown" if difference.seeds == 1 else ""
    return f"settling it would take about {' or '.join(ways)}{unknown}"


def ways_to_settle(dialogues: int | None, seeds: int | None) -> list[str]:
    """`4,300 dialogues`, to two digits, and `7 seeds`; those that are known."""
    ways = [f"{float(f'{dialogues:.2g}'):,.0f} dialogues"] if dialogues else []
    return ways + ([f"{seeds} seeds"] if seeds else [])
