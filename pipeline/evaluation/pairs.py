"""Every two systems of a comparison: their difference on the same dialogues and seeds, and what it is called."""

import itertools
import math
from dataclasses import asdict, dataclass, fields
from typing import Any

from pipeline.core.errors import InputError
from pipeline.evaluation.bootstrap import ALPHA
from pipeline.evaluation.differences import Difference, correct, paired_difference
from pipeline.evaluation.metrics import METRICS, PRIMARY_METRIC
from pipeline.evaluation.seed_rows import count_seeds, dialogue_ids, known_seeds
from pipeline.parameters.score import Score

Rows = list[dict[str, Any]]


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


def compare_pairs(rows: dict[str, Rows], score: Score) -> dict[str, list[Pair]]:
    """Metric -> the difference of every two systems, a later minus an earlier one; p is corrected over the pairs.

    rows: system -> its rows, of every seed. In the primary metric a pair has p-values against the margin too. Raises
    InputError where systems have other dialogues or seeds, or score.resamples is too small for a pair without seeds to
    become significant.
    """
    check_same_rows(rows)
    names = [(later, earlier) for earlier, later in itertools.combinations(rows, 2)]
    seeds = {name: count_seeds(each) for name, each in rows.items()}
    if any(max(seeds[one], seeds[other]) < 2 for one, other in names):
        check_resamples(score.resamples, len(names))
    pairs = {}
    for key, metric in METRICS.items():
        columns = {name: metric.matrix(each) for name, each in rows.items()}
        margin = score.non_inferiority_margin if key == PRIMARY_METRIC else None
        differences = [
            paired_difference(columns[one], columns[other], metric, score, max(seeds[one], seeds[other]), margin)
            for one, other in names
        ]
        pairs[key] = [Pair(*pair, difference) for pair, difference in zip(names, correct(differences))]
    return pairs


def check_same_rows(rows: dict[str, Rows]) -> None:
    """Raises InputError where two systems were scored on other dialogues, or two that have seeds on other seeds."""
    (first, expected), *others = [(name, dialogue_ids(each)) for name, each in rows.items()]
    for name, ids in others:
        if ids != expected:
            raise InputError(f"{name} and {first} summarized different dialogues: run `dvc repro` again")
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


def read_pairs(comparison: dict[str, Any], metric: str = PRIMARY_METRIC) -> list[Pair]:
    """The pairs of a comparison.json."""
    return [Pair.from_json(row) for row in comparison["pairs"][metric]]


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
