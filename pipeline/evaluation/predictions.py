"""Reading predictions and the records they belong to. Anybody may have written them, so every row is checked."""

from pathlib import Path
from typing import Any

from pipeline.core import files
from pipeline.core.errors import InputError
from pipeline.core.messages import listed, shown
from pipeline.tables.json_rows import json_lines
from pipeline.tables.rows import rows
from pipeline.tables.values import PROGRAM_WORDS, is_encodable, is_nonempty_text, parse_id

Record = dict[str, Any]


def read_references(path: Path, source: str) -> dict[str, Record]:
    """The records of a test split by id; source: the field that outputs are about.

    Raises InputError with the line that is not a record.
    """
    with files.explain_damaged_input(path):
        return _read_references(path, source)


def _read_references(path: Path, source: str) -> dict[str, Record]:
    records: dict[str, Record] = {}
    for where, row in json_lines(path):
        if missing := [key for key in ("id", source, "references") if key not in row]:
            raise InputError(f"{where}: no {' nor '.join(missing)}; expected records as in data/records/test.jsonl")
        record_id, texts = parse_id(row["id"], "id", where), row["references"]
        if record_id in records:
            raise InputError(f"{where}: id {shown(record_id)} occurs twice")
        if not isinstance(texts, list) or not texts or not all(map(is_nonempty_text, texts)):
            raise InputError(f"{where}: references is {shown(texts)}, expected a list of one or more texts")
        if not is_nonempty_text(row[source]):
            raise InputError(f"{where}: {source} is {shown(row[source])}, expected text")
        records[record_id] = row
    if not records:
        raise InputError(f"{path}: the file holds no rows")
    return records


def read_predictions(
    path: Path, records: dict[str, Record], id_column: str = "id", prediction_column: str = "prediction"
) -> list[dict[str, Any]]:
    """One row with `id` and `prediction` for each record, in the records' order.

    The file is of any format of pipeline/tables/rows.py; further columns are kept. Raises InputError with the row that
    is wrong and what was expected.
    """
    with files.explain_damaged_input(path):
        return _read_predictions(path, records, id_column, prediction_column)


def _read_predictions(
    path: Path, records: dict[str, Record], id_column: str, prediction_column: str
) -> list[dict[str, Any]]:
    predictions: dict[str, dict[str, Any]] = {}
    seen_at: dict[str, str] = {}
    for where, row in rows(path):
        if missing := [column for column in (id_column, prediction_column) if column not in row]:
            raise InputError(f"{where}: no column {' nor '.join(missing)}; found {listed(row)}")
        record_id, text = parse_id(row[id_column], id_column, where), row[prediction_column]
        if not isinstance(text, str) or not is_encodable(text):
            raise InputError(f"{where}: {prediction_column} is {shown(text)}, expected text")
        if record_id not in records and record_id.removesuffix(".0") in records:
            record_id = record_id.removesuffix(".0")  # pandas writes whole numbers so beside an empty cell
        if record_id not in records:
            raise InputError(
                f"{where}: {id_column} {shown(record_id)} is none of the {len(records)} examples with references"
            )
        if record_id in seen_at:
            raise InputError(f"{where}: {id_column} {shown(record_id)} was already at {seen_at[record_id]}")
        seen_at[record_id] = where
        predictions[record_id] = {**row, "id": record_id, "prediction": text}
        if not isinstance(row.get("ended", True), bool):  # a column of that name with another meaning
            del predictions[record_id]["ended"]
    _check_complete(path, predictions, records)
    _warn_of_missing_words(path, predictions, seen_at)
    return [predictions[record_id] for record_id in records]


def _warn_of_missing_words(path: Path, predictions: dict[str, dict[str, Any]], seen_at: dict[str, str]) -> None:
    """A model may write "None", so it is scored; more often a program wrote it where there was no prediction."""
    if words := [key for key, row in predictions.items() if row["prediction"].strip().lower() in PROGRAM_WORDS]:
        word = shown(predictions[words[0]]["prediction"])
        print(
            f"{path}: WARNING: {len(words)} of {len(predictions)} predictions are a word for a missing value and "
            f"scored as text, first {word} at {seen_at[words[0]]}"
        )


def _check_complete(path: Path, predictions: dict[str, dict[str, Any]], records: dict[str, Record]) -> None:
    if missing := [record_id for record_id in records if record_id not in predictions]:
        raise InputError(
            f"{path}: no prediction for {len(missing)} of {len(records)} examples, first {shown(missing[0])}"
        )
    if not any(row["prediction"].strip() for row in predictions.values()):
        raise InputError(f"{path}: every one of {len(predictions)} predictions is empty")
