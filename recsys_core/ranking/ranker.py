"""From a split to probabilities: encoding, training, prediction, and the model on disk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional as F

from recsys_core.config import Config, parse_config
from recsys_core.data.dataset import FloatArray
from recsys_core.errors import InputError
from recsys_core.evaluation.rows import auc, row_logloss
from recsys_core.events import OnEvent, ignore
from recsys_core.features.encoder import FeatureEncoder
from recsys_core.features.queries import Known, Queries
from recsys_core.features.schema import FeatureSchema
from recsys_core.protocols.interactions import Interactions
from recsys_core.protocols.split import Split
from recsys_core.ranking.base import RankingConfig, RankingModel
from recsys_core.ranking.batch import Batch, Rows
from recsys_core.registry import model_info
from recsys_core.training.runtime import Runtime
from recsys_core.training.trainer import train

#: raised when the format of saved rankers changes
FORMAT = 1
HEADER, WEIGHTS = "ranker.json", "ranker.safetensors"
#: rows scored at once: bounds the memory of prediction
PREDICT_ROWS = 16_384


class Ranker:
    """A ranking model together with its features.

    Parameters
    ----------
    model_name
        A registered ranking model.
    config
        Its typed configuration, an instance of the model's `Config`.
    schema
        The features it sees.
    runtime
        Seed, device and checkpoint folder.
    """

    module: RankingModel
    encoder: FeatureEncoder
    curve: list[dict[str, float]]
    """Loss and validation metrics of each epoch."""

    def __init__(
        self,
        model_name: str,
        config: Config,
        schema: FeatureSchema,
        runtime: Runtime | None = None,
    ) -> None:
        info = model_info(model_name)
        if info.stage != "ranking":
            raise InputError(f"{model_name} is a {info.stage} model, not a ranking model")
        assert isinstance(config, RankingConfig)
        self.model_name = model_name
        self.model_class: type[RankingModel] = info.cls
        self.config = config
        self.schema = schema
        self.runtime = runtime or Runtime()
        self.device = self.runtime.torch_device()
        self.curve = []

    def fit(self, split: Split, on_event: OnEvent = ignore) -> Self:
        """Learn from the train rows; validation rows choose the epoch.

        Raises
        ------
        InputError
            The train rows are all relevant or all irrelevant, or training diverged.
        """
        labels = _labels(split.train)
        share = _share_relevant(labels)
        known = Known.of(split.train)
        queries = Queries.of_events(split.train)
        self.start(queries, known, labels.shape[1])
        with torch.no_grad():
            self.module.bias.copy_(torch.logit(share))
        rows = self.rows(queries, known, labels)
        valid = self.rows(Queries.of_events(split.valid), known, _labels(split.valid))
        objective = _Objective(self, rows, valid)
        self.curve = train(self.module, objective, self.config, self.runtime, on_event).curve
        return self

    def start(self, queries: Queries, known: Known, tasks: int) -> None:
        """Fit the features on train rows and set up the model, untrained."""
        self.encoder = FeatureEncoder.fit(self.schema, queries, known)
        torch.manual_seed(self.runtime.seed)
        self.module = self._build(tasks)

    def rows(self, queries: Queries, known: Known, labels: Tensor) -> Rows:
        """Encode rows, with labels of shape (n, tasks)."""
        return Rows(self.encoder.encode(queries, known), labels, self.device)

    def predict(self, rows: Interactions, known: Interactions) -> FloatArray:
        """Compute the probability that each row is relevant, shape (n, tasks).

        Parameters
        ----------
        known
            The events known when `rows` are predicted; of them each row sees what its features'
            scopes allow.
        """
        return self.score(Queries.of_events(rows), Known.of(known))

    def score(self, queries: Queries, known: Known) -> FloatArray:
        """Compute the probability that each query's item is relevant, shape (n, tasks).

        Training rows and requests go through the same features: `recsys_core.features.queries`
        says how to ask.
        """
        nothing = torch.empty((len(queries), len(self.module.bias)))
        return self.probabilities(self.rows(queries, known, nothing))

    def probabilities(self, rows: Rows) -> FloatArray:
        """Score encoded rows, shape (n, tasks)."""
        self.module.eval()
        with torch.inference_mode():
            order = torch.arange(len(rows), device=self.device)
            parts = [torch.sigmoid(self.module(b)) for b in rows.batches(order, PREDICT_ROWS)]
            scores = torch.cat(parts) if parts else torch.empty_like(rows.labels)
        return scores.cpu().numpy()

    def _build(self, tasks: int) -> RankingModel:
        return self.model_class(self.config, self.encoder.layout, tasks).to(self.device)

    def save(self, folder: Path) -> None:
        """Write weights (safetensors) and features (JSON); the JSON comes last."""
        folder.mkdir(parents=True, exist_ok=True)
        weights = {name: value.contiguous() for name, value in self.module.state_dict().items()}
        partial = folder / f"{WEIGHTS}.partial"
        save_file(weights, partial)
        partial.replace(folder / WEIGHTS)
        header = {
            "format": FORMAT,
            "model": self.model_name,
            "config": self.config.model_dump(mode="json"),
            "schema": self.schema.model_dump(mode="json"),
            "encoder": self.encoder.model_dump(mode="json"),
            "tasks": len(self.module.bias),
            "curve": self.curve,
        }
        partial = folder / f"{HEADER}.partial"
        partial.write_text(json.dumps(header) + "\n", encoding="utf-8")
        partial.replace(folder / HEADER)

    @classmethod
    def load(cls, folder: Path, runtime: Runtime | None = None) -> Self:
        """Read a ranker that `save` wrote.

        Raises
        ------
        InputError
            A file is missing or damaged, or of another format version.
        """
        header = _read_header(folder / HEADER)
        config_class = model_info(header["model"]).cls.Config
        config = parse_config(config_class, header["config"], f"model {header['model']}")
        schema = parse_config(FeatureSchema, header["schema"], f"{folder}: schema")
        ranker = cls(header["model"], config, schema, runtime)
        ranker.encoder = parse_config(FeatureEncoder, header["encoder"], f"{folder}: encoder")
        ranker.curve = header["curve"]
        ranker.module = ranker._build(header["tasks"])
        try:
            ranker.module.load_state_dict(load_file(folder / WEIGHTS))
        except (OSError, SafetensorError, RuntimeError) as error:
            raise _damaged(folder / WEIGHTS, error) from error
        ranker.module.eval()
        return ranker


class _Objective:
    """Binary cross-entropy of the train rows."""

    def __init__(self, ranker: Ranker, rows: Rows, valid: Rows) -> None:
        self.size = len(rows)
        self.monitor: str = ranker.config.monitor
        self.batches = rows.batches
        self._ranker = ranker
        self._valid = valid

    def loss(self, batch: Batch) -> Tensor:
        """Compute the mean log loss of a batch."""
        return F.binary_cross_entropy_with_logits(self._ranker.module(batch), batch.labels)

    def validate(self) -> dict[str, float]:
        """Compute AUC and log loss of the validation rows, as far as they are defined."""
        if len(self._valid) == 0:
            return {}
        labels = self._valid.labels[:, 0].cpu().numpy()
        scores = self._ranker.probabilities(self._valid)[:, 0]
        values = {
            "auc": auc(labels, scores.astype(np.float64)),
            "logloss": float(row_logloss(labels, scores).mean()),
        }
        return {name: value for name, value in values.items() if not np.isnan(value)}


def _labels(rows: Interactions) -> Tensor:
    """Shape (n, 1), float32: whether each row is relevant."""
    return torch.from_numpy(rows.relevant.astype(np.float32)[:, None])


def _share_relevant(labels: Tensor) -> Tensor:
    """Shape (tasks,): share of relevant train rows."""
    share = labels.mean(dim=0)
    if len(labels) == 0 or bool((share == 0).any() or (share == 1).any()):
        found = "no train rows" if len(labels) == 0 else f"only rows labelled {labels[0, 0]:.0f}"
        raise InputError(
            f"a ranking model needs relevant and irrelevant train rows; there are {found}",
            "set the protocol's relevance to a rating between the lowest and the highest",
        )
    return share


def _read_header(path: Path) -> dict[str, Any]:
    try:
        header: dict[str, Any] = dict(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise InputError(
            f"{path.parent}: no saved ranking model here", "train it again with --fresh"
        ) from None
    except (OSError, ValueError, TypeError) as error:
        raise _damaged(path, error) from error
    if header.get("format") != FORMAT:
        raise InputError(
            f"{path}: saved in format {header.get('format')}, this version reads {FORMAT}",
            "train it again with --fresh",
        )
    return header


def _damaged(path: Path, error: Exception) -> InputError:
    reason = str(error).splitlines()[0]
    return InputError(
        f"{path}: the saved model is damaged: {reason}", "train it again with --fresh"
    )
