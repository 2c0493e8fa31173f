"""Rows of several seeds as one array."""

import numpy as np
import pytest

from pipeline.core.errors import InputError
from pipeline.evaluation.seed_rows import by_seed, count_seeds, known_seeds, split_by_seed


def rows(*names: str, **extra) -> list[dict]:
    return [{"id": name, "rouge1": float(number), **extra} for number, name in enumerate(names)]


def test_seeds_come_first_then_examples_then_columns():
    both = [*rows("a", "b", seed=17), *rows("a", "b", seed=18)]
    both[2]["rouge1"] = 5.0
    assert by_seed(both, ["rouge1"]).tolist() == [[[0.0], [1.0]], [[5.0], [1.0]]]
    assert (count_seeds(both), known_seeds(both)) == (2, [17, 18])


def test_a_system_without_seeds_has_one_and_counts_none():
    own = rows("a", "b", seed=None)
    assert by_seed(own, ["rouge1"]).shape == (1, 2, 1)
    assert (count_seeds(own), known_seeds(own)) == (0, [])


def test_rows_from_before_rows_had_seeds_are_of_one_unknown():
    assert (count_seeds(rows("a")), known_seeds(rows("a"))) == (1, [])


@pytest.mark.parametrize("other", [("b", "a"), ("a",), ("a", "c")])
def test_other_examples_or_another_order_are_refused(other):
    with pytest.raises(InputError, match="seeds 17 and 18 have rows of different examples"):
        split_by_seed([*rows("a", "b", seed=17), *rows(*other, seed=18)])


def test_an_array_is_numbers():
    assert by_seed(rows("a"), ["rouge1"]).dtype == np.float64
