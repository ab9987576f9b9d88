"""The filter line: words that must all hold, e.g. ``bpr model:mf state:done ndcg@10>.2``."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass

from recsys_core.errors import InputError, unknown_name
from workbench.store.listing import RunSummary
from workbench.tui.view.format import state_look

_FIELDS: dict[str, Callable[[RunSummary], str]] = {
    "label": lambda run: run.label,
    "model": lambda run: run.model,
    "stage": lambda run: run.stage,
    "dataset": lambda run: run.dataset,
    "protocol": lambda run: run.protocol,
    "seed": lambda run: str(run.seed),
    "state": lambda run: f"{run.state} {state_look(run.state).word}",
    "run": lambda run: run.run_id,
}
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "=": operator.eq,
}
_COMPARISON = re.compile(r"(?P<name>[^<>=]+)(?P<sign>>=|<=|>|<|=)(?P<number>.*)")


@dataclass(frozen=True, slots=True)
class Filter:
    """A parsed filter; a run passes when every test holds."""

    tests: tuple[Callable[[RunSummary], bool], ...] = ()

    def __call__(self, run: RunSummary) -> bool:
        """Tell whether `run` passes."""
        return all(test(run) for test in self.tests)


def parse_filter(text: str) -> Filter:
    """Parse a filter line.

    A bare word is looked for in every field, ``field:word`` in one, and ``name>number`` compares a
    metric or a parameter; a run that lacks it does not pass. Upper and lower case are the same.

    Raises
    ------
    InputError
        An unknown field (nearest name offered) or a comparison without a number.
    """
    return Filter(tuple(_parse_word(word) for word in text.split()))


def _parse_word(word: str) -> Callable[[RunSummary], bool]:
    comparison = _COMPARISON.fullmatch(word)
    if comparison:
        return _number_test(comparison["name"], comparison["sign"], comparison["number"])
    name, colon, wanted = word.partition(":")
    if not colon:
        return lambda run: any(word.lower() in read(run).lower() for read in _FIELDS.values())
    if name not in _FIELDS:
        raise unknown_name("field", name, _FIELDS)
    read = _FIELDS[name]
    return lambda run: wanted.lower() in read(run).lower()


def _number_test(name: str, sign: str, text: str) -> Callable[[RunSummary], bool]:
    try:
        number = float(text)
    except ValueError:
        raise InputError(f"'{name}{sign}' wants a number, got '{text}'") from None
    compare = _COMPARE[sign]

    def test(run: RunSummary) -> bool:
        value = run.metrics.get(name, run.params.get(name))
        return isinstance(value, int | float) and compare(value, number)

    return test
