"""Metric names: which exist, what they mean, and which direction is better."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from recsys_core.errors import InputError, shorten, unknown_name
from recsys_core.extensions import load_extensions

Judged = Literal["lists", "rows"]

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

#: those of lists that say how many hits there are, and where
ACCURACY_METRICS = ("recall", "precision", "hit", "mrr", "map", "ndcg")

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
    "new": "new items ranked among themselves, users without a relevant one left out",
    "window": "one of several test windows: window/2000-12-01/ndcg@10",
    "spread": "standard deviation over the windows",
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
#: characters of the name of an extension's metric at most: it is the head of a column
LONGEST_NAME = 40
_LOWER_IS_BETTER = {"logloss", "ece", "rmse", "gini", "popularity", "loss"}
#: first words of what is built in, names of curves and of columns included: no extension has them
_OWN = {name.partition("/")[0] for name in (*TOPK_METRICS, *ROW_METRICS, *PART_METRICS)}
_OWN |= {*PARTS, "loss", "valid", "gate", "events", "only"}

#: metrics that say what lists are like, not how good they are
DESCRIPTIVE = ("coverage", "gini", "novelty", "diversity", "popularity")


@dataclass(frozen=True)
class MetricCard:
    """What is said of a metric that an extension registered.

    Parameters
    ----------
    judges
        What it is computed from: ``"lists"``, then it is written ``name@K``, or predicted ``rows``.
    higher_is_better
        Which values are better.
    descriptive
        Whether it says what lists are like, not how good they are, as ``coverage`` does.
    low, high
        The least and the greatest value that it can have; None: there is no bound.
    """

    name: str
    judges: Judged
    meaning: str
    higher_is_better: bool
    descriptive: bool
    low: float | None
    high: float | None

    @property
    def range(self) -> str:
        """Its values in words: ``0 to 1``."""
        if self.low is None:
            return "any number" if self.high is None else f"up to {self.high:g}"
        return f"{self.low:g} to {self.high:g}" if self.high is not None else f"{self.low:g} and up"


#: metrics of extensions; where none is imported, as in the session, a worker has described them
_cards: dict[str, MetricCard] = {}


def add_card(card: MetricCard) -> None:
    """Make a metric of an extension known by name."""
    _cards[card.name] = card


def remove_card(name: str) -> None:
    """Forget a metric of an extension."""
    _cards.pop(name, None)


def metric_cards() -> list[MetricCard]:
    """List the metrics of extensions."""
    load_extensions()
    return list(_cards.values())


def _card(name: str) -> MetricCard | None:
    """Look up a metric of an extension, of which ``name@K`` or ``name/task`` may be asked."""
    base = re.split("[@/]", name)[0]
    if base in _OWN or not base:
        return None
    load_extensions()
    return _cards.get(base)


def topk_metrics() -> dict[str, str]:
    """Say what each metric of lists means, those of extensions last."""
    added = {card.name: card.meaning for card in metric_cards() if card.judges == "lists"}
    return TOPK_METRICS | added


def row_metrics() -> dict[str, str]:
    """Say what each metric of predicted rows means, those of extensions last."""
    return ROW_METRICS | {
        card.name: card.meaning for card in metric_cards() if card.judges == "rows"
    }


def check_new_name(name: str) -> None:
    """Refuse a name that a metric of an extension cannot have."""
    if re.fullmatch("[a-z][a-z0-9]*([-_][a-z0-9]+)*", name) is None or len(name) > LONGEST_NAME:
        raise InputError(
            f"metric '{shorten(name)}': not a name",
            f"use at most {LONGEST_NAME} lower-case letters, digits, '-' and '_', a letter first",
        )
    if name in _OWN:
        raise InputError(f"metric '{name}' is built in", "give yours another name")


def is_descriptive(metric: str) -> bool:
    """Tell whether a metric says what lists are like, not how good they are."""
    name = split_part(metric)[1].partition("@")[0]
    card = _card(name)
    return name in DESCRIPTIVE if card is None else card.descriptive


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
    name = re.split(r"[@/]", split_part(metric)[1])[0]
    card = _card(name)
    return name not in _LOWER_IS_BETTER if card is None else card.higher_is_better


def bounds_of(metric: str) -> tuple[float, float]:
    """Give the least and the greatest value that a metric can have; infinite: no bound.

    Examples
    --------
    >>> bounds_of("channel/ease/recall@200"), bounds_of("logloss")
    ((0.0, 1.0), (0.0, inf))
    """
    name = re.split("[@/]", split_part(metric)[1])[0]
    card = _card(name)
    if card is None:
        return 0.0, math.inf if name in _RANGES else 1.0
    return (
        -math.inf if card.low is None else card.low,
        math.inf if card.high is None else card.high,
    )


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
    better = "more" if higher_is_better(metric) else "less"
    card = _card(name)
    if card is not None:
        return f"{card.range}, {better} is better: {card.meaning}"
    texts = TOPK_METRICS | ROW_METRICS
    text = texts.get(name) or texts.get(name.partition("/")[0])
    if part and name in PART_METRICS and "@" not in whole:
        text = PART_METRICS[name].partition(": ")[2]
    if text is None:
        return ""
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
        if name not in TOPK_METRICS and name not in (lists := topk_metrics()):
            raise unknown_name("metric", metric, _at(lists, k))
        if re.fullmatch(r"0*[1-9][0-9]{0,8}", k) is None:
            raise InputError(
                f"metric '{shorten(metric)}': K must be a whole number from 1 to 999999999,"
                f" got '{shorten(k)}'"
            )
    elif name.partition("/")[0] not in ROW_METRICS and name.partition("/")[0] not in row_metrics():
        raise unknown_name("metric", metric, [*row_metrics(), *_at(topk_metrics(), "10")])


def _at(names: Iterable[str], k: str) -> list[str]:
    return [f"{name}@{k}" for name in names]
