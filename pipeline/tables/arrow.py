"""Parquet and Arrow files, row by row."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pipeline.core.errors import InputError
from pipeline.core.messages import first_line, listed
from pipeline.tables.content import DECOMPRESS, read_bytes, refuse_mistaken

Row = tuple[str, dict[str, Any]]  # where it is, for messages, and its columns
PARQUET = b"PAR1"
AT_A_TIME = 1000  # rows that are in memory together
ARROW = b"ARROW1"  # of Arrow's file format and of Feather; its stream format has no such beginning


def parquet_rows(path: Path) -> Iterator[Row]:
    """Each row of a Parquet file."""
    import pyarrow.parquet

    try:
        file = pyarrow.parquet.ParquetFile(_open(path, PARQUET)[0])
        yield from _numbered(path, file.schema_arrow.names, file.iter_batches(AT_A_TIME))
    except (pyarrow.ArrowException, OSError) as error:
        raise InputError(f"{path}: not a readable Parquet file: {first_line(error)}") from None


def arrow_rows(path: Path) -> Iterator[Row]:
    """Each row of an Arrow or Feather file, or of a stream as `datasets` writes it."""
    import pyarrow.ipc

    try:
        source, start = _open(path, ARROW)
        if start.startswith(ARROW):
            file = pyarrow.ipc.open_file(source)
            batches: Iterable[Any] = map(file.get_batch, range(file.num_record_batches))
            yield from _numbered(path, file.schema.names, batches)
        else:
            stream = pyarrow.ipc.open_stream(source)
            yield from _numbered(path, stream.schema.names, stream)
    except (pyarrow.ArrowException, OSError) as error:
        raise InputError(f"{path}: not a readable Arrow file: {first_line(error)}") from None


def _open(path: Path, magic: bytes) -> tuple[Any, bytes]:
    """A file for pyarrow, not read into memory unless it is compressed, and how it begins."""
    import pyarrow

    if path.suffix.lower() in DECOMPRESS:
        content = read_bytes(path)
        source, start = pyarrow.BufferReader(content), content[:64]
    else:
        with path.open("rb") as file:
            start = file.read(64)
        source = pyarrow.memory_map(str(path)) if start else pyarrow.BufferReader(b"")
    if not start.startswith(magic):
        refuse_mistaken(path, start)
    return source, start


def _numbered(path: Path, names: list[str], batches: Iterable[Any]) -> Iterator[Row]:
    if len(set(names)) < len(names):
        raise InputError(f"{path}: a column is there twice: {listed(names)}")
    number = 0
    parts = (whole.slice(at, AT_A_TIME) for whole in batches for at in range(0, whole.num_rows, AT_A_TIME))
    for batch in parts:
        try:
            rows = batch.to_pylist()
        except (UnicodeDecodeError, ValueError, OverflowError) as error:  # a text not in UTF-8, a date after 9999
            span = f"rows {number + 1} to {number + batch.num_rows}"
            raise InputError(f"{path} {span}: a value cannot be read: {first_line(error)}") from None
        for row in rows:
            number += 1
            yield f"{path} row {number}", row
