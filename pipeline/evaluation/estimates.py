"""The score of a system with its 95 % interval, over examples and, with two seeds or more, over seeds too."""

from collections.abc import Iterable

import numpy as np

from pipeline.evaluation.bootstrap import Estimate, shared_draws
from pipeline.evaluation.crossed import analyse, mean_score, pseudo_values
from pipeline.evaluation.metrics import Metric
from pipeline.parameters.score import Score


def estimate(rows: np.ndarray, metric: Metric, score: Score) -> Estimate:
    """The mean over seeds of the score of (seeds, examples, columns), with its interval.

    Student's interval over seeds knows no bounds, so it is cut where the metric ends. What is cut off holds no possible
    value of the score, so the interval holds the true one as often as before.
    """
    if _has_seeds(rows):
        mean = mean_score(rows, metric.score)
        low, high = map(float, analyse(pseudo_values(rows, metric.score), mean).interval())
        return Estimate(mean, *metric.within_bounds(low, high))
    count = rows.shape[1]
    return shared_draws(count, score.resamples, score.seed).estimate(rows.mean(axis=0), metric.statistic(count))


def remember_draws(systems: Iterable[np.ndarray], score: Score) -> None:
    """Go through the draws once for all of these (seeds, examples, columns), whose `estimate` is asked next."""
    drawn = [rows.mean(axis=0) for rows in systems if not _has_seeds(rows)]
    if drawn:
        shared_draws(len(drawn[0]), score.resamples, score.seed).remember(drawn)


def _has_seeds(rows: np.ndarray) -> bool:
    """Whether the interval is over seeds too; of a single example it is not."""
    seeds, examples, _ = rows.shape
    return seeds > 1 and examples > 1
