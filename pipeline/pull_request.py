"""What a change does to parameters and scores, held against another commit, as one page of Markdown with its plots.

    python -m pipeline.pull_request BASE [FOLDER]     (make pr-report BASE=main)

BASE is a branch, a commit or an experiment; it is compared with the workspace. FOLDER gets summary.md and the plots as
PNG. Both sides are read through DVC: from git, from its cache, from a remote where one is configured. --images ADDRESS
is what the plots' names are put behind (a job summary shows no relative files), --report ADDRESS where the report is to
be had; with --report alone, the plots are said to be there.

A difference is tested on the dialogues that both sides summarized, where the scores of each can be read on both sides:
bootstrap interval and approximate randomization (pipeline/resample.py). Else it is judged by the two 95 % intervals of
reports/comparison.json, as if they came from different dialogues: a real difference is then missed more easily.
"""

import contextlib
import csv
import io
import json
import logging
import math
from dataclasses import dataclass, field
from pathlib import Path

from pipeline import stage
from pipeline.charts import SCHEMA
from pipeline.compare import REAL
from pipeline.measures import HEADLINE, Measure
from pipeline.resample import Resampling, holm
from pipeline.score import Score
from pipeline.tabulate import table
from pipeline.verdict import p_value

RECORDS = "data/records/test.jsonl"
COMPARISON = "reports/comparison.json"
NORMAL = 1.959964  # half of a 95 % interval, in standard errors
LONG = 15  # rows of a table; a longer one is folded


@dataclass(frozen=True)
class Side:
    """What can be read of a commit or the workspace: parts that can't be are empty."""

    scores: dict[str, dict] = field(default_factory=dict)  # system -> score -> mean, low, high
    signature: dict[str, str] = field(default_factory=dict)
    tested: dict[str, str] = field(default_factory=dict)  # system -> hash of the records it was scored against
    references: dict[str, list[str]] = field(default_factory=dict)  # id -> texts
    each: dict[str, list[dict]] = field(default_factory=dict)  # system -> its dialogues' rows
    losses: list[dict] = field(default_factory=list)  # method, step, loss on validation


def run(base: str, folder: Path = Path("pull_request"), *, images: str = "", report: str = "", score: Score):
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    logging.getLogger("dvc").setLevel(logging.ERROR)  # what it would run is told here
    try:
        with Repo() as repo:
            commit = resolve(repo, base)
            parameters, metrics = differences(repo, commit)
            now, before = side(repo, "workspace"), side(repo, commit)
            notes = [*unrun(repo), *behind(repo, base, commit)]
    except DvcException as error:
        raise stage.Refused(f"DVC: {error}") from error
    rows = judged(before, now, scored(metrics), score)
    plots = {"rouge1.png": rouge1(before, now), "validation-loss.png": losses(before, now)}
    drawn = draw({name: spec for name, spec in plots.items() if spec}, folder)
    text = summary(base if commit.startswith(base) else f"{base} ({commit[:7]})", parameters, metrics, rows, notes)
    text += "\n" + links(drawn, images, report)
    (folder / "summary.md").write_text(text, encoding="utf-8")
    print(text)


def resolve(repo, base: str) -> str:
    """The commit that a branch, a commit's name or an experiment stands for."""
    from dvc.scm import RevError, resolve_rev

    try:
        return resolve_rev(repo.scm, base)
    except RevError:
        raise stage.Refused(
            f"{base!r} is no branch, commit or experiment here: name one (BASE=main), or fetch it (git fetch origin)"
        ) from None


def differences(repo, commit: str) -> tuple[dict, dict]:
    """What DVC's own params diff and metrics diff give: file -> key -> old and new; Refused if metrics lack here."""
    found = repo.metrics.diff(commit, "workspace")
    missing = found.get("errors", {}).get("workspace", {})
    if isinstance(missing, Exception):
        raise stage.Refused(f"dvc.yaml can't be read here: {missing}")
    if missing:
        raise stage.Refused(f"{min(missing)} can't be read here: run `dvc repro` first, or `dvc pull`")
    return repo.params.diff(commit, "workspace").get("diff", {}), found.get("diff", {})


def side(repo, revision: str) -> Side:
    """What can be read of a commit, or of the "workspace"."""
    with contextlib.nullcontext() if revision == "workspace" else repo.switch(revision):
        comparison = json.loads(content(repo, COMPARISON) or "{}")
        systems = {row["name"]: row["scores"] for row in comparison.get("systems", []) if row["kind"] != "yardstick"}
        lines = (content(repo, RECORDS) or b"").splitlines()
        points = {name: content(repo, f"reports/curves/{name}/plots/metrics/validation/loss.tsv") for name in systems}
        tables = {name: content(repo, f"reports/dialogues/{name}.parquet") for name in systems}
        return Side(
            scores=systems,
            signature=comparison.get("signature", {}),
            tested={
                found.name.partition("@")[2]: dep.hash_info.value
                for found in repo.index.stages
                for dep in found.deps
                if found.name.startswith(("score@", "external@")) and dep.def_path == RECORDS and dep.hash_info
            },
            references={row["id"]: row["references"] for row in map(json.loads, lines)},
            each={name: parquet(text) for name, text in tables.items() if text},
            losses=[
                {"method": name, "step": int(point["step"]), "loss": float(point["loss"])}
                for name, text in points.items()
                if text
                for point in csv.DictReader(io.StringIO(text.decode()), delimiter="\t")
            ],
        )


def content(repo, path: str) -> bytes | None:
    """A file of the revision that repo stands at, from git, cache or remote; None if it can't be had."""
    try:
        with repo.dvcfs.open(path, "rb") as file:
            return file.read()
    except Exception:  # a remote raises what it likes: gone, out of reach, no credentials
        return None


def parquet(found: bytes) -> list[dict]:
    import pyarrow.parquet

    return pyarrow.parquet.read_table(io.BytesIO(found)).to_pylist()


def unrun(repo) -> list[str]:
    """A sentence if the results here are older than code, data or parameters; data that is not here counts as right."""
    with contextlib.redirect_stdout(None):
        left = [found.addressing for found in repo.reproduce(dry=True, allow_missing=True, on_error="ignore")]
    if not left:
        return []
    return [f"**These are not yet this change's results**: `dvc repro` would run {', '.join(left)} and what follows."]


def behind(repo, base: str, commit: str) -> list[str]:
    """A sentence if BASE holds work that is not in this change, which then looks undone by it."""
    work = [".", ":(exclude)dvc.lock", ":(exclude)reports"]
    count = int(repo.scm.gitpython.git.rev_list("--count", f"HEAD..{commit}", "--", *work))
    if not count:
        return []
    return [
        f"{base} is ahead of this change by {number(count, 'commit')}, which look undone by it: merge {base} first."
    ]


def scored(metrics: dict) -> dict[str, dict[str, dict]]:
    """Of a metrics diff the scores: system -> score -> old and new, one of them None where it is not there."""
    found: dict[str, dict[str, dict]] = {}
    for path, values in metrics.items():
        if Path(path).parent == Path("reports/metrics"):
            known = {name: values[name] for name in HEADLINE if name in values}
            if known:
                found[Path(path).stem] = known
    return found


def judged(before: Side, now: Side, changed: dict[str, dict[str, dict]], score: Score) -> list[dict]:
    """A row for each changed score: what it was and is, how it was judged, and what is to be called real.

    how: paired, unpaired, new, gone, or why the two can't be compared. p is corrected for all that was tested (Holm).
    """
    rows = []
    order = {name: at for at, name in enumerate([*now.scores, *before.scores][::-1])}
    drawn: dict[int, Resampling] = {}
    for name in sorted(changed, key=lambda name: (-order.get(name, 0), name)):
        for key, value in changed[name].items():
            row = {"system": name, "score": key, "old": value["old"], "new": value["new"]}
            row["how"] = how(before, now, name, key, value)
            if row["how"] == "paired":
                one, other = now.each[name], before.each[name]
                if len(one) not in drawn:
                    drawn[len(one)] = Resampling.draw(len(one), score.resamples, score.seed)
                row |= paired(HEADLINE[key], one, other, drawn[len(one)]) | {"dialogues": len(one)}
            elif row["how"] == "unpaired":
                row |= unpaired(now.scores[name][key], before.scores[name][key])
            rows.append(row)
    tested = [row for row in rows if "p" in row]
    for row, p in zip(tested, holm([row["p"] for row in tested])):
        row |= {"p_holm": p, "real": p < REAL}
    return rows


def how(before: Side, now: Side, name: str, score: str, value: dict) -> str:
    """How a system's change of score can be judged: paired, unpaired, new, gone, or why it can't."""
    if value["old"] is None or value["new"] is None:
        return "new" if value["old"] is None else "gone"
    if any(score not in one.scores.get(name, {}) for one in (before, now)):
        return f"no interval in {COMPARISON}"
    kind = "bleu" if score == "bleu" else "rouge"
    if before.signature.get(kind) != now.signature.get(kind):
        return f"scored otherwise: {before.signature.get(kind)}, now {now.signature.get(kind)}"
    known = before.tested.get(name) is not None and before.tested.get(name) == now.tested.get(name)
    if not known and not (before.references and before.references == now.references):
        return "another test set"
    tables = [one.each.get(name, []) for one in (before, now)]
    if not all(tables) or [row["id"] for row in tables[0]] != [row["id"] for row in tables[1]]:
        return "unpaired"
    columns = HEADLINE[score].columns
    for one, other in zip(*tables):
        if one["prediction"] == other["prediction"] and any(abs(one[key] - other[key]) > 1e-9 for key in columns):
            return "scored otherwise: another score for the same summary"
    return "paired"


def paired(measure: Measure, now: list[dict], before: list[dict], drawn: Resampling) -> dict[str, float]:
    """now minus before with its 95 % interval and p-value, on the same dialogues."""
    one, other, points = measure.table(now), measure.table(before), measure.of(len(now))
    change = points(one.sum(axis=0)[None]) - points(other.sum(axis=0)[None])
    low, high = drawn.difference(one, other, points)
    return {"difference": float(change[0]), "low": low, "high": high, "p": drawn.p_value(one, other, points)}


def unpaired(now: dict[str, float], before: dict[str, float]) -> dict[str, float]:
    """now minus before with its 95 % interval and p-value, from two 95 % intervals taken as independent and normal."""
    error = math.hypot(*((one["high"] - one["low"]) / (2 * NORMAL) for one in (now, before)))
    change = now["mean"] - before["mean"]
    p = math.erfc(abs(change) / error / math.sqrt(2)) if error else float(change == 0)
    return {"difference": change, "low": change - NORMAL * error, "high": change + NORMAL * error, "p": p}


def summary(base: str, parameters: dict, metrics: dict, rows: list[dict], notes: list[str]) -> str:
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
        named = "" if path == str(stage.PARAMS) else f"{path}: "
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


if __name__ == "__main__":
    stage.command(run)
