"""The benchmark: tasks by methods, before and after training."""

from collections.abc import Callable
from typing import Any

from pipeline.evaluation.benchmark_results import BASE, MEAN
from pipeline.evaluation.differences import format_change
from pipeline.reporting.cells import EMPTY, Cell, Changed, Code, Count, Number, Text
from pipeline.reporting.page import Column, Columns, Section, build_table, counted, note, prose, section


def benchmark_section(benchmark: dict[str, Any]) -> Section:
    """The table of scores, and a sentence on what changed for certain."""
    tasks = [*benchmark["items"], *([MEAN] if len(benchmark["items"]) > 1 else [])]
    columns: Columns = [
        (Column("task", align="left"), lambda task: Text(task)),
        (Column("items"), lambda task: Count(benchmark["items"][task]) if task != MEAN else EMPTY),
    ]
    columns += [_method_column(method, benchmark) for method in benchmark["scores"]]
    table = build_table("Scores", columns, tasks, show_name=True)
    return section(
        "Benchmark",
        prose(headline(benchmark["differences"])) if benchmark["differences"] else None,
        table,
        note(
            "Percent of the items, through EleutherAI's evaluation harness. Differences are paired over the items: ",
            Code(benchmark["signature"]),
            ".",
        ),
    )


def _method_column(method: str, benchmark: dict[str, Any]) -> tuple[Column, Callable[[str], Cell]]:
    changes = benchmark["differences"].get(method, {})

    def cell(task: str) -> Cell:
        value = benchmark["scores"][method][task]
        if task not in changes:
            return Number(value)
        change = changes[task]
        return Changed(mean=change["difference"], low=change["low"], high=change["high"], value=value)

    meaning = f"In percent; in brackets the points more than {BASE}, with the 95 % interval."
    return Column(method, meaning if changes else ""), cell


def headline(differences: dict[str, dict[str, dict[str, Any]]]) -> str:
    """Which methods changed which tasks significantly."""
    total = sum(map(len, differences.values()))
    words = [
        f"{method} {task} {format_change(change['difference'], change['low'], change['high'])}"
        for method, of_method in differences.items()
        for task, change in of_method.items()
        if change["significant"]
    ]
    corrected = f"corrected for {counted(total, 'difference')} (Holm)"
    if not words:
        return f"No difference from {BASE} is significant, {corrected}."
    return f"Significant differences from {BASE}, {corrected}: {', '.join(words)}."
