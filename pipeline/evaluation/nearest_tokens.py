"""Which tokens of a vocabulary are nearest to given vectors, and what is near in this vocabulary.

Embeddings are read in blocks, so that a vocabulary of 250,000 tokens needs no memory beside the model's own.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

BLOCK = 2**22  # values of a block: 32 MiB
SAMPLE = 256  # tokens, and random directions, whose own nearest tokens say what is near


@dataclass(frozen=True)
class Vocabulary:
    """rows: ids (n,) -> their embeddings (n, width), as the network reads them. ordinary: (tokens,), False where a
    token is special or unused.
    """

    rows: Callable[[np.ndarray], np.ndarray]
    ordinary: np.ndarray

    @cached_property
    def width(self) -> int:
        return self.rows(np.arange(1)).shape[1]

    def blocks(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """(ids, embeddings) of all tokens, in order."""
        tokens, size = len(self.ordinary), max(1, BLOCK // self.width)
        for start in range(0, tokens, size):
            ids = np.arange(start, min(tokens, start + size))
            yield ids, self.rows(ids).astype(np.float64)


@dataclass(frozen=True)
class Nearness:
    """What is usual in a vocabulary. norms: of its ordinary tokens. cosines: of a sample of them to the nearest other
    token. random: of random directions to their nearest token; both (SAMPLE,) and sorted.
    """

    norms: np.ndarray
    cosines: np.ndarray
    random: np.ndarray


def unit(vectors: np.ndarray) -> np.ndarray:
    """The vectors with length 1; a zero stays zero."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-30)


def cosine(vectors: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """(vectors, rows): 1 in the same direction."""
    return unit(vectors) @ unit(rows).T


def dot(vectors: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """(vectors, rows): what a network with tied weights would take as a logit."""
    return vectors @ rows.T


def minus_l2(vectors: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """(vectors, rows): minus the Euclidean distance, so that more is nearer, as in the others."""
    squared = (vectors**2).sum(axis=1)[:, None] + (rows**2).sum(axis=1) - 2 * vectors @ rows.T
    return -np.sqrt(np.maximum(squared, 0))


def nearest(
    vectors: np.ndarray,
    vocabulary: Vocabulary,
    count: int,
    measure: Callable[[np.ndarray, np.ndarray], np.ndarray] = cosine,
    itself: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Ids and measures of the nearest tokens, (vectors, count) each, the nearest first and of equals the lower id.

    itself: for each vector a token that does not count. A smaller vocabulary gives fewer than `count`.
    """
    vectors = vectors.astype(np.float64)
    ids: np.ndarray = np.empty((len(vectors), 0), dtype=np.int64)
    values: np.ndarray = np.empty((len(vectors), 0))
    for block, rows in vocabulary.blocks():
        measures = measure(vectors, rows)
        if itself is not None:
            measures[itself[:, None] == block] = -np.inf
        ids = np.hstack([ids, np.broadcast_to(block, measures.shape)])
        values = np.hstack([values, measures])
        order = _largest(values, count)
        ids, values = np.take_along_axis(ids, order, axis=1), np.take_along_axis(values, order, axis=1)
    return ids, values


def _largest(values: np.ndarray, count: int) -> np.ndarray:
    """The places of the `count` largest values of each row, in order; of equals the first."""
    left, places = values.copy(), []
    for _ in range(min(count, values.shape[1])):
        place = left.argmax(axis=1)
        np.put_along_axis(left, place[:, None], -np.inf, axis=1)
        places.append(place)
    return np.stack(places, axis=1)


def usual_nearness(vocabulary: Vocabulary) -> Nearness:
    """What is near in this vocabulary: the same in every run of the same base."""
    rng = np.random.default_rng(0)
    ordinary = np.flatnonzero(vocabulary.ordinary)
    sample = np.sort(rng.choice(ordinary, min(SAMPLE, len(ordinary)), replace=False))
    directions = rng.normal(size=(SAMPLE, vocabulary.width))
    norms = [np.linalg.norm(rows[vocabulary.ordinary[ids]], axis=1) for ids, rows in vocabulary.blocks()]
    _, cosines = nearest(vocabulary.rows(sample), vocabulary, 1, itself=sample)
    _, random = nearest(directions, vocabulary, 1)
    return Nearness(np.concatenate(norms), np.sort(cosines[:, 0]), np.sort(random[:, 0]))


def clusters(vectors: np.ndarray, near: float) -> np.ndarray:
    """The number of each vector's cluster, from 1 on in the order of their first members; (vectors,).

    Average linkage over cosines: two clusters are one where the mean cosine of their members is above `near`.
    """
    if len(vectors) < 2:
        return np.ones(len(vectors), dtype=np.int64)
    from scipy.cluster import hierarchy

    distances = np.clip(1 - cosine(vectors, vectors), 0, 2)
    above_diagonal = distances[np.triu_indices(len(vectors), k=1)]
    found = hierarchy.fcluster(hierarchy.linkage(above_diagonal, "average"), 1 - near, "distance")
    numbers = {label: number for number, label in enumerate(dict.fromkeys(found), start=1)}
    return np.array([numbers[label] for label in found])
