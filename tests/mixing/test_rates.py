"""How many examples a task of a mixture gives, by T5's rule."""

import itertools
from collections import Counter

import pytest

from pipeline.core.errors import InputError
from pipeline.mixing.rates import allocate, draw_order, mixing_rates

SIZES = {"small": 100, "middle": 1_000, "large": 10_000}
NO_CAP = dict.fromkeys(SIZES, 10**9)


def test_rates_are_those_of_t5():
    """Its paper's two ends: in proportion to the examples, and all alike."""
    assert mixing_rates(SIZES, NO_CAP, 1) == pytest.approx({"small": 1 / 111, "middle": 10 / 111, "large": 100 / 111})
    equal = mixing_rates(SIZES, NO_CAP, 1e9)
    assert equal == pytest.approx(dict.fromkeys(SIZES, 1 / 3))
    two = mixing_rates(SIZES, NO_CAP, 2)
    roots = {task: size**0.5 for task, size in SIZES.items()}
    assert two == pytest.approx({task: root / sum(roots.values()) for task, root in roots.items()})


def test_a_cap_is_the_most_that_counts():
    rates = mixing_rates(SIZES, SIZES | {"large": 1_000}, 1)
    assert rates["large"] == rates["middle"] == pytest.approx(1_000 / 2_100)


@pytest.mark.parametrize("total", [1, 7, 100, 999, 3_000])
@pytest.mark.parametrize("temperature", [1, 2, 5])
def test_the_total_is_met_and_no_task_gives_more_than_it_has(total, temperature):
    given = allocate(total, SIZES, NO_CAP, temperature, repeat=False)
    assert sum(given.values()) == total
    assert all(0 <= given[task] <= SIZES[task] for task in SIZES)


def test_what_a_task_lacks_comes_from_the_others_by_their_rates():
    given = allocate(3_000, SIZES, NO_CAP, 1e9, repeat=False)
    assert given == {"small": 100, "middle": 1_000, "large": 1_900}
    capped = allocate(1_000, SIZES, SIZES | {"middle": 150}, 1e9, repeat=False)
    assert capped == {"small": 100, "middle": 150, "large": 750}


def test_too_few_examples_are_refused_unless_they_may_repeat():
    sizes = {"one": 3, "two": 5}
    with pytest.raises(InputError, match=r"9 examples are asked for, and its tasks have 8: lower mixture\.share"):
        allocate(9, sizes, NO_CAP | dict.fromkeys(sizes, 99), 1, repeat=False)
    assert allocate(16, sizes, dict.fromkeys(sizes, 99), 1, repeat=True) == {"one": 6, "two": 10}


def test_the_seed_decides_the_order_and_every_example_comes_before_any_comes_again():
    def first(count, task="a", seed=1):
        return list(itertools.islice(draw_order(task, 100, seed), count))

    assert sorted(first(100)) == [*range(100)] and first(40) == first(100)[:40]
    assert first(40) != first(40, seed=2) and first(40) != first(40, task="b")
    assert set(Counter(first(250)).values()) == {2, 3}
    assert list(draw_order("a", 0, 1)) == []


def test_every_example_has_the_same_chance():
    counts = Counter(index for seed in range(400) for index in itertools.islice(draw_order("a", 40, seed), 10))
    assert set(counts) == set(range(40)) and max(counts.values()) < 1.5 * 100 and min(counts.values()) > 0.6 * 100
