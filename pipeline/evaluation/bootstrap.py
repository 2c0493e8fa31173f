"""How uncertain is a score, and is a difference significant? Seeded resampling over examples.

The unit is the example, because its references and its scores depend on each other. A score is any function of sums
over examples (a mean; BLEU from its counts), so ten thousand resamples are one matrix product, made block by block so
that memory does not grow with the examples. Systems that use the same resamples are resampled alike, which makes the
bootstrap a paired one.

Efron and Tibshirani (1993), An Introduction to the Bootstrap; Koehn (2004), Statistical Significance Tests for Machine
Translation Evaluation; Noreen (1989), Computer-Intensive Methods for Testing Hypotheses, on approximate randomization;
Holm (1979), A Simple Sequentially Rejective Multiple Test Procedure.
"""

import copy
import functools
import hashlib
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from pipeline.evaluation.student import NORMAL, student_quantile, student_tail

ALPHA = 0.05  # a difference is significant below this corrected p-value
KEPT = 2**25  # draws that are kept, a byte for each count and each swap: 10,000 resamples of 3,355 examples
BLOCK = 2**22  # draws that are multiplied at once, 8 bytes each; last digits of sums may depend on it
PIECE = 2**18  # draws that are made at once: what fits into a cache

# Takes rows of sums over examples, (rows, columns), and returns a score for each row.
Statistic = Callable[[np.ndarray], np.ndarray]
Key = tuple[int, bytes]  # which draws, and a hash of the columns that they are multiplied with


@dataclass(frozen=True)
class Estimate:
    """A score, or a difference of two, with its 95 % bootstrap interval."""

    mean: float
    low: float
    high: float


class PairedResampling:
    """Random draws that all systems and scores over the same `examples` share, in blocks of resamples.

    counts: blocks of (resamples, examples), how often each example is in a resample. swaps: the same, 1 where two
    systems change places and 0 where they do not. Both are gone through once for each thing that is asked.
    """

    def __init__(self, counts: Iterable[np.ndarray], swaps: Iterable[np.ndarray]) -> None:
        self._counts, self._swaps = counts, swaps
        self._remembered: dict[Key, np.ndarray] = {}

    @classmethod
    def draw(cls, examples: int, resamples: int, seed: int) -> "PairedResampling":
        """Resamples in which every example has the same chance."""
        rng = np.random.default_rng(seed)
        begin = copy.deepcopy(rng)
        if resamples * examples <= KEPT:
            counts = list(_blocks(_count, rng, resamples, examples))
            return cls(counts, list(_blocks(_swap, rng, resamples, examples)))
        for rows in _heights(resamples, examples, PIECE):  # swaps are drawn after all counts
            rng.integers(examples, size=(rows, examples), dtype=np.int32)
        return cls(_Redrawn(_count, begin, resamples, examples), _Redrawn(_swap, rng, resamples, examples))

    @classmethod
    def draw_within(cls, groups: list[str], resamples: int, seed: int) -> "PairedResampling":
        """Stratified: every resample has as many items of each group as there are; groups[i] is the group of item i."""
        counts, swaps = (np.empty((resamples, len(groups)), dtype=np.uint8) for _ in range(2))
        for number, group in enumerate(dict.fromkeys(groups)):
            members = [index for index, name in enumerate(groups) if name == group]
            drawn = cls.draw(len(members), resamples, seed + number)
            counts[:, members], swaps[:, members] = drawn.counts, drawn.swaps
        return cls([counts], [swaps])

    @property
    def counts(self) -> np.ndarray:
        """All blocks of counts as one array."""
        return np.concatenate(list(self._counts))

    @property
    def swaps(self) -> np.ndarray:
        """All blocks of swaps as one array."""
        return np.concatenate(list(self._swaps))

    def remember(self, systems: Iterable[np.ndarray], pairs: Iterable[tuple[np.ndarray, np.ndarray]] = ()) -> None:
        """Go through the draws once for all of these, instead of once each, and forget those of the last call.

        systems: (examples, columns) of which intervals are asked next; pairs: those of which p-values are.
        """
        counted = {_key(self._counts, columns): columns for columns in systems}
        swapped = {_key(self._swaps, columns): columns for columns in (_apart(*pair) for pair in pairs)}
        if not {*counted, *swapped} <= self._remembered.keys():
            self._remembered = _products(self._counts, counted) | _products(self._swaps, swapped)

    def _sums(self, blocks: Iterable[np.ndarray], columns: np.ndarray) -> np.ndarray:
        """(resamples, columns): the draws times the columns of the examples."""
        if (found := self._remembered.get(_key(blocks, columns))) is not None:
            return found
        return np.concatenate([block @ columns for block in blocks])

    def estimate(self, columns: np.ndarray, statistic: Statistic) -> Estimate:
        """A system's score and its expanded percentile interval; columns is (examples, columns)."""
        resampled = statistic(self._sums(self._counts, columns))
        return Estimate(total(columns, statistic), *_middle_95(resampled, len(columns)))

    def change(self, first: np.ndarray, second: np.ndarray, statistic: Statistic) -> Estimate:
        """first's score minus second's and its paired interval; both are (examples, columns)."""
        resampled = self.resampled_change(first, second, statistic)
        return Estimate(total(first, statistic) - total(second, statistic), *_middle_95(resampled, len(first)))

    def resampled_change(self, first: np.ndarray, second: np.ndarray, statistic: Statistic) -> np.ndarray:
        """(resamples,): first's score minus second's in each of them."""
        return statistic(self._sums(self._counts, first)) - statistic(self._sums(self._counts, second))

    def p_value(self, first: np.ndarray, second: np.ndarray, statistic: Statistic) -> float:
        """Two-sided p-value of approximate randomization.

        How often two systems that change places in half of the examples differ at least as much as they do.
        """
        sums = (first + second).sum(axis=0)
        swapped = second.sum(axis=0) + self._sums(self._swaps, _apart(first, second))
        observed = abs(total(first, statistic) - total(second, statistic))
        by_chance = np.abs(statistic(swapped) - statistic(sums - swapped))
        return float((1 + np.count_nonzero(by_chance >= observed - 1e-9)) / (1 + len(by_chance)))


def _apart(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return (first - second).astype(np.float64)


def _products(blocks: Iterable[np.ndarray], asked: dict[Key, np.ndarray]) -> dict[Key, np.ndarray]:
    """(resamples, columns) of each of the columns that are asked, in one pass over the blocks."""
    sums: dict[Key, list[np.ndarray]] = {key: [] for key in asked}
    for block in blocks if asked else ():
        wide = block.astype(np.float64)
        for key, columns in asked.items():
            sums[key].append(wide @ columns)
    return {key: np.concatenate(each) for key, each in sums.items()}


def _key(blocks: Iterable[np.ndarray], columns: np.ndarray) -> Key:
    return id(blocks), hashlib.blake2b(columns.tobytes()).digest()


Draw = Callable[[np.random.Generator, int, int], np.ndarray]


def _count(rng: np.random.Generator, resamples: int, examples: int) -> np.ndarray:
    """How often each example is in each resample; more than 255 times is as good as impossible."""
    drawn = rng.integers(examples, size=(resamples, examples), dtype=np.int32)
    drawn += np.arange(resamples, dtype=np.int32)[:, None] * examples
    return np.bincount(drawn.ravel(), minlength=drawn.size).reshape(drawn.shape).astype(np.uint8)


def _swap(rng: np.random.Generator, resamples: int, examples: int) -> np.ndarray:
    return rng.integers(2, size=(resamples, examples), dtype=np.int8).view(np.uint8)


def _blocks(draw: Draw, rng: np.random.Generator, resamples: int, examples: int) -> Iterator[np.ndarray]:
    """All resamples in blocks. The numbers are those of one call of `draw`, whatever the size of the blocks."""
    for height in _heights(resamples, examples, BLOCK):
        yield np.concatenate([draw(rng, rows, examples) for rows in _heights(height, examples, PIECE)])


def _heights(resamples: int, examples: int, draws: int) -> Iterator[int]:
    """The resamples of blocks of about so many draws: multiples of four, in which numpy draws small integers."""
    most = max(4, draws // examples // 4 * 4)
    for begin in range(0, resamples, most):
        yield min(most, resamples - begin)


@dataclass(frozen=True)
class _Redrawn:
    """Blocks that are too many to keep: drawn again each time."""

    draw: Draw
    begin: np.random.Generator
    resamples: int
    examples: int

    def __iter__(self) -> Iterator[np.ndarray]:
        return _blocks(self.draw, copy.deepcopy(self.begin), self.resamples, self.examples)


def total(columns: np.ndarray, statistic: Statistic) -> float:
    """The score of all examples together."""
    return float(statistic(columns.sum(axis=0)[None])[0])


@functools.lru_cache(maxsize=1)
def shared_draws(examples: int, resamples: int, seed: int) -> PairedResampling:
    """PairedResampling.draw, once for all that ask for the same."""
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
