"""The filter line, e.g. ``bpr model:mf -state:failed ndcg@10>.2 tag:paper OR label:best``."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from recsys_core.errors import InputError, unknown_name
from recsys_core.values import is_finite_number, parse_number
from workbench.store.listing import RunSummary
from workbench.tui.view.format import parameter, run_look

Test = Callable[[RunSummary], bool]

#: headings of columns -> the field that they show
_HEADINGS = {"data": "dataset"}
_FIELDS: dict[str, Callable[[RunSummary], str]] = {
    "label": lambda run: run.label,
    "model": lambda run: run.model,
    "stage": lambda run: run.stage,
    # a bare word is looked for in every field, and 'own' would be in all runs
    "origin": lambda run: "" if run.origin == "own" else run.origin,
    "dataset": lambda run: run.dataset,
    "protocol": lambda run: run.protocol,
    "seed": lambda run: str(run.seed),
    "state": lambda run: f"{run.state} {run_look(run).word}",
    "run": lambda run: run.run_id,
    "tag": lambda run: " ".join(run.tags),
    "note": lambda run: run.note,
}
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
    "=": operator.eq,
}
_COMPARISON = re.compile(r"(?P<name>[^<>=!:\"]+)(?P<sign>>=|<=|!=|>|<|=)(?P<number>.*)")
#: a word, or a quoted phrase that may stand behind a field
_WORD = re.compile(r'-?(?:[^\s":]+:)?"[^"]*"?|\S+')
_OR = ("OR", "|")


@dataclass(frozen=True, slots=True)
class Filter:
    """A parsed filter; a run passes when every test of one of the groups holds."""

    groups: tuple[tuple[Test, ...], ...] = ()

    def __call__(self, run: RunSummary) -> bool:
        """Tell whether `run` passes."""
        if not self.groups:
            return True
        return any(all(test(run) for test in group) for group in self.groups)


def parse_filter(text: str, names: Callable[[], Collection[str]] = list) -> Filter:
    """Parse a filter line.

    A bare word is looked for in every field, ``field:word`` in one, a setting counts as a field,
    and ``name>number`` compares a metric or a setting; a run that lacks it does not pass. ``-``
    turns a test around, quotes keep words together, ``OR`` stands between alternatives. Upper and
    lower case are the same.

    Parameters
    ----------
    names
        Gives the metrics and settings that there are, so that a slip is told; asked only when
        the line has such a name. None there: every name is taken.

    Raises
    ------
    InputError
        An unknown name (nearest one offered), a comparison without a number, an `OR` with nothing
        on one side.
    """
    groups: list[list[Test]] = [[]]
    words = _WORD.findall(text)
    for word in words:
        if word in _OR:
            groups.append([])
        else:
            groups[-1].append(_parse_word(word, names))
    if len(groups) > 1 and not all(groups):
        raise InputError("OR wants a test on either side")
    return Filter(tuple(tuple(group) for group in groups if group))


def filter_words(names: Iterable[str], labels: Iterable[str]) -> list[str]:
    """List what a word of a filter may be, as far as it is known: fields, metrics, labels."""
    quoted = (f'label:"{label}"' if " " in label else f"label:{label}" for label in labels)
    return [*(f"{field}:" for field in _FIELDS), *names, *quoted]


def _parse_word(word: str, names: Callable[[], Collection[str]]) -> Test:
    if word.startswith("-") and len(word) > 1:
        test = _parse_word(word[1:], names)
        return lambda run: not test(run)
    comparison = _COMPARISON.fullmatch(word)
    if comparison:
        return _number_test(comparison["name"], comparison["sign"], comparison["number"], names)
    name, colon, wanted = word.partition(":")
    wanted = wanted.strip('"').lower()
    if not colon or word.startswith('"'):
        anywhere = word.strip('"').lower()
        return lambda run: any(anywhere in read(run).lower() for read in _FIELDS.values())
    read = _FIELDS.get(_HEADINGS.get(name, name)) or _setting(name, names)
    return lambda run: wanted in read(run).lower()


def _setting(name: str, names: Callable[[], Collection[str]]) -> Callable[[RunSummary], str]:
    known = names()
    if name not in known:
        raise unknown_name("field", name, [*_FIELDS, *known])
    return lambda run: parameter(run.params[name]) if name in run.params else ""


def _number_test(name: str, sign: str, text: str, names: Callable[[], Collection[str]]) -> Test:
    number = parse_number(text)
    if number is None:
        raise InputError(f"'{name}{sign}' wants a number, got '{text}'")
    known = names()
    if known and name not in (*known, "fit", "seed"):
        raise unknown_name("metric or setting", name, {*known, "fit", "seed"})
    compare = _COMPARE[sign]

    def test(run: RunSummary) -> bool:
        value = _value(run, name)
        return is_finite_number(value) and compare(value, number)

    return test


def _value(run: RunSummary, name: str) -> object:
    if name in run.metrics:
        return run.metrics[name]
    if name in run.params:
        return run.params[name]
    return {"fit": run.fit_seconds, "seed": run.seed}.get(name)
