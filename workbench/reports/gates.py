"""Gates: a floor or a ceiling for a metric of a label, `LABEL:METRIC>=VALUE`."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from recsys_core.errors import InputError, shorten, unknown_name
from recsys_core.evaluation.names import check_metric_name
from recsys_core.values import parse_number

OPERATORS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
_GATE = re.compile(r"(?P<label>.+):(?P<metric>[^:<>=]+)(?P<operator>>=|<=|>|<)(?P<value>[^<>=]+)")


@dataclass(frozen=True)
class Gate:
    """A condition on the mean over seeds of one metric of one label."""

    label: str
    metric: str
    operator: str
    threshold: float

    def __str__(self) -> str:
        """Write the gate as it is given: 0 is not 0.0."""
        value = repr(self.threshold).removesuffix(".0")
        return f"{self.label}:{self.metric}{self.operator}{value}"

    def holds(self, value: float | None) -> bool:
        """Tell whether `value` meets the gate; a value that is not defined never does."""
        return value is not None and OPERATORS[self.operator](value, self.threshold)


def parse_gate(text: str) -> Gate:
    """Read ``LABEL:METRIC>=VALUE``; the operators are >=, <=, > and <.

    Raises
    ------
    InputError
        Not of that form, an unknown metric, or a value that is not a finite number.

    Examples
    --------
    >>> parse_gate("item-cf:ndcg@10>=0.25")
    Gate(label='item-cf', metric='ndcg@10', operator='>=', threshold=0.25)
    """
    match = _GATE.fullmatch(text.strip())
    if match is None:
        raise InputError(
            f"gate '{shorten(text)}' is not of the form LABEL:METRIC>=VALUE",
            "write e.g. --gate 'item-cf:ndcg@10>=0.25'; operators: >=, <=, >, <",
        )
    metric = match["metric"].strip()
    check_metric_name(metric)
    threshold = finite_number(match["value"], f"gate '{shorten(text)}'")
    return Gate(match["label"].strip(), metric, match["operator"], threshold)


def finite_number(text: str, where: str) -> float:
    """Read a number that is neither NaN nor infinite.

    Raises
    ------
    InputError
        It is not one; the message begins with `where`.
    """
    value = parse_number(text)
    if value is None:
        raise InputError(f"{where}: '{shorten(text.strip())}' is not a number", "write e.g. 0.25")
    return value


def check_gates(gates: Iterable[Gate], labels: Collection[str]) -> None:
    """Raise InputError, naming the nearest label, when a gate's label is not among `labels`."""
    for gate in gates:
        if gate.label not in labels:
            raise unknown_name(f"label in gate '{gate}':", gate.label, labels)


def judge_gates(
    gates: Sequence[Gate],
    means: Mapping[str, Mapping[str, float | None]],
    run_ids: Mapping[str, Sequence[str]],
) -> list[dict[str, Any]]:
    """Write a report row for each gate.

    Parameters
    ----------
    means
        Label -> metric -> mean over seeds; a label or metric without a value fails its gate.
    run_ids
        Label -> the runs behind it.
    """
    check_gates(gates, list(run_ids))
    rows = []
    for gate in gates:
        value = means.get(gate.label, {}).get(gate.metric)
        rows.append(
            {
                "gate": str(gate),
                "label": gate.label,
                "metric": gate.metric,
                "value": value,
                "run_ids": list(run_ids[gate.label]),
                "passed": gate.holds(value),
            }
        )
    return rows
