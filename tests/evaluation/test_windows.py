"""Metrics over several windows, worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from recsys_core.evaluation.names import check_metric_name, meaning_of
from recsys_core.evaluation.result import Evaluation
from recsys_core.evaluation.windows import over_windows


def found(users: list[int], values: list[float], part: float) -> Evaluation:
    return Evaluation(
        users=np.array(users, dtype=np.int32),
        user_metrics={"ndcg@10": np.array(values)},
        metrics={"ndcg@10": float(np.nanmean(values)), "channel/a/recall@200": part},
        ci95={"ndcg@10": (0.0, 1.0)},
        counts={"users": len(users), "cold_items": 2},
    )


def test_means_spread_and_users() -> None:
    """Windows have means .5 and .2; user 3 is in both, with 1 and .4; user 4 has no value."""
    first, second = found([1, 3], [0, 1], 0.5), found([3, 4, 5], [0.4, np.nan, 0], 0.7)
    whole = over_windows({"2000-09-01": first, "2000-12-01": second})
    assert whole.metrics == pytest.approx(
        {
            "ndcg@10": 0.35,
            "channel/a/recall@200": 0.6,
            "window/2000-09-01/ndcg@10": 0.5,
            "window/2000-12-01/ndcg@10": 0.2,
            "spread/ndcg@10": 0.3 / np.sqrt(2),
        }
    )
    assert whole.users.tolist() == [1, 3, 4, 5]
    np.testing.assert_allclose(whole.user_metrics["ndcg@10"], [0, 0.7, np.nan, 0])
    assert whole.ci95 == {}
    assert whole.counts == {"users": 4, "cold_items": 4}


def test_a_metric_that_a_window_lacks_is_averaged_over_the_others() -> None:
    one, other = found([1], [0.5], 0.1), found([2], [0.7], 0.1)
    undefined = {**other.metrics, "diversity@10": float("nan")}
    whole = over_windows({"a": one, "b": Evaluation(other.users, {}, undefined)})
    assert np.isnan(whole.metrics["diversity@10"])
    assert "spread/diversity@10" not in whole.metrics
    np.testing.assert_array_equal(whole.user_metrics["ndcg@10"], [0.5, np.nan])


def test_names() -> None:
    for name in ("window/2000-12-01/ndcg@10", "spread/ndcg@10", "window/2000-12-01/auc"):
        check_metric_name(name)
        assert meaning_of(name)
