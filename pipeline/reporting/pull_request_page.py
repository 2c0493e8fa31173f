"""The page of a pull request: what changed, in a sentence and in tables, and its plots as images."""

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from pipeline.core.params import PARAMS
from pipeline.evaluation.differences import format_p
from pipeline.evaluation.pairs import significance_label
from pipeline.evaluation.run_diff import METRICS_FOLDER, ScoreChange, Values, changed_scores
from pipeline.evaluation.tasks import METRICS, is_primary
from pipeline.reporting.cells import EMPTY, Cell, Code, Interval, Number, Text
from pipeline.reporting.page import (
    Block,
    Column,
    Columns,
    Fold,
    Image,
    Link,
    Page,
    Prose,
    Section,
    Table,
    build_table,
    counted,
    prose,
    section,
)
from pipeline.reporting.pull_request_sentences import explanations, headline

MAX_ROWS = 15  # of a table of parameters; a longer one is folded
Diff = dict[str, dict[str, Values]]  # file -> key -> old and new


def pull_request_page(
    base: str, parameters: Diff, metrics: Diff, changes: list[ScoreChange], notes: list[Prose], plots: "Plots"
) -> Page:
    """The headline is the first line; then parameters, metrics and plots. notes: what to know before reading on."""
    count = sum(len(values) for values in parameters.values())
    changed = f"{counted(count, 'parameter')} changed" if count else "no parameter changed"
    return Page(
        title="What this change does",
        about="",
        headline=(headline(changes),),
        sections=(
            section("", *notes, prose(f"Against {base}: {changed}.")),
            section("Parameters", *parameter_blocks(parameters, count)),
            section("Metrics", *metric_blocks(changes, metrics)),
            plots.section(),
        ),
        footer="Made by python -m pipeline pull_request.",
    )


def parameter_blocks(parameters: Diff, count: int) -> list[Block]:
    """The table of changed parameters, folded if it is long."""
    if not count:
        return []
    rows = [(path, key, values) for path, keys in sorted(parameters.items()) for key, values in sorted(keys.items())]
    columns: Columns = [
        (
            Column("parameter", align="left"),
            lambda row: Code(row[1] if row[0] == str(PARAMS) else f"{row[0]}: {row[1]}"),
        ),
        (Column("base"), lambda row: _value(row[2].get("old"))),
        (Column("now"), lambda row: _value(row[2].get("new"))),
    ]
    table = build_table("Parameters", columns, rows)
    return [Fold(counted(count, "parameter"), (table,)) if count > MAX_ROWS else table]


def metric_blocks(changes: list[ScoreChange], metrics: Diff) -> list[Block]:
    """The primary metric of every system; further scores are folded unless only they changed significantly."""
    changed = [change for change in changes if change.how not in ("new", "removed")]
    primary = [change for change in changed if is_primary(change.metric)]
    named = {change.system for change in primary if change.significant}
    shown = [
        change for change in changed if is_primary(change.metric) or (change.significant and change.system not in named)
    ]
    further = [change for change in changed if change not in shown]
    blocks: list[Block] = [score_table("Scores", shown)] if shown else []
    if further:
        significant = sum(change.significant for change in further)
        title = f"{counted(len(further), 'further score')}, {significant} of them significant"
        blocks.append(Fold(title, (score_table("Further scores", further),)))
    blocks += map(prose, explanations(changes))
    if others := other_metrics(metrics):
        blocks.append(_other_metrics_table(others))
    return blocks or [prose("No metric changed.")]


def score_table(name: str, changes: list[ScoreChange]) -> Table:
    """Each score at the base and now, its difference and whether that is significant."""
    columns: Columns = [
        (Column("system", align="left"), lambda change: Text(change.system)),
        (Column("score", align="left"), lambda change: Text(METRICS[change.metric].title)),
        (Column("base"), lambda change: Number(change.old or 0.0, 2)),
        (Column("now"), lambda change: Number(change.new or 0.0, 2)),
        (Column("change"), lambda change: Number((change.new or 0.0) - (change.old or 0.0), 2, sign=True)),
        (Column("95 %", "The interval of the change."), _interval),
        (Column("result", "p is corrected for all scores that were tested.", align="left"), _result),
    ]
    return build_table(name, columns, changes)


def _interval(change: ScoreChange) -> Cell:
    return Interval(change.difference.low, change.difference.high, 2) if change.difference else EMPTY


def _result(change: ScoreChange) -> Cell:
    if not change.difference:
        return Text("not comparable")
    return Text(f"{significance_label(change.difference)} ({format_p(change.difference.p_holm)})")


def other_metrics(metrics: Diff) -> list[tuple[str, str, Values]]:
    """(file, key, values) of metrics that are no scores."""
    scores = changed_scores(metrics)
    return [
        (path, key, values)
        for path, keys in sorted(metrics.items())
        for key, values in sorted(keys.items())
        if PurePosixPath(path).parent != METRICS_FOLDER or key not in scores.get(PurePosixPath(path).stem, {})
    ]


def _other_metrics_table(rows: list[tuple[str, str, Values]]) -> Table:
    columns: Columns = [
        (Column("metric", align="left"), lambda row: Code(f"{row[0]}: {row[1]}")),
        (Column("base"), lambda row: _value(row[2]["old"])),
        (Column("now"), lambda row: _value(row[2]["new"])),
        (
            Column("change"),
            lambda row: Number(row[2]["diff"], 4, sign=True, significant=True) if "diff" in row[2] else EMPTY,
        ),
    ]
    return build_table("Other metrics", columns, rows)


def _value(value: Any) -> Cell:
    """A parameter or metric as DVC gave it; empty where it is not there."""
    return EMPTY if value is None else Text(str(value))


@dataclass(frozen=True)
class Plots:
    """files: name -> description. images: the address of the folder that they are in, report: that of the report.

    Without images but with a report, the link says that the plots are there: a job summary shows no relative files.
    """

    files: dict[str, str]
    images: str = ""
    report: str = ""

    def section(self) -> Section:
        folder = f"{self.images.rstrip('/')}/" if self.images else ""
        shown = self.files if self.images or not self.report else {}
        blocks: list[Block] = [Image(description, f"{folder}{name}") for name, description in shown.items()]
        if self.report:
            rest = "" if self.images else " and the plots"
            blocks.append(prose(Link(f"The report, with every output side by side{rest}", self.report)))
        return section("", *blocks)
