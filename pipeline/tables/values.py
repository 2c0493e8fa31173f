"""What single values of a user's file mean: texts, ids, and what stands for a missing value."""

import json
from decimal import Decimal
from numbers import Integral
from typing import Any

from pipeline.core.errors import InputError
from pipeline.core.messages import shown

PROGRAM_WORDS = ("nan", "none", "null", "<na>")  # what Python, pandas and SQL print where there is no value
EXACT = 2**53  # from here on, a floating-point number may be another whole number than was meant


def parse_id(value: object, column: str, where: str) -> str:
    """An id as text; a whole number of any type counts as its digits. Raises InputError for anything else."""
    if isinstance(value, str) and value and is_encodable(value):
        return value
    if isinstance(value, Integral) and not isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float | Decimal) and -EXACT < value < EXACT and value == int(value):
        return str(int(value))
    raise InputError(f"{where}: {column} is {shown(value)}, expected text or a whole number")


def is_missing(value: object) -> bool:
    """Whether a program wrote no value here: null, or the NaN that pandas has for it."""
    return value is None or (isinstance(value, float | Decimal) and value != value)


def is_nonempty_text(value: object) -> bool:
    """Whether this is a text with more than white space in it."""
    return isinstance(value, str) and bool(value.strip()) and is_encodable(value)


def is_encodable(text: str) -> bool:
    """Whether a text can be written as UTF-8: it can't with half of a surrogate pair in it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def text_of(value: object, where: str) -> str:
    """A text with line breaks as `\\n` and no space around it; "" for a missing value. Raises InputError.

    `where` names the place and the column.
    """
    if is_missing(value):
        return ""
    if not isinstance(value, str):
        raise InputError(f"{where} holds {shown(value)}, expected text")
    if not is_encodable(value):
        raise InputError(f"{where} holds half a character (a surrogate without its other half): {shown(value)}")
    return value.replace("\r\n", "\n").replace("\r", "\n").strip()


def short_text(value: object, where: str) -> str:
    """`text_of` for a label or an answer, which may be a whole number: its digits."""
    whole = isinstance(value, Integral) and not isinstance(value, bool)
    return str(int(value)) if whole else text_of(value, where)  # type: ignore[call-overload]


def written_list(text: str, where: str) -> list[Any] | None:
    """The list that a text is, written as JSON: of texts or of objects. None for any other text.

    CSV holds no lists, so programs write them as texts. Python's and numpy's own way of writing them is refused,
    because it does not say where a text ends: ['a' 'b'].
    """
    text = text.strip()
    if not (text.startswith("[") and text.endswith("]")):
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        if _is_python_list(text):
            raise InputError(
                f"{where} holds a list as Python prints it, {shown(text)}; write lists as JSON (json.dumps), or "
                "save the rows as JSON Lines or Parquet"
            ) from None
        return None
    texts = all(isinstance(one, str) for one in found) or all(isinstance(one, dict) for one in found)
    return found if found and texts else None


def _is_python_list(text: str) -> bool:
    import ast

    try:
        found = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return False
    return bool(found) and all(isinstance(one, str | dict) for one in found)
