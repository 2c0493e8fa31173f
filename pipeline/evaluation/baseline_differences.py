"""Systems beside the baselines, paired example by example: what is shown to be below a floor or above people."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.evaluation.differences import Difference, paired_difference, remember_draws
from pipeline.evaluation.metrics import Metric
from pipeline.evaluation.seed_rows import count_seeds
from pipeline.parameters.score import Score

HUMAN = "human"
Rows = Sequence[dict[str, Any]]
Interval = dict[str, float]  # difference, low, high


def remember_minus_baselines(
    systems: Sequence[Rows], baselines: Mapping[str, Rows], metric: Metric, score: Score
) -> None:
    """Go through the draws once for all of these systems, whose `minus_baselines` are asked next."""
    others = [metric.matrix(each) for each in baselines.values()]
    columns = [metric.matrix(rows) for rows in systems]
    remember_draws([(one, other) for one in columns for other in others], score)


def minus_baselines(rows: Rows, baselines: Mapping[str, Rows], metric: Metric, score: Score) -> dict[str, Interval]:
    """Baseline -> a system's score minus its, with the 95 % interval. rows: of every seed."""
    seeds, columns = count_seeds(rows), metric.matrix(rows)
    others = {name: metric.matrix(each) for name, each in baselines.items()}
    remember_draws([(columns, each) for each in others.values()], score)
    return {name: _interval(paired_difference(columns, each, metric, score, seeds)) for name, each in others.items()}


def _interval(difference: Difference) -> Interval:
    return {name: getattr(difference, name) for name in ("difference", "low", "high")}


def baseline_flags(differences: dict[str, Interval]) -> list[str]:
    """What the intervals show: above people, below a floor, or not shown to be above one."""
    flags = [f"above {HUMAN}"] if HUMAN in differences and differences[HUMAN]["low"] > 0 else []
    for name in floors(differences):
        if differences[name]["high"] < 0:
            flags.append(f"below {name}")
        elif differences[name]["low"] <= 0:
            flags.append(f"not shown to be above {name}")
    return flags


def floors(differences: dict[str, Interval]) -> list[str]:
    """The baselines that need neither a model nor people."""
    return [name for name in differences if name != HUMAN]


def floors_not_passed(differences: dict[str, Interval]) -> list[str]:
    """The floors that a system is not shown to be above."""
    return [name for name in floors(differences) if differences[name]["low"] <= 0]
