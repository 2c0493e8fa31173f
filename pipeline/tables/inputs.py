"""Inputs to be answered, one by one: from a table, a text file or standard input, with where each is.

A row is read when it is asked for, so a file of any size takes no memory; only a JSON file that is a single object is
read whole.
"""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from pipeline.core.errors import InputError
from pipeline.tables.content import ending
from pipeline.tables.examples import Columns, read_input
from pipeline.tables.json_rows import line_row
from pipeline.tables.rows import rows
from pipeline.tables.values import parse_id

STDIN = Path("-")
LINES = (".jsonl", ".ndjson")


@dataclass(frozen=True)
class Input:
    """fields: of the task, by name. bad: why it cannot be answered; empty where it can."""

    where: str
    id: str
    fields: dict[str, str]
    bad: str = ""


def read_inputs(path: Path, columns: Columns, source: str, id_column: str | None) -> Iterator[Input]:
    """The inputs of a file, or of standard input (`-`), in order.

    columns: those of the task. source: the name of its field that columns.source holds. A column may also be called as
    the field is. Without `id_column`, and without a column `id`, an id is the number of the row. Raises InputError
    where the file cannot be read at all; what is wrong with one of its rows is in the row's `bad`.
    """
    if path == STDIN:
        yield from _of_stream(sys.stdin, "standard input", columns, source, id_column)
    elif path.suffix.lower() in LINES or path.suffix.lower() == ".txt":
        try:
            with path.open(encoding="utf-8-sig") as stream:
                yield from _of_stream(stream, str(path), columns, source, id_column)
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not UTF-8; save it as UTF-8"
            raise InputError(f"{path}: {reason}") from None
    else:
        if ending(path) == ".txt":
            raise InputError(f"{path}: a compressed text file; unpack it")
        for number, (where, row) in enumerate(rows(path), start=1):
            yield _of_row(row, number, where, columns, source, id_column)


def _of_stream(stream: TextIO, name: str, columns: Columns, source: str, id_column: str | None) -> Iterator[Input]:
    """Lines of JSON where the first begins as an object; otherwise texts, with an empty line between two."""
    lines = enumerate(stream, start=1)
    first = next(((number, line) for number, line in lines if line.strip()), None)
    if first is None:
        raise InputError(f"{name}: nothing in it")
    every = _again(first, lines)
    if first[1].lstrip().startswith("{"):
        yield from _of_lines(every, name, columns, source, id_column)
    elif first[1].lstrip().startswith("[") and name.endswith(LINES):
        raise InputError(f"{name}: an array of JSON; let its name end in .json")
    elif columns.further:
        needed = ", ".join([source, *columns.further])
        raise InputError(f"{name}: a text, and the task needs {needed}: give a table with these columns")
    else:
        yield from _of_text(every, name, source)


def _again(first: tuple[int, str], rest: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    yield first
    yield from rest


def _of_lines(
    lines: Iterable[tuple[int, str]], name: str, columns: Columns, source: str, id_column: str | None
) -> Iterator[Input]:
    count = 0
    for number, line in lines:
        if line.strip():
            count, where = count + 1, f"{name}:{number}"
            try:
                row = line_row(line, where)
            except InputError as error:
                yield Input(where, str(count), {}, str(error).removeprefix(f"{where}: "))
                continue
            yield _of_row(row, count, where, columns, source, id_column)


def _of_text(lines: Iterable[tuple[int, str]], name: str, source: str) -> Iterator[Input]:
    block: list[str] = []
    count = begin = 0
    for number, line in _again_with_end(lines):
        if line.strip():
            begin = begin if block else number
            block.append(line.rstrip())
        elif block:
            count += 1
            yield Input(f"{name}:{begin}", str(count), {source: "\n".join(block)})
            block = []


def _again_with_end(lines: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    yield from lines
    yield 0, ""


def _of_row(
    row: dict[str, Any], number: int, where: str, columns: Columns, source: str, id_column: str | None
) -> Input:
    names = {column: field for field, column in ((source, columns.source), *columns.further.items())}
    row = row | {column: row[field] for column, field in names.items() if column not in row and field in row}
    identity = str(number)
    try:
        if column := id_column or ("id" if "id" in row else None):
            if column not in row:
                return Input(where, identity, {}, f"no column {column!r}")
            identity = parse_id(row[column], f"id column {column!r}", where)
        text, fields, empty = read_input(row, columns, where)
    except InputError as error:
        return Input(where, identity, {}, str(error).removeprefix(f"{where}: "))
    return Input(where, identity, {source: text, **fields}, empty)
