"""The charts of a sweep: scores and losses against the parameter."""

import altair as alt

from pipeline.reporting.charts import POINT_SIZE, Point, chart_of, color, finish, interval_tips, tooltip
from pipeline.reporting.page import Chart


def sweep(
    name: str, caption: str, title: str, field: str, y_title: str, points: list[Point], with_intervals: bool
) -> Chart:
    """A score or a loss of a sweep's points against the parameter. y_title: what it is called.

    points: series, value, label, `field`.

    with_intervals: low and high of each point are drawn, and points that are not non_inferior are pale.
    """
    names = list(dict.fromkeys(point["series"] for point in points))
    x, is_number = _parameter_axis([point["value"] for point in points], title)
    y = alt.Y(f"{field}:Q", title=y_title, scale=alt.Scale(zero=False))
    base = chart_of(points).encode(x=x, color=color("series", names, names if len(names) > 1 else None))
    shown = [alt.Tooltip("series:N"), alt.Tooltip("value:N", title=title)]
    pale = alt.condition("datum.non_inferior", alt.value(1), alt.value(0.35)) if with_intervals else alt.value(1)
    marks = base.mark_point(filled=True, size=POINT_SIZE).encode(y=y, opacity=pale)
    layers = [base.mark_line(opacity=0.5).encode(y=y)] if is_number else []
    if with_intervals:
        low = alt.Y("low:Q", title=y_title, scale=alt.Scale(zero=False))
        layers.append(base.mark_rule(strokeWidth=2).encode(y=low, y2="high:Q"))
        shown += [*tooltip(*interval_tips(y_title)), alt.Tooltip("label:N")]
    else:
        shown.append(alt.Tooltip(f"{field}:Q", title=y_title, format=".3f"))
    drawn = alt.layer(*layers, marks.encode(tooltip=shown))
    return finish(name, caption, f"{y_title} by {title}; the numbers are in the table", drawn, height=280)


def _parameter_axis(values: list[object], title: str) -> tuple[alt.X, bool]:
    """The axis of a sweep's values, and whether they are numbers: one word among them makes all of them names."""
    numbers = [value for value in values if isinstance(value, int | float)]
    if len(numbers) < len(values):
        return alt.X("value:N", title=title, sort=None, axis=alt.Axis(labelAngle=0)), False
    wide = min(numbers) > 0 and max(numbers) / min(numbers) >= 16
    scale = alt.Scale(type="log", base=2) if wide else alt.Scale(zero=False)
    axis = alt.Axis(values=sorted(set(numbers)), grid=False, labelOverlap=True)
    return alt.X("value:Q", title=title, scale=scale, axis=axis), True
