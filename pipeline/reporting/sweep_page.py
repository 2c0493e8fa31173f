"""A sweep as a page: its result in sentences, charts, and a table for each series."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from pipeline.core.params import flatten
from pipeline.evaluation.differences import format_change, format_p
from pipeline.evaluation.forgetting_verdict import FORGETTING_FIGURES as FIGURES
from pipeline.evaluation.sweep_series import JudgedPoint, SweepSeries
from pipeline.evaluation.tasks import METRICS
from pipeline.reporting import sweep_charts
from pipeline.reporting.cells import (
    Bytes,
    Cell,
    Count,
    Interval,
    Number,
    PValue,
    Seconds,
    Text,
    estimated,
    optional,
)
from pipeline.reporting.forgetting_tables import MEANINGS, TITLES
from pipeline.reporting.page import Column, Columns, Page, Section, Table, Warnings, build_table, note, prose, section


@dataclass(frozen=True)
class SweepContext:
    """What a page says of a sweep beside its points.

    params: those of each series' first point. unreadable: sentences about experiments that are not in the sweep.
    """

    title: str
    about: str
    parameter: str
    examples: int
    params: list[dict[str, Any]]
    unreadable: list[str]

    def page(self, headline: Iterable[str], sections: Iterable[Section], notes: list[str]) -> Page:
        """The page of these sentences and sections, with what is not in it at the end."""
        ending = [section("", *map(note, notes))]
        if self.unreadable:
            ending.append(section("Not included", Warnings(tuple(self.unreadable))))
        return Page(
            title=f"Sweep: {self.title}",
            about=self.about,
            headline=tuple(map(prose, headline)),
            sections=(*sections, *ending),
            footer="Made by python -m pipeline sweep.",
        )


def values_page(context: SweepContext, series: list[SweepSeries]) -> Page:
    """A sweep over a parameter."""
    title, names = context.title, [series_name(one) for one in series]
    notes = [fixed_settings(own, context.parameter, one) for one, own in zip(series, context.params)]
    notes.append(
        f"{METRICS[series[0].metric].title} with 95 % intervals over {_sample(context, series)}. Each value is "
        "compared with the best, paired, p corrected for all pairs of values (Holm). Non-inferior: it is shown to lose "
        f"less than {series[0].non_inferiority_margin:g} points (score.non_inferiority_margin) to every other value, "
        "corrected for the number of values. Otherwise significantly worse where p is below 0.05, or inconclusive. The "
        "best of several is a little luckier than it is good: its score is no estimate for new examples."
    )
    sentences = [headline_of(one, title) for one in series]
    tables = [section(name, points_table(one, name, title)) for name, one in zip(names, series)]
    return context.page(sentences, [_value_charts(series, names, title), *tables], notes)


def _sample(context: SweepContext, series: list[SweepSeries]) -> str:
    """What the intervals are over."""
    examples, seeds = f"{context.examples} validation examples", max(one.seeds for one in series)
    if seeds > 1:
        return f"{seeds} seeds and {examples}"
    once = ", of one training each, so that another seed may order the values differently" if seeds else ""
    return f"{examples}{once}"


def _value_charts(series: list[SweepSeries], names: list[str], title: str) -> Section:
    points = [
        {
            "series": name,
            "value": point.value,
            "loss": point.validation_loss,
            "label": point.label,
            "non_inferior": point.non_inferior,
            **{key: round(value, 2) for key, value in point.scores[one.metric].items()},
        }
        for one, name in zip(series, names)
        for point in one.points
    ]
    trained = [point for point in points if point["loss"] is not None]
    metric = series[0].metric
    caption = f"{METRICS[metric].title} with 95 % intervals; pale points are not known to be non-inferior to the best."
    quality = sweep_charts.sweep(metric, caption, title, "mean", METRICS[metric].title, points, with_intervals=True)
    caption = "Loss of a validation token at the checkpoint that was kept."
    loss = None
    if trained:
        loss = sweep_charts.sweep("loss", caption, title, "loss", "validation loss", trained, with_intervals=False)
    return section("", quality, loss, html_only=True)


def headline_of(series: SweepSeries, title: str) -> str:
    """The result of a series in a few sentences, made from its numbers."""
    best = next(point for point in series.points if point.value == series.best)
    score = METRICS[series.metric].title
    sentence = f"{series_name(series)}: {title} {best.value} scores best, {score} {_points(best, series.metric):.1f}"
    sentence += _alternatives(series) + _against_the_best_alone(series)
    if series.plateau is not None:
        sentence += f" The validation loss is on its plateau, within 1 % of the lowest, from {series.plateau} on"
        first = next(point for point in series.points if point.value == series.plateau)
        sentence += f" ({_change(first)} {score} from the best)." if first is not best else "."
    if series.seeds == 1:
        sentence += " Each value was trained once: another seed may order them differently."
    return sentence


def _change(point: JudgedPoint) -> str:
    change = point.minus_best
    return format_change(change.difference, change.low, change.high)


def _alternatives(series: SweepSeries) -> str:
    """Which other values are non-inferior to the best, above all a smaller one."""
    margin = f"{series.non_inferiority_margin:g} points"
    others = [value for value in series.non_inferior if value != series.best]
    if not others:
        return f"; no other value is non-inferior (margin {margin})."
    if series.smallest not in (None, series.best):
        point = next(point for point in series.points if point.value == series.smallest)
        change = point.minus_best
        return (
            f"; the smallest that is non-inferior (margin {margin}) is {point.value}, "
            f"{_points(point, series.metric):.1f} "
            f"({_change(point)}, {format_p(change.p_holm)})."
        )
    if series.smallest is None:
        return f"; non-inferior (margin {margin}): {', '.join(map(str, others))}."
    if series.best == series.points[0].value:
        return " and is the smallest that was tried."
    return f", and no smaller value is non-inferior (margin {margin})."


def _against_the_best_alone(series: SweepSeries) -> str:
    """The smallest value whose own interval stays within the margin of the best, where that is no proof against all."""
    if series.smallest != series.best:  # none is preferred for being small, or one is shown to be enough
        return ""
    smaller = series.points[: [point.value for point in series.points].index(series.best)]
    within = (point for point in smaller if point.minus_best.low > -series.non_inferiority_margin)
    if (point := next(within, None)) is None:
        return ""
    return f" Against the best alone, not corrected, {point.value} is the smallest that loses less ({_change(point)})."


def _points(point: JudgedPoint, metric: str) -> float:
    return point.scores[metric]["mean"]


def series_name(series: SweepSeries) -> str:
    """The method, and what else differs between series."""
    extra = ", ".join(_setting(key, value) for key, value in series.settings.items())
    return series.method + (f" ({extra})" if extra else "")


def fixed_settings(params: dict[str, Any], parameter: str, series: SweepSeries) -> str:
    """A sentence with the settings of the method that every point of a series has: lora.alpha_per_rank=2.0, ..."""
    own = {key: value for key, value in flatten({series.method: params[series.method]}) if key != parameter}
    listed = ", ".join(_setting(key, value) for key, value in (own | series.settings).items())
    return f"{series_name(series)}: {listed or 'no settings'}."


def _setting(key: str, value: object) -> str:
    return f"{key}={json.dumps(value)}".replace('"', "")


def _further_scores(series: SweepSeries) -> Columns:
    """The second metric of the task, where it has one."""
    second = next((name for name in series.points[0].scores if name != series.metric), None)
    if second is None:
        return []
    return [(Column(METRICS[second].title), lambda point: Number(point.scores[second]["mean"]))]


def _forgetting(series: SweepSeries) -> Columns:
    """Right answers to the questions of the forgetting measurement, where every experiment asked them."""
    measured = [point.forgetting for point in series.points]
    columns: Columns = []
    for reading in (name for name in FIGURES if all(name in one for one in measured)):
        means = [mean for mean in measured[0][reading] if all(mean in one[reading] for one in measured)]
        for mean in means[1:] or means:  # of a mixture its tasks and those left out
            title = TITLES[reading] + mean.removeprefix("mean")
            columns.append((Column(title, MEANINGS[reading]), _share_right(reading, mean)))
    return columns


def _share_right(reading: str, mean: str) -> Callable[[JudgedPoint], Cell]:
    return lambda point: Number(point.forgetting[reading][mean])


def points_table(series: SweepSeries, name: str, title: str) -> Table:
    """A series' points: quality, validation loss and cost."""

    def unless_best(cell: Callable[[JudgedPoint], Cell]) -> Callable[[JudgedPoint], Cell | None]:
        return lambda point: None if point.value == series.best else cell(point)

    meaning = "Compared with the best: non-inferior, significantly worse, or inconclusive."
    columns: Columns = [
        (Column(title, align="left"), lambda point: Text(str(point.value))),
        (
            Column(METRICS[series.metric].title, "On validation, with its interval."),
            lambda point: estimated(point.scores[series.metric]),
        ),
        (
            Column("minus best", "The difference from the best value."),
            unless_best(lambda point: Number(point.minus_best.difference, sign=True)),
        ),
        (
            Column("95 %", "The paired interval of that difference."),
            unless_best(lambda point: Interval(point.minus_best.low, point.minus_best.high)),
        ),
        (
            Column("p, corrected", "Corrected for all pairs of values (Holm)."),
            unless_best(lambda point: PValue(point.minus_best.p_holm)),
        ),
        (
            Column("result", meaning, align="left"),
            lambda point: Text("best" if point.value == series.best else point.label),
        ),
        *_further_scores(series),
        *_forgetting(series),
        (
            Column("validation loss", "At the checkpoint that was kept, mean over seeds."),
            lambda point: optional(Number, point.validation_loss, 3),
        ),
        (Column("trainable", "Parameters that training changes."), lambda point: Count(point.trainable_parameters)),
        (Column("on disk", "What the method saves beside the base."), lambda point: Bytes(point.bytes)),
        (
            Column("training, CPU", "CPU seconds of a training, optimizer steps alone, mean over seeds."),
            lambda point: optional(Seconds, point.train_cpu_seconds),
        ),
    ]
    return build_table(name, columns, series.points)
