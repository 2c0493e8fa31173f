"""The points of a sweep, read from the experiments that DVC has."""

import json
from statistics import fmean
from typing import Any

from pipeline import methods
from pipeline.core.params import flatten
from pipeline.core.paths import Paths
from pipeline.core.progress import progress
from pipeline.core.runs import run_names
from pipeline.evaluation.forgetting_metrics import in_percent, means_over
from pipeline.evaluation.scoring import estimate_scores
from pipeline.evaluation.sweep_series import SweepPoint, Value
from pipeline.experiments.dvc_experiments import Experiment, ExperimentList, RevisionFiles
from pipeline.parameters.score import Score

PATHS = Paths()
# What is asked of trained models beside the test set.
MEASURED_LATER = (
    *("forgetting", "benchmark", "benchmark_runs", "metrics", "robustness_runs"),
    *("soft_prompt", "soft_prompt_runs"),
)
CANNOT_MOVE_SCORES = ("score.external", "score.warn", "generate.latency")


def read_points(
    repo: Any,
    experiments: ExperimentList,
    parameter: str,
    chosen: list[str] | None,
    x: list[str] | None,
    score: Score,
) -> tuple[list[SweepPoint], list[str]]:
    """The points of every experiment, and sentences about those that could not be read.

    chosen: methods; None takes all of each experiment. x: a [file, key] that is shown in the parameter's place.
    """
    pairs = [
        (experiment, method)
        for experiment in experiments.finished
        for method in chosen or experiment.params["methods"]
        if method in experiment.params.get("seeds_of", {}) and method in experiment.params
    ]
    settings = [relevant_settings(experiment.params, method, parameter) for experiment, method in pairs]
    points, unreadable = [], list(experiments.unfinished)
    files: dict[str, RevisionFiles] = {}
    for (experiment, method), own in progress(zip(pairs, settings), len(pairs), "read"):
        others = [other for (_, name), other in zip(pairs, settings) if name == method]
        differing = tuple(sorted((key, own[key]) for key in own if len({other.get(key) for other in others}) > 1))
        revision = files.setdefault(experiment.revision, RevisionFiles(repo, experiment.revision))
        try:
            value = lookup(revision.json(x[0]), x[1]) if x else lookup(experiment.params, parameter)
            points.append(_read_point(revision, experiment, method, value, differing, score))
        except FileNotFoundError as error:
            name = experiment.name
            unreadable.append(f"{name}: {error} (dvc exp apply {name} and dvc repro, or dvc pull)")
    return points, unreadable


def _read_point(
    files: RevisionFiles,
    experiment: Experiment,
    method: str,
    value: Value,
    settings: tuple[tuple[str, str], ...],
    score: Score,
) -> SweepPoint:
    """A method's scores on validation with every seed of an experiment, and what its trainings cost."""
    runs = run_names(method, experiment.params["seeds_of"][method])
    rows = [row for run in runs for row in files.parquet(PATHS.validation(run).as_posix())]
    return SweepPoint(
        method=method,
        value=value,
        settings=settings,
        experiment=experiment.name,
        examples=rows,
        scores={"scores": estimate_scores(rows, score)},
        trainings=[files.json(PATHS.training_run(run).as_posix()) for run in runs],
        forgetting=read_forgetting(files, runs, list(experiment.params.get("mixture", {}).get("tasks", {}))),
    )


def read_forgetting(files: RevisionFiles, runs: list[str], mixed_in: list[str]) -> dict[str, dict[str, float]]:
    """Reading -> mean -> percent right, over the runs; empty where an experiment did not ask these models.

    An experiment that ends before the stage `forgetting` has the answers of the commit that it started from.
    """
    for run in runs:
        tuned = PATHS.tuned_model(run).as_posix()
        if files.dependency_hashes(tuned).get(f"forgetting@{run}", "none") != files.output_hash(tuned):
            return {}
    measured = [files.json(PATHS.forgetting(run).as_posix())["accuracy"] for run in runs]
    found = {}
    for reading in measured[0]:
        by_task = {task: fmean(one[reading][task] for one in measured) for task in measured[0][reading]}
        means = means_over([task for task in by_task if task != "mean"], mixed_in)
        found[reading] = {name: in_percent(by_task, means)[name] for name in means}
    return found


def lookup(params: dict[str, Any], key: str) -> Value:
    """The value of a dotted key, a number or a text; of a mapping that has a name, the name."""
    value: Any = params
    for part in key.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    if isinstance(value, dict):
        value = value.get("name", value)
    return value if isinstance(value, str) or type(value) in (int, float) else json.dumps(value)


def relevant_settings(params: dict[str, Any], method: str, parameter: str) -> dict[str, str]:
    """Key -> value (JSON) of all that may move a method's scores, except the parameter itself."""
    others = {*MEASURED_LATER, "methods", "runs", "seeds_of", *methods.names()} - {method}
    values = {key: value for key, value in params.items() if key not in others}
    return {
        key: json.dumps(value)
        for key, value in flatten(values)
        if key != parameter and not key.startswith((f"{parameter}.", *CANNOT_MOVE_SCORES))
    }
