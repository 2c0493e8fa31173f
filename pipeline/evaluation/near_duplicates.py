"""Near-duplicates between splits: held-out dialogues that look much like one of train.

MinHash finds the candidates (Broder, 1997), the exact Jaccard similarity of their word trigrams decides.
"""

from pipeline.evaluation import diagnostics

PERMUTATIONS = 128
WEIGHTS = (0.1, 0.9)  # of a candidate too many, and of one missed: the former costs one exact comparison
MARGIN = 0.75  # candidates are sought from this share of the threshold on: MinHash estimates, and may be off by a tenth


def nearest(train: list[dict], held_out: list[dict], threshold: float) -> dict[str, tuple[str, float]]:
    """Held-out id -> (id of the train dialogue most like it, Jaccard), for those at or above the threshold."""
    from datasketch import MinHash, MinHashLSH

    known = {record["id"]: trigrams(record["dialogue"]) for record in train}
    asked = {record["id"]: trigrams(record["dialogue"]) for record in held_out}
    index = MinHashLSH(threshold=MARGIN * threshold, num_perm=PERMUTATIONS, weights=WEIGHTS)
    for name, sketch in zip(known, MinHash.bulk([_bytes(one) for one in known.values()], num_perm=PERMUTATIONS)):
        index.insert(name, sketch)
    found = {}
    for name, sketch in zip(asked, MinHash.bulk([_bytes(one) for one in asked.values()], num_perm=PERMUTATIONS)):
        alike = {other: jaccard(asked[name], known[other]) for other in index.query(sketch)}
        best = max(alike, key=lambda other: (alike[other], other), default=None)
        if best is not None and alike[best] >= threshold:
            found[name] = (best, alike[best])
    return found


def trigrams(dialogue: str) -> set[tuple[str, ...]]:
    """Runs of three words, in lower case; a shorter text is one run."""
    words = [word.lower() for word in diagnostics.words(dialogue)]
    return set(zip(words, words[1:], words[2:])) or {tuple(words)}


def jaccard(one: set, other: set) -> float:
    """Shared among all."""
    return len(one & other) / len(one | other)


def _bytes(runs: set[tuple[str, ...]]) -> list[bytes]:
    return [" ".join(run).encode() for run in sorted(runs)]
