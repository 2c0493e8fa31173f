"""The chart of quality against time, in the style of charts.py."""

from typing import Any

import altair as alt

from pipeline.evaluation.inference_costs import TOLERANCE
from pipeline.evaluation.tasks import METRICS
from pipeline.reporting.charts import POINT_SIZE, chart_of, color, finish, interval_tips, rounded, score_axis, tooltip
from pipeline.reporting.page import Chart

System = dict[str, Any]
TIME = (("median", "ms"), ("time_low", "ms from"), ("time_high", "ms to"))


def cost_charts(comparison: dict[str, Any]) -> dict[str, Chart]:
    """The charts of seconds, by name; none without methods."""
    methods = [row for row in comparison["systems"] if row["kind"] == "method"]
    return (
        {"pareto-time": pareto_time(methods, comparison["inference"], comparison["primary_metric"])} if methods else {}
    )


def pareto_time(methods: list[System], inference: dict[str, Any], metric: str) -> Chart:
    """A metric against the milliseconds of an output at batch size 1, each with its interval."""
    title = f"ms of an output of {inference['new_tokens']} tokens, batch size 1 (log)"
    scale, score = alt.Scale(type="log", nice=False, padding=40), METRICS[metric].title
    x = alt.X("median:Q", title=title, scale=scale, axis=alt.Axis(grid=False))
    base = chart_of(time_points(methods, inference, metric)).encode(
        color=color("method", [row["name"] for row in methods])
    )
    tips = tooltip("method", *TIME, *interval_tips(score))
    drawn = alt.layer(
        base.mark_rule(strokeWidth=2).encode(x=x, y=score_axis("low", score), y2="high:Q"),
        base.mark_rule(strokeWidth=2).encode(
            x=alt.X("time_low:Q", title=title, scale=scale), x2="time_high:Q", y=score_axis("mean", score)
        ),
        base.mark_point(filled=True, size=POINT_SIZE).encode(x=x, y=score_axis("mean", score), tooltip=tips),
        base.mark_text(dx=8, dy=-8, align="left", fontSize=12).encode(
            x=x, y=score_axis("mean", score), text="method:N"
        ),
    )
    description = f"{score} of each method against its time per output; the numbers are in the tables"
    return finish("pareto-time", caption(inference), description, drawn, height=320)


def time_points(methods: list[System], inference: dict[str, Any], metric: str) -> list[dict[str, Any]]:
    """A point for each method; without an interval of the time its line has no length."""
    points = []
    for row in methods:
        seconds = inference["variants"][row["name"]]["batches"]["1"]["seconds"]
        median = 1000 * seconds["median"]
        low, high = (1000 * (seconds[end] or seconds["median"]) for end in ("low", "high"))
        point = {"method": row["name"], "median": median, "time_low": low, "time_high": high}
        points.append(point | rounded(row["scores"][metric]))
    return points


def caption(inference: dict[str, Any]) -> str:
    """What the chart shows, and that it ranks nothing where the control fails."""
    shown = "Up is better, left is faster; both lines are 95 % intervals."
    busy = " Measured on a busy machine." if inference["busy"] else ""
    control = inference["by_batch"]["1"]["control"]
    if control["holds"]:
        return f"{shown}{busy}"
    return (
        f"{shown}{busy} No order by time: methods that compute the same differ by {control['difference']:.0f} %, more "
        f"than {100 * TOLERANCE:.0f} %."
    )
