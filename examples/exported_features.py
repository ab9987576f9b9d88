"""Encode raw ids, attributes, histories and times as features.json of an export says.

Part of serve_exported.py: numpy and the standard library, nothing of recsys_core. What the keys
mean is written in docs/serving.md.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from exported_values import Ask, Values, as_number, as_text


class Features(Values):
    """An encoder of one features.json and the arrays beside it."""

    def __init__(self, spec: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        super().__init__(spec, arrays)
        self.places = {
            each["name"]: {text: code for code, text in enumerate(each["transform"]["values"], 1)}
            for each in self.fields
            if each.get("transform", {}).get("name") in ("lookup", "events")
        }

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
        found = [self.logged(each, ask, items) for each in self.fields]
        return np.stack([np.broadcast_to(one, len(items)) for one in found], axis=1).astype("f4")

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
            lists = [self._pooled(each, texts) for texts in self.favourites(each, ask, items)]
            return _side_by_side(lists)
        if each["source"] == "interaction" and self.spec["context"].get(each["column"]):
            return self._one(each, ask.context.get(each["column"]))
        return self._of_numbers(each, self.numbers_of(each, ask, items))

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

    def _sequence(
        self, each: dict[str, Any], ask: Ask, items: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        if each["source"] == "user-history":
            return self._events(each, self.users_events(ask, each["scope"]), "item")
        scope = each["scope"]
        return _side_by_side(
            [
                self._events(each, self.items_events(item, ask, scope), "user")
                for item in items.tolist()
            ]
        )

    def _events(
        self, each: dict[str, Any], events: dict[str, np.ndarray], member: str
    ) -> tuple[np.ndarray, np.ndarray]:
        """Encode the last events of one sequence, the newest first, shape (1, length)."""
        transform = each["transform"]
        wanted = np.ones(len(events["time"]), dtype=bool)
        if each["column"] != "all":
            wanted = self.liked(events["rating"]) == (each["column"] == "liked")
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
