"""What every protocol of an extension must do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from recsys_core.data.dataset import Dataset
from recsys_core.errors import InputError
from recsys_core.protocols.leaks import NOTHING
from recsys_core.protocols.registry import make_protocol, protocol_class
from recsys_core.protocols.split import PARTS, Split
from recsys_core.testing.checks import check_fields, hold, same
from recsys_core.testing.made import made_events

#: how the sentence of a protocol that keeps the future out begins
_LEAKS_NOTHING = NOTHING.partition(":")[0]
_ARRAYS = ("user", "item", "rating", "timestamp")


def check_protocol(
    name: str, fields: Mapping[str, Any] | None = None, dataset: Dataset | None = None
) -> None:
    """Check a registered protocol on made-up events, or on a data set of your own.

    It cuts three parts that share no row, the same ones each time, and changes nothing of the data;
    its fields can be stored and shown in a form; what it says of leaks is true of the rows.

    Parameters
    ----------
    fields
        Those that differ from their defaults, so that each part gets rows.

    Raises
    ------
    AssertionError
        It does not; the message says what it does instead.
    """
    where = f"protocol '{name}'"
    protocol = protocol_class(name)
    check_fields(protocol, f"protocol {name}")
    data = dataset or made_events()
    before = {column: getattr(data, column).copy() for column in _ARRAYS}
    values = {"name": name, **(fields or {})}
    np.random.seed(1)  # noqa: NPY002 - what the split may wrongly depend on
    split = _split(values, data)
    np.random.seed(2)  # noqa: NPY002
    again = _split(values, data)
    hold(split.fingerprint == again.fingerprint, f"{where} cuts otherwise when it is asked again")
    for column, content in before.items():
        same(getattr(data, column), content, f"{where} changes the data's column '{column}'")
    rows = np.concatenate([getattr(split, part).rows for part in PARTS])
    hold(len(np.unique(rows)) == len(rows), f"{where} puts a row into two parts")
    stored = json.loads(json.dumps(split.parameters))
    remade = _split({"name": name, **stored}, data)
    hold(remade.fingerprint == split.fingerprint, f"{where} made of stored fields cuts otherwise")
    _check_leaks(split, where)
    if dataset is None:
        _check_untimed(values, where, needs_times=protocol.by_time)


def _split(values: Mapping[str, Any], data: Dataset) -> Split:
    try:
        return make_protocol(values).split(replace(data))
    except InputError as error:
        raise AssertionError(str(error)) from error


def _check_leaks(split: Split, where: str) -> None:
    hold(
        split.leaks[:1].isupper() and split.leaks.endswith("."),
        f"{where} does not say in a sentence what it leaks: '{split.leaks}'",
    )
    if split.leaks.startswith(_LEAKS_NOTHING):
        last, first = split.train.timestamp[-1], split.test.timestamp[0]
        hold(last <= first, f"{where} says '{split.leaks}', but a train row is after a test row")


def _check_untimed(values: Mapping[str, Any], where: str, *, needs_times: bool) -> None:
    """See that a protocol which needs times refuses a set without, and any other cuts it."""
    data = made_events(timed=False)
    if not needs_times:
        _split(values, data)
        return
    try:
        make_protocol(values).split(data)
    except InputError as error:
        hold("no times" in error.problem, f"{where} of a set without times: {error}")
    else:
        raise AssertionError(f"{where} has by_time = True, but cuts a set without times")
