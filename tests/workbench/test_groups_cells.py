"""Intervals, differences, Holm and gaps of groups, against scipy and by hand."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
import scipy

from recsys_core.evaluation.linearised import auc_values
from recsys_core.evaluation.rows import auc
from recsys_core.evaluation.student import t_quantile
from workbench.store.groups_cells import Cell, Sample, cell_of, corrected, gap_of


def shares(ones: int, of: int = 30) -> Sample:
    """Make users of whom some have 1 and the others 0."""
    return Sample(np.arange(of), np.repeat([1.0, 0.0], [ones, of - ones]))


@pytest.mark.parametrize("freedom", [1, 2, 3.5, 29, 6039])
@pytest.mark.parametrize("tails", [0.05, 0.05 / 190, 0.5])
def test_quantile(freedom: float, tails: float) -> None:
    expected = scipy.stats.t.ppf(1 - tails / 2, freedom)
    assert t_quantile(freedom, tails) == pytest.approx(expected, rel=1e-9)


def test_cell_is_the_paired_test() -> None:
    rng = np.random.default_rng(0)
    ours, theirs = rng.random(40), rng.random(40)
    users = np.arange(40)
    cell = cell_of(Sample(users, ours), Sample(users, theirs))
    test = scipy.stats.ttest_rel(ours, theirs)
    assert cell.p_value == pytest.approx(test.pvalue)
    assert cell.difference_interval == pytest.approx(tuple(test.confidence_interval()))
    own = scipy.stats.t.interval(0.95, 39, ours.mean(), scipy.stats.sem(ours))
    assert cell.interval == pytest.approx(own)
    untested = cell_of(Sample(users, ours), Sample(users, theirs), tested=False)
    assert (untested.p_value, untested.sign) == (None, "")
    assert untested.difference_interval == cell.difference_interval


def test_without_users_or_spread() -> None:
    nobody = Sample(np.array([], dtype=int), np.array([]))
    assert cell_of(nobody, None) == Cell()
    one = Sample(np.array([3]), np.array([0.25]))
    assert cell_of(one, one) == Cell(0.25, difference=0.0)
    same = cell_of(shares(30), shares(0))
    assert (same.interval, same.difference, same.p_value) == ((1.0, 1.0), 1.0, 0.0)


def test_holm_leaves_untested_groups_out() -> None:
    cells = [Cell(p_value=0.03), Cell(), Cell(p_value=0.02)]
    adjusted = corrected(cells)
    assert [cell.p_value for cell in adjusted] == [0.04, None, 0.04]  # .02 x 2, then not less
    assert [cell.sign for cell in adjusted] == ["*", "", "*"]


def test_gap_of_three_groups() -> None:
    samples = [("a", shares(15)), ("b", shares(6)), ("c", shares(9)), ("few", shares(0, 29))]
    gap = gap_of("recall@10", samples)
    assert gap is not None
    assert (gap.largest, gap.smallest, gap.worst, gap.groups) == ("a", "b", "b", 3)
    assert gap.value == pytest.approx(15 / 30 - 6 / 30)
    # variances of the means: p (1 - p) / 29; Welch's degrees of freedom; three pairs
    error = sqrt((0.5 * 0.5 + 0.2 * 0.8) / 29)
    freedom = 29 * (0.25 + 0.16) ** 2 / (0.25**2 + 0.16**2)
    margin = scipy.stats.t.ppf(1 - 0.05 / 3 / 2, freedom) * error
    assert gap.interval == pytest.approx((0.3 - margin, 0.3 + margin))
    expected = 3 * 2 * scipy.stats.t.sf(0.3 / error, freedom)
    assert gap.p_value == pytest.approx(expected)
    loss = gap_of("logloss", samples)
    assert loss is not None
    assert loss.worst == "a"
    assert gap_of("recall@10", samples[:1]) is None


def test_auc_of_users() -> None:
    """The mean is the AUC; the standard error is near that of resampling the users."""
    rng = np.random.default_rng(1)
    user = np.sort(rng.integers(0, 60, 600))
    user = np.unique(user, return_inverse=True)[1]
    labels = (rng.random(600) < 0.4).astype(np.float64)
    scores = np.asarray(rng.random(600) + 0.3 * labels + 0.2 * (user % 2), dtype=np.float64)
    scores = scores.round(1)
    values = auc_values(user, labels, scores)
    assert values.mean() == pytest.approx(auc(labels, scores))
    by_user = [np.flatnonzero(user == number) for number in range(user.max() + 1)]
    drawn = []
    for _ in range(200):
        rows = np.concatenate([by_user[n] for n in rng.integers(0, len(by_user), len(by_user))])
        drawn.append(auc(labels[rows], scores[rows]))
    error = values.std(ddof=1) / sqrt(len(values))
    assert error == pytest.approx(np.std(drawn), rel=0.2)
