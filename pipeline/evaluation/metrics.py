"""What a metric is: a score of a system that is made of numbers which add up over examples.

So one bootstrap, one paired test and one analysis over seeds serve every metric. The metrics of each kind of task are
in pipeline/evaluation/tasks.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.evaluation.bootstrap import Statistic
from pipeline.evaluation.seed_rows import by_seed

Rows = Sequence[dict[str, Any]]


@dataclass(frozen=True)
class Metric:
    """A score of a system, made of the sums of some per-example columns.

    score takes (rows of sums, a column for each of `columns`; the number of examples they are sums over) and returns
    points for each row. signature is the key of a task's `signature` that describes how it was computed. expand: where
    columns hold no numbers (labels), makes (seeds, examples, numbers) of the rows. bounds: the least and the largest
    score that is possible.
    """

    title: str
    columns: tuple[str, ...]
    score: Callable[[np.ndarray, int], np.ndarray]
    signature: str
    gains_from_references: bool = False  # grows with every further reference: people, who have one fewer, get none
    expand: Callable[[Rows], np.ndarray] | None = None
    bounds: tuple[float, float] = (0.0, 100.0)

    def statistic(self, examples: int) -> Statistic:
        """The score of sums over so many examples, as resampling takes it."""
        return lambda sums: self.score(sums, examples)

    def within_bounds(self, low: float, high: float) -> tuple[float, float]:
        """The part of an interval of the score that is possible."""
        least, largest = self.bounds
        return max(low, least), min(high, largest)

    def difference_within_bounds(self, low: float, high: float) -> tuple[float, float]:
        """The part of an interval of the difference of two scores that is possible."""
        least, largest = self.bounds
        return max(low, least - largest), min(high, largest - least)

    def matrix(self, rows: Rows) -> np.ndarray:
        """(seeds, examples, numbers) of the rows of a per-example table."""
        return self.expand(rows) if self.expand else by_seed(rows, self.columns)


def mean(sums: np.ndarray, examples: int) -> np.ndarray:
    """The mean over examples of the one column."""
    return sums[:, 0] / examples


def percent(sums: np.ndarray, examples: int) -> np.ndarray:
    """The share of examples of the one column, which is 0 or 1, in points."""
    return 100 * sums[:, 0] / examples
