"""Metric names: which exist, what they mean, and which direction is better."""

from __future__ import annotations

import re

from recsys_core.errors import InputError, shorten, unknown_name

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

#: parts of a two-stage run, written before a metric, e.g. ``merge/ndcg@10``: part -> meaning
PARTS: dict[str, str] = {
    "channel": "one channel alone, on the full catalogue: channel/LABEL/recall@200",
    "candidates": "the merged candidates as ranked",
    "merge": "the merged candidates before ranking",
    "oracle": "the candidates with all relevant items first: the best that ranking can reach",
    "gain": "gain of ranking over the merged candidates",
    "segment": "a group of users or of relevant items: segment/genre=Horror/recall@10",
}

#: metrics that parts alone have
PART_METRICS: dict[str, str] = {
    "recall": "candidates/recall: share of the relevant items among all candidates",
    "size": "candidates/size: number of candidates",
    "only": "channel/LABEL/only: share of the relevant items that no other channel proposed",
}

#: what values may be, where it is not 0 to 1
_RANGES = {
    "novelty": "0 and up, in bits",
    "logloss": "0 and up",
    "rmse": "0 and up, in the unit of the ratings",
    "size": "0 and up",
}
_LOWER_IS_BETTER = {"logloss", "ece", "rmse", "gini", "popularity", "loss"}


def split_part(metric: str) -> tuple[str, str]:
    """Split the part of a two-stage run off a metric; the part is empty where there is none.

    Examples
    --------
    >>> split_part("channel/ease/recall@200"), split_part("ndcg@10"), split_part("auc/love")
    (('channel/ease', 'recall@200'), ('', 'ndcg@10'), ('', 'auc/love'))
    """
    if metric.partition("/")[0] not in PARTS:
        return "", metric
    part, _, name = metric.rpartition("/")
    return part, name


def higher_is_better(metric: str) -> bool:
    """Tell whether a larger value of `metric` (``"ndcg@10"``, ``"auc/love"``) is better."""
    return re.split(r"[@/]", split_part(metric)[1])[0] not in _LOWER_IS_BETTER


def meaning_of(metric: str) -> str:
    """Say what a metric is: its range, which direction is better, and what it means.

    Returns
    -------
    str
        One line; empty for a name that is none.

    Examples
    --------
    >>> meaning_of("hit@10")
    '0 to 1, more is better: whether any relevant item is in the list'
    >>> meaning_of("logloss")
    '0 and up, less is better: mean negative log-likelihood of the labels'
    >>> meaning_of("candidates/size")
    '0 and up, more is better: items in the pool (candidates: the merged pool as ranked)'
    """
    part, whole = split_part(metric)
    name = whole.partition("@")[0]
    texts = TOPK_METRICS | ROW_METRICS
    text = texts.get(name) or texts.get(name.partition("/")[0])
    if part and name in PART_METRICS and "@" not in whole:
        text = PART_METRICS[name].partition(": ")[2]
    if text is None:
        return ""
    better = "more" if higher_is_better(metric) else "less"
    of = part.partition("/")[0]
    where = f" ({of}: {PARTS[of].partition(':')[0]})" if of else ""
    return f"{_RANGES.get(name.partition('/')[0], '0 to 1')}, {better} is better: {text}{where}"


def check_metric_name(metric: str) -> None:
    """Raise InputError, with the nearest valid name, unless `metric` exists.

    Examples
    --------
    >>> check_metric_name("ndcg@10")
    >>> check_metric_name("auc/love")
    >>> check_metric_name("channel/ease/recall@200")
    """
    part, metric = split_part(metric)
    if part and metric in PART_METRICS:
        return
    name, _, k = metric.partition("@")
    if k:
        if name not in TOPK_METRICS:
            raise unknown_name("metric", metric, [f"{known}@{k}" for known in TOPK_METRICS])
        if re.fullmatch(r"0*[1-9][0-9]{0,8}", k) is None:
            raise InputError(
                f"metric '{shorten(metric)}': K must be a whole number from 1 to 999999999,"
                f" got '{shorten(k)}'"
            )
    elif name.partition("/")[0] not in ROW_METRICS:
        known = [*ROW_METRICS, *(f"{name}@10" for name in TOPK_METRICS)]
        raise unknown_name("metric", metric, known)
