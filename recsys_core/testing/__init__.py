"""Conformance: what every model, metric, statistic, protocol and reader must do.

Each check raises an AssertionError that says what is wrong, so that any test runner will do
(docs/extending.md)::

    from recsys_core.testing import check_metric

    def test_rbp() -> None:
        check_metric("rbp")

A check is loaded when it is used first: only models need what they are made of.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from recsys_core.testing.metrics import check_metric as check_metric
    from recsys_core.testing.protocols import check_protocol as check_protocol
    from recsys_core.testing.ranking import check_ranking_model as check_ranking_model
    from recsys_core.testing.readers import check_reader as check_reader
    from recsys_core.testing.recall import check_recall_model as check_recall_model
    from recsys_core.testing.statistics import check_statistic as check_statistic

#: name -> module that defines it
_CHECKS = {
    "check_metric": "metrics",
    "check_protocol": "protocols",
    "check_ranking_model": "ranking",
    "check_reader": "readers",
    "check_recall_model": "recall",
    "check_statistic": "statistics",
}
__all__ = [
    "check_metric",
    "check_protocol",
    "check_ranking_model",
    "check_reader",
    "check_recall_model",
    "check_statistic",
]


def __getattr__(name: str) -> Any:
    if name not in _CHECKS:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    found = getattr(import_module(f"{__name__}.{_CHECKS[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_CHECKS})
