"""A user's table, row by row. Every InputError names the file, and the line, row or element."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pipeline.core.errors import InputError
from pipeline.tables.arrow import arrow_rows, parquet_rows
from pipeline.tables.content import DECOMPRESS, ending
from pipeline.tables.delimited import delimited_rows
from pipeline.tables.json_rows import json_rows

Row = tuple[str, dict[str, Any]]  # where it is, for messages, and its columns

READERS: dict[str, Callable[[Path], Iterator[Row]]] = {
    ".jsonl": json_rows,
    ".ndjson": json_rows,
    ".json": json_rows,
    ".csv": delimited_rows,
    ".tsv": delimited_rows,
    ".parquet": parquet_rows,
    ".arrow": arrow_rows,
    ".feather": arrow_rows,
}
WORKBOOK, ARCHIVE = "an Excel workbook; save the sheet as CSV in UTF-8", "an archive; unpack it"
NOT_READ = {
    **dict.fromkeys((".xlsx", ".xls", ".ods"), WORKBOOK),
    **dict.fromkeys((".zip", ".tar", ".tgz", ".7z", ".rar"), ARCHIVE),
    **dict.fromkeys((".pkl", ".pickle", ".pt"), "a pickle; never read, for it can run code: save it as Parquet"),
}


def rows(path: Path, delimiter: str | None = None) -> Iterator[Row]:
    """Each row of a file, compressed or not. `delimiter` is that of CSV; None finds it.

    Raises InputError if the file cannot be read or has no rows.
    """
    kind = ending(path)
    if path.is_dir():
        raise InputError(f"{path}: a folder, where a file is expected")
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    if kind in NOT_READ:
        raise InputError(f"{path}: this is {NOT_READ[kind]}")
    if kind not in READERS:
        raise InputError(
            f"{path}: unknown ending {kind!r}; expected one of {', '.join(READERS)}, also with {', '.join(DECOMPRESS)}"
        )
    empty = True
    reader = READERS[kind]
    for where, row in delimited_rows(path, delimiter) if reader is delimited_rows else reader(path):
        if not row:
            raise InputError(f"{where}: a row without columns")
        empty = False
        yield where, row
    if empty:
        raise InputError(f"{path}: the file holds no rows")
