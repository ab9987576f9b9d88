"""Paired tests over users, and Holm's correction."""

from __future__ import annotations

from math import isnan, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys_core.evaluation.holm import holm
from recsys_core.evaluation.significance import paired_test


def test_agrees_with_scipy() -> None:
    from scipy import stats

    rng = np.random.default_rng(0)
    a = rng.random(200)
    b = a + rng.normal(0.01, 0.1, 200)
    ours = paired_test(a, b)
    theirs = stats.ttest_rel(a, b)
    interval = theirs.confidence_interval(0.95)
    assert ours.p_value == pytest.approx(theirs.pvalue, abs=1e-12)
    assert ours.ci95 == pytest.approx((interval.low, interval.high), abs=1e-12)
    assert ours.delta == pytest.approx(a.mean() - b.mean(), abs=1e-12)
    assert ours.n == 200


def test_users_that_one_run_has_no_value_for_are_left_out() -> None:
    full = paired_test(np.array([0.1, 0.5, 0.9]), np.array([0.2, 0.3, 0.4]))
    a = np.array([0.1, nan, 0.5, 0.9, 0.3])
    b = np.array([0.2, 0.7, 0.3, 0.4, nan])
    assert paired_test(a, b) == full


def test_runs_that_differ_nowhere_or_everywhere_alike() -> None:
    ones = np.ones(5)
    assert paired_test(ones, ones).p_value == 1
    always = paired_test(2 * ones, ones)
    assert (always.delta, always.ci95, always.p_value) == (1, (1, 1), 0)


@pytest.mark.parametrize(("values", "delta"), [([], nan), ([0.5], 0.5)])
def test_one_user_proves_nothing(values: list[float], delta: float) -> None:
    outcome = paired_test(np.array(values), np.zeros(len(values)))
    assert outcome.delta == pytest.approx(delta, nan_ok=True)
    assert isnan(outcome.p_value)


def test_no_difference_is_found_as_often_as_the_level_says() -> None:
    """Of 1,000 tests without an effect, 5 % are below .05 (standard deviation .7 %)."""
    rng = np.random.default_rng(1)
    p_values = [paired_test(rng.random(100), rng.random(100)).p_value for _ in range(1000)]
    assert np.mean(np.array(p_values) < 0.05) == pytest.approx(0.05, abs=4 * 0.007)


def test_holm_by_hand() -> None:
    """Sorted .01 .02 .03 .8 times 4 3 2 1 = .04 .06 .06 .8, never falling."""
    assert holm([0.03, 0.01, 0.8, 0.02]) == pytest.approx([0.06, 0.04, 0.8, 0.06])
    assert holm([0.6, 0.9]) == [1, 1]
    assert holm([]) == []


def test_holm_does_not_count_what_is_not_defined() -> None:
    assert holm([nan, 0.01, nan, 0.04]) == pytest.approx([nan, 0.02, nan, 0.04], nan_ok=True)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_never_helps_and_keeps_the_order(p_values: list[float]) -> None:
    adjusted = np.array(holm(p_values))
    assert (adjusted >= p_values).all()
    assert (adjusted <= 1).all()
    assert (np.diff(adjusted[np.argsort(p_values, kind="stable")]) >= 0).all()
