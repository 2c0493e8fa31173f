"""The difference of two systems, on cases worked by hand."""

import pytest

from pipeline.evaluation.differences import Difference, correct, format_p, unpaired_difference


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
