"""CSV, TSV and their kin: the delimiter is given, or found."""

import csv
import itertools
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TextIO

from pipeline.core.errors import InputError
from pipeline.core.messages import listed
from pipeline.tables.content import ending, open_text

NAMES = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
HEAD = 2**16  # characters in which the first line is looked for
EXAMINED = 200  # rows that a delimiter must split alike to be taken for the file's
SEP = re.compile(r'"?sep=([^\r\n])"?[\r\n]+', re.IGNORECASE)  # a first line by which Excel finds the delimiter


def delimited_rows(path: Path, delimiter: str | None = None) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each row with where it is, read when it is asked for.

    `delimiter` is a name of NAMES or a character; None finds it, and says so.
    """
    csv.field_size_limit(2**31 - 1)
    with open_text(path, newline="") as file:
        head = file.read(HEAD)
        if head.startswith('{"'):
            raise InputError(f"{path}: this is JSON; let its name end in .jsonl or .json")
        start = SEP.match(head)

        def lines() -> TextIO:
            """The file after its first line, if that names the delimiter."""
            file.seek(0)
            file.read(start.end() if start else 0)
            return file

        usual = "\t" if ending(path) == ".tsv" else ","
        chosen = NAMES.get(delimiter or "", delimiter) or (start and start[1]) or find_delimiter(lines, usual)
        if chosen != usual and not delimiter:
            name = next((name for name, character in NAMES.items() if character == chosen), chosen)
            print(f"{path}: delimiter {name}, {'from its first line' if start else 'found in its first rows'}")
        yield from _rows(path, csv.reader(lines(), delimiter=chosen, strict=True), 2 if start else 1)


def _rows(path: Path, reader: Any, first: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """The rows below the header, which is in the line `first` or after it."""
    begin = first
    try:
        header = [name.strip() for name in next(filter(None, reader), [])]
        named = [name for name in header if name]  # a spreadsheet leaves empty columns at the right
        if len(set(named)) < len(named):
            raise InputError(f"{path}:{begin}: the header names a column twice: {listed(header)}")
        begin = reader.line_num + first
        for cells in reader:
            if cells and len(cells) != len(header):
                raise InputError(f"{path}:{begin}: {_wrong_width(len(cells), header)}")
            if cells:  # not an empty line
                yield f"{path}:{begin}", {name: cell for name, cell in zip(header, cells) if name}
            begin = reader.line_num + first
    except csv.Error as error:
        raise InputError(f"{path}:{begin}: not CSV: {error}; a quote in a text is written twice") from None


def _wrong_width(found: int, header: list[str]) -> str:
    said = f"{found} columns, where the header has {len(header)}"
    return said if len(header) > 1 else f"{said}, {listed(header)}; data.delimiter sets what is between columns"


def find_delimiter(lines: Callable[[], TextIO], usual: str) -> str:
    """The delimiter that splits the first rows into the same number of columns, two or more.

    Of several that which makes most columns; where none does, that which splits the header most; `usual` in doubt.
    lines: begins the text anew.
    """
    candidates = sorted(NAMES.values(), key=lambda character: character != usual)
    widths = {character: _widths(lines(), character) for character in candidates}
    alike = [character for character in candidates if len(set(widths[character])) == 1 and widths[character][0] > 1]
    split = alike or [character for character in candidates if widths[character]]
    return max(split, key=lambda character: widths[character][0], default=usual)


def _widths(lines: TextIO, delimiter: str) -> list[int]:
    """Columns of each of the first rows; empty where the header cannot be read."""
    rows = csv.reader(lines, delimiter=delimiter, strict=True)
    widths: list[int] = []
    try:
        widths.extend(len(row) for row in itertools.islice(rows, EXAMINED) if row)
    except csv.Error:
        widths.append(0)  # unlike any other row
    return widths
