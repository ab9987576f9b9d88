"""Student's distribution in plain Python, which any process can afford.

scipy takes a third of a second and 24 MB to load, and mpmath twenty times as long for a value: a
table of runs asks for a thousand of them while keys are typed. Tests hold both against scipy.
"""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist

_TINY = 1e-300
#: steps of Newton's method at most; from the start that is chosen four are enough
_STEPS = 50


@lru_cache(maxsize=1024)
def t_quantile(freedom: float, tails: float = 0.05) -> float:
    """Find the t beyond whose two sides `tails` lie, by Newton's method within a bracket.

    Examples
    --------
    >>> round(t_quantile(10), 6)  # scipy: stats.t.ppf(.975, 10)
    2.228139
    >>> round(t_quantile(3.5, 0.01), 6)  # scipy: stats.t.ppf(.995, 3.5)
    5.085702
    """
    normal = NormalDist().inv_cdf(1 - tails / 2)
    low, high = 0.0, math.inf
    # the first terms of its expansion for many degrees of freedom (Abramowitz, Stegun 26.7.5)
    t = normal + (normal**3 + normal) / (4 * freedom)
    for _ in range(_STEPS):
        over = t_tails(t, freedom) - tails
        low, high = (t, high) if over > 0 else (low, t)
        # in logarithms, where the tails are nearly straight; doubled where it leaves the bracket
        step = over and math.log1p(over / tails) * (over + tails) / (2 * _density(t, freedom))
        following = t + step
        if not low <= following <= high:
            following = 2 * t if math.isinf(high) else (low + high) / 2
        if abs(following - t) <= 1e-13 * t:
            return following
        t = following
    return t


def _density(t: float, freedom: float) -> float:
    half = freedom / 2
    scale = math.exp(math.lgamma(half + 0.5) - math.lgamma(half)) / math.sqrt(math.pi * freedom)
    return scale * math.exp(-(half + 0.5) * math.log1p(t * t / freedom))


def t_tails(t: float, freedom: float) -> float:
    """Probability beyond -|t| and |t| under Student's distribution.

    It is the regularised incomplete beta function at ``freedom / (freedom + t²)`` with parameters
    ``freedom / 2`` and ``1 / 2`` (Abramowitz and Stegun 26.7.1, 26.5.27).

    Examples
    --------
    >>> round(t_tails(2.0, 10), 6)  # scipy: 2 * stats.t.sf(2, 10)
    0.073388
    """
    x, rest = freedom / (freedom + t * t), t * t / (freedom + t * t)
    a, b = freedom / 2, 0.5
    if x == 0 or rest == 0:
        return x
    beta = math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
    scale = math.exp(a * math.log(x) + b * math.log(rest) - beta)
    if x < (a + 1) / (a + b + 2):  # where the fraction converges quickly
        return scale * _beta_fraction(a, b, x) / a
    return 1 - scale * _beta_fraction(b, a, rest) / b


def _beta_fraction(a: float, b: float, x: float) -> float:
    """Continued fraction of the incomplete beta function (A&S 26.5.8) by Lentz's method."""
    c, d = 1.0, 1 / _no_zero(1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, 500):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1 / _no_zero(1 + term * d)
            c = _no_zero(1 + term / c)
            value *= c * d
        if abs(c * d - 1) < 1e-14:
            break
    return value


def _no_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
