"""The tables of the comparison, each column with its meaning. A new column is a line here.

Costs: cost_tables.py; lengths and faults of the texts: diagnostics_table.py.
"""

from collections.abc import Callable
from typing import Any

from pipeline.evaluation.open_questions import NOTHING_DIFFERS, ways_to_settle
from pipeline.evaluation.pairs import Pair, significance_label
from pipeline.evaluation.power import Settling, settle
from pipeline.evaluation.tasks import METRICS
from pipeline.reporting.cells import (
    EMPTY,
    Cell,
    Interval,
    Number,
    PValue,
    Text,
    estimated,
    optional,
)
from pipeline.reporting.page import Column, Columns, Table, build_table

System = dict[str, Any]
NAME = (Column("system", align="left"), lambda row: Text(row["name"]))


def quality(systems: list[System], metric: str) -> Table:
    """Every system and baseline with its scores; metric: the primary one."""
    title = METRICS[metric].title
    columns: Columns = [NAME, *_metrics(systems, lambda row: row["scores"])]
    if any(len(row["by_seed"]) > 1 for row in systems):
        meaning = f"The lowest and the highest {title} of the seeds, and their number."
        columns.insert(2, (Column("by seed", meaning), _by_seed(metric)))
    if (best := f"{metric}_max") in systems[0]["further"]:
        meaning = f"{title} against the reference that fits best, mean over examples."
        columns.append(
            (Column(f"best {title}", meaning), lambda row: None if _is_human(row) else Number(row["further"][best]))
        )
    columns += _evaluate_columns(systems)
    columns.append(
        (Column("note", "What the interval of the difference from a baseline shows.", align="left", wrap=True), _note)
    )
    return build_table("Quality", columns, systems, muted=_is_baseline)


def _metrics(systems: list[System], scores: Callable[[System], dict[str, dict[str, float]]]) -> Columns:
    """A column with an interval for each metric; people get none in a metric that gains from further references."""

    def column(name: str) -> tuple[Column, Callable[[System], Cell | None]]:
        metric = METRICS[name]
        meaning = f"{metric.title} in points of 100, with its 95 % interval."
        return Column(
            metric.title, meaning
        ), lambda row: None if metric.gains_from_references and _is_human(row) else estimated(scores(row)[name])

    return [column(name) for name in systems[0]["scores"]]


def _by_seed(metric: str) -> Callable[[System], Cell]:
    def cell(row: System) -> Cell:
        points = [scores[metric] for scores in row["by_seed"].values()]
        return Text(f"{min(points):.1f} to {max(points):.1f} ({len(points)})") if len(points) > 1 else EMPTY

    return cell


def _evaluate_columns(systems: list[System]) -> Columns:
    """The numbers of further metrics, without intervals."""

    def column(name: str, key: str) -> tuple[Column, Callable[[System], Cell | None]]:
        title = key if key == name else f"{name} {key}"
        return Column(
            title, "From Hugging Face's evaluate, without an interval."
        ), lambda row: Number(row["evaluate"][name][key], 4, significant=True) if row.get("evaluate") else EMPTY

    evaluated: dict[str, dict[str, float]] = next((row["evaluate"] for row in systems if row.get("evaluate")), {})
    return [column(name, key) for name, scores in evaluated.items() for key in scores]


def _note(row: System) -> Cell:
    return Text("baseline") if _is_baseline(row) else Text("; ".join(row["flags"]))


def _is_baseline(row: System) -> bool:
    return row["kind"] == "baseline"


def _is_human(row: System) -> bool:
    """Whether a row is people's, who have one reference fewer than a method."""
    return _is_baseline(row) and row["name"] == "human"


def without_near_duplicates(systems: list[System]) -> Table:
    """The scores of the test examples that are not much like one of train."""
    known = [row for row in systems if "without_near_duplicates" in row]
    columns = [NAME, *_metrics(systems, lambda row: row["without_near_duplicates"]["scores"])]
    return build_table("Without near-duplicates", columns, known, muted=_is_baseline)


def differences(pairs: list[Pair], examples: int, title: str) -> Table:
    """Every two systems in the primary metric, called `title`, and what it would take to settle what is open."""
    needed = {(pair.first, pair.second): settle(pair.estimate, examples, len(pairs)) for pair in pairs}

    def settling(pair: Pair) -> Settling:
        return needed[pair.first, pair.second]

    columns: Columns = [
        (Column("first", align="left"), lambda pair: Text(pair.first)),
        (Column("minus", align="left"), lambda pair: Text(pair.second)),
        (
            Column("points", "The first system's score minus the second's, mean over the seeds."),
            lambda pair: Number(pair.estimate.difference, sign=True),
        ),
        (
            Column("95 %", "The interval of this pair alone: over examples and, with two seeds or more, over seeds."),
            lambda pair: Interval(pair.estimate.low, pair.estimate.high),
        ),
        (Column("p", "For this pair alone."), lambda pair: PValue(pair.estimate.p)),
        (
            Column("p, corrected", "p after Holm's correction for all pairs; significant below 0.05."),
            lambda pair: PValue(pair.estimate.p_holm),
        ),
        (
            Column("result", "With one seed it is said of these trainings alone.", align="left", wrap=True),
            lambda pair: Text(significance_label(pair.estimate)),
        ),
        (
            Column("detectable", "The smallest difference that is found in 80 % of such comparisons."),
            lambda pair: Number(settling(pair).detectable),
        ),
        (
            Column("to settle", "What would find a difference of this size in 80 % of cases.", align="left", wrap=True),
            lambda pair: EMPTY if pair.estimate.significant else Text(_to_settle(pair, settling(pair))),
        ),
    ]
    return build_table(f"Differences in {title}", columns, pairs)


def _to_settle(pair: Pair, needed: Settling) -> str:
    if pair.estimate.nothing_differs:
        return NOTHING_DIFFERS
    return " or ".join(ways_to_settle(needed.examples, needed.seeds)) or "out of reach"


def seed_spread(pairs: list[Pair]) -> Table:
    """How far a seed, an example and the two together move the difference of two systems."""
    known = [pair for pair in pairs if pair.estimate.sd_seed is not None]
    columns: Columns = [
        (Column("first", align="left"), lambda pair: Text(pair.first)),
        (Column("minus", align="left"), lambda pair: Text(pair.second)),
        (Column("seed", "What another seed moves on all examples alike."), _sd("sd_seed")),
        (Column("example", "What another example moves for all seeds alike."), _sd("sd_example")),
        (Column("seed and example", "What a seed does to one example."), _sd("sd_rest")),
    ]
    return build_table("Standard deviations of one difference", columns, known, show_name=True)


def _sd(name: str) -> Callable[[Pair], Cell | None]:
    return lambda pair: optional(Number, getattr(pair.estimate, name), 1)
