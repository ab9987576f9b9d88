"""Powers that are the same to the last bit on every processor.

The power, exp2 and log of NumPy and torch are chosen by the processor's vector instructions, and
differ among them in late digits: enough to exchange two items of nearly equal score, or a draw.
Here there is nothing but sums, products and quotients, which IEEE 754 defines to the last bit. The
result is within some 1e-15 of the true one, relatively, as long as the result's exponent is small.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: exponents up to this that are whole or half are raised without logarithms
_LARGEST_STEPWISE = 8
#: 2 to this is more than any float, and 2 to its opposite less
_BEYOND = 2000.0
_SQRT_HALF = 0.7071067811865476
#: of log2(m) = 2 / ln 2 (s + s^3 / 3 + s^5 / 5 + …), s = (m - 1) / (m + 1), last one first;
#: |s| < .172, so that what is left out is below 2^-58
_LOG_TERMS = tuple(2.8853900817779268 / n for n in range(21, 0, -2))
#: of 2^x = 1 + x ln 2 + (x ln 2)^2 / 2! + …, last one first; |x| <= 1/2
_EXP_TERMS = tuple(accumulate(range(1, 16), lambda t, n: t * 0.6931471805599453 / n, initial=1.0))[
    ::-1
]


def power(base: NDArray[Any], exponent: float) -> Floats:
    """Raise numbers of at least 0 to one exponent; 0 to the power of 0 is 1.

    Parameters
    ----------
    base
        Any shape; integers or floats.

    Returns
    -------
    The same shape.
    """
    base = np.asarray(base, dtype=np.float64)
    if 0 <= exponent <= _LARGEST_STEPWISE and 2 * exponent == int(2 * exponent):
        return _stepwise(base, int(2 * exponent))
    positive = base > 0
    raised = exp2(_log2(np.where(positive, base, 1.0)) * exponent)
    return np.where(positive, raised, 0.0 if exponent > 0 else np.inf)


def _stepwise(base: Floats, halves: int) -> Floats:
    """Raise to the power of halves / 2 by products and a root: ten times as fast."""
    raised = np.sqrt(base) if halves % 2 else np.ones_like(base)
    for _ in range(halves // 2):
        raised *= base
    return raised


def exp2(exponents: NDArray[Any]) -> Floats:
    """Raise 2 to each of some exponents."""
    exponents = np.clip(np.asarray(exponents, dtype=np.float64), -_BEYOND, _BEYOND)
    whole = np.rint(exponents)
    raised: Floats = np.ldexp(_polynomial(_EXP_TERMS, exponents - whole), whole.astype(np.int32))
    return raised


def decays(half_life: float, length: int) -> Floats:
    """Raise 2 to -age / half_life for the ages 0, 1, …, shape (length,), not to be written to.

    Kept for some half-lives: a request asks for few ages, again and again.
    """
    return _decays(half_life, 1 << max(0, length - 1).bit_length())[:length]


@lru_cache(maxsize=32)
def _decays(half_life: float, length: int) -> Floats:
    table = exp2(-np.arange(length) / half_life)
    table.flags.writeable = False
    return table


def _log2(numbers: Floats) -> Floats:
    mantissa, exponent = np.frexp(numbers)
    small = mantissa < _SQRT_HALF
    mantissa = np.where(small, 2 * mantissa, mantissa)  # now between sqrt(1/2) and sqrt(2)
    quotient = (mantissa - 1) / (mantissa + 1)
    logs: Floats = quotient * _polynomial(_LOG_TERMS, quotient * quotient) + (exponent - small)
    return logs


def _polynomial(terms: tuple[float, ...], x: Floats) -> Floats:
    """Evaluate by Horner's rule: one product and one sum a term, each rounded on its own."""
    value = np.full_like(x, terms[0])
    for term in terms[1:]:
        value *= x
        value += term
    return value
