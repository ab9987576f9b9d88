"""Score and list items by an exported recall model; part of serve_exported.py.

Every `computation` of docs/serving.md is a function here, of numpy alone but for the query graphs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from exported_features import Features
from exported_values import Ask, History


def top(scores: np.ndarray, k: int, tie_rank: np.ndarray) -> np.ndarray:
    """Find the best `k` of the items that may be listed; equal scores by tie_rank."""
    listed = np.flatnonzero(scores > -np.inf)
    if len(listed) > 4 * k:  # only those as good as the k-th are worth sorting
        least = np.partition(scores[listed], len(listed) - k)[len(listed) - k]
        listed = listed[scores[listed] >= least]
    return listed[np.lexsort((tie_rank[listed], -scores[listed]))][:k]


class Sparse:
    """A sparse matrix: row r has entries offsets[r] to offsets[r + 1]."""

    def __init__(self, arrays: dict[str, np.ndarray], name: str) -> None:
        parts = (arrays[f"{name}.{part}"] for part in ("offsets", "columns", "values"))
        self.offsets, self.columns, self.values = parts

    def times(
        self, rows: np.ndarray, weights: np.ndarray, width: int, kind: type[Any] = np.float32
    ) -> np.ndarray:
        """Add up weighted rows one entry after the other, shape (width,)."""
        start, end = self.offsets[rows], self.offsets[rows + 1]
        lengths = end - start
        place = np.arange(lengths.sum()) + np.repeat(start - np.cumsum(lengths) + lengths, lengths)
        total = np.zeros(width, dtype=kind)
        products = np.repeat(weights.astype(kind), lengths) * self.values[place].astype(kind)
        np.add.at(total, self.columns[place], products)
        return total

    def transposed(self, width: int) -> Sparse:
        """Make rows of the columns."""
        row = np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))
        order = np.argsort(self.columns, kind="stable")
        turned = Sparse.__new__(Sparse)
        turned.columns, turned.values = row[order], self.values[order]
        counts = np.bincount(self.columns, minlength=width)
        turned.offsets = np.append(0, np.cumsum(counts))
        return turned


class Recall:
    """A recall model: scores of all items, and lists of the best."""

    def __init__(
        self,
        about: dict[str, Any],
        arrays: dict[str, np.ndarray],
        features: Features | None = None,
        graph: Any = None,
        index: Any = None,
    ) -> None:
        self.about, self.arrays, self.fields = about, arrays, about["fields"]
        self.features, self.graph, self.index = features, graph, index
        self.n_items = len(arrays["catalogue"])
        self.compute = COMPUTATIONS[about["computation"]]
        self.sparse = {
            name.removesuffix(".offsets"): Sparse(arrays, name.removesuffix(".offsets"))
            for name in arrays
            if name.endswith(".offsets") and name.replace("offsets", "columns") in arrays
        }

    def time_of(self, history: History) -> int:
        """When somebody is asked who does not say: at the last event known."""
        if len(history):
            return int(history.times[-1])
        return self.features.spec["last_time"] if self.features else 0

    def liked(self, history: History) -> History:
        """Keep the events that count as relevant."""
        least = self.about["threshold"]
        return history if least is None else history.where(history.ratings >= np.float32(least))

    def weighted(self, history: History, half_life: float | None) -> tuple[np.ndarray, np.ndarray]:
        """Give the items of a history and what each weighs: the query q of the formulas."""
        exponent = self.fields["rating_exponent"]
        all_age = self.fields.get("ages_of") == "all"  # disliked events pass time, too
        counted = self.liked(history) if exponent is None and not all_age else history
        n = len(counted)
        weights = np.ones(n, dtype=np.float32)
        if half_life is not None:
            weights = (2.0 ** (-np.arange(n - 1, -1, -1) / half_life)).astype(np.float32)
            weights[weights < self.fields["forgotten"]] = 0
        if exponent is not None:
            best = counted.ratings.max(initial=0)
            share = np.maximum(counted.ratings / (best if best > 0 else 1), 0).astype(np.float32)
            weights = weights * (share.astype(float) ** exponent).astype(np.float32)
        elif all_age and self.about["threshold"] is not None:
            weights = weights * (counted.ratings >= np.float32(self.about["threshold"]))
        items, place = np.unique(counted.items, return_inverse=True)
        total = np.zeros(len(items), dtype=np.float32)
        np.add.at(total, place, weights)
        return items[total != 0], total[total != 0]

    def query(self, history: History) -> tuple[np.ndarray, np.ndarray]:
        """Give the query of a model with one half-life."""
        return self.weighted(history, self.fields["history_half_life"])

    def score(self, ask: Ask) -> np.ndarray:
        """Score all items, shape (n_items,)."""
        scores, known = self.compute(self, ask)
        if "learned" in self.arrays:
            scores[~self.arrays["learned"]] = scores.min() - 1
        if self.about["falls_back_to_popularity"] and (not known or np.all(scores == scores[0])):
            return self.arrays["popularity"].copy()
        return scores

    def recommend(self, ask: Ask, k: int, banned: np.ndarray) -> list[tuple[int, float]]:
        """List the best items that are neither banned nor, unless the run allows it, known."""
        left_out = banned | ~self.arrays["catalogue"]
        if self.about["known_items"] == "exclude":
            left_out[ask.history.items] = True
        if self.index is not None:
            found = self._from_index(ask, k, left_out)
            if found is not None:
                return found
        scores = self.score(ask)
        if not self.about["scores_new_items"]:
            lowest = scores.min()
            scores[self.arrays["new_items"]] = lowest - max(np.float32(1), abs(lowest))
        scores[left_out] = -np.inf
        best = top(scores, k, self.arrays["tie_rank"])
        return [(int(item), float(scores[item])) for item in best]

    def _from_index(self, ask: Ask, k: int, left_out: np.ndarray) -> list[tuple[int, float]] | None:
        """Search the index for as many more as are left out; None: all items must be scored."""
        query = QUERIES[self.about["computation"]](self, ask)
        indexed = self.arrays["indexed"]
        fetch = k + int(left_out[indexed].sum()) + 1
        if query is None or fetch > len(indexed):
            return None
        scores, places = self.index.search(query[None].astype(np.float32), fetch)
        items = indexed[places[0]]
        kept = (places[0] >= 0) & ~left_out[items]
        order = np.lexsort((self.arrays["tie_rank"][items[kept]], -scores[0][kept]))[:k]
        found = items[kept][order], scores[0][kept][order]
        if len(order) < k or found[1][-1] <= scores[0][-1]:  # an equal one may have been cut off
            return None
        return list(zip(found[0].tolist(), found[1].tolist(), strict=True))


def constant(model: Recall, ask: Ask) -> tuple[np.ndarray, bool]:
    """Score the same for everybody."""
    return model.arrays["scores"].copy(), True


def matrix(model: Recall, ask: Ask) -> tuple[np.ndarray, bool]:
    """Add up weighted rows of a matrix; with several half-lives its blocks of rows."""
    scores, known = np.zeros(model.n_items, dtype=np.float32), False
    for block, half_life in enumerate(model.fields["history_half_lives"]):
        items, weights = model.weighted(ask.history, half_life)
        for item, weight in zip(items.tolist(), weights, strict=True):
            scores += weight * model.arrays["weights"][block * model.n_items + item]
            known = True
    return scores, known


def neighbours(model: Recall, ask: Ask) -> tuple[np.ndarray, bool]:
    """Add up weighted sparse rows."""
    items, weights = model.query(ask.history)
    kind = np.float64 if model.fields["precision"] == "float64" else np.float32
    total = model.sparse["neighbours"].times(items, weights, model.n_items, kind)
    return total.astype(np.float32), len(items) > 0


def nearest_users(model: Recall, ask: Ask) -> tuple[np.ndarray, bool]:
    """Add up what the users like who are nearest to a history."""
    items, weights = model.query(ask.history)
    positives, gains = model.sparse["positives"], model.arrays["item_weight"]
    if "likers" not in model.sparse:
        model.sparse["likers"] = positives.transposed(model.n_items)
    damped = weights * gains[items]
    shared = model.sparse["likers"].times(items, damped, len(model.arrays["activity"]))
    length = np.sqrt((damped * weights).sum(dtype=float))
    scale = np.float32(length) * model.arrays["activity"] + np.float32(model.fields["shrinkage"])
    similarity = np.divide(shared, scale, out=shared.copy(), where=scale > 0)
    if ask.user >= 0:
        similarity[ask.user] = 0
    similarity[similarity <= 0] = -np.inf
    near = np.sort(top(similarity, model.fields["neighbours"], np.arange(len(similarity))))
    amplified = similarity[near].astype(float) ** model.fields["amplification"]
    return positives.times(near, amplified.astype(np.float32), model.n_items), len(items) > 0


def unit(vectors: np.ndarray) -> np.ndarray:
    """Scale to length 1; zeros stay."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.maximum(length, np.float32(1e-30))


def nearest_nodes(model: Recall, ask: Ask) -> tuple[np.ndarray, bool]:
    """Add up what the users like whose nodes are nearest to the asker's."""
    items, weights = model.query(ask.history)
    nodes = model.arrays["user_nodes"]
    own = nodes[ask.user] if ask.user >= 0 else np.zeros(nodes.shape[1], np.float32)
    x = unit(own + unit(weights @ model.arrays["item_nodes"][items]))
    similarity = nodes @ x
    if ask.user >= 0:
        similarity[ask.user] = 0
    similarity[similarity <= 0] = -np.inf
    near = np.sort(top(similarity, model.fields["neighbours"], np.arange(len(similarity))))
    return model.sparse["likes"].times(near, similarity[near], model.n_items), bool(np.any(x != 0))


def nearest_windows(model: Recall, ask: Ask) -> tuple[np.ndarray, bool]:
    """Add up what was liked after the moments that are nearest to the last events."""
    fields, arrays = model.fields, model.arrays
    window = ask.history.where(np.arange(len(ask.history)) >= len(ask.history) - fields["window"])
    items, weights = model.query(window)
    weights = weights * arrays["item_weight"][items]
    items, weights = items[weights != 0], weights[weights != 0]
    moments = arrays["moments"]
    similarity = model.sparse["windows"].times(items, weights, len(moments), np.float64)
    similarity = similarity.astype(np.float32)
    near = np.flatnonzero(similarity > 0)
    most = fields["neighbours"]
    if len(near) > most:
        least = np.partition(similarity[near], len(near) - most)[len(near) - most]
        near = near[similarity[near] >= least]
    amplified = similarity[near].astype(float) ** fields["amplification"]
    start, end = arrays["next"][:, near]
    likes = end - start
    place = np.arange(likes.sum()) + np.repeat(start - np.cumsum(likes) + likes, likes)
    lag = arrays["liked_place"][place] - np.repeat(moments[near] + 1, likes)
    gain = 2.0 ** (-lag / fields["target_half_life"]) * np.repeat(amplified, likes)
    total = np.bincount(arrays["liked_item"][place], gain, minlength=model.n_items)
    return total.astype(np.float32), len(items) > 0


def least_squares(model: Recall, ask: Ask) -> tuple[np.ndarray, bool]:
    """Solve for the vector of a history, and multiply."""
    vector = solved(model, ask)
    if vector is None:
        return np.zeros(model.n_items, dtype=np.float32), False
    return (model.arrays["item_vectors"] @ vector.astype(np.float32)), True


def solved(model: Recall, ask: Ask) -> np.ndarray | None:
    """Find p of the formula."""
    items, weights = model.query(ask.history)
    if not len(items):
        return None
    fields, all_zero = model.fields, model.fields["unobserved_weight"]
    if not hasattr(model, "gram"):
        whole = model.arrays["item_vectors"].astype(float)
        model.gram = whole.T @ whole
    vectors = model.arrays["item_vectors"][items].astype(float)
    own = vectors * weights[:, None]
    total = weights.sum(dtype=float) + all_zero * model.n_items
    penalty = fields["l2"] * total ** fields["l2_exponent"] * np.eye(vectors.shape[1])
    return np.linalg.solve(own.T @ vectors + all_zero * model.gram + penalty, own.sum(axis=0))


def factors(model: Recall, ask: Ask) -> tuple[np.ndarray, bool]:
    """Multiply the vectors of user and items, and add biases."""
    vector, known = user_vector(model, ask)
    return model.arrays["item_vectors"] @ vector + model.arrays["item_bias"], known


def user_vector(model: Recall, ask: Ask) -> tuple[np.ndarray, bool]:
    """Look up the user's vector, or fold it in from the history."""
    arrays = model.arrays
    if ask.user >= 0 and arrays["trained"][ask.user]:
        return arrays["user_vectors"][ask.user], True
    liked = model.liked(ask.history).items
    liked, table = liked[arrays["catalogue"][liked]], arrays["item_vectors"]
    chosen, fields = table[liked], model.fields
    system = chosen.T @ chosen + fields["fold_all"] * (table.T @ table)
    system[np.diag_indices(len(system))] += fields["fold_ridge"]
    vector = np.linalg.solve(system, chosen.sum(axis=0))
    if fields["temperature"] is not None:
        vector = vector / (max(float(np.linalg.norm(vector)), 1e-12) * fields["temperature"])
    return vector.astype(np.float32), len(liked) > 0


def mean_vector(model: Recall, ask: Ask) -> tuple[np.ndarray, bool]:
    """Average the vectors of a history, and multiply."""
    vector = averaged(model, ask)
    return model.arrays["item_vectors"] @ vector, bool(np.any(vector != 0))


def averaged(model: Recall, ask: Ask) -> np.ndarray:
    """Find the weighted mean of the vectors of a history."""
    items, weights = model.query(ask.history)
    total = np.zeros(model.arrays["asking"].shape[1], dtype=np.float32)
    for item, weight in zip(items.tolist(), weights, strict=True):
        total += weight * model.arrays["asking"][item]
    whole = weights.sum()
    return total / (whole if whole > 0 else 1)


def query_network(model: Recall, ask: Ask) -> tuple[np.ndarray, bool]:
    """Ask the graph for a query vector, and multiply."""
    vector = asked_graph(model, ask)
    if vector is None:
        return np.zeros(model.n_items, dtype=np.float32), False
    return model.arrays["item_vectors"] @ vector, True


def asked_graph(model: Recall, ask: Ask) -> np.ndarray | None:
    """Lay out the last events and the fields of user and request; the newest event is last."""
    n, length = len(ask.history), model.fields["length"]
    if n == 0:
        return None
    history, kept = ask.history, min(n, length)
    edges = np.array(model.fields["rating_edges"], dtype=np.float32)
    asked = np.append(history.times[1:], ask.time)
    if model.fields["request_time"] == "last":
        asked[:-1] = history.times[:-1]
    events = {
        "items": history.items + 1,
        "ratings": 1 + np.searchsorted(edges, history.ratings, side="right"),
        "times": history.times,
        "intervals": np.diff(history.times, prepend=history.times[:1]),
        "asked": asked,
    }
    inputs = {
        name: np.pad(values[n - kept :].astype(np.int64), (length - kept, 0))[None]
        for name, values in events.items()
    }
    encoded = model.features.slots(ask, np.array([0]))
    for name, side in (("user", "user"), ("request", "row")):
        slots = [
            both
            for each, both in zip(model.features.fields, encoded, strict=True)
            if each["side"] == side
        ]
        for part, what, kind in ((0, "index", np.int64), (1, "weights", np.float32)):
            none = np.empty((1, 0))
            values = np.concatenate([none, *(both[part] for both in slots)], axis=1)
            inputs[f"{name}_{what}"] = values.astype(kind)
    return model.graph(inputs)[0]


def _biased(model: Recall, ask: Ask) -> np.ndarray | None:
    vector, known = user_vector(model, ask)
    return np.append(vector, np.float32(1)) if known else None


def _if_any(vector: np.ndarray) -> np.ndarray | None:
    return vector if np.any(vector != 0) else None


COMPUTATIONS = {
    "constant": constant,
    "matrix": matrix,
    "neighbours": neighbours,
    "nearest-users": nearest_users,
    "nearest-nodes": nearest_nodes,
    "nearest-windows": nearest_windows,
    "least-squares": least_squares,
    "factors": factors,
    "mean-vector": mean_vector,
    "query-network": query_network,
}
#: what an index is asked with; None: nothing is known
QUERIES = {
    "least-squares": solved,
    "factors": _biased,
    "mean-vector": lambda model, ask: _if_any(averaged(model, ask)),
    "query-network": asked_graph,
}
