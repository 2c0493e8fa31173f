"""What one parameter does: experiments that differ in it alone, as Markdown, as a page and as JSON.

    python -m pipeline sweep lora_rank                a sweep of conf/sweeps.yaml
    python -m pipeline sweep full.weight_decay        any parameter

Experiments are read from DVC (`dvc exp show`): those of HEAD, and HEAD itself, that were scored on the same examples
and agree in every parameter that matters to the method except this one. Where they differ in another too
(lora.lora_alpha besides lora.r), each of its values makes a series of its own.
"""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from pipeline import methods
from pipeline.core import files
from pipeline.core.cli import run_stage
from pipeline.core.errors import InputError
from pipeline.core.params import PARAMS, flatten, parse_section, read_params, section
from pipeline.core.paths import Paths
from pipeline.evaluation.seed_rows import example_ids
from pipeline.evaluation.sweep_series import SweepPoint, group_series, judge_series
from pipeline.experiments.dvc_experiments import ExperimentList, list_experiments, open_repository
from pipeline.experiments.sweep_points import read_points
from pipeline.parameters.score import Score
from pipeline.reporting import html, markdown
from pipeline.reporting.page import Page
from pipeline.reporting.sweep_page import SweepContext, values_page

SWEEPS = Path("conf/sweeps.yaml")
OUTPUT = Paths().sweeps


@section
class Sweep:
    """A block of conf/sweeps.yaml, whose first lines say what its keys mean."""

    title: str
    parameter: str
    values: str
    methods: list[str] | None
    prefer: Literal["smaller"] | None
    x: list[str] | None = Field(min_length=2, max_length=2)


def run(
    name: str, paths: Paths, *, score: Score, revision: str = "HEAD", commits: int = 1, output: Path = OUTPUT
) -> None:
    sweep = find_sweep(name)
    with open_repository() as repo:
        experiments = list_experiments(repo, revision, commits)
        points, unreadable = read_points(repo, experiments, sweep.parameter, sweep.methods, sweep.x, score)
    series = group_series(points)
    if not series:
        waiting = f" ({'; '.join(unreadable)})" if unreadable else ""
        raise InputError(
            f"{name}: no two experiments of {revision} differ in {sweep.parameter} alone{waiting}. Queue some with "
            f"`dvc exp run --queue -S '{sweep.parameter}={sweep.values}' validate`, then `dvc queue start`"
        )
    content, page = build(sweep, series, experiments, score, unreadable)
    write(output / name.replace(".", "_"), content, page)


def find_sweep(name: str) -> Sweep:
    """A sweep of conf/sweeps.yaml, or one over a parameter of params.yaml. Raises InputError where there is neither."""
    sweeps = read_params(SWEEPS) if SWEEPS.exists() else {}
    if name in sweeps:
        return parse_section(sweeps[name], Sweep, f"{SWEEPS}: {name}")
    keys = dict(flatten(read_params()))
    if not any(key == name or key.startswith(f"{name}.") for key in keys):
        raise InputError(f"{name}: no sweep of {SWEEPS} ({', '.join(sweeps)}) and no parameter of {PARAMS}")
    method = name.partition(".")[0]
    own = [method] if method in methods.names() else None
    unnamed = {"title": name, "parameter": name, "values": "...", "methods": own, "prefer": None, "x": None}
    return parse_section(unnamed, Sweep, name)


def build(
    sweep: Sweep,
    series: list[list[SweepPoint]],
    experiments: ExperimentList,
    score: Score,
    unreadable: list[str],
) -> tuple[dict[str, Any], Page]:
    """The content of the sweep's JSON, and its page."""
    judged = [judge_series(points, score, sweep.prefer) for points in series]
    params = {experiment.name: experiment.params for experiment in experiments.finished}
    count = len({point.experiment for points in series for point in points})
    context = SweepContext(
        title=sweep.title,
        about=f"{sweep.parameter}, {count} experiments",
        parameter=sweep.parameter,
        examples=len(example_ids(series[0][0].examples)),
        params=[params[points[0].experiment] for points in series],
        unreadable=unreadable,
    )
    content = {"parameter": sweep.parameter, "series": [each.to_json() for each in judged]}
    return content, values_page(context, judged)


def write(target: Path, content: dict[str, Any], page: Page) -> None:
    """The sweep as JSON, Markdown and HTML; target has no suffix."""
    files.write_json(target.with_suffix(".json"), content)
    target.with_suffix(".md").write_text(markdown.render(page), encoding="utf-8")
    target.with_suffix(".html").write_text(html.render(page), encoding="utf-8")
    print(markdown.render(page, legends=False))
    print(f"{target.with_suffix('.md')} and {target.with_suffix('.html')}")


if __name__ == "__main__":
    run_stage(run)
