"""Calibration: predicted log odds become those that validation rows had, in the same order.

Platt, "Probabilistic outputs for support vector machines", 1999; Zadrozny and Elkan, "Transforming
classifier scores into accurate multiclass probability estimates", KDD 2002 (isotonic).
"""

from __future__ import annotations

from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator
from scipy.special import expit, logit

from recsys_core.config import Config

Vector = NDArray[np.float64]
#: a fitted slope is at least this: order is kept whatever validation rows say
LEAST_SLOPE = 1e-3


class Calibration(Config):
    """A strictly increasing map of log odds: straight between knots, and beyond the outer ones.

    Strictly, so that no two rows become equal or change places: AUC stays what it was.
    """

    scores: tuple[float, ...] = Field(
        min_length=1, description="Predicted log odds, in ascending order."
    )
    targets: tuple[float, ...] = Field(
        min_length=1, description="Observed log odds at each of them."
    )
    slope: float = Field(gt=0, description="Slope before the first knot and after the last.")

    @model_validator(mode="after")
    def _a_target_a_knot(self) -> Self:
        if len(self.scores) != len(self.targets):
            raise ValueError(f"{len(self.scores)} scores, {len(self.targets)} targets")
        return self

    def __call__(self, scores: NDArray[np.floating]) -> Vector:
        """Map log odds, shape (n,)."""
        z = scores.astype(np.float64)
        inside: Vector = np.interp(z, self.scores, self.targets)
        outside = np.minimum(z - self.scores[0], 0) + np.maximum(z - self.scores[-1], 0)
        return inside + self.slope * outside


def fit_calibration(
    method: Literal["platt", "isotonic"], scores: NDArray[np.floating], labels: NDArray[np.number]
) -> Calibration:
    """Fit on rows that the model was not trained on.

    Parameters
    ----------
    scores, labels
        Shape (n,): predicted log odds, and 1 or 0.
    """
    fit = _platt if method == "platt" else _isotonic
    return fit(scores.astype(np.float64), labels.astype(np.float64))


def _platt(z: Vector, y: Vector) -> Calibration:
    """P(y = 1) = sigmoid(a z + b) with the least log loss."""
    from scipy.optimize import minimize  # slow to import, and few models are calibrated

    def loss(parameters: Vector) -> tuple[float, Vector]:
        a, b = parameters
        t = a * z + b
        gap = expit(t) - y
        return float((np.logaddexp(0, t) - y * t).mean()), np.array([(gap * z).mean(), gap.mean()])

    a, b = minimize(loss, np.array([1.0, 0.0]), jac=True, method="BFGS").x.tolist()
    return Calibration(scores=(0.0,), targets=(b,), slope=max(a, LEAST_SLOPE))


def _isotonic(z: Vector, y: Vector) -> Calibration:
    """Join the steps of the isotonic fit from the middle of each to that of the next.

    Steps of 0 and 1, which have no log odds, count as half a row of the other class.
    """
    from scipy.optimize import isotonic_regression

    scores, place, rows = np.unique(z, return_inverse=True, return_counts=True)
    share = np.bincount(place, weights=y) / rows
    fitted = isotonic_regression(share, weights=rows)
    starts = fitted.blocks[:-1]
    weight = np.add.reduceat(rows, starts)
    middle = np.add.reduceat(scores * rows, starts) / weight
    half = 0.5 / len(z)
    targets = logit(np.clip(fitted.x[starts], half, 1 - half))
    return Calibration(scores=tuple(middle.tolist()), targets=tuple(targets.tolist()), slope=1.0)
