"""The records of a file by their number, of which only the asked one is in memory."""

import json
from array import array
from pathlib import Path
from typing import Any

from pipeline.core.files import missing


class RecordFile:
    """A JSON Lines file that a stage wrote: 8 bytes of memory a line."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            raise missing(path)
        self._file = path.open("rb")
        self._starts = array("Q")
        position = 0
        for line in self._file:
            self._starts.append(position)
            position += len(line)

    def __len__(self) -> int:
        return len(self._starts)

    def __getitem__(self, number: int) -> dict[str, Any]:
        self._file.seek(self._starts[number])
        record: dict[str, Any] = json.loads(self._file.readline())
        return record

    def close(self) -> None:
        self._file.close()
