"""Calibration keeps the order, and finds what was planted."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, logit

from recsys_core.errors import InputError
from recsys_core.evaluation.result import Vector
from recsys_core.evaluation.rows import auc, row_logloss
from recsys_core.protocols.split import Split
from recsys_core.ranking.calibration import LEAST_SLOPE, Calibration, fit_calibration
from recsys_core.ranking.ranker import Ranker
from tests.ranking.build import dataset, split
from tests.ranking.test_ranker import ranker

Method = Literal["platt", "isotonic"]


def planted(slope: float, shift: float, n: int = 20_000) -> tuple[Vector, Vector]:
    """Scores z whose labels follow sigmoid(slope z + shift)."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=n) * 2
    return z, (rng.random(n) < expit(slope * z + shift)).astype(np.float64)


def test_platt_finds_the_line_as_scikit_learn_does() -> None:
    from sklearn.linear_model import LogisticRegression

    z, y = planted(0.5, -1.0)
    found = fit_calibration("platt", z, y)
    other = LogisticRegression(C=np.inf).fit(z[:, None], y)
    assert found.slope == pytest.approx(other.coef_[0, 0], abs=1e-3)
    assert found.targets[0] == pytest.approx(other.intercept_[0], abs=1e-3)
    assert found.slope == pytest.approx(0.5, abs=0.03)
    assert found.targets[0] == pytest.approx(-1, abs=0.05)


def test_isotonic_agrees_with_scikit_learn_in_the_middle_of_its_steps() -> None:
    from sklearn.isotonic import IsotonicRegression

    z, y = planted(1.0, 0.0, n=3_000)
    found = fit_calibration("isotonic", z, y)
    steps = IsotonicRegression().fit_transform(z, y)
    values = np.unique(steps)
    assert len(found.targets) == len(values)
    np.testing.assert_allclose(expit(found.targets), np.clip(values, 1 / 6000, 1 - 1 / 6000))
    middles = [z[steps == value].mean() for value in values]
    np.testing.assert_allclose(found.scores, middles)


def test_isotonic_by_hand() -> None:
    """Labels 0 1 0 1 at 0 1 2 4: the middle two pool to 1/2; 0 and 1 become 1/8 and 7/8."""
    found = fit_calibration("isotonic", np.array([0.0, 1, 2, 4]), np.array([0, 1, 0, 1]))
    assert found.scores == (0.0, 1.5, 4.0)
    low, high = logit(1 / 8), logit(7 / 8)
    np.testing.assert_allclose(found.targets, [low, 0, high])
    np.testing.assert_allclose(found(np.array([-1.0, 0.75, 5.0])), [low - 1, low / 2, high + 1])


@given(
    method=st.sampled_from(["platt", "isotonic"]),
    rows=st.lists(st.tuples(st.integers(-40, 40), st.integers(0, 1)), min_size=2, max_size=40),
)
def test_the_order_never_changes(method: Method, rows: list[tuple[int, int]]) -> None:
    z = np.array([score / 8 for score, _ in rows])
    y = np.array([label for _, label in rows])
    grid = np.linspace(-8, 8, 97)
    assert (np.diff(fit_calibration(method, z, y)(grid)) > 0).all()


def test_reversed_scores_are_not_turned_round() -> None:
    z, y = planted(-1.0, 0.0)
    assert fit_calibration("platt", z, y).slope == LEAST_SLOPE


@pytest.fixture(scope="module")
def parts() -> Split:
    return split(dataset())


@pytest.fixture(scope="module")
def plain(parts: Split) -> Ranker:
    return ranker("fm", parts.dataset, epochs=4, patience=0).fit(parts)


@pytest.mark.parametrize("method", ["platt", "isotonic"])
def test_a_calibrated_ranker_ranks_as_before(parts: Split, plain: Ranker, method: Method) -> None:
    calibrated = ranker("fm", parts.dataset, epochs=4, patience=0, calibration=method).fit(parts)
    before, after = (r.predict(parts.test, parts.known)[:, 0] for r in (plain, calibrated))
    labels = parts.test.relevant.astype(np.int8)
    assert not np.array_equal(before, after)
    assert auc(labels, after.astype(np.float64)) == pytest.approx(
        auc(labels, before.astype(np.float64)), abs=1e-6
    )
    seen = parts.valid.relevant.astype(np.int8)
    loss_before, loss_after = (
        row_logloss(seen, r.predict(parts.valid, parts.train)[:, 0]).mean()
        for r in (plain, calibrated)
    )
    assert loss_after < loss_before


def test_calibration_needs_validation_rows(parts: Split) -> None:
    nothing = replace(parts, valid=parts.valid.where(np.zeros(len(parts.valid), np.bool_)))
    model = ranker("lr", parts.dataset, epochs=1, calibration="platt")
    with pytest.raises(InputError, match="calibration = platt needs validation rows"):
        model.fit(nothing)


def test_a_calibration_survives_json() -> None:
    found = fit_calibration("isotonic", *planted(1.0, 0.3, n=200))
    assert Calibration.model_validate_json(found.model_dump_json()) == found
