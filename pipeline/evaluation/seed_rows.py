"""Rows of a per-example table, seed by seed.

A method that depends on a seed has the rows of every seed, one after the other, each with its `seed`. A system that
depends on none has the rows of one run whose `seed` is None.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from pipeline.core.errors import InputError
from pipeline.evaluation.example_table import ExampleTable

Row = dict[str, Any]
UNKNOWN = "unknown"  # the seed of rows that were written before rows had seeds


def split_by_seed(rows: Sequence[Row]) -> dict[Any, Sequence[Row]]:
    """Seed -> its rows, in the order given. Raises InputError where two seeds have other examples or another order."""
    seeds = _seeds(rows)
    found = {seed: _rows_of(seed, rows, seeds) for seed in dict.fromkeys(seeds)}
    (first, expected), *others = [(seed, _ids(each)) for seed, each in found.items()]
    for seed, ids in others:
        if ids != expected:
            raise InputError(f"seeds {first} and {seed} have rows of different examples: run `dvc repro` again")
    return found


def _seeds(rows: Sequence[Row]) -> list[Any]:
    if isinstance(rows, ExampleTable):
        return rows.values("seed") if rows.has("seed") else [UNKNOWN] * len(rows)
    return [row.get("seed", UNKNOWN) for row in rows]


def _rows_of(seed: Any, rows: Sequence[Row], seeds: list[Any]) -> Sequence[Row]:
    if isinstance(rows, ExampleTable):
        return rows.where([one == seed for one in seeds])
    return [row for row, one in zip(rows, seeds) if one == seed]


def _ids(rows: Sequence[Row]) -> list[Any]:
    if isinstance(rows, ExampleTable):
        return rows.values("id") if rows.has("id") else [None] * len(rows)
    return [row.get("id") for row in rows]


def by_seed(rows: Sequence[Row], columns: Sequence[str]) -> np.ndarray:
    """(seeds, examples, columns) of the rows; a system without seeds has 1 in the first place.

    Raises InputError where two seeds have other examples or another order.
    """
    return np.array([_numbers(each, columns) for each in split_by_seed(rows).values()], dtype=np.float64)


def _numbers(rows: Sequence[Row], columns: Sequence[str]) -> np.ndarray:
    if isinstance(rows, ExampleTable):
        return rows.numbers(columns)
    return np.array([[row[column] for column in columns] for row in rows], dtype=np.float64)


def example_ids(rows: Sequence[Row]) -> list[str]:
    """The examples of the rows, each once, in their order."""
    return list(dict.fromkeys(_ids(rows)))


def known_seeds(rows: Sequence[Row]) -> list[int]:
    """The seeds of the rows; empty where the system depends on none, or they are not known."""
    return [seed for seed in split_by_seed(rows) if isinstance(seed, int)]


def count_seeds(rows: Sequence[Row]) -> int:
    """How many seeds the rows are of; 0 where the system depends on none."""
    seeds = set(_seeds(rows))
    return 0 if seeds == {None} else len(seeds)
