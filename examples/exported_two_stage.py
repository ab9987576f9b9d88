"""Lists by an exported two-stage recommender; part of serve_exported.py."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from exported_recall import Recall, top
from exported_values import Ask, History


class TwoStage:
    """Channels propose candidates, merging makes one pool of them, a ranker orders it."""

    def __init__(
        self,
        about: dict[str, Any],
        arrays: dict[str, np.ndarray],
        channels: list[Recall],
        ranker: Any,
    ) -> None:
        self.about, self.arrays, self.channels, self.ranker = about, arrays, channels, ranker
        self.settings = about["channels"]

    def time_of(self, history: History) -> int:
        """When somebody is asked who does not say: at the last event known."""
        if len(history) or self.ranker is None:
            return int(history.times[-1]) if len(history) else 0
        return self.ranker.features.spec["last_time"]

    def recommend(self, ask: Ask, k: int, banned: np.ndarray) -> list[tuple[int, float]]:
        """List the best items that are neither banned nor, unless the run allows it, known."""
        raw = np.stack([self._scores(channel, ask) for channel in self.channels])
        allowed = raw.copy()
        allowed[:, banned] = -np.inf
        pool = self._pool(allowed)
        items, scores = pool
        if self.ranker is not None and len(items):
            given = self._given(raw, items)
            scores = self.ranker.score(replace(ask, given=given), items)[:, 0]
        if len(ask.history) == 0:
            scores = self.arrays["popularity"][items]
        order = np.lexsort((self.arrays["tie_rank"][items], -scores))
        items, scores = items[order], scores[order].astype(np.float32)
        for step in self.about["rerank"]:
            order = self._reranked(step, items, ask.history)
            items, scores = items[order], scores[order]
        return list(zip(items[:k].tolist(), scores[:k].tolist(), strict=True))

    def _scores(self, channel: Recall, ask: Ask) -> np.ndarray:
        """Score by one channel; -inf for what may not be listed."""
        scores = channel.score(ask)
        scores[~channel.arrays["catalogue"]] = -np.inf
        if self.about["known_items"] == "exclude":
            scores[ask.history.items] = -np.inf
        return scores

    def _pool(self, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Join the channels' lists: candidates in merge order, and what they are ordered by."""
        merge, tie_rank = self.about["merge"], self.arrays["tie_rank"]
        joined = np.full(scores.shape[1], -np.inf, dtype=np.float32)
        for number, (own, setting) in enumerate(zip(scores, self.settings, strict=True)):
            items = top(own, setting["quota"], tie_rank)
            rank = np.arange(1, len(items) + 1, dtype=np.float32)
            if merge["method"] == "round-robin":
                worth = -(rank * len(scores) + np.float32(number))
                joined[items] = np.maximum(joined[items], worth)
                continue
            if merge["method"] == "reciprocal-rank":
                worth = np.reciprocal(np.float32(merge["rank_constant"]) + rank)
            else:
                worth = _scaled(own[items])
                if merge["method"] == "weighted":
                    worth = worth * np.float32(setting["weight"])
            joined[items] = np.where(joined[items] == -np.inf, 0, joined[items]) + worth
        best = top(joined, merge["size"], tie_rank)
        return best, joined[best]

    def _given(self, raw: np.ndarray, items: np.ndarray) -> dict[str, np.ndarray]:
        """Say what the channels say of the candidates: score, rank, and how far scores spread."""
        given = {}
        for own, setting in zip(raw, self.settings, strict=True):
            usable = own[np.isfinite(own)].astype(float)
            count = max(len(usable), 1)
            mean = usable.sum() / count
            deviation = np.sqrt(max((usable**2).sum() / count - mean**2, 0))
            deviation = deviation if deviation > 1e-12 else 1.0
            values = np.where(np.isfinite(own[items]), own[items], 0)
            better = len(own) - np.searchsorted(np.sort(own), own[items], side="right")
            label = setting["label"]
            given[f"score/{label}"] = ((values - mean) / deviation).astype(np.float32)
            given[f"rank/{label}"] = np.log1p(better + 1).astype(np.float32)
            given[f"spread/{label}"] = np.full(len(items), np.log(deviation), dtype=np.float32)
        return given

    # ---- re-ranking: places are filled one after the other

    def _reranked(self, step: dict[str, Any], items: np.ndarray, history: History) -> np.ndarray:
        """Give the new order of a list."""
        deepest = min(step["depth"], self.about["merge"]["size"])  # a short pool is padded to that
        depth = min(deepest, len(items))
        head, order = items[:depth], np.arange(len(items))
        relevance = (
            np.linspace(1, 0, deepest, dtype=np.float32) if deepest > 1 else np.ones(1, "f4")
        )
        relevance = relevance[:depth]
        genres, counts = self.arrays["genres"][head], np.zeros(self.arrays["genres"].shape[1], "f4")
        chosen: list[int] = []
        free = np.ones(depth, dtype=bool)
        penalty = np.zeros(depth, "f4")
        spread = genres / np.maximum(genres.sum(axis=1, keepdims=True), 1)
        for place in range(depth):
            if step["name"] == "genre-caps":
                full = (counts >= step["cap"]) & (place < step["top"])
                value = relevance - 10.0 * (genres * full).any(axis=1)
            else:
                if step["name"] == "calibration":
                    penalty = self._uncalibrated(counts + spread, history)
                elif step["name"] == "popularity":
                    level = np.log1p(self.arrays["popularity"])
                    penalty = (level / max(float(level.max(initial=0)), 1e-12))[head]
                value = step["trade_off"] * relevance - (1 - step["trade_off"]) * penalty.astype(
                    "f4"
                )
            best = int(np.where(free, value, -np.inf).argmax())
            chosen.append(best)
            free[best] = False
            counts = counts + (spread if step["name"] == "calibration" else genres)[best]
            if step["name"] == "mmr":
                shared = np.minimum(genres, genres[best]).sum(axis=1)
                union = np.maximum(genres, genres[best]).sum(axis=1)
                penalty = np.maximum(penalty, shared / np.maximum(union, 1))
        order[:depth] = chosen
        return order

    def _uncalibrated(self, counts: np.ndarray, history: History) -> np.ndarray:
        """Divergence of a list's genres, with each candidate, from what the user liked."""
        table, least = self.arrays["genres"], self.about["threshold"]
        liked = history.items
        if least is not None:
            liked = liked[history.ratings >= np.float32(least)]
        shares = (table / np.maximum(table.sum(axis=1, keepdims=True), 1))[liked].sum(axis=0)
        p = shares / max(shares.sum(), 1e-12)
        q = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1e-12)
        mix = self.about["calibration_mix"]
        mixed = (1 - mix) * q + mix * p
        ratio = np.where(p > 0, p / np.maximum(mixed, 1e-12), 1)
        return (p * np.log(ratio)).sum(axis=1).astype(np.float32)


def _scaled(scores: np.ndarray) -> np.ndarray:
    """Scale a list's scores to 0..1; equal ones are 1 throughout."""
    low, high = scores.min(initial=np.inf), scores.max(initial=-np.inf)
    if not high > low:
        return np.ones(len(scores), dtype=np.float32)
    return ((scores - low) / (high - low)).astype(np.float32)
