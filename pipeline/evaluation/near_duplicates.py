"""Near-duplicates between splits: validation and test examples that are much like one of train.

MinHash finds the candidates (Broder, 1997), the exact Jaccard similarity of their word trigrams decides. In scripts
without spaces these are runs of as many characters as three words have.
"""

from collections.abc import Sequence, Set
from typing import Any

from pipeline.evaluation.words import runs, words

PERMUTATIONS = 128
WEIGHTS = (0.1, 0.9)  # of a false candidate, and of a missed one: the former costs one exact comparison
SEARCH_FROM = 0.75  # share of the threshold: MinHash's estimates may be off by a tenth

Trigrams = Set[tuple[str, ...]]


def nearest(
    train: list[dict[str, Any]], others: list[dict[str, Any]], fields: Sequence[str], threshold: float
) -> dict[str, tuple[str, float]]:
    """id of another split's record -> (id of the most similar train record, Jaccard), at or above the threshold.

    fields: those of the records whose words are compared.
    """
    from datasketch import MinHashLSH

    train_trigrams, other_trigrams = (
        {record["id"]: trigrams("\n".join(record[field] for field in fields)) for record in records}
        for records in (train, others)
    )
    index = MinHashLSH(threshold=SEARCH_FROM * threshold, num_perm=PERMUTATIONS, weights=WEIGHTS)
    for name, sketch in _sketches(train_trigrams).items():
        index.insert(name, sketch)
    similar = {}
    for name, sketch in _sketches(other_trigrams).items():
        similarity = {other: jaccard(other_trigrams[name], train_trigrams[other]) for other in index.query(sketch)}
        best = max(similarity, key=lambda other: (similarity[other], other), default=None)
        if best is not None and similarity[best] >= threshold:
            similar[name] = (best, similarity[best])
    return similar


def trigrams(text: str) -> Trigrams:
    """Runs of three words, in lower case; a shorter text is one run, one without a word itself."""
    lower = [word.lower() for word in words(text)]
    return set(runs(lower, 3)) or {tuple(lower) or (text,)}


def jaccard(one: Trigrams, other: Trigrams) -> float:
    """Shared trigrams as a share of all, in [0, 1]."""
    return len(one & other) / len(one | other)


def _sketches(texts: dict[str, Trigrams]) -> dict[str, Any]:
    from datasketch import MinHash

    encoded = [[" ".join(run).encode() for run in sorted(runs)] for runs in texts.values()]
    return dict(zip(texts, MinHash.bulk(encoded, num_perm=PERMUTATIONS)))
