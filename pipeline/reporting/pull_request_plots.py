"""The plots of a pull request, as PNG that fit a phone: base and now."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import altair as alt

from pipeline.evaluation.run_diff import RunSnapshot
from pipeline.evaluation.tasks import METRICS, is_primary

SIDES = ["base", "now"]
COLOR = alt.Color(
    "side:N",
    scale=alt.Scale(domain=SIDES, range=["#9aa5b1", "#2f6fb5"]),
    legend=alt.Legend(orient="top", title=None),
)


def save_plots(before: RunSnapshot, now: RunSnapshot, folder: Path) -> dict[str, str]:
    """Write those plots that there is data for into folder, at twice a screen's pixels; file name -> description."""
    import vl_convert

    plots = {
        f"{metric}.png": (f"{METRICS[metric].title}, base and now", score_bars(before, now, metric))
        for metric in primary_metrics(before, now)
    }
    plots["validation-loss.png"] = ("Validation loss, base and now", loss_panels(before, now))
    folder.mkdir(parents=True, exist_ok=True)
    for name, (_, plot) in plots.items():
        if plot:
            plot = plot.properties(background="white", padding=10)
            plot = plot.configure_axis(labelFontSize=12, titleFontSize=12).configure_legend(labelFontSize=13)
            (folder / name).write_bytes(vl_convert.vegalite_to_png(plot.to_dict(), scale=2))
    return {name: description for name, (description, plot) in plots.items() if plot}


def primary_metrics(before: RunSnapshot, now: RunSnapshot) -> list[str]:
    """The primary metric of the task; two where a change is one of the task."""
    scores = [each for snapshot in (now, before) for each in snapshot.scores.values()]
    return list(dict.fromkeys(name for each in scores for name in each if is_primary(name)))


def score_bars(before: RunSnapshot, now: RunSnapshot, metric: str) -> Any:
    """A metric of every system with its interval, base above now; None without any."""
    points = [
        {"system": name, "side": side, **scores[metric]}
        for side, snapshot in zip(SIDES, (before, now))
        for name, scores in snapshot.scores.items()
        if metric in scores
    ]
    names = list(dict.fromkeys([*now.scores, *before.scores]))
    y = alt.Y("system:N", sort=names, title=None, axis=alt.Axis(labelFontSize=13))
    title, scale = f"{METRICS[metric].title}, 95 % interval", alt.Scale(domainMin=0)
    base = alt.Chart(alt.Data(values=points)).encode(y=y)
    bars = base.mark_bar().encode(
        yOffset=alt.YOffset("side:N", sort=SIDES), x=alt.X("mean:Q", title=title, scale=scale), color=COLOR
    )
    whiskers = base.mark_rule(strokeWidth=2).encode(
        yOffset=alt.YOffset("side:N", sort=SIDES, bandPosition=0.5),
        x=alt.X("low:Q", title=title, scale=scale),
        x2="high:Q",
    )
    return alt.layer(bars, whiskers).properties(width=300, height=alt.Step(16)) if points else None


def loss_panels(before: RunSnapshot, now: RunSnapshot) -> Any:
    """Validation losses by step, a panel for each method; None where none can be read."""
    points = [
        asdict(point) | {"side": side}
        for side, snapshot in zip(SIDES, (before, now))
        for point in snapshot.validation_losses
    ]
    names = list(dict.fromkeys(point.method for point in [*now.validation_losses, *before.validation_losses]))
    dashes = alt.Scale(domain=SIDES, range=[[4, 3], [1, 0]])
    panel = (
        alt.Chart(alt.Data(values=points))
        .mark_line(point=True, strokeWidth=2)
        .encode(
            x=alt.X("step:Q", title="optimizer step", axis=alt.Axis(tickCount=4)),
            y=alt.Y("loss:Q", title="validation loss", scale=alt.Scale(zero=False)),
            color=COLOR,
            strokeDash=alt.StrokeDash("side:N", scale=dashes, legend=None),
        )
        .properties(width=300, height=120)
    )
    header = alt.Header(title=None, labelFontSize=13, labelFontWeight="bold", labelOrient="top")
    facets = panel.facet(row=alt.Row("method:N", sort=names, header=header))
    return facets.resolve_scale(x="independent", y="independent") if points else None
