"""The charts of the pages, as Vega-Lite specifications: data inside, colours left to the page.

Altair takes most of a second to import, so only pages that are drawn import this module.
"""

import math
from dataclasses import asdict
from typing import Any

import altair as alt

from pipeline.evaluation.loss_curves import LossPoint
from pipeline.evaluation.metrics import METRICS, PRIMARY_METRIC
from pipeline.evaluation.pairs import Pair, significance_label
from pipeline.reporting.page import Chart

alt.data_transformers.consolidate_datasets = False  # data stays where it is drawn

TITLE = METRICS[PRIMARY_METRIC].title
System = dict[str, Any]
Point = dict[str, Any]
INTERVAL = (("mean", TITLE), ("low", "95 % from"), ("high", "to"))
POINT_SIZE = 90


def pareto(methods: list[System]) -> Chart:
    """The primary metric with its interval against the share of trained parameters; zero is at the left edge."""
    shares = [row["share"] for row in methods if row["share"] > 0]
    powers = math.floor(math.log10(min(shares, default=0.01))) - 1
    left = 100 * 10**powers
    points = [
        {"method": row["name"], "trained": max(100 * row["share"], left), "share": f"{100 * row['share']:.2g} %"}
        | _interval(row["scores"])
        for row in methods
    ]
    for point in points:  # where two are above each other, the label of the lower one goes below it
        near = [other for other in points if 0.5 < other["trained"] / point["trained"] < 2]
        point["below"] = any(other["mean"] > point["mean"] for other in near)
        point["label"] = point["low"] if point["below"] else point["high"]
    ticks = [left * 10**power for power in range(1 - powers)]
    x = alt.X(
        "trained:Q",
        title="trained parameters, % (log; leftmost: none)",
        scale=alt.Scale(type="log", domain=[left, 100], padding=40),
        axis=alt.Axis(values=ticks, grid=False),
    )
    color = _color("method", [row["name"] for row in methods])
    base = _data(points).encode(x=x, color=color)
    line = alt.MarkDef(type="line", color="#888888", interpolate="step-after", strokeDash=[3, 3], opacity=0.5)
    frontier = alt.Chart(alt.Data(values=pareto_frontier(points)), mark=line).encode(x=x, y=_score("mean"))
    drawn = alt.layer(
        frontier,
        base.mark_rule(strokeWidth=2).encode(y=_score("low"), y2="high:Q"),
        base.mark_point(filled=True, size=POINT_SIZE).encode(
            y=_score("mean"), tooltip=_tooltip("method", "share", *INTERVAL)
        ),
        base.mark_text(dy=alt.ExprRef("datum.below ? 12 : -12"), fontSize=12).encode(
            y=_score("label"), text="method:N"
        ),
    )
    return _chart(
        "pareto",
        "Up is better, left is cheaper; vertical lines are 95 % intervals, the dashed one is the Pareto frontier.",
        f"{TITLE} of each method against the share of parameters it trains; the numbers are in the tables",
        drawn,
        height=320,
    )


def pareto_frontier(points: list[Point]) -> list[Point]:
    """The methods of which no other trains no more and scores better, by trained parameters."""

    def dominated(point: Point) -> bool:
        return any(
            other["trained"] <= point["trained"]
            and other["mean"] >= point["mean"]
            and (other["trained"], other["mean"]) != (point["trained"], point["mean"])
            for other in points
        )

    return sorted((point for point in points if not dominated(point)), key=lambda point: point["trained"])


def loss_curves(split: str, points: list[LossPoint], names: list[str], caption: str) -> Chart:
    """Losses by optimizer step; names: every system, so that each keeps its colour."""
    trained = {point.method for point in points}
    drawn = (
        _data([asdict(point) for point in points])
        .mark_line(point=len(points) < 60)
        .encode(
            x=alt.X("step:Q", title="optimizer step"),
            y=alt.Y("loss:Q", title=f"{split} loss", scale=alt.Scale(zero=False)),
            color=_color("method", names, [name for name in names if name in trained]),
            tooltip=["method:N", alt.Tooltip("step:Q", format=",d"), alt.Tooltip("loss:Q", format=".3f")],
        )
    )
    return _chart(f"{split}-loss", caption, f"{split} loss of each method by optimizer step", drawn, height=240)


def differences(pairs: list[Pair]) -> Chart:
    """A line for each pair: the difference in points with its interval, and zero to compare it with."""
    points = [
        {"pair": f"{pair.first} − {pair.second}", "label": significance_label(pair), **asdict(pair.over_dialogues)}
        for pair in pairs
    ]
    labels = list(dict.fromkeys(["significant", "not significant", *(point["label"] for point in points)]))
    title = f"difference in {TITLE}, points"
    base = _data(points).encode(
        y=alt.Y("pair:N", sort=None, title=None, axis=alt.Axis(labelLimit=220)),
        color=alt.Color("label:N", scale=alt.Scale(domain=labels), legend=_legend(1)),
    )
    tooltip = _tooltip("pair", difference="difference", low="95 % from", high="to")
    drawn = alt.layer(
        alt.Chart().mark_rule(strokeDash=[4, 3], opacity=0.6).encode(x=alt.XDatum(0, type="quantitative")),
        base.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q", title=title), x2="high:Q"),
        base.mark_point(filled=True, size=70).encode(
            x=alt.X("difference:Q", title=title),
            tooltip=[*tooltip, alt.Tooltip("p_holm:Q", title="p, corrected", format=".4f")],
        ),
        data=alt.Data(values=points),
    )
    return _chart(
        "differences",
        f"{TITLE}, paired over dialogues. Each line is the 95 % interval of its pair alone; its colour is the result "
        "after correction for all pairs.",
        f"Difference of each pair in {TITLE} with its interval; the numbers are in the table below",
        drawn,
        height=26 * len(points),
    )


def accuracy(methods: list[System], caption: str) -> Chart:
    """Accuracy by task, a bar for each method."""
    points = [
        {"method": row["name"], "task": task, "accuracy": share}
        for row in methods
        for task, share in row["accuracy"].items()
        if task != "mean"
    ]
    names = [row["name"] for row in methods]
    drawn = (
        _data(points)
        .mark_bar()
        .encode(
            x=alt.X("task:N", sort=None, title=None, axis=alt.Axis(labelAngle=-30)),
            xOffset=alt.XOffset("method:N", sort=None),
            y=alt.Y("accuracy:Q", title="accuracy, %", scale=alt.Scale(domain=[0, 100])),
            color=_color("method", names, names),
            tooltip=["method:N", "task:N", alt.Tooltip("accuracy:Q", title="accuracy, %", format=".1f")],
        )
    )
    description = "Accuracy of each method by task; the numbers are in the table below"
    return _chart("accuracy", caption, description, drawn, height=240)


def summary_lengths(words: dict[str, list[int]]) -> Chart:
    """A box for each system: words -> the number of words of each of its summaries."""
    points = [{"system": name, "words": count} for name, counts in words.items() for count in counts]
    drawn = (
        _data(points)
        .mark_boxplot(extent="min-max", size=14)
        .encode(
            y=alt.Y("system:N", sort=None, title=None),
            x=alt.X("words:Q", title="words in a summary"),
            color=_color("system", list(words)),
        )
    )
    description = "Words in the summaries of each system: shortest, quartiles, longest"
    return _chart("lengths", "Shortest, quartiles, longest.", description, drawn, height=26 * len(words))


def sweep(name: str, caption: str, title: str, field: str, points: list[Point], with_intervals: bool) -> Chart:
    """A score or a loss of a sweep's points against the parameter. points: series, value, `field`, and a label.

    with_intervals: low and high of each point are drawn, and points whose label is not the best's are pale.
    """
    names = list(dict.fromkeys(point["series"] for point in points))
    x, is_number = _parameter_axis([point["value"] for point in points], title)
    y_title = TITLE if with_intervals else "validation loss"
    y = alt.Y(f"{field}:Q", title=y_title, scale=alt.Scale(zero=False))
    base = _data(points).encode(x=x, color=_color("series", names, names if len(names) > 1 else None))
    tooltip = [alt.Tooltip("series:N"), alt.Tooltip("value:N", title=title)]
    pale = alt.condition("datum.as_good", alt.value(1), alt.value(0.35)) if with_intervals else alt.value(1)
    marks = base.mark_point(filled=True, size=POINT_SIZE).encode(y=y, opacity=pale)
    layers = [base.mark_line(opacity=0.5).encode(y=y)] if is_number else []
    if with_intervals:
        low = alt.Y("low:Q", title=y_title, scale=alt.Scale(zero=False))
        layers.append(base.mark_rule(strokeWidth=2).encode(y=low, y2="high:Q"))
        tooltip += [*_tooltip(*INTERVAL), alt.Tooltip("label:N")]
    else:
        tooltip.append(alt.Tooltip(f"{field}:Q", title=y_title, format=".3f"))
    drawn = alt.layer(*layers, marks.encode(tooltip=tooltip))
    return _chart(name, caption, f"{y_title} by {title}; the numbers are in the table", drawn, height=280)


def _parameter_axis(values: list[object], title: str) -> tuple[alt.X, bool]:
    """The axis of a sweep's values, and whether they are numbers: one word among them makes all of them names."""
    numbers = [value for value in values if isinstance(value, int | float)]
    if len(numbers) < len(values):
        return alt.X("value:N", title=title, sort=None, axis=alt.Axis(labelAngle=0)), False
    wide = min(numbers) > 0 and max(numbers) / min(numbers) >= 16
    scale = alt.Scale(type="log", base=2) if wide else alt.Scale(zero=False)
    axis = alt.Axis(values=sorted(set(numbers)), grid=False, labelOverlap=True)
    return alt.X("value:Q", title=title, scale=scale, axis=axis), True


def seeds(scores_by_seed: dict[str, dict[str, dict[str, float]]]) -> Chart:
    """The primary metric of every seed, a line of points for each method."""
    points = [
        {"method": name, "seed": seed, "mean": round(scores[PRIMARY_METRIC], 2)}
        for name, by_seed in scores_by_seed.items()
        for seed, scores in by_seed.items()
    ]
    drawn = (
        _data(points)
        .mark_point(filled=True, size=70, opacity=0.7)
        .encode(
            y=alt.Y("method:N", sort=None, title=None),
            x=alt.X("mean:Q", title=TITLE, scale=alt.Scale(zero=False)),
            color=_color("method", list(scores_by_seed)),
            tooltip=["method:N", "seed:N", *_tooltip(INTERVAL[0])],
        )
    )
    description = f"{TITLE} of each method, a point for each seed; the numbers are in the table"
    return _chart("seeds", f"{TITLE}, a point for each seed.", description, drawn, height=36 * len(scores_by_seed))


def _data(points: list[Point]) -> alt.Chart:
    return alt.Chart(alt.Data(values=points))


def _chart(name: str, caption: str, description: str, drawn: Any, height: int) -> Chart:
    """As wide as the page; description is what a screen reader says."""
    fit = alt.AutoSizeParams(type="fit-x", contains="padding")
    drawn = drawn.properties(description=description, width="container", height=height, autosize=fit)
    specification = drawn.to_dict()
    del specification["config"]  # the page's own
    return Chart(name, caption, specification)


def _score(field: str) -> alt.Y:
    return alt.Y(f"{field}:Q", title=TITLE, scale=alt.Scale(zero=False, nice=False, padding=24))


def _legend(columns: int) -> alt.Legend:
    """Above the chart: in a row, on a phone in so many columns."""
    return alt.Legend(orient="top", title=None, columns=alt.ExprRef(f"width < 400 ? {columns} : 0"))


def _color(field: str, names: list[str], legend: list[str] | None = None) -> alt.Color:
    """A colour for each name, the same in every chart that gets the same names; a legend of those in `legend`."""
    shown = _legend(2) if legend else None
    if shown and legend:
        shown["values"] = legend
    return alt.Color(f"{field}:N", sort=None, scale=alt.Scale(domain=names), legend=shown)


def _interval(scores: dict[str, dict[str, float]]) -> dict[str, float]:
    return {key: round(value, 2) for key, value in scores[PRIMARY_METRIC].items()}


def _tooltip(*fields: str | tuple[str, str], **titles: str) -> list[alt.Tooltip]:
    """A line for each field: a name is text, (name, title) and name="title" are numbers."""
    texts = [alt.Tooltip(f"{field}:N") for field in fields if isinstance(field, str)]
    numbers = [field for field in fields if isinstance(field, tuple)] + list(titles.items())
    return texts + [alt.Tooltip(f"{field}:Q", title=title, format=".1f") for field, title in numbers]
