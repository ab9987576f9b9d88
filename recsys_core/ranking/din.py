"""DIN: what a user did counts as far as it concerns the item in question.

Zhou et al., "Deep Interest Network for Click-Through Rate Prediction", KDD 2018.

    v     = sum_j a(e_j, e_t) w_j e_j                 interest in item t: events j of a history
    a(e_j, e_t) = MLP([e_j; e_t; e_j - e_t; e_j * e_t])      activation unit, one number
    y     = W MLP([e_1; ...; e_m; v * e_t])           all fields, v among them, and the agreement
    Dice(s) = p s + (1 - p) alpha s,  p = sigmoid((s - E[s]) / sqrt(Var[s]))

e_t is the embedding of the item, e_j those of the history's items, out of the same table. Weights a
are not normalised, so that their size tells how strong an interest is; w_j is the pooling of the
schema: 1 (sum, as in the paper) or 1 / events (mean). Every history has an activation unit.
Padding never reaches a unit. The paper's mini-batch aware regularisation penalises a value that a
batch looks up once, and the less the more train rows have it: l2 / n_j. `embedding_l2` does not
divide: it penalises a value as often as rows look it up.
"""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from recsys_core.config import Widths
from recsys_core.errors import InputError
from recsys_core.features.batch import Batch
from recsys_core.features.layout import EmbeddingLayout, History
from recsys_core.ranking.base import EmbeddingConfig, RankingModel
from recsys_core.ranking.modules.dice import Dice, DiceMLP
from recsys_core.ranking.modules.embedding import FieldEmbedding
from recsys_core.ranking.modules.layers import Dropout, Output
from recsys_core.ranking.modules.pairs import Pairs
from recsys_core.registry import register_model


class DINConfig(EmbeddingConfig):
    """Fields of `din`."""

    epochs: int = Field(
        6, ge=1, le=10_000, description="Maximum number of passes over the training rows."
    )
    hidden: Widths = Field((200, 80), description="Sizes of the MLP's hidden layers.")
    dropout: float = Field(0.2, ge=0, lt=1, description="Dropout rate of the hidden layers.")
    attention_hidden: Widths = Field(
        (32,), min_length=1, description="Sizes of the activation unit's hidden layers."
    )
    softmax: bool = Field(
        False,
        description="Normalise the attention weights of a history by a softmax, scaled to "
        "average 1; false: leave them unnormalised.",
    )


@register_model(
    "din",
    stage="ranking",
    title="Attention over the user's history, aimed at the item",
    paper="Zhou et al., Deep Interest Network for Click-Through Rate Prediction, KDD 2018",
)
class DIN(RankingModel):
    """Histories, weighed by what they say of the item, and a deep network."""

    Config = DINConfig
    needs_histories = True

    def __init__(self, config: DINConfig, layout: EmbeddingLayout, tasks: int) -> None:
        super().__init__(config, layout, tasks)
        self.histories = _attended(layout)
        self.softmax = config.softmax
        dim = config.embedding_size
        self.embedding = FieldEmbedding(layout, dim, config.embedding_l2)
        self.embedding_dropout = Dropout(config.embedding_dropout)
        self.units = nn.ModuleList(
            ActivationUnit(dim, config.attention_hidden) for _ in self.histories
        )
        inputs = (len(layout.names) + len(self.histories)) * dim
        self.mlp = DiceMLP(inputs, config.hidden, config.dropout)
        self.output = Output((self.mlp.outputs,), tasks)

    def forward(self, batch: Batch) -> Tensor:
        """Compute logits, shape (rows, tasks)."""
        fields = self.embedding(batch, self._interests(batch))  # (rows, fields, dim)
        interests = fields[:, [history.field for history, _ in self.histories]]
        agreement = interests * fields[:, [target for _, target in self.histories]]
        inputs = self.embedding_dropout(torch.cat([fields, agreement], dim=1))
        logits: Tensor = self.bias + self.output(self.mlp(inputs.flatten(start_dim=1)))
        return logits

    def _interests(self, batch: Batch) -> dict[int, Tensor]:
        """Compute v of every history by its field's number, (rows, dim) each."""
        slots = torch.split(batch.weighted, list(batch.widths), dim=1)
        weights = torch.split(batch.weights, list(batch.widths), dim=1)
        interests = {}
        for unit, (history, target) in zip(self.units, self.histories, strict=True):
            place = history.field - batch.single.shape[1]
            # sequences come last
            count = batch.events[place - len(slots)] if batch.events else None
            pairs = Pairs(slots[place] != 0, count)
            events = self.embedding.vectors(pairs.pick(slots[place]))  # (pairs, dim)
            targets = self.embedding.vectors(batch.single[:, target])  # (rows, dim)
            activation = self._activation(unit, events, targets, pairs)
            attention = pairs.pick(weights[place]) * activation
            interests[history.field] = pairs.sum(events, attention)
        return interests

    def _activation(self, unit: nn.Module, events: Tensor, targets: Tensor, pairs: Pairs) -> Tensor:
        """Compute a(e_j, e_t), shape (pairs,)."""
        activation: Tensor = unit(events, targets, pairs)
        return pairs.scaled_softmax(activation) if self.softmax else activation


def _attended(layout: EmbeddingLayout) -> list[tuple[History, int]]:
    """Pair each history with the field it is compared to."""
    pairs = [(each, each.target) for each in layout.histories]
    found = [(history, target) for history, target in pairs if target is not None]
    if not found:
        raise InputError(
            "din attends to histories, and the schema has none that shares the item's embeddings",
            "add {name: liked, source: user-history, kind: sequence, share_embedding: item_id}",
        )
    return found


class ActivationUnit(nn.Module):
    """a(e_j, e_t) = W MLP([e_j; e_t; e_j - e_t; e_j * e_t]) + b.

    It starts near 1: plain pooling, until training says otherwise.
    """

    def __init__(self, dim: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.first = nn.Linear(4 * dim, widths[0])
        self.rest = nn.Sequential(Dice(widths[0]), *DiceMLP(widths[0], widths[1:], 0.0))
        self.output = nn.Linear(widths[-1], 1)
        nn.init.ones_(self.output.bias)

    def forward(self, events: Tensor, targets: Tensor, pairs: Pairs) -> Tensor:
        """(pairs, dim), (rows, dim) -> (pairs,)."""
        # W [e_j; e_t; e_j - e_t; e_j * e_t] = [W1 + W3, W4] [e_j; e_j * e_t] + (W2 - W3) e_t: what
        # is the same for all events of a row is computed once
        w1, w2, w3, w4 = self.first.weight.chunk(4, dim=1)
        of_row = F.linear(targets, w2 - w3, self.first.bias).to(events.dtype)
        inputs = torch.cat([events, events * pairs.spread(targets)], dim=1)
        weight = torch.cat([w1 + w3, w4], dim=1)
        hidden = pairs.spread(of_row).addmm_(inputs, weight.t())
        activation: Tensor = self.output(self.rest(hidden)).squeeze(1)
        return activation
