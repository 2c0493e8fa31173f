"""What is wrong with a summary, whatever it says: truncated, empty, repetitive, too long, copied or unsupported.

The same columns of people's references say how often a check is wrong, or how often people do it too.
"""

import functools
import statistics
from collections.abc import Callable, Iterable
from typing import Any

from pipeline.evaluation.entities import Entities, unsupported_entities
from pipeline.evaluation.words import runs, words

Rows = list[dict[str, Any]]
FAULTS = ("truncated", "empty", "repeats", "unsupported")  # of a summary; reported in percent
SIZES = ("words", "length_ratio", "novel_bigrams")  # reported as means


def has_repeats(text: str, order: int = 3) -> bool:
    """Whether a run of `order` words occurs more than once."""
    found = _ngrams(text, order)
    return len(set(found)) < len(found)


def novel_bigrams(prediction: str, dialogue: str) -> float | None:
    """Percent of the summary's word pairs that the dialogue does not have: 0 is copied. None without a pair."""
    pairs = set(_ngrams(prediction, 2))
    return 100 * len(pairs - set(_ngrams(dialogue, 2))) / len(pairs) if pairs else None


@functools.lru_cache(maxsize=1024)  # of a dialogue, for its summary by each seed and for its references
def _ngrams(text: str, order: int) -> tuple[tuple[str, ...], ...]:
    return tuple(runs([word.lower() for word in words(text)], order))


def diagnose(row: dict[str, Any], dialogue: str, references: list[str], entities: Entities) -> dict[str, Any]:
    """The diagnostic columns of a dialogue's summary, row["prediction"].

    `truncated` is whether it reached the length limit before its end token; None where the row has no `ended`.
    `length_ratio` is None without references.
    """
    text, ended = row["prediction"], row.get("ended")
    reference_words = statistics.fmean(len(words(reference)) for reference in references) if references else 0
    return {
        "truncated": not ended if isinstance(ended, bool) else None,
        "empty": not text.strip(),
        "repeats": has_repeats(text),
        "words": len(words(text)),
        "length_ratio": len(words(text)) / reference_words if reference_words else None,
        "novel_bigrams": novel_bigrams(text, dialogue),
        "unsupported": unsupported_entities(text, dialogue, entities),
    }


def diagnose_references(records: Iterable[dict[str, Any]], entities: Entities) -> Rows:
    """A row of columns for each reference of each record, as if it were a summary, with the record's `id`.

    Its length is compared with the other references of its dialogue.
    """
    return [
        {"id": record["id"]} | diagnose({"prediction": text}, record["dialogue"], others, entities)
        for record in records
        for number, text in enumerate(record["references"])
        for others in [record["references"][:number] + record["references"][number + 1 :]]
    ]


def summarize(rows: Rows) -> dict[str, float | None]:
    """Percent of the summaries with each fault, and mean length, length ratio and novel bigrams.

    Means over dialogues: several rows of one `id` (seeds, references) count as one. None where no row says it.
    """
    shares = {column: _mean(rows, column, lambda value: 100.0 * bool(value)) for column in FAULTS}
    return shares | {column: _mean(rows, column, float) for column in SIZES}


def _mean(rows: Rows, column: str, number: Callable[[Any], float]) -> float | None:
    values: dict[str, list[float]] = {}
    for row in rows:
        if row[column] is not None:
            values.setdefault(row["id"], []).append(number(row[column]))
    return statistics.fmean(map(statistics.fmean, values.values())) if values else None
