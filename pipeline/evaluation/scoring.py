"""A system's scores: ROUGE and BLEU with intervals for the whole test set, and a row of columns for each dialogue."""

import statistics
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipeline.core import files
from pipeline.core.progress import progress
from pipeline.evaluation import diagnostics
from pipeline.evaluation.bootstrap import PairedResampling
from pipeline.evaluation.diagnostic_warnings import warnings
from pipeline.evaluation.entities import find_entities
from pipeline.evaluation.evaluate_metrics import evaluate_metrics
from pipeline.evaluation.language_check import check_language
from pipeline.evaluation.metrics import FURTHER_COLUMNS, METRICS, Scorer
from pipeline.evaluation.predictions import Record, read_predictions, read_references
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
    unread = check_language(all_references(known.values()), score.language, records)
    rows = read_predictions(predictions, known, id_column, prediction_column)
    scores = score_predictions(rows, known, score, f"score {predictions.stem}")
    scores.summary["warnings"] += unread
    scores = SystemScores({"predictions": predictions.as_posix(), **scores.summary}, scores.dialogues)
    print(f"{predictions}: {', '.join(f'{name} {points}' for name, points in scores.rounded().items())}")
    for warning in scores.summary["warnings"]:
        print(f"{predictions}: WARNING: {warning}")
    return scores


def write_scores(scores: SystemScores, summary: Path, dialogues: Path, metrics: Path | None = None) -> None:
    """Write the summary (JSON), a row for each dialogue (Parquet) and the few scores that DVC shows (JSON)."""
    files.write_parquet(dialogues, scores.dialogues)
    files.write_json(summary, scores.summary)
    if metrics:
        files.write_json(metrics, scores.rounded())


def score_predictions(
    predictions: list[dict[str, Any]], records: dict[str, Record], score: Score, label: str
) -> SystemScores:
    """The scores of checked predictions, in the records' order; label names them in the progress line."""
    scorer = Scorer(score.use_stemmer, score.language)
    entities = find_entities(all_texts(records.values()), score.language)
    dialogues = []
    for row in progress(predictions, len(predictions), label):
        record = records[row["id"]]
        columns = scorer.row(row["prediction"], record["references"])
        columns |= diagnostics.diagnose(row, record["dialogue"], record["references"], entities)
        dialogues.append({"id": row["id"], "prediction": row["prediction"]} | columns)
    summary = summarize(dialogues, list(records.values()), scorer, score)
    pairs = [(row["prediction"], text) for row in predictions for text in records[row["id"]]["references"]]
    return SystemScores(summary | {"evaluate": evaluate_metrics(score.evaluate, pairs)}, dialogues)


def summarize(dialogues: list[dict[str, Any]], records: list[Record], scorer: Scorer, score: Score) -> dict[str, Any]:
    """A system's scores with 95 % intervals, its diagnostics and its warnings, from its dialogues' columns.

    Without columns of diagnostics (a baseline) there are no diagnostics and no warnings.
    """
    unlike_train = [row for row, record in zip(dialogues, records) if not record.get("near")]
    summary: dict[str, Any] = {
        "dialogues": len(dialogues),
        "scores": estimate_scores(dialogues, score),
        "further": {name: statistics.fmean(row[name] for row in dialogues) for name in FURTHER_COLUMNS},
        "signature": scorer.signature([record["references"] for record in records]),
        "near_duplicates": len(dialogues) - len(unlike_train),  # dialogues that are much like one of train
    }
    if summary["near_duplicates"] and len(unlike_train) >= MIN_DIALOGUES:
        scores = estimate_scores(unlike_train, score)
        summary["without_near_duplicates"] = {"dialogues": len(unlike_train), "scores": scores}
    if "words" in dialogues[0]:
        summary |= summarize_diagnostics(dialogues, records, score)
    return summary


def summarize_diagnostics(dialogues: list[dict[str, Any]], records: list[Record], score: Score) -> dict[str, Any]:
    """A system's diagnostics, those of the references of the same dialogues, and the warnings that follow."""
    entities = find_entities(all_texts(records), score.language)
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


def estimate_scores(dialogues: list[dict[str, Any]], score: Score) -> dict[str, dict[str, float]]:
    """Metric -> mean, low and high: the score of all dialogues and its 95 % bootstrap interval."""
    resampling = PairedResampling.draw(len(dialogues), score.resamples, score.seed)
    return {
        name: asdict(resampling.estimate(metric.matrix(dialogues), metric.statistic(len(dialogues))))
        for name, metric in METRICS.items()
    }
