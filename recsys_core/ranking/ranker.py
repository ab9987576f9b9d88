"""From a split to probabilities: encoding, training, prediction, and the model on disk."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from recsys_core.compute.blocks import map_blocks
from recsys_core.compute.ranks import ALONE, Ranks, part_of
from recsys_core.compute.runtime import Runtime
from recsys_core.config import Config, parse_config
from recsys_core.data.dataset import Dataset, FloatArray, IntArray, TimeArray
from recsys_core.data.interactions import Interactions
from recsys_core.data.row_keys import held, row_keys
from recsys_core.errors import TRAIN_AGAIN, InputError
from recsys_core.events import OnEvent, ignore
from recsys_core.features.batch import Batch, Rows
from recsys_core.features.encoder import FeatureEncoder, in_order
from recsys_core.features.known import Known, Requests
from recsys_core.features.queries import Queries
from recsys_core.features.schema import FeatureSchema
from recsys_core.protocols.split import Split
from recsys_core.ranking.base import RankingConfig, RankingModel
from recsys_core.ranking.calibration import Calibration, fit_calibration
from recsys_core.ranking.importance import ROWS, permutation_importance
from recsys_core.ranking.modules.embedding import FieldEmbedding, FieldWeights, with_table_l2
from recsys_core.ranking.rows import ranking_rows
from recsys_core.ranking.tasks import Tasks
from recsys_core.reading import DamagedError, read_json, shorten
from recsys_core.registry import model_info
from recsys_core.saving.replace import replacing
from recsys_core.saving.weights import read_weights, write_weights
from recsys_core.training.carry import Kept, carry_over
from recsys_core.training.trainer import train

#: raised when the format of saved rankers changes
FORMAT = 3
HEADER, WEIGHTS = "ranker.json", "ranker.safetensors"
TYPES: dict[str, type] = {
    "model": str,
    "config": dict,
    "schema": dict,
    "encoder": dict,
    "tasks": int,
    "curve": list,
    "calibrations": dict,
    "importance": dict,
}
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
    calibrations: dict[str, Calibration]
    """By task: what is done to its log odds; empty without calibration."""
    importance: dict[str, float]
    """By feature: AUC of validation rows that is lost when it is permuted."""

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
        self.tasks = Tasks(config.task_names)
        self.curve = []
        self.calibrations = {}
        self.importance = {}

    def fit(
        self,
        split: Split,
        on_event: OnEvent = ignore,
        calibrations: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> Self:
        """Learn from the train rows; validation rows choose the epoch.

        Parameters
        ----------
        calibrations
            Maps by task that are taken as they are; None: validation rows teach them.

        Raises
        ------
        InputError
            The train rows are all relevant or all irrelevant, or training diverged.
        """
        train_rows, valid_rows = ranking_rows(split, "train"), ranking_rows(split, "valid")
        self.tasks.check(split.train, drawn=bool(train_rows.drawn))
        labels = self.tasks.labels_of(train_rows)
        best_constant = self.tasks.start(labels)
        known = Known.of(split.train)
        queries = train_rows.queries
        earlier = self.runtime.earlier
        own = None if earlier is None else Ranker.load(earlier.folder)
        self.start(queries, known, labels.shape[1], own.encoder if own else None)
        with torch.no_grad():
            self.module.bias.copy_(best_constant)
        new = None
        if own is not None and earlier is not None:
            carry_over(self.module, own.module.state_dict(), self._tables(own))
            # a drawn row is as new as the event beside it
            user, item, time = (x[queries.event] for x in _columns(split.dataset))
            new = torch.from_numpy(~held(row_keys(split.dataset, user, item, time), earlier.rows))
        rows = self.rows(queries, known, labels)
        before = known if split.valid.query is None else Known.of(split.known_before_valid)
        valid = self.rows(valid_rows.queries, before, self.tasks.labels_of(valid_rows))
        objective = _Objective(self, rows, valid)
        reads = self.schema.digest
        self.curve = train(
            self.module,
            objective,
            self.config,
            self.runtime,
            on_event,
            reads,
            new,
            lambda batch: len(batch.labels),
        ).curve
        if calibrations is None:
            self._calibrate(valid)
        else:
            self.calibrations = _calibrations(calibrations, "calibration of a refit")
        self.importance = self._importance(valid)
        return self

    def _calibrate(self, valid: Rows) -> None:
        """Fit the maps of all binary tasks, if the configuration asks for it."""
        if self.config.calibration == "none":
            return
        if len(valid) == 0:
            raise InputError(
                f"calibration = {self.config.calibration} needs validation rows, there are none",
                "set calibration to none, or choose a protocol with validation rows",
            )
        outputs, labels = self.outputs(valid, self.runtime.ranks), valid.labels.cpu().numpy()
        self.calibrations = {
            task.name: fit_calibration(self.config.calibration, outputs[:, k], labels[:, k])
            for k, task in enumerate(self.tasks.all)
            if task.binary
        }

    def _importance(self, valid: Rows) -> dict[str, float]:
        """AUC of some validation rows that each feature is worth; empty without any."""
        if len(valid) == 0 or not self.runtime.ranks.first:
            return {}
        order = torch.randperm(len(valid), generator=torch.Generator().manual_seed(0))[:ROWS]
        batch = next(valid.batches(order, ROWS))
        with torch.inference_mode():
            return permutation_importance(
                batch, self.encoder.layout.names, lambda some: self.module(some)[:, 0]
            )

    def start(
        self,
        queries: Queries,
        known: Known | Requests,
        tasks: int,
        earlier: FeatureEncoder | None = None,
    ) -> None:
        """Fit the features on train rows, or let earlier ones grow; set up the untrained model."""
        self.tasks = self.tasks.first(tasks)
        self.encoder = FeatureEncoder.fit(self.schema, queries, known, earlier)
        torch.manual_seed(self.runtime.seed)
        self.module = self._build(tasks)

    def _tables(self, own: Ranker) -> dict[str, Kept]:
        """Tell which rows of the module's tables were there in the model that is updated."""
        here, there = self.encoder.kept_rows(own.encoder)
        kinds = ((FieldWeights, 1), (FieldEmbedding, 0))
        return {
            f"{name}.table": (here, there, dim)
            for name, part in self.module.named_modules()
            for kind, dim in kinds
            if isinstance(part, kind)
        }

    def rows(self, queries: Queries, known: Known | Requests, labels: Tensor) -> Rows:
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

    def score(self, queries: Queries, known: Known | Requests, ranks: Ranks = ALONE) -> FloatArray:
        """Compute the probability that each query's item is relevant, shape (n, tasks).

        Training rows and requests go through the same features: `recsys_core.features.queries`
        says how to ask.

        Parameters
        ----------
        ranks
            The processes that score together; every one of them must ask.
        """
        nothing = torch.empty((len(queries), len(self.module.bias)))
        return self.probabilities(self.rows(queries, known, nothing), ranks)

    def probabilities(self, rows: Rows, ranks: Ranks = ALONE) -> FloatArray:
        """Score encoded rows, shape (n, tasks): probabilities, and values of value tasks."""
        outputs = self.outputs(rows, ranks)
        for number, task in enumerate(self.tasks.all):
            if task.name in self.calibrations:
                outputs[:, number] = self.calibrations[task.name](outputs[:, number])
        return self.tasks.predictions(torch.from_numpy(outputs)).numpy()

    def outputs(self, rows: Rows, ranks: Ranks = ALONE) -> FloatArray:
        """Compute what the model says of encoded rows, shape (n, tasks): log odds, and values."""
        self.module.eval()
        with torch.inference_mode():
            part = part_of(ranks, len(rows), PREDICT_ROWS)
            work = partial(_outputs, self.module, rows, part.start)
            parts = map_blocks(work, part.stop - part.start, PREDICT_ROWS, in_turn=True)
            return ranks.joined(torch.cat(parts or [work(slice(0, 0))])).cpu().numpy()

    def _build(self, tasks: int) -> RankingModel:
        return self._new_module(tasks).to(self.device)

    def _new_module(self, tasks: int) -> RankingModel:
        return self.model_class(self.config, self.encoder.layout, tasks)

    def save(self, folder: Path) -> None:
        """Write weights (safetensors) and features (JSON); the JSON comes last."""
        folder.mkdir(parents=True, exist_ok=True)
        write_weights(folder / WEIGHTS, self.module)
        header = {
            "format": FORMAT,
            "model": self.model_name,
            "config": self.config.model_dump(mode="json"),
            "schema": self.schema.model_dump(mode="json"),
            "encoder": self.encoder.model_dump(mode="json"),
            "tasks": len(self.module.bias),
            "curve": self.curve,
            "calibrations": {n: map_.model_dump() for n, map_ in self.calibrations.items()},
            "importance": self.importance,
        }
        with replacing(folder / HEADER) as partial:
            partial.write_text(json.dumps(header) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, runtime: Runtime | None = None) -> Self:
        """Read a ranker that `save` wrote.

        Raises
        ------
        InputError
            A file is missing or damaged, or of another format version.
        """
        header = _read_header(folder / HEADER)
        if model_info(header["model"]).stage != "ranking":
            raise _damaged(folder / HEADER, f"{shorten(header['model'])} is not a ranking model")
        config_class = model_info(header["model"]).cls.Config
        stored = config_class.current(header["config"])
        config = parse_config(config_class, stored, f"model {header['model']}")
        stored = FeatureSchema.current(header["schema"])
        schema = parse_config(FeatureSchema, stored, f"{folder}: schema")
        ranker = cls(header["model"], config, schema, runtime)
        stored = FeatureEncoder.current(header["encoder"])
        ranker.encoder = parse_config(FeatureEncoder, stored, f"{folder}: encoder")
        if [each.feature for each in ranker.encoder.features] != in_order(schema.scoped()):
            raise _damaged(folder / HEADER, "its features are not those of its schema")
        ranker.curve = header["curve"]
        ranker.importance = header["importance"]
        ranker.calibrations = _calibrations(header["calibrations"], f"{folder}: calibration")
        if not 1 <= header["tasks"] <= len(ranker.tasks.all):
            raise _damaged(folder / HEADER, f"the model has no {header['tasks']} tasks")
        ranker.tasks = ranker.tasks.first(header["tasks"])
        ranker.module = read_weights(
            folder / WEIGHTS, lambda: ranker._new_module(header["tasks"]), TRAIN_AGAIN
        ).to(ranker.device)
        ranker.module.eval()
        return ranker


def _columns(dataset: Dataset) -> tuple[IntArray, IntArray, TimeArray]:
    return dataset.user, dataset.item, dataset.timestamp


class _Objective:
    """The tasks' losses on the train rows."""

    def __init__(self, ranker: Ranker, rows: Rows, valid: Rows) -> None:
        self.size = len(rows)
        self.monitor: str = ranker.config.monitor
        self.batches = rows.batches
        self._ranker = ranker
        self._valid = valid

    def loss(self, batch: Batch) -> Tensor:
        """Compute the loss of a batch: by default the log loss, summed over tasks."""
        ranker = self._ranker
        loss = ranker.module.training_loss(batch, ranker.tasks.loss)
        return with_table_l2(loss, ranker.module, ranker.config.table_l2)

    def validate(self) -> dict[str, float]:
        """Compute the metrics of the validation rows, as far as they are defined."""
        if len(self._valid) == 0:
            return {}
        labels = self._valid.labels.cpu().numpy()
        ranker = self._ranker
        predicted = ranker.probabilities(self._valid, ranker.runtime.ranks)
        values = ranker.tasks.metrics(labels, predicted)
        values |= self._gates()
        return {name: value for name, value in values.items() if not np.isnan(value)}

    def _gates(self) -> dict[str, float]:
        """Mean weight of each expert over some validation rows: ``gate/love/0``."""
        rows = torch.arange(min(len(self._valid), ROWS))
        gates = self._ranker.module.gate_weights(next(self._valid.batches(rows, ROWS)))
        return {
            f"gate/{task.name}/{number}": weight
            for task, weights in zip(self._ranker.tasks.all, gates, strict=False)
            for number, weight in enumerate(weights.mean(dim=0).tolist())
        }


def read_calibrations(folder: Path) -> dict[str, dict[str, Any]]:
    """Read the maps of log odds of a saved ranker, by task, as plain values.

    Raises
    ------
    InputError
        There is no ranker, or it is damaged or of another format version.
    """
    found = _calibrations(_read_header(folder / HEADER)["calibrations"], f"{folder}: calibration")
    return {task: each.model_dump(mode="json") for task, each in found.items()}


def _calibrations(values: Mapping[str, Mapping[str, Any]], where: str) -> dict[str, Calibration]:
    return {task: parse_config(Calibration, each, where) for task, each in values.items()}


def _read_header(path: Path) -> dict[str, Any]:
    if not path.exists():
        raise InputError(f"{path.parent}: no saved ranking model here", TRAIN_AGAIN)
    header = read_json(path, remedy=TRAIN_AGAIN)
    if header.get("format") != FORMAT:
        found = shorten(header.get("format"))
        raise InputError(
            f"{path}: saved in format {found}, this version reads {FORMAT}", TRAIN_AGAIN
        )
    for key, kind in TYPES.items():
        if not isinstance(header.get(key), kind):
            raise _damaged(path, f"it has no proper '{key}'")
    inside = [*header["curve"], *header["calibrations"].values()]
    if not all(isinstance(each, dict) for each in inside):
        raise _damaged(path, "it has no proper 'curve' or 'calibrations'")
    return header


def _damaged(path: Path, why: str) -> DamagedError:
    return DamagedError(f"{path}: the saved model is damaged: {why}", TRAIN_AGAIN)


def _outputs(module: RankingModel, rows: Rows, start: int, block: slice) -> Tensor:
    """Compute what a model says of a block of the rows from `start` on, in whatever process."""
    with torch.inference_mode():
        order = torch.arange(start + block.start, start + block.stop)
        (batch,) = rows.batches(order, PREDICT_ROWS)
        outputs: Tensor = module(batch)
        return outputs
