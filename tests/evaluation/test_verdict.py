"""The verdict on comparisons whose truth is known: which method, why, and what is open."""

import numpy as np
import pytest

from pipeline.evaluation.pairs import find_pair, read_pairs
from pipeline.evaluation.recommendation import cheapest, is_cheaper, judge_candidates
from pipeline.evaluation.verdict import verdict
from tests.comparisons import ADAPTER, COSTS, FULL, comparison_of

DIALOGUES = 60


def scores(middle: float, seeds: int = 1, sd: float = 4.0, number: int = 0, examples: int = DIALOGUES) -> np.ndarray:
    """(seeds, examples) whose mean is exactly `middle`."""
    values = np.random.default_rng(number).normal(0, sd, size=(seeds, examples))
    return middle + values - values.mean()


def sentence(sentences: list[str], start: str) -> str:
    (found,) = [each for each in sentences if each.startswith(start)]
    return found


def test_a_cheaper_method_is_taken_where_it_is_shown_to_lose_less_than_the_margin():
    found = verdict(comparison_of({"lora": (scores(40, 3), ADAPTER), "full": (scores(40.5, 3, number=1), FULL)}))
    reason = "the cheapest method that is shown to lose less than the margin of 3 points of ROUGE-1 to every other"
    assert sentence(found, "Recommended: lora").startswith(f"Recommended: lora, {reason} (corrected p < 0.001)")


def test_a_cheaper_method_that_may_lose_the_margin_is_not_taken_and_what_would_settle_it_is_said():
    found = verdict(
        comparison_of({"lora": (scores(38.5, 3, sd=9), ADAPTER), "full": (scores(40.5, 3, sd=9, number=1), FULL)})
    )
    best = "Recommended: full, which scores best; no cheaper method is shown to lose less than the margin"
    assert sentence(found, "Recommended").startswith(best)
    open_ = sentence(found, "Open: whether lora loses less than 3 points to full (-2.0 [")
    assert "settling it would take about" in open_ and "seeds" in open_


def test_where_nothing_is_shown_nothing_is_recommended():
    two = {"lora": (scores(40, sd=25), ADAPTER), "full": (scores(40.5, sd=25, number=1), FULL)}
    found = verdict(comparison_of(two))
    assert sentence(found, "No method is recommended: none is shown to lose less than the margin of 3 points")
    assert sentence(found, "Open: whether full loses less than 3 points to lora")


def test_a_clear_difference_leaves_nothing_open():
    found = verdict(comparison_of({"lora": (scores(30, 3), ADAPTER), "full": (scores(50, 3, number=1), FULL)}))
    assert not any(each.startswith("Open") for each in found)


def test_a_small_difference_of_the_best_two_is_open_with_what_can_be_detected():
    found = verdict(comparison_of({"lora": (scores(40, 3), ADAPTER), "full": (scores(40.4, 3, number=1), FULL)}))
    open_ = sentence(found, "Open: which of full and lora is better; 60 examples and 3 seeds find a difference of ")
    assert " points in 80 % of cases; settling it would take about " in open_


def test_what_is_not_significant_comes_with_what_is_not_ruled_out():
    comparison = comparison_of({"lora": (scores(40, 3), ADAPTER), "full": (scores(40.4, 3, number=1), FULL)})
    estimate = find_pair(read_pairs(comparison), "lora", "full").estimate
    ruled = f"a loss of up to {-estimate.low:.1f} and a gain of up to {estimate.high:.1f} points are not ruled out"
    assert ruled in verdict(comparison)[0]


def test_one_training_is_said_in_every_sentence_that_depends_on_it():
    found = verdict(comparison_of({"lora": (scores(40), ADAPTER), "full": (scores(40.5, number=1), FULL)}))
    assert "significant for these two trainings" in found[0]
    assert found[1].startswith("Recommended for these trainings: lora")
    assert "how far another seed moves it is unknown" in sentence(found, "Open")
    assert found[-1].startswith("Each method was trained once")


def test_two_seeds_are_said_to_be_few():
    found = verdict(comparison_of({"lora": (scores(40, 2), ADAPTER), "full": (scores(40.5, 2, number=1), FULL)}))
    assert found[-1].endswith("Two seeds say little about how far seeds differ: use three or more.")


@pytest.mark.parametrize(("examples", "recommended", "rough"), [(19, False, True), (20, True, True), (30, True, False)])
def test_few_examples_recommend_nothing_and_carry_a_warning(examples, recommended, rough):
    two = {
        "lora": (scores(40, 3, 1.0, examples=examples), ADAPTER),
        "full": (scores(40.2, 3, 1.0, 1, examples), FULL),
    }
    found = verdict(comparison_of(two))
    assert any(each.startswith("Recommended") for each in found) == recommended
    too_few = "No method is recommended: 19 test examples are too few to choose by, 20 are needed. full scores best."
    assert (too_few in found) == (not recommended)
    assert any(each.startswith("The intervals are rough") for each in found) == rough


def test_a_floor_is_passed_by_the_interval_and_not_by_the_points():
    two = {"lora": (scores(12, sd=9), ADAPTER), "full": (scores(12.2, sd=9, number=1), FULL)}
    found = verdict(comparison_of(two, lead=11.5))
    assert sentence(found, "No method is recommended: full scores best, but is not shown to be above lead (+0.7 [")
    assert any(each.startswith("Recommended") for each in verdict(comparison_of(two, lead=5.0)))


def test_warnings_of_what_is_recommended_are_passed_on():
    costs = ADAPTER | {"warnings": ["9 % are empty"]}
    found = verdict(comparison_of({"lora": (scores(40), costs), "full": (scores(40.1, number=1), FULL)}))
    assert sentence(found, "Recommended").endswith(" Warning: 9 % are empty.")


def test_without_a_point_nothing_is_recommended():
    nothing = comparison_of({"lora": (np.zeros((1, 30)), ADAPTER), "full": (np.zeros((1, 30)), FULL)})
    assert verdict(nothing)[0].startswith("Nothing is recommended: no system has a point of ROUGE-1")


def test_long_prompts_do_not_win_because_they_train_nothing():
    """few_shot's prompts are 344 tokens longer, and its 0.1 points more are no reason to pay for them."""
    few_shot = COSTS | {"request_tokens": 544.0}
    methods = {"zero_shot": COSTS, "few_shot": few_shot, "lora": ADAPTER, "full": FULL}
    named = {name: row | {"name": name} for name, row in methods.items()}
    assert cheapest(["few_shot", "zero_shot"], named) == "zero_shot"
    assert cheapest(["few_shot", "lora", "full"], named) == "lora"
    assert not is_cheaper("few_shot", "full", named)
    found = verdict(comparison_of({"zero_shot": (scores(40), COSTS), "few_shot": (scores(40.1, number=1), few_shot)}))
    assert sentence(found, "Recommended: zero_shot")


def test_a_tenth_more_tokens_cost_the_same_and_parameters_decide():
    prompt_tuning = COSTS | {"trainable_parameters": 100, "request_tokens": 220.0}
    named = {name: row | {"name": name} for name, row in {"prompt_tuning": prompt_tuning, "lora": ADAPTER}.items()}
    assert cheapest(list(named), named) == "prompt_tuning"
    named["prompt_tuning"]["request_tokens"] = 221.0
    assert cheapest(list(named), named) == "lora"


def test_measured_seconds_count_where_all_have_them():
    slow, quick = ADAPTER | {"name": "ia3", "request_seconds": 0.2}, FULL | {"name": "full", "request_seconds": 0.1}
    assert cheapest(["ia3", "full"], {"ia3": slow, "full": quick}) == "full"
    unmeasured = quick | {"request_seconds": None}
    assert cheapest(["ia3", "full"], {"ia3": slow, "full": unmeasured}) == "ia3"


def test_a_candidate_is_judged_by_the_method_it_may_lose_most_to_and_corrected():
    three = {
        "a": (scores(40, 3), ADAPTER),
        "b": (scores(38, 3, number=1), ADAPTER),
        "c": (scores(42, 3, number=2), FULL),
    }
    pairs = read_pairs(comparison_of(three))
    found = judge_candidates(["a", "b", "c"], pairs)
    assert found["b"].toughest == "c"
    assert found["b"].p == find_pair(pairs, "b", "c").estimate.p_non_inferior > 0.5
    assert found["a"].p == find_pair(pairs, "a", "c").estimate.p_non_inferior
    ascending = sorted(each.p for each in found.values())
    assert sorted(each.p_holm for each in found.values())[0] == pytest.approx(3 * ascending[0])
