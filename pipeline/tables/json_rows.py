"""JSON as people have it: an object a line, an array of objects, or an object that holds one such array.

A line, and an element of an array, is read when it is asked for; a single object is read whole.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from pipeline.core.errors import InputError
from pipeline.core.messages import listed, shown
from pipeline.tables.content import ending, open_text
from pipeline.tables.json_text import DECODER, JsonText, skip_space, unreadable
from pipeline.tables.turns import is_turn

Row = tuple[str, dict[str, Any]]  # where it is, for messages, and its columns


def json_rows(path: Path) -> Iterator[Row]:
    """Each row of a JSON or JSON Lines file, whichever of both its ending says it is."""
    with open_text(path) as file:  # no JSON text holds a line break as it is: all of them may become \n
        text = JsonText(path, file)
        if text.character() == "[":
            yield from _elements(path, text)
            return
        file.seek(0)
        document = _whole_object(file) if ending(path) == ".json" else None
        file.seek(0)
        yield from _rows_in_object(path, document) if document else _lines(path, file)


def json_lines(path: Path) -> Iterator[Row]:
    """Each row of a JSON Lines file. Raises InputError for the first line that is not a JSON object."""
    with open_text(path) as file:
        yield from _lines(path, file)


def _lines(path: Path, file: TextIO) -> Iterator[Row]:
    for number, line in enumerate(file, start=1):
        if line.strip():
            yield f"{path}:{number}", line_row(line.removesuffix("\n"), f"{path}:{number}")


def line_row(line: str, where: str) -> dict[str, Any]:
    """The object of a line. Raises InputError where it is none."""
    row, end = _decode(line, skip_space(line, 0), where)
    if line[end:].strip():
        raise InputError(f"{where}: not JSON: more text after the object, at column {end + 1}")
    if not isinstance(row, dict):
        raise InputError(f"{where}: expected one JSON object a line, found {_kind(row)}")
    return row


def _elements(path: Path, text: JsonText) -> Iterator[Row]:
    """The objects of an array, one at a time, each with the line on which it begins."""
    number, mark = 0, "["
    while mark in ("[", ","):
        text.skip()
        if text.character() == "]" and mark == "[":
            mark = "]"  # an empty array
            break
        number += 1
        where = f"{path}:{text.line} (element {number})"
        row = text.value()
        if not isinstance(row, dict):
            raise InputError(f"{where}: expected a JSON object, found {_kind(row)}")
        yield where, row
        mark = text.character()
    line = text.line
    if mark != "]":
        found = shown(mark) if mark else "the end of the file"
        raise InputError(f"{path}:{line}: not JSON: expected ',' or ']' after element {number}, found {found}")
    text.skip()
    if text.character():
        raise InputError(f"{path}:{line}: not JSON: more text after the array")


def _whole_object(file: TextIO) -> dict[str, Any] | None:
    """A file that is one JSON object; None where it is something else, such as JSON Lines."""
    first = next((line for line in file if line.strip()), "")
    if _first_value(first) and any(line.strip() for line in file):
        return None  # without reading it whole
    file.seek(0)
    text = file.read()
    document, end = _first_value(text) or (None, 0)
    return document if isinstance(document, dict) and not text[end:].strip() else None


def _first_value(text: str) -> tuple[Any, int] | None:
    """The JSON value that a text begins with, and where it ends; None where it begins with none."""
    try:
        return DECODER.raw_decode(text, skip_space(text, 0))
    except (ValueError, RecursionError):
        return None  # reading it line by line says where it is wrong


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
        raise InputError(f"{where}: not JSON: {error.msg} at column {error.colno}") from None
    except (ValueError, RecursionError) as error:
        raise unreadable(error, where) from None


def _kind(value: object) -> str:
    kinds = {list: "list", dict: "object", str: "text", type(None): "null", bool: "true or false"}
    return kinds.get(type(value), "number")
