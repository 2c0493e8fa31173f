"""The noise floor: how much a training's seed alone moves a score, and the difference of two methods.

`python -m pipeline sweep seeds` writes reports/sweeps/seeds.json from experiments with several seeds. `compare` reads
it where it holds the very run that is compared.
"""

import math
import statistics
from dataclasses import dataclass
from typing import Any

from pipeline.evaluation.metrics import PRIMARY_METRIC

ScoresBySeed = dict[str, dict[str, dict[str, float]]]  # method -> seed -> metric -> points


@dataclass(frozen=True)
class SeedStatistics:
    """A score over several seeds; sd is the standard deviation with n - 1."""

    seeds: int
    mean: float
    sd: float
    lowest: float
    highest: float


@dataclass(frozen=True)
class SeedDifference:
    """The difference of two methods over the seeds that both have, with Student's 95 % interval of its mean."""

    seeds: int
    difference: float
    sd: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether seeds move the difference by less than it is."""
        return self.low > 0 or self.high < 0


def includes_run(scores_by_seed: ScoresBySeed, method: str, scores: dict[str, dict[str, Any]]) -> bool:
    """Whether this very run is one of the sweep's. Otherwise the sweep is about another configuration."""
    own = {metric: score["mean"] for metric, score in scores.items()}
    return own in scores_by_seed.get(method, {}).values()


def seed_statistics(scores_by_seed: ScoresBySeed, metric: str = PRIMARY_METRIC) -> dict[str, SeedStatistics]:
    """Mean and spread of a metric for each method with two seeds or more."""
    values = {method: [scores[metric] for scores in by_seed.values()] for method, by_seed in scores_by_seed.items()}
    return {
        method: SeedStatistics(len(each), statistics.fmean(each), statistics.stdev(each), min(each), max(each))
        for method, each in values.items()
        if len(each) > 1
    }


def seed_difference(
    scores_by_seed: ScoresBySeed, first: str, second: str, metric: str = PRIMARY_METRIC
) -> SeedDifference | None:
    """first minus second, seed by seed; None with fewer than two seeds in common."""
    common = [seed for seed in scores_by_seed[first] if seed in scores_by_seed[second]]
    if len(common) < 2:
        return None
    from scipy.special import stdtrit

    by_seed = [scores_by_seed[first][seed][metric] - scores_by_seed[second][seed][metric] for seed in common]
    mean, sd = statistics.fmean(by_seed), statistics.stdev(by_seed)
    half = float(stdtrit(len(by_seed) - 1, 0.975)) * sd / math.sqrt(len(by_seed))
    return SeedDifference(len(by_seed), mean, sd, mean - half, mean + half)
