"""Rows of a per-example table, seed by seed.

A method that depends on a seed has the rows of every seed, one after the other, each with its `seed`. A system that
depends on none has the rows of one run whose `seed` is None.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from pipeline.core.errors import InputError

Row = dict[str, Any]
UNKNOWN = "unknown"  # the seed of rows that were written before rows had seeds


def split_by_seed(rows: Sequence[Row]) -> dict[Any, list[Row]]:
    """Seed -> its rows, in the order given. Raises InputError where two seeds have other examples or another order."""
    by_seed: dict[Any, list[Row]] = {}
    for row in rows:
        by_seed.setdefault(row.get("seed", UNKNOWN), []).append(row)
    (first, expected), *others = [(seed, [row.get("id") for row in each]) for seed, each in by_seed.items()]
    for seed, ids in others:
        if ids != expected:
            raise InputError(f"seeds {first} and {seed} have rows of different examples: run `dvc repro` again")
    return by_seed


def by_seed(rows: Sequence[Row], columns: Sequence[str]) -> np.ndarray:
    """(seeds, examples, columns) of the rows; a system without seeds has 1 in the first place.

    Raises InputError where two seeds have other examples or another order.
    """
    values = [[[row[column] for column in columns] for row in each] for each in split_by_seed(rows).values()]
    return np.array(values, dtype=np.float64)


def example_ids(rows: Sequence[Row]) -> list[str]:
    """The examples of the rows, each once, in their order."""
    return list(dict.fromkeys(row["id"] for row in rows))


def known_seeds(rows: Sequence[Row]) -> list[int]:
    """The seeds of the rows; empty where the system depends on none, or they are not known."""
    return [seed for seed in split_by_seed(rows) if isinstance(seed, int)]


def count_seeds(rows: Sequence[Row]) -> int:
    """How many seeds the rows are of; 0 where the system depends on none."""
    seeds = {row.get("seed", UNKNOWN) for row in rows}
    return 0 if seeds == {None} else len(seeds)
