"""Texts from anywhere: half characters, which no file of UTF-8 can hold, and long messages."""

from pipeline.core.errors import InputError


def half_character(text: str) -> int | None:
    """Where half of a surrogate pair is in a text, as of a JSON file with "\\ud83d" alone; None where there is none."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return error.start
    return None


def refuse_half_characters(value: object, where: str) -> None:
    """Raises InputError, which begins with `where`, for a text with half a character in it.

    In a list or a mapping every text is looked at, keys too.
    """
    if isinstance(value, str) and (start := half_character(value)) is not None:
        raise InputError(
            f"{where}: half a character (U+{ord(value[start]):04X}) after {shorten(value[:start])!r}: the text was cut "
            "inside an emoji, or is not UTF-8; write it again as UTF-8"
        )
    if isinstance(value, dict):
        for key, inner in value.items():
            refuse_half_characters(key, where)
            refuse_half_characters(inner, f"{where}: {key}")
    elif isinstance(value, list | tuple):
        for inner in value:
            refuse_half_characters(inner, where)


def shorten(text: str, length: int = 40) -> str:
    """The end of a text in one line, at most so long."""
    line = " ".join(text[-2 * length :].split())
    return line if len(line) <= length else f"...{line[3 - length :]}"
