"""QNN: a quadratic layer, every entry of whose output is a polynomial of degree two.

Li et al., "Revisiting Feature Interactions from the Perspective of Quadratic Neural Networks for
Click-through Rate Prediction", 2025 (QNN-alpha).

    x_0     = [e_1; ...; e_m]                             embeddings of all fields
    x_{l+1} = x_l + sum_r s(x_l) * relu(BN(W_r x_l))      r = 1, ..., rows
    z       = b + w . x_L

BN is batch normalisation. s cuts each embedding into `heads` parts and puts those of the first head
in front, then those of the second, and so on, as the authors' code does; so that with several heads
an entry's product is of another field than the entry that it is added to.

Self-ensemble: dropout gives two predictions p, q of a row. Their mean m learns from the label y,
and each of them from the mean, which is no variable there:

    loss = logloss(m, y) + logloss(p, m) + logloss(q, m),  m = (p + q) / 2
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from recsys_core.features.batch import Batch
from recsys_core.features.layout import EmbeddingLayout
from recsys_core.ranking.base import EmbeddingConfig, RankingModel
from recsys_core.ranking.modules.embedding import FieldEmbedding
from recsys_core.ranking.modules.layers import BatchNorm, Dropout, Output, he_linear
from recsys_core.registry import register_model
from recsys_core.training.config import SCHEDULE, Schedule


class QNNConfig(EmbeddingConfig):
    """Fields of `qnn`; the defaults are the published ones for MovieLens-1M."""

    epochs: int = Field(
        100, ge=1, le=10_000, description="Maximum number of passes over the training rows."
    )
    batch_size: int = Field(4096, ge=1, le=10_000_000, description="Rows per gradient step.")
    learning_rate: float = Field(1e-3, gt=0, le=10, description="Adam's initial learning rate.")
    schedule: Schedule = Field("plateau", description=SCHEDULE)
    gradient_clip: float | None = Field(
        10.0, gt=0, description="Clip the gradient to this norm; null: no clipping."
    )
    ema_decay: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Decay of the exponential moving average of the weights; the averaged weights "
        "are validated and saved. 0: off.",
    )
    embedding_l2: float = Field(
        0.0,
        ge=0,
        le=10,
        description="L2 penalty on the weights and embeddings looked up for each row.",
    )
    table_l2: float = Field(
        0.01,
        ge=0,
        le=10,
        description="L2 penalty on the whole tables of weights and embeddings at every step: half "
        "of it times the sum of squares, added to the loss of the batch.",
    )
    embedding_dropout: float = Field(0.0, ge=0, lt=1, description="Dropout rate of the embeddings.")
    layers: int = Field(1, ge=1, le=100, description="Number of quadratic layers.")
    heads: int = Field(
        4, ge=1, le=64, description="Parts that each embedding is cut into; divides embedding_size."
    )
    rows: int = Field(4, ge=1, le=64, description="Weight matrices per quadratic layer.")
    dropout: float = Field(
        0.1, ge=0, lt=1, description="Dropout rate within and after each quadratic layer."
    )

    @model_validator(mode="after")
    def _heads_of_one_size(self) -> Self:
        if self.embedding_size % self.heads:
            raise ValueError(
                f"embedding_size {self.embedding_size} is not a multiple of heads {self.heads}; "
                "choose heads that divide it"
            )
        return self


@register_model(
    "qnn",
    stage="ranking",
    title="Quadratic layer with self-ensemble",
    paper="Li et al., Revisiting Feature Interactions from the Perspective of Quadratic Neural "
    "Networks for Click-through Rate Prediction, 2025",
)
class QNN(RankingModel):
    """Products of embeddings, chosen by what all fields say together."""

    Config = QNNConfig

    def __init__(self, config: QNNConfig, layout: EmbeddingLayout, tasks: int) -> None:
        super().__init__(config, layout, tasks)
        fields, dim = len(layout.names), config.embedding_size
        self.embedding = FieldEmbedding(layout, dim, config.embedding_l2)
        self.embedding_dropout = Dropout(config.embedding_dropout)
        layers: list[nn.Module] = []
        for _ in range(config.layers):
            layer = QuadraticLayer(
                fields, dim, heads=config.heads, rows=config.rows, dropout=config.dropout
            )
            layers += [layer, Dropout(config.dropout)]
        self.layers = nn.Sequential(*layers)
        self.output = Output((fields * dim,), tasks)

    def forward(self, batch: Batch) -> Tensor:
        """Compute logits, shape (rows, tasks)."""
        return self._logits(self.embedding(batch))

    def training_loss(self, batch: Batch, loss: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        """Let the mean of two predictions learn from the labels, and each of them from the mean."""
        fields = self.embedding(batch)
        one, other = self._logits(fields), self._logits(fields)
        both = logit_of_mean(one, other)
        mean = torch.sigmoid(both).detach()
        return loss(both, batch.labels) + loss(one, mean) + loss(other, mean)

    def _logits(self, fields: Tensor) -> Tensor:
        """(rows, fields, dim) -> (rows, tasks)."""
        inputs = self.embedding_dropout(fields).flatten(start_dim=1)
        logits: Tensor = self.bias + self.output(self.layers(inputs))
        return logits


class QuadraticLayer(nn.Module):
    """x + sum_r s(x) * relu(BN(W_r x)): entries of x times rows of a Khatri-Rao product.

    Parameters
    ----------
    fields, dim
        Shape of x, which comes flat.
    heads
        s puts entry k of head h of field f at place (h, f, k).
    rows
        Number of matrices W_r.
    dropout
        Rate within the sum.
    """

    def __init__(self, fields: int, dim: int, *, heads: int, rows: int, dropout: float) -> None:
        super().__init__()
        width = fields * dim
        self.fields, self.heads, self.rows = fields, heads, rows
        # BN would take out a bias
        self.gates = nn.Sequential(
            he_linear(width, rows * width, bias=False),
            BatchNorm(rows * width),
            nn.ReLU(),
            Dropout(dropout),
        )

    def forward(self, inputs: Tensor) -> Tensor:
        """(rows, width) -> (rows, width)."""
        n, width = inputs.shape
        split = inputs.view(n, self.fields, self.heads, -1).transpose(1, 2).reshape(n, width)
        gate = self.gates(inputs).view(n, self.rows, width).sum(dim=1)
        return torch.addcmul(inputs, split, gate)


def logit_of_mean(one: Tensor, other: Tensor) -> Tensor:
    """Log odds of the mean of two probabilities given by their log odds, of any size."""
    yes = torch.logaddexp(F.logsigmoid(one), F.logsigmoid(other))
    no = torch.logaddexp(F.logsigmoid(-one), F.logsigmoid(-other))
    return yes - no
