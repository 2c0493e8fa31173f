"""A person's files: JSON Lines, CSV or Parquet, row by row, every refusal with its file and line."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

from pipeline.core.errors import InputError


def rows(path: Path) -> Iterator[tuple[str, dict]]:
    """(where, row) for each row of a JSON Lines, CSV or Parquet file, `where` for use in messages."""
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    readers = {".jsonl": located, ".ndjson": located, ".csv": _csv, ".parquet": _parquet}
    if path.suffix.lower() not in readers:
        raise InputError(f"{path}: unknown ending {path.suffix!r}; expected one of {', '.join(readers)}")
    found = False
    for found in readers[path.suffix.lower()](path):
        yield found
    if not found:
        raise InputError(f"{path}: the file holds no rows")


def _csv(path: Path) -> Iterator[tuple[str, dict]]:
    csv.field_size_limit(2**31 - 1)
    reader = csv.reader(io.StringIO(decoded(path), newline=""), strict=True)
    try:
        header = next(reader, [])
        if len(set(header)) < len(header):
            raise InputError(f"{path}:1: a column stands twice in the header: {', '.join(header)}")
        for line, cells in _numbered(reader):
            if len(cells) != len(header):
                raise InputError(f"{path}:{line}: {len(cells)} columns, where the header has {len(header)}")
            yield f"{path}:{line}", dict(zip(header, cells))
    except csv.Error as error:
        raise InputError(f"{path}:{reader.line_num}: not CSV: {error}") from None


def _numbered(reader) -> Iterator[tuple[int, list[str]]]:
    """Each record that is not an empty line, with the line it begins in."""
    begin = reader.line_num + 1
    for cells in reader:
        if cells:
            yield begin, cells
        begin = reader.line_num + 1


def _parquet(path: Path) -> Iterator[tuple[str, dict]]:
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.ParquetFile(path)
        for number, row in enumerate((row for batch in table.iter_batches() for row in batch.to_pylist()), start=1):
            yield f"{path} row {number}", row
    except (pyarrow.ArrowException, OSError) as error:
        raise InputError(f"{path}: not a readable Parquet file: {error}") from None


def decoded(path: Path) -> str:
    """A person's text file; Refused names the line that is not UTF-8."""
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    content = path.read_bytes()
    try:
        return content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise InputError(f"{path}:{line}: not UTF-8 (byte {content[error.start]:#04x}); save it as UTF-8") from None


def located(path: Path) -> Iterator[tuple[str, dict]]:
    """("file:line", row) for each line of a person's JSON Lines file; Refused names the first bad line."""
    for number, line in enumerate(decoded(path).split("\n"), start=1):
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
