"""The JSON values of a text one after the other, with only a part of the text in memory."""

import json
import re
from pathlib import Path
from typing import Any, TextIO

from pipeline.core.errors import InputError
from pipeline.core.messages import shown

AT_A_TIME = 2**16  # characters that are read together; a longer value takes what it needs
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


def skip_space(text: str, position: int) -> int:
    """Where the white space from a position on ends."""
    found = SPACE.match(text, position)
    return found.end() if found else position


def unreadable(error: ValueError | RecursionError, where: str) -> InputError:
    """The error for a value that is no syntax error, and can still not be read."""
    if isinstance(error, RecursionError):
        return InputError(f"{where}: JSON nested too deep")
    kind = "" if isinstance(error, RepeatedKey) else "not JSON: "  # a number of thousands of digits
    return InputError(f"{where}: {kind}{error}")


class JsonText:
    """A text and a position in it, both of which move on as values are read."""

    def __init__(self, path: Path, file: TextIO) -> None:
        self._path, self._file = path, file
        self._text, self._position = "", 0
        self._lines = self._column = 0  # line breaks before the part in memory, and characters after the last of them

    @property
    def line(self) -> int:
        """The line of the position, from 1 on."""
        return self._place(self._position)[0]

    def character(self) -> str:
        """Skip white space; the character that follows, "" at the end."""
        self._position = skip_space(self._text, self._position)
        while self._position == len(self._text) and self._read_on():
            self._position = skip_space(self._text, self._position)
        return self._text[self._position : self._position + 1]

    def skip(self) -> None:
        """Pass a character."""
        self._position += 1

    def value(self) -> Any:
        """The value at the position, and pass it. Raises InputError with the line where it is not JSON."""
        while True:
            try:
                value, self._position = DECODER.raw_decode(self._text, self._position)
                return value
            except json.JSONDecodeError as error:
                if self._read_on():  # perhaps the value goes on there
                    continue
                line, column = self._place(error.pos)
                raise InputError(f"{self._path}:{line}: not JSON: {error.msg} at column {column}") from None
            except (ValueError, RecursionError) as error:
                raise unreadable(error, f"{self._path}:{self.line}") from None

    def _place(self, position: int) -> tuple[int, int]:
        """Line and column, from 1 on, of a position in memory."""
        lines = self._text.count("\n", 0, position)
        before = self._text.rfind("\n", 0, position)
        column = position - before if lines else self._column + position + 1
        return self._lines + lines + 1, column

    def _read_on(self) -> bool:
        """Read on, twice as much as is left, and forget what was passed. Returns whether there was more.

        What is left is kept as it is where there is no more, so that an error has its place.
        """
        left = self._text[self._position :]
        more = self._file.read(max(AT_A_TIME, len(left)))
        if more:
            line, column = self._place(self._position)
            self._lines, self._column = line - 1, column - 1
            self._text, self._position = left + more, 0
        return bool(more)
