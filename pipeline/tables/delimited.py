"""CSV, TSV and their kin: the delimiter is given, or found."""

import csv
import io
import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.core.errors import InputError
from pipeline.core.messages import listed
from pipeline.tables.content import ending, read_text

NAMES = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
EXAMINED = 200  # rows that a delimiter must split alike to be taken for the file's
SEP = re.compile(r'"?sep=([^\r\n])"?[\r\n]+', re.IGNORECASE)  # a first line by which Excel finds the delimiter


def delimited_rows(path: Path, delimiter: str | None = None) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each row with where it is. `delimiter` is a name of NAMES or a character; None finds it, and says so."""
    csv.field_size_limit(2**31 - 1)
    text = read_text(path)
    if text.startswith('{"'):
        raise InputError(f"{path}: this is JSON; let its name end in .jsonl or .json")
    first, start = 1, SEP.match(text)
    if start:
        text, first = text[start.end() :], 2
    usual = "\t" if ending(path) == ".tsv" else ","
    chosen = NAMES.get(delimiter or "", delimiter) or (start and start[1]) or find_delimiter(text, usual)
    if chosen != usual and not delimiter:
        name = next((name for name, character in NAMES.items() if character == chosen), chosen)
        print(f"{path}: delimiter {name}, {'from its first line' if start else 'found in its first rows'}")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=chosen, strict=True)
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


def find_delimiter(text: str, usual: str) -> str:
    """The delimiter that splits the first rows into the same number of columns, two or more.

    Of several that which makes most columns; where none does, that which splits the header most; `usual` in doubt.
    """
    candidates = sorted(NAMES.values(), key=lambda character: character != usual)
    widths = {character: _widths(text, character) for character in candidates}
    alike = [character for character in candidates if len(set(widths[character])) == 1 and widths[character][0] > 1]
    split = alike or [character for character in candidates if widths[character]]
    return max(split, key=lambda character: widths[character][0], default=usual)


def _widths(text: str, delimiter: str) -> list[int]:
    """Columns of each of the first rows; empty where the header cannot be read."""
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    widths: list[int] = []
    try:
        widths.extend(len(row) for row in itertools.islice(rows, EXAMINED) if row)
    except csv.Error:
        widths.append(0)  # unlike any other row
    return widths
