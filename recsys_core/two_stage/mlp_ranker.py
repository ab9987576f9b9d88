"""The small network that blends channels: scores, ranks and context in, one number out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn

from recsys_core.compute.runtime import Runtime
from recsys_core.compute.transfer import to_device
from recsys_core.config import Widths
from recsys_core.data.dataset import FloatArray, IntArray
from recsys_core.data.interactions import Histories
from recsys_core.errors import TRAIN_AGAIN
from recsys_core.events import OnEvent
from recsys_core.ranking.modules.layers import MLP
from recsys_core.saving.weights import read_weights, write_weights
from recsys_core.training.config import SCHEDULE, Schedule, TrainingConfig
from recsys_core.two_stage.config import Loss
from recsys_core.two_stage.list_ranker import ListRanker, judge, train_on_lists
from recsys_core.two_stage.lists import Lists, equally_wide

WEIGHTS = "mlp.safetensors"
#: standardised features farther out say no more
CLIP = 10.0
#: lists scored at once while training
JUDGED_LISTS = 512


class MLPConfig(TrainingConfig):
    """Fields of the ranker `mlp`."""

    hidden: Widths = Field(
        (128, 64), min_length=1, max_length=8, description="Sizes of the hidden layers."
    )
    dropout: float = Field(0.1, ge=0, lt=1, description="Dropout rate of the hidden layers.")
    epochs: int = Field(12, ge=1, le=10_000, description="Maximum number of passes over the lists.")
    batch_size: int = Field(64, ge=1, le=1_000_000, description="Lists per gradient step.")
    schedule: Schedule = Field("linear", description=SCHEDULE)


class Network(nn.Module):
    """Standardised features through hidden layers to one logit per item."""

    def __init__(self, features: int, config: MLPConfig) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("deviation", torch.ones(features))
        self.hidden = MLP(features, config.hidden, config.dropout)
        self.out = nn.Linear(self.hidden.outputs, 1)

    mean: Tensor
    deviation: Tensor

    def standardise_by(self, parts: Sequence[Lists]) -> None:
        """Take mean and deviation of the listed items' features where they have a value."""

        def blocks() -> Iterator[FloatArray]:
            for part in parts:
                for first in range(0, len(part), JUDGED_LISTS):
                    some = slice(first, first + JUDGED_LISTS)
                    yield part.features[some][part.listed[some]]

        def total(values: Callable[[FloatArray], FloatArray]) -> NDArray[np.float64]:
            sums = [np.nansum(values(block), axis=0, dtype=np.float64) for block in blocks()]
            whole: NDArray[np.float64] = np.stack(sums).sum(axis=0)
            return whole

        count = np.maximum(total(lambda block: ~np.isnan(block)), 1)
        mean = total(lambda block: block) / count
        deviation = np.sqrt(total(lambda block: np.square(block - mean)) / count)
        self.mean.copy_(torch.from_numpy(mean))
        self.deviation.copy_(torch.from_numpy(np.where(deviation > 1e-6, deviation, 1)))

    def forward(self, features: Tensor) -> Tensor:
        """(…, features) -> (…); a missing number is the mean."""
        inputs = ((features - self.mean) / self.deviation).nan_to_num().clamp(-CLIP, CLIP)
        logits: Tensor = self.out(self.hidden(inputs.flatten(0, -2)))
        return logits.view(features.shape[:-1])


def _put_together(parts: Sequence[Lists]) -> Tensor:
    """Copy the features of all lists once, shape (n, width, features); 0 where one is short."""
    width = max(part.items.shape[1] for part in parts)
    together = torch.zeros(sum(map(len, parts)), width, parts[0].features.shape[2])
    first = 0
    for part in parts:
        own = torch.from_numpy(part.features)
        together[first : first + len(part), : own.shape[1]] = own
        first += len(part)
    return together


class MLPRanker(ListRanker):
    """Blends what channels say of a candidate with what is known of user and item.

    z_ui = w' relu(W2 relu(W1 x_ui + b1) + b2) + b, where x_ui are the standardised features.
    """

    def __init__(self, config: MLPConfig, n_features: int, runtime: Runtime) -> None:
        self.config, self.runtime = config, runtime
        self.device = runtime.torch_device()
        torch.manual_seed(runtime.seed)
        self.network = Network(n_features, config).to(self.device)
        self.curve = []

    def fit(self, parts: Sequence[Lists], judged: Lists, loss: Loss, on_event: OnEvent) -> None:
        """Learn from lists; `judged` chooses the epoch."""
        self.network.standardise_by(parts)
        features = _put_together(parts).to(self.device)
        parts = equally_wide([replace(part, features=part.features[:, :, :0]) for part in parts])
        self.curve = train_on_lists(
            self.network,
            lambda batch: self.network(features[to_device(batch, self.device)]),
            parts,
            loss,
            lambda: judge(self._logits(judged.features), judged),
            self.config,
            self.runtime,
            on_event,
        )

    def score(
        self,
        users: NDArray[np.integer],
        histories: Histories,
        items: IntArray,
        features: FloatArray,
    ) -> FloatArray:
        """Score candidates by their features alone, shape (n, width)."""
        return self._logits(features)

    def _logits(self, features: FloatArray) -> FloatArray:
        if self.network.training:  # which takes as long to change as to ask a layer
            self.network.eval()
        with torch.inference_mode():
            parts = torch.split(torch.from_numpy(features), JUDGED_LISTS)
            logits = torch.cat([self.network(part.to(self.device)) for part in parts])
        return logits.cpu().numpy()

    def save(self, folder: Path) -> None:
        """Write the weights."""
        folder.mkdir(parents=True, exist_ok=True)
        write_weights(folder / WEIGHTS, self.network)

    @classmethod
    def load(cls, folder: Path, config: MLPConfig, n_features: int, runtime: Runtime) -> Self:
        """Read what `save` wrote.

        Raises
        ------
        InputError
            The file is missing or damaged.
        """
        ranker = cls.__new__(cls)
        ranker.config, ranker.runtime, ranker.curve = config, runtime, []
        ranker.device = runtime.torch_device()
        ranker.network = read_weights(
            folder / WEIGHTS, lambda: Network(n_features, config), TRAIN_AGAIN
        ).to(ranker.device)
        ranker.network.eval()
        return ranker
