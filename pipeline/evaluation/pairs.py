"""Every two systems of a comparison: their difference on the same dialogues, over seeds, and what it is called."""

import itertools
import math
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeVar

from pipeline.core.errors import InputError
from pipeline.evaluation.bootstrap import ALPHA, PairedResampling
from pipeline.evaluation.differences import Difference, correct, paired_difference
from pipeline.evaluation.metrics import METRICS, PRIMARY_METRIC
from pipeline.evaluation.seeds import SeedDifference
from pipeline.parameters.score import Score

MIN_SEEDS = 3  # that can overturn what the dialogues say; of two, Student's interval is thirteen errors wide

D = TypeVar("D", Difference, SeedDifference)


@dataclass(frozen=True)
class Pair:
    """first minus second in one metric; seeds is None where no sweep over seeds holds both."""

    first: str
    second: str
    over_dialogues: Difference
    over_seeds: SeedDifference | None = None

    def to_json(self) -> dict[str, Any]:
        seeds = {"seeds": asdict(self.over_seeds)} if self.over_seeds else {}
        return {"first": self.first, "second": self.second, **asdict(self.over_dialogues), **seeds}

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> "Pair":
        names = Difference.__dataclass_fields__
        seeds = SeedDifference(**row["seeds"]) if row.get("seeds") else None
        return cls(row["first"], row["second"], Difference(**{name: row[name] for name in names}), seeds)

    def swapped(self) -> "Pair":
        """The same pair as second minus first."""
        seeds = _negated(self.over_seeds) if self.over_seeds else None
        return Pair(self.second, self.first, _negated(self.over_dialogues), seeds)

    @property
    def lowest(self) -> float:
        """The lower bound of the difference, by its interval over dialogues and, with MIN_SEEDS seeds, over seeds."""
        low = self.over_dialogues.low
        return min(low, self.over_seeds.low) if _enough(self.over_seeds) and self.over_seeds else low


def _negated(difference: D) -> D:
    return replace(difference, difference=-difference.difference, low=-difference.high, high=-difference.low)


def _enough(seeds: SeedDifference | None) -> bool:
    return seeds is not None and seeds.seeds >= MIN_SEEDS


def compare_pairs(dialogues: dict[str, list[dict[str, Any]]], score: Score) -> dict[str, list[Pair]]:
    """Metric -> the difference of every two systems, a later minus an earlier one; p is corrected over the pairs.

    dialogues: system -> its rows. Raises InputError where systems summarized different dialogues, or score.resamples
    is too small for any pair to become significant.
    """
    (first, rows), *others = dialogues.items()
    for name, other in others:
        if [row["id"] for row in other] != [row["id"] for row in rows]:
            raise InputError(f"{name} and {first} summarized different dialogues: run `dvc repro` again")
    names = [(later, earlier) for earlier, later in itertools.combinations(dialogues, 2)]
    if len(names) / (1 + score.resamples) >= ALPHA:
        raise InputError(
            f"score.resamples: {score.resamples} are too few: none of {len(names)} differences could have a p below "
            f"{ALPHA}; use {math.ceil(10 * len(names) / ALPHA)} or more"
        )
    resampling = PairedResampling.draw(len(rows), score.resamples, score.seed)
    pairs = {}
    for key, metric in METRICS.items():
        columns = {name: metric.matrix(each) for name, each in dialogues.items()}
        statistic = metric.statistic(len(rows))
        each = [paired_difference(columns[one], columns[two], statistic, resampling) for one, two in names]
        pairs[key] = [Pair(one, two, difference) for (one, two), difference in zip(names, correct(each))]
    return pairs


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


def is_significant(pair: Pair) -> bool:
    """Whether other dialogues would show the difference and, with MIN_SEEDS seeds, other seeds too."""
    dialogues, seeds = pair.over_dialogues, pair.over_seeds
    if not dialogues.significant or seeds is None or not _enough(seeds):
        return dialogues.significant
    return seeds.excludes_zero and seeds.difference * dialogues.difference > 0


def significance_label(pair: Pair) -> str:
    """What the tables and sentences call a pair's difference."""
    if not pair.over_dialogues.significant or pair.over_seeds is None:
        return "significant" if pair.over_dialogues.significant else "not significant"
    if is_significant(pair):
        return "significant"
    seeds = pair.over_seeds
    return f"reversed across {seeds.seeds} seeds" if seeds.excludes_zero else seed_label(seeds)


def seed_label(seeds: SeedDifference) -> str:
    """What a difference over seeds is called."""
    return f"{'' if seeds.excludes_zero else 'not '}significant across {seeds.seeds} seeds"
