"""A system's scores: ROUGE and BLEU with intervals for the whole test set, and a row of columns for each dialogue."""

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.core import files
from pipeline.core.progress import progress
from pipeline.evaluation import diagnostics
from pipeline.evaluation.bootstrap import Estimate, shared_draws
from pipeline.evaluation.crossed import analyse, mean_score, pseudo_values
from pipeline.evaluation.evaluate_metrics import evaluate_metrics
from pipeline.evaluation.language_check import check_language
from pipeline.evaluation.metrics import FURTHER_COLUMNS, METRICS, Metric, Scorer
from pipeline.evaluation.predictions import Record, read_predictions, read_references
from pipeline.evaluation.seed_rows import split_by_seed
from pipeline.parameters.score import Score

MIN_DIALOGUES = 10  # without a near-duplicate in train: fewer get no scores of their own


@dataclass(frozen=True)
class SystemScores:
    """summary is what reports/scores/*.json holds, dialogues a row for each dialogue."""

    summary: dict[str, Any]
    dialogues: list[dict[str, Any]]

    def rounded(self) -> dict[str, float]:
        """Metric -> points with two digits, as `dvc metrics show` lists them."""
        return {name: round(score["mean"], 2) for name, score in self.summary["scores"].items()}


def score_file(
    predictions: Path, records: Path, score: Score, id_column: str = "id", prediction_column: str = "prediction"
) -> SystemScores:
    """Score a file of predictions that depend on no seed: `score_files` of it alone."""
    return score_files({None: predictions}, records, score, id_column, prediction_column)


def score_files(
    predictions: Mapping[int | None, Path],
    records: Path,
    score: Score,
    id_column: str = "id",
    prediction_column: str = "prediction",
) -> SystemScores:
    """Score the predictions of each seed against the references of `records`, print the scores and the warnings.

    predictions: seed -> file; a system that depends on no seed has one file, of None. Raises InputError where a row of
    a file is not as expected, or score.language does not read the references.
    """
    known = read_references(records)
    unread = check_language(all_references(known.values()), score.language, records)
    rows = {seed: read_predictions(path, known, id_column, prediction_column) for seed, path in predictions.items()}
    paths = [path.as_posix() for path in predictions.values()]
    scores = score_predictions(rows, known, score, f"score {', '.join(path.stem for path in predictions.values())}")
    scores.summary["warnings"] += unread
    scores = SystemScores({"predictions": paths, **scores.summary}, scores.dialogues)
    print(f"{', '.join(paths)}: {', '.join(f'{name} {points}' for name, points in scores.rounded().items())}")
    for warning in scores.summary["warnings"]:
        print(f"{', '.join(paths)}: WARNING: {warning}")
    return scores


def write_scores(scores: SystemScores, summary: Path, dialogues: Path, metrics: Path | None = None) -> None:
    """Write the summary (JSON), a row for each dialogue (Parquet) and the few scores that DVC shows (JSON)."""
    files.write_parquet(dialogues, scores.dialogues)
    files.write_json(summary, scores.summary)
    if metrics:
        files.write_json(metrics, scores.rounded())


def score_predictions(
    predictions: Mapping[int | None, list[dict[str, Any]]], records: dict[str, Record], score: Score, label: str
) -> SystemScores:
    """The scores of checked predictions, seed by seed in the records' order; label names them in the progress line."""
    scorer = Scorer(score.use_stemmer, score.language)
    texts = (text for record in records.values() for text in (record["dialogue"], *record["references"]))
    entities = diagnostics.find_entities(texts, score.language)
    rows = [(seed, row) for seed, each in predictions.items() for row in each]
    dialogues = []
    for seed, row in progress(rows, len(rows), label):
        record = records[row["id"]]
        columns = scorer.row(row["prediction"], record["references"])
        columns |= diagnostics.diagnose(row, record["dialogue"], record["references"], entities)
        dialogues.append({"id": row["id"], "seed": seed, "prediction": row["prediction"]} | columns)
    summary = summarize(dialogues, list(records.values()), scorer, score)
    pairs = [(row["prediction"], text) for _, row in rows for text in records[row["id"]]["references"]]
    return SystemScores(summary | {"evaluate": evaluate_metrics(score.evaluate, pairs)}, dialogues)


def summarize(dialogues: list[dict[str, Any]], records: list[Record], scorer: Scorer, score: Score) -> dict[str, Any]:
    """A system's scores with 95 % intervals, its diagnostics and its warnings, from its dialogues' columns.

    dialogues: the rows of every seed, each seed in the order of the records. Without columns of diagnostics (a
    baseline) there are no diagnostics and no warnings.
    """
    near = {record["id"] for record in records if record.get("near")}
    unlike_train = [row for row in dialogues if row["id"] not in near]
    summary: dict[str, Any] = {
        "dialogues": len(records),
        "scores": estimate_scores(dialogues, score),
        "by_seed": scores_by_seed(dialogues),
        "further": {name: statistics.fmean(row[name] for row in dialogues) for name in FURTHER_COLUMNS},
        "signature": scorer.signature([record["references"] for record in records]),
        "near_duplicates": len(near),  # dialogues that are much like one of train
    }
    if near and len(records) - len(near) >= MIN_DIALOGUES:
        scores = estimate_scores(unlike_train, score)
        summary["without_near_duplicates"] = {"dialogues": len(records) - len(near), "scores": scores}
    if "words" in dialogues[0]:
        summary["diagnostics"] = diagnostics.summarize(dialogues)
        summary["warnings"] = diagnostics.warnings(summary["diagnostics"], score.warn)
    return summary


def all_references(records: Iterable[Record]) -> list[str]:
    """Every reference of the records."""
    return [text for record in records for text in record["references"]]


def estimate_scores(dialogues: list[dict[str, Any]], score: Score) -> dict[str, dict[str, float]]:
    """Metric -> mean, low and high: the mean over seeds of the score of all dialogues, with its 95 % interval.

    With two seeds or more the interval is over seeds and dialogues; with one, by bootstrap over dialogues.
    """
    return {name: asdict(estimate(metric.matrix(dialogues), metric, score)) for name, metric in METRICS.items()}


def estimate(rows: np.ndarray, metric: Metric, score: Score) -> Estimate:
    """The score of (seeds, dialogues, columns) with its 95 % interval."""
    seeds, count, _ = rows.shape
    if seeds > 1 and count > 1:
        mean = mean_score(rows, metric.score)
        low, high = map(float, analyse(pseudo_values(rows, metric.score), mean).interval())
        return Estimate(mean, low, high)
    return shared_draws(count, score.resamples, score.seed).estimate(rows.mean(axis=0), metric.statistic(count))


def scores_by_seed(dialogues: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Seed -> metric -> points; empty for a system that depends on no seed."""
    return {
        str(seed): {name: mean_score(metric.matrix(rows), metric.score) for name, metric in METRICS.items()}
        for seed, rows in split_by_seed(dialogues).items()
        if isinstance(seed, int)
    }
