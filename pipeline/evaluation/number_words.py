"""Numbers up to 99 as English words and as digits, which are the same claim: seven and 7, twenty-five and 25."""

import itertools
from collections.abc import Sequence

_UNITS = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_VALUES = {word: value for value, word in enumerate(_UNITS)} | {word: 10 * k for k, word in enumerate(_TENS, start=2)}
# People count what is plain to see ("the two friends", "asks three questions"): of DialogSum's references half of the
# threes were never said, and of the larger numbers none.
CLAIMS = frozenset(_VALUES) - {"zero", "one", "two", "three"}


def other_forms(words: Sequence[str]) -> set[str]:
    """The numbers among lower-case words in their other form: digits of words, words of digits up to 99."""
    found = {str(_VALUES[word]) for word in words if word in _VALUES}
    for first, second in itertools.pairwise(words):
        if first in _TENS and second in _UNITS[1:10]:
            found.add(str(_VALUES[first] + _VALUES[second]))
    for word in words:
        if word.isascii() and word.isdecimal() and int(word) < 100:
            tens, unit = divmod(int(word), 10)
            found |= {_UNITS[int(word)]} if int(word) < 20 else {_TENS[tens - 2], _UNITS[unit]}
    return found
