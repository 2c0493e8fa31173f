"""Changes of how an input is written, which change nothing of what it says.

Each takes a text and a random number generator and returns the changed text, or the same text where there is nothing to
change. Liang et al. (2023), Holistic Evaluation of Language Models, appendix D.1, has most of them.
"""

import random
import re
from collections.abc import Callable

FILLERS = ("um,", "uh,", "well,", "you know,", "I mean,", "so,")
# Written out -> contracted. Only pairs of which each stands for the other: "he's" is "he is" or "he has".
CONTRACTIONS = {
    **{f"{word} not": f"{word}n't" for word in ("do", "does", "did", "is", "are", "was", "were", "have", "has", "had")},
    **{f"{word} not": f"{word}n't" for word in ("would", "could", "should", "must", "need")},
    **{"cannot": "can't", "will not": "won't", "i am": "i'm", "let us": "let's"},
    **{f"{word} are": f"{word}'re" for word in ("you", "we", "they")},
    **{f"{word} have": f"{word}'ve" for word in ("i", "you", "we", "they")},
    **{f"{word} will": f"{word}'ll" for word in ("i", "you", "he", "she", "it", "we", "they", "that")},
    **{f"{word} is": f"{word}'s" for word in ("it", "that", "what", "there", "here", "where")},
}
_BEGIN_SENTENCES = {
    *("yes", "no", "oh", "okay", "sure", "hello", "hi", "good", "thank", "thanks", "please", "sorry", "of", "in", "at"),
    *("what", "how", "why", "when", "where", "who", "which", "do", "does", "did", "is", "are", "was", "can", "could"),
    *("would", "will", "should", "have", "has", "you", "we", "they", "he", "she", "it", "that", "this", "there", "the"),
    *("a", "my", "your", "our", "and", "but", "if", "then", "not", "all", "let", "maybe", "right", "sir", "one"),
}
WRITTEN_OUT = {short: full for full, short in CONTRACTIONS.items()}
_EITHER = re.compile(
    "|".join(rf"\b{re.escape(one)}\b" for one in sorted((*CONTRACTIONS, *WRITTEN_OUT), key=len, reverse=True)),
    re.IGNORECASE,
)
_WORD = re.compile(r"(?<![\w#'’-])[^\W\d_]{4,}(?![\w#'’-])")
_TURN = re.compile(r"^(?P<speaker>[^\W\d][^:\n]{0,39}: |#[^#\n]+#: )?(?=\S)", re.MULTILINE)


def typos(text: str, rng: random.Random, share: float) -> str:
    """A share of the words of four lower-case letters or more with two letters swapped, one left out or one doubled.

    Names, numbers and speakers stay as they are: a summary has to repeat them.
    """
    places = [match.span() for match in _WORD.finditer(text) if match[0].islower()]
    if not places:
        return text
    chosen = rng.sample(places, max(1, round(share * len(places))))
    return replace_spans(text, [(begin, end, _slip(text[begin:end], rng)) for begin, end in chosen])


def _slip(word: str, rng: random.Random) -> str:
    """The word with a slip inside; its first letter stays."""
    at = rng.randrange(1, len(word) - 1)
    slips = [
        word[:at] + word[at + 1] + word[at] + word[at + 2 :],
        word[:at] + word[at + 1 :],
        word[: at + 1] + word[at:],
    ]
    return rng.choice([slip for slip in slips if slip != word])


def lower_case(text: str, rng: random.Random) -> str:
    """Everything in lower case."""
    return text.lower()


def fillers(text: str, rng: random.Random, share: float) -> str:
    """A share of the turns, or lines, begins with a filler."""
    places = [match.end() for match in _TURN.finditer(text)]
    if not places:
        return text
    chosen = rng.sample(places, max(1, round(share * len(places))))
    words = [rng.choice(FILLERS) for _ in chosen]
    return replace_spans(
        text,
        [
            (at, at + 1, f"{word[0].upper()}{word[1:]} {_inside_sentence(text[at:], text)}")
            for at, word in zip(chosen, words)
        ],
    )


def _inside_sentence(rest: str, text: str) -> str:
    """The first letter of what now comes after a filler: small, where the word is known to be written so."""
    word = re.match(r"\w*", rest)[0].lower()  # type: ignore[index]
    small = word in _BEGIN_SENTENCES or re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) if word else None
    return rest[0].lower() if small and word != "i" else rest[0]


def contractions(text: str, rng: random.Random) -> str:
    """What is contracted is written out, and what is written out is contracted."""

    def exchange(match: re.Match[str]) -> str:
        known, after = match[0].lower(), match.string[match.end() :]
        if known in CONTRACTIONS and not known.endswith("not") and not re.match(r" \w", after):
            return match[0]  # "here it is, 54201" has no short form
        if known.endswith("n't") and re.match(r" (?:i|you|he|she|it|we|they|that|there)\b", after, re.IGNORECASE):
            return match[0]  # "didn't he" has no long form in this order
        other = CONTRACTIONS.get(known) or WRITTEN_OUT[known]
        return other[0].upper() + other[1:] if match[0][0].isupper() or other.startswith("i'") else other

    return re.sub(r"\bi(?= (?:am|have|will)\b)", "I", _EITHER.sub(exchange, text.replace("’", "'")))


def speaker_exchange(text: str) -> Callable[[str], str]:
    """What exchanges the speakers of a dialogue, whatever they are called, in any text about it.

    A speaker is what begins half of the lines or more, with a colon. The first takes the place of the second, and the
    last that of the first. Without two of them nothing is exchanged.
    """
    lines = [line for line in text.split("\n") if line.strip()]
    spoken = [match["speaker"] for line in lines if (match := _TURN.match(line)) and match["speaker"]]
    names = list(dict.fromkeys(speaker.removesuffix(": ") for speaker in spoken))
    if len(names) < 2 or 2 * len(spoken) < len(lines):
        return lambda about: about
    return word_replacement(dict(zip(names, [*names[1:], names[0]])))


def word_replacement(words: dict[str, str]) -> Callable[[str], str]:
    """What replaces whole words of a text, as they are written, all at once."""
    if not words:
        return lambda text: text
    listed = "|".join(map(re.escape, sorted(words, key=len, reverse=True)))
    pattern = re.compile(rf"(?<!\w)(?:{listed})(?!\w)")
    return lambda text: pattern.sub(lambda match: words[match[0]], text)


def replace_spans(text: str, spans: list[tuple[int, int, str]]) -> str:
    """The text with (begin, end, new) put in."""
    for begin, end, new in sorted(spans, reverse=True):
        text = text[:begin] + new + text[end:]
    return text
