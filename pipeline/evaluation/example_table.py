"""A per-example table as its Parquet file has it, column by column: far smaller than a dictionary for each row."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np

from pipeline.core import files
from pipeline.core.messages import first_line

Row = dict[str, Any]
AT_ONCE = 1000  # rows that are made at once where all are gone through


class ExampleTable(Sequence[Row]):
    """Rows that are made when they are asked for. table: a pyarrow.Table."""

    def __init__(self, table: Any) -> None:
        self._table = table

    def __len__(self) -> int:
        return int(self._table.num_rows)

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> "ExampleTable": ...
    def __getitem__(self, index: int | slice) -> "Row | ExampleTable":
        if isinstance(index, slice):
            return ExampleTable(self._table.take(list(range(len(self))[index])))
        return self._table.slice(range(len(self))[index], 1).to_pylist()[0]

    def __iter__(self) -> Iterator[Row]:
        for batch in self._table.to_batches(max_chunksize=AT_ONCE):
            yield from batch.to_pylist()

    def has(self, column: str) -> bool:
        """Whether there is a column of that name."""
        return column in self._table.column_names

    def values(self, column: str) -> list[Any]:
        """A column as Python's objects."""
        return self._table[column].to_pylist()

    def numbers(self, columns: Sequence[str]) -> np.ndarray:
        """(rows, columns): columns that hold numbers; None is nan."""
        return np.stack([self._table[column].to_numpy().astype(np.float64) for column in columns], axis=1)

    def where(self, chosen: Sequence[bool]) -> "ExampleTable":
        """The rows that are chosen."""
        import pyarrow

        return ExampleTable(self._table.filter(pyarrow.array(chosen, pyarrow.bool_())))


def read_examples(path: Path, shape: Any, without: Sequence[str] = ()) -> ExampleTable:
    """The rows of a Parquet file that a stage wrote, each checked to be of the `shape` of a TypedDict.

    without: columns that are not kept. Raises InputError as `files.read_parquet` does.
    """
    import pyarrow
    import pyarrow.parquet

    files.refuse_missing(path)
    kept, first = [], 1
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(AT_ONCE):
                files.check_shape(path, batch.to_pylist(), list[shape], "row ", first)
                kept.append(batch.drop_columns([name for name in without if name in batch.schema.names]))
                first += len(batch)
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise files.damaged(path, f"not a readable Parquet file: {first_line(error)}") from None
    if not kept:
        raise files.damaged(path, "no rows")
    return ExampleTable(pyarrow.Table.from_batches(kept))
