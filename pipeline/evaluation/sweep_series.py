"""Experiments that differ in one parameter: which of them belong together, and which value to take."""

import json
from dataclasses import asdict, dataclass, field, replace
from statistics import fmean
from typing import Any, TypeVar

from pipeline.evaluation.crossed import mean_score
from pipeline.evaluation.differences import Difference
from pipeline.evaluation.pairs import compare_metric, find_pair
from pipeline.evaluation.recommendation import judge_candidates
from pipeline.evaluation.seed_rows import count_seeds
from pipeline.evaluation.tasks import kind_of, primary_metric
from pipeline.parameters.score import Score

PLATEAU = 0.01  # losses within this share of the lowest are on its plateau

Value = float | int | str
Settings = tuple[tuple[str, str], ...]
T = TypeVar("T")
NO_DIFFERENCE = Difference(0.0, 0.0, 0.0, p=1.0, p_holm=1.0)  # of the best from itself


@dataclass(frozen=True)
class SweepPoint:
    """One method of one experiment: its value of the parameter and its results.

    settings: what else differs between the experiments, as (key, JSON). examples: the rows of validation, of every
    seed. scores: their scores. trainings: the content of reports/runs/train of each seed. forgetting: reading -> mean
    over tasks -> percent of right answers to questions, where the experiment asked them.
    """

    method: str
    value: Value
    settings: Settings
    experiment: str
    examples: list[dict[str, Any]]
    scores: dict[str, Any]
    trainings: list[dict[str, Any]]
    forgetting: dict[str, dict[str, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class JudgedPoint:
    """A point compared with the best of its series, paired; p is corrected for all pairs of the series (Holm).

    non_inferior: it is the best, or it is shown to lose less than the margin to every other point, as in the verdict.
    trainings: how many; validation_loss and train_cpu_seconds are their means. setting: what they have in common
    (pipeline.train.setting_hash).
    """

    value: Value
    experiment: str
    scores: dict[str, dict[str, float]]
    minus_best: Difference
    non_inferior: bool
    validation_loss: float | None
    trainable_parameters: int
    bytes: int
    train_cpu_seconds: float | None
    trainings: int
    setting: str | None
    forgetting: dict[str, dict[str, float]]

    @classmethod
    def of(cls, point: SweepPoint, minus_best: Difference, non_inferior: bool) -> "JudgedPoint":
        """The point with the costs of its trainings."""
        first = point.trainings[0]
        losses = [one["best_validation_loss"] for one in point.trainings if "best_validation_loss" in one]
        cpu_seconds = [one["cpu_seconds"]["train"] for one in point.trainings if "cpu_seconds" in one]
        return cls(
            value=point.value,
            experiment=point.experiment,
            scores=point.scores["scores"],
            minus_best=minus_best,
            non_inferior=non_inferior,
            validation_loss=fmean(losses) if losses else None,
            trainable_parameters=first["trainable_parameters"],
            bytes=first["bytes"],
            train_cpu_seconds=fmean(cpu_seconds) if cpu_seconds else None,
            trainings=len(point.trainings),
            setting=first.get("setting"),
            forgetting=point.forgetting,
        )

    @property
    def label(self) -> str:
        label = "significantly worse" if self.minus_best.significant else "inconclusive"
        label = "non-inferior" if self.non_inferior else label
        return f"{label} for these trainings" if self.minus_best.seeds == 1 else label

    def to_json(self) -> dict[str, Any]:
        minus_best = {name: getattr(self.minus_best, name) for name in ("difference", "low", "high", "p_holm")}
        return asdict(self) | {"minus_best": minus_best, "significantly_worse": self.minus_best.significant}


@dataclass(frozen=True)
class SweepSeries:
    """The points of one method, compared in one metric.

    non_inferior: values; smallest: the first of them, where small is preferred.

    seeds: how many trainings each point is of; 0 for a method that depends on no seed.

    plateau: the first value from which on every validation loss lies within 1 % of the lowest.
    """

    method: str
    metric: str
    settings: dict[str, Any]
    points: list[JudgedPoint]
    best: Value
    non_inferiority_margin: float
    non_inferior: list[Value]
    smallest: Value | None
    plateau: Value | None
    seeds: int

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"points": [point.to_json() for point in self.points]}


def group_series(points: list[SweepPoint]) -> list[list[SweepPoint]]:
    """Points of one method, of two values at least, that differ in their value alone and are ordered by it.

    Of experiments with the same value the first counts: the commit that they started from comes before them. Only
    those settings are left that distinguish a method's series.
    """
    groups: dict[tuple[str, Settings, tuple[object, ...]], dict[Value, SweepPoint]] = {}
    for point in points:
        test_set = tuple((row.get("seed"), row["id"]) for row in point.examples)
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
    kind = kind_of(points[0].examples[0])
    metric = kind.metrics[primary_metric(kind)]
    means = [mean_score(metric.matrix(point.examples), metric.score) for point in points]
    names = [str(index) for index in range(len(points))]
    best = max(range(len(points)), key=means.__getitem__)
    rows = {name: point.examples for name, point in zip(names, points)}
    pairs = compare_metric(rows, metric, score, score.non_inferiority_margin)
    candidates = judge_candidates(names, pairs)
    judged = [
        JudgedPoint.of(
            point,
            NO_DIFFERENCE if index == best else find_pair(pairs, names[index], names[best]).estimate,
            index == best or candidates[names[index]].admitted,
        )
        for index, point in enumerate(points)
    ]
    non_inferior = [point.value for point in judged if point.non_inferior]
    losses = [point.validation_loss for point in judged if point.validation_loss is not None]
    trained = prefer is not None and len(losses) == len(judged)
    return SweepSeries(
        method=points[0].method,
        metric=primary_metric(kind),
        settings={key: json.loads(value) for key, value in points[0].settings},
        points=judged,
        best=points[best].value,
        non_inferiority_margin=score.non_inferiority_margin,
        non_inferior=non_inferior,
        smallest=non_inferior[0] if prefer else None,
        plateau=find_plateau(losses, [point.value for point in points]) if trained else None,
        seeds=count_seeds(points[0].examples),
    )


def find_plateau(losses: list[float], values: list[T]) -> T | None:
    """The first value from which on every loss lies within PLATEAU of the lowest; None if only the last does."""
    near = [loss <= min(losses) * (1 + PLATEAU) for loss in losses]
    first = next((index for index in range(len(near)) if all(near[index:])), None)
    return None if first is None or first == len(near) - 1 else values[first]
