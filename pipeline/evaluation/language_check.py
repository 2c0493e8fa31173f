"""Can the tokenizers of score.language read the references? Scores of texts that they drop say nothing.

rouge_score's English tokenizer keeps a to z and 0 to 9 alone: of Chinese it leaves the digits, and a wrong summary with
the right digit has every point. `prepare` asks before hours of training, the stages that score ask again.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from pipeline.core.errors import InputError
from pipeline.evaluation.rouge_bleu import bleu_tokenizer
from pipeline.evaluation.words import ENGLISH, HAN_AND_KANA, SOUTHEAST_ASIAN, normalize, script_of, words
from pipeline.parameters.languages import NAMES

# Share of the words that a warning begins with. Words and not letters: 1.5 % of German's letters are umlauts or ß, but
# they break 8.5 % of its words.
BROKEN_WORDS = 0.02
LIKELY_LANGUAGE = {  # of a script; the first word of its letters' names
    **{"CJK": "zh", "IDEOGRAPHIC": "zh", "BOPOMOFO": "zh", "HIRAGANA": "ja", "KATAKANA": "ja"},
    **{"KATAKANA-HIRAGANA": "ja", "HANGUL": "ko", "CYRILLIC": "ru", "GREEK": "el", "ARMENIAN": "hy"},
    **{"GEORGIAN": "ka", "ARABIC": "ar", "HEBREW": "he", "THAANA": "dv", "DEVANAGARI": "hi"},
    **{"BENGALI": "bn", "GURMUKHI": "pa", "GUJARATI": "gu", "ORIYA": "or", "TAMIL": "ta", "TELUGU": "te"},
    **{"KANNADA": "kn", "MALAYALAM": "ml", "SINHALA": "si", "THAI": "th", "LAO": "lo", "TIBETAN": "bo"},
    **{"MYANMAR": "my", "KHMER": "km", "ETHIOPIC": "am", "MONGOLIAN": "mn", "CHEROKEE": "chr", "LATIN": "en"},
    **{"OL": "sat", "MEETEI": "mni", "TIFINAGH": "tzm", "YI": "ii", "TAI": "shn"},
}
KANA = ("HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA")
KANA_OF_JAPANESE = 0.1  # the least share of kana among Han and kana letters; mostly it is half


def check_language(references: Iterable[str], language: str, where: object) -> list[str]:
    """Warnings of what scores in this language do not read, at most two.

    Raises InputError, which begins with `where`, if they read less than half of most references.
    """
    texts = list(references)
    reads = _reader(language)
    unread = [_is_unread(text, reads) for text in texts]
    if 2 * sum(unread) > len(texts):
        raise InputError(f"{where}: {_refusal(texts, sum(unread), language, reads)}")
    warnings = []
    if any(unread):
        warnings.append(
            f"score.language={language} does not read {sum(unread)} of {len(texts)} references: they score 0 or "
            "count parts of the text only"
        )
    if language == ENGLISH and (share := _broken_share(texts, reads)) >= BROKEN_WORDS:
        warnings.append(
            f"ROUGE reads only a to z and 0 to 9: {100 * share:.0f} % of the references' words have other letters and "
            "are broken or lost; if they are not English set score.language"
        )
    return warnings


def _refusal(texts: list[str], unread: int, language: str, reads: Callable[[str], bool]) -> str:
    found = Counter(script_of(letter) for text in texts for letter in _letters(text) if not reads(letter))
    if not found and not any(map(words, texts)):
        return "no reference holds a letter or a digit: there is nothing to score"
    script, likely = _likely_language(found)
    advice = f"set score.language={likely}" if likely else "set score.language to that of the texts"
    if likely and script != "Latin":
        advice += f" for {NAMES.get(likely, likely)}, or the code of another language of this script"
    elif likely:
        advice += " for English, or the code of the texts' language"
    return (
        f"score.language={language} cannot read {unread} of {len(texts)} references, which are written in {script} "
        f"letters: their scores would mean nothing; {advice}"
    )


def _likely_language(found: Counter[str]) -> tuple[str, str | None]:
    """The script of most letters that are not read, and the language that it suggests."""
    japanese, characters = sum(found[name] for name in KANA), sum(found[name] for name in HAN_AND_KANA)
    script = found.most_common(1)[0][0] if found else "unknown"
    if characters > found.total() / 2:
        return ("Japanese", "ja") if japanese >= KANA_OF_JAPANESE * characters else ("Chinese", "zh")
    return script.capitalize(), LIKELY_LANGUAGE.get(script)


def _reader(language: str) -> Callable[[str], bool]:
    """Whether a letter is read as the part of a word that it is, by ROUGE's and BLEU's tokenizers of this language."""
    tokenizer = bleu_tokenizer(language)
    if language == ENGLISH:
        return lambda letter: letter.lower().isascii()
    if tokenizer == "zh":  # splits Chinese into characters, and other texts as English
        return lambda letter: (
            script_of(letter) not in (*KANA, *SOUTHEAST_ASIAN)
            and (letter.isascii() or script_of(letter) in HAN_AND_KANA or script_of(letter) == "LATIN")
        )
    unspaced = (*HAN_AND_KANA, *SOUTHEAST_ASIAN)
    if tokenizer == "char":  # splits every word into letters
        return lambda letter: script_of(letter) in unspaced
    return lambda letter: script_of(letter) not in unspaced


def _is_unread(text: str, reads: Callable[[str], bool]) -> bool:
    """Whether most words of a text lose most of their letters; numbers are read always."""
    if not _loses_letters(text, reads):
        return not words(text)
    found = [list(_letters(word)) for word in words(text)]
    if not found:
        return True
    spelled = [letters for letters in found if letters]
    lost = sum(2 * sum(map(reads, letters)) < len(letters) for letters in spelled)
    return 2 * lost > len(spelled)


def _broken_share(texts: list[str], reads: Callable[[str], bool]) -> float:
    """The share of the words with letters that have a letter which is not read."""
    spelled = broken = 0
    for text in texts:
        with_letters = [word for word in words(text) if any(map(str.isalpha, word))]
        spelled += len(with_letters)
        if _loses_letters(text, reads):
            broken += sum(not all(map(reads, _letters(word))) for word in with_letters)
    return broken / max(1, spelled)


def _loses_letters(text: str, reads: Callable[[str], bool]) -> bool:
    """Whether any letter of a text is not read."""
    return not all(map(reads, _letters("".join(set(normalize(text))))))


def _letters(text: str) -> Iterator[str]:
    return (letter for letter in text if letter.isalpha())
