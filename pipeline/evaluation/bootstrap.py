"""How uncertain is a score, and is a difference significant? Seeded resampling over examples.

The unit is the example, because its references and its scores depend on each other. A score is any function of sums
over examples (a mean; BLEU from its counts), so ten thousand resamples are one matrix product. Systems that use the
same resamples are resampled alike, which makes the bootstrap a paired one.

Efron and Tibshirani (1993), An Introduction to the Bootstrap; Koehn (2004), Statistical Significance Tests for Machine
Translation Evaluation; Noreen (1989), Computer-Intensive Methods for Testing Hypotheses, on approximate randomization;
Holm (1979), A Simple Sequentially Rejective Multiple Test Procedure.
"""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pipeline.evaluation.student import NORMAL, student_quantile, student_tail

ALPHA = 0.05  # a difference is significant below this corrected p-value

# Takes rows of sums over examples, (rows, columns), and returns a score for each row.
Statistic = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Estimate:
    """A score, or a difference of two, with its 95 % bootstrap interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class PairedResampling:
    """Random draws that all systems and scores over the same `examples` share.

    counts: (resamples, examples), how often each example is in a resample. swaps: the same shape, 1 where two
    systems change places and 0 where they do not.
    """

    counts: np.ndarray
    swaps: np.ndarray

    @classmethod
    def draw(cls, examples: int, resamples: int, seed: int) -> "PairedResampling":
        """Resamples in which every example has the same chance."""
        rng = np.random.default_rng(seed)
        drawn = rng.integers(examples, size=(resamples, examples), dtype=np.int32)
        drawn += np.arange(resamples, dtype=np.int32)[:, None] * examples
        counts = np.bincount(drawn.ravel(), minlength=resamples * examples).reshape(resamples, examples)
        swaps = rng.integers(2, size=(resamples, examples), dtype=np.int8)
        return cls(counts.astype(np.float32), swaps.astype(np.float32))

    @classmethod
    def draw_within(cls, groups: list[str], resamples: int, seed: int) -> "PairedResampling":
        """Stratified: every resample has as many items of each group as there are; groups[i] is the group of item i."""
        counts, swaps = (np.empty((resamples, len(groups)), dtype=np.float32) for _ in range(2))
        for number, group in enumerate(dict.fromkeys(groups)):
            members = [index for index, name in enumerate(groups) if name == group]
            drawn = cls.draw(len(members), resamples, seed + number)
            counts[:, members], swaps[:, members] = drawn.counts, drawn.swaps
        return cls(counts, swaps)

    def estimate(self, columns: np.ndarray, statistic: Statistic) -> Estimate:
        """A system's score and its expanded percentile interval; columns is (examples, columns)."""
        return Estimate(total(columns, statistic), *_middle_95(statistic(self.counts @ columns), len(columns)))

    def change(self, first: np.ndarray, second: np.ndarray, statistic: Statistic) -> Estimate:
        """first's score minus second's and its paired interval; both are (examples, columns)."""
        resampled = self.resampled_change(first, second, statistic)
        return Estimate(total(first, statistic) - total(second, statistic), *_middle_95(resampled, len(first)))

    def resampled_change(self, first: np.ndarray, second: np.ndarray, statistic: Statistic) -> np.ndarray:
        """(resamples,): first's score minus second's in each of them."""
        return statistic(self.counts @ first) - statistic(self.counts @ second)

    def p_value(self, first: np.ndarray, second: np.ndarray, statistic: Statistic) -> float:
        """Two-sided p-value of approximate randomization.

        How often two systems that change places in half of the examples differ at least as much as they do.
        """
        sums, apart = (first + second).sum(axis=0), (first - second).astype(np.float64)
        swapped = second.sum(axis=0) + self.swaps @ apart
        observed = abs(total(first, statistic) - total(second, statistic))
        by_chance = np.abs(statistic(swapped) - statistic(sums - swapped))
        return float((1 + np.count_nonzero(by_chance >= observed - 1e-9)) / (1 + len(self.swaps)))


def total(columns: np.ndarray, statistic: Statistic) -> float:
    """The score of all examples together."""
    return float(statistic(columns.sum(axis=0)[None])[0])


@functools.lru_cache(maxsize=1)
def shared_draws(examples: int, resamples: int, seed: int) -> PairedResampling:
    """PairedResampling.draw, once for all that ask for the same: 8 bytes for each example of each resample."""
    return PairedResampling.draw(examples, resamples, seed)


def _middle_95(scores: np.ndarray, examples: int) -> tuple[float, float]:
    """The expanded percentile interval."""
    tail = _expanded_tail(examples)
    low, high = np.quantile(scores, [tail, 1 - tail])
    return float(low), float(high)


@functools.cache
def _expanded_tail(examples: int) -> float:
    """The share of resamples below a 95 % interval; of a single example none."""
    if examples < 2:
        return 0.0
    quantile = float(student_quantile(0.975, examples - 1))
    return NORMAL.cdf(-math.sqrt(examples / (examples - 1)) * quantile)


def p_at_most(scores: np.ndarray, bound: float, examples: int) -> float:
    """One-sided p-value of resampled scores: the score is `bound` or less.

    The share of resamples there, expanded as the interval is: it is below 0.025 where the interval is above the bound.
    """
    if examples < 2:
        return 1.0
    share = (1 + np.count_nonzero(scores <= bound + 1e-9)) / (1 + len(scores))
    if share >= 1:
        return 1.0
    distance = -NORMAL.inv_cdf(share) * math.sqrt((examples - 1) / examples)
    return float(student_tail(distance, examples - 1))


def holm(p_values: list[float]) -> list[float]:
    """The p-values corrected for their number, in the order given: Holm's step-down."""
    corrected, largest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(np.argsort(p_values, kind="stable")):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = largest
    return corrected
