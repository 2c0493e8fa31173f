"""Quality and cost of every method, side by side, and which differences are significant.

python -m pipeline.compare
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.core import files
from pipeline.core.cli import run_stage
from pipeline.core.errors import InputError
from pipeline.core.paths import Paths
from pipeline.core.runs import run_names
from pipeline.evaluation.baseline_differences import baseline_flags, minus_baselines, remember_minus_baselines
from pipeline.evaluation.benchmark_results import benchmark_results
from pipeline.evaluation.comparison_shape import SCHEMA
from pipeline.evaluation.example_table import read_examples
from pipeline.evaluation.forgetting_metrics import BASE, forgetting_metrics
from pipeline.evaluation.forgetting_verdict import compare_forgetting
from pipeline.evaluation.inference_costs import inference_costs
from pipeline.evaluation.metric_groups import metric_groups
from pipeline.evaluation.pairs import check_same_rows, compare_pairs
from pipeline.evaluation.run_costs import run_costs
from pipeline.evaluation.search_costs import read_sweeps
from pipeline.evaluation.shapes import InferenceRun, MixtureCard, SystemScores, baseline_scores, example_scores
from pipeline.evaluation.soft_prompts import soft_prompts
from pipeline.evaluation.tasks import kind_of, primary_metric
from pipeline.evaluation.tasks.base import TaskScorer
from pipeline.evaluation.verdict import verdict
from pipeline.parameters.benchmark import Benchmark
from pipeline.parameters.metrics import Metrics
from pipeline.parameters.runs import Run, SeedsOf
from pipeline.parameters.score import Score
from pipeline.reporting import markdown
from pipeline.reporting.comparison_page import comparison_page

System = dict[str, Any]
Rows = Sequence[dict[str, Any]]


def run(
    paths: Paths,
    *,
    methods: list[str],
    seeds_of: SeedsOf,
    soft_prompt_runs: dict[str, Run],
    benchmark: Benchmark,
    metrics: Metrics,
    score: Score,
) -> None:
    runs = {name: run_names(name, seeds_of[name]) for name in methods}
    systems = [read_system(name, paths.scores(name), "method") for name in methods]
    systems += [read_system(name, paths.scores(name), "external") for name in score.external]
    check_signatures(systems)
    kind = kind_of(systems[0]["scores"])
    metric = primary_metric(kind)
    sweeps = read_sweeps(paths)
    mixture = read_mixture(paths) if methods else None
    mixed_in = list(mixture["further"]) if mixture else []
    for row in systems:
        if row["kind"] == "method":
            row |= run_costs(row["name"], runs[row["name"]][0], paths, sweeps)
            row["forgetting"] = forgetting_metrics(runs[row["name"]], paths, score, BASE in methods, mixed_in)
    baselines = [read_system(path.stem, path, "baseline") for path in baseline_files(paths)]
    shape = example_scores(kind)
    rows: dict[str, Rows] = {
        row["name"]: read_examples(paths.example_scores(row["name"]), shape, without=["prediction"]) for row in systems
    }
    add_baselines(systems, rows, kind, paths, score)
    comparison: dict[str, Any] = {
        "schema": SCHEMA,
        "primary_metric": metric,
        "signature": systems[0]["signature"],
        "seeds": max(seeds_of.values(), key=len, default=[]),
        "examples": systems[0]["examples"],
        "resamples": score.resamples,
        "non_inferiority_margin": score.non_inferiority_margin,
        "systems": sorted(baselines, key=lambda row: points(row, metric)) + systems,
        "pairs": {name: [pair.to_json() for pair in pairs] for name, pairs in compare_pairs(rows, kind, score).items()},
    }
    comparison["metrics"] = metric_groups(systems, rows, runs, kind, paths, score, metrics)
    if mixture:
        comparison["mixture"] = mixture
    comparison["forgetting"] = compare_forgetting(systems, runs, paths)
    if methods and benchmark.tasks:
        changed = [row["name"] for row in systems if row.get("trainable_parameters")]
        comparison["benchmark"] = benchmark_results(runs, changed, paths, score)
    if soft_prompt_runs:
        comparison["soft_prompts"] = soft_prompts(list(soft_prompt_runs), paths, score)
    if methods:
        comparison["inference"] = read_inference(methods, paths)
        add_request_seconds(systems, comparison["inference"])
    comparison["verdict"] = verdict(comparison)
    files.write_json(paths.comparison, comparison)
    page = comparison_page(comparison)
    paths.comparison_markdown.write_text(markdown.render(page), encoding="utf-8")
    paths.comparison_plot.write_text(plot_rows(comparison["systems"], metric), encoding="utf-8")
    print(markdown.render(page, legends=False))


def baseline_files(paths: Paths) -> list[Path]:
    """The scores of the baselines; of people only where there are several references."""
    names = sorted({path.stem for path in paths.baselines.glob("*.*")})
    found = [paths.baselines / f"{name}.json" for name in names]
    if absent := [path for path in found or [paths.baselines] if not path.exists()]:
        raise files.missing(absent[0])
    return found


def read_system(name: str, path: Path, kind: str) -> System:
    """A row of the comparison, from the scores of a method, an external system or a baseline."""
    return {"name": name, "kind": kind, "flags": [], **files.read_json(path, SystemScores)}


def read_mixture(paths: Paths) -> dict[str, Any] | None:
    """How many training examples are the task's own and of each further task; None without further tasks."""
    card = files.read_json(paths.mixture_card, MixtureCard)
    if not card["tasks"]:
        return None
    return {"own": card["own"], "further": {name: counts["gave"] for name, counts in card["tasks"].items()}}


def read_inference(methods: list[str], paths: Paths) -> dict[str, Any]:
    """What inference costs. Raises InputError where a method was not measured."""
    costs = inference_costs(files.read_json(paths.inference_run, InferenceRun))
    for name in methods:
        if name not in costs["variants"]:
            raise files.damaged(paths.inference_run, f"nothing of {name}")
    return costs


def add_request_seconds(systems: list[System], inference: dict[str, Any]) -> None:
    """Add to each method the seconds of one request, where times were reliable enough to rank methods by them."""
    reliable = inference["by_batch"]["1"]["ranking"] is not None
    for row in systems:
        if row["kind"] == "method" and reliable:
            row["request_seconds"] = inference["variants"][row["name"]]["batches"]["1"]["seconds"]["median"]


def check_signatures(systems: list[System]) -> None:
    """Raises InputError where two systems were not scored alike."""
    first = systems[0]
    for row in systems:
        if row["signature"] != first["signature"]:
            raise InputError(
                f"{row['name']} was scored as {row['signature']}, {first['name']} as {first['signature']}: "
                "run `dvc repro` again"
            )


def add_baselines(
    systems: list[System], rows: dict[str, Rows], kind: type[TaskScorer], paths: Paths, score: Score
) -> None:
    """Add to each system its differences from the baselines, and the flags that their intervals give it."""
    tables = [path.with_suffix(".parquet") for path in baseline_files(paths)]
    baselines: dict[str, Rows] = {path.stem: read_examples(path, baseline_scores(kind)) for path in tables}
    check_same_rows({systems[0]["name"]: rows[systems[0]["name"]], **baselines})
    metric = kind.metrics[primary_metric(kind)]
    remember_minus_baselines([rows[row["name"]] for row in systems], baselines, metric, score)
    for row in systems:
        row["minus_baselines"] = minus_baselines(rows[row["name"]], baselines, metric, score)
        row["flags"] += baseline_flags(row["minus_baselines"])


def plot_rows(systems: list[System], metric: str) -> str:
    """The primary metric of every system as tab-separated values, for `dvc plots`."""
    rows = [f"{points(row, metric):.2f}\t{row['name']}" for row in systems]
    return "\n".join(["score\tsystem", *rows]) + "\n"


def points(row: System, metric: str) -> float:
    """A system's score in a metric."""
    return row["scores"][metric]["mean"]


if __name__ == "__main__":
    run_stage(run)
