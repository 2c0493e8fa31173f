"""What an experiment can detect, and what it would take to settle what is open, from the variances of a difference.

Smallest detectable difference: the true difference that a test finds in 80 % of repetitions. Cohen (1988), Statistical
Power Analysis for the Behavioral Sciences; the non-central t distribution by the normal approximation of Johnson and
Welch (1940), Applications of the Non-central t-Distribution. The degrees of freedom are those that the crossed analysis
has where its mean squares are what they estimate. Simulated, what is called detectable is found in 72 to 82 % of
worlds.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from pipeline.evaluation.bootstrap import ALPHA
from pipeline.evaluation.differences import Difference
from pipeline.evaluation.student import NORMAL, student_quantile

POWER = 0.8
MOST_EXAMPLES, MOST_SEEDS = 100_000, 50  # beyond these an experiment is called out of reach


@dataclass(frozen=True)
class Settling:
    """detectable: the smallest difference in points that is found in 80 % of repetitions, two-sided.

    examples, seeds: how many of either would find the difference that was measured, the other as it is; None where
    more than MOST_EXAMPLES or MOST_SEEDS would be needed, or nothing is known about seeds.
    """

    detectable: float
    examples: int | None
    seeds: int | None


def standard_error(difference: Difference, examples: int, seeds: int) -> tuple[float, float]:
    """Of the difference with so many examples and seeds, and its degrees of freedom; seeds counts where known."""
    example = difference.sd_example or 0.0
    if difference.sd_seed is None or difference.sd_rest is None or seeds < 2:
        return example / math.sqrt(examples), max(examples - 1, 1)
    rest = difference.sd_rest**2
    of_seed, of_example = examples * difference.sd_seed**2 + rest, seeds * example**2 + rest
    variance = of_seed + of_example - rest
    squares = of_seed**2 / (seeds - 1) + of_example**2 / (examples - 1) + rest**2 / ((seeds - 1) * (examples - 1))
    df = variance**2 / squares if squares else examples - 1
    return math.sqrt(variance / (examples * seeds)), max(df, min(seeds, examples) - 1)


def detectable(difference: Difference, examples: int, seeds: int, tail: float) -> float:
    """The smallest true difference that a test finds in 80 % of repetitions; tail: the level on one side."""
    error, df = standard_error(difference, examples, seeds)
    critical = float(student_quantile(1 - tail, df))
    return error * (critical * (1 - 1 / (4 * df)) + NORMAL.inv_cdf(POWER) * math.sqrt(1 + critical**2 / (2 * df)))


def settle(difference: Difference, examples: int, tests: int) -> Settling:
    """What finds a difference of the size that was measured, at the first step of Holm over so many tests."""
    tail = ALPHA / (2 * tests)
    return Settling(
        detectable(difference, examples, difference.seeds, tail),
        examples_needed(difference, abs(difference.difference), difference.seeds, tail),
        seeds_needed(difference, abs(difference.difference), examples, tail),
    )


def examples_needed(difference: Difference, distance: float, seeds: int, tail: float) -> int | None:
    """The fewest examples that find a true difference of `distance` points, with so many seeds."""
    return _fewest(lambda count: detectable(difference, count, seeds, tail) <= distance, 2, MOST_EXAMPLES)


def seeds_needed(difference: Difference, distance: float, examples: int, tail: float) -> int | None:
    """The fewest seeds that find a true difference of `distance` points, with so many examples."""
    if difference.sd_seed is None:
        return None
    return _fewest(lambda count: detectable(difference, examples, count, tail) <= distance, 2, MOST_SEEDS)


def _fewest(enough: Callable[[int], bool], low: int, high: int) -> int | None:
    """The smallest count from low to high that is enough, where every larger one is too."""
    if not enough(high):
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle + 1, high)
    return low
