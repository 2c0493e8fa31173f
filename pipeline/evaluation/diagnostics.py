"""What is wrong with a summary, whatever it says: cut off, empty, stuttering, too long, copied or made up."""

import re
import statistics
from collections.abc import Iterable

TAG = re.compile(r"#\w+#")  # a speaker, as DialogSum writes it
TITLE = re.compile(r"\b(Mr|Mrs|Ms|Dr)\.(?= )")  # its full stop ends no sentence
WORD = re.compile(r"#\w+#|[^\W_]+(?:['’.,:][^\W_]+)*")


def words(text: str) -> list[str]:
    """Words, numbers ($1,200 is one) and speaker tags, as they are written."""
    return WORD.findall(text)


def inner_names(texts: Iterable[str]) -> set[str]:
    """Words that begin with a capital letter inside a sentence: names, days, months.

    At a sentence's start a capital says nothing, unless the same word is a name elsewhere.
    """
    found = set()
    for text in texts:
        text = TITLE.sub(r"\1", text)
        for match in WORD.finditer(text):
            before, word = text[: match.start()].rstrip(" ")[-1:], _bare(match[0])
            if (before.isalnum() or before in (",", "'", "’", "-")) and word[0].isupper() and len(word) > 1:
                found.add(word)
    return found - {"OK", "Okay", "Mr", "Mrs", "Ms", "Dr"}


def unsupported(prediction: str, dialogue: str, names: set[str]) -> list[str]:
    """Names, numbers and speaker tags of a summary that its dialogue does not have.

    A name is a word of `names`, or one with a capital inside a sentence of the summary itself.
    """
    names = names | inner_names([prediction])
    said = {_plain(word) for word in words(dialogue)}
    claims = [word for word in words(prediction) if _bare(word) in names or word[0].isdigit() or TAG.fullmatch(word)]
    return sorted({_bare(word) for word in claims if _plain(word) not in said})


def _bare(word: str) -> str:
    """Without a possessive or contracted ending."""
    return word if word.startswith("#") else re.split("['’]", word)[0]


def _plain(word: str) -> str:
    return _bare(word).lower().replace(",", "").strip("#")


def repeats(text: str, order: int = 3) -> bool:
    """Whether a run of `order` words comes more than once."""
    runs = _ngrams(text, order)
    return len(set(runs)) < len(runs)


def novel_bigrams(prediction: str, dialogue: str) -> float | None:
    """Percent of the summary's word pairs that the dialogue does not have: 0 is copied. None without a pair."""
    pairs = set(_ngrams(prediction, 2))
    return 100 * len(pairs - set(_ngrams(dialogue, 2))) / len(pairs) if pairs else None


def _ngrams(text: str, order: int) -> list[tuple[str, ...]]:
    lower = [word.lower() for word in words(text)]
    return list(zip(*(lower[start:] for start in range(order))))


def check(row: dict, dialogue: str, references: list[str], names: set[str]) -> dict:
    """A dialogue's columns: what is wrong with `row`'s prediction.

    `cut` is whether it reached the limit before its end token; None where the row does not say (`ended`).
    """
    text, ended = row["prediction"], row.get("ended")
    wanted = statistics.fmean(len(words(reference)) for reference in references)
    return {
        "cut": not ended if isinstance(ended, bool) else None,
        "empty": not text.strip(),
        "repeats": repeats(text),
        "words": len(words(text)),
        "length_ratio": len(words(text)) / wanted if wanted else None,
        "novel_bigrams": novel_bigrams(text, dialogue),
        "unsupported": unsupported(text, dialogue, names),
    }
