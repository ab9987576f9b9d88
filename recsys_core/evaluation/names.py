"""Metric names: which exist, what they mean, and which direction is better."""

from __future__ import annotations

import re

from recsys_core.errors import InputError, unknown_name

#: top-K metrics, written ``name@K``: name -> meaning
TOPK_METRICS: dict[str, str] = {
    "recall": "share of a user's relevant items in the list: hits / relevant",
    "precision": "share of the list that is relevant: hits / K",
    "ndcg": "normalised discounted cumulative gain, binary gains, ideal cut at min(K, relevant)",
    "hit": "whether any relevant item is in the list",
    "mrr": "1 / rank of the first relevant item in the list, else 0",
    "map": "mean over relevant items of the precision at their rank; divided by relevant",
    "coverage": "distinct recommended items / catalogue",
    "gini": "inequality of recommendation counts over the catalogue; 0 is even",
    "novelty": "mean -log2 p of the recommended items, p = (count + 1) / (interactions + items)",
    "diversity": "mean pairwise Jaccard distance of the genres in a list",
    "popularity": "mean share of train users who know the recommended items",
    "recall/head": "recall of the most popular items, which have a third of the train rows",
    "recall/mid": "recall of the next popular items, with another third of the train rows",
    "recall/tail": "recall of the other items, rare ones and those without a train row",
}

#: metrics of predicted rows
ROW_METRICS: dict[str, str] = {
    "auc": "chance that a relevant row is scored above an irrelevant one; ties count half",
    "gauc": "AUC within each user, weighted by the user's rows; one-class users left out",
    "logloss": "mean negative log-likelihood of the labels",
    "ece": "expected calibration error over 15 equal-width bins",
    "rmse": "root mean squared error of a predicted rating",
}

_LOWER_IS_BETTER = {"logloss", "ece", "rmse", "gini", "popularity", "loss"}


def higher_is_better(metric: str) -> bool:
    """Tell whether a larger value of `metric` (``"ndcg@10"``, ``"auc/love"``) is better."""
    return re.split(r"[@/]", metric)[0] not in _LOWER_IS_BETTER


def check_metric_name(metric: str) -> None:
    """Raise InputError, with the nearest valid name, unless `metric` exists.

    Examples
    --------
    >>> check_metric_name("ndcg@10")
    >>> check_metric_name("auc/love")
    """
    name, _, k = metric.partition("@")
    if k:
        if name not in TOPK_METRICS:
            raise unknown_name("metric", metric, [f"{known}@{k}" for known in TOPK_METRICS])
        if not k.isdigit() or int(k) < 1:
            raise InputError(
                f"metric '{metric}': K must be a whole number of at least 1, got '{k}'"
            )
    elif name.partition("/")[0] not in ROW_METRICS:
        known = [*ROW_METRICS, *(f"{name}@10" for name in TOPK_METRICS)]
        raise unknown_name("metric", metric, known)
