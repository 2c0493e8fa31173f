"""The report's charts, as Vega-Lite specifications: data inside, colours left to the page."""

import math

from pipeline.evaluation.verdict import called

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"  # a name; nothing is fetched


def pareto(systems: list[dict]) -> dict:
    """ROUGE-1 with its interval against the share of parameters that was trained; zero stands at the left edge.

    The dashed line is the Pareto frontier: the methods than which none trains as little and scores as well.
    """
    trained = [row["share"] for row in systems if row["share"] > 0]
    left = 10 ** math.floor(math.log10(min(trained, default=0.01))) / 10
    points = [
        {
            "method": row["name"],
            "trained": max(100 * row["share"], 100 * left),
            "share": f"{100 * row['share']:.2g} %",
            **_interval(row),
        }
        for row in systems
    ]
    for point in points:  # where two stand above each other, the lower one's name goes below it
        point["below"] = any(
            other["mean"] > point["mean"] and 0.5 < other["trained"] / point["trained"] < 2 for other in points
        )
        point["label"] = point["low"] if point["below"] else point["high"]
    x = {
        "field": "trained",
        "type": "quantitative",
        "scale": {"type": "log", "domain": [100 * left, 100], "padding": 40},
        "axis": {"values": [100 * left * 10**power for power in range(1 - round(math.log10(left)))], "grid": False},
        "title": "trained parameters, % (log; leftmost: none)",
    }
    room = {"zero": False, "nice": False, "padding": 24}
    y = {"field": "mean", "type": "quantitative", "title": "ROUGE-1", "scale": room}
    tip = [
        _text("method"),
        _number("mean", "ROUGE-1"),
        _number("low", "95 % from"),
        _number("high", "to"),
        _text("share", "trained"),
    ]
    color = _color("method", [row["name"] for row in systems])
    frontier = sorted((point for point in points if not _dominated(point, points)), key=lambda point: point["trained"])
    return _chart(
        points,
        "ROUGE-1 of each method against the share of parameters it trains; the numbers stand in the tables",
        layer=[
            {
                "data": {"values": frontier},
                "mark": {
                    "type": "line",
                    "color": "#888888",
                    "interpolate": "step-after",
                    "strokeDash": [3, 3],
                    "opacity": 0.5,
                },
                "encoding": {"x": x, "y": y},
            },
            {
                "mark": {"type": "rule", "strokeWidth": 2},
                "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}, "color": color},
            },
            {
                "mark": {"type": "point", "filled": True, "size": 90},
                "encoding": {"x": x, "y": y, "color": color, "tooltip": tip},
            },
            {
                "mark": {"type": "text", "dy": {"expr": "datum.below ? 12 : -12"}, "fontSize": 12},
                "encoding": {"x": x, "y": {**y, "field": "label"}, "text": {"field": "method"}, "color": color},
            },
        ],
        height=320,
    )


def _dominated(point: dict, points: list[dict]) -> bool:
    """Whether another trains no more and scores better, or scores no less and trains less."""
    return any(
        other["trained"] <= point["trained"]
        and other["mean"] >= point["mean"]
        and (other["trained"], other["mean"]) != (point["trained"], point["mean"])
        for other in points
    )


def curves(points: list[dict], names: list[str], title: str) -> dict:
    """Losses by step; points hold method, step and loss. names: every method, so that each keeps its colour."""
    return _chart(
        points,
        f"{title} of each method by optimizer step",
        mark={"type": "line", "point": len(points) < 60},
        encoding={
            "x": {"field": "step", "type": "quantitative", "title": "optimizer step"},
            "y": {"field": "loss", "type": "quantitative", "title": title, "scale": {"zero": False}},
            "color": _color("method", names, [name for name in names if name in {point["method"] for point in points}]),
            "tooltip": [_text("method"), _number("step", form=",d"), _number("loss", form=".3f")],
        },
        height=240,
    )


def differences(pairs: list[dict]) -> dict:
    """A line for each pair: the difference in points with its interval, and zero to hold it against."""
    points = [
        {
            "pair": f"{row['first']} − {row['second']}",
            "called": called(row),
            **{key: row[key] for key in ("difference", "low", "high", "p_holm")},
        }
        for row in pairs
    ]
    y = {"field": "pair", "type": "nominal", "sort": None, "title": None, "axis": {"labelLimit": 220}}
    x = {"field": "low", "type": "quantitative", "title": "difference in ROUGE-1, points"}
    color = {
        "field": "called",
        "type": "nominal",
        "scale": {"domain": list(dict.fromkeys(["real", "may be chance", *(point["called"] for point in points)]))},
        "legend": _legend(1),
    }
    tip = [
        _text("pair"),
        _number("difference"),
        _number("low", "95 % from"),
        _number("high", "to"),
        _number("p_holm", "p, corrected", ".4f"),
    ]
    return _chart(
        points,
        "Difference of each pair in ROUGE-1 with its interval; the numbers stand in the table below",
        layer=[
            {
                "mark": {"type": "rule", "strokeDash": [4, 3], "opacity": 0.6},
                "encoding": {"x": {"datum": 0, "type": "quantitative"}},
            },
            {
                "mark": {"type": "rule", "strokeWidth": 2},
                "encoding": {"y": y, "x": x, "x2": {"field": "high"}, "color": color},
            },
            {
                "mark": {"type": "point", "filled": True, "size": 70},
                "encoding": {"y": y, "x": {**x, "field": "difference"}, "color": color, "tooltip": tip},
            },
        ],
        height=26 * len(points),
    )


def forgetting(systems: list[dict]) -> dict:
    """Right answers by task, a bar for each method."""
    names = [row["name"] for row in systems]
    points = [
        {"method": row["name"], "task": task, "right": right}
        for row in systems
        for task, right in row["retention"].items()
        if task != "mean"
    ]
    return _chart(
        points,
        "Right answers of each method by task; the numbers stand in the table below",
        mark={"type": "bar"},
        encoding={
            "x": {"field": "task", "type": "nominal", "sort": None, "title": None, "axis": {"labelAngle": -30}},
            "xOffset": {"field": "method", "sort": None},
            "y": {"field": "right", "type": "quantitative", "title": "right answers, %", "scale": {"domain": [0, 100]}},
            "color": _color("method", names, names),
            "tooltip": [_text("method"), _text("task"), _number("right", "right, %")],
        },
        height=240,
    )


def lengths(points: list[dict], names: list[str]) -> dict:
    """How long each system's summaries are: points hold system and words."""
    return _chart(
        points,
        "Words in the summaries of each system: shortest, quartiles, longest",
        mark={"type": "boxplot", "extent": "min-max", "size": 14},
        encoding={
            "y": {"field": "system", "type": "nominal", "sort": None, "title": None},
            "x": {"field": "words", "type": "quantitative", "title": "words in a summary"},
            "color": _color("system", names),
        },
        height=26 * len(names),
    )


def sweep(judged: list[dict], names: list[str], title: str) -> dict[str, dict]:
    """Of a sweep's series: ROUGE-1 with its interval, and the validation loss, against the parameter."""
    points = [
        {
            "series": name,
            "value": point["value"],
            "loss": point["validation_loss"],
            "called": "as good as the best" if point["as_good"] else "really worse" if point["worse"] else "unsettled",
            **_interval(point),
        }
        for one, name in zip(judged, names)
        for point in one["points"]
    ]
    numbers = [point["value"] for point in points if isinstance(point["value"], int | float)]
    numbers = numbers if len(numbers) == len(points) else []  # one word among them makes all of them names
    x: dict = {"field": "value", "title": title, "type": "nominal", "sort": None, "axis": {"labelAngle": 0}}
    if numbers:
        wide = min(numbers) > 0 and max(numbers) / min(numbers) >= 16
        scale = {"type": "log", "base": 2} if wide else {"zero": False}
        x = {"field": "value", "title": title, "type": "quantitative", "scale": scale}
        x["axis"] = {"values": sorted(set(numbers)), "grid": False, "labelOverlap": True}
    color = _color("series", names, names if len(names) > 1 else None)
    y = {"field": "mean", "type": "quantitative", "title": "ROUGE-1", "scale": {"zero": False}}
    filled = {"condition": {"test": "datum.called != 'as good as the best'", "value": 0.35}, "value": 1}
    tip = [_text("series"), _text("value", title), _number("mean", "ROUGE-1"), _number("low", "95 % from")]
    tip += [_number("high", "to"), _text("called")]
    lined = (
        [{"mark": {"type": "line", "opacity": 0.5}, "encoding": {"x": x, "y": y, "color": color}}] if numbers else []
    )
    drawn = {
        "rouge1": _chart(
            points,
            f"ROUGE-1 by {title}; the numbers stand in the table",
            layer=[
                *lined,
                {
                    "mark": {"type": "rule", "strokeWidth": 2},
                    "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}, "color": color},
                },
                {
                    "mark": {"type": "point", "filled": True, "size": 90},
                    "encoding": {"x": x, "y": y, "color": color, "opacity": filled, "tooltip": tip},
                },
            ],
            height=280,
        )
    }
    trained = [point for point in points if point["loss"] is not None]
    if trained:
        y = {"field": "loss", "type": "quantitative", "title": "validation loss", "scale": {"zero": False}}
        tip = [_text("series"), _text("value", title), _number("loss", "validation loss", ".3f")]
        mark = {"type": "line", "point": True} if numbers else {"type": "point", "filled": True, "size": 90}
        drawn["loss"] = _chart(
            trained,
            f"validation loss by {title}",
            mark=mark,
            encoding={"x": x, "y": y, "color": color, "tooltip": tip},
            height=220,
        )
    return drawn


def seeds(methods: dict[str, dict]) -> dict:
    """ROUGE-1 of every seed, a line of points for each method."""
    points = [
        {"method": name, "seed": seed, "rouge1": round(scores["rouge1"], 2)}
        for name, each in methods.items()
        for seed, scores in each.items()
    ]
    return _chart(
        points,
        "ROUGE-1 of each method, a point for each seed; the numbers stand in the table",
        mark={"type": "point", "filled": True, "size": 70, "opacity": 0.7},
        encoding={
            "y": {"field": "method", "type": "nominal", "sort": None, "title": None},
            "x": {"field": "rouge1", "type": "quantitative", "title": "ROUGE-1", "scale": {"zero": False}},
            "color": _color("method", list(methods)),
            "tooltip": [_text("method"), _text("seed"), _number("rouge1", "ROUGE-1")],
        },
        height=36 * len(methods),
    )


def _chart(values: list[dict], description: str, **spec) -> dict:
    """description: what a screen reader says of the chart."""
    return {
        "$schema": SCHEMA,
        "description": description,
        "data": {"values": values},
        "width": "container",
        "autosize": {"type": "fit-x", "contains": "padding"},
        **spec,
    }


def _legend(columns: int) -> dict:
    """Above the chart: in a row, on a phone in so many columns."""
    return {"orient": "top", "title": None, "columns": {"expr": f"width < 400 ? {columns} : 0"}}


def _color(field: str, names: list[str], legend: list[str] | None = None) -> dict:
    """A colour for each name, the same in every chart that gets the same names; a legend of those in `legend`."""
    shown = _legend(2) | {"values": legend} if legend else None
    return {"field": field, "type": "nominal", "sort": None, "scale": {"domain": names}, "legend": shown}


def _interval(row: dict) -> dict[str, float]:
    return {key: round(value, 2) for key, value in row["scores"]["rouge1"].items()}


def _text(field: str, title: str | None = None) -> dict:
    return {"field": field, "title": title or field}


def _number(field: str, title: str | None = None, form: str = ".1f") -> dict:
    return {"field": field, "title": title or field, "format": form}
