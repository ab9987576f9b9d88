"""Encode raw ids, attributes, histories and times as features.json of an export says.

Part of serve_exported.py: numpy and the standard library, nothing of recsys_core. What the keys
mean is written in docs/serving.md.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np

DAY = 86_400
MOST_FAVOURITES = 3
NOTHING = np.empty(0)


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
                self.codes = [codes[a:b].tolist() for a, b in zip(ends, ends[1:], strict=False)]
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


class Features:
    """An encoder of one features.json and the arrays beside it."""

    def __init__(self, spec: dict[str, Any], arrays: dict[str, np.ndarray], n_items: int) -> None:
        self.spec, self.arrays, self.n_items = spec, arrays, n_items
        self.fields = spec["fields"]
        self.by_name = {each["name"]: each for each in self.fields}
        self.places = {
            each["name"]: {text: code for code, text in enumerate(each["transform"]["values"], 1)}
            for each in self.fields
            if each.get("transform", {}).get("name") in ("lookup", "events")
        }
        self.columns = {
            (side, name): Column(kind, f"{side}.{name}", arrays)
            for side, names in spec["columns"].items()
            for name, kind in names.items()
        }
        self._kept: dict[Any, Any] = {}
        self.ids: dict[str, list[str]] = {}

    def slots(self, ask: Ask, items: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """Encode candidates: table rows and weights of each field, shape (n, width) each."""
        encoded = []
        self._now: dict[Any, Any] = {}
        for each in self.fields:
            codes, weights = self._codes(each, ask, items)
            index = np.where(codes < 0, 0, codes + each["offset"])
            missing = each["width"] - index.shape[1]
            if missing < 0:
                raise ValueError(
                    f"{each['name']} has {index.shape[1]} values, the graph takes {each['width']}"
                )
            pad = ((0, 0), (0, missing))
            shape = (len(items), index.shape[1])
            weights = np.broadcast_to(weights, shape).astype(np.float32)
            encoded.append((np.pad(np.broadcast_to(index, shape), pad), np.pad(weights, pad)))
        return encoded

    def numbers(self, ask: Ask, items: np.ndarray) -> np.ndarray:
        """Compute numeric features, shape (n, fields), NaN where there is none."""
        self._now = {}
        found = [self._logged(each, ask, items) for each in self.fields]
        return np.stack([np.broadcast_to(one, len(items)) for one in found], axis=1).astype("f4")

    def _logged(self, each: dict[str, Any], ask: Ask, items: np.ndarray) -> np.ndarray:
        """Compute a number as differences take it: its logarithm, if that is its transform."""
        values = self._numbers(each, ask, items).astype(np.float64)
        log = each.get("log") or each.get("transform", {}).get("log")
        return np.log1p(np.maximum(values, 0)) if log else values

    # ---- from values to codes: shape (n, width), or (1, width) if all candidates share them

    def _codes(
        self, each: dict[str, Any], ask: Ask, items: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        name = each["name"]
        if name not in self._now:
            self._now[name] = self._encode(each, ask, items)
        return self._now[name]

    def _encode(
        self, each: dict[str, Any], ask: Ask, items: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        if each["kind"] == "sequence":
            return self._sequence(each, ask, items)
        if each["source"] == "cross":
            return self._cross(each, ask, items)
        if each["source"] in ("user", "item"):
            return self._of_side(each, ask, items)
        if each["column"] == "favourites" and each["kind"] == "multi":
            lists = [self._pooled(each, texts) for texts in self._favourites(each, ask, items)]
            return _side_by_side(lists)
        if each["source"] == "interaction" and self.spec["context"].get(each["column"]):
            return self._one(each, ask.context.get(each["column"]))
        return self._of_numbers(each, self._numbers(each, ask, items))

    def _of_side(
        self, each: dict[str, Any], ask: Ask, items: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Look up the codes of users or items, unless the attribute is given."""
        side, column = each["source"], each["column"]
        given = ask.user_attributes if side == "user" else ask.item_attributes
        if column in given:
            return self._one(each, given[column])
        if each["name"] not in self._kept:
            attribute = self.columns.get((side, column))
            if attribute is None:
                raws = [*self.ids[side], None]
            else:
                raws = [attribute.raw(number) for number in [*range(len(self.ids[side])), -1]]
            self._kept[each["name"]] = _side_by_side([self._one(each, raw) for raw in raws])
        codes, weights = self._kept[each["name"]]
        numbers = np.array([ask.user]) if side == "user" else items
        return codes[numbers], weights[numbers]

    def _one(self, each: dict[str, Any], raw: Any) -> tuple[np.ndarray, np.ndarray]:
        """Encode one value, shape (1, width)."""
        transform = each["transform"]
        if transform["name"] == "vector":
            return _vector(transform, raw)
        if transform["name"] in ("buckets", "scale"):
            number = as_number(raw)
            return self._of_numbers(each, np.array([number], dtype=np.float32))
        if each["kind"] == "multi":
            return self._pooled(each, [] if raw is None else raw)
        return np.array([[self._code(each, as_text(raw))]]), np.ones((1, 1))

    def _code(self, each: dict[str, Any], text: str | None) -> int:
        transform = each["transform"]
        if text is None:
            return 0
        if transform["name"] == "hashed":
            digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
            return 1 + int.from_bytes(digest, "little") % transform["buckets"]
        return self.places[each["name"]].get(text, 0)

    def _pooled(self, each: dict[str, Any], texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
        codes = [code for code in (self._code(each, text) for text in texts) if code > 0]
        weight = 1 / len(codes) if codes and each["pooling"] == "mean" else 1.0
        return np.array([codes or [0]]), np.full((1, max(1, len(codes))), weight)

    def _of_numbers(
        self, each: dict[str, Any], values: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        transform, values = each["transform"], values.astype(np.float32)
        if transform["name"] == "buckets":
            codes = 1 + np.searchsorted(np.array(transform["edges"], float), values, side="right")
            return np.where(np.isnan(values), 0, codes)[:, None], np.ones((len(values), 1))
        if transform["name"] == "scale":
            numbers = values.astype(np.float64)
            numbers = np.log1p(np.maximum(numbers, 0)) if transform["log"] else numbers
            scaled = np.nan_to_num((numbers - transform["mean"]) / transform["deviation"])
            return np.zeros((len(values), 1), int), scaled[:, None]
        texts = [as_text(value) for value in values]
        return np.array([[self._code(each, text)] for text in texts]), np.ones((len(values), 1))

    def _cross(
        self, each: dict[str, Any], ask: Ask, items: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        transform = each["transform"]
        keys = np.zeros((len(items), 1), dtype=np.int64)
        used = np.ones_like(keys, dtype=bool)
        for name, size in zip(each["of"], transform["sizes"], strict=True):
            codes, _ = self._codes(self.by_name[name], ask, items)
            codes = np.broadcast_to(codes, (len(items), codes.shape[1]))[:, None, :]
            width = keys.shape[1] * codes.shape[2]
            keys = (keys[:, :, None] * size + codes).reshape(len(items), width)
            used = (used[:, :, None] & (codes >= 0)).reshape(len(items), width)
        if transform["buckets"] is not None:
            mixed = keys.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
            codes = 1 + ((mixed >> np.uint64(32)) % np.uint64(transform["buckets"])).astype(int)
        else:
            known = np.append(np.array(transform["keys"], np.int64), np.iinfo(np.int64).max)
            place = np.searchsorted(known, keys)
            codes = np.where(known[place] == keys, place + 1, 0)
        weights = used.astype(float)
        if each["kind"] == "multi" and each["pooling"] == "mean":
            weights /= used.sum(axis=1, keepdims=True)
        return np.where(used, codes, -1), weights

    # ---- values of rows: shape (n,), or (1,) if all candidates share them

    def _numbers(self, each: dict[str, Any], ask: Ask, items: np.ndarray) -> np.ndarray:
        source, column = each["source"], each["column"]
        if source == "difference":
            one, other = (self._logged(self.by_name[name], ask, items) for name in each["of"])
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
            events = self._users_events(ask, each["scope"])
            if not each["by"]:
                return self._statistic(column, np.ones((1, len(events["time"]))), events, ask.time)
            shared = self._hot("item", each["by"], ask, items) @ self._hot_of(
                "item", each["by"], events["item"]
            ).T
            return self._statistic(column, shared.astype(float), events, ask.time)
        found = []
        for item in items.tolist():
            events = self._items_events(item, ask, each["scope"])
            shared = np.ones((1, len(events["time"])))
            if each["by"]:
                own = self._hot("user", each["by"], ask, np.array([ask.user]))
                shared = own @ self._hot_of("user", each["by"], events["user"]).T
            found.append(self._statistic(column, shared.astype(float), events, ask.time)[0])
        return np.array(found)

    def _users_events(self, ask: Ask, scope: str) -> dict[str, np.ndarray]:
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

    def _items_events(self, item: int, ask: Ask, scope: str) -> dict[str, np.ndarray]:
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

    def _liked(self, ratings: np.ndarray) -> np.ndarray:
        least = self.spec["threshold"]
        return np.ones(len(ratings), bool) if least is None else ratings >= np.float32(least)

    def _statistic(
        self, name: str, times_counted: np.ndarray, events: dict[str, np.ndarray], now: int
    ) -> np.ndarray:
        """Compute a statistic of events, each counted so many times: (n, events) -> (n,)."""
        count = times_counted.sum(axis=1)
        rating, time = events["rating"].astype(float), events["time"].astype(float)

        def total(values: np.ndarray) -> np.ndarray:
            return times_counted @ values

        def mean(values: np.ndarray) -> np.ndarray:
            with np.errstate(invalid="ignore", divide="ignore"):
                return np.where(count > 0, total(values) / count, np.nan)

        there = times_counted > 0
        first = np.where(there, time, np.inf).min(axis=1, initial=np.inf)
        last = np.where(there, time, -np.inf).max(axis=1, initial=-np.inf)
        known = count > 0
        if name == "count":
            return count
        if name == "rating_mean":
            return mean(rating)
        if name == "rating_variance":
            distance = rating - self.spec["mean_rating"]
            return np.maximum(mean(distance**2) - mean(distance) ** 2, 0)
        if name == "positive_share":
            return mean(self._liked(events["rating"]).astype(float))
        if name == "positive_count":
            return total(self._liked(events["rating"]).astype(float))
        if name == "days_since_first":
            return np.where(known, (now - first) / DAY, np.nan)
        if name == "days_since_last":
            return np.where(known, (now - last) / DAY, np.nan)
        if name in ("session_count", "session_share"):
            recent = (times_counted * (time > (last - DAY)[:, None])).sum(axis=1)
            if name == "session_count":
                return recent
            return np.where(known, recent / np.maximum(count, 1), np.nan)
        if name == "usual_count":
            return mean(np.log1p(events["before"]))
        if name == "time_gap":
            return (mean(time) - now) / self.spec["year_seconds"]["gap"]
        raise ValueError(f"{name} is no statistic that exports have")

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

    def _favourites(self, each: dict[str, Any], ask: Ask, items: np.ndarray) -> list[list[str]]:
        """List the values of an attribute that most liked events have, for each candidate."""
        of_users = each["source"] == "user-history"
        side, member = ("item", "item") if of_users else ("user", "user")
        self._table(side, each["by"])
        texts = self._kept["texts", side, each["by"]]
        found = []
        for item in items.tolist()[: 1 if of_users else None]:
            events = (
                self._users_events(ask, "earlier")
                if of_users
                else self._items_events(item, ask, "earlier")
            )
            liked = events[member][self._liked(events["rating"])]
            counts = self._hot_of(side, each["by"], liked).sum(axis=0)
            best = np.argsort(-counts, kind="stable")[:MOST_FAVOURITES]
            found.append([texts[code] for code in best if counts[code] > 0])
        return found

    def _liked_before(self, each: dict[str, Any], ask: Ask) -> tuple[np.ndarray, np.ndarray]:
        """Give the items of liked events, and what each weighs by its age."""
        events = self._users_events(ask, "earlier")
        items = events["item"][self._liked(events["rating"])]
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
        events = self._users_events(ask, "earlier")
        liked = events["item"][self._liked(events["rating"])]
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

    def _sequence(
        self, each: dict[str, Any], ask: Ask, items: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        if each["source"] == "user-history":
            return self._events(each, self._users_events(ask, each["scope"]), "item")
        lists = []
        for item in items.tolist():
            lists.append(self._events(each, self._items_events(item, ask, each["scope"]), "user"))
        return _side_by_side(lists)

    def _events(
        self, each: dict[str, Any], events: dict[str, np.ndarray], member: str
    ) -> tuple[np.ndarray, np.ndarray]:
        """Encode the last events of one sequence, the newest first, shape (1, length)."""
        transform = each["transform"]
        wanted = np.ones(len(events["time"]), dtype=bool)
        if each["column"] != "all":
            wanted = self._liked(events["rating"]) == (each["column"] == "liked")
        numbers = events[member][wanted][::-1][: each["max_len"]]
        ratings = events["rating"][wanted][::-1][: each["max_len"]]
        ids = self.ids[member]
        field_of = self.by_name[transform["of"]] if transform["of"] else each
        codes = np.array([[self._code(field_of, ids[n]) if n >= 0 else 0 for n in numbers]], int)
        weights = np.ones((1, len(numbers)))
        if each["weight"] == "rating":
            weights = (ratings - transform["centre"])[None]
        if each["pooling"] == "mean":
            weights = weights / max(1, len(numbers))
        return codes.reshape(1, -1), weights


def _vector(transform: dict[str, Any], raw: Any) -> tuple[np.ndarray, np.ndarray]:
    n = transform["numbers"]
    values = np.full(n, np.nan) if raw is None else np.asarray(raw, dtype=np.float32)
    if np.isnan(values).any():
        return np.array([[0] + [-1] * (n - 1)]), np.array([[1.0] + [0.0] * (n - 1)])
    return np.arange(1, 1 + n)[None], (values / transform["deviation"])[None]


def _side_by_side(
    lists: list[tuple[np.ndarray, np.ndarray]],
) -> tuple[np.ndarray, np.ndarray]:
    """Put encoded entries below each other, the shorter ones padded."""
    width = max(codes.shape[1] for codes, _ in lists)
    index = np.full((len(lists), width), -1)
    weight = np.zeros((len(lists), width))
    for row, (codes, weights) in enumerate(lists):
        index[row, : codes.shape[1]], weight[row, : codes.shape[1]] = codes[0], weights[0]
    return index, weight
