"""Sequential ridge regression: from the decayed history at each moment to what is liked next."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations_with_replacement
from typing import Annotated, Any, ClassVar, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from pydantic import Field, model_validator

from recsys_core.compute.capacity import Changes, require_memory
from recsys_core.compute.rehearsal import cubic, some
from recsys_core.compute.threads import shared_out
from recsys_core.config import Config
from recsys_core.data.dataset import FloatArray
from recsys_core.data.interactions import Histories, Interactions, narrow
from recsys_core.events import Event, OnEvent
from recsys_core.recall.base import FEW_PAIRS, RecallModel, Updates
from recsys_core.recall.shared.history import age_weights, rating_weights
from recsys_core.recall.shared.similar import ItemToItem
from recsys_core.registry import register_model
from recsys_core.saving.arrays import take

#: events so old that they count less than this are left out
NEGLIGIBLE = 1e-3

Penalty = Annotated[float, Field(gt=0, le=1e9)]


class SeqRidgeConfig(Config):
    """Fields of sequential ridge regression."""

    replaced: ClassVar[Mapping[str, str]] = {"rating_weight": "rating_exponent"}

    history_half_lives: tuple[Annotated[float, Field(gt=0, le=1000)], ...] = Field(
        (1.0, 8.0),
        min_length=1,
        max_length=8,
        description="Half-lives of an event's weight in events, one per history: a short one for "
        "what was just done, together with longer ones.",
    )
    target_half_life: float = Field(
        3.0,
        gt=0,
        le=1000,
        description="Half-life of the weight of liked events to come, in events; if small, only "
        "the next one counts.",
    )
    rating_exponent: float | None = Field(
        1.0,
        ge=0,
        le=10,
        description="null: only liked events of a history count; a number: every event counts, "
        "with its weight multiplied by (rating / the user's highest rating) to this power.",
    )
    l2: Penalty | tuple[Penalty, ...] = Field(
        300.0,
        description="L2 penalty on the weights: one for all histories, or one per history. Sums "
        "over a long history are larger and vary more, and need a larger penalty.",
    )

    @model_validator(mode="after")
    def _a_penalty_for_each(self) -> Self:
        if isinstance(self.l2, tuple) and len(self.l2) != len(self.history_half_lives):
            raise ValueError(
                f"l2 has {len(self.l2)} values, history_half_lives {len(self.history_half_lives)}: "
                "give one for all or one for each"
            )
        return self


@register_model(
    "seq-ridge",
    stage="recall",
    title="Sequential ridge regression",
    paper="Hoerl, Kennard: Ridge regression. Technometrics 1970; as a sequential autoencoder: "
    "Steck: Embarrassingly shallow autoencoders for sparse data. WWW 2019, with time in place of "
    "the zero diagonal",
    deterministic=True,
)
class SeqRidge(ItemToItem, RecallModel[SeqRidgeConfig]):
    """At every moment t of every user, predict the positives to come from the events so far.

        x_t = sum over events s <= t of 2^(-(t - s) / h) w_s e_s     one block for each half-life h
        y_t = sum over positives s > t of 2^(-(s - t - 1) / g) e_s
        B = argmin of sum over t of |x_t B - y_t|^2 + sum over h of l2_h |B_h|^2
          = (X'X + diag(l2))^-1 X'Y

    with e_s the one-hot item and w_s the rating weight of event s, B_h the rows of B for block h.
    X is never written down: a pair of events enters X'X and X'Y by its lag alone, see `add_pairs`.
    A user's scores are x B for the x of the last event.
    """

    Config: ClassVar[type[Config]] = SeqRidgeConfig
    updates: ClassVar[Updates | None] = "anew"
    all_pairs: ClassVar[bool] = True

    weights: FloatArray
    """Shape (histories * n_items, n_items): B."""

    def _fit(self, positives: Interactions, valid: Interactions | None, on_event: OnEvent) -> None:
        import scipy.linalg as la  # not needed to recommend

        size = len(self.config.history_half_lives) * self.n_items
        require_memory(
            "seq-ridge",
            self._memory(len(self.config.history_half_lives), self.n_items),
            f"a matrix of {size:,} x {size:,} numbers",
            self._smaller,
        )
        gram = self._gram()
        on_event(Event("fit", 1, 3))
        cross = self._cross()
        on_event(Event("fit", 2, 3))
        penalty = np.resize(np.asarray(self.config.l2, np.float32), size // self.n_items)
        gram[np.diag_indices(size)] += penalty.repeat(self.n_items)

        def solve(gram: FloatArray) -> FloatArray:
            factor = la.cho_factor(gram, lower=True, overwrite_a=True, check_finite=False)
            right = cross[: len(gram), : len(gram) * self.n_items // size]
            solved: FloatArray = la.cho_solve(factor, right, overwrite_b=True, check_finite=False)
            return solved

        with shared_out(1):  # its BLAS, loaded by the import, knows of no limit of threads yet
            self.weights = np.ascontiguousarray(cubic(solve, gram)[:, : self.n_items])
        on_event(Event("fit", 3, 3))

    @staticmethod
    def _memory(histories: int, n_items: int) -> int:
        """Bytes of the matrices that a fit holds at its peak."""
        return 4 * n_items**2 * (histories + 1) ** 2

    def _smaller(self, free: int) -> list[Changes]:
        """Say what would fit: fewer histories, or another model."""
        lives, l2 = self.config.history_half_lives, self.config.l2
        for count in range(len(lives) - 1, 0, -1):
            if self._memory(count, self.n_items) <= free:
                kept = {"l2": list(l2[-count:])} if isinstance(l2, tuple) else {}
                fewer = {"history_half_lives": list(lives[-count:]), **kept}
                return [{"params": fewer}, {"model": FEW_PAIRS}]
        return [{"model": FEW_PAIRS}]

    def _gram(self) -> FloatArray:
        """X'X, of which the lower blocks are enough."""
        events, n = self.histories, self.n_items
        weights = self._event_weights(events)
        later = np.repeat(events.offsets[1:] - 1, events.lengths) - np.arange(len(events.items))
        decays = [2 ** (-1 / half_life) for half_life in self.config.history_half_lives]
        gram = np.zeros((len(decays) * n, len(decays) * n), dtype=np.float32)
        for first, second in combinations_with_replacement(range(len(decays)), 2):
            # a pair stands in the histories of all moments from its later event on: with lag d,
            # in total decay^d (1 + r + r^2 + ...) with r the product of both decays
            ratio = decays[first] * decays[second]
            moments = weights * ((1 - ratio**later) / (1 - ratio)).astype(np.float32)
            block = np.zeros((n, n), dtype=np.float32)
            add_pairs(block, events, weights, moments, _powers(decays[first]))
            block = block.T.copy()  # rows: the second history, columns: the first
            add_pairs(block, events, weights, moments, _powers(decays[second]))
            block[np.diag_indices(n)] += np.bincount(events.items, weights * moments, n)
            gram[second * n : (second + 1) * n, first * n : (first + 1) * n] = block
        return gram

    def _cross(self) -> FloatArray:
        """X'Y, shape (histories * n_items, n_items)."""
        events, n = self.histories, self.n_items
        weights = self._event_weights(events)
        positives = np.ones(len(events.items), dtype=np.float32)
        if self.threshold is not None:
            positives = (events.ratings >= self.threshold).astype(np.float32)
        target = np.append(1.0, _powers(2 ** (-1 / self.config.target_half_life)))
        cross = np.zeros((len(self.config.history_half_lives) * n, n), dtype=np.float32)
        for place, half_life in enumerate(self.config.history_half_lives):
            history = np.append(1.0, _powers(2 ** (-1 / half_life)))
            # lag d: from each moment between the two, so long after the one, before the other
            kernel = np.convolve(history, target)
            add_pairs(cross[place * n : (place + 1) * n], events, weights, positives, kernel)
        return cross

    def _event_weights(self, events: Histories) -> FloatArray:
        """Shape (events,): w of each."""
        if self.config.rating_exponent is not None:
            return rating_weights(events, self.config.rating_exponent)
        if self.threshold is None:
            return np.ones(len(events.items), dtype=np.float32)
        return (events.ratings >= self.threshold).astype(np.float32)

    def score(self, users: NDArray[np.integer], histories: Histories) -> FloatArray:
        """Multiply histories and weights, shape (n, n_items)."""
        query = self._query(histories)
        return self.popular_where_empty(query @ self.weights, query.getnnz(axis=1) == 0)

    def _query(self, histories: Histories) -> sp.csr_matrix:
        """Put the faded histories side by side, shape (n, histories * n_items)."""
        half_lives = self.config.history_half_lives
        weights = self._event_weights(histories)
        # of each event, what it counts in every history
        faded = np.stack([weights * age_weights(histories, half_life) for half_life in half_lives])
        first = self.n_items * np.arange(len(half_lives), dtype=np.int32)
        parts = (
            faded.T.ravel(),
            (histories.items[:, None] + first).ravel(),
            narrow(histories.offsets * len(half_lives)),
        )
        query = sp.csr_matrix(parts, (len(histories), len(half_lives) * self.n_items))
        query.sum_duplicates()
        query.eliminate_zeros()
        return query

    def item_scores(self, items: NDArray[np.integer]) -> FloatArray:
        """Add up what each item says of those to come, over the histories, shape (n, n_items)."""
        blocks = self.weights.reshape(-1, self.n_items, self.n_items)
        scores: FloatArray = blocks[:, items].sum(axis=0)
        return scores

    def state(self) -> dict[str, NDArray[Any]]:
        """Give the weights."""
        return {"weights": self.weights}

    def set_state(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Take back the weights."""
        rows = len(self.config.history_half_lives) * self.n_items
        self.weights = take(arrays, "weights", np.float32, (rows, self.n_items))


def _powers(decay: float) -> NDArray[np.float64]:
    """decay, decay^2, … as long as they matter, one at least."""
    length = max(1, int(np.log(NEGLIGIBLE) / np.log(decay)))
    return decay ** np.arange(1.0, length + 1)


def add_pairs(
    table: FloatArray,
    events: Histories,
    earlier: FloatArray,
    later: FloatArray,
    kernel: NDArray[np.float64],
) -> None:
    """Add kernel[d - 1] * earlier[a] * later[b] for all events a, b of a user with lag d = b - a.

    Parameters
    ----------
    table
        Shape (n_items, n_items), contiguous: rows are items of a, columns of b; it is changed.
    earlier, later
        Shape (events,): what each event counts as a and as b.
    kernel
        Shape (largest lag,).
    """
    flat, row = table.reshape(-1), events.row
    item = events.items.astype(np.int64)
    first, last = earlier != 0, later != 0
    lags = list(enumerate(kernel[: max(0, int(events.lengths.max(initial=0)) - 1)], start=1))
    for lag, factor in some(lags, len(lags)):
        pair = (row[:-lag] == row[lag:]) & first[:-lag] & last[lag:]
        values = np.float32(factor) * earlier[:-lag][pair] * later[lag:][pair]
        np.add.at(flat, item[:-lag][pair] * len(table) + item[lag:][pair], values)
