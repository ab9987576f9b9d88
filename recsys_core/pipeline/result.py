"""What a run gives back, ready to be stored or shown."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys_core.data.dataset import BoolArray, Dataset, FloatArray, IntArray
from recsys_core.evaluation.result import Evaluation
from recsys_core.pipeline.spec import JobSpec
from recsys_core.protocols.split import Split
from recsys_core.registry import Stage
from recsys_core.run_folder import Origin

#: a run keeps this many recommendations per user, or as many as its largest K
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
    scores: NDArray[np.floating]
    channels: tuple[str, ...] = ()
    sources: BoolArray | None = None


@dataclass(frozen=True)
class ScoredRows:
    """Test rows of a ranking run: who, what, label and predicted probability, each shape (n,)."""

    users: IntArray
    items: IntArray
    labels: FloatArray
    scores: NDArray[np.floating]


@dataclass(frozen=True)
class Judged:
    """What a stage's evaluation gives: recall has recommendations, ranking has rows.

    Parameters
    ----------
    timings
        Cost of single requests and of all, in milliseconds and users per second; not repeatable.
    importance
        Ranking, by feature: AUC of validation rows that is lost when it is permuted.
    features
        Of models that read a schema: its name under ``schema``, and ``scopes`` of the histories in
        it (`earlier`, `others`); empty for others.
    """

    evaluation: Evaluation
    recommendations: Recommendations | None = None
    rows: ScoredRows | None = None
    timings: dict[str, float] = field(default_factory=dict)
    importance: dict[str, float] = field(default_factory=dict)
    features: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class RunResult:
    """The outcome of `run(spec)`.

    Parameters
    ----------
    params
        Every field of the model, defaults included.
    split
        The rows that it learned from and was judged on.
    environment
        What the outcome depends on beside the spec, as environment.json says it.
    validation
        The metric that chooses epochs and parameters, on the validation rows; empty without any.
    curve
        One dict per epoch: loss and validation metrics; empty for closed-form models.
    chosen_epochs
        Epochs after which validation rows found it best, by part, where they chose.
    fit_seconds
        None where nothing was fitted.
    origin
        ``"external"`` where the scores come from a file.
    file_counts
        What was found in that file, by name.
    updated_from
        Of an update: the run that it started from, and which rows judged runs before it; else
        empty.
    """

    spec: JobSpec
    stage: Stage
    params: dict[str, Any]
    split: Split
    environment: dict[str, Any]
    judged: Judged
    validation: dict[str, float]
    curve: list[dict[str, float]]
    fit_seconds: float | None
    eval_seconds: float
    peak_rss_mb: float
    chosen_epochs: dict[str, int] = field(default_factory=dict)
    origin: Origin = "own"
    file_counts: dict[str, int] = field(default_factory=dict)
    updated_from: dict[str, Any] = field(default_factory=dict)

    @property
    def metrics(self) -> dict[str, float]:
        """Values by metric name; NaN where a metric is not defined."""
        return self.judged.evaluation.metrics

    def content(self) -> dict[str, Any]:
        """Say all but what is kept per user, as metrics.json has it (runs/README.md)."""
        judged, evaluation = self.judged, self.judged.evaluation
        return {
            "label": self.spec.name,
            "model": self.spec.model,
            "stage": self.stage,
            "origin": self.origin,
            "seed": self.spec.seed,
            "params": self.params,
            "dataset": _describe_dataset(self.split.dataset),
            "protocol": _describe_split(self.split),
            "metrics": evaluation.metrics,
            "ci95": evaluation.ci95,
            "counts": evaluation.counts,
            **({"file_counts": self.file_counts} if self.file_counts else {}),
            "validation": self.validation,
            "fit_seconds": self.fit_seconds,
            "eval_seconds": self.eval_seconds,
            "peak_rss_mb": self.peak_rss_mb,
            "timings": judged.timings,
            "importance": judged.importance,
            "features": judged.features,
            "curve": self.curve,
            "problems": evaluation.problems,
            "chosen_epochs": self.chosen_epochs,
            "refit_of": self.spec.refit.run if self.spec.refit else None,
            "updated_from": self.updated_from or None,
        }


def _describe_dataset(dataset: Dataset) -> dict[str, Any]:
    return {
        "name": dataset.name,
        "fingerprint": dataset.fingerprint,
        "interactions": dataset.n_interactions,
        "users": dataset.n_users,
        "items": dataset.n_items,
        "synthetic": dataset.synthetic,
        "labelled": dataset.labelled,
    }


def _describe_split(split: Split) -> dict[str, Any]:
    return {
        "name": split.protocol,
        "parameters": split.parameters,
        "fingerprint": split.fingerprint,
        "train": len(split.train),
        "valid": len(split.valid),
        "test": len(split.test),
        "leaks": split.leaks,
        "counts": split.counts,
    }
