"""Every two systems of a comparison: their difference on the same examples and seeds, and what it is called."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from pipeline.core.errors import InputError
from pipeline.evaluation.bootstrap import ALPHA
from pipeline.evaluation.differences import Difference, correct, paired_difference, remember_draws
from pipeline.evaluation.metrics import Metric
from pipeline.evaluation.seed_rows import count_seeds, example_ids, known_seeds
from pipeline.evaluation.tasks import primary_metric
from pipeline.evaluation.tasks.base import TaskScorer
from pipeline.parameters.score import Score

Rows = Sequence[dict[str, Any]]


@dataclass(frozen=True)
class Pair:
    """first minus second in one metric."""

    first: str
    second: str
    estimate: Difference

    def to_json(self) -> dict[str, Any]:
        return {"first": self.first, "second": self.second, **asdict(self.estimate)}

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> "Pair":
        return cls(row["first"], row["second"], Difference(**{one.name: row[one.name] for one in fields(Difference)}))

    def swapped(self) -> "Pair":
        """The same pair as second minus first."""
        return Pair(self.second, self.first, self.estimate.swapped())


def compare_pairs(rows: Mapping[str, Rows], kind: type[TaskScorer], score: Score) -> dict[str, list[Pair]]:
    """Metric -> the difference of every two systems, a later minus an earlier one; p is corrected over the pairs.

    rows: system -> its rows, of every seed. In the primary metric, the kind's first, a pair has p-values against the
    margin too. Raises InputError where systems have other examples or seeds, or score.resamples is too small for a pair
    without seeds to become significant.
    """
    primary = primary_metric(kind)
    return {
        name: compare_metric(rows, metric, score, score.non_inferiority_margin if name == primary else None)
        for name, metric in kind.metrics.items()
    }


def compare_metric(rows: Mapping[str, Rows], metric: Metric, score: Score, margin: float | None) -> list[Pair]:
    """`compare_pairs` in one metric; margin: in points, for p-values against it."""
    check_same_rows(rows)
    seeds = {system: count_seeds(each) for system, each in rows.items()}
    columns = {system: metric.matrix(each) for system, each in rows.items()}
    return compare_columns(columns, seeds, metric, score, margin)


def compare_columns(
    columns: dict[str, np.ndarray], seeds: dict[str, int], metric: Metric, score: Score, margin: float | None = None
) -> list[Pair]:
    """`compare_metric` of systems whose (seeds, examples, columns) are of the same examples; seeds: how many."""
    names = [(later, earlier) for earlier, later in itertools.combinations(columns, 2)]
    if any(max(seeds[one], seeds[other]) < 2 for one, other in names):
        check_resamples(score.resamples, len(names))
    remember_draws([(columns[one], columns[other]) for one, other in names], score)
    differences = [
        paired_difference(columns[one], columns[other], metric, score, max(seeds[one], seeds[other]), margin)
        for one, other in names
    ]
    return [Pair(*pair, difference) for pair, difference in zip(names, correct(differences))]


def check_same_rows(rows: Mapping[str, Rows]) -> None:
    """Raises InputError where two systems were scored on other examples, or two that have seeds on other seeds."""
    (first, expected), *others = [(name, example_ids(each)) for name, each in rows.items()]
    for name, ids in others:
        if ids != expected:
            raise InputError(f"{name} and {first} answered different examples: run `dvc repro` again")
    with_seeds = [(name, seeds) for name, each in rows.items() if (seeds := known_seeds(each))]
    for name, seeds in with_seeds:
        if seeds != with_seeds[0][1]:
            raise InputError(
                f"{name} has seeds {seeds}, {with_seeds[0][0]} has {with_seeds[0][1]}: run `dvc repro` again"
            )


def check_resamples(resamples: int, tests: int) -> None:
    """Raises InputError where no p-value of so many resamples could be below ALPHA after correction."""
    if tests / (1 + resamples) >= ALPHA:
        raise InputError(
            f"score.resamples: {resamples} are too few: none of {tests} differences could have a p below "
            f"{ALPHA}; use {math.ceil(10 * tests / ALPHA)} or more"
        )


def read_pairs(comparison: dict[str, Any]) -> list[Pair]:
    """The pairs of a comparison.json in the primary metric."""
    return [Pair.from_json(row) for row in comparison["pairs"][comparison["primary_metric"]]]


def find_pair(pairs: list[Pair], first: str, second: str) -> Pair:
    """The pair first minus second, whichever way round it was compared. Raises KeyError if it was not."""
    for pair in pairs:
        if (pair.first, pair.second) == (first, second):
            return pair
        if (pair.first, pair.second) == (second, first):
            return pair.swapped()
    raise KeyError((first, second))


def significance_label(difference: Difference) -> str:
    """What tables and sentences call a difference: with one seed it is said of these trainings alone."""
    label = "significant" if difference.significant else "not significant"
    return f"{label} for these two trainings" if difference.seeds == 1 else label
