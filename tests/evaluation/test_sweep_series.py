"""Sweeps: which experiments belong together, and which value to take."""

from dataclasses import replace

import numpy as np

from pipeline.evaluation.sweep_series import find_plateau, group_series, judge_series
from tests.sweeps import noisy, point
from tests.systems import settings
from tests.worlds import worlds


def test_the_smallest_value_that_is_non_inferior_to_the_best_is_found():
    points = [
        point(1, noisy(20), 2.0),
        point(4, noisy(39.9, 1), 1.005),
        point(16, noisy(40.2, 2), 1.0),
        point(64, noisy(40)),
    ]
    judged = judge_series(points, settings(), "smaller")
    assert judged.best == 16
    assert judged.non_inferior == [4, 16, 64]
    assert judged.smallest == 4
    assert judged.plateau == 4
    assert [each.label for each in judged.points] == [
        "significantly worse for these trainings",
        "non-inferior for these trainings",
        "non-inferior",  # the best
        "non-inferior for these trainings",
    ]


def test_without_a_preference_no_value_is_the_smallest():
    judged = judge_series([point("lab", noisy(40)), point("flan", noisy(20))], settings(), None)
    assert (judged.best, judged.non_inferior, judged.smallest, judged.plateau) == ("lab", ["lab"], None, None)


def test_too_few_examples_make_no_value_non_inferior_and_none_significantly_worse():
    judged = judge_series([point(1, noisy(36)[:4]), point(4, noisy(40, 3)[:4])], settings(), "smaller")
    assert (judged.non_inferior, judged.smallest) == ([4], 4)
    assert judged.points[0].label == "inconclusive for these trainings"


def test_losses_are_on_the_plateau_from_where_none_is_higher_again():
    assert find_plateau([2.0, 1.0, 1.5, 1.005, 1.0], [1, 2, 4, 8, 16]) == 8
    assert find_plateau([2.0, 1.5, 1.0], [1, 2, 4]) is None


def test_other_settings_make_series_of_their_own_and_lone_points_none():
    fixed, rs = (("lora.lora_alpha", "16"),), (("lora.lora_alpha", "null"),)
    points = [point(r, noisy(30), settings=fixed) for r in (4, 1, 2)] + [
        point(r, noisy(30), settings=rs) for r in (8, 2)
    ]
    points.append(point(3, noisy(30), method="full"))
    groups = group_series(points)
    assert [[each.value for each in group] for group in groups] == [[1, 2, 4], [2, 8]]
    assert [group[0].settings for group in groups] == [fixed, rs]


def test_settings_of_lone_experiments_do_not_name_a_series():
    """Two experiments with other seeds stand alone: the one series, over rank, needs no name for its seed."""
    points = [point(r, noisy(30), settings=(("seed", "17"),)) for r in (1, 2)]
    points += [point(1, noisy(30), settings=(("seed", seed),)) for seed in ("1", "2")]
    (group,) = group_series(points)
    assert group[0].settings == ()


def test_other_test_examples_are_never_paired():
    other = point(2, noisy(30))
    other.examples[0]["id"] = "another"
    assert group_series([point(1, noisy(30)), other]) == []


def test_of_a_value_that_was_run_twice_the_first_counts():
    (group,) = group_series([point(1, noisy(30), experiment="main"), point(1, noisy(30)), point(2, noisy(30))])
    assert [each.experiment for each in group] == ["main", "one"]


def seeded(value, points: np.ndarray):
    """A point of (seeds, examples) scores."""
    rows = [
        {"id": str(number), "seed": seed, "rouge1": float(score)}
        for seed, each in enumerate(points)
        for number, score in enumerate(each)
    ]
    return replace(point(value, noisy(30)), examples=rows)


def test_of_equal_values_none_is_called_worse_and_one_training_calls_many_so():
    """Five values of a parameter that moves nothing; a seed moves each by 1.8 points."""
    called = {1: 0, 3: 0}
    for number in range(25):
        scores = worlds(5, 3, 150, 1.8, rng=number) + 40
        for seeds in called:
            points = [seeded(value, each[:seeds]) for value, each in enumerate(scores)]
            judged = judge_series(points, settings(), None)
            called[seeds] += any(each.minus_best.significant for each in judged.points)
    assert called[3] <= 3 < 8 < called[1]


def test_seeds_make_a_value_non_inferior_to_every_other_and_are_counted():
    scores = worlds(3, 3, 150, 0.2, rest_sd=2.0) + 40
    judged = judge_series([seeded(value, each) for value, each in enumerate(scores)], settings(), "smaller")
    assert (judged.seeds, judged.smallest) == (3, 0)
    assert {each.label for each in judged.points} == {"non-inferior"}


def test_other_seeds_are_another_series():
    scores = worlds(2, 3, 20, 0.2)
    assert group_series([seeded(1, scores[0]), seeded(2, scores[1][:2])]) == []
