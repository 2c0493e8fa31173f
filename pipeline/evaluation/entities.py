"""Names, numbers and speaker tags of a summary that its dialogue does not have.

What is a name follows from how the texts of the test set write a word. A capital at the start of a sentence alone says
nothing: "They" and "The" have one too.
"""

import functools
import itertools
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from pipeline.evaluation import number_words
from pipeline.evaluation.words import ENGLISH, TITLES, is_tag, located_words, normalize, words

# Languages in which a capital letter tells a name, and a name is written alike wherever it occurs. German writes all
# nouns with one; Russian, Polish, Turkish or Finnish decline names.
NAMES_HAVE_CAPITALS = ("en", "fr", "es", "pt", "it", "ca", "gl", "nl", "af", "da", "sv", "no", "nb", "nn", "vi", "id")
NO_NAMES = {"OK", "Okay", *TITLES}
DAYS = {"today", "tomorrow", "yesterday", "tonight"}  # weekdays have capitals
# So many different words in lower case say enough about which words begin a sentence: some 15 dialogues.
ENOUGH_WORDS = 500
_TITLE = re.compile(rf"\b({'|'.join(TITLES)})\.\s*(?=\w)")


@dataclass(frozen=True)
class Entities:
    """How the texts write their words: counts of those with a capital inside a sentence, and of those in lower case.

    Without capitals that tell names (`capitals`), only numbers and speaker tags are checked.
    """

    language: str
    capitals: bool
    inside: Counter[str] = field(default_factory=Counter)
    lower: Counter[str] = field(default_factory=Counter)

    def names(self, text: str) -> list[str]:
        """The words of a text that are names, as they are written, without possessive endings.

        A word with a capital is a name if, in the texts and in this one, it has the capital inside sentences more often
        than it is in lower case. One that occurs only at the start of sentences is a name if it is nowhere in lower
        case, and the texts have enough words to say so.
        """
        if not self.capitals:
            return []
        located = _located(text)
        own = Counter(located)
        known = len(self.lower) >= ENOUGH_WORDS

        def is_name(word: str) -> bool:
            capital = self.inside[word] + own[word, "inside"]
            small = self.lower[word.lower()] + own[word.lower(), "lower"]
            return capital > small if capital else known and not small

        return [word for word, where in located if where != "lower" and word not in NO_NAMES and is_name(word)]


def find_entities(texts: Iterable[str], language: str) -> Entities:
    """What the texts say of names."""
    entities = Entities(language, capitals=language in NAMES_HAVE_CAPITALS)
    if entities.capitals:
        for (word, where), count in Counter(itertools.chain.from_iterable(map(_located, texts))).items():
            if where != "start":
                (entities.inside if where == "inside" else entities.lower)[word] = count
    return entities


def _located(text: str) -> list[tuple[str, str]]:
    """Each word that is no number or tag, without its ending, and how it occurs: inside, lower or start."""
    text, found = _spaced_titles(normalize(text)), []
    for begin, located in located_words(text):
        first = located[0]
        if not first.isalpha():
            continue
        word = located if located.isalnum() else _without_ending(located)
        if not first.isupper():
            found.append((word, "lower"))
        elif len(word) > 1:
            while begin and text[begin - 1] == " ":
                begin -= 1
            before = text[begin - 1 : begin]
            inside = before.isalnum() or before in (",", "'", "’", "-")
            found.append((word, "inside" if inside else "start"))
    return found


def _spaced_titles(text: str) -> str:
    """ "Mr.Lee" is two words, and in one sentence."""
    return _TITLE.sub(r"\1 ", text) if "." in text else text


def claimed_entities(text: str, entities: Entities) -> list[str]:
    """Names, numbers and speaker tags of a summary, each once.

    In English also number words from four on, and days such as tomorrow.
    """
    names = set(entities.names(text))
    further = number_words.CLAIMS | DAYS if entities.language == ENGLISH else frozenset[str]()
    return sorted(
        {
            word
            for word in map(_without_ending, _words(text))
            if word in names or word[:1].isdigit() or is_tag(word) or word.lower() in further
        }
    )


def unsupported_entities(text: str, dialogue: str, entities: Entities) -> list[str]:
    """The claimed entities of a summary that its dialogue does not have."""
    return not_said(claimed_entities(text, entities), dialogue, entities.language)


def not_said(claimed: list[str], dialogue: str, language: str) -> list[str]:
    """Those of the claimed entities that the dialogue does not have."""
    said = said_forms(dialogue, language)
    return [word for word in claimed if _form(word) not in said]


@functools.lru_cache(maxsize=1024)  # of a dialogue, for its summary by each seed and for its references
def said_forms(dialogue: str, language: str) -> frozenset[str]:
    """The words of a dialogue in the forms that count as the same word."""
    spoken = [_without_ending(word) for word in _words(dialogue)]
    forms = [_form(word) for word in spoken]
    capitals = {".".join(word.lower()) for word in spoken if word.isupper()}  # US is U.S, and "us" is not
    return frozenset({*forms, *capitals, *(number_words.other_forms(forms) if language == ENGLISH else ())})


def _words(text: str) -> list[str]:
    return words(_spaced_titles(text))


def _without_ending(word: str) -> str:
    """Without a possessive or contracted ending."""
    if word.isalnum() or is_tag(word):
        return word
    return word.replace("’", "'").partition("'")[0]


def _form(word: str) -> str:
    """In lower case, digits of every script as 0 to 9, without what separates thousands or marks a speaker."""
    word = word.lower().replace(",", "").strip("#")
    return word if word.isascii() else "".join(str(unicodedata.decimal(letter, letter)) for letter in word)
