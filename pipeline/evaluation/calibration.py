"""Is a model as often right as it is sure? Both measures are made of columns that add up over examples.

Guo et al. (2017), On Calibration of Modern Neural Networks, on the expected calibration error with ten bins of equal
width. Spearman (1904), The Proof and Measurement of Association between Two Things.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pipeline.evaluation.metrics import Metric

Rows = Sequence[dict[str, Any]]
BINS = 10
DRAWS = 1000  # of what a perfectly calibrated model would show


def absolute_gaps(sums: np.ndarray, examples: int) -> np.ndarray:
    """The expected calibration error, in points, of rows of summed `confidence_bins`."""
    return 100 * np.abs(sums).sum(axis=1) / examples


def correlation(sums: np.ndarray, examples: int) -> np.ndarray:
    """Pearson's correlation of rows of summed x, y, xy, xx, yy; 0 where one of both does not vary."""
    x, y, xy, xx, yy = sums.T
    covariance = examples * xy - x * y
    spread = np.sqrt(np.maximum(examples * xx - x * x, 0) * np.maximum(examples * yy - y * y, 0))
    return np.where(spread > 1e-9 * examples**2, covariance / np.where(spread > 0, spread, 1), 0.0)


CALIBRATION_ERROR = Metric("error of confidence", tuple(f"gap{one}" for one in range(BINS)), absolute_gaps, "")
RANK_CORRELATION = Metric("likelier is better", ("x", "y", "xy", "xx", "yy"), correlation, "", bounds=(-1.0, 1.0))


def confidence_bins(rows: Rows, right: Callable[[dict[str, Any]], float]) -> np.ndarray:
    """(rows, BINS): in the bin of a row's confidence, the confidence minus whether it is right; 0 in the others."""
    sure = np.array([row["confidence"] for row in rows])
    gaps = np.zeros((len(rows), BINS))
    gaps[np.arange(len(rows)), _bin(sure)] = sure - np.array([right(row) for row in rows])
    return gaps


def _bin(sure: np.ndarray) -> np.ndarray:
    return np.minimum((sure * BINS).astype(int), BINS - 1)


def error_by_chance(confidences: Sequence[float]) -> float:
    """The calibration error, in points, that a perfectly calibrated model of these confidences shows on average.

    It is not zero, because so many answers are right by chance alone; by simulation, always the same.
    """
    sure = np.array(confidences)
    right = np.random.default_rng(0).random((DRAWS, len(sure))) < sure
    gaps = np.stack([((sure - right) * (_bin(sure) == one)).sum(axis=1) for one in range(BINS)], axis=1)
    return float(absolute_gaps(gaps, len(sure)).mean())


def rank_columns(rows: Rows, metric: Metric) -> np.ndarray:
    """(rows, 5): x, y, xy, xx, yy of the ranks of likelihood and of score. An empty output is the least likely."""
    nats = np.array([np.inf if row["nats"] is None else row["nats"] for row in rows])
    x, y = ranks(-nats), ranks(metric.score(metric.matrix(rows)[0], 1))
    return np.stack([x, y, x * y, x * x, y * y], axis=1)


def ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 1/n to 1; equal values share the mean of theirs."""
    _, group, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return ((ends - (counts - 1) / 2) / len(values))[group]
