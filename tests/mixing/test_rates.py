"""How many examples a task of a mixture gives, by T5's rule."""

from collections import Counter

import pytest

from pipeline.core.errors import InputError
from pipeline.mixing.rates import allocate, draw, mixing_rates

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


def test_nothing_is_drawn_twice_and_the_seed_decides():
    drawn = draw("a", 40, 100, seed=1)
    assert len(set(drawn)) == 40 and drawn == sorted(drawn) == draw("a", 40, 100, seed=1)
    assert drawn != draw("a", 40, 100, seed=2) and drawn != draw("b", 40, 100, seed=1)
    counts = Counter(draw("a", 250, 100, seed=1))
    assert set(counts.values()) == {2, 3} and counts.total() == 250  # asked for more: each twice, half of them again
    assert draw("a", 0, 100, seed=1) == []


def test_every_example_has_the_same_chance():
    counts = Counter(index for seed in range(400) for index in draw("a", 10, 40, seed))
    assert set(counts) == set(range(40)) and max(counts.values()) < 1.5 * 100 and min(counts.values()) > 0.6 * 100
