"""Raw values of exported features: attributes, moments, statistics of histories.

Part of serve_exported.py: numpy and the standard library, nothing of recsys_core. What the keys
mean is written in docs/serving.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

DAY = 86_400
MOST_FAVOURITES = 3


@dataclass
class History:
    """Events of one user, oldest first: item numbers, ratings, seconds since 1970."""

    items: np.ndarray
    ratings: np.ndarray
    times: np.ndarray

    def __len__(self) -> int:
        return len(self.items)

    def where(self, mask: np.ndarray) -> History:
        """Keep some events."""
        return History(self.items[mask], self.ratings[mask], self.times[mask])


@dataclass
class Ask:
    """Who asks, with what history, and when; number -1 is a user that the export does not know.

    Attributes that are given take the place of those in the export; `context` are columns of the
    row itself, `given` numbers that come with each candidate.
    """

    user: int
    history: History
    time: int
    user_attributes: dict[str, Any] = field(default_factory=dict)
    item_attributes: dict[str, Any] = field(default_factory=dict)
    context: dict[str, Any] = field(default_factory=dict)
    given: dict[str, np.ndarray] = field(default_factory=dict)


class Column:
    """An attribute of all users or items; the last entry, -1, is somebody unknown."""

    def __init__(self, kind: str, name: str, arrays: dict[str, np.ndarray]) -> None:
        self.kind = kind
        if kind == "number":
            self.values = np.append(arrays[f"{name}.values"], np.float32(np.nan))
        elif kind == "vector":
            values = arrays[f"{name}.values"]
            self.values = np.vstack([values, np.full((1, values.shape[1]), np.nan, np.float32)])
        else:
            self.texts = arrays[f"{name}.vocabulary"].tolist()
            codes = arrays[f"{name}.codes"]
            if kind == "category":
                self.codes = [[code] if code >= 0 else [] for code in codes.tolist()]
            else:
                ends = arrays[f"{name}.offsets"].tolist()
                self.codes = [codes[a:b].tolist() for a, b in pairwise(ends)]
            self.codes.append([])

    def raw(self, number: int) -> Any:
        """Give a value as a person would write it: text, list of texts, number, vector or None."""
        if self.kind in ("number", "vector"):
            return self.values[number]
        texts = [self.texts[code] for code in self.codes[number]]
        return texts if self.kind == "categories" else (texts[0] if texts else None)

    def shared(self) -> Column:
        """Make every number a category of its own."""
        if self.kind != "number":
            return self
        numbers, codes = np.unique(self.values, return_inverse=True)
        there = ~np.isnan(self.values)
        column = Column.__new__(Column)
        column.kind, column.texts = "category", [f"{n:g}" for n in numbers[~np.isnan(numbers)]]
        column.codes = [[c] if t else [] for c, t in zip(codes.tolist(), there, strict=True)]
        return column

    def hot(self) -> np.ndarray:
        """Shape (n + 1, values): 1 where an entry has a value."""
        table = np.zeros((len(self.codes), len(self.texts)), dtype=np.float32)
        for row, codes in enumerate(self.codes):
            table[row, codes] = 1
        return table


def as_number(raw: Any) -> float:
    """Read a number, NaN where there is none."""
    return float("nan") if raw is None else float(np.float32(raw))


def as_text(raw: Any) -> str | None:
    """Write a category: a number without superfluous digits."""
    if raw is None or (isinstance(raw, float | np.floating) and np.isnan(raw)):
        return None
    return raw if isinstance(raw, str) else f"{float(np.float32(raw)):g}"


class Values:
    """Values of the features of one features.json, before they are encoded.

    Those of candidates have shape (n,), or (1,) if all of them share the value.
    """

    def __init__(self, spec: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        self.spec, self.arrays = spec, arrays
        self.fields = spec["fields"]
        self.by_name = {each["name"]: each for each in self.fields}
        self.columns = {
            (side, name): Column(kind, f"{side}.{name}", arrays)
            for side, names in spec["columns"].items()
            for name, kind in names.items()
        }
        self.ids: dict[str, list[str]] = {}
        self._kept: dict[Any, Any] = {}
        self._now: dict[Any, Any] = {}

    def numbers_of(self, each: dict[str, Any], ask: Ask, items: np.ndarray) -> np.ndarray:
        """Compute a number for each candidate, NaN where there is none."""
        source, column = each["source"], each["column"]
        if source == "difference":
            one, other = (self.logged(self.by_name[name], ask, items) for name in each["of"])
            return one - other
        if source == "given":
            return ask.given[column]
        if source == "interaction":
            return self._moment(column, ask, items)
        if source in ("user", "item"):
            numbers = np.array([ask.user]) if source == "user" else items
            return self._as_numbers(source, column)[numbers]
        values = self._of_history(each, ask, items)
        if each["missing"] is not None:
            values = np.where(np.isnan(values), each["missing"], values)
        return values.astype(np.float32)

    def logged(self, each: dict[str, Any], ask: Ask, items: np.ndarray) -> np.ndarray:
        """Compute a number as differences take it: its logarithm, if that is its transform."""
        values = self.numbers_of(each, ask, items).astype(np.float64)
        log = each.get("log") or each.get("transform", {}).get("log")
        return np.log1p(np.maximum(values, 0)) if log else values

    def _as_numbers(self, side: str, column: str) -> np.ndarray:
        """Give an attribute as numbers, shape (n + 1,)."""
        key = ("numbers", side, column)
        if key not in self._kept:
            attribute = self.columns[side, column]
            entries = len(self.ids[side])
            raws = [attribute.raw(number) for number in [*range(entries), -1]]
            self._kept[key] = np.array([as_number(raw) for raw in raws], dtype=np.float32)
        return self._kept[key]

    def _moment(self, column: str, ask: Ask, items: np.ndarray) -> np.ndarray:
        if column in self.spec["context"]:
            return np.array([as_number(ask.context.get(column))])
        if column == "years_since_release":
            year = 1970 + ask.time / self.spec["year_seconds"]["release"]
            if "year" in ask.item_attributes:
                return np.array([year - as_number(ask.item_attributes["year"])])
            return year - self._as_numbers("item", "year")[items]
        time = {
            "timestamp": ask.time,
            "hour": ask.time // 3600 % 24,
            "weekday": (ask.time // DAY + 3) % 7,
        }[column]
        return np.array([time], dtype=np.float32)

    def _of_history(self, each: dict[str, Any], ask: Ask, items: np.ndarray) -> np.ndarray:
        column = each["column"]
        if column == "predicted_rating":
            return self._predicted(ask, items)
        if column == "similarity":
            return self._similarity(each, ask, items)
        if column == "gap":
            return self._gap(each, ask, items)
        if each["scope"] == "known":
            known = self.arrays[f"known.{each['name']}"]
            return known[items] + each["per_second"] * ask.time
        if each["source"] == "user-history":
            events = self.users_events(ask, each["scope"])
            if not each["by"]:
                return STATISTICS[column](
                    Counted(np.ones((1, len(events["time"]))), events, ask.time, self)
                )
            shared = (
                self._hot("item", each["by"], ask, items)
                @ self._hot_of("item", each["by"], events["item"]).T
            )
            return STATISTICS[column](Counted(shared.astype(float), events, ask.time, self))
        found = []
        for item in items.tolist():
            events = self.items_events(item, ask, each["scope"])
            shared = np.ones((1, len(events["time"])))
            if each["by"]:
                own = self._hot("user", each["by"], ask, np.array([ask.user]))
                shared = own @ self._hot_of("user", each["by"], events["user"]).T
            found.append(
                STATISTICS[column](Counted(shared.astype(float), events, ask.time, self))[0]
            )
        return np.array(found)

    def users_events(self, ask: Ask, scope: str) -> dict[str, np.ndarray]:
        """Give the events of the history that count."""
        key = ("events", scope)
        if key not in self._now:
            history = ask.history
            seen = self._seen(history.times, ask.time, scope)
            self._now[key] = {
                "item": history.items[seen],
                "rating": history.ratings[seen],
                "time": history.times[seen],
                "before": np.arange(len(history))[seen],
                "user": np.full(int(seen.sum()), ask.user),
            }
        return self._now[key]

    def items_events(self, item: int, ask: Ask, scope: str) -> dict[str, np.ndarray]:
        """Give the events of an item: those of others in the export, and the history's own."""
        start = end = 0
        if item >= 0:
            start, end = self.arrays["events.offsets"][item : item + 2].tolist()
        events = {
            name: self.arrays[f"events.{name}"][start:end]
            for name in ("user", "rating", "time", "before")
        }
        others = events["user"] != ask.user
        own = ask.history.items == item
        brought = {
            "user": np.full(int(own.sum()), ask.user),
            "rating": ask.history.ratings[own],
            "time": ask.history.times[own],
            "before": np.arange(len(ask.history))[own],
        }
        joined = {name: np.concatenate([events[name][others], brought[name]]) for name in events}
        seen = self._seen(joined["time"], ask.time, scope)
        order = np.argsort(joined["time"][seen], kind="stable")
        return {name: values[seen][order] for name, values in joined.items()}

    def _seen(self, times: np.ndarray, time: int, scope: str) -> np.ndarray:
        """Tell which events count: a row is an event itself, a request follows the last one."""
        if scope == "others":
            return np.ones(len(times), dtype=bool)
        return times <= time if self.spec["rows"] == "requests" else times < time

    def liked(self, ratings: np.ndarray) -> np.ndarray:
        """Tell which events count as relevant."""
        least = self.spec["threshold"]
        return np.ones(len(ratings), bool) if least is None else ratings >= np.float32(least)

    # ---- attributes that several users or items share

    def _table(self, side: str, column: str) -> np.ndarray:
        key = ("hot", side, column)
        if key not in self._kept:
            shared = self.columns[side, column].shared()
            self._kept[key] = shared.hot()
            self._kept["texts", side, column] = shared.texts
        return self._kept[key]

    def _hot_of(self, side: str, column: str, numbers: np.ndarray) -> np.ndarray:
        return self._table(side, column)[numbers]

    def _hot(self, side: str, column: str, ask: Ask, numbers: np.ndarray) -> np.ndarray:
        """Say which values those asked about have; attributes may be given with the row."""
        table = self._table(side, column)
        given = ask.user_attributes if side == "user" else ask.item_attributes
        if column not in given:
            return table[numbers]
        raw = given[column]
        texts = raw if isinstance(raw, list | tuple) else [as_text(raw)]
        known = self._kept["texts", side, column]
        row = np.array([[text in texts for text in known]], dtype=np.float32)
        return np.repeat(row, len(numbers), axis=0)

    def favourites(self, each: dict[str, Any], ask: Ask, items: np.ndarray) -> list[list[str]]:
        """List the values of an attribute that most liked events have, for each candidate."""
        of_users = each["source"] == "user-history"
        side, member = ("item", "item") if of_users else ("user", "user")
        self._table(side, each["by"])
        texts = self._kept["texts", side, each["by"]]
        found = []
        for item in items.tolist()[: 1 if of_users else None]:
            events = (
                self.users_events(ask, "earlier")
                if of_users
                else self.items_events(item, ask, "earlier")
            )
            liked = events[member][self.liked(events["rating"])]
            counts = self._hot_of(side, each["by"], liked).sum(axis=0)
            best = np.argsort(-counts, kind="stable")[:MOST_FAVOURITES]
            found.append([texts[code] for code in best if counts[code] > 0])
        return found

    def _liked_before(self, each: dict[str, Any], ask: Ask) -> tuple[np.ndarray, np.ndarray]:
        """Give the items of liked events, and what each weighs by its age."""
        events = self.users_events(ask, "earlier")
        items = events["item"][self.liked(events["rating"])]
        return items, self._faded(len(items), each["half_life"])

    @staticmethod
    def _faded(n: int, half_life: float | None) -> np.ndarray:
        ages = np.arange(n - 1, -1, -1)
        return np.ones(n) if half_life is None else 2.0 ** (-ages / half_life)

    def _similarity(self, each: dict[str, Any], ask: Ask, items: np.ndarray) -> np.ndarray:
        key = ("unit", each["by"])
        if key not in self._kept:
            table = self._table("item", each["by"])
            length = np.linalg.norm(table, axis=1, keepdims=True)
            self._kept[key] = table / np.maximum(length, np.float32(1e-12))
        unit = self._kept[key]
        liked, weights = self._liked_before(each, ask)
        profile = (weights @ unit[liked].astype(float)).astype(np.float32)
        length = max(float(np.sqrt((profile.astype(float) ** 2).sum())), 1e-12)
        return (unit[items] @ profile) / length

    def _gap(self, each: dict[str, Any], ask: Ask, items: np.ndarray) -> np.ndarray:
        numbers = self._as_numbers("item", each["by"])
        there = ~np.isnan(numbers)
        middle = numbers[there].mean(dtype=np.float64) if there.any() else 0.0
        own = np.where(there, numbers - middle, 0).astype(np.float32)
        events = self.users_events(ask, "earlier")
        liked = events["item"][self.liked(events["rating"])]
        liked = liked[there[liked]]
        weights = self._faded(len(liked), each["half_life"])
        total = weights.sum()
        mean = (weights @ own[liked].astype(float)) / total if total > 0 else 0.0
        return np.abs(own[items] - mean)

    def _predicted(self, ask: Ask, items: np.ndarray) -> np.ndarray:
        """Predict ratings: bias and vector of the history by ridge regression on its ratings."""
        table, mean = self.arrays["ratings.items"], self.arrays["ratings.mean"]
        vectors = table[ask.history.items].astype(float)
        rest = ask.history.ratings - mean - vectors[:, 0]
        vectors[:, 0] = 1
        penalty = np.diag([10.0] + [15.0] * (table.shape[1] - 1))
        taste = np.linalg.solve(vectors.T @ vectors + penalty, vectors.T @ rest)
        chosen = table[items]
        return chosen[:, 0] + chosen[:, 1:] @ taste[1:] + taste[0] + mean


class Counted:
    """Events, each of which counts so many times for each of n candidates: (n, events)."""

    def __init__(
        self, times: np.ndarray, events: dict[str, np.ndarray], now: int, values: Values
    ) -> None:
        self.times, self.events, self.now, self.spec = times, events, now, values.spec
        self.liked = values.liked(events["rating"]).astype(float)
        self.count = times.sum(axis=1)
        self.rating, self.time = events["rating"].astype(float), events["time"].astype(float)
        there = times > 0
        self.first = np.where(there, self.time, np.inf).min(axis=1, initial=np.inf)
        self.last = np.where(there, self.time, -np.inf).max(axis=1, initial=-np.inf)

    def mean(self, values: np.ndarray) -> np.ndarray:
        """Average over what counts; NaN where nothing does."""
        return self.known(self.times @ values / np.maximum(self.count, 1))

    def known(self, values: np.ndarray) -> np.ndarray:
        """Put NaN where nothing counts."""
        return np.where(self.count > 0, values, np.nan)

    def rating_variance(self) -> np.ndarray:
        """Mean squared distance from the mean."""
        distance = self.rating - self.spec["mean_rating"]
        square = self.mean(distance**2)
        variance = square - self.mean(distance) ** 2
        return np.where(variance < 1e-9 * square, 0, variance)  # equal ratings, but for rounding

    def session_count(self) -> np.ndarray:
        """Events less than a day before the last one."""
        return (self.times * (self.time > (self.last - DAY)[:, None])).sum(axis=1)


STATISTICS: dict[str, Callable[[Counted], np.ndarray]] = {
    "count": lambda of: of.count,
    "rating_mean": lambda of: of.mean(of.rating),
    "rating_variance": Counted.rating_variance,
    "positive_share": lambda of: of.mean(of.liked),
    "positive_count": lambda of: of.times @ of.liked,
    "days_since_first": lambda of: of.known((of.now - of.first) / DAY),
    "days_since_last": lambda of: of.known((of.now - of.last) / DAY),
    "session_count": Counted.session_count,
    "session_share": lambda of: of.known(of.session_count() / np.maximum(of.count, 1)),
    "usual_count": lambda of: of.mean(np.log1p(of.events["before"])),
    "time_gap": lambda of: (of.mean(of.time) - of.now) / of.spec["year_seconds"]["gap"],
}
