"""Experiments that differ in one parameter: which of them belong together, and which value to take."""

import json
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeVar

from pipeline.evaluation.crossed import mean_score
from pipeline.evaluation.differences import Difference, correct, paired_difference
from pipeline.evaluation.metrics import METRICS, PRIMARY_METRIC
from pipeline.evaluation.seed_rows import count_seeds
from pipeline.parameters.score import Score

PLATEAU = 0.01  # losses within this share of the lowest are on its plateau

Value = float | int | str
Settings = tuple[tuple[str, str], ...]
T = TypeVar("T")


@dataclass(frozen=True)
class SweepPoint:
    """One method of one experiment: its value of the parameter and its results.

    settings: what else differs between the experiments, as (key, JSON). dialogues: the rows of the per-dialogue table.
    scores and training are the content of reports/scores and reports/runs/train.
    """

    method: str
    value: Value
    settings: Settings
    experiment: str
    dialogues: list[dict[str, Any]]
    scores: dict[str, Any]
    training: dict[str, Any]


@dataclass(frozen=True)
class JudgedPoint:
    """A point compared with the best of its series, paired and corrected (Holm).

    non_inferior: the interval says that it loses less than the margin.
    """

    value: Value
    experiment: str
    scores: dict[str, dict[str, float]]
    minus_best: Difference
    non_inferior: bool
    validation_loss: float | None
    trainable_parameters: int
    bytes: int
    train_seconds: float | None

    @property
    def label(self) -> str:
        if self.non_inferior:
            return "non-inferior"
        return "significantly worse" if self.minus_best.significant else "inconclusive"

    def to_json(self) -> dict[str, Any]:
        minus_best = {name: getattr(self.minus_best, name) for name in ("difference", "low", "high", "p_holm")}
        return asdict(self) | {"minus_best": minus_best, "significantly_worse": self.minus_best.significant}


@dataclass(frozen=True)
class SweepSeries:
    """The points of one method. non_inferior: values; smallest: the first of them, where small is preferred.

    plateau: the first value from which on every validation loss lies within 1 % of the lowest.
    """

    method: str
    settings: dict[str, Any]
    points: list[JudgedPoint]
    best: Value
    non_inferiority_margin: float
    non_inferior: list[Value]
    smallest: Value | None
    plateau: Value | None

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"points": [point.to_json() for point in self.points]}


def group_series(points: list[SweepPoint]) -> list[list[SweepPoint]]:
    """Points of one method, of two values at least, that differ in their value alone and are ordered by it.

    Of experiments with the same value the first counts: the commit that they started from comes before them. Only
    those settings are left that distinguish a method's series.
    """
    groups: dict[tuple[str, Settings, tuple[object, ...]], dict[Value, SweepPoint]] = {}
    for point in points:
        test_set = tuple((row.get("seed"), row["id"]) for row in point.dialogues)
        groups.setdefault((point.method, point.settings, test_set), {}).setdefault(point.value, point)
    settings_of: dict[str, list[Settings]] = {}
    kept = {key: group for key, group in groups.items() if len(group) > 1}
    for method, settings, _ in kept:
        settings_of.setdefault(method, []).append(settings)
    return [
        [replace(point, settings=distinguishing_settings(settings, settings_of[method])) for point in _ordered(group)]
        for (method, settings, _), group in kept.items()
    ]


def _ordered(group: dict[Value, SweepPoint]) -> list[SweepPoint]:
    """By value where all are numbers or all are words, else as they came."""
    if len({isinstance(value, str) for value in group}) > 1:
        return list(group.values())
    return [group[value] for value in sorted(group)]  # type: ignore[type-var]


def distinguishing_settings(settings: Settings, of_all_series: list[Settings]) -> Settings:
    """Those settings that another series of the method has otherwise."""
    others = [dict(other) for other in of_all_series]
    return tuple((key, value) for key, value in settings if any(other.get(key) != value for other in others))


def judge_series(points: list[SweepPoint], score: Score, prefer: str | None) -> SweepSeries:
    """A series with each point compared with the best by the primary metric; prefer is `smaller` or None."""
    metric = METRICS[PRIMARY_METRIC]
    columns = [metric.matrix(point.dialogues) for point in points]
    means = [mean_score(each, metric.score) for each in columns]
    best = max(range(len(points)), key=means.__getitem__)
    others = [each for index, each in enumerate(columns) if index != best]
    seeds = count_seeds(points[best].dialogues)
    differences = correct([paired_difference(each, columns[best], metric, score, seeds) for each in others])
    differences.insert(best, Difference(0.0, 0.0, 0.0, p=1.0, p_holm=1.0))
    margin = score.non_inferiority_margin
    judged = [
        _judged_point(point, difference, index == best or difference.low > -margin)
        for index, (point, difference) in enumerate(zip(points, differences))
    ]
    non_inferior = [point.value for point in judged if point.non_inferior]
    losses = [point.validation_loss for point in judged if point.validation_loss is not None]
    trained = prefer is not None and len(losses) == len(judged)
    return SweepSeries(
        method=points[0].method,
        settings={key: json.loads(value) for key, value in points[0].settings},
        points=judged,
        best=points[best].value,
        non_inferiority_margin=margin,
        non_inferior=non_inferior,
        smallest=non_inferior[0] if prefer else None,
        plateau=find_plateau(losses, [point.value for point in points]) if trained else None,
    )


def _judged_point(point: SweepPoint, minus_best: Difference, non_inferior: bool) -> JudgedPoint:
    return JudgedPoint(
        value=point.value,
        experiment=point.experiment,
        scores=point.scores["scores"],
        minus_best=minus_best,
        non_inferior=non_inferior,
        validation_loss=point.training.get("best_validation_loss"),
        trainable_parameters=point.training["trainable_parameters"],
        bytes=point.training["bytes"],
        train_seconds=point.training.get("seconds", {}).get("train"),
    )


def find_plateau(losses: list[float], values: list[T]) -> T | None:
    """The first value from which on every loss lies within PLATEAU of the lowest; None if only the last does."""
    near = [loss <= min(losses) * (1 + PLATEAU) for loss in losses]
    first = next((index for index in range(len(near)) if all(near[index:])), None)
    return None if first is None or first == len(near) - 1 else values[first]
