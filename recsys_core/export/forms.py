"""Models without a network as arrays and a formula: what was learned, and how scores follow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from recsys_core.export.part import Arrays
from recsys_core.recall.factorisation.model import FOLD_ALL, FOLD_RIDGE
from recsys_core.recall.shared.history import FORGOTTEN

_QUERY = "q_i = sum over events with item i of 2^(-age / history_half_life) * w"


@dataclass(frozen=True)
class Form:
    """How scores come about.

    Parameters
    ----------
    name
        What docs/serving.md calls the computation.
    formula
        In a line or two, with the names of the arrays.
    fields
        Numbers of the formula.
    arrays
        What was learned, by name.
    """

    name: str
    formula: str
    fields: dict[str, Any]
    arrays: Arrays


def _popularity(model: Any) -> Form:
    return Form("constant", "score_j = scores_j, for everybody", {}, {"scores": model.scores})


def _ease(model: Any) -> Form:
    fields = {**_weights(model), "history_half_lives": [model.config.history_half_life]}
    return Form("matrix", f"score = q weights, {_QUERY}", fields, {"weights": model.weights})


def _seq_ridge(model: Any) -> Form:
    fields = {
        **_weights(model),
        "ages_of": "all",
        "history_half_lives": list(model.config.history_half_lives),
    }
    formula = f"score = [q of each half-life side by side] weights, {_QUERY}"
    return Form("matrix", formula, fields, {"weights": model.weights})


def _item_cf(model: Any) -> Form:
    formula = f"score = q N, N sparse by rows in double precision, {_QUERY}"
    return Form(
        "neighbours",
        formula,
        {**_history(model), "precision": "float64"},
        _rows("neighbours", model.neighbours.T.tocsr()),
    )


def _deepwalk_item(model: Any) -> Form:
    return Form(
        "neighbours",
        f"score = q N, N sparse by rows, {_QUERY}",
        {**_history(model), "precision": "float32"},
        _rows("neighbours", model.neighbours),
    )


def _user_cf(model: Any) -> Form:
    names = ("neighbours", "shrinkage", "amplification")
    formula = (
        "s_v = sum_i g_i q_i r_vi / (sqrt(sum_i g_i q_i^2) activity_v + shrinkage); score_j = sum "
        f"over the `neighbours` largest s_v > 0, not the user's own, of s_v^amplification r_vj; "
        f"g = item_weight, r sparse by rows, {_QUERY}"
    )
    fields = {**_history(model), **{name: getattr(model.config, name) for name in names}}
    own = {"item_weight": model.item_weight, "activity": model.activity}
    return Form("nearest-users", formula, fields, {**own, **_rows("positives", model.positives)})


def _deepwalk_user(model: Any) -> Form:
    indexed = np.flatnonzero(model.place >= 0)
    formula = (
        "x = unit(user_nodes_u + unit(q item_nodes)); score_j = sum over the `neighbours` users n "
        "with the largest x . user_nodes_n > 0, not the user's own, of x . user_nodes_n where n "
        f"likes j; likes sparse by rows, {_QUERY}"
    )
    likes = _spread(model.positives, indexed, len(model.histories))
    return Form(
        "nearest-nodes",
        formula,
        {**_history(model), "neighbours": model.config.neighbours},
        {
            "user_nodes": model.user_nodes,
            "item_nodes": model.item_nodes,
            **_rows("likes", likes),
        },
    )


def _spread(rows: sp.csr_matrix, at: Any, n: int) -> sp.csr_matrix:
    """Put rows at their places among `n`, the others of which are empty."""
    lengths = np.zeros(n, dtype=np.int64)
    lengths[at] = np.diff(rows.indptr)
    offsets = np.append(0, np.cumsum(lengths))
    return sp.csr_matrix((rows.data, rows.indices, offsets), shape=(n, rows.shape[1]))


def _session_knn(model: Any) -> Form:
    names = ("window", "neighbours", "amplification", "target_half_life", "horizon")
    formula = (
        "x = q of the last `window` events, times item_weight; s = x windows; score_j = sum over "
        "the `neighbours` moments t of the largest s_t > 0 (and all as near as the last) of "
        "s_t^amplification times 2^(-lag / target_half_life) for each liked j of likes[next_0t to "
        f"next_1t], lag = liked_place - (moments_t + 1); windows sparse by items, {_QUERY}"
    )
    events = model.histories
    likes = np.ones(len(events.items), dtype=np.bool_)
    if model.threshold is not None:
        likes = events.ratings >= model.threshold
    liked, end = np.flatnonzero(likes), events.offsets[1:][events.row[model.moments]]
    past = np.minimum(model.moments + 1 + model.config.horizon, end)
    # the likes that follow a moment stand side by side: from where, and up to where
    following = np.append(0, np.cumsum(likes))[np.stack([model.moments + 1, past])]
    return Form(
        "nearest-windows",
        formula,
        {**_history(model), **{name: getattr(model.config, name) for name in names}},
        {
            "item_weight": model.item_weight,
            "moments": model.moments,
            "next": following,
            "liked_place": liked,
            "liked_item": events.items[liked],
            **_rows("windows", model.windows),
        },
    )


def _ials(model: Any) -> Form:
    formula = (
        "p = (sum_i q_i v_i v_i' + unobserved_weight V'V + l2 (sum q + unobserved_weight n_items)"
        f"^l2_exponent I)^-1 sum_i q_i v_i; score = V p; v_i = item_vectors_i, {_QUERY}"
    )
    fields = {
        **_history(model),
        "unobserved_weight": float(model.weight),
        "l2": model.config.l2,
        "l2_exponent": model.config.l2_exponent,
    }
    return Form("least-squares", formula, fields, {"item_vectors": model.item_vectors})


def _factors(model: Any) -> Form:
    formula = (
        "score_j = p . item_vectors_j + item_bias_j; p = user_vectors_u where trained_u, else "
        "(L'L + fold_all V'V + fold_ridge I)^-1 L'1 with L the vectors of liked items in the "
        "catalogue, scaled to length 1 / temperature if that is given"
    )
    fields = {
        "fold_all": FOLD_ALL,
        "fold_ridge": FOLD_RIDGE,
        "temperature": model.config.temperature if model.config.cosine else None,
    }
    names = ("user_vectors", "item_vectors", "item_bias", "trained")
    return Form("factors", formula, fields, {name: getattr(model, name) for name in names})


def _word2vec(model: Any) -> Form:
    formula = f"score_j = (sum_i q_i asking_i / sum_i q_i) . item_vectors_j, {_QUERY}"
    arrays = {"asking": model.asking, "item_vectors": model.targets}
    return Form("mean-vector", formula, _history(model), arrays)


def _weights(model: Any) -> dict[str, Any]:
    """Say how events count: w, and since which it is forgotten."""
    return {"rating_exponent": model.config.rating_exponent, "forgotten": FORGOTTEN}


def _history(model: Any) -> dict[str, Any]:
    return {**_weights(model), "history_half_life": model.config.history_half_life}


def _rows(name: str, matrix: sp.csr_matrix) -> Arrays:
    """Lay out a sparse matrix: row r has entries offsets[r] to offsets[r + 1]."""
    matrix = sp.csr_matrix(matrix)
    return {
        f"{name}.offsets": matrix.indptr.astype(np.int64),
        f"{name}.columns": matrix.indices.astype(np.int32),
        f"{name}.values": matrix.data.astype(np.float32),
    }


#: name of a model -> what describes a fitted one
FORMS: dict[str, Callable[[Any], Form]] = {
    "popularity": _popularity,
    "ease": _ease,
    "seq-ridge": _seq_ridge,
    "item-cf": _item_cf,
    "deepwalk-item": _deepwalk_item,
    "user-cf": _user_cf,
    "deepwalk-user": _deepwalk_user,
    "session-knn": _session_knn,
    "ials": _ials,
    "mf": _factors,
    "lightgcn": _factors,
    "word2vec": _word2vec,
}
