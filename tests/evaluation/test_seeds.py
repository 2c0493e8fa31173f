import pytest

from pipeline.evaluation.seeds import SeedStatistics, includes_run, seed_difference, seed_statistics


def test_spread_is_the_standard_deviation_over_seeds():
    methods = {
        "lora": {"1": {"rouge1": 10.0}, "2": {"rouge1": 12.0}, "3": {"rouge1": 14.0}},
        "full": {"1": {"rouge1": 1.0}},
    }
    assert seed_statistics(methods) == {"lora": SeedStatistics(3, 12.0, 2.0, lowest=10.0, highest=14.0)}


def test_a_difference_is_taken_seed_by_seed_with_students_interval():
    """Differences 1, 2 and 3: mean 2, standard deviation 1; t of two degrees of freedom is 4.303, so 2 +- 2.484."""
    methods = {
        "full": {"1": {"rouge1": 11.0}, "2": {"rouge1": 22.0}, "3": {"rouge1": 33.0}},
        "lora": {"3": {"rouge1": 30.0}, "2": {"rouge1": 20.0}, "1": {"rouge1": 10.0}},
    }
    one = seed_difference(methods, "full", "lora")
    assert (one.seeds, one.difference, one.sd) == (3, 2.0, 1.0)
    assert (one.low, one.high) == pytest.approx((2 - 2.4841, 2 + 2.4841), abs=1e-4)


def test_one_seed_in_common_says_nothing():
    methods = {
        "full": {"1": {"rouge1": 1.0}, "2": {"rouge1": 2.0}},
        "lora": {"2": {"rouge1": 1.0}, "3": {"rouge1": 1.0}},
    }
    assert seed_difference(methods, "full", "lora") is None


def test_the_sweep_applies_to_a_run_that_is_one_of_its_own():
    methods = {"lora": {"1": {"rouge1": 10.0}, "2": {"rouge1": 12.0}}}
    assert includes_run(methods, "lora", {"rouge1": {"mean": 12.0, "low": 11.0, "high": 13.0}})
    assert not includes_run(methods, "lora", {"rouge1": {"mean": 12.1, "low": 11.0, "high": 13.0}})
    assert not includes_run(methods, "full", {"rouge1": {"mean": 12.0, "low": 11.0, "high": 13.0}})
