"""A row of a data set as an input and its outputs: which columns hold them, and in which shapes."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from pipeline.core.errors import InputError
from pipeline.core.messages import listed, shown
from pipeline.tables import turns, values

SPEAKER_COLUMNS = ("speaker", "speakers", "role", "roles")  # beside a list of texts: who says which
CHAT_COLUMNS = ("messages", "conversations", "conversation")


@dataclass(frozen=True)
class Columns:
    """The names of the columns, and the words that stand for a missing value."""

    source: str
    target: str
    missing_words: list[str]
    further: dict[str, str] = field(default_factory=dict)  # other fields of the task -> their columns
    short: bool = False  # outputs are labels or answers, which may be whole numbers

    def means_missing(self, text: str) -> bool:
        return text.lower() in {word.lower() for word in self.missing_words}


@dataclass
class Example:
    """empty: why a row cannot be used, where a text is empty or missing. left_out: what was not taken, by kind."""

    source: str
    references: list[str]
    empty: str = ""
    fields: dict[str, str] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)


def read_example(row: dict[str, Any], columns: Columns, where: str) -> Example:
    """A row's input, further fields and references. Raises InputError for one that is neither usable nor just empty."""
    left_out: Counter[str] = Counter()
    if chat := _chat_column(row, columns):
        messages = _messages(row[chat], f"{where}: column {chat!r}", left_out)
        texts = list(zip((chat, chat), messages))
    else:
        if columns.source not in row:
            raise InputError(f"{where}: no column {columns.source!r} (data.source_column); found {listed(row)}")
        texts = [(columns.source, _source(row, columns.source, where, left_out))]
        for column in target_columns(row, columns.target, where):
            texts += [(column, text) for text in _references(row[column], columns.short, f"{where}: column {column!r}")]
    fields = {name: _field(row, name, column, where) for name, column in columns.further.items()}
    filled = [*texts, *((columns.further[name], text) for name, text in fields.items())]
    empty = next(filter(None, (_emptiness(column, text, columns) for column, text in filled)), "")
    return Example(texts[0][1], [text for _, text in texts[1:]], empty, fields, left_out)


def read_input(row: dict[str, Any], columns: Columns, where: str) -> tuple[str, dict[str, str], str]:
    """A row's input, its further fields, and why it cannot be used ("" where it can). Outputs are not looked for.

    Raises InputError for a row that is neither usable nor just empty.
    """
    if columns.source not in row:
        raise InputError(f"{where}: no column {columns.source!r} (data.source_column); found {listed(row)}")
    source = _source(row, columns.source, where, Counter())
    fields = {name: _field(row, name, column, where) for name, column in columns.further.items()}
    filled = [(columns.source, source), *((columns.further[name], text) for name, text in fields.items())]
    return source, fields, next(filter(None, (_emptiness(column, text, columns) for column, text in filled)), "")


def _field(row: dict[str, Any], name: str, column: str, where: str) -> str:
    """A further field's text; a whole number counts as its digits."""
    if column not in row:
        raise InputError(f"{where}: no column {column!r} (data.columns.{name}); found {listed(row)}")
    return values.short_text(row[column], f"{where}: column {column!r}")


def _emptiness(column: str, text: str, columns: Columns) -> str:
    if not text:
        return f"column {column!r} is empty"
    if columns.means_missing(text):
        return f"column {column!r} holds {text!r}, a word for a missing value (data.missing_words=[] takes it as text)"
    return ""


def target_columns(row: dict[str, Any], name: str, where: str) -> list[str]:
    """The columns that hold references: `name` itself, or `name`1, `name`2, ... where there is no such column."""
    if name in row:
        return [name]
    numbered: list[str] = []
    while f"{name}{len(numbered) + 1}" in row:
        numbered.append(f"{name}{len(numbered) + 1}")
    if not numbered:
        raise InputError(f"{where}: no column {name!r} nor {name}1 (data.target_column); found {listed(row)}")
    return numbered


def _chat_column(row: dict[str, Any], columns: Columns) -> str | None:
    """The column of a conversation whose last message is the summary.

    It is named as source and as target, or it has a usual name and there is neither source nor target.
    """
    if columns.source == columns.target:
        return columns.source if columns.source in row else None
    if columns.source in row or columns.target in row or f"{columns.target}1" in row:
        return None
    return next((name for name in CHAT_COLUMNS if name in row), None)


def _messages(value: object, where: str, left_out: Counter[str]) -> tuple[str, str]:
    """A conversation's dialogue and summary."""
    if values.is_missing(value):
        return "", ""
    messages = _list(value, where)
    if messages == []:
        return "", ""
    if messages is None:
        raise InputError(f"{where} holds {shown(value)}, expected a list of messages")
    dialogue, summary, not_taken = turns.split_chat(messages, where)
    left_out.update(not_taken)
    return dialogue, summary


def _source(row: dict[str, Any], column: str, where: str, left_out: Counter[str]) -> str:
    value, where = row[column], f"{where}: column {column!r}"
    found = _list(value, where)
    if found is None and isinstance(value, dict):
        found, names = turns.by_column(value, where)
    elif found is None:
        return values.text_of(value, where)
    else:
        names = _speakers(row, found)
    said = turns.read_turns(found, names, where)
    left_out["turns without text"] += len(found) - len(said)
    return turns.dialogue_text(said)


def _speakers(row: dict[str, Any], texts: list[Any]) -> list[Any] | None:
    """The list that names the speaker of each text; not one of those who take part, where the texts name them."""
    names = next((row[name] for name in SPEAKER_COLUMNS if isinstance(row.get(name), list)), None)
    if names is None or not all(isinstance(text, str) for text in texts):
        return None
    starts = tuple(f"{name}:" for name in names)
    taking_part = len(names) != len(texts) and all(text.startswith(starts) for text in texts)
    return None if taking_part else names


def _references(value: object, short: bool, where: str) -> list[str]:
    found = _list(value, where)
    if found is None:
        return [values.short_text(value, where) if short else values.text_of(value, where)]
    return [turns.read_turn(one, f"{where}: reference {number}").text for number, one in enumerate(found, 1)] or [""]


def _list(value: object, where: str) -> list[Any] | None:
    """A value that is a list, or a list written as text."""
    if isinstance(value, str):
        return values.written_list(value, where)
    return value if isinstance(value, list) else None
