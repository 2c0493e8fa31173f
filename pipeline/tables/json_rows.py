"""JSON as people have it: an object a line, an array of objects, or an object that holds one such array."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.core.errors import InputError
from pipeline.core.messages import listed, shown
from pipeline.tables.content import ending, read_text
from pipeline.tables.turns import is_turn

Row = tuple[str, dict[str, Any]]  # where it is, for messages, and its columns
SPACE = re.compile(r"\s*")


class RepeatedKey(ValueError):
    """An object names a key twice: json would take the second without a word."""


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise RepeatedKey(f"an object has the key {shown(next(n for n in names if names.count(n) > 1))} twice")
    return found


DECODER = json.JSONDecoder(object_pairs_hook=_unique_keys)


def json_rows(path: Path) -> Iterator[Row]:
    """Each row of a JSON or JSON Lines file, whichever of both its ending says it is."""
    text = read_text(path).replace("\r\n", "\n").replace("\r", "\n")  # no JSON text holds a line break as it is
    start = _skip_space(text, 0)
    if text[start : start + 1] == "[":
        return _elements(path, text, start)
    if ending(path) == ".json" and (document := _whole_object(text)):
        return _rows_in_object(path, document)
    return _lines(path, text)


def json_lines(path: Path) -> Iterator[Row]:
    """Each row of a JSON Lines file. Raises InputError for the first line that is not a JSON object."""
    return _lines(path, read_text(path).replace("\r\n", "\n").replace("\r", "\n"))


def _lines(path: Path, text: str) -> Iterator[Row]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield f"{path}:{number}", line_row(line, f"{path}:{number}")


def line_row(line: str, where: str) -> dict[str, Any]:
    """The object of a line. Raises InputError where it is none."""
    row, end = _decode(line, _skip_space(line, 0), where)
    if line[end:].strip():
        raise InputError(f"{where}: not JSON: more text after the object, at column {end + 1}")
    if not isinstance(row, dict):
        raise InputError(f"{where}: expected one JSON object a line, found {_kind(row)}")
    return row


def _elements(path: Path, text: str, position: int) -> Iterator[Row]:
    """The objects of an array, one at a time, each with the line on which it begins."""
    number, line, counted = 0, 1, 0
    mark = "["
    while mark in ("[", ","):
        position = _skip_space(text, position + 1)
        line, counted = line + text.count("\n", counted, position), position
        if mark == "[" and text[position : position + 1] == "]":
            break  # an empty array
        number += 1
        where = f"{path}:{line} (element {number})"
        row, position = _decode(text, position, f"{path}:{line}")
        if not isinstance(row, dict):
            raise InputError(f"{where}: expected a JSON object, found {_kind(row)}")
        yield where, row
        position = _skip_space(text, position)
        mark = text[position : position + 1]
    if text[position : position + 1] != "]":
        found = shown(text[position : position + 1]) if position < len(text) else "the end of the file"
        line += text.count("\n", counted, position)
        raise InputError(f"{path}:{line}: not JSON: expected ',' or ']' after element {number}, found {found}")
    if text[position + 1 :].strip():
        line += text.count("\n", counted, position)
        raise InputError(f"{path}:{line}: not JSON: more text after the array")


def _whole_object(text: str) -> dict[str, Any] | None:
    """A file that is one JSON object; None where it is something else."""
    try:
        document, end = DECODER.raw_decode(text, _skip_space(text, 0))
    except (ValueError, RecursionError):
        return None  # reading it line by line says where it is wrong
    return document if isinstance(document, dict) and not text[end:].strip() else None


def _rows_in_object(path: Path, document: dict[str, Any]) -> Iterator[Row]:
    """The rows of the one list of objects that an object holds; turns of a dialogue are not rows, but one row."""
    lists = {key: rows for key, rows in document.items() if isinstance(rows, list) and rows}
    tables = {key: rows for key, rows in lists.items() if all(isinstance(row, dict) for row in rows)}
    tables = {key: rows for key, rows in tables.items() if not all(map(is_turn, rows))}
    if len(tables) == 1:
        ((key, rows),) = tables.items()
        for number, row in enumerate(rows, start=1):
            yield f"{path} (element {number} of {shown(key)})", row
    elif tables:
        raise InputError(
            f"{path}: one JSON object with several lists ({listed(tables)}); write each to a file of its own"
        )
    elif any(isinstance(value, dict) for value in document.values()) or (
        len(document) > 1 and len(lists) == len(document)
    ):
        raise InputError(
            f"{path}: one JSON object of columns or of named rows ({listed(document)}), expected a list of rows; "
            "with pandas: to_json(..., orient='records')"
        )
    else:
        yield f"{path}:1", document


def _decode(text: str, position: int, where: str) -> tuple[Any, int]:
    """The JSON value at a position, and where it ends. Raises InputError."""
    try:
        return DECODER.raw_decode(text, position)
    except json.JSONDecodeError as error:
        if "\n" in text[:position] or error.lineno > 1:
            where = f"{where.rpartition(':')[0]}:{error.lineno}"
        raise InputError(f"{where}: not JSON: {error.msg} at column {error.colno}") from None
    except RepeatedKey as error:
        raise InputError(f"{where}: {error}") from None
    except ValueError as error:  # a number of thousands of digits
        raise InputError(f"{where}: not JSON: {error}") from None
    except RecursionError:
        raise InputError(f"{where}: JSON nested too deep") from None


def _skip_space(text: str, position: int) -> int:
    found = SPACE.match(text, position)
    return found.end() if found else position


def _kind(value: object) -> str:
    kinds = {list: "list", dict: "object", str: "text", type(None): "null", bool: "true or false"}
    return kinds.get(type(value), "number")
