"""Student's distribution beside scipy's."""

import numpy as np
import pytest
from scipy import special, stats

from pipeline.evaluation.student import incomplete_beta, student_quantile, student_tail

DF = np.array([1, 1.5, 2, 2.7, 4.5, 10, 29, 149, 298, 4491, 50_000])


def test_tails_are_those_of_scipy_far_out_too():
    t = np.array([-40, -3, -0.1, 0, 1e-4, 0.5, 1.96, 5, 12.7, 300])[:, None]
    assert student_tail(t, DF) == pytest.approx(stats.t.sf(t, DF), rel=1e-7, abs=1e-300)


@pytest.mark.parametrize("level", [0.5, 0.8, 0.95, 0.975, 0.9975, 0.9999])
def test_quantiles_are_those_of_scipy(level):
    assert student_quantile(level, DF) == pytest.approx(stats.t.ppf(level, DF), rel=1e-9, abs=1e-9)


def test_the_incomplete_beta_function_is_that_of_scipy():
    a, b, x = np.meshgrid([0.5, 1, 3.3, 40], [0.5, 2, 70], [0, 1e-6, 0.2, 0.5, 0.9, 1], indexing="ij")
    assert incomplete_beta(a, b, x) == pytest.approx(special.betainc(a, b, x), rel=1e-9, abs=1e-15)
