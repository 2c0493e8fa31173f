"""The difference of two systems, on cases worked by hand."""

import numpy as np
import pytest
from scipy import stats

from pipeline.evaluation.crossed import analyse
from pipeline.evaluation.differences import Difference, correct, format_p, paired_difference, unpaired_difference
from pipeline.evaluation.rouge_bleu import METRICS
from tests.systems import settings

ROUGE1 = METRICS["rouge1"]


def test_two_intervals_are_taken_as_independent():
    """Standard errors 3 and 4, so 5 for the difference of 10: two of them, p = 0.0455."""
    before = {"mean": 40.0, "low": 40 - 3 * 1.959964, "high": 40 + 3 * 1.959964}
    now = {"mean": 50.0, "low": 50 - 4 * 1.959964, "high": 50 + 4 * 1.959964}
    change = unpaired_difference(now, before)
    assert change.difference == 10
    assert (change.low, change.high) == pytest.approx((10 - 5 * 1.959964, 10 + 5 * 1.959964))
    assert change.p == pytest.approx(0.0455, abs=5e-5)


def test_two_intervals_of_one_point_differ_or_do_not():
    one, other = ({"mean": mean, "low": mean, "high": mean} for mean in (1.0, 2.0))
    assert unpaired_difference(one, one).p == 1
    assert unpaired_difference(one, other).p == 0


def test_a_difference_is_significant_only_after_correction():
    first, second = correct([Difference(1.0, 0.1, 1.9, p=0.03), Difference(2.0, 1.0, 3.0, p=0.01)])
    assert (first.p_holm, first.significant) == (0.03, True)
    assert (second.p_holm, second.significant) == (0.02, True)
    assert [each.significant for each in correct([Difference(1.0, 0.1, 1.9, p=0.03)] * 2)] == [False, False]


@pytest.mark.parametrize(
    ("p", "text"), [(0.0001, "p < 0.001"), (0.0123, "p = 0.012"), (0.0496, "p = 0.0496"), (0.76, "p = 0.76")]
)
def test_a_p_value_is_rounded_as_papers_do(p, text):
    assert format_p(p) == text


def rows(*seeds: list[float]) -> np.ndarray:
    return np.array(seeds, dtype=float)[:, :, None]


def test_with_two_seeds_the_difference_is_that_of_the_crossed_analysis():
    first, second = rows([41, 43, 47, 44], [44, 42, 49, 45]), rows([40, 41, 42, 40], [40, 42, 43, 39])
    found = paired_difference(first, second, ROUGE1, settings(), 2, margin=3.0)
    by_hand = analyse((first - second)[:, :, 0])
    assert found.difference == pytest.approx(float((first - second).mean()))
    assert (found.low, found.high) == pytest.approx(by_hand.interval())
    assert (found.p, found.p_non_inferior) == pytest.approx((float(by_hand.p_value()), float(by_hand.p_loses(3.0))))
    assert (found.seeds, found.sd_rest) == (2, pytest.approx(float(by_hand.sd_rest)))


def test_a_system_without_seeds_meets_every_seed_of_the_other():
    seeded, alone = rows([41, 43, 47, 44], [44, 42, 49, 45]), rows([40, 41, 42, 40])
    twice = np.concatenate([alone, alone])
    found = paired_difference(seeded, alone, ROUGE1, settings(), 2, margin=3.0)
    assert found == paired_difference(seeded, twice, ROUGE1, settings(), 2, margin=3.0)


def test_with_one_seed_it_is_the_bootstrap_over_examples_and_nothing_is_known_of_seeds():
    rng = np.random.default_rng(0)
    first, second = rng.normal(45, 5, size=(2, 1, 60, 1))
    found = paired_difference(first, second, ROUGE1, settings(resamples=4000), 1, margin=3.0)
    apart = (first - second)[0, :, 0]
    error = apart.std(ddof=1) / np.sqrt(60)
    half = stats.t.ppf(0.975, 59) * error
    assert (found.low, found.high) == pytest.approx((apart.mean() - half, apart.mean() + half), abs=0.1 * half)
    assert found.p == pytest.approx(stats.ttest_1samp(apart, 0).pvalue, abs=0.02)
    assert found.p_non_inferior == pytest.approx(stats.t.sf((apart.mean() + 3) / error, 59), abs=0.005)
    assert (found.sd_seed, found.sd_rest, found.sd_example) == (None, None, pytest.approx(apart.std(ddof=1)))


@pytest.mark.parametrize("seeds", [1, 3])
def test_swapped_is_the_difference_of_the_second(seeds):
    first, second = np.random.default_rng(1).normal(45, 5, size=(2, seeds, 40, 1))
    found, back = (
        paired_difference(one, two, ROUGE1, settings(resamples=2000), seeds, margin=1.0)
        for one, two in ((first, second), (second, first))
    )
    for name in ("difference", "low", "high", "p_non_inferior", "p_non_inferior_second"):
        assert getattr(found.swapped(), name) == pytest.approx(getattr(back, name), abs=0.002)


def test_bleu_over_seeds_is_around_the_difference_of_the_corpus_scores():
    rng = np.random.default_rng(2)
    length = rng.integers(15, 25, size=(2, 3, 80, 1)).astype(float)
    totals = length - np.arange(4)
    correct = np.round(totals * rng.beta(6, 3, size=(2, 3, 80, 1)) ** (1 + np.arange(4)))
    first, second = np.concatenate([length, np.full_like(length, 20), correct, totals], axis=-1)
    bleu = METRICS["bleu"]
    found = paired_difference(first, second, bleu, settings(), 3)
    expected = [bleu.score(each.sum(axis=0)[None], 80)[0] for side in (first, second) for each in side]
    assert found.difference == pytest.approx(np.mean(expected[:3]) - np.mean(expected[3:]))
    assert found.low < found.difference < found.high
    assert found.p_non_inferior is None


def test_one_dialogue_with_several_seeds_says_nothing():
    found = paired_difference(rows([40], [42]), rows([10], [11]), ROUGE1, settings(), 2, margin=3.0)
    assert (found.p, found.p_non_inferior) == (1, 1)
