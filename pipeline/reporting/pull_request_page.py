"""The page of a pull request: what changed, in a sentence and in tables, and its plots as images."""

import json
from pathlib import Path

from pipeline.core.params import PARAMS
from pipeline.evaluation.bootstrap import REAL
from pipeline.evaluation.metrics import HEADLINE
from pipeline.evaluation.run_diff import COMPARISON, Side, scored
from pipeline.evaluation.verdict import p_value
from pipeline.reporting.charts import SCHEMA
from pipeline.reporting.comparison_tables import table

LONG = 15  # rows of a table; a longer one is folded


def page(base: str, parameters: dict, metrics: dict, rows: list[dict], notes: list[str]) -> str:
    """The page: the upshot in its first line, then parameters and metrics in tables."""
    changed = sum(len(values) for values in parameters.values())
    count = number(changed, "parameter") + " changed" if changed else "no parameter changed"
    parts = ["## What this change does", "\n\n".join([upshot(rows), *notes]), f"Against {base}: {count}."]
    if changed:
        parts += ["### Parameters", folded(parameter_table(parameters), number(changed, "parameter"))]
    parts.append("### Metrics")
    tested = [row for row in rows if "difference" in row or row["how"] not in ("new", "gone")]
    told_by_rouge1 = {row["system"] for row in tested if row["score"] == "rouge1" and row.get("real")}
    shown = [
        row for row in tested if row["score"] == "rouge1" or (row.get("real") and row["system"] not in told_by_rouge1)
    ]
    further = [row for row in tested if row not in shown]
    if shown:
        parts.append(table(metric_table(shown)))
    if further:
        real = sum(row.get("real", False) for row in further)
        parts.append(
            fold(table(metric_table(further)), f"{number(len(further), 'further score')}, {real} of them real")
        )
    parts += told(rows)
    others = other_metrics(metrics)
    if len(others) > 1:
        parts.append(table(others))
    if not rows and len(others) == 1:
        parts.append("No metric changed.")
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def upshot(rows: list[dict]) -> str:
    """One sentence, or two: what really changed, and how much else did."""
    real = [row for row in rows if row.get("real")]
    noise = [row for row in rows if "real" in row and not row["real"]]
    unlike = [row for row in rows if "real" not in row and row["how"] not in ("new", "gone")]
    said = []
    if real:
        named = {row["system"]: row for row in reversed(real)}  # the first real score of each system
        first = [row for row in real if named[row["system"]] is row]
        said.append(f"**Real: {', '.join(map(_what, first))}.**")
    elif noise:
        said.append("**No difference is real.**")
    if noise:
        verb = "lies" if len(noise) == 1 else "lie"
        said.append(f"{number(len(noise), 'changed score')} {verb} within noise.")
    if unlike:
        said.append(f"**{number(len(unlike), 'score')} can't be compared with the base's.**")
    for word in ("new", "gone"):
        if names := list(dict.fromkeys(row["system"] for row in rows if row["how"] == word)):
            said.append(f"{', '.join(names)} {'is' if len(names) == 1 else 'are'} {word}.")
    return " ".join(said) or "**No score changed.**"


def parameter_table(parameters: dict) -> list[list[str]]:
    lines = [["parameter", "base", "now"]]
    for path, values in sorted(parameters.items()):
        named = "" if path == str(PARAMS) else f"{path}: "
        lines += [
            [f"`{named}{key}`", _value(one.get("old")), _value(one.get("new"))] for key, one in sorted(values.items())
        ]
    return lines


def metric_table(rows: list[dict]) -> list[list[str]]:
    lines = [["system", "score", "base", "now", "change", "95 %", ""]]
    for row in rows:
        change, interval, called = f"{row['new'] - row['old']:+.2f}", "", "not comparable"
        if "real" in row:
            interval = f"{row['low']:+.2f} to {row['high']:+.2f}"
            called = f"{'real' if row['real'] else 'within noise'} ({p_value(row['p_holm'])})"
        old, new = f"{row['old']:.2f}", f"{row['new']:.2f}"
        lines.append([row["system"], HEADLINE[row["score"]].title, old, new, change, interval, called])
    return lines


def told(rows: list[dict]) -> list[str]:
    """Sentences below the metrics: how they were judged, what could not be, and what is new or gone."""
    said = []
    real = [row for row in rows if "real" in row]
    corrected = f"p corrected for {number(len(real), 'difference')} (Holm), real below {REAL}"
    if names := _systems(rows, "paired"):
        over = next(row["dialogues"] for row in rows if row["how"] == "paired")
        said.append(
            f"{names}: paired over {number(over, 'dialogue')}, bootstrap interval and approximate randomization; "
            f"{corrected}."
        )
    if names := _systems(rows, "unpaired"):
        said.append(
            f"{names}: unpaired, from the 95 % intervals in {COMPARISON}, which is less sharp, for the scores of each "
            f"dialogue can't be read on both sides; {corrected}."
        )
    for reason in dict.fromkeys(row["how"] for row in rows if "real" not in row and row["how"] not in ("new", "gone")):
        said.append(f"{_systems(rows, reason)}: not comparable: {reason}.")
    for word, key in (("new", "new"), ("gone", "old")):
        for name in dict.fromkeys(row["system"] for row in rows if row["how"] == word):
            own = [row for row in rows if row["system"] == name]
            scores = ", ".join(f"{HEADLINE[row['score']].title} {row[key]:.2f}" for row in own)
            said.append(f"{name} is {word}: {'' if word == 'new' else 'it had '}{scores}.")
    return said


def other_metrics(metrics: dict) -> list[list[str]]:
    """Metrics that are no scores, without a verdict."""
    known = scored(metrics)
    lines = [["metric", "base", "now", "change"]]
    for path, values in sorted(metrics.items()):
        for key, one in sorted(values.items()):
            if key not in known.get(Path(path).stem, {}) or Path(path).parent != Path("reports/metrics"):
                change = f"{one['diff']:+.4g}" if "diff" in one else ""
                lines.append([f"`{path}: {key}`", _value(one["old"]), _value(one["new"]), change])
    return lines


def links(plots: list[str], images: str, report: str) -> str:
    """The plots as images, or where they are, and the report."""
    parts = []
    if images or not report:
        prefix = f"{images.rstrip('/')}/" if images else ""
        titles = {"rouge1.png": "ROUGE-1, base and now", "validation-loss.png": "Validation loss, base and now"}
        parts += [f"![{titles[name]}]({prefix}{name})" for name in plots]
    if report:
        rest = "" if images else " and the plots"
        parts.append(f"[The report, with every summary side by side{rest}]({report})")
    return "\n\n".join(parts) + "\n"


def rouge1(before: Side, now: Side) -> dict:
    """ROUGE-1 of every system with its interval, base above now; empty without any."""
    points = [
        {"system": name, "side": label, **scores["rouge1"]}
        for label, one in (("base", before), ("now", now))
        for name, scores in one.scores.items()
    ]
    names = list(dict.fromkeys([*now.scores, *before.scores]))
    y = {"field": "system", "type": "nominal", "sort": names, "title": None, "axis": {"labelFontSize": 13}}
    offset = {"field": "side", "sort": ["base", "now"]}
    x = {"field": "mean", "type": "quantitative", "title": "ROUGE-1, 95 % interval", "scale": {"domainMin": 0}}
    bars = {"mark": {"type": "bar"}, "encoding": {"y": y, "yOffset": offset, "x": x, "color": _side("side")}}
    whiskers = {
        "mark": {"type": "rule", "strokeWidth": 2},
        "encoding": {
            "y": y,
            "yOffset": {**offset, "bandPosition": 0.5},
            "x": {**x, "field": "low"},
            "x2": {"field": "high"},
        },
    }
    return _image(points, layer=[bars, whiskers], height={"step": 16}) if points else {}


def losses(before: Side, now: Side) -> dict:
    """Validation losses by step, a panel for each method; empty where none can be read."""
    points = [point | {"side": label} for label, one in (("base", before), ("now", now)) for point in one.losses]
    names = list(dict.fromkeys(point["method"] for point in [*now.losses, *before.losses]))
    panel = {
        "mark": {"type": "line", "point": True, "strokeWidth": 2},
        "encoding": {
            "x": {"field": "step", "type": "quantitative", "title": "optimizer step", "axis": {"tickCount": 4}},
            "y": {"field": "loss", "type": "quantitative", "title": "validation loss", "scale": {"zero": False}},
            "color": _side("side"),
            "strokeDash": {
                "field": "side",
                "scale": {"domain": ["base", "now"], "range": [[4, 3], [1, 0]]},
                "legend": None,
            },
        },
        "width": 300,
        "height": 120,
    }
    header = {"title": None, "labelFontSize": 13, "labelFontWeight": "bold"}
    facet = {"row": {"field": "method", "sort": names, "header": {**header, "labelOrient": "top"}}}
    resolve = {"scale": {"x": "independent", "y": "independent"}}
    return _image(points, facet=facet, spec=panel, resolve=resolve, width=None) if points else {}


def draw(specs: dict[str, dict], folder: Path) -> list[str]:
    """Charts to PNG, twice as fine as a screen's pixels; their names."""
    import vl_convert

    folder.mkdir(parents=True, exist_ok=True)
    for name, spec in specs.items():
        (folder / name).write_bytes(vl_convert.vegalite_to_png(json.dumps(spec), scale=2))
    return list(specs)


def _image(points: list[dict], width: int | None = 300, **spec) -> dict:
    """A specification that fits a phone and stands on white."""
    size = {} if width is None else {"width": width}
    config = {"axis": {"labelFontSize": 12, "titleFontSize": 12}, "legend": {"labelFontSize": 13}}
    return {"$schema": SCHEMA, "background": "white", "padding": 10, "config": config} | {
        "data": {"values": points},
        **size,
        **spec,
    }


def _side(name: str) -> dict:
    colors = {"domain": ["base", "now"], "range": ["#9aa5b1", "#2f6fb5"]}
    return {"field": name, "type": "nominal", "scale": colors, "legend": {"orient": "top", "title": None}}


def folded(rows: list[list[str]], title: str) -> str:
    """A table, folded away if it is long."""
    return fold(table(rows), title) if len(rows) > LONG else table(rows)


def fold(text: str, title: str) -> str:
    return f"<details><summary>{title}</summary>\n\n{text}\n</details>\n"


def number(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _systems(rows: list[dict], how: str) -> str:
    return ", ".join(dict.fromkeys(row["system"] for row in rows if row["how"] == how))


def _what(row: dict) -> str:
    return f"{row['system']} {HEADLINE[row['score']].title} {row['difference']:+.1f}"


def _value(value: object) -> str:
    """A parameter or metric in a cell of a Markdown table."""
    return "" if value is None else str(value).replace("|", "\\|").replace("\n", " ")
