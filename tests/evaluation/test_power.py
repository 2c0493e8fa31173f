"""What can be detected, and what it would take: by hand and beside statsmodels."""

import math

import pytest

from pipeline.evaluation.differences import Difference
from pipeline.evaluation.power import detectable, examples_needed, seeds_needed, settle, standard_error

pytestmark = pytest.mark.filterwarnings("ignore")  # statsmodels with the newest pandas

# Full minus LoRA of the default: variances 0, 10.4 and 56.1 of seed, dialogue and rest.
KNOWN = Difference(1.5, 0.3, 2.7, 0.02, seeds=3, sd_seed=0.0, sd_example=math.sqrt(10.4), sd_rest=math.sqrt(56.1))
ONE_TRAINING = Difference(1.5, 0.3, 2.7, 0.02, seeds=1, sd_example=7.5)


def test_the_standard_error_is_that_of_the_variances():
    """150 examples with four seeds: 10.4 / 150 + 56.1 / 600."""
    assert standard_error(KNOWN, 150, 4)[0] == pytest.approx(math.sqrt(10.4 / 150 + 56.1 / 600))
    assert standard_error(ONE_TRAINING, 150, 1) == pytest.approx((7.5 / math.sqrt(150), 149))
    moved = Difference(1.5, 0, 3, 0.1, seeds=3, sd_seed=2.0, sd_example=0.0, sd_rest=0.0)
    assert standard_error(moved, 150, 3) == pytest.approx((2 / math.sqrt(3), 2))


def test_what_one_training_can_detect_is_that_of_statsmodels():
    from statsmodels.stats.power import TTestPower

    effect = TTestPower().solve_power(nobs=150, alpha=0.05 / 10, power=0.8)
    assert detectable(ONE_TRAINING, 150, 1, 0.05 / 20) == pytest.approx(7.5 * effect, rel=0.005)


def test_the_examples_that_settle_a_difference_are_those_of_statsmodels():
    from statsmodels.stats.power import TTestPower

    needed = math.ceil(TTestPower().solve_power(effect_size=1.5 / 7.5, alpha=0.05, power=0.8))
    assert examples_needed(ONE_TRAINING, 1.5, 1, 0.025) == pytest.approx(needed, abs=1)


def test_the_fewest_are_just_enough():
    fewest = examples_needed(KNOWN, 1.5, 3, 0.025)
    assert detectable(KNOWN, fewest, 3, 0.025) <= 1.5 < detectable(KNOWN, fewest - 1, 3, 0.025)
    fewest = seeds_needed(KNOWN, 1.0, 150, 0.025)
    assert detectable(KNOWN, 150, fewest, 0.025) <= 1.0 < detectable(KNOWN, 150, fewest - 1, 0.025)


def test_what_no_number_settles_is_out_of_reach():
    """With a seed's standard deviation of 2, three seeds never find half a point however many examples there are."""
    moved = Difference(0.5, -1, 2, 0.4, seeds=3, sd_seed=2.0, sd_example=1.0, sd_rest=1.0)
    assert settle(moved, 100, 1).examples is None
    assert settle(ONE_TRAINING, 150, 1).seeds is None
    nothing = Difference(0.0, -1, 1, 1.0, seeds=3, sd_seed=0.1, sd_example=1.0, sd_rest=1.0)
    assert (settle(nothing, 100, 1).examples, settle(nothing, 100, 1).seeds) == (None, None)


def test_more_tests_need_more():
    alone, one_of_ten = settle(KNOWN, 150, 1), settle(KNOWN, 150, 10)
    assert one_of_ten.detectable > alone.detectable
    assert one_of_ten.examples > alone.examples
