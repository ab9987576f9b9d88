from __future__ import annotations

import pytest

from recsys_core.errors import InputError
from workbench.reports.gates import Gate, check_gates, judge_gates, parse_gate


@pytest.mark.parametrize(
    ("text", "gate"),
    [
        ("item-cf:ndcg@10>=0.25", Gate("item-cf", "ndcg@10", ">=", 0.25)),
        (" mf : recall@20 > .1 ", Gate("mf", "recall@20", ">", 0.1)),
        ("lr:logloss<=5e-1", Gate("lr", "logloss", "<=", 0.5)),
        ("mmoe:auc/love<1", Gate("mmoe", "auc/love", "<", 1.0)),
        ("a:b:auc>=0", Gate("a:b", "auc", ">=", 0.0)),
    ],
)
def test_a_gate_is_read(text: str, gate: Gate) -> None:
    assert parse_gate(text) == gate


@pytest.mark.parametrize("text", ["a:b:auc>=0", "mf:ndcg@10>0.25", "lr:logloss<1e-07"])
def test_a_gate_is_written_as_it_was_given(text: str) -> None:
    assert str(parse_gate(text)) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ndcg@10>=0.2", "gate 'ndcg@10>=0.2' is not of the form LABEL:METRIC>=VALUE"),
        ("mf:ndcg@10", "is not of the form"),
        ("mf:ndcg@10==0.2", "is not of the form"),
        ("mf:ndcg@10=>0.2", "is not of the form"),
        (":ndcg@10>=0.2", "is not of the form"),
        ("mf:ncdg@10>=0.2", "unknown metric 'ncdg@10'\ndid you mean 'ndcg@10'"),
        ("mf:ndcg@0>=0.2", "K must be a whole number from 1 to"),
        ("mf:ndcg@10>=high", "gate 'mf:ndcg@10>=high': 'high' is not a number"),
        ("mf:ndcg@10>=nan", "'nan' is not a number"),
        ("mf:ndcg@10>=inf", "'inf' is not a number"),
    ],
)
def test_a_malformed_gate_is_explained(text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_gate(text)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("operator", "below", "equal", "above"),
    [
        (">=", False, True, True),
        (">", False, False, True),
        ("<=", True, True, False),
        ("<", True, False, False),
    ],
)
def test_operators_at_below_and_above_the_threshold(
    operator: str, below: bool, equal: bool, above: bool
) -> None:
    gate = Gate("mf", "ndcg@10", operator, 0.25)
    assert [gate.holds(value) for value in (0.2499999, 0.25, 0.2500001)] == [below, equal, above]


def test_a_value_that_is_not_defined_meets_no_gate() -> None:
    assert not Gate("mf", "ndcg@10", "<", 1.0).holds(None)
    assert not Gate("mf", "ndcg@10", ">=", 0.0).holds(None)


def test_the_written_gate_keeps_the_threshold_in_full() -> None:
    assert str(parse_gate("mf:ndcg@10>=0.23890001")) == "mf:ndcg@10>=0.23890001"


def test_an_unknown_label_offers_the_nearest() -> None:
    with pytest.raises(InputError, match=r"(?s)'item-fc'.*did you mean 'item-cf'"):
        check_gates([Gate("item-fc", "ndcg@10", ">=", 0.1)], ["item-cf", "mf"])


def test_a_gate_row_names_value_and_runs() -> None:
    [row] = judge_gates(
        [Gate("mf", "ndcg@10", ">=", 0.25)], {"mf": {"ndcg@10": 0.25}}, {"mf": ["run-1", "run-2"]}
    )
    assert row == {
        "gate": "mf:ndcg@10>=0.25",
        "label": "mf",
        "metric": "ndcg@10",
        "value": 0.25,
        "run_ids": ["run-1", "run-2"],
        "passed": True,
    }
