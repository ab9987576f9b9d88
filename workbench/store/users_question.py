"""Questions for users worth a look: ``age=25 genre=Horror min-history=50 worst=ndcg@10``."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from recsys_core.errors import InputError, shorten, unknown_name
from recsys_core.values import parse_number

#: a genre is a taste of the user's when it is in at least this share of the history
GENRE_SHARE = 0.2
_WORD = re.compile(r"(?P<name>[^<>=]+)(?P<sign>>=|<=|>|<|=)(?P<value>.*)", re.DOTALL)
ORDERS = ("worst", "best", "gain", "loss", "most", "least")
_ITEMS = ("rated", "liked")
#: what a condition may begin with, beside attributes and metrics
WORDS = (
    "min-history=",
    "max-history=",
    "genre=",
    "rated=",
    "liked=",
    "most=events",
    "least=events",
)


@dataclass(frozen=True, slots=True)
class Question:
    """A parsed question.

    Parameters
    ----------
    prefix
        How the id begins.
    low, high
        Bounds of the number of events; None: none.
    attributes
        (name, sign, value) each.
    genres
        (name, sign, share) each.
    items
        (``"rated"`` or ``"liked"``, original id of an item) each.
    metrics
        (metric, sign, value) each, of the first run.
    order
        ``"worst"``, ``"best"``, ``"gain"`` or ``"loss"``, and the metric; ``"most"`` or
        ``"least"``, and ``"events"``; None: by number.
    """

    prefix: str = ""
    low: int | None = None
    high: int | None = None
    attributes: tuple[tuple[str, str, str], ...] = ()
    genres: tuple[tuple[str, str, float], ...] = ()
    items: tuple[tuple[str, str], ...] = ()
    metrics: tuple[tuple[str, str, float], ...] = ()
    order: tuple[str, str] | None = None


def parse_question(text: str, attributes: Iterable[str], metrics: Iterable[str]) -> Question:
    """Read a question.

    Parameters
    ----------
    attributes, metrics
        Names that may be used: attributes of the users, metrics the run has of each user.

    Raises
    ------
    InputError
        A word that is no condition, an unknown name (nearest one offered), or no number where one
        is needed.
    """
    reader = _Reader(tuple(attributes), tuple(metrics))
    for word in _words(text):
        reader.take(word)
    return reader.question()


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()  # a quote that is still open while the person types


@dataclass
class _Reader:
    """Collects the conditions of a question."""

    attributes: tuple[str, ...]
    metrics: tuple[str, ...]
    found: dict[str, Any] = field(default_factory=dict)

    def take(self, word: str) -> None:
        match = _WORD.fullmatch(word)
        if match is None:
            self.found["prefix"] = word
            return
        name, sign, value = match["name"], match["sign"], match["value"]
        if name in ("min-history", "max-history"):
            self.found["low" if name == "min-history" else "high"] = int(number_of(word, value))
        elif name in ORDERS:
            counted = name in ("most", "least")
            self.found["order"] = (name, _events(word, value) if counted else self._metric(value))
        elif name in _ITEMS:
            self._add("items", (name, value))
        elif name == "genre":
            self._add("genres", _genre(word, value))
        elif "@" in name or name in self.metrics:
            self._add("metrics", (self._metric(name), sign, number_of(word, value)))
        elif name in self.attributes:
            self._add("attributes", (name, sign, value))
        else:
            known = ("min-history", "max-history", "genre", *_ITEMS, *ORDERS, *self.attributes)
            raise unknown_name("condition", name, (*known, *self.metrics))

    def _add(self, key: str, condition: tuple[Any, ...]) -> None:
        self.found[key] = (*self.found.get(key, ()), condition)

    def _metric(self, name: str) -> str:
        if not self.metrics:
            raise InputError(
                f"'{name}' is a metric of a run",
                "name one: recsys-workbench user --find … --run RUN",
            )
        if name not in self.metrics:
            raise unknown_name("metric of users", name, self.metrics)
        return name

    def question(self) -> Question:
        return Question(**self.found)


def _events(word: str, value: str) -> str:
    if value != "events":
        raise InputError(f"'{word}' is not an order", "most=events or least=events")
    return value


def number_of(word: str, text: str) -> float:
    """Read the number in a condition, or say which condition wants one."""
    value = parse_number(text)
    if value is None:
        raise InputError(
            f"'{shorten(word)}' wants a number, got '{shorten(text)}'",
            "e.g. min-history=50 or ndcg@10<.1",
        )
    return value


def _genre(word: str, value: str) -> tuple[str, str, float]:
    """Read ``Horror`` or ``Horror>.4``."""
    match = _WORD.fullmatch(value)
    if match is None:
        return value, ">=", GENRE_SHARE
    return match["name"], match["sign"], number_of(word, match["value"])
