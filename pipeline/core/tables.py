"""Reading a user's files (JSON Lines, CSV, Parquet) row by row. Every InputError names the file and the line."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.core.errors import InputError

Row = tuple[str, dict[str, Any]]  # where it is, for messages, and its columns


def rows(path: Path) -> Iterator[Row]:
    """Each row of a JSON Lines, CSV or Parquet file. Raises InputError if the file cannot be read or has no rows."""
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    readers = {".jsonl": numbered_rows, ".ndjson": numbered_rows, ".csv": _csv_rows, ".parquet": _parquet_rows}
    if path.suffix.lower() not in readers:
        raise InputError(f"{path}: unknown ending {path.suffix!r}; expected one of {', '.join(readers)}")
    empty = True
    for row in readers[path.suffix.lower()](path):
        empty = False
        yield row
    if empty:
        raise InputError(f"{path}: the file holds no rows")


def numbered_rows(path: Path) -> Iterator[Row]:
    """Each row of a JSON Lines file. Raises InputError for the first line that is not a JSON object."""
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise InputError(f"{where}: not JSON: {error.msg} at column {error.colno}") from None
        except ValueError as error:  # a number of thousands of digits
            raise InputError(f"{where}: not JSON: {error}") from None
        except RecursionError:
            raise InputError(f"{where}: JSON nested too deep") from None
        if not isinstance(row, dict):
            raise InputError(f"{where}: expected one JSON object a line, found {type(row).__name__}")
        yield where, row


def read_text(path: Path) -> str:
    """A text file without its byte order mark. Raises InputError with the line that is not UTF-8."""
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    content = path.read_bytes()
    try:
        return content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise InputError(f"{path}:{line}: not UTF-8 (byte {content[error.start]:#04x}); save it as UTF-8") from None


def _csv_rows(path: Path) -> Iterator[Row]:
    csv.field_size_limit(2**31 - 1)
    reader = csv.reader(io.StringIO(read_text(path), newline=""), strict=True)
    try:
        header = next(reader, [])
        if len(set(header)) < len(header):
            raise InputError(f"{path}:1: the header names a column twice: {', '.join(header)}")
        begin = reader.line_num + 1
        for cells in reader:
            if cells and len(cells) != len(header):
                raise InputError(f"{path}:{begin}: {len(cells)} columns, where the header has {len(header)}")
            if cells:  # not an empty line
                yield f"{path}:{begin}", dict(zip(header, cells))
            begin = reader.line_num + 1
    except csv.Error as error:
        raise InputError(f"{path}:{reader.line_num}: not CSV: {error}") from None


def _parquet_rows(path: Path) -> Iterator[Row]:
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.ParquetFile(path)
        for number, row in enumerate((row for batch in table.iter_batches() for row in batch.to_pylist()), start=1):
            yield f"{path} row {number}", row
    except (pyarrow.ArrowException, OSError) as error:
        raise InputError(f"{path}: not a readable Parquet file: {error}") from None
