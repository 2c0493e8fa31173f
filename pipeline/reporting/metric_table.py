"""The heat table: every metric of every system, group by group, with the best of each row and no average over rows."""

from collections.abc import Callable
from typing import Any

from pipeline.reporting.cells import EMPTY, LEVEL, Cell, Count, Estimated, Number, Shaded, Text
from pipeline.reporting.page import Column, Columns, Fold, Prose, Section, Strong, build_table, note, section

Metric = dict[str, Any]


def metric_section(metrics: list[Metric]) -> Section:
    """The table with what its rows mean."""
    systems = list(dict.fromkeys(name for metric in metrics for name in metric["systems"]))
    first = {metric["group"]: number for number, metric in reversed(list(enumerate(metrics)))}
    rows = list(enumerate(metrics))
    columns: Columns = [
        (
            Column("group", align="left"),
            lambda row: Text(row[1]["group"]) if first[row[1]["group"]] == row[0] else EMPTY,
        ),
        (Column("metric", align="left"), lambda row: Text(arrow(row[1]))),
        (Column("of"), lambda row: Count(row[1]["items"])),
        *((Column(name), cell_of(name)) for name in systems),
    ]
    if any("people" in metric for metric in metrics):
        columns.append((Column("references", "People's texts, as if they were outputs."), people))
    return section(
        "All metrics",
        build_table("All metrics", columns, rows),
        note(
            "↑ more is better, ↓ less is better. Bold: the best of its row; "
            f"{LEVEL}: not shown to be worse than the best (paired, p corrected for the number of pairs of the row). "
            "The darker, the nearer to the best. There is no average over rows: what counts for you decides."
        ),
        *(note(line) for line in by_chance(metrics)),
        Fold("What the metrics mean", tuple(meanings(metrics))),
    )


def meanings(metrics: list[Metric]) -> list[Prose]:
    """A line for each meaning, with the metrics that have it; Quality has a table of its own."""
    names: dict[str, list[str]] = {}
    for metric in metrics:
        if metric["group"] != "Quality":
            names.setdefault(metric["meaning"], []).append(metric["name"])
    return [note(Strong(", ".join(each)), f": {meaning}") for meaning, each in names.items()]


def arrow(metric: Metric) -> str:
    return f"{metric['name']} {'↑' if metric['higher_is_better'] else '↓'}"


def cell_of(system: str) -> Callable[[tuple[int, Metric]], Cell | None]:
    """The cell of a system: its score with its interval, shaded by its place between the worst and the best."""

    def cell(row: tuple[int, Metric]) -> Cell | None:
        metric = row[1]
        if system not in metric["systems"]:
            return None
        score = metric["systems"][system]
        means = [one["mean"] for one in metric["systems"].values()]
        low, high = min(means), max(means)
        place = (score["mean"] - low) / (high - low) if high > low else 1.0
        return Shaded(
            Estimated(score["mean"], score["low"], score["high"], metric["digits"]),
            place if metric["higher_is_better"] else 1 - place,
            best=system == metric["best"],
            level=system != metric["best"] and not metric["differences"][system]["significant"],
        )

    return cell


def people(row: tuple[int, Metric]) -> Cell | None:
    value = row[1].get("people")
    return None if value is None else Number(value, row[1]["digits"])


def by_chance(metrics: list[Metric]) -> list[str]:
    """What a perfectly calibrated model would show."""
    lines = []
    for metric in metrics:
        if values := metric.get("by_chance", {}).values():
            low, high = min(values), max(values)
            lines.append(
                f"{metric['name']}: with these confidences and {metric['items']} answers a perfectly calibrated model "
                f"would show {low:.1f} to {high:.1f}."
            )
    return lines
