"""What a run gives back: plain values and arrays, ready to be stored or shown."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys_core.data.dataset import BoolArray, FloatArray, IntArray, TimeArray
from recsys_core.evaluation.result import Evaluation
from recsys_core.pipeline.spec import JobSpec
from recsys_core.registry import Stage

#: a run keeps this many recommendations a user, or as many as its largest K
KEPT_ITEMS = 100


@dataclass(frozen=True)
class Recommendations:
    """Per evaluated user the best items, at most 100; `items` is -1 where a list is short.

    Parameters
    ----------
    users
        Shape (n,): user numbers.
    items, scores
        Shape (n, width).
    channels
        Two-stage: names of the channels; empty for other runs.
    sources
        Two-stage, shape (n, width, channels): which channels proposed the item.
    """

    users: IntArray
    items: IntArray
    scores: FloatArray
    channels: tuple[str, ...] = ()
    sources: BoolArray | None = None


@dataclass(frozen=True)
class ScoredRows:
    """Test rows of a ranking run: who, what, label and predicted probability, each shape (n,)."""

    users: IntArray
    items: IntArray
    labels: FloatArray
    scores: FloatArray


@dataclass(frozen=True)
class RunResult:
    """The outcome of `run(spec)`.

    Parameters
    ----------
    params
        Every field of the model, defaults included.
    dataset
        ``name``, ``fingerprint``, ``interactions``, ``users``, ``items``, ``synthetic``.
    protocol
        ``name``, ``fingerprint``, ``train``, ``valid``, ``test`` (row counts), ``leaks``,
        ``parameters``, ``counts``.
    metrics, ci95
        Values by metric name; NaN where a metric is not defined.
    validation
        The metric that chooses epochs and parameters, on the validation rows; empty without any.
    user_metrics
        Shape (n,) each, in the order of `users`; NaN for a user it is not defined for.
    user_ids, item_ids
        Original ids of all users and items of the data set, for files that people read.
    curve
        One dict an epoch: loss and validation metrics; empty for closed-form models.
    timings
        Cost of single requests and of all, in milliseconds and users per second; not repeatable.
    importance
        Ranking, by feature: AUC of validation rows that is lost when it is permuted.
    features
        Ranking: ``schema``, the name of what the model saw of a row, and ``scopes`` of the
        histories among it (`earlier`, `others`); empty for other stages.
    parts
        Events of each user, shape (n_users,), and `Split.parts` of all of them.
    """

    spec: JobSpec
    stage: Stage
    params: dict[str, Any]
    dataset: dict[str, Any]
    protocol: dict[str, Any]
    environment: dict[str, Any]
    metrics: dict[str, float]
    ci95: dict[str, tuple[float, float]]
    counts: dict[str, int]
    users: IntArray
    user_metrics: dict[str, NDArray[np.float64]]
    user_ids: NDArray[np.str_]
    item_ids: NDArray[np.str_]
    fit_seconds: float
    eval_seconds: float
    peak_rss_mb: float
    recommendations: Recommendations | None = None
    rows: ScoredRows | None = None
    curve: list[dict[str, float]] = field(default_factory=list)
    validation: dict[str, float] = field(default_factory=dict)
    parts: tuple[TimeArray, NDArray[np.uint8]] | None = None
    timings: dict[str, float] = field(default_factory=dict)
    importance: dict[str, float] = field(default_factory=dict)
    features: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Judged:
    """What a stage's evaluation gives: recall has recommendations, ranking has rows."""

    evaluation: Evaluation
    recommendations: Recommendations | None = None
    rows: ScoredRows | None = None
    timings: dict[str, float] = field(default_factory=dict)
    importance: dict[str, float] = field(default_factory=dict)
    features: dict[str, Any] = field(default_factory=dict)
