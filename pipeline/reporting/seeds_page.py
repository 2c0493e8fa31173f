"""The sweep over seeds as a page: how much a training's seed alone moves each score and each difference."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pipeline.evaluation.metrics import METRICS, PRIMARY_METRIC
from pipeline.evaluation.pairs import seed_label
from pipeline.evaluation.seeds import ScoresBySeed, SeedDifference, SeedStatistics, seed_difference, seed_statistics
from pipeline.evaluation.sweep_series import SweepSeries
from pipeline.reporting import sweep_charts
from pipeline.reporting.cells import Cell, Interval, Number, Spread, Text
from pipeline.reporting.page import Column, Columns, Page, Table, build_table, section
from pipeline.reporting.sweep_page import SweepContext, fixed_settings, series_name

TITLE = METRICS[PRIMARY_METRIC].title


@dataclass(frozen=True)
class MethodPair:
    """first minus second over the seeds that both have."""

    first: str
    second: str
    over_seeds: SeedDifference


def seeds_page(context: SweepContext, series: list[SweepSeries], scores_by_seed: ScoresBySeed) -> Page:
    """The sweep over seeds."""
    statistics = seed_statistics(scores_by_seed)
    pairs = [
        MethodPair(later, earlier, difference)
        for earlier, later in itertools.combinations(statistics, 2)
        if (difference := seed_difference(scores_by_seed, later, earlier))
    ]
    sections = [
        section("", sweep_charts.seeds(scores_by_seed), html_only=True),
        section(f"{TITLE} by seed", by_seed_table(scores_by_seed, statistics)),
        section(f"Differences in {TITLE} over seeds", seed_differences_table(pairs) if pairs else None),
        section("Mean ± standard deviation", metrics_table(scores_by_seed, list(statistics))),
    ]
    notes = [
        "A seed decides the order of examples, dropout, the initial adapters and soft prompts, and few_shot's "
        "examples; the dialogues stay. Differences are taken seed by seed; the interval is Student's, of their mean.",
        *settings_of_first_series(series, context.params),
    ]
    sentences = seeds_headline(scores_by_seed, statistics, pairs, context.dialogues)
    return context.page(sentences, [each for each in sections if each.blocks], notes)


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
            lines.append(fixed_settings(own, "seed", one))
        seen.add(one.method)
    return lines


def by_seed_table(scores_by_seed: ScoresBySeed, statistics: dict[str, SeedStatistics]) -> Table:
    """The primary metric of each method and seed."""

    def seed_column(seed: str) -> tuple[Column, Callable[[str], Cell | None]]:
        return Column(
            f"seed {seed}"
        ), lambda name: Number(scores_by_seed[name][seed][PRIMARY_METRIC]) if seed in scores_by_seed[name] else None

    seeds = sorted({seed for by_seed in scores_by_seed.values() for seed in by_seed}, key=int)
    columns: Columns = [
        (Column("method", align="left"), Text),
        *(seed_column(seed) for seed in seeds),
        (Column("mean"), lambda name: Number(statistics[name].mean)),
        (Column("standard deviation"), lambda name: Number(statistics[name].sd, 2)),
    ]
    return build_table(f"{TITLE} by seed", columns, statistics)


def seed_differences_table(pairs: list[MethodPair]) -> Table:
    """Every two methods."""
    columns: Columns = [
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

    columns: Columns = [
        (Column("metric", align="left"), lambda metric: Text(METRICS[metric].title)),
        *map(method_column, names),
    ]
    return build_table("Mean ± standard deviation", columns, METRICS)
