"""Medians of rounds with intervals, the control of equal graphs, and the order by time, on seconds that are known."""

import json

import numpy as np
import pytest
from scipy import stats

from pipeline.evaluation.inference_costs import (
    LEAST_ROUNDS,
    control_difference,
    inference_costs,
    is_slower,
    median_interval,
    rank,
)
from pipeline.evaluation.run_costs import memory, quartiles
from tests.systems import inference_run


@pytest.mark.parametrize("count", [6, 7, 8, 9, 10, 15, 20, 31])
def test_the_interval_of_a_median_is_that_of_the_sign_test(count):
    values = np.random.default_rng(count).lognormal(size=count)
    exact = stats.quantile_test(values, q=0, p=0.5).confidence_interval(confidence_level=0.95)
    found = median_interval(list(values))
    assert found == {"median": np.median(values), "low": exact.low, "high": exact.high}


def test_too_few_rounds_have_a_median_without_an_interval():
    for count in range(1, LEAST_ROUNDS):
        assert median_interval([1.0, 2.0, 3.0, 4.0, 5.0][:count])["low"] is None
    assert median_interval([1.0] * LEAST_ROUNDS)["low"] == 1.0


@pytest.mark.parametrize("rounds", [7, 9])
def test_the_interval_of_a_median_holds_it_in_95_percent_of_the_measurements_and_more(rounds):
    rng = np.random.default_rng(0)
    samples = rng.lognormal(sigma=0.5, size=(4000, rounds))  # the median is 1
    held = [found["low"] <= 1 <= found["high"] for found in map(median_interval, samples.tolist())]
    assert 0.94 < np.mean(held) < 0.995


def measurement(rng, factors, rounds=7, noise=0.05, drift=0.5):
    """Seconds of variants in interleaved rounds: what slows a round slows all of them, and each has its own noise."""
    common = rng.lognormal(sigma=drift, size=rounds)
    return {
        name: list(0.2 * factor * common * rng.lognormal(sigma=noise, size=rounds)) for name, factor in factors.items()
    }


EQUAL = {"full": 1.0, "lora": 1.0, "zero_shot": 1.0}


@pytest.mark.parametrize(("noise", "most"), [(0.02, 0.001), (0.05, 0.02), (0.1, 0.1)])
def test_equal_graphs_are_not_ranked(noise, most):
    rng = np.random.default_rng(1)
    ranked = [len(rank(measurement(rng, EQUAL, noise=noise))) > 1 for _ in range(1000)]
    assert np.mean(ranked) <= most


def test_equal_graphs_are_hardly_ever_ranked_on_any_machine_once_the_control_has_a_say():
    """However noisy: the control must hold first, and shares no round's own noise with other variants."""
    rng = np.random.default_rng(2)
    for noise in (0.05, 0.2, 0.5, 1.0):
        wrong = 0
        for _ in range(1000):
            seconds = measurement(rng, EQUAL | {"other": 1.0, "again": 1.0}, noise=noise)
            control = control_difference({name: seconds[name] for name in EQUAL})
            wrong += control["holds"] and len(rank(seconds)) > 1
        assert wrong / 1000 <= 0.05, noise


@pytest.mark.parametrize(("noise", "least"), [(0.02, 0.99), (0.05, 0.93)])
def test_a_planted_difference_of_20_percent_is_ranked(noise, least):
    rng = np.random.default_rng(3)
    factors = EQUAL | {"prompt_tuning": 1.2}
    right = [rank(measurement(rng, factors, noise=noise))[1:] == [["prompt_tuning"]] for _ in range(1000)]
    assert np.mean(right) >= least


def test_a_drifting_machine_hides_no_difference_from_interleaved_rounds():
    rng = np.random.default_rng(4)
    factors = EQUAL | {"prompt_tuning": 1.2}
    right = [len(rank(measurement(rng, factors, noise=0.03, drift=1.5))) == 2 for _ in range(300)]
    assert np.mean(right) > 0.95


def test_a_difference_below_the_tolerance_is_none_however_certain():
    assert not is_slower([1.09] * 7, [1.0] * 7)
    assert is_slower([1.2] * 7, [1.0] * 7)


def test_one_round_in_which_the_slower_was_faster_is_enough_to_doubt_at_seven_rounds():
    assert not is_slower([1.3] * 6 + [0.9], [1.0] * 7)


def run(factors=EQUAL, control=("zero_shot", "lora", "full"), **changes):
    return inference_run(factors, list(control), **changes)


def test_costs_are_the_first_token_the_further_ones_and_a_whole_summary():
    costs = inference_costs(run(EQUAL | {"few_shot": 2.0}))["variants"]["few_shot"]["batches"]
    one, eight = ({key: value["median"] for key, value in costs[size].items()} for size in ("1", "8"))
    assert one == pytest.approx(
        {
            "first_seconds": 0.1,
            "token_milliseconds": 1000 * 0.3 / 15,
            "seconds": 0.4,
            "cpu_seconds": 0.4,
            "relative": 2.0,
        }
    )
    assert eight["first_seconds"] == pytest.approx(0.8)  # of the batch
    assert eight["seconds"] == pytest.approx(0.4)  # of a summary
    assert eight["relative"] == pytest.approx(2.0)


def test_the_order_is_printed_where_the_control_holds_and_rounds_suffice():
    found = inference_costs(run(EQUAL | {"prompt_tuning": 1.2, "few_shot": 3.0}))["by_batch"]
    for size in ("1", "8"):
        assert found[size]["ranking"] == [["full", "lora", "zero_shot"], ["prompt_tuning"], ["few_shot"]]
        assert found[size]["control"] == {
            "names": ["zero_shot", "lora", "full"],
            "difference": pytest.approx(0),
            "holds": True,
        }


def test_no_order_is_given_where_the_control_fails():
    found = inference_costs(run(EQUAL | {"lora": 1.18, "few_shot": 3.0}))["by_batch"]["1"]
    assert found["ranking"] is None
    assert found["control"]["difference"] == pytest.approx(18)
    assert not found["control"]["holds"]


def test_no_order_is_given_of_too_few_rounds():
    assert inference_costs(run(rounds=LEAST_ROUNDS - 1))["by_batch"]["1"]["ranking"] is None
    assert inference_costs(run(rounds=LEAST_ROUNDS))["by_batch"]["1"]["ranking"] is not None


def test_times_are_relative_to_full_or_to_the_first_of_the_control():
    assert inference_costs(run())["by_batch"]["1"]["reference"] == "full"
    twice = inference_costs(run({"few_shot": 2.0, "few_shot, again": 2.0}, control=("few_shot", "few_shot, again")))
    assert twice["by_batch"]["1"]["reference"] == "few_shot"


def test_a_busy_run_is_flagged_with_its_reason():
    assert inference_costs(run())["busy"] == ""
    busy = inference_costs(run() | {"contention": {"core_share": 0.4, "pressure": 60.0}})["busy"]
    assert "40 %" in busy and "60 %" in busy


def test_costs_are_json_without_infinities():
    json.dumps(inference_costs(run(rounds=1)), allow_nan=False)


def test_speed_is_a_median_with_quartiles():
    assert quartiles([1.0, 2.0, 3.0, 4.0, 10.0]) == {"median": 3.0, "low": 2.0, "high": 4.0}
    values = list(np.random.default_rng(0).lognormal(size=23))
    assert list(quartiles(values).values()) == pytest.approx(list(np.quantile(values, [0.5, 0.25, 0.75])))
    assert quartiles([5.0]) == {"median": 5.0, "low": 5.0, "high": 5.0}


def test_memory_is_the_largest_peak_of_its_phases_and_what_is_above_the_model():
    record = {"imports_mib": 300.0, "model_mib": 350.0, "peak_mib": {"load": 900.0, "answer": 500.0, "read": 400.0}}
    assert memory(record, "answer", "read") == {"peak": 500.0, "above_model": 150.0, "imports": 300.0}
    assert memory(record | {"model_mib": 600.0}, "answer")["above_model"] == 0
    assert memory({"trainable_parameters": 0}, "train") is None
