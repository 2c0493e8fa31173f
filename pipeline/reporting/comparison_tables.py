"""The tables of the comparison, each column with its meaning. A new column is a line here; costs: cost_tables.py."""

from collections.abc import Callable
from typing import Any

from pipeline.evaluation.metrics import METRICS, PRIMARY_METRIC
from pipeline.evaluation.pairs import Pair, significance_label
from pipeline.reporting.cells import (
    EMPTY,
    Cell,
    Interval,
    Number,
    Percent,
    PValue,
    Spread,
    Text,
    estimated,
    optional,
)
from pipeline.reporting.page import Column, Columns, Table, build_table

System = dict[str, Any]
TITLE = METRICS[PRIMARY_METRIC].title
NAME = (Column("system", align="left"), lambda row: Text(row["name"]))


def quality(systems: list[System]) -> Table:
    """Every system and baseline with its scores."""
    columns: Columns = [NAME, *_metrics(lambda row: row["scores"])]
    if any("seeds" in row for row in systems):
        meaning = f"{TITLE} as mean ± standard deviation over the seeds of a sweep, and their number."
        columns.insert(2, (Column("over seeds", meaning), lambda row: _over_seeds(row)))
    columns.append(
        (
            Column(f"best {TITLE}", f"{TITLE} against the reference that fits best, mean over dialogues."),
            lambda row: None if _is_human(row) else Number(row["further"][f"{PRIMARY_METRIC}_max"]),
        )
    )
    columns += _evaluate_columns(systems)
    columns.append((Column("note", "Above people or below a baseline.", align="left", wrap=True), _note))
    return build_table("Quality", columns, systems, muted=_is_baseline)


def _metrics(scores: Callable[[System], dict[str, dict[str, float]]]) -> Columns:
    """A column with an interval for each metric; people get none in a metric that gains from further references."""

    def column(name: str) -> tuple[Column, Callable[[System], Cell | None]]:
        metric = METRICS[name]
        meaning = f"{metric.title} in points of 100, with its 95 % bootstrap interval."
        return Column(
            metric.title, meaning
        ), lambda row: None if metric.gains_from_references and _is_human(row) else estimated(scores(row)[name])

    return [column(name) for name in METRICS]


def _over_seeds(row: System) -> Cell:
    if "seeds" not in row:
        return EMPTY
    score = row["seeds"][PRIMARY_METRIC]
    return Spread(score["mean"], score["sd"], seeds=score["seeds"])


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
    """The scores of the test dialogues that are not much like one of train."""
    known = [row for row in systems if "without_near_duplicates" in row]
    columns = [NAME, *_metrics(lambda row: row["without_near_duplicates"]["scores"])]
    return build_table("Without near-duplicates", columns, known, muted=_is_baseline)


def differences(pairs: list[Pair]) -> Table:
    """Every two systems in the primary metric."""
    columns: Columns = [
        (Column("first", align="left"), lambda pair: Text(pair.first)),
        (Column("minus", align="left"), lambda pair: Text(pair.second)),
        (Column("points", "The first system's score minus the second's."), _difference),
        (Column("95 %", "The paired bootstrap interval of this pair alone."), _interval),
        (Column("p", "Approximate randomization, for this pair alone."), lambda pair: PValue(pair.over_dialogues.p)),
        (
            Column("p, corrected", "p after Holm's correction for all pairs; significant below 0.05."),
            lambda pair: PValue(pair.over_dialogues.p_holm),
        ),
    ]
    if any(pair.over_seeds for pair in pairs):
        meaning = "Mean difference over the seeds of a sweep, with Student's 95 % interval."
        columns.append((Column("over seeds", meaning), _over_seeds_difference))
    meaning = "Over the dialogues and, with three seeds or more, over seeds too."
    columns.append((Column("result", meaning, align="left"), lambda pair: Text(significance_label(pair))))
    return build_table(f"Differences in {TITLE}", columns, pairs)


def _difference(pair: Pair) -> Cell:
    return Number(pair.over_dialogues.difference, sign=True)


def _interval(pair: Pair) -> Cell:
    return Interval(pair.over_dialogues.low, pair.over_dialogues.high)


def _over_seeds_difference(pair: Pair) -> Cell:
    seeds = pair.over_seeds
    return Text(f"{seeds.difference:+.1f}, {Interval(seeds.low, seeds.high)}") if seeds else EMPTY


def diagnostics(systems: list[System]) -> Table:
    """Percent of each system's summaries with a fault, and their length."""

    def percent(key: str) -> Callable[[System], Cell | None]:
        return lambda row: optional(Percent, row["diagnostics"][key])

    columns: Columns = [
        NAME,
        (Column("truncated", "Stopped at the length limit before the end token."), percent("truncated")),
        (Column("empty", "Nothing but white space."), percent("empty")),
        (Column("repeats", "Three words or more occur twice."), percent("repeats")),
        (
            Column("unsupported entities", "A name, number or speaker tag that the dialogue does not have."),
            percent("unsupported"),
        ),
        (Column("words", "Mean length."), lambda row: Number(row["diagnostics"]["words"])),
        (
            Column("length ratio", "Mean length relative to the references'."),
            lambda row: optional(Number, row["diagnostics"]["length_ratio"], 2),
        ),
        (Column("novel bigrams", "Word pairs that the dialogue does not have; 0 is copied."), percent("novel_bigrams")),
    ]
    return build_table("Diagnostics", columns, [row for row in systems if "diagnostics" in row])
