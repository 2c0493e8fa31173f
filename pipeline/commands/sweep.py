"""What one parameter does: experiments that differ in it alone, as Markdown, as a page and as JSON.

    python -m pipeline.sweep lora_rank        a sweep of conf/sweeps.yaml
    python -m pipeline.sweep full.weight_decay        any parameter

Experiments are read from DVC (`dvc exp show`): those of HEAD, HEAD itself among them, scored on the same dialogues and
alike in every parameter that matters to the method but this one. Where they differ in another too (lora.lora_alpha
beside lora.r), each of its values makes a series of its own.
"""

import argparse
import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from pydantic import Field

from pipeline import methods
from pipeline.core import files
from pipeline.core.errors import InputError
from pipeline.core.params import PARAMS, flatten, parse_section, read_params, read_section, section
from pipeline.core.progress import progress
from pipeline.evaluation import seeds
from pipeline.evaluation.bootstrap import REAL, Resampling, holm
from pipeline.evaluation.metrics import HEADLINE
from pipeline.experiments.dvc_experiments import dvc_experiments
from pipeline.reporting import sweep_report
from pipeline.score import Score

NAMED = Path("conf/sweeps.yaml")
OUTPUT = Path("reports/sweeps")
PLATEAU = 0.01  # losses so near to the lowest, as a share of it, are called level with it


@section
class Sweep:
    """A block of conf/sweeps.yaml, whose first lines say what its keys mean."""

    title: str
    parameter: str
    values: str
    methods: list[str] | None
    cheaper: Literal["smaller"] | None
    axis: list[str] | None = Field(min_length=2, max_length=2)


@dataclass(frozen=True)
class Point:
    """One method of one experiment: its value of the parameter and what it gave.

    settings: what else differs between the experiments. rows: the per-dialogue table.
    """

    method: str
    value: float | int | str
    settings: tuple[tuple[str, str], ...]
    experiment: str
    rows: list[dict]
    scores: dict
    train: dict


def find(name: str) -> Sweep:
    """A sweep of conf/sweeps.yaml, or one over a parameter of params.yaml; Refused where there is neither."""
    named = read_params(NAMED) if NAMED.exists() else {}
    if name in named:
        return parse_section(named[name], Sweep, f"{NAMED}: {name}")
    known = dict(flatten(read_params()))
    if not any(key == name or key.startswith(f"{name}.") for key in known):
        raise InputError(f"{name}: no sweep of {NAMED} ({', '.join(named)}) and no parameter of {PARAMS}")
    section = name.partition(".")[0]
    own = [section] if section in methods.names() else None
    return Sweep(title=name, parameter=name, values="...", methods=own, cheaper=None, axis=None)


def lookup(params: dict, key: str) -> object:
    """The value of a dotted key, a number or a text; of a mapping that has a name, the name."""
    value: object = params
    for part in key.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    if isinstance(value, dict):
        value = value.get("name", value)
    return value if isinstance(value, str) or type(value) in (int, float) else json.dumps(value)


def relevant(params: dict, method: str, parameter: str) -> dict[str, str]:
    """Key -> value (JSON) of all that may move a method's scores, but the parameter itself."""
    others = {"methods", "retain", *methods.names()} - {method}
    values = {key: value for key, value in params.items() if key not in others}
    return {
        key: json.dumps(value)
        for key, value in flatten(values)
        if key != parameter and not key.startswith((f"{parameter}.", "score.external", "score.warn", "generate.speed"))
    }


def read(repo, found: dvc_experiments.Found, sweep: Sweep) -> tuple[list[Point], list[str]]:
    """The points of every experiment, and sentences about those that could not be read."""
    unfinished, points = list(found.unfinished), []
    each = [(one, method) for one in found.done for method in sweep.methods or one.params["methods"]]
    alike = {
        method: [relevant(one.params, method, sweep.parameter) for one, of in each if of == method]
        for method in {of for _, of in each}
    }
    files: dict[str, dvc_experiments.Files] = {}
    for one, method in progress(each, len(each), "read"):
        if method not in one.params["methods"] or method not in one.params:
            continue
        own = relevant(one.params, method, sweep.parameter)
        settings = tuple(sorted((key, own[key]) for key in own if len({other.get(key) for other in alike[method]}) > 1))
        content = files.setdefault(one.revision, dvc_experiments.Files(repo, one.revision))
        try:
            value = lookup(one.params, sweep.parameter)
            if sweep.axis:
                value = lookup(content.json(sweep.axis[0]), sweep.axis[1])
            points.append(
                Point(
                    method,
                    value,
                    settings,
                    one.name,
                    content.table(f"reports/dialogues/{method}.parquet"),
                    content.json(f"reports/scores/{method}.json"),
                    content.json(f"reports/runs/train/{method}.json"),
                )
            )
        except FileNotFoundError as error:
            unfinished.append(f"{one.name}: {error} (dvc exp apply {one.name} and dvc repro, or dvc pull)")
    return points, unfinished


def series(points: list[Point]) -> list[list[Point]]:
    """Points of one method that differ in their value alone, in its order; two values at least.

    Of experiments with the same value the first counts: the commit they started from stands before them. Of the
    settings those are left that tell a method's series apart.
    """
    groups: dict[tuple, dict] = {}
    for point in points:
        test = tuple(row["id"] for row in point.rows)
        groups.setdefault((point.method, point.settings, test), {}).setdefault(point.value, point)
    kept = {key: group for key, group in groups.items() if len(group) > 1}
    return [
        [replace(point, settings=told_apart(point.settings, method, kept)) for point in ordered(list(group.values()))]
        for (method, _, _), group in kept.items()
    ]


def ordered(points: list[Point]) -> list[Point]:
    """By value where all are numbers or all are words, else as they came."""
    if len({isinstance(point.value, str) for point in points}) > 1:
        return points
    return sorted(points, key=lambda point: point.value)


def told_apart(settings: tuple, method: str, groups: dict[tuple, dict]) -> tuple[tuple[str, str], ...]:
    """Those of a series' settings that another series of its method has otherwise."""
    others = [dict(other) for name, other, _ in groups if name == method]
    return tuple((key, value) for key, value in settings if any(other.get(key) != value for other in others))


def judge(points: list[Point], score: Score, cheaper: str | None) -> dict:
    """A series as it is shown: each point beside the best by ROUGE-1, paired and corrected (Holm).

    `as_good` holds the values that surely lose less than the margin to the best, `smallest` the smallest of them where
    small is cheap, `level` the first value whose validation loss and all after it lie within 1 % of the lowest.
    """
    measure = HEADLINE["rouge1"]
    tables = [measure.table(point.rows) for point in points]
    of = measure.of(len(tables[0]))
    means = [float(of(table.sum(axis=0)[None])[0]) for table in tables]
    best = max(range(len(points)), key=means.__getitem__)
    drawn = Resampling.draw(len(tables[0]), score.resamples, score.seed)
    corrected = holm([drawn.p_value(table, tables[best], of) for at, table in enumerate(tables) if at != best])
    corrected.insert(best, 1.0)
    shown = []
    for at, (point, table, p) in enumerate(zip(points, tables, corrected)):
        low, high = drawn.difference(table, tables[best], of)
        shown.append(
            {
                "value": point.value,
                "experiment": point.experiment,
                "scores": point.scores["scores"],
                "minus_best": {"difference": means[at] - means[best], "low": low, "high": high, "p_holm": p},
                "as_good": at == best or low > -score.margin,
                "worse": p < REAL,
                "validation_loss": point.train.get("best_validation_loss"),
                "trainable_parameters": point.train["trainable_parameters"],
                "bytes": point.train["bytes"],
                "train_seconds": point.train.get("seconds", {}).get("train"),
            }
        )
    as_good = [one["value"] for one in shown if one["as_good"]]
    losses = [one["validation_loss"] for one in shown]
    return {
        "method": points[0].method,
        "settings": {key: json.loads(value) for key, value in points[0].settings},
        "points": shown,
        "best": points[best].value,
        "margin": score.margin,
        "as_good": as_good,
        "smallest": as_good[0] if cheaper else None,
        "level": level(losses, [point.value for point in points]) if cheaper and None not in losses else None,
    }


def level(losses: list[float], values: list) -> object:
    """The first value from which on every loss lies within PLATEAU of the lowest; None if only the last does."""
    near = [loss <= min(losses) * (1 + PLATEAU) for loss in losses]
    first = next((at for at in range(len(near)) if all(near[at:])), None)
    return None if first in (None, len(near) - 1) else values[first]


def run(name: str, revision: str, commits: int, output: Path) -> Path:
    """Read, judge and write a sweep; the page's path."""
    sweep, score = find(name), read_section("score", Score)
    with dvc_experiments.repository() as repo:
        found = dvc_experiments.collect(repo, revision, commits)
        points, unfinished = read(repo, found, sweep)
    chosen = series(points)
    if not chosen:
        waiting = f" ({'; '.join(unfinished)})" if unfinished else ""
        raise InputError(
            f"{name}: no two experiments of {revision} differ in {sweep.parameter} alone{waiting}. Queue some with "
            f"`dvc exp run --queue -S '{sweep.parameter}={sweep.values}'`, then `dvc queue start`"
        )
    target = output / name.replace(".", "_")
    judged = [judge(group, score, sweep.cheaper) for group in chosen]
    params = {one.name: one.params for one in found.done}
    first = [params[group[0].experiment] for group in chosen]
    if sweep.parameter == "seed":
        content = seeds.found(chosen)
        told = sweep_report.of_seeds(content, sweep_report.of_one_series_each(judged, first))
    else:
        content = {"parameter": sweep.parameter, "series": judged}
        told = sweep_report.of_values(sweep.title, sweep.parameter, judged, first, len(chosen[0][0].rows))
    files.write_json(target.with_suffix(".json"), content)
    count = len({point.experiment for group in chosen for point in group})
    sweep_report.write(target, sweep.title, f"{sweep.parameter}, {count} experiments", told, unfinished)
    return target.with_suffix(".html")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m pipeline.sweep", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", help="a sweep of conf/sweeps.yaml, or a parameter: lora.r")
    parser.add_argument("--revision", default="HEAD", help="the commit whose experiments are shown; default: HEAD")
    parser.add_argument("--commits", type=int, default=1, help="of so many commits up to that one; default: 1")
    parser.add_argument("--output", type=Path, default=OUTPUT, help=f"folder for what is written; default: {OUTPUT}")
    arguments = parser.parse_args()
    try:
        page = run(arguments.name, arguments.revision, arguments.commits, arguments.output)
    except InputError as refusal:
        sys.exit(f"python -m pipeline.sweep: error: {refusal}")
    print(f"{page.with_suffix('.md')} and {page}")


if __name__ == "__main__":
    main()
