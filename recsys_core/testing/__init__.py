"""Conformance: what every model, metric, statistic, protocol and reader must do.

Each check raises an AssertionError that says what is wrong, so that any test runner will do
(docs/extending.md)::

    from recsys_core.testing import check_metric

    def test_rbp() -> None:
        check_metric("rbp")
"""

from recsys_core.testing.metrics import check_metric
from recsys_core.testing.protocols import check_protocol
from recsys_core.testing.ranking import check_ranking_model
from recsys_core.testing.readers import check_reader
from recsys_core.testing.recall import check_recall_model
from recsys_core.testing.statistics import check_statistic

__all__ = [
    "check_metric",
    "check_protocol",
    "check_ranking_model",
    "check_reader",
    "check_recall_model",
    "check_statistic",
]
