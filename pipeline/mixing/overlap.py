"""Which examples of a mixture are much like an example that is measured: exact, in one pass over the mixture."""

from collections.abc import Iterable

import numpy as np

from pipeline.evaluation.near_duplicates import trigrams


class MeasuredTexts:
    """The texts that methods are measured on, by the word trigrams that they hold."""

    def __init__(self, texts: Iterable[str]) -> None:
        holders: dict[tuple[str, ...], list[int]] = {}
        sizes = []
        for number, text in enumerate(texts):
            found = trigrams(text)
            sizes.append(len(found))
            for run in found:
                holders.setdefault(run, []).append(number)
        self._sizes = np.array(sizes, dtype=np.int64)
        self._holders = {run: np.array(numbers) for run, numbers in holders.items()}

    def similarity(self, text: str) -> float:
        """The largest Jaccard index of word trigrams of the text and a measured one; 0 where they share none."""
        found = trigrams(text)
        if not (holders := [self._holders[run] for run in found if run in self._holders]):
            return 0.0
        shared = np.bincount(np.concatenate(holders), minlength=len(self._sizes))
        return float((shared / (len(found) + self._sizes - shared)).max())
