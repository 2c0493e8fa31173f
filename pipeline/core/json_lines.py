"""The rows of a JSON Lines file by their number, of which only the asked one is in memory."""

import json
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pipeline.core import files


class JsonLines(Sequence[dict[str, Any]]):
    """A JSON Lines file that a stage wrote: 8 bytes of memory a line.

    Raises InputError where it is not there, or a line is not of the `shape` of a TypedDict.
    """

    def __init__(self, path: Path, shape: Any) -> None:
        files.refuse_missing(path)
        self._file = path.open("rb")
        self._starts = array("Q")
        position = 0
        for number, line in enumerate(self._file, start=1):
            files.check_shape(path, [files.parse_line(path, number, line)], list[shape], "line ", first=number)
            if not line.endswith(b"\n"):
                raise files.damaged(path, f"line {number} has no end")
            self._starts.append(position)
            position += len(line)
        if not self._starts:
            raise files.damaged(path, "empty")

    def __len__(self) -> int:
        return len(self._starts)

    def __getitem__(self, number: Any) -> Any:
        """The row of a number, or the rows of a slice as a list."""
        if isinstance(number, slice):
            return [self[one] for one in range(*number.indices(len(self)))]
        self._file.seek(self._starts[number])
        return json.loads(self._file.readline())

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """All rows in order, without a search for each; while they are read, no other may be asked for."""
        self._file.seek(0)
        return map(json.loads, self._file)

    def close(self) -> None:
        self._file.close()
