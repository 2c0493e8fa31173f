"""What is wrong with a summary, whatever it says: truncated, empty, repetitive, too long, copied or unsupported."""

import re
import statistics
import unicodedata
from collections.abc import Iterable
from typing import Any

from pipeline.evaluation.words import is_tag, located_words, normalize, runs, words
from pipeline.parameters.score import Warn

TITLE = re.compile(r"\b(Mr|Mrs|Ms|Dr)\.(?= )")  # its full stop ends no sentence
FAULTS = ("truncated", "empty", "repeats", "unsupported")  # of a summary; reported in percent
# Languages in which a capital letter tells a name, and a name is written alike wherever it stands. German writes all
# nouns with one; Russian, Polish, Turkish or Finnish decline names.
NAMES_HAVE_CAPITALS = ("en", "fr", "es", "pt", "it", "ca", "gl", "nl", "af", "da", "sv", "no", "nb", "nn", "vi", "id")


def find_entities(texts: Iterable[str], language: str) -> set[str] | None:
    """The entity words of the texts; None where a capital letter does not tell a name."""
    return entity_words(texts) if language in NAMES_HAVE_CAPITALS else None


def entity_words(texts: Iterable[str]) -> set[str]:
    """Words that begin with a capital letter inside a sentence: names, days, months.

    A capital at the start of a sentence says nothing, unless the same word is a name elsewhere.
    """
    entities = set()
    for text in map(normalize, texts):
        text = TITLE.sub(r"\1", text)
        for start, located in located_words(text):
            before, word = text[:start].rstrip(" ")[-1:], _without_ending(located)
            if (before.isalnum() or before in (",", "'", "’", "-")) and word[0].isupper() and len(word) > 1:
                entities.add(word)
    return entities - {"OK", "Okay", "Mr", "Mrs", "Ms", "Dr"}


def unsupported_entities(prediction: str, dialogue: str, entities: set[str] | None) -> list[str]:
    """Names, numbers and speaker tags of a summary that its dialogue does not have.

    A name is a word of `entities`, or one with a capital inside a sentence of the summary itself. Without entities only
    numbers and speaker tags count.
    """
    entities = set() if entities is None else entities | entity_words([prediction])
    spoken = {_normalize(word) for word in words(dialogue)}
    claims = [
        word for word in words(prediction) if _without_ending(word) in entities or word[0].isdigit() or is_tag(word)
    ]
    return sorted({_without_ending(word) for word in claims if _normalize(word) not in spoken})


def _without_ending(word: str) -> str:
    """Without a possessive or contracted ending."""
    return word if is_tag(word) else re.split("['’]", word)[0]


def _normalize(word: str) -> str:
    word = _without_ending(word).lower().replace(",", "").strip("#")
    return word if word.isascii() else "".join(str(unicodedata.decimal(letter, letter)) for letter in word)


def has_repeats(text: str, order: int = 3) -> bool:
    """Whether a run of `order` words occurs more than once."""
    found = _ngrams(text, order)
    return len(set(found)) < len(found)


def novel_bigrams(prediction: str, dialogue: str) -> float | None:
    """Percent of the summary's word pairs that the dialogue does not have: 0 is copied. None without a pair."""
    pairs = set(_ngrams(prediction, 2))
    return 100 * len(pairs - set(_ngrams(dialogue, 2))) / len(pairs) if pairs else None


def _ngrams(text: str, order: int) -> list[tuple[str, ...]]:
    return runs([word.lower() for word in words(text)], order)


def diagnose(row: dict[str, Any], dialogue: str, references: list[str], entities: set[str] | None) -> dict[str, Any]:
    """The diagnostic columns of a dialogue's summary, row["prediction"].

    `truncated` is whether it reached the length limit before its end token; None where the row has no `ended`.
    """
    text, ended = row["prediction"], row.get("ended")
    reference_words = statistics.fmean(len(words(reference)) for reference in references)
    return {
        "truncated": not ended if isinstance(ended, bool) else None,
        "empty": not text.strip(),
        "repeats": has_repeats(text),
        "words": len(words(text)),
        "length_ratio": len(words(text)) / reference_words if reference_words else None,
        "novel_bigrams": novel_bigrams(text, dialogue),
        "unsupported": unsupported_entities(text, dialogue, entities),
    }


def summarize(rows: list[dict[str, Any]]) -> dict[str, float | None]:
    """Percent of the summaries with each fault, and mean length, length ratio and novel bigrams.

    None where no row says it.
    """

    def mean(column: str) -> float | None:
        known = [row[column] for row in rows if row[column] is not None]
        return statistics.fmean(known) if known else None

    def percent(column: str) -> float | None:
        known = [bool(row[column]) for row in rows if row[column] is not None]
        return 100 * statistics.fmean(known) if known else None

    shares = {column: percent(column) for column in FAULTS}
    return shares | {column: mean(column) for column in ("words", "length_ratio", "novel_bigrams")}


def warnings(diagnostics: dict[str, float | None], warn: Warn) -> list[str]:
    """What a reader must know before trusting the scores, one sentence for each bound that is exceeded."""
    sentences = {
        "truncated": "{:.0f} % of the summaries were truncated at the length limit (score.warn.truncated: {:g} %)",
        "empty": "{:.1f} % of the summaries are empty (score.warn.empty: {:g} %)",
        "repeats": "{:.0f} % of the summaries repeat three words or more (score.warn.repeats: {:g} %)",
        "unsupported": "{:.0f} % of the summaries have a name or number that the dialogue lacks"
        " (score.warn.unsupported: {:g} %)",
    }
    exceeded = []
    for name, sentence in sentences.items():
        value, bound = diagnostics[name], getattr(warn, name)
        if value is not None and value > bound:
            exceeded.append(sentence.format(value, bound))
    ratio, (low, high) = diagnostics["length_ratio"], warn.length_ratio
    if ratio is not None and not low <= ratio <= high:
        exceeded.append(
            f"the summaries are {ratio:.2f} times as long as the references (score.warn.length_ratio: {low:g} to"
            f" {high:g})"
        )
    return exceeded
