"""Student's t distribution: the tail of the p-values and the quantile of the intervals.

The pipeline has no scipy (the tests compare with it). numpy alone: the incomplete beta function by its continued
fraction, Press et al. (2007), Numerical Recipes, 3rd edition, section 6.4; Student's tail from it, section 6.14.9.
"""

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

NORMAL = NormalDist()
MAX_STEPS = 10_000  # of the continued fraction; it needs about the square root of the degrees of freedom
TINY = 1e-300
MANY = 200


def student_tail(t: ArrayLike, df: ArrayLike) -> np.ndarray:
    """P(T > t) of Student's t with df > 0 degrees of freedom, element by element."""
    t, df = np.broadcast_arrays(np.asarray(t, dtype=np.float64), np.asarray(df, dtype=np.float64))
    beyond = 0.5 * incomplete_beta(df / 2, np.full_like(df, 0.5), df / (df + t**2))
    return np.where(t >= 0, beyond, 1 - beyond)


def student_quantile(level: float, df: ArrayLike) -> np.ndarray:
    """The t below which a share `level` (0.5 to 1) of Student's distribution lies, element by element.

    With more than MANY degrees of freedom the first terms of its series in 1 / df are exact to 1e-10: Abramowitz and
    Stegun (1964), Handbook of Mathematical Functions, 26.7.5. Else Newton's method from the normal quantile: the
    distribution function is concave above 0 and the normal quantile is the smaller one, so it approaches from below and
    never overshoots.
    """
    df, z = np.asarray(df, dtype=np.float64), NORMAL.inv_cdf(level)
    if np.all(df > MANY):
        first, second = (z**3 + z) / 4, (5 * z**5 + 16 * z**3 + 3 * z) / 96
        third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
        fourth = (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160
        return z + (first + (second + (third + fourth / df) / df) / df) / df
    t = np.full_like(df, z)
    for _ in range(200):
        step = (student_tail(t, df) - (1 - level)) / _density(t, df)
        t = t + step
        if np.all(np.abs(step) <= 1e-12 * (1 + t)):
            break
    return t


def _density(t: np.ndarray, df: np.ndarray) -> np.ndarray:
    log_constant = _log_gamma((df + 1) / 2) - _log_gamma(df / 2) - 0.5 * np.log(df * math.pi)
    return np.exp(log_constant - (df + 1) / 2 * np.log1p(t**2 / df))


def incomplete_beta(a: np.ndarray, b: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The regularized incomplete beta function I_x(a, b) for a, b > 0 and x in [0, 1], element by element."""
    a, b, x = np.broadcast_arrays(a, b, x)
    swap = x > (a + 1) / (a + b + 2)  # there the fraction of I_{1-x}(b, a) converges faster
    first, second, point = np.where(swap, b, a), np.where(swap, a, b), np.where(swap, 1 - x, x)
    with np.errstate(divide="ignore"):
        log_front = (
            _log_gamma(a + b) - _log_gamma(a) - _log_gamma(b) + first * np.log(point) + second * np.log1p(-point)
        )
    value = np.exp(log_front) * _continued_fraction(first, second, point) / first
    return np.where(swap, 1 - value, value)


def _continued_fraction(a: np.ndarray, b: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Lentz's method; every step applies an even and an odd term of the fraction."""
    c, d = np.ones_like(x), 1 / _not_zero(1 - (a + b) * x / (a + 1))
    value = d.copy()
    for m in range(1, MAX_STEPS):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / _not_zero(1 + term * d)
            c = _not_zero(1 + term / c)
            change = c * d
            value = value * change
        if np.all(np.abs(change - 1) < 1e-15):
            break
    return value


def _not_zero(values: np.ndarray) -> np.ndarray:
    return np.where(np.abs(values) < TINY, TINY, values)


_log_gamma = np.vectorize(math.lgamma, otypes=[np.float64])
