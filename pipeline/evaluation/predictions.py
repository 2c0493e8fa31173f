"""Reading predictions and the records they belong to. Anybody may have written them, so every row is checked."""

from pathlib import Path
from typing import Any

from pipeline.core import tables
from pipeline.core.errors import InputError

Record = dict[str, Any]


def read_references(path: Path) -> dict[str, Record]:
    """The records of a test split by id. Raises InputError with the line that is not a record."""
    records: dict[str, Record] = {}
    for where, row in tables.numbered_rows(path):
        if missing := [key for key in ("id", "dialogue", "references") if key not in row]:
            raise InputError(f"{where}: no {' nor '.join(missing)}; expected records as in data/records/test.jsonl")
        record_id, texts = parse_id(row["id"], "id", where), row["references"]
        if record_id in records:
            raise InputError(f"{where}: id {record_id!r} occurs twice")
        if not isinstance(texts, list) or not texts or not all(map(is_nonempty_text, texts)):
            raise InputError(f"{where}: references is {texts!r}, expected a list of one or more texts")
        if not is_nonempty_text(row["dialogue"]):
            raise InputError(f"{where}: dialogue is {row['dialogue']!r}, expected text")
        records[record_id] = row
    if not records:
        raise InputError(f"{path}: the file holds no rows")
    return records


def read_predictions(
    path: Path, records: dict[str, Record], id_column: str = "id", prediction_column: str = "prediction"
) -> list[dict[str, Any]]:
    """One row with `id` and `prediction` for each record, in the records' order.

    The file is JSON Lines, CSV or Parquet; further columns are kept. Raises InputError with the row that is wrong and
    what was expected.
    """
    predictions: dict[str, dict[str, Any]] = {}
    seen_at: dict[str, str] = {}
    for where, row in tables.rows(path):
        if missing := [column for column in (id_column, prediction_column) if column not in row]:
            raise InputError(f"{where}: no column {' nor '.join(missing)}; found {', '.join(row)}")
        record_id, text = parse_id(row[id_column], id_column, where), row[prediction_column]
        if not isinstance(text, str) or not is_encodable(text):
            raise InputError(f"{where}: {prediction_column} is {text!r}, expected text")
        if record_id not in records:
            raise InputError(
                f"{where}: {id_column} {record_id!r} is none of the {len(records)} dialogues with references"
            )
        if record_id in seen_at:
            raise InputError(f"{where}: {id_column} {record_id!r} was already at {seen_at[record_id]}")
        seen_at[record_id] = where
        predictions[record_id] = {**row, "id": record_id, "prediction": text}
    _check_complete(path, predictions, records)
    return [predictions[record_id] for record_id in records]


def _check_complete(path: Path, predictions: dict[str, dict[str, Any]], records: dict[str, Record]) -> None:
    if missing := [record_id for record_id in records if record_id not in predictions]:
        raise InputError(f"{path}: no prediction for {len(missing)} of {len(records)} dialogues, first {missing[0]!r}")
    if not any(row["prediction"].strip() for row in predictions.values()):
        raise InputError(f"{path}: every one of {len(predictions)} predictions is empty")


def parse_id(value: object, column: str, where: str) -> str:
    """An id as text. Raises InputError where it is neither text nor an integer."""
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise InputError(f"{where}: {column} is {value!r}, expected text or a number")
    return str(value)


def is_nonempty_text(value: object) -> bool:
    """Whether this is a text with more than white space in it."""
    return isinstance(value, str) and bool(value.strip()) and is_encodable(value)


def is_encodable(text: str) -> bool:
    """Whether a text can be written as UTF-8: it can't with half of a surrogate pair in it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
