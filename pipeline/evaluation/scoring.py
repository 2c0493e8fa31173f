"""A system's scores: ROUGE and BLEU with intervals for the whole test set, and a row of columns for each dialogue."""

import statistics
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.core import files
from pipeline.core.progress import progress
from pipeline.evaluation import diagnostics
from pipeline.evaluation.bootstrap import Estimate, shared_draws
from pipeline.evaluation.crossed import analyse, mean_score, pseudo_values
from pipeline.evaluation.diagnostic_warnings import warnings
from pipeline.evaluation.entities import Entities, find_entities
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
    """Score a file of predictions against the references of `records`, print the scores and the warnings.

    Raises InputError where a row of either file is not as expected, or score.language does not read the references.
    """
    known = read_references(records)
    rows = read_predictions(predictions, known, id_column, prediction_column)
    return _score({None: rows}, known, records, score, predictions.as_posix())


def score_runs(predictions: dict[int | None, Path], records: Path, score: Score, name: str) -> SystemScores:
    """Score the predictions of a method's runs, seed -> file; a method that depends on no seed has one, None.

    Raises InputError as `score_file` does.
    """
    known = read_references(records)
    rows = {seed: read_predictions(path, known) for seed, path in predictions.items()}
    return _score(rows, known, records, score, name)


def _score(
    predictions: dict[int | None, list[dict[str, Any]]],
    known: dict[str, Record],
    records: Path,
    score: Score,
    name: str,
) -> SystemScores:
    unread = check_language(all_references(known.values()), score.language, records)
    scores = score_predictions(predictions, known, score, f"score {name}")
    scores.summary["warnings"] += unread
    print(f"{name}: {', '.join(f'{metric} {points}' for metric, points in scores.rounded().items())}")
    for warning in scores.summary["warnings"]:
        print(f"{name}: WARNING: {warning}")
    return scores


def write_scores(scores: SystemScores, summary: Path, dialogues: Path, metrics: Path | None = None) -> None:
    """Write the summary (JSON), a row for each dialogue (Parquet) and the few scores that DVC shows (JSON)."""
    files.write_parquet(dialogues, scores.dialogues)
    files.write_json(summary, scores.summary)
    if metrics:
        files.write_json(metrics, scores.rounded())


def score_predictions(
    predictions: dict[int | None, list[dict[str, Any]]], records: dict[str, Record], score: Score, label: str
) -> SystemScores:
    """The scores of checked predictions of each seed, in the records' order; label names them in the progress line."""
    scorer, every = Scorer(score.use_stemmer, score.language), list(records.values())
    entities = find_entities(all_texts(every), score.language)
    dialogues = [
        {"seed": seed, **row}
        for seed, rows in predictions.items()
        for row in score_rows(rows, records, scorer, entities, label if seed is None else f"{label}-{seed}")
    ]
    summary = summarize(dialogues, every, scorer, score) | summarize_diagnostics(dialogues, every, entities, score)
    each = [row for rows in predictions.values() for row in rows]
    pairs = [(row["prediction"], text) for row in each for text in records[row["id"]]["references"]]
    return SystemScores(summary | {"evaluate": evaluate_metrics(score.evaluate, pairs)}, dialogues)


def score_rows(
    predictions: list[dict[str, Any]], records: dict[str, Record], scorer: Scorer, entities: Entities, label: str
) -> list[dict[str, Any]]:
    """A row of scores and diagnostics for each prediction."""
    dialogues = []
    for row in progress(predictions, len(predictions), label):
        record = records[row["id"]]
        columns = scorer.row(row["prediction"], record["references"])
        columns |= diagnostics.diagnose(row, record["dialogue"], record["references"], entities)
        dialogues.append({"id": row["id"], "prediction": row["prediction"]} | columns)
    return dialogues


def summarize(dialogues: list[dict[str, Any]], records: list[Record], scorer: Scorer, score: Score) -> dict[str, Any]:
    """A system's scores with 95 % intervals, from the columns of its dialogues, those of one seed after the other."""
    near = {record["id"] for record in records if record.get("near")}
    unlike_train = [row for row in dialogues if row["id"] not in near]
    summary: dict[str, Any] = {
        "dialogues": len(records),
        "scores": estimate_scores(dialogues, score),
        "by_seed": points_by_seed(dialogues),
        "further": {name: statistics.fmean(row[name] for row in dialogues) for name in FURTHER_COLUMNS},
        "signature": scorer.signature([record["references"] for record in records]),
        "near_duplicates": len(near),  # dialogues that are much like one of train
    }
    if near and len(records) - len(near) >= MIN_DIALOGUES:
        scores = estimate_scores(unlike_train, score)
        summary["without_near_duplicates"] = {"dialogues": len(records) - len(near), "scores": scores}
    return summary


def summarize_diagnostics(
    dialogues: list[dict[str, Any]], records: list[Record], entities: Entities, score: Score
) -> dict[str, Any]:
    """A system's diagnostics, those of the references of the same dialogues, and the warnings that follow."""
    own = diagnostics.summarize(dialogues)
    people = diagnostics.summarize(diagnostics.diagnose_references(records, entities))
    return {
        "diagnostics": own,
        "reference_diagnostics": people,
        "warnings": warnings(own, people, len(records), score.warn),
    }


def all_texts(records: Iterable[Record]) -> Iterator[str]:
    """The dialogues and the references of the records."""
    return (text for record in records for text in (record["dialogue"], *record["references"]))


def all_references(records: Iterable[Record]) -> list[str]:
    """Every reference of the records."""
    return [text for record in records for text in record["references"]]


def first_seed(dialogues: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of the first seed: one for each dialogue."""
    return next(iter(split_by_seed(dialogues).values()))


def points_by_seed(dialogues: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Seed -> metric -> points; empty for a system without seeds."""
    return {
        str(seed): {name: mean_score(metric.matrix(rows), metric.score) for name, metric in METRICS.items()}
        for seed, rows in split_by_seed(dialogues).items()
        if isinstance(seed, int)
    }


def estimate_scores(dialogues: list[dict[str, Any]], score: Score) -> dict[str, dict[str, float]]:
    """Metric -> mean, low and high: the mean over seeds of the score of all dialogues, with its 95 % interval.

    With two seeds or more the interval is over seeds and dialogues; with one, by bootstrap over dialogues.
    """
    return {name: asdict(estimate(metric.matrix(dialogues), metric, score)) for name, metric in METRICS.items()}


def estimate(rows: np.ndarray, metric: Metric, score: Score) -> Estimate:
    """The score of (seeds, dialogues, columns) with its 95 % interval, which ends where points do: at 0 and 100."""
    seeds, count, _ = rows.shape
    if seeds > 1 and count > 1:
        mean = mean_score(rows, metric.score)
        low, high = map(float, analyse(pseudo_values(rows, metric.score), mean).interval())
        return Estimate(mean, max(low, 0.0), min(high, 100.0))
    return shared_draws(count, score.resamples, score.seed).estimate(rows.mean(axis=0), metric.statistic(count))
