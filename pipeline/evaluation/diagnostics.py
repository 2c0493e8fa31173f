"""What is wrong with a summary, whatever it says: truncated, empty, repetitive, too long, copied or unsupported."""

import re
import statistics
from collections.abc import Iterable
from typing import Any

from pipeline.parameters.score import Warn

TAG = re.compile(r"#\w+#")  # a speaker, as DialogSum writes it
TITLE = re.compile(r"\b(Mr|Mrs|Ms|Dr)\.(?= )")  # its full stop ends no sentence
WORD = re.compile(r"#\w+#|[^\W_]+(?:['’.,:][^\W_]+)*")
FAULTS = ("truncated", "empty", "repeats", "unsupported")  # of a summary; reported in percent
UNREAD_BY_ROUGE = 0.05  # share of letters that ROUGE does not read, from which on that is a warning


def words(text: str) -> list[str]:
    """Words, numbers ($1,200 is one) and speaker tags, as they are written."""
    return WORD.findall(text)


def entity_words(texts: Iterable[str]) -> set[str]:
    """Words that begin with a capital letter inside a sentence: names, days, months.

    A capital at the start of a sentence says nothing, unless the same word is a name elsewhere.
    """
    entities = set()
    for text in texts:
        text = TITLE.sub(r"\1", text)
        for match in WORD.finditer(text):
            before, word = text[: match.start()].rstrip(" ")[-1:], _without_ending(match[0])
            if (before.isalnum() or before in (",", "'", "’", "-")) and word[0].isupper() and len(word) > 1:
                entities.add(word)
    return entities - {"OK", "Okay", "Mr", "Mrs", "Ms", "Dr"}


def unsupported_entities(prediction: str, dialogue: str, entities: set[str]) -> list[str]:
    """Names, numbers and speaker tags of a summary that its dialogue does not have.

    A name is a word of `entities`, or one with a capital inside a sentence of the summary itself.
    """
    entities = entities | entity_words([prediction])
    spoken = {_normalize(word) for word in words(dialogue)}
    claims = [
        word
        for word in words(prediction)
        if _without_ending(word) in entities or word[0].isdigit() or TAG.fullmatch(word)
    ]
    return sorted({_without_ending(word) for word in claims if _normalize(word) not in spoken})


def _without_ending(word: str) -> str:
    """Without a possessive or contracted ending."""
    return word if word.startswith("#") else re.split("['’]", word)[0]


def _normalize(word: str) -> str:
    return _without_ending(word).lower().replace(",", "").strip("#")


def has_repeats(text: str, order: int = 3) -> bool:
    """Whether a run of `order` words occurs more than once."""
    runs = _ngrams(text, order)
    return len(set(runs)) < len(runs)


def novel_bigrams(prediction: str, dialogue: str) -> float | None:
    """Percent of the summary's word pairs that the dialogue does not have: 0 is copied. None without a pair."""
    pairs = set(_ngrams(prediction, 2))
    return 100 * len(pairs - set(_ngrams(dialogue, 2))) / len(pairs) if pairs else None


def _ngrams(text: str, order: int) -> list[tuple[str, ...]]:
    lower = [word.lower() for word in words(text)]
    return list(zip(*(lower[start:] for start in range(order))))


def diagnose(row: dict[str, Any], dialogue: str, references: list[str], entities: set[str]) -> dict[str, Any]:
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


def warn_of_unread_letters(references: Iterable[str]) -> list[str]:
    """A warning where ROUGE, which reads a to z and 0 to 9, does not see what the references say."""
    letters = [letter for text in references for letter in text if letter.isalnum()]
    unread = sum(not letter.isascii() for letter in letters) / len(letters) if letters else 1.0
    if unread < UNREAD_BY_ROUGE:
        return []
    return [f"ROUGE reads only a to z and 0 to 9: {100 * unread:.0f} % of the references' letters count for nothing"]
