"""The heat table: every metric of every system, group by group, with the best of each row and no average over rows."""

from collections.abc import Callable
from typing import Any

from pipeline.reporting.cells import EMPTY, LEVEL, Cell, Count, Estimated, Shaded, Text
from pipeline.reporting.page import Column, Columns, Fold, Prose, Section, Strong, build_table, note, section

Metric = dict[str, Any]
Line = Metric | str  # of the table: a metric, or the name of the group that follows


def metric_section(metrics: list[Metric]) -> Section:
    """The table with what its rows mean."""
    systems = list(dict.fromkeys(name for metric in metrics for name in metric["systems"]))
    columns: Columns = [
        (Column("metric", align="left"), title),
        (Column("of", "Examples or questions."), lambda line: _of_metric(line, lambda metric: Count(metric["items"]))),
        *((Column(name), cell_of(name)) for name in systems),
    ]
    return section(
        "All metrics",
        build_table("All metrics", columns, grouped(metrics), muted=lambda line: isinstance(line, str)),
        note(
            "↑ more is better, ↓ less is better. Bold: the best of its row; "
            f"{LEVEL}: not shown to be worse than the best (paired, p corrected for the number of pairs of the row). "
            "The darker, the nearer to the best. There is no average over rows: what counts for you decides."
        ),
        *(note(line) for line in yardsticks(metrics)),
        Fold("What the metrics mean", tuple(meanings(metrics))),
    )


def grouped(metrics: list[Metric]) -> list[Line]:
    """The metrics, with the name of each group before its first."""
    lines: list[Line] = []
    for number, metric in enumerate(metrics):
        if not number or metrics[number - 1]["group"] != metric["group"]:
            lines.append(metric["group"])
        lines.append(metric)
    return lines


def _of_metric(line: Line, cell: Callable[[Metric], Cell | None]) -> Cell | None:
    return EMPTY if isinstance(line, str) else cell(line)


def title(line: Line) -> Cell:
    """A group, or a metric with the direction in which it is better."""
    if isinstance(line, str):
        return Text(line)
    return Text(f"{line['name']} {'↑' if line['higher_is_better'] else '↓'}")


def cell_of(system: str) -> Callable[[Line], Cell | None]:
    """The cell of a system: its score with its interval, shaded by its place between the worst and the best."""

    def cell(metric: Metric) -> Cell | None:
        if system not in metric["systems"]:
            return None
        score = metric["systems"][system]
        means = [one["mean"] for one in metric["systems"].values()]
        low, high = min(means), max(means)
        place = (score["mean"] - low) / (high - low) if high > low else 1.0
        return Shaded(
            Estimated(score["mean"], score["low"], score["high"], metric["digits"]),
            place if metric["higher_is_better"] or high == low else 1 - place,
            best=system == metric["best"],
            level=system != metric["best"] and not metric["differences"][system]["significant"],
        )

    return lambda line: _of_metric(line, cell)


def yardsticks(metrics: list[Metric]) -> list[str]:
    """What people score, and what a perfectly calibrated model would show."""
    lines = []
    for metric in metrics:
        if "people" in metric:
            lines.append(f"{metric['name']}: the references have {metric['people']:.{metric['digits']}f}.")
        if values := metric.get("by_chance", {}).values():
            lines.append(
                f"{metric['name']}: with these confidences and {metric['items']} answers a perfectly calibrated model "
                f"would show {min(values):.1f} to {max(values):.1f}."
            )
    return lines


def meanings(metrics: list[Metric]) -> list[Prose]:
    """A line for each meaning, with the metrics that have it; Quality has a table of its own."""
    names: dict[str, list[str]] = {}
    for metric in metrics:
        if metric["group"] != "Quality":
            names.setdefault(metric["meaning"], []).append(metric["name"])
    return [note(Strong(", ".join(each)), f": {meaning}") for meaning, each in names.items()]
