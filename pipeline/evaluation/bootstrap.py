"""How sure is a score, and is a difference real? Seeded resampling over dialogues.

The unit is the dialogue, for its references and its scores hang together. A score is any function of sums over the
dialogues (a mean; BLEU from its counts), so ten thousand resamples are one matrix product, and systems resampled with
the same seed are resampled alike, which is what makes a bootstrap paired.

Efron and Tibshirani (1993), An Introduction to the Bootstrap; Koehn (2004), Statistical Significance Tests for Machine
Translation Evaluation; Noreen (1989), Computer-Intensive Methods for Testing Hypotheses, on approximate randomization;
Holm (1979), A Simple Sequentially Rejective Multiple Test Procedure.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

REAL = 0.05  # a difference is called real below this corrected p-value

# From per-dialogue columns summed over dialogues, any number of rows of sums at once, to a score for each row.
Score = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Resampling:
    """Drawn once for all systems and scores over the same `dialogues`.

    counts: (resamples, dialogues), how often each dialogue is in a resample. swaps: the same shape, 1 where two
    systems change places and 0 where they do not.
    """

    counts: np.ndarray
    swaps: np.ndarray

    @classmethod
    def draw(cls, dialogues: int, resamples: int, seed: int) -> "Resampling":
        """Of all dialogues alike."""
        rng = np.random.default_rng(seed)
        drawn = rng.integers(dialogues, size=(resamples, dialogues), dtype=np.int32)
        drawn += np.arange(resamples, dtype=np.int32)[:, None] * dialogues
        counts = np.bincount(drawn.ravel(), minlength=resamples * dialogues).reshape(resamples, dialogues)
        swaps = rng.integers(2, size=(resamples, dialogues), dtype=np.int8)
        return cls(counts.astype(np.float32), swaps.astype(np.float32))

    @classmethod
    def within(cls, groups: list[str], resamples: int, seed: int) -> "Resampling":
        """Each group for itself, so that every resample has as many of each as there are; `groups` names each one's."""
        counts, swaps = (np.empty((resamples, len(groups)), dtype=np.float32) for _ in range(2))
        for number, group in enumerate(dict.fromkeys(groups)):
            of = [at for at, one in enumerate(groups) if one == group]
            drawn = cls.draw(len(of), resamples, seed + number)
            counts[:, of], swaps[:, of] = drawn.counts, drawn.swaps
        return cls(counts, swaps)

    def interval(self, columns: np.ndarray, score: Score) -> tuple[float, float]:
        """The 95 % percentile interval of a system's score; columns is (dialogues, columns)."""
        return _middle(score(self.counts @ columns))

    def difference(self, first: np.ndarray, second: np.ndarray, score: Score) -> tuple[float, float]:
        """The 95 % paired bootstrap interval of first's score minus second's."""
        return _middle(score(self.counts @ first) - score(self.counts @ second))

    def p_value(self, first: np.ndarray, second: np.ndarray, score: Score) -> float:
        """Two-sided approximate randomization.

        How often two systems that change places in half of the dialogues lie at least as far apart as they do.
        """
        total, apart = first + second, (first - second).astype(np.float64)
        swapped = second.sum(axis=0) + self.swaps @ apart
        far = abs(score(first.sum(axis=0)[None])[0] - score(second.sum(axis=0)[None])[0])
        chance = np.abs(score(swapped) - score(total.sum(axis=0) - swapped))
        return float((1 + np.count_nonzero(chance >= far - 1e-9)) / (1 + len(self.swaps)))


def mean(dialogues: int) -> Score:
    """The mean of one column over so many dialogues."""
    return lambda sums: sums[:, 0] / dialogues


def _middle(scores: np.ndarray) -> tuple[float, float]:
    low, high = np.quantile(scores, [0.025, 0.975])
    return float(low), float(high)


def holm(p_values: list[float]) -> list[float]:
    """The p-values corrected for their number, in the order given: Holm's step-down."""
    corrected, worst = [0.0] * len(p_values), 0.0
    for rank, at in enumerate(np.argsort(p_values, kind="stable")):
        worst = max(worst, min(1.0, (len(p_values) - rank) * p_values[at]))
        corrected[at] = worst
    return corrected
