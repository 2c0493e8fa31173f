"""A system's scores: the metrics of its task with intervals for the whole test set, and a row for each example."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipeline.core import files
from pipeline.core.progress import progress
from pipeline.evaluation.crossed import mean_score
from pipeline.evaluation.estimates import estimate, remember_draws
from pipeline.evaluation.evaluate_metrics import evaluate_metrics
from pipeline.evaluation.language_check import check_language
from pipeline.evaluation.metrics import Metric
from pipeline.evaluation.predictions import Record, read_predictions, read_references
from pipeline.evaluation.seed_rows import split_by_seed
from pipeline.evaluation.tasks import KINDS, kind_of
from pipeline.evaluation.tasks.base import TaskScorer
from pipeline.parameters.score import Score
from pipeline.parameters.task import Task

MIN_EXAMPLES = 10  # without a near-duplicate in train: fewer get no scores of their own


@dataclass(frozen=True)
class SystemScores:
    """summary is what reports/scores/*.json holds, examples a row for each example."""

    summary: dict[str, Any]
    examples: list[dict[str, Any]]

    def rounded(self) -> dict[str, float]:
        """Metric -> points with two digits, as `dvc metrics show` lists them."""
        return {name: round(score["mean"], 2) for name, score in self.summary["scores"].items()}


def score_file(
    predictions: Path,
    records: Path,
    task: Task,
    score: Score,
    id_column: str = "id",
    prediction_column: str = "prediction",
) -> SystemScores:
    """Score a file of predictions against the references of `records`, print the scores and the warnings.

    Raises InputError where a row of either file is not as expected, or score.language does not read the references.
    """
    known = read_references(records, task.source)
    rows = read_predictions(predictions, known, id_column, prediction_column)
    return _score({None: rows}, known, records, task, score, predictions.as_posix())


def score_runs(predictions: dict[int | None, Path], records: Path, task: Task, score: Score, name: str) -> SystemScores:
    """Score the predictions of a method's runs, seed -> file; a method that depends on no seed has one, None.

    Raises InputError as `score_file` does.
    """
    known = read_references(records, task.source)
    rows = {seed: read_predictions(path, known) for seed, path in predictions.items()}
    return _score(rows, known, records, task, score, name)


def _score(
    predictions: dict[int | None, list[dict[str, Any]]],
    known: dict[str, Record],
    records: Path,
    task: Task,
    score: Score,
    name: str,
) -> SystemScores:
    unread = check_words(known.values(), task, score, records)
    scores = score_predictions(predictions, known, task, score, f"score {name}")
    scores.summary["warnings"] += unread
    print(f"{name}: {', '.join(f'{metric} {points}' for metric, points in scores.rounded().items())}")
    for warning in scores.summary["warnings"]:
        print(f"{name}: WARNING: {warning}")
    return scores


def check_words(records: Iterable[Record], task: Task, score: Score, where: Path) -> list[str]:
    """`check_language` of the references, where the task's metrics read words; labels are compared whole."""
    if not KINDS[task.kind].reads_words:
        return []
    return check_language([text for record in records for text in record["references"]], score.language, where)


def write_scores(scores: SystemScores, summary: Path, examples: Path, metrics: Path | None = None) -> None:
    """Write the summary (JSON), a row for each example (Parquet) and the few scores that DVC shows (JSON)."""
    files.write_parquet(examples, scores.examples)
    files.write_json(summary, scores.summary)
    if metrics:
        files.write_json(metrics, scores.rounded())


def task_scorer(task: Task, score: Score, records: Iterable[Record]) -> TaskScorer:
    """The scorer of the task's kind, for these records."""
    return KINDS[task.kind](score, task.source, list(records))


def score_predictions(
    predictions: dict[int | None, list[dict[str, Any]]],
    records: dict[str, Record],
    task: Task,
    score: Score,
    label: str,
) -> SystemScores:
    """The scores of checked predictions of each seed, in the records' order; label names them in the progress line."""
    every = list(records.values())
    scorer = task_scorer(task, score, every)
    examples = [
        {"seed": seed, **row}
        for seed, rows in predictions.items()
        for row in score_rows(rows, records, scorer, label if seed is None else f"{label}-{seed}")
    ]
    summary = summarize(examples, every, scorer) | scorer.summarize_faults(examples, every)
    each = [row for rows in predictions.values() for row in rows]
    pairs = [(row["prediction"], text) for row in each for text in records[row["id"]]["references"]]
    return SystemScores(summary | {"evaluate": evaluate_metrics(score.evaluate, pairs)}, examples)


def score_rows(
    predictions: list[dict[str, Any]], records: dict[str, Record], scorer: TaskScorer, label: str
) -> list[dict[str, Any]]:
    """A row of scores and diagnostics for each prediction."""
    return [
        {"id": row["id"], "prediction": row["prediction"]} | scorer.row(row, records[row["id"]])
        for row in progress(predictions, len(predictions), label)
    ]


def summarize(examples: list[dict[str, Any]], records: list[Record], scorer: TaskScorer) -> dict[str, Any]:
    """A system's scores with 95 % intervals, from the columns of its examples, those of one seed after the other."""
    near = {record["id"] for record in records if record.get("near")}
    unlike_train = [row for row in examples if row["id"] not in near]
    summary: dict[str, Any] = {
        "examples": len(records),
        "scores": estimate_scores(examples, scorer.score),
        "by_seed": points_by_seed(examples),
        "further": {name: statistics.fmean(row[name] for row in examples) for name in scorer.further},
        "signature": scorer.signature(records),
        "near_duplicates": len(near),  # examples that are much like one of train
    }
    if near and len(records) - len(near) >= MIN_EXAMPLES:
        scores = estimate_scores(unlike_train, scorer.score)
        summary["without_near_duplicates"] = {"examples": len(records) - len(near), "scores": scores}
    return summary


def first_seed(examples: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of the first seed: one for each example."""
    return list(next(iter(split_by_seed(examples).values())))


def points_by_seed(examples: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Seed -> metric -> points; empty for a system without seeds."""
    return {
        str(seed): {
            name: mean_score(metric.matrix(rows), metric.score) for name, metric in metrics_of(examples).items()
        }
        for seed, rows in split_by_seed(examples).items()
        if isinstance(seed, int)
    }


def estimate_scores(examples: list[dict[str, Any]], score: Score) -> dict[str, dict[str, float]]:
    """Metric -> mean, low and high: the mean over seeds of the score of all examples, with its 95 % interval.

    With two seeds or more the interval is over seeds and examples; with one, by bootstrap over examples.
    """
    metrics = metrics_of(examples)
    columns = {name: metric.matrix(examples) for name, metric in metrics.items()}
    remember_draws(columns.values(), score)
    return {name: asdict(estimate(columns[name], metric, score)) for name, metric in metrics.items()}


def metrics_of(examples: list[dict[str, Any]]) -> dict[str, Metric]:
    """The metrics whose columns the rows have."""
    return kind_of(examples[0]).metrics
