"""Score a file of predictions by hand, outside the pipeline.

    python -m pipeline score_file PREDICTIONS RECORDS SCORES DIALOGUES --id-column ID --prediction-column TEXT

PREDICTIONS has an id and a prediction on every row (formats: docs/data.md); RECORDS holds the dialogues and
references of the same ids (data/records/test.jsonl). SCORES (JSON) gets every score with its signature, DIALOGUES
(Parquet) the scores of each dialogue.
"""

from pathlib import Path

from pipeline.core.cli import run_stage
from pipeline.evaluation import scoring
from pipeline.parameters.score import Score


def run(
    predictions: Path,
    records: Path,
    scores: Path,
    dialogues: Path,
    *,
    score: Score,
    id_column: str = "id",
    prediction_column: str = "prediction",
) -> None:
    scored = scoring.score_file(predictions, records, score, id_column, prediction_column)
    scoring.write_scores(scored, scores, dialogues)


if __name__ == "__main__":
    run_stage(run)
