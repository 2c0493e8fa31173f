"""Which examples of a mixture are much like an example that is measured: exact, in one pass over the mixture."""

from collections import Counter
from collections.abc import Iterable

from pipeline.evaluation.near_duplicates import trigrams


class MeasuredTexts:
    """The texts that methods are measured on, by the word trigrams that they hold."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._sizes: list[int] = []
        self._holders: dict[tuple[str, ...], list[int]] = {}
        for number, text in enumerate(texts):
            found = trigrams(text)
            self._sizes.append(len(found))
            for run in found:
                self._holders.setdefault(run, []).append(number)

    def similarity(self, text: str) -> float:
        """The largest Jaccard index of word trigrams of the text and a measured one; 0 where they share none."""
        found = trigrams(text)
        shared = Counter(number for run in found for number in self._holders.get(run, ()))
        return max(
            (common / (len(found) + self._sizes[number] - common) for number, common in shared.items()), default=0.0
        )
