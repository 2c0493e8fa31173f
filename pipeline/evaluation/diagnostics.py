"""What is wrong with an output, whatever it says: truncated, empty, repetitive, too long, copied or unsupported.

The same columns of people's references say how often a check is wrong, or how often people do it too.
"""

import functools
import statistics
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from pipeline.evaluation.entities import Entities, claimed_entities, not_said
from pipeline.evaluation.words import runs, words

Rows = list[dict[str, Any]]
FAULTS = ("truncated", "empty", "repeats", "unsupported", "unlisted")  # of an output; reported in percent
SIZES = ("words", "length_ratio", "novel_bigrams")  # reported as means


def has_repeats(text: str, order: int = 3) -> bool:
    """Whether a run of `order` words occurs more than once."""
    found = _ngrams(text, order)
    return len(set(found)) < len(found)


def novel_bigrams(prediction: str, source: str) -> float | None:
    """Percent of the output's word pairs that the input does not have: 0 is copied. None without a pair."""
    pairs = set(_ngrams(prediction, 2))
    return 100 * len(pairs - _bigrams(source)) / len(pairs) if pairs else None


@functools.lru_cache(maxsize=1024)  # of an input, for its output by each seed and for its references
def _bigrams(source: str) -> frozenset[tuple[str, ...]]:
    return frozenset(_ngrams(source, 2))


def _ngrams(text: str, order: int) -> list[tuple[str, ...]]:
    return runs([word.lower() for word in words(text)], order)


@functools.lru_cache(maxsize=1024)  # of a reference, for each output and for the other references
def _word_count(text: str) -> int:
    return len(words(text))


def of_any_text(given: dict[str, Any], references: Sequence[str] = ()) -> dict[str, Any]:
    """The columns that an output of any kind has, from a row of predictions.

    `truncated` is whether it reached the length limit before its end token; None where the row has no `ended`.
    `length_ratio` is None without references. `nats` (per token) and `confidence` are what the model itself said of it;
    None of an external system.
    """
    text, ended = given["prediction"], given.get("ended")
    count = _word_count(text)
    reference_words = statistics.fmean(map(_word_count, references)) if references else 0
    return {
        "truncated": not ended if isinstance(ended, bool) else None,
        "empty": not text.strip(),
        "words": count,
        "length_ratio": count / reference_words if reference_words else None,
        "nats": given.get("nats"),
        "confidence": given.get("confidence"),
    }


def diagnose(given: dict[str, Any], source: str, references: list[str], entities: Entities) -> dict[str, Any]:
    """The columns of a summary, given["prediction"], of the text `source`."""
    text = given["prediction"]
    claimed = claimed_entities(text, entities)
    return of_any_text(given, references) | {
        "repeats": has_repeats(text),
        "novel_bigrams": novel_bigrams(text, source),
        "claims": len(claimed),
        "unsupported": not_said(claimed, source, entities.language),
    }


def diagnose_references(records: Iterable[dict[str, Any]], source: str, entities: Entities) -> Rows:
    """A row of columns for each reference of each record, as if it were a summary, with the record's `id`.

    source: the record's field that is summarized. Its length is compared with the other references of its record.
    """
    return [
        {"id": record["id"]} | diagnose({"prediction": text}, record[source], others, entities)
        for record in records
        for number, text in enumerate(record["references"])
        for others in [record["references"][:number] + record["references"][number + 1 :]]
    ]


def summarize(rows: Rows) -> dict[str, float | None]:
    """Percent of the outputs with each fault, and mean length, length ratio and novel bigrams.

    Means over examples: several rows of one `id` (seeds, references) count as one. None where no row says it.
    """
    shares = {column: _mean(rows, column, lambda value: 100.0 * bool(value)) for column in FAULTS}
    return shares | {column: _mean(rows, column, float) for column in SIZES}


def _mean(rows: Rows, column: str, number: Callable[[Any], float]) -> float | None:
    values: dict[str, list[float]] = {}
    for row in rows:
        if row.get(column) is not None:
            values.setdefault(row["id"], []).append(number(row[column]))
    return statistics.fmean(map(statistics.fmean, values.values())) if values else None
