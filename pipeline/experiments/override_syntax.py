"""Overrides (`-S key=value`) that Hydra does not read: quoted where only one meaning is possible, or explained.

Hydra reads letters without accents, digits and / - \\ + . $ % * @ ? | without quotes. Everything else in a value needs
quotes of Hydra's own, inside of those of the shell.
"""

import os
import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from pipeline.core.errors import InputError

PATHS = re.compile(r"data\.(train|validation|test)|model\.path|forgetting\.(questions|text)|score\.external\..+")
PLAIN = re.compile(r"[A-Za-z_./][A-Za-z0-9_./+-]*")  # what Hydra reads as it is
STRUCTURE = set("[](){},'\"=:$\\")  # characters that may mean a list, a mapping, a function or a reference
LONGEST = 200  # characters of an override that a message repeats
SET_PARAM = re.compile(r"(-S|--set[a-z-]*=?)(.*)", re.DOTALL)


def readable_command(arguments: Sequence[str], folder: Path) -> list[str]:
    """The arguments of `dvc exp run`, each override as Hydra reads it. Other commands come back as they are."""
    words = list(arguments)
    names = [word for word in words if not word.startswith("-")][:2]
    if names not in (["exp", "run"], ["experiments", "run"]):
        return words
    for index, word in enumerate(words):
        if word in ("-S", "--set-param") and index + 1 < len(words):
            words[index + 1] = readable(words[index + 1], folder)
        elif (match := SET_PARAM.fullmatch(word)) and match[2]:
            words[index] = match[1] + readable(match[2], folder)
    return words


def readable(override: str, folder: Path) -> str:
    """An override as Hydra reads it. Raises InputError where it is not clear what is meant."""
    name, equal, value = override.partition("=")
    if not equal or PLAIN.fullmatch(value):
        return override
    if PATHS.fullmatch(name.rpartition(":")[2].lstrip("+")):
        value = _readable_path(value, folder)
    elif not STRUCTURE & {*value}:
        value = value if _is_read(value) else quoted(value)
    if not _is_read(value):
        raise InputError(explain(override))
    return f"{name}={value}"


def _readable_path(value: str, folder: Path) -> str:
    if value.startswith("~"):
        value = os.path.expanduser(value)  # as the shell does where it can
    if _is_there(value, folder):
        return value if PLAIN.fullmatch(value) else quoted(value)
    if _is_read(value):
        return value
    several = value.split(",")  # a sweep
    if len(several) > 1 and all(_is_there(each, folder) for each in several):
        return ",".join(map(quoted, several))
    return value if value[:1] in ("'", '"', "[", "{") else quoted(value)


def quoted(text: str) -> str:
    """A text in quotes as Hydra reads them."""
    from hydra.core.override_parser.types import Quote, QuotedString

    return QuotedString(text=text, quote=Quote.single).with_quotes()


def explain(override: str) -> str:
    """Which character Hydra stops at, and the override in quotes, as it is typed in a shell."""
    name, _, value = override.partition("=")
    position = _offending(override)
    rest = override[position:].lstrip()
    reason = f"Hydra does not read {rest[0]!r} there" if rest else "a bracket or a quote is not closed"
    if len(override) > LONGEST:
        return f"{override[:LONGEST]}...: {reason}"
    if position < len(name):
        return f"{override}: {reason}, in the key"
    if re.search(r"\s\+?[\w.]+=", value):
        return f"{override}: {reason}. Each value needs a -S of its own"
    if value[:1] in ("'", '"'):
        return f"{override}: {reason}. Close the quotes, and put a backslash before each quote that is text"
    text = f"{name}={quoted(value)}"
    typed = f'"{text}"' if not re.search(r'["$`!\\]', text) else shlex.quote(text)
    return f"{override}: {reason}. If it is text, quote it: -S {typed}"


def _offending(override: str) -> int:
    """Where the grammar stops; the length where it needs more."""
    error: BaseException | None = _parse_error(override)
    position = None
    while error and position is None:
        token = getattr(error, "offendingToken", None)
        position = getattr(error, "startIndex", None) if token is None else token.start
        error = error.__cause__ or error.__context__
    if position is None:
        position = next((index for index, letter in enumerate(override) if not letter.isascii()), len(override))
    return position


def _is_read(value: str) -> bool:
    return _parse_error(f"key={value}") is None


def _parse_error(override: str) -> Exception | None:
    from hydra.core.override_parser.overrides_parser import OverridesParser

    try:
        OverridesParser.create().parse_override(override)
    except Exception as error:  # the grammar raises several kinds
        return error
    return None


def _is_there(text: str, folder: Path) -> bool:
    try:
        return os.path.lexists(folder / text)
    except (OSError, ValueError):
        return False
