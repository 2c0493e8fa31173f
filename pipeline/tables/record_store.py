"""Records on disk while a stage works on them: of each, memory holds where it is and a hash of its fields."""

import hashlib
import json
import tempfile
from array import array
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.tables.records import Record, key_of

KEY = np.dtype("S32")  # SHA-256 of what two equal examples have in common


class RecordStore:
    """Records in a file without a name, which ends with the process. Use it in a `with` statement.

    folder: where there is room for a copy of the records. fields: those of a record that make it what it is.
    """

    def __init__(self, folder: Path, fields: Sequence[str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115, closed by __exit__
        self._starts = array("q")
        self._fields = fields

    def __enter__(self) -> "RecordStore":
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def add(self, records: Iterable[Record]) -> "Records":
        """Take records in; each is gone from memory before the next is asked for."""
        first, keys = len(self._starts), bytearray()
        position = self._file.seek(0, 2)
        for record in records:
            self._starts.append(position)
            position += self._file.write(json.dumps(record, ensure_ascii=False).encode() + b"\n")
            keys += hashlib.sha256(key_of(record, self._fields).encode()).digest()
        numbers = np.arange(first, len(self._starts))
        return Records(self, numbers, np.frombuffer(bytes(keys), dtype=KEY))

    def read(self, number: int) -> Record:
        self._file.seek(self._starts[number])
        record: Record = json.loads(self._file.readline())
        return record


class Records:
    """Some records of a store, in order. keys: the hash of each, by which equal examples are found."""

    def __init__(self, store: RecordStore, numbers: Any, keys: Any) -> None:
        self._store, self._numbers, self.keys = store, numbers, keys

    def __len__(self) -> int:
        return len(self._numbers)

    def __iter__(self) -> Iterator[Record]:
        return map(self._store.read, self._numbers.tolist())

    def select(self, chosen: Any) -> "Records":
        """Those that a mask, a slice or an array of their numbers chooses."""
        return Records(self._store, self._numbers[chosen], self.keys[chosen])
