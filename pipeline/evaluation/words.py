"""The words of a text in any script: what ROUGE, diagnostics and near-duplicates count.

A word is a run of letters and digits with the marks on them (accents, vowel signs, harakat). Chinese, Japanese, Thai,
Lao, Khmer and Burmese are written without spaces between words: there every character with its marks is a word.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence

ENGLISH = "en"
SENTENCE_ENDS_WITHOUT_SPACE = "。！？｡"  # after which no space follows
SENTENCE_ENDS = f".!?…।॥؟۔።፧។။։{SENTENCE_ENDS_WITHOUT_SPACE}"
TITLES = ("Mr", "Mrs", "Ms", "Dr")  # English ones, whose full stop ends no sentence
CLOSING = "\"'”’»」』）)】》"  # quotes and brackets that still belong to the sentence
HAN_AND_KANA = ("CJK", "IDEOGRAPHIC", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "BOPOMOFO")
SOUTHEAST_ASIAN = ("THAI", "LAO", "KHMER", "MYANMAR", "TAI")
GLYPH_SELECTORS = "VARIATION", "COMBINING ENCLOSING KEYCAP"  # marks that make no other word
JOINERS = "\u200c\u200d"  # between letters of Persian and of Indic scripts
QUARTERS = {"H": 2, "S": 1}  # of a word, which has two or four characters on average in scripts without spaces
_ENGLISH_SENTENCE_END = re.compile("".join(rf"(?<!\b{title}\.)" for title in TITLES) + r"(?<=[.!?])\s+")
_DOTTED_I = str.maketrans("Iİ", "ıi")


class _Classes(dict[int, str]):
    """Code point -> L for a letter or digit, H and S for those of scripts without spaces, M for a mark, J for a joiner.

    What may stand inside a word is itself, all else a space.
    """

    def __missing__(self, code: int) -> str:
        self[code] = _class(chr(code))
        return self[code]


def _class(character: str) -> str:
    category, name = unicodedata.category(character), unicodedata.name(character, "")
    if category[0] == "M":
        return " " if name.startswith(GLYPH_SELECTORS) else "M"
    if category[0] in "LN":
        script = script_of(character)
        if category == "Nd" or script not in HAN_AND_KANA + SOUTHEAST_ASIAN:
            return "L"
        return "H" if script in HAN_AND_KANA else "S"
    if character in JOINERS:
        return "J"
    return {"’": "'"}.get(character, character if character in "#_'.,:" else " ")


_CLASSES = _Classes()
_CHARACTER = "[HS]M*"
_RUN = "L(?:[LM]|J+(?=L))*"
_WORD = re.compile(f"#[LHSM_]+#|{_CHARACTER}|{_RUN}(?:['.,:]{_RUN})*")
_PART = re.compile(f"{_CHARACTER}|{_RUN}")
# The same of texts that are all ASCII, as most English ones are: without classes it takes a tenth of the time.
_ASCII_WORD = re.compile("#[A-Za-z0-9_]+#|[A-Za-z0-9]+(?:['.,:][A-Za-z0-9]+)*")
_UNSPACED = re.compile("[HS]")


def script_of(character: str) -> str:
    """The first word of a letter's name in Unicode, which is its script: LATIN, CJK, DEVANAGARI."""
    name = unicodedata.name(character, "").removeprefix("HALFWIDTH ").removeprefix("FULLWIDTH ")
    return name.partition(" ")[0]


def normalize(text: str) -> str:
    """The text with every accent in one character where there is one (NFC): é may be written as e and an accent."""
    return unicodedata.normalize("NFC", text)


def _find(pattern: re.Pattern[str], text: str) -> Iterator[tuple[int, str]]:
    for match in pattern.finditer(text.translate(_CLASSES)):
        yield match.start(), text[match.start() : match.end()]


def located_words(text: str) -> Iterator[tuple[int, str]]:
    """Where each word begins, and the word: numbers ($1,200 has one) and #speaker tags# too. The text is normalized."""
    if text.isascii():
        return ((match.start(), match[0]) for match in _ASCII_WORD.finditer(text))
    return _find(_WORD, text)


def words(text: str) -> list[str]:
    """The words of `located_words`, as they are written."""
    if text.isascii():
        return _ASCII_WORD.findall(text)
    return [word for _, word in located_words(normalize(text))]


def parts(text: str, language: str) -> list[str]:
    """Words in lower case as ROUGE compares them, without what joins them: "Anna's" is two."""
    if language in ("tr", "az"):
        text = text.translate(_DOTTED_I)
    return [part for _, part in _find(_PART, normalize(text.lower()))]


def is_tag(word: str) -> bool:
    """Whether this is a speaker as DialogSum writes it: #Person1#."""
    return word.startswith("#")


def runs(words: Sequence[str], order: int) -> list[tuple[str, ...]]:
    """Every run of `order` words. In scripts without spaces a run has two or four times as many characters."""
    if all(map(str.isascii, words)):
        return list(zip(*(words[start:] for start in range(order))))
    quarters = [QUARTERS.get(_CLASSES[ord(word[0])], 4) for word in words]
    if sum(quarters) == 4 * len(words):
        return list(zip(*(words[start:] for start in range(order))))
    found, stop, size = [], 0, 0
    for start, own in enumerate(quarters):
        while size < 4 * order and stop < len(words):
            size += quarters[stop]
            stop += 1
        if size < 4 * order:
            break
        found.append(tuple(words[start:stop]))
        size -= own
    return found


def count_words(text: str) -> int:
    """What is between spaces; in scripts without spaces, characters."""
    if text.isascii() or not _UNSPACED.search(text.translate(_CLASSES)):
        return len(text.split())
    return sum(max(1, len(words(piece))) for piece in text.split())


def sentences(text: str, language: str) -> str:
    """The text with one sentence a line."""
    if language == ENGLISH:
        return _ENGLISH_SENTENCE_END.sub("\n", text.strip())
    text = re.sub(rf"([{SENTENCE_ENDS}][{CLOSING}]*)\s+", r"\1\n", text.strip())
    return re.sub(rf"([{SENTENCE_ENDS_WITHOUT_SPACE}][{CLOSING}]*)(?=[^\s{CLOSING}{SENTENCE_ENDS}])", r"\1\n", text)
