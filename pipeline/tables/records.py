"""A user's rows as records: one for each example, with several references where successive rows have one input."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.core import files
from pipeline.core.errors import InputError
from pipeline.core.messages import listed, shown
from pipeline.tables.examples import Columns, read_example
from pipeline.tables.rows import Row, rows
from pipeline.tables.values import parse_id

Record = dict[str, Any]  # id, fields, references
Counts = dict[str, Any]  # of what was read and left out


@dataclass(frozen=True)
class Layout:
    """How files hold the examples of a task. fields: of a record, in order; source: the one that columns.source has."""

    columns: Columns
    fields: tuple[str, ...]
    source: str
    id_column: str | None
    drop_empty: bool


def read_records(
    given: Iterable[Row], layout: Layout, name: str, counts: Counts, *, drop_duplicates: bool
) -> Iterator[Record]:
    """The records of rows, one by one. Fills `counts`, which are complete after the last.

    name: begins the ids of rows without one. Raises InputError for the first row that is not usable.
    """
    known: set[bytes] = set()
    ids: dict[str, str] = {}
    left_out: Counter[str] = Counter()
    last: bytes | None = None
    record: Record | None = None
    counts |= {"rows": 0, "grouped rows": 0, "dropped empty rows": 0, "duplicate examples": 0}
    for number, (where, row) in enumerate(given, start=1):
        counts["rows"] += 1
        example = read_example(row, layout.columns, where)
        left_out += example.left_out
        if example.empty:
            if not layout.drop_empty:
                raise InputError(f"{where}: {example.empty}; correct it or set data.drop_empty=true")
            counts["dropped empty rows"] += 1
            continue
        fields = {field: example.source if field == layout.source else example.fields[field] for field in layout.fields}
        key = hashlib.sha256(key_of(fields, layout.fields).encode()).digest()
        identity = _identity(row, layout.id_column, where) or f"{name}-{number}"
        if key == last and record:  # the hub's copy of DialogSum gives each of three references a row of its own
            ids.setdefault(identity, where)
            record["references"] += example.references
            counts["grouped rows"] += 1
            continue
        last = key
        if key in known:
            counts["duplicate examples"] += 1
            if drop_duplicates:
                last = None
                continue
        if identity in ids:
            raise InputError(f"{where}: id {shown(identity)} was already at {ids[identity]}")
        ids[identity] = where
        known.add(key)
        if record:
            yield record
        record = {"id": identity, **fields, "references": example.references}
    if record:
        yield record
    counts |= {f"{kind} left out": count for kind, count in left_out.items()}


def key_of(record: Record, fields: Iterable[str]) -> str:
    """What two equal examples have in common: the words of their fields."""
    return "\n".join(" ".join(record[field].split()) for field in fields)


def rows_of(paths: Iterable[Path], delimiter: str | None) -> Iterator[Row]:
    """The rows of files, one file after the other. Raises InputError where one cannot be read."""
    for path in paths:
        with files.explain_damaged_input(path):
            yield from rows(path, delimiter)


def chosen_rows(given: Iterable[Row], where: Mapping[str, object]) -> Iterator[Row]:
    """The rows that have these values. Raises InputError where one lacks such a column."""
    for place, row in given:
        if absent := [column for column in where if column not in row]:
            raise InputError(f"{place}: no column {absent[0]!r} (where); found {listed(row)}")
        if all(row[column] == value for column, value in where.items()):
            yield place, row


def _identity(row: dict[str, Any], column: str | None, where: str) -> str | None:
    if column is None:
        return None
    if column not in row:
        raise InputError(f"{where}: no column {column!r} (data.id_column); found {listed(row)}")
    return parse_id(row[column], f"id column {column!r}", where)
