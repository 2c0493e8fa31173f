"""The files that flow between stages: an id on every row, in a stable order, ids kept from data to report."""

import json
from collections.abc import Iterable
from pathlib import Path

SPLITS = ("train", "validation", "test")


def read(path: Path) -> list[dict]:
    """The rows of a JSON Lines file that a stage wrote."""
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def write(path: Path, rows: Iterable[dict]) -> None:
    """Rows to JSON Lines; the same rows give the same bytes. ValueError on NaN."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="\n") as lines:
        lines.writelines(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows)


def write_json(path: Path, content: dict) -> None:
    """One indented JSON object to a file, for a person and for `git diff`. ValueError on NaN."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def write_table(path: Path, rows: list[dict]) -> None:
    """Rows to Parquet; the same rows give the same bytes."""
    import pyarrow
    import pyarrow.parquet

    path.parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)


def read_table(path: Path) -> list[dict]:
    """The rows of `write_table`."""
    import pyarrow.parquet

    return pyarrow.parquet.read_table(path).to_pylist()


def write_tokens(path: Path, examples: list[dict]) -> None:
    """Token ids to Parquet: id, input_ids, labels."""
    write_table(path, [{key: example[key] for key in ("id", "input_ids", "labels")} for example in examples])


def read_tokens(path: Path) -> list[dict]:
    """input_ids and labels of `write_tokens`, as a collator wants them."""
    import pyarrow.parquet

    return pyarrow.parquet.read_table(path, columns=["input_ids", "labels"]).to_pylist()
