"""Coverage, type I error, family-wise error, wrong recommendations and power, by simulation.

Each rate has a range that it must stay in, and what the rule replaced is outside of it: the intervals over one
training's examples, the verdict by the interval against the best, baselines by their points.
"""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from pipeline.evaluation.baseline_differences import baseline_flags
from pipeline.evaluation.bootstrap import PairedResampling, holm, p_at_most
from pipeline.evaluation.crossed import Crossed, analyse
from pipeline.evaluation.differences import Difference, paired_difference
from pipeline.evaluation.estimates import estimate
from pipeline.evaluation.metrics import Metric, percent
from pipeline.evaluation.pairs import Pair
from pipeline.evaluation.power import detectable
from pipeline.evaluation.recommendation import judge_candidates
from tests.systems import settings
from tests.worlds import DIALOGUE, REST, worlds

MARGIN = 3.0


def first_training(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean and the half of the 95 % interval over examples alone, of the first seed of each world."""
    one = values[:, 0]
    error = one.std(axis=-1, ddof=1) / np.sqrt(one.shape[-1])
    return one.mean(axis=-1), stats.t.ppf(0.975, one.shape[-1] - 1) * error


def covered(result: Crossed) -> float:
    """How often the interval holds the truth, which is 0."""
    low, high = result.interval()
    return float(((low <= 0) & (high >= 0)).mean())


@pytest.mark.parametrize("examples", [40, 150])
@pytest.mark.parametrize("seeds", [3, 5])
@pytest.mark.parametrize("seed_sd", [0.0, 0.45, 1.8])
def test_crossed_intervals_hold_the_truth_nineteen_times_in_twenty(seeds, examples, seed_sd):
    assert 0.925 < covered(analyse(worlds(1500, seeds, examples, seed_sd))) < 0.985


def test_intervals_of_one_training_miss_what_seeds_move():
    mean, half = first_training(worlds(1500, 3, 500, 1.8))
    assert (np.abs(mean) <= half).mean() < 0.5


def test_intervals_over_the_means_of_seeds_miss_what_examples_move():
    """Student's interval over three and ten seeds on the same 150 examples."""
    for seeds, least, most in ((3, 0.90, 0.94), (10, 0.75, 0.86)):
        means = worlds(1500, seeds, 150, 0.0).mean(axis=-1)
        half = stats.t.ppf(0.975, seeds - 1) * means.std(axis=-1, ddof=1) / np.sqrt(seeds)
        assert least < (np.abs(means.mean(axis=-1)) <= half).mean() < most


def test_two_seeds_cover_less_where_seeds_move_much():
    """The verdict says so: two seeds say little about how far seeds differ."""
    assert 0.87 < covered(analyse(worlds(1500, 2, 150, 1.8))) < 0.93


def test_expanded_percentile_intervals_hold_the_truth_with_ten_examples():
    drawn = PairedResampling.draw(10, 2000, seed=1)
    values = np.random.default_rng(0).normal(size=(1000, 10, 1))
    estimates = [drawn.estimate(each, lambda sums: sums[:, 0] / 10) for each in values]
    assert 0.93 < np.mean([each.low <= 0 <= each.high for each in estimates]) < 0.965
    resampled = drawn.counts @ values[:, :, 0].T / 10
    low, high = np.quantile(resampled, [0.025, 0.975], axis=0)
    assert ((low <= 0) & (high >= 0)).mean() < 0.92


@pytest.mark.parametrize(("examples", "seed_sd"), [(40, 0.45), (150, 0.45), (150, 1.8), (500, 1.8)])
def test_equal_methods_seem_different_one_time_in_twenty(examples, seed_sd):
    assert 0.015 < (analyse(worlds(1500, 3, examples, seed_sd)).p_value() < 0.05).mean() < 0.075


def test_one_training_calls_equal_methods_different_in_half_of_the_worlds():
    mean, half = first_training(worlds(1500, 1, 500, 1.8))
    assert (np.abs(mean) > half).mean() > 0.5


def methods(count: int, points: list[float], seeds: int, examples: int, seed_sd: float) -> np.ndarray:
    """(methods, count, seeds, examples): methods with those true points, whose differences vary as `worlds` do."""
    rng = np.random.default_rng(5)
    half = np.sqrt(0.5)
    parts = [worlds(count, seeds, examples, half * seed_sd, half * DIALOGUE, half * REST, rng) for _ in points]
    return np.array([part + true for part, true in zip(parts, points)])


def test_of_all_pairs_of_five_equal_methods_one_seems_different_one_time_in_twenty():
    scores = methods(1000, [0.0] * 5, 3, 150, 0.45)
    p = np.array([analyse(scores[one] - scores[two]).p_value() for one, two in itertools.combinations(range(5), 2)])
    wrong = np.mean([min(holm(list(world))) < 0.05 for world in p.T])
    assert 0.005 < wrong < 0.065
    assert (p.min(axis=0) < 0.05).mean() > 0.1  # uncorrected


def compare(scores: np.ndarray) -> list[list[Pair]]:
    """The pairs of each world, as the pipeline makes them of two seeds or more."""
    pairs: list[list[Pair]] = [[] for _ in range(scores.shape[1])]
    for one, two in itertools.combinations(range(len(scores)), 2):
        result, back = analyse(scores[one] - scores[two]), analyse(scores[two] - scores[one])
        columns = zip(pairs, result.mean, *result.interval(), result.p_loses(MARGIN), back.p_loses(MARGIN))
        for world, mean, low, high, loses, gains in columns:
            difference = Difference(mean, low, high, 1.0, p_non_inferior=loses, p_non_inferior_second=gains)
            world.append(Pair(str(one), str(two), difference))
    return pairs


def admitted_rate(scores: np.ndarray, asked: set[str]) -> float:
    """How often one of the methods asked about is admitted."""
    names = [str(index) for index in range(len(scores))]
    admitted = [
        {name for name, candidate in judge_candidates(names, pairs).items() if candidate.admitted}
        for pairs in compare(scores)
    ]
    return float(np.mean([bool(each & asked) for each in admitted]))


def wrong_by_the_interval_against_the_best(scores: np.ndarray, wrong: list[int]) -> float:
    """What the verdict did before: non-inferior by the 95 % interval against the method that scores best."""
    best = scores.mean(axis=(-1, -2)).argmax(axis=0)
    against = scores[best, np.arange(scores.shape[1])]
    lows = np.array([analyse(scores[index] - against).interval()[0] for index in wrong])
    lows[[best == index for index in wrong]] = -np.inf  # the best itself is not wrong to take by that rule
    return float((lows > -MARGIN).any(axis=0).mean())


def test_one_method_at_the_margin_is_admitted_one_time_in_twenty():
    scores = methods(1000, [0.0, -MARGIN], 3, 150, 0.0)
    assert admitted_rate(scores, {"1"}) < 0.06


def test_eight_methods_at_the_margin_are_admitted_no_more_often():
    scores = methods(500, [0.0, *[-MARGIN] * 8], 5, 150, 0.0)
    assert admitted_rate(scores, {str(index) for index in range(1, 9)}) < 0.05
    assert wrong_by_the_interval_against_the_best(scores, list(range(1, 9))) > 0.06


def noisy_best(count: int) -> np.ndarray:
    """The best is measured with much noise; the second, a tenth worse, varies as a candidate does that loses 3."""
    rng = np.random.default_rng(9)
    shared = worlds(count, 5, 100, 0.0, 3.0, 3.0, rng)
    best = worlds(count, 5, 100, 0.0, 25.0, 25.0, rng)
    own = [worlds(count, 5, 100, 0.0, 0.3, 0.3, rng) for _ in range(2)]
    return np.array([best, shared + own[0] - 0.1, shared + own[1] - MARGIN])


def test_a_noisy_best_does_not_hide_that_another_loses_the_margin():
    scores = noisy_best(1000)
    assert admitted_rate(scores, {"2"}) < 0.05
    assert wrong_by_the_interval_against_the_best(scores, [2]) > 0.2


def test_a_method_that_loses_one_point_of_three_is_admitted_in_most_worlds():
    assert admitted_rate(methods(300, [0.0, -1.0, -20.0], 3, 150, 0.0), {"1"}) > 0.8
    assert admitted_rate(methods(300, [0.0, -1.0, -20.0], 5, 150, 0.0), {"1"}) > 0.95


def test_one_training_admits_a_method_at_the_margin_one_time_in_twenty_for_these_trainings():
    drawn = PairedResampling.draw(40, 1000, seed=1)
    values = np.random.default_rng(3).normal(-MARGIN, REST, size=(1000, 40))
    resampled = drawn.counts @ values.T / 40
    assert 0.03 < np.mean([p_at_most(each, -MARGIN, 40) < 0.05 for each in resampled.T]) < 0.07


@pytest.mark.parametrize(("seeds", "least"), [(3, 0.60), (5, 0.88), (10, 0.97)])
def test_a_difference_of_one_and_a_half_points_is_found(seeds, least):
    values = worlds(1500, seeds, 150, 0.0) + 1.5
    assert (analyse(values).p_value() < 0.05).mean() > least
    mean, half = first_training(values)  # before: one training's examples, and then the means of the seeds
    means = values.mean(axis=-1)
    over_seeds = stats.t.ppf(0.975, seeds - 1) * means.std(axis=-1, ddof=1) / np.sqrt(seeds)
    assert ((np.abs(mean) > half) & (np.abs(means.mean(axis=-1)) > over_seeds)).mean() < least - 0.15


@pytest.mark.parametrize(("seeds", "seed_sd"), [(3, 0.0), (3, 1.0), (5, 0.4)])
def test_what_is_called_detectable_is_found_four_times_in_five(seeds, seed_sd):
    known = Difference(0, 0, 0, 1, seeds=seeds, sd_seed=seed_sd, sd_example=DIALOGUE, sd_rest=REST)
    true = detectable(known, 150, seeds, 0.025)
    found = (analyse(worlds(1500, seeds, 150, seed_sd) + true).p_value() < 0.05).mean()
    assert 0.70 < found < 0.86


def test_methods_as_good_as_the_lead_are_seldom_called_below_it():
    low, high = analyse(worlds(2000, 3, 40, 0.0)).interval()
    flags = [
        baseline_flags({"lead": {"low": one, "high": two}, "longest_turn": {"low": 9.0, "high": 9.0}})
        for one, two in zip(low, high)
    ]
    assert np.mean(["below lead" in each for each in flags]) < 0.03
    assert (worlds(2000, 3, 40, 0.0).mean(axis=(-1, -2)) < 0).mean() > 0.4  # by the points


def shares_of_seeds(worlds_drawn: int, seeds: int, examples: int) -> tuple[np.ndarray, float]:
    """(worlds, seeds, examples, 1): shares in [0, 1] whose level each seed moves far; and their mean in points."""
    rng = np.random.default_rng(11)
    levels = rng.beta(2.0, 1.0, size=(worlds_drawn, seeds, 1))
    return (rng.random((worlds_drawn, seeds, examples)) < levels).astype(float)[..., None], 100 * 2 / 3


def test_intervals_over_seeds_end_where_the_metric_does_and_hold_the_truth_as_often():
    shares, truth = shares_of_seeds(500, 3, 40)
    metric = Metric("share", ("share",), percent, "")
    unbounded = replace(metric, bounds=(-np.inf, np.inf))
    cut = [estimate(each, metric, settings()) for each in shares]
    whole = [estimate(each, unbounded, settings()) for each in shares]
    assert np.mean([each.high > 100 or each.low < 0 for each in whole]) > 0.5
    assert all(0 <= each.low <= each.mean <= each.high <= 100 for each in cut)
    held = [each.low <= truth <= each.high for each in cut]
    assert held == [each.low <= truth <= each.high for each in whole]
    assert np.mean(held) > 0.9


def test_intervals_of_differences_over_seeds_end_where_differences_do():
    shares, _ = shares_of_seeds(100, 3, 40)
    metric = Metric("share", ("share",), percent, "")
    nothing = np.zeros_like(shares[0])
    found = [paired_difference(each, nothing, metric, settings(), 3) for each in shares]
    assert max(each.high for each in found) == 100
    assert all(-100 <= each.low <= each.difference <= each.high <= 100 for each in found)
