"""The tokens of examples on disk, in Arrow's own format: memory-mapped, so that reading one takes no other's memory.

All processes of a machine share the mapped pages. Parquet cannot be mapped: it is compressed.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.core import files
from pipeline.core.messages import first_line

AT_A_TIME = 1000  # examples of a record batch
COLUMNS = ("input_ids", "labels")

Example = dict[str, list[int]]  # input_ids and labels


def write_tokens(path: Path, examples: Iterable[dict[str, Any]]) -> None:
    """Write the input_ids and labels of examples, and their ids where they have any, some at a time."""
    import pyarrow

    tokens = pyarrow.list_(pyarrow.int32())
    schema = pyarrow.schema([("id", pyarrow.string()), *((column, tokens) for column in COLUMNS)])
    left = iter(examples)
    with files.removed_on_failure(path), pyarrow.ipc.new_file(path, schema) as file:
        while some := list(itertools.islice(left, AT_A_TIME)):
            file.write_batch(pyarrow.RecordBatch.from_pylist(some, schema))


class TokenFile(Sequence[Example]):
    """The examples of a file that `write_tokens` wrote. Raises InputError where it is not there, or not whole."""

    def __init__(self, path: Path) -> None:
        import pyarrow

        files.refuse_missing(path)
        try:
            file = pyarrow.ipc.open_file(pyarrow.memory_map(str(path)))
            batches = [file.get_batch(number) for number in range(file.num_record_batches)]
        except (pyarrow.ArrowException, OSError, ValueError) as error:
            raise files.damaged(path, f"not a readable Arrow file: {first_line(error)}") from None
        for column in COLUMNS:
            if column not in file.schema.names or file.schema.field(column).type != pyarrow.list_(pyarrow.int32()):
                raise files.damaged(path, f"no column {column!r} of tokens")
        self._ends = np.cumsum([batch.num_rows for batch in batches])
        if not len(self._ends) or not self._ends[-1]:
            raise files.damaged(path, "no rows")
        self._columns = {
            column: [(_numbers(batch[column].offsets), _numbers(batch[column].values)) for batch in batches]
            for column in COLUMNS
        }

    def __len__(self) -> int:
        return int(self._ends[-1])

    def __getitem__(self, number: Any) -> Any:
        """The example of a number, or the examples of a slice as a list."""
        if isinstance(number, slice):
            return [self[one] for one in range(*number.indices(len(self)))]
        number = range(len(self))[number]  # IndexError beyond the end
        batch = int(np.searchsorted(self._ends, number, side="right"))
        row = number - (int(self._ends[batch - 1]) if batch else 0)
        return {column: _row(*batches[batch], row) for column, batches in self._columns.items()}

    def outlines(self) -> Iterator[dict[str, Any]]:
        """Each example with ranges of the same lengths in place of its tokens, of which none is read."""
        lengths = (self.lengths(column) for column in COLUMNS)
        return (dict(zip(COLUMNS, map(range, each))) for each in zip(*lengths))

    def lengths(self, column: str = "input_ids") -> list[int]:
        """Tokens of each example."""
        found: list[int] = np.concatenate([np.diff(offsets) for offsets, _ in self._columns[column]]).tolist()
        return found


class Reordered(Sequence[Example]):
    """Examples in another order, without a copy of any."""

    def __init__(self, examples: Sequence[Example], order: Sequence[int]) -> None:
        self._examples, self._order = examples, order

    def __len__(self) -> int:
        return len(self._order)

    def __getitem__(self, number: Any) -> Any:
        """The example of a number, or the examples of a slice as a list."""
        if isinstance(number, slice):
            return [self._examples[one] for one in self._order[number]]
        return self._examples[self._order[number]]


def input_lengths(examples: Sequence[Example]) -> list[int]:
    """Tokens of each example's input, in memory or in a file."""
    return examples.lengths() if isinstance(examples, TokenFile) else [len(one["input_ids"]) for one in examples]


def longest_first(examples: Sequence[Example]) -> Reordered:
    """The examples by the length of their inputs; of equal ones in their order."""
    lengths = input_lengths(examples)
    return Reordered(examples, sorted(range(len(examples)), key=lengths.__getitem__, reverse=True))


def _numbers(array: Any) -> Any:
    return array.to_numpy(zero_copy_only=True)


def _row(offsets: Any, values: Any, row: int) -> list[int]:
    found: list[int] = values[offsets[row] : offsets[row + 1]].tolist()
    return found
