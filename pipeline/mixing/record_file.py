"""The records of a file by their number, of which only the asked one is in memory."""

import json
from array import array
from pathlib import Path
from typing import Any

from pipeline.core import files


class RecordFile:
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

    def __getitem__(self, number: int) -> dict[str, Any]:
        self._file.seek(self._starts[number])
        record: dict[str, Any] = json.loads(self._file.readline())
        return record

    def close(self) -> None:
        self._file.close()
