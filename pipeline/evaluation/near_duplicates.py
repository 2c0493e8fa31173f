"""Near-duplicates between splits: validation and test examples that are much like one of train.

MinHash finds the candidates (Broder, 1997), the exact Jaccard similarity of their word trigrams decides. In scripts
without spaces these are runs of as many characters as three words have. The held-out examples are indexed and those of
train pass by, so memory grows with the held-out examples alone.
"""

import itertools
from collections.abc import Iterable, Sequence, Set
from typing import Any

import numpy as np

from pipeline.evaluation.words import runs, words

PERMUTATIONS = 128
WEIGHTS = (0.1, 0.9)  # of a false candidate, and of a missed one: the former costs one exact comparison
SEARCH_FROM = 0.75  # share of the threshold: MinHash's estimates may be off by a tenth
AT_A_TIME = 1000  # examples of train whose trigrams are in memory together

Record = dict[str, Any]
Trigrams = Set[tuple[str, ...]]
Match = tuple[str, float]  # id of the most similar train record, Jaccard


def nearest(train: Iterable[Record], others: list[Record], fields: Sequence[str], threshold: float) -> dict[str, Match]:
    """id of another split's record -> its `Match`, at or above the threshold.

    fields: those of the records whose words are compared.
    """
    found = nearest_of_each(train, others, fields, threshold)
    return {others[number]["id"]: match for number, match in found.items()}


def nearest_of_each(
    train: Iterable[Record], others: Iterable[Record], fields: Sequence[str], threshold: float
) -> dict[int, Match]:
    """`nearest` by the number of the other record, in their order. Both are read once, `others` first."""
    from datasketch import MinHashLSH

    index = MinHashLSH(threshold=SEARCH_FROM * threshold, num_perm=PERMUTATIONS, weights=WEIGHTS)
    hashes: list[Any] = []
    for _, found, sketch in _sketched(others, fields):
        index.insert(len(hashes), sketch)
        hashes.append(_hashes(found))
    best: dict[int, tuple[float, str]] = {}
    for record, found, sketch in _sketched(train, fields):
        candidates = index.query(sketch)
        own = _hashes(found) if candidates else None
        for number in candidates:
            similarity = _jaccard_of_hashes(own, hashes[number])
            if similarity >= threshold:
                best[number] = max((similarity, record["id"]), best.get(number, (0.0, "")))
    return {number: (name, similarity) for number, (similarity, name) in sorted(best.items())}


def trigrams(text: str) -> Trigrams:
    """Runs of three words, in lower case; a shorter text is one run, one without a word itself."""
    lower = [word.lower() for word in words(text)]
    return set(runs(lower, 3)) or {tuple(lower) or (text,)}


def jaccard(one: Trigrams, other: Trigrams) -> float:
    """Shared trigrams as a share of all, in [0, 1]."""
    return len(one & other) / len(one | other)


def _sketched(records: Iterable[Record], fields: Sequence[str]) -> Iterable[tuple[Record, Trigrams, Any]]:
    """Each record with its trigrams and their MinHash."""
    from datasketch import MinHash

    left = iter(records)
    while some := list(itertools.islice(left, AT_A_TIME)):
        found = [trigrams("\n".join(record[field] for field in fields)) for record in some]
        encoded = ([" ".join(run).encode() for run in each] for each in found)
        yield from zip(some, found, MinHash.generator(encoded, num_perm=PERMUTATIONS))


def _hashes(found: Trigrams) -> Any:
    """The trigrams as numbers of 64 bits, in which two different ones are never the same in practice."""
    return np.fromiter(map(hash, found), dtype=np.int64, count=len(found))


def _jaccard_of_hashes(one: Any, other: Any) -> float:
    shared = len(np.intersect1d(one, other, assume_unique=True))
    return shared / (len(one) + len(other) - shared)
