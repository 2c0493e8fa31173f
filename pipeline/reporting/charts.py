"""The charts of the pages, as Vega-Lite specifications: data inside, colours left to the page.

Altair takes most of a second to import, so only what writes HTML imports this module.
"""

import math
from dataclasses import asdict
from typing import Any

import altair as alt

from pipeline.evaluation.forgetting_verdict import WORDS, forgetting_figure
from pipeline.evaluation.loss_curves import LossPoint
from pipeline.evaluation.pairs import Pair, read_pairs
from pipeline.evaluation.tasks import METRICS
from pipeline.reporting.page import Chart

alt.data_transformers.consolidate_datasets = False  # data stays where it is drawn

System = dict[str, Any]
Point = dict[str, Any]
POINT_SIZE = 90
LOSS_CAPTIONS = {
    "training": "Loss of a training token.",
    "validation": "Loss of a validation token; the checkpoint with the lowest is kept.",
}


def comparison_charts(
    comparison: dict[str, Any], words: dict[str, list[int]], losses: dict[str, list[LossPoint]]
) -> dict[str, Chart]:
    """Every chart of the comparison's page, by name.

    words: system -> the number of words of each of its outputs. losses: `training` and `validation` -> points.
    """
    methods = [row for row in comparison["systems"] if row["kind"] == "method"]
    pairs = read_pairs(comparison)
    drawn = [output_lengths(words)]
    metric = comparison["primary_metric"]
    drawn += [pareto(methods, metric), accuracy(methods)] if methods else []
    drawn += [differences(pairs, METRICS[metric].title)] if pairs else []
    drawn += [loss_curves(split, points, list(words)) for split, points in losses.items() if points]
    return {chart.name: chart for chart in drawn}


def pareto(methods: list[System], metric: str) -> Chart:
    """A metric with its interval against the share of trained parameters; zero is at the left edge."""
    shares = [row["share"] for row in methods if row["share"] > 0]
    power = math.floor(math.log10(min(shares, default=0.01))) - 1
    points, title = _pareto_points(methods, metric, left=100 * 10**power), METRICS[metric].title
    x = alt.X(
        "trained:Q",
        title="trained parameters, % (log; leftmost: none)",
        scale=alt.Scale(type="log", domain=[100 * 10**power, 100], padding=40),
        axis=alt.Axis(values=[100 * 10**each for each in range(power, 1)], grid=False),
    )
    base = chart_of(points).encode(x=x, color=color("method", [row["name"] for row in methods]))
    dashed = alt.MarkDef(type="line", color="#888888", interpolate="step-after", strokeDash=[3, 3], opacity=0.5)
    mean, tips = score_axis("mean", title), tooltip("method", "share", *interval_tips(title))
    above_or_below = alt.ExprRef("datum.below ? 12 : -12")
    drawn = alt.layer(
        alt.Chart(alt.Data(values=pareto_frontier(points)), mark=dashed).encode(x=x, y=mean),
        base.mark_rule(strokeWidth=2).encode(y=score_axis("low", title), y2="high:Q"),
        base.mark_point(filled=True, size=POINT_SIZE).encode(y=mean, tooltip=tips),
        base.mark_text(dy=above_or_below, fontSize=12).encode(y=score_axis("label", title), text="method:N"),
    )
    return finish(
        "pareto",
        "Up is better, left is cheaper; vertical lines are 95 % intervals, the dashed one is the Pareto frontier.",
        f"{title} of each method against the share of parameters it trains; the numbers are in the tables",
        drawn,
        height=320,
    )


def _pareto_points(methods: list[System], metric: str, left: float) -> list[Point]:
    """A point for each method; left is where those are shown that train nothing, in percent."""
    points: list[Point] = [
        {"method": row["name"], "trained": max(100 * row["share"], left), "share": f"{100 * row['share']:.2g} %"}
        | rounded(row["scores"][metric])
        for row in methods
    ]
    for point in points:  # where two are above each other, the label of the lower one goes below it
        near = [other for other in points if 0.5 < other["trained"] / point["trained"] < 2]
        point["below"] = any(other["mean"] > point["mean"] for other in near)
        point["label"] = point["low"] if point["below"] else point["high"]
    return points


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


def loss_curves(split: str, points: list[LossPoint], names: list[str]) -> Chart:
    """Losses by optimizer step; names: every system, so that each keeps its colour."""
    trained = {point.method for point in points}
    drawn = (
        chart_of([asdict(point) for point in points])
        .mark_line(point=len(points) < 60)
        .encode(
            x=alt.X("step:Q", title="optimizer step"),
            y=alt.Y("loss:Q", title=f"{split} loss", scale=alt.Scale(zero=False)),
            color=color("method", names, [name for name in names if name in trained]),
            tooltip=["method:N", alt.Tooltip("step:Q", format=",d"), alt.Tooltip("loss:Q", format=".3f")],
        )
    )
    return finish(
        f"{split}-loss", LOSS_CAPTIONS[split], f"{split} loss of each method by optimizer step", drawn, height=240
    )


def differences(pairs: list[Pair], score: str) -> Chart:
    """A line for each pair: the difference in points of a score with its interval, and zero to compare it with."""
    points = [
        {
            "pair": f"{pair.first} − {pair.second}",
            "label": "significant" if pair.estimate.significant else "not significant",
            **asdict(pair.estimate),
        }
        for pair in pairs
    ]
    title = f"difference in {score}, points"
    base = chart_of(points).encode(
        y=alt.Y("pair:N", sort=None, title=None, axis=alt.Axis(labelLimit=220)),
        color=alt.Color("label:N", scale=alt.Scale(domain=["significant", "not significant"]), legend=legend_above(1)),
    )
    shown = tooltip("pair", difference="difference", low="95 % from", high="to")
    drawn = alt.layer(
        alt.Chart().mark_rule(strokeDash=[4, 3], opacity=0.6).encode(x=alt.XDatum(0, type="quantitative")),
        base.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q", title=title), x2="high:Q"),
        base.mark_point(filled=True, size=70).encode(
            x=alt.X("difference:Q", title=title),
            tooltip=[*shown, alt.Tooltip("p_holm:Q", title="p, corrected", format=".4f")],
        ),
        data=alt.Data(values=points),
    )
    return finish(
        "differences",
        f"{score}, paired over examples. Each line is the 95 % interval of its pair alone; its colour is the result "
        "after correction for all pairs.",
        f"Difference of each pair in {score} with its interval; the numbers are in the table below",
        drawn,
        height=26 * len(points),
    )


def accuracy(methods: list[System]) -> Chart:
    """Accuracy by task: a bar of what is still known, a point of what is written in the wanted form, a line of chance.

    Without choices the bars are what is written.
    """
    bars = forgetting_figure(methods[0])
    titles = {"accuracy": f"{WORDS[bars]}, %", "written": f"{WORDS['written']}, %", "chance": "chance, %"}
    points = [
        {
            "method": row["name"],
            "task": task,
            "accuracy": share,
            "written": row["forgetting"]["readings"]["written"]["accuracy"][task],
            "chance": max(level[task] for level in row["forgetting"]["readings"][bars]["chance"].values()),
        }
        for row in methods
        for task, share in row["forgetting"]["readings"][bars]["accuracy"].items()
        if task != "mean"
    ]
    names = [row["name"] for row in methods]
    base = chart_of(points).encode(x=alt.X("task:N", sort=None, title=None, axis=alt.Axis(labelAngle=-30)))
    offset = alt.XOffset("method:N", sort=None, scale=alt.Scale(domain=names))

    def height(field: str) -> alt.Y:
        return alt.Y(f"{field}:Q", title="accuracy, %", scale=alt.Scale(domain=[0, 100]))

    drawn = alt.layer(
        base.mark_bar().encode(
            xOffset=offset,
            y=height("accuracy"),
            color=color("method", names, names),
            tooltip=["method:N", "task:N", *tooltip(**titles)],
        ),
        base.mark_point(filled=True, size=24, color="#888888", stroke="white", opacity=1).encode(
            xOffset=offset, y=height("written")
        ),
        base.mark_tick(thickness=2, color="#888888", bandSize=80).encode(y=height("chance")),
    )
    caption = (
        f"Accuracy in percent by task. Bars: {WORDS[bars]}; points: {WORDS['written']}; lines: the chance level (the "
        "larger of the most frequent answer and a random choice)."
    )
    description = "Accuracy of each method by task; the numbers are in the tables below"
    return finish("accuracy", caption, description, drawn, height=240)


def output_lengths(words: dict[str, list[int]]) -> Chart:
    """A box for each system: words -> the number of words of each of its outputs."""
    points = [{"system": name, "words": count} for name, counts in words.items() for count in counts]
    drawn = (
        chart_of(points)
        .mark_boxplot(extent="min-max", size=14)
        .encode(
            y=alt.Y("system:N", sort=None, title=None),
            x=alt.X("words:Q", title="words in an output"),
            color=color("system", list(words)),
        )
    )
    description = "Words in the outputs of each system: shortest, quartiles, longest"
    return finish("lengths", "Shortest, quartiles, longest.", description, drawn, height=26 * len(words))


def chart_of(points: list[Point]) -> alt.Chart:
    return alt.Chart(alt.Data(values=points))


def finish(name: str, caption: str, description: str, drawn: Any, height: int) -> Chart:
    """As wide as the page; description is what a screen reader says."""
    fit = alt.AutoSizeParams(type="fit-x", contains="padding")
    drawn = drawn.properties(description=description, width="container", height=height, autosize=fit)
    specification = drawn.to_dict()
    del specification["config"]  # the page's own
    return Chart(name, caption, specification)


def interval_tips(title: str) -> tuple[tuple[str, str], ...]:
    """The lines of a tooltip that say a score with its interval."""
    return ("mean", title), ("low", "95 % from"), ("high", "to")


def score_axis(field: str, title: str) -> alt.Y:
    return alt.Y(f"{field}:Q", title=title, scale=alt.Scale(zero=False, nice=False, padding=24))


def legend_above(columns: int) -> alt.Legend:
    """Above the chart: in a row, on a phone in so many columns."""
    return alt.Legend(orient="top", title=None, columns=alt.ExprRef(f"width < 400 ? {columns} : 0"))


def color(field: str, names: list[str], legend: list[str] | None = None) -> alt.Color:
    """A colour for each name, the same in every chart that gets the same names; a legend of those in `legend`."""
    shown = legend_above(2) if legend else None
    if shown and legend:
        shown["values"] = legend
    return alt.Color(f"{field}:N", sort=None, scale=alt.Scale(domain=names), legend=shown)


def rounded(score: dict[str, float]) -> dict[str, float]:
    return {key: round(value, 2) for key, value in score.items()}


def tooltip(*fields: str | tuple[str, str], **titles: str) -> list[alt.Tooltip]:
    """A line for each field: a name is text, (name, title) and name="title" are numbers."""
    texts = [alt.Tooltip(f"{field}:N") for field in fields if isinstance(field, str)]
    numbers = [field for field in fields if isinstance(field, tuple)] + list(titles.items())
    return texts + [alt.Tooltip(f"{field}:Q", title=title, format=".1f") for field, title in numbers]
