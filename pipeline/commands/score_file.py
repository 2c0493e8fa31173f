r"""Score a file of predictions by hand, outside the pipeline.

    python -m pipeline score_file PREDICTIONS RECORDS SCORES EXAMPLES --id-column ID --prediction-column TEXT \
        --language CODE

PREDICTIONS has an id and a prediction on every row (formats: docs/data.md); RECORDS holds the examples and
references of the same ids (data/records/test.jsonl). SCORES (JSON) gets every score with its signature, EXAMPLES
(Parquet) the scores of each example. Without a language it is score.language of params.yaml.
"""

from dataclasses import replace
from pathlib import Path

from pipeline.core.cli import run_stage
from pipeline.core.errors import InputError
from pipeline.evaluation import scoring
from pipeline.parameters.languages import parse_language
from pipeline.parameters.score import Score
from pipeline.parameters.task import Task


def run(
    predictions: Path,
    records: Path,
    scores: Path,
    examples: Path,
    *,
    task: Task,
    score: Score,
    id_column: str = "id",
    prediction_column: str = "prediction",
    language: str = "",
) -> None:
    if language:
        score = replace(score, language=known_language(language))
    scored = scoring.score_file(predictions, records, task, score, id_column, prediction_column)
    scoring.write_scores(scored, scores, examples)


def known_language(tag: str) -> str:
    """The code of a language. Raises InputError for a text that is no known code."""
    try:
        return str(parse_language(tag))
    except ValueError as error:
        raise InputError(f"--language: {error}") from None


if __name__ == "__main__":
    run_stage(run)
