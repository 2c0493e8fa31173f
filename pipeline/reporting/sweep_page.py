"""A sweep as a page: its result in sentences, charts, and a table for each series."""

import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pipeline.core.params import flatten
from pipeline.evaluation.differences import format_p
from pipeline.evaluation.metrics import METRICS, PRIMARY_METRIC
from pipeline.evaluation.pairs import seed_label
from pipeline.evaluation.seeds import (
    ScoresBySeed,
    SeedDifference,
    SeedStatistics,
    includes_run,
    seed_difference,
    seed_statistics,
)
from pipeline.evaluation.sweep_series import JudgedPoint, SweepSeries
from pipeline.reporting import charts
from pipeline.reporting.cells import (
    Bytes,
    Cell,
    Count,
    Interval,
    Number,
    PValue,
    Seconds,
    Spread,
    Text,
)
from pipeline.reporting.comparison_tables import estimated, optional
from pipeline.reporting.page import Column, Page, Section, Table, Warnings, build_table, note, prose, section

TITLE = METRICS[PRIMARY_METRIC].title
FOOTER = "Made by python -m pipeline sweep."


def values_page(
    title: str,
    about: str,
    parameter: str,
    series: list[SweepSeries],
    params: list[dict[str, Any]],
    dialogues: int,
    scores_by_seed: ScoresBySeed,
    unreadable: list[str],
) -> Page:
    """A sweep over any parameter but the seed. params: those of each series' first point."""
    names = [series_name(one) for one in series]
    spread = {
        method: statistics
        for method, statistics in seed_statistics(scores_by_seed).items()
        if any(
            includes_run(scores_by_seed, method, point.scores)
            for one in series
            if one.method == method
            for point in one.points
        )
    }
    notes = [f"{name}: {fixed_settings(own, parameter, one)}." for name, one, own in zip(names, series, params)]
    notes.append(
        f"{TITLE} with 95 % bootstrap intervals over {dialogues} dialogues. Each value is compared with the best, "
        "paired: approximate randomization, p corrected for the number of values (Holm). Non-inferior: by its interval "
        f"it loses less than {series[0].non_inferiority_margin:g} points (score.non_inferiority_margin). Otherwise "
        "significantly worse where p is below 0.05, or inconclusive. The best of several is a little luckier than it "
        "is good."
    )
    tables = [section(name, points_table(one, name, title)) for name, one in zip(names, series)]
    return Page(
        title=f"Sweep: {title}",
        about=about,
        headline=tuple(prose(headline_of(one, title, spread.get(one.method))) for one in series),
        sections=(_value_charts(series, names, title), *tables, *_ending(notes, unreadable)),
        footer=FOOTER,
    )


def _value_charts(series: list[SweepSeries], names: list[str], title: str) -> Section:
    points = [
        {
            "series": name,
            "value": point.value,
            "loss": point.validation_loss,
            "label": point.label,
            "as_good": point.non_inferior,
            **{key: round(value, 2) for key, value in point.scores[PRIMARY_METRIC].items()},
        }
        for one, name in zip(series, names)
        for point in one.points
    ]
    trained = [point for point in points if point["loss"] is not None]
    caption = f"{TITLE} with 95 % intervals; pale points are not known to be non-inferior to the best."
    quality = charts.sweep(PRIMARY_METRIC, caption, title, "mean", points, with_intervals=True)
    caption = "Loss of a validation token at the checkpoint that was kept."
    loss = charts.sweep("loss", caption, title, "loss", trained, with_intervals=False) if trained else None
    return section("", quality, loss, html_only=True)


def headline_of(series: SweepSeries, title: str, spread: SeedStatistics | None) -> str:
    """The result of a series in a few sentences, made from its numbers."""
    best = next(point for point in series.points if point.value == series.best)
    sentence = f"{series_name(series)}: {title} {best.value} scores best, {TITLE} {_points(best):.1f}"
    sentence += _alternatives(series)
    if series.plateau is not None:
        sentence += f" The validation loss is on its plateau, within 1 % of the lowest, from {series.plateau} on."
    if spread:
        sentence += f" Another seed alone moves this {TITLE} by a standard deviation of {spread.sd:.1f}."
    return sentence


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
            f"; the smallest that is non-inferior (margin {margin}) is {point.value}, {_points(point):.1f} "
            f"({change.difference:+.1f} [{change.low:+.1f}, {change.high:+.1f}], {format_p(change.p_holm)})."
        )
    if series.smallest is None:
        return f"; non-inferior (margin {margin}): {', '.join(map(str, others))}."
    if series.best == series.points[0].value:
        return " and is the smallest that was tried."
    return f", and no smaller value is non-inferior (margin {margin})."


def _points(point: JudgedPoint) -> float:
    return point.scores[PRIMARY_METRIC]["mean"]


def series_name(series: SweepSeries) -> str:
    """The method, and what else differs between series."""
    extra = ", ".join(_setting(key, value) for key, value in series.settings.items())
    return series.method + (f" ({extra})" if extra else "")


def fixed_settings(params: dict[str, Any], parameter: str, series: SweepSeries) -> str:
    """The settings of the method that every point of a series has: lora.alpha_per_rank=2.0, ..."""
    own = {key: value for key, value in flatten({series.method: params[series.method]}) if key != parameter}
    return ", ".join(_setting(key, value) for key, value in (own | series.settings).items())


def _setting(key: str, value: object) -> str:
    return f"{key}={json.dumps(value)}".replace('"', "")


def points_table(series: SweepSeries, name: str, title: str) -> Table:
    """A series' points: quality, validation loss and cost."""

    def unless_best(cell: Callable[[JudgedPoint], Cell]) -> Callable[[JudgedPoint], Cell | None]:
        return lambda point: None if point.value == series.best else cell(point)

    meaning = "Compared with the best: non-inferior, significantly worse, or inconclusive."
    columns: list[tuple[Column, Callable[[JudgedPoint], Cell | None]]] = [
        (Column(title, align="left"), lambda point: Text(str(point.value))),
        (Column(TITLE, "With its 95 % bootstrap interval."), lambda point: estimated(point.scores[PRIMARY_METRIC])),
        (
            Column("minus best", "The difference from the best value."),
            unless_best(lambda point: Number(point.minus_best.difference, sign=True)),
        ),
        (
            Column("95 %", "The paired bootstrap interval of that difference."),
            unless_best(lambda point: Interval(point.minus_best.low, point.minus_best.high)),
        ),
        (
            Column("p, corrected", "Corrected for the number of values (Holm)."),
            unless_best(lambda point: PValue(point.minus_best.p_holm)),
        ),
        (
            Column("result", meaning, align="left"),
            lambda point: Text("best" if point.value == series.best else point.label),
        ),
        (Column("ROUGE-2"), lambda point: Number(point.scores["rouge2"]["mean"])),
        (
            Column("validation loss", "At the checkpoint that was kept."),
            lambda point: optional(Number, point.validation_loss, 3),
        ),
        (Column("trainable", "Parameters that training changes."), lambda point: Count(point.trainable_parameters)),
        (Column("on disk", "What the method saves beside the base."), lambda point: Bytes(point.bytes)),
        (Column("training", "Optimizer steps alone."), lambda point: optional(Seconds, point.train_seconds)),
    ]
    return build_table(name, columns, series.points)


@dataclass(frozen=True)
class MethodPair:
    """first minus second over the seeds that both have."""

    first: str
    second: str
    over_seeds: SeedDifference


def seeds_page(
    title: str,
    about: str,
    content: dict[str, Any],
    series: list[SweepSeries],
    params: list[dict[str, Any]],
    unreadable: list[str],
) -> Page:
    """The sweep over seeds. content: of seeds.json; params: those of each series' first point."""
    scores_by_seed: ScoresBySeed = content["methods"]
    statistics = seed_statistics(scores_by_seed)
    pairs = [
        MethodPair(later, earlier, difference)
        for earlier, later in itertools.combinations(statistics, 2)
        if (difference := seed_difference(scores_by_seed, later, earlier))
    ]
    notes = [
        "A seed decides the order of examples, dropout, the initial adapters and soft prompts, and few_shot's "
        "examples; the dialogues stay. Differences are taken seed by seed; the interval is Student's, of their mean.",
        *settings_of_first_series(series, params),
    ]
    sections = [
        section("", charts.seeds(scores_by_seed), html_only=True),
        section(f"{TITLE} by seed", by_seed_table(scores_by_seed, statistics)),
        section(f"Differences in {TITLE} over seeds", seed_differences_table(pairs) if pairs else None),
        section("Mean ± standard deviation", metrics_table(scores_by_seed, list(statistics))),
    ]
    return Page(
        title=f"Sweep: {title}",
        about=about,
        headline=tuple(map(prose, seeds_headline(scores_by_seed, statistics, pairs, content["dialogues"]))),
        sections=(*(each for each in sections if each.blocks), *_ending(notes, unreadable)),
        footer=FOOTER,
    )


def seeds_headline(
    scores_by_seed: ScoresBySeed, statistics: dict[str, SeedStatistics], pairs: list[MethodPair], dialogues: int
) -> list[str]:
    """The widest spread, and which methods seeds leave undecided."""
    count = len({seed for by_seed in scores_by_seed.values() for seed in by_seed})
    widest = max(statistics, key=lambda name: statistics[name].sd)
    sentences = [
        f"Over {count} seeds, on the same {dialogues} dialogues, {TITLE} has a standard deviation of up to "
        f"{statistics[widest].sd:.1f} points ({widest})."
    ]
    undecided = [f"{pair.first} and {pair.second}" for pair in pairs if not pair.over_seeds.excludes_zero]
    if undecided:
        sentences.append(f"Not significant across {count} seeds: {'; '.join(undecided)}.")
    elif pairs:
        sentences.append("Every difference between two methods is significant across the seeds.")
    return sentences


def settings_of_first_series(series: list[SweepSeries], params: list[dict[str, Any]]) -> list[str]:
    """For a sweep over seeds: of each method the settings of its first series, and which others are left out."""
    lines, seen = [], set()
    for one, own in zip(series, params):
        if one.method in seen:
            lines.append(f"Left out, because an earlier series of {one.method} is shown: {series_name(one)}.")
        else:
            lines.append(f"{series_name(one)}: {fixed_settings(own, 'seed', one)}.")
        seen.add(one.method)
    return lines


def by_seed_table(scores_by_seed: ScoresBySeed, statistics: dict[str, SeedStatistics]) -> Table:
    """The primary metric of each method and seed."""

    def seed_column(seed: str) -> tuple[Column, Callable[[str], Cell | None]]:
        return Column(
            f"seed {seed}"
        ), lambda name: Number(scores_by_seed[name][seed][PRIMARY_METRIC]) if seed in scores_by_seed[name] else None

    seeds = sorted({seed for by_seed in scores_by_seed.values() for seed in by_seed}, key=int)
    columns: list[tuple[Column, Callable[[str], Cell | None]]] = [
        (Column("method", align="left"), Text),
        *(seed_column(seed) for seed in seeds),
        (Column("mean"), lambda name: Number(statistics[name].mean)),
        (Column("standard deviation"), lambda name: Number(statistics[name].sd, 2)),
    ]
    return build_table(f"{TITLE} by seed", columns, statistics)


def seed_differences_table(pairs: list[MethodPair]) -> Table:
    """Every two methods."""
    columns: list[tuple[Column, Callable[[MethodPair], Cell | None]]] = [
        (Column("first", align="left"), lambda pair: Text(pair.first)),
        (Column("minus", align="left"), lambda pair: Text(pair.second)),
        (Column("points", "Mean over the seeds."), lambda pair: Number(pair.over_seeds.difference, sign=True)),
        (
            Column("95 % over seeds", "Student's interval of that mean."),
            lambda pair: Interval(pair.over_seeds.low, pair.over_seeds.high),
        ),
        (Column("standard deviation", "Of the differences."), lambda pair: Number(pair.over_seeds.sd, 2)),
        (Column("result", align="left"), lambda pair: Text(seed_label(pair.over_seeds))),
    ]
    return build_table(f"Differences in {TITLE} over seeds", columns, pairs)


def metrics_table(scores_by_seed: ScoresBySeed, names: list[str]) -> Table:
    """Every metric of every method."""

    def method_column(name: str) -> tuple[Column, Callable[[str], Cell | None]]:
        def cell(metric: str) -> Cell:
            statistics = seed_statistics(scores_by_seed, metric)[name]
            return Spread(statistics.mean, statistics.sd, 2)

        return Column(name), cell

    columns: list[tuple[Column, Callable[[str], Cell | None]]] = [
        (Column("metric", align="left"), lambda metric: Text(METRICS[metric].title)),
        *map(method_column, names),
    ]
    return build_table("Mean ± standard deviation", columns, METRICS)


def _ending(notes: list[str], unreadable: list[str]) -> list[Section]:
    """Small print, and which experiments are not in the sweep and why."""
    sections = [section("", *map(note, notes))]
    if unreadable:
        sections.append(section("Not included", Warnings(tuple(unreadable))))
    return sections
