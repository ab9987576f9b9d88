"""Powers against the standard library's decimal numbers."""

from __future__ import annotations

from decimal import Decimal, localcontext

import numpy as np
import pytest

from recsys_core.compute.powers import exp2, power


@pytest.mark.parametrize("exponent", [-2, -0.5, -0.3, 0.3, 0.5, 1, 1.7, 2, 3.5, 10, 20])
def test_power_is_that_of_40_digits(exponent: float) -> None:
    base = np.concatenate([np.arange(1.0, 300), np.geomspace(1e-6, 1e6, 300)])
    with localcontext(prec=40):
        expected = [float(Decimal(x) ** Decimal(exponent)) for x in base.tolist()]
    np.testing.assert_allclose(power(base, exponent), expected, rtol=1e-13, atol=0)


def test_exp2_is_that_of_40_digits() -> None:
    exponents = np.linspace(-60, 60, 997)
    with localcontext(prec=40):
        expected = [float(Decimal(2) ** Decimal(x)) for x in exponents.tolist()]
    np.testing.assert_allclose(exp2(exponents), expected, rtol=1e-15, atol=0)


def test_what_is_exact_stays_exact() -> None:
    assert exp2(np.array([0, 1, -3, 10])).tolist() == [1, 2, 1 / 8, 1024]
    assert exp2(np.array([-2000, -1e30, -np.inf])).tolist() == [0, 0, 0]
    for exponent in (0.3, 0.7, -0.3, 9.0):
        assert power(np.array([1]), exponent) == 1
    assert power(np.array([4, 16, 64]), 0.25)[1] == 2
    assert power(np.array([0, 3]), 0).tolist() == [1, 1]
    assert power(np.array([0.0, 0.0]), 0.3).tolist() == [0, 0]
    assert power(np.array([0.0]), -0.3).tolist() == [np.inf]
    assert power(np.array([[1], [9]], dtype=np.int32), 0.5).tolist() == [[1], [3]]
    assert power(np.array([], dtype=np.float32), -0.5).shape == (0,)
