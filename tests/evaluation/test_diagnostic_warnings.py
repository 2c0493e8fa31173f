"""Warnings: more of a fault than the references have, beyond a limit and chance."""

import numpy as np
import pytest
from scipy.stats import binomtest

from pipeline.evaluation.diagnostic_warnings import lowest_excess, warnings, wilson
from pipeline.parameters.score import Warn

WARN = Warn(truncated=5.0, empty=1.0, repeats=5.0, unsupported=5.0, unlisted=5.0, length_ratio=[0.5, 2.0])
CLEAN = {"truncated": 0.0, "empty": 0.0, "repeats": 0.0, "unsupported": 0.0, "unlisted": 5.0, "length_ratio": 1.0}
PEOPLE = CLEAN | {"truncated": None, "repeats": 4.0, "unsupported": 3.0}


@pytest.mark.parametrize(("hits", "count"), [(0, 150), (3, 40), (20, 40), (149, 150)])
def test_wilson_is_scipy_s(hits, count):
    oracle = binomtest(hits, count).proportion_ci(confidence_level=0.9, method="wilson")  # 5 % on each side
    assert wilson(hits / count, count) == pytest.approx((oracle.low, oracle.high), abs=1e-5)


def test_the_lowest_excess_is_newcombe_s():
    low = binomtest(56, 70).proportion_ci(confidence_level=0.9, method="wilson").low
    high = binomtest(48, 80).proportion_ci(confidence_level=0.9, method="wilson").high
    expected = 0.2 - ((0.8 - low) ** 2 + (high - 0.6) ** 2) ** 0.5
    assert lowest_excess(56 / 70, 70, 48 / 80, 80) == pytest.approx(expected, abs=1e-5)
    assert 0.0524 < expected < 0.2  # Newcombe (1998), example a: the two-sided 95 % interval begins at 0.0524


def test_what_people_do_as_often_is_no_warning():
    assert warnings(PEOPLE | {"truncated": 0.0}, PEOPLE, 150, WARN) == []
    crowd = PEOPLE | {"repeats": 30.0, "unsupported": 30.0}
    assert warnings(CLEAN | {"repeats": 32.0, "unsupported": 28.0}, crowd, 500, WARN) == []
    assert len(warnings(CLEAN | {"repeats": 32.0, "unsupported": 28.0}, PEOPLE, 500, WARN)) == 2


def test_a_warning_names_the_rate_of_the_summaries_and_of_the_references():
    assert warnings(CLEAN | {"repeats": 20.0, "truncated": 12.0}, PEOPLE, 150, WARN) == [
        "12 % of the outputs were truncated at the length limit (score.warn.truncated: 5 points)",
        "20 % of the outputs repeat three words or more, and 4 % of the references (score.warn.repeats: 5 points)",
    ]


def test_few_examples_take_a_larger_excess():
    found = CLEAN | {"unsupported": 20.0}
    assert warnings(found, PEOPLE, 10, WARN) == []
    assert len(warnings(found, PEOPLE, 150, WARN)) == 1
    assert len(warnings(CLEAN | {"unsupported": 90.0}, PEOPLE, 10, WARN)) == 1


def test_what_was_not_measured_and_wrong_lengths():
    assert warnings(CLEAN | {"truncated": None, "length_ratio": None}, PEOPLE, 10, WARN) == []
    (warning,) = warnings(CLEAN | {"length_ratio": 0.07}, PEOPLE, 10, WARN)
    assert warning == "the outputs are 0.07 times as long as the references (score.warn.length_ratio: 0.5 to 2)"


@pytest.mark.parametrize("examples", [10, 40, 150, 500])
@pytest.mark.parametrize("people", [0.03, 0.1])
def test_an_excess_of_just_the_limit_is_seldom_a_warning_and_a_large_one_mostly(examples, people):
    rng, worlds = np.random.default_rng(0), 2000
    of_people = rng.binomial(examples, people, worlds) / examples

    def warned(share):
        found = rng.binomial(examples, share, worlds) / examples
        return np.mean([
            bool(warnings(CLEAN | {"repeats": 100 * one}, PEOPLE | {"repeats": 100 * other}, examples, WARN))
            for one, other in zip(found, of_people)
        ])  # fmt: skip

    assert warned(people + 0.05) < 0.06
    if examples >= 150:
        assert warned(people + 0.2) > 0.8
