"""Intervals and p-values, on cases worked by hand and on data whose truth is known."""

import time
import tracemalloc

import numpy as np
import pytest
from scipy import stats

from pipeline.evaluation import bootstrap
from pipeline.evaluation.bootstrap import PairedResampling, Statistic, holm, p_at_most


def columns(values) -> np.ndarray:
    return np.asarray(values, dtype=float)[:, None]


def mean(examples: int) -> Statistic:
    return lambda sums: sums[:, 0] / examples


def interval(resampling: PairedResampling, values: np.ndarray, statistic: Statistic) -> tuple[float, float]:
    estimate = resampling.estimate(values, statistic)
    return estimate.low, estimate.high


def difference(resampling: PairedResampling, first, second, statistic: Statistic) -> tuple[float, float]:
    change = resampling.change(first, second, statistic)
    return change.low, change.high


def test_a_resample_has_as_many_examples_as_there_are():
    drawn = PairedResampling.draw(7, 500, seed=1)
    assert (drawn.counts.sum(axis=1) == 7).all()
    assert set(np.unique(drawn.swaps)) == {0, 1}
    assert abs(drawn.counts.mean(axis=0) - 1).max() < 0.2


def test_the_same_seed_gives_the_same_draws_and_another_does_not():
    one, same, other = (PairedResampling.draw(20, 50, seed) for seed in (1, 1, 2))
    assert (one.counts == same.counts).all() and (one.swaps == same.swaps).all()
    assert (one.counts != other.counts).any() and (one.swaps != other.swaps).any()


def test_two_examples_by_hand():
    # Resamples of {0, 1}: both 0 (1/4), one of each (1/2), both 1 (1/4): the middle 95 % is all of it.
    drawn = PairedResampling.draw(2, 4000, seed=1)
    assert interval(drawn, columns([0, 1]), mean(2)) == (0, 1)
    # Swapped in neither or both of them the difference is 1 or -1, swapped in one of them 0: half are as far.
    assert drawn.p_value(columns([1, 1]), columns([0, 0]), mean(2)) == pytest.approx(0.5, abs=0.03)


def test_three_examples_by_hand():
    # +3, +2, +1: of eight sign patterns only +++ and --- reach a sum of 6.
    drawn = PairedResampling.draw(3, 8000, seed=3)
    assert drawn.p_value(columns([4, 3, 2]), columns([1, 1, 1]), mean(3)) == pytest.approx(2 / 8, abs=0.02)


def test_a_constant_has_an_interval_of_one_point():
    assert interval(PairedResampling.draw(30, 100, seed=1), columns([0.4] * 30), mean(30)) == pytest.approx((0.4, 0.4))


def test_a_system_beside_itself_is_never_significantly_different():
    values = columns(np.random.default_rng(0).random(50))
    drawn = PairedResampling.draw(50, 1000, seed=1)
    assert drawn.p_value(values, values, mean(50)) == 1
    assert difference(drawn, values, values, mean(50)) == (0, 0)


def test_pairing_finds_what_two_intervals_hide():
    rng = np.random.default_rng(5)
    worse = rng.random(200)
    better = worse + 0.02 + 0.02 * rng.normal(size=200)  # a small gain on every dialogue, which differ far more
    drawn, score = PairedResampling.draw(200, 2000, seed=1), mean(200)
    assert interval(drawn, columns(worse), score)[1] > interval(drawn, columns(better), score)[0]
    low, high = difference(drawn, columns(better), columns(worse), score)
    assert 0.015 < low < 0.02 < high < 0.025
    assert drawn.p_value(columns(better), columns(worse), score) < 0.001


def test_intervals_hold_the_true_mean_nineteen_times_in_twenty():
    rng, score, held = np.random.default_rng(7), mean(60), 0
    drawn = PairedResampling.draw(60, 1000, seed=1)
    for _ in range(600):
        low, high = interval(drawn, columns(rng.beta(2, 3, size=60)), score)
        held += low <= 2 / 5 <= high
    assert 0.92 < held / 600 < 0.97


def test_two_equal_systems_seem_different_one_time_in_twenty():
    rng, score, called = np.random.default_rng(8), mean(40), 0
    drawn = PairedResampling.draw(40, 1000, seed=1)
    for _ in range(600):
        called += drawn.p_value(columns(rng.random(40)), columns(rng.random(40)), score) < 0.05
    assert 0.03 < called / 600 < 0.075


def test_a_score_of_sums_that_is_no_mean():
    # A ratio of sums, as BLEU's precisions are: 3/4 of one system, 1/4 of the other.
    def ratio(sums):
        return sums[:, 0] / sums[:, 1]

    one = np.array([[1, 1], [1, 1], [1, 1], [0, 1.0]] * 20)
    other = np.array([[0, 1], [0, 1], [0, 1], [1, 1.0]] * 20)
    drawn = PairedResampling.draw(80, 2000, seed=1)
    low, high = interval(drawn, one, ratio)
    assert low < 0.75 < high
    assert difference(drawn, one, other, ratio)[0] > 0.2
    assert drawn.p_value(one, other, ratio) < 0.001


def test_holm_by_hand():
    # Ascending 0.01, 0.02, 0.03, 0.5 times 4, 3, 2, 1, and never below the one before.
    assert holm([0.03, 0.01, 0.5, 0.02]) == pytest.approx([0.06, 0.04, 0.5, 0.06])
    assert holm([0.9, 0.8]) == [1, 1]
    assert holm([]) == []


def test_ten_thousand_resamples_of_fifteen_hundred_examples_take_two_seconds():
    first, second = np.random.default_rng(0).random((2, 1500, 1))
    began = time.process_time()  # whatever else the machine does
    drawn, score = PairedResampling.draw(1500, 10_000, seed=1), mean(1500)
    interval(drawn, first, score), difference(drawn, first, second, score), drawn.p_value(first, second, score)
    assert time.process_time() - began < 2


def test_within_groups_every_resample_has_as_many_of_each():
    groups = ["a", "b", "a", "b", "a"]
    drawn = PairedResampling.draw_within(groups, 200, 0)
    assert set(drawn.counts[:, [0, 2, 4]].sum(axis=1)) == {3}
    assert set(drawn.counts[:, [1, 3]].sum(axis=1)) == {2}
    assert len(set(map(tuple, drawn.counts))) > 10
    assert set(drawn.swaps.ravel()) == {0, 1}


def test_levels_are_expanded_for_few_examples():
    """Ten examples: 2.262 of Student's nine degrees of freedom, times sqrt(10 / 9): levels 0.86 and 99.14 %."""
    values = columns(np.random.default_rng(3).normal(size=10))
    drawn = PairedResampling.draw(10, 4000, seed=1)
    resampled = (drawn.counts @ values)[:, 0] / 10
    level = stats.norm.cdf(-np.sqrt(10 / 9) * stats.t.ppf(0.975, 9))
    assert level == pytest.approx(0.0086, abs=5e-5)
    assert interval(drawn, values, mean(10)) == pytest.approx(tuple(np.quantile(resampled, [level, 1 - level])))


def test_the_p_value_against_a_bound_is_a_40th_where_the_interval_ends():
    values = columns(np.random.default_rng(4).exponential(size=12))
    drawn, score = PairedResampling.draw(12, 20_000, seed=1), mean(12)
    resampled = score(drawn.counts @ values)
    low, high = interval(drawn, values, score)
    assert p_at_most(resampled, low, 12) == pytest.approx(0.025, abs=0.001)
    assert p_at_most(resampled, high, 12) == pytest.approx(0.975, abs=0.001)


def test_the_p_value_against_a_bound_is_that_of_students_test_where_scores_are_normal():
    values = np.random.default_rng(5).normal(0.3, 1, size=60)
    drawn, score = PairedResampling.draw(60, 20_000, seed=1), mean(60)
    ours = p_at_most(score(drawn.counts @ columns(values)), 0.0, 60)
    assert ours == pytest.approx(stats.ttest_1samp(values, 0, alternative="greater").pvalue, rel=0.1)


def one_call(examples: int, resamples: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The definition: all counts, then all swaps, each drawn at once."""
    rng = np.random.default_rng(seed)
    drawn = rng.integers(examples, size=(resamples, examples), dtype=np.int32)
    counts = np.stack([np.bincount(row, minlength=examples) for row in drawn])
    return counts, rng.integers(2, size=(resamples, examples), dtype=np.int8)


@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.parametrize(("examples", "resamples"), [(1, 7), (7, 1003), (150, 1001), (399, 500), (3001, 30)])
def test_draws_in_blocks_are_those_of_one_call(examples, resamples, kept, monkeypatch):
    monkeypatch.setattr(bootstrap, "KEPT", 2**25 if kept else 0)
    monkeypatch.setattr(bootstrap, "BLOCK", 2**14)
    monkeypatch.setattr(bootstrap, "PIECE", 2**10)
    drawn = PairedResampling.draw(examples, resamples, seed=3)
    counts, swaps = one_call(examples, resamples, seed=3)
    for _ in range(2):  # drawn again, they are the same
        assert (drawn.counts == counts).all() and (drawn.swaps == swaps).all()


@pytest.mark.parametrize("kept", [2**25, 0])
def test_what_is_remembered_is_what_is_asked(kept, monkeypatch):
    monkeypatch.setattr(bootstrap, "KEPT", kept)
    first, second = np.random.default_rng(0).random((2, 70, 1))
    asked = PairedResampling.draw(70, 300, seed=1)
    remembered = PairedResampling.draw(70, 300, seed=1)
    remembered.remember([first, second], [(first, second)])
    score = mean(70)
    assert remembered.estimate(first, score) == asked.estimate(first, score)
    assert remembered.change(first, second, score) == asked.change(first, second, score)
    assert remembered.p_value(first, second, score) == asked.p_value(first, second, score)
    assert remembered.p_value(second, first, score) == asked.p_value(second, first, score)  # not remembered


def test_memory_does_not_grow_with_the_examples():
    """Whole, 2,000 resamples of 20,000 examples are 640 MB as the 8 bytes a product needs, for counts and for swaps."""
    first, second = np.random.default_rng(0).random((2, 20_000, 1))
    drawn, score = PairedResampling.draw(20_000, 2_000, seed=1), mean(20_000)
    tracemalloc.start()
    drawn.remember([first, second], [(first, second)])
    low, high = difference(drawn, first, second, score)
    p = drawn.p_value(first, second, score)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100e6
    assert low < np.mean(first - second) < high and 0 < p <= 1
