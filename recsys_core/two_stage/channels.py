"""Recall models that are asked together, and what they must not be asked."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from recsys_core.compute.capacity import say_changes
from recsys_core.compute.runtime import Runtime
from recsys_core.config import Config, parse_config
from recsys_core.data.dataset import Dataset, FloatArray, TimeArray
from recsys_core.data.interactions import Histories, Interactions
from recsys_core.errors import TRAIN_AGAIN, CapacityError, InputError
from recsys_core.evaluation.names import higher_is_better
from recsys_core.events import Event, OnEvent, ignore
from recsys_core.features.saved import load_tower_schema
from recsys_core.features.schema import FeatureSchema
from recsys_core.recall.base import FEW_PAIRS, RecallModel
from recsys_core.recall.shared.validation import METRIC
from recsys_core.registry import ModelInfo, model_info, reads_features
from recsys_core.training.config import TrainingConfig
from recsys_core.two_stage.config import ChannelConfig


class LeakError(InputError):
    """A ranker would learn from scores that the channels computed for rows they learned from."""


@dataclass(frozen=True)
class Channels:
    """Fitted recall models by label.

    Parameters
    ----------
    models
        In the order of the configuration.
    learned
        Shape (n,): data set rows that they learned from, ascending; None: nobody knows, as with
        models that were saved before this was noted.
    """

    models: Mapping[str, RecallModel[Any]]
    learned: TimeArray | None

    @classmethod
    def fit(
        cls,
        configs: tuple[ChannelConfig, ...],
        train: Interactions,
        *,
        valid: Interactions | None = None,
        like: Channels | None = None,
        saved: Mapping[str, Path] = MappingProxyType({}),
        epochs: Mapping[str, int] = MappingProxyType({}),
        runtime: Runtime | None = None,
        on_event: OnEvent = ignore,
    ) -> Self:
        """Fit every channel on `train`.

        Parameters
        ----------
        valid
            Rows that choose the number of epochs.
        like
            Channels fitted before: those that learn by epochs end after as many as these were best
            after, so that no labelled row is needed to choose; the schedule stays that of the
            configured number.
        saved
            Folders of models that are fitted already, by label.
        epochs
            Numbers of epochs that were chosen before, by label: training ends after them.

        Raises
        ------
        InputError
            A saved model was fitted on other rows than `train`, or a model refuses to be.
        """
        runtime = runtime or Runtime()
        models = {}
        for config in configs:
            if config.name in saved:
                models[config.name] = load_fitted(config, saved[config.name], train, runtime)
                continue
            on_event(Event("fit", message=f"channel {config.name}: {len(train):,} rows"))
            params = dict(config.params)
            best = epochs.get(config.name)
            if best is None and like is not None:
                best = best_epochs(like.models[config.name]).get("epochs")
            own = replace(below(runtime, config.name), stop_after=best)
            trained = issubclass(recall_info(config).cls.Config, TrainingConfig)
            if not trained and like is not None and best is not None:
                params["epochs"] = best  # nothing else ends it, and it has no schedule
            if like is None:
                schema = channel_schema(config, train.dataset)
            else:  # a run's, too; and a file may have been edited since
                schema = getattr(like.models[config.name], "schema", None)
            model = make_model(config, params, own, schema)
            try:
                models[config.name] = model.fit(train, valid=valid, on_event=quietly(on_event))
            except CapacityError as error:
                raise _refusal(configs, config, error) from error
        return cls(models, np.sort(train.rows))

    def __len__(self) -> int:
        return len(self.models)

    def refuse_own(self, labelled: Interactions) -> None:
        """Make sure that none of `labelled` was learned from.

        Raises
        ------
        LeakError
            One was: its scores are better than those of rows to come, and a ranker that learned
            from them would trust the channels too much.
        """
        if self.learned is None:
            raise LeakError(
                "the rows that the channels learned from are unknown: they were not saved with the "
                "channels",
                f"the channels have to be trained: {TRAIN_AGAIN}",
            )
        own = int(np.isin(labelled.rows, self.learned).sum())
        if own:
            raise LeakError(
                f"{own:,} of {len(labelled):,} labelled rows are rows that the channels learned "
                "from: their scores say nothing about rows to come",
                "label rows that were held out from the channels (see inner)",
            )

    def score(
        self, users: NDArray[np.integer], histories: Histories, *, exclude_seen: bool = True
    ) -> FloatArray:
        """Score the catalogue by every channel.

        Parameters
        ----------
        users, histories
            As for `RecallModel.score`.

        Returns
        -------
        Shape (channels, n, n_items); -inf for what may not be recommended: items outside the
        catalogue and, unless told otherwise, those of the history.
        """
        models = list(self.models.values())
        scores = np.empty((len(models), len(users), models[0].n_items), dtype=np.float32)
        read: dict[str, Any] = {}
        for own, model in zip(scores, models, strict=True):
            own[:] = model.score_sharing(users, histories, read)
        catalogues = np.stack([model.catalogue for model in models])
        np.copyto(scores, -np.inf, where=~catalogues[:, None])
        if exclude_seen:
            scores[:, histories.row, histories.items] = -np.inf
        return scores

    def save(self, folder: Path) -> None:
        """Write each model into a folder of its own, by its number."""
        for number, model in enumerate(self.models.values()):
            model.save(folder / str(number))

    @classmethod
    def load(
        cls,
        folder: Path,
        configs: tuple[ChannelConfig, ...],
        learned: TimeArray | None,
        runtime: Runtime | None = None,
    ) -> Self:
        """Read what `save` wrote; which rows the models `learned` from is kept elsewhere.

        Raises
        ------
        InputError
            A channel is no recall model, or is missing or damaged.
        """
        infos = [recall_info(config) for config in configs]
        folders = [folder / str(number) for number in range(len(configs))]
        with ThreadPoolExecutor(2) as pool:  # what is read is checked by C code
            models = pool.map(lambda info, own: info.cls.load(own, runtime), infos, folders)
            names = [config.name for config in configs]
            return cls(dict(zip(names, models, strict=True)), learned)


def load_fitted(
    config: ChannelConfig, folder: Path, train: Interactions, runtime: Runtime
) -> RecallModel[Any]:
    """Read a model that was fitted on `train` before.

    Raises
    ------
    InputError
        It was fitted on other rows: it might know what it is to be judged on.
    """
    model: RecallModel[Any] = model_info(config.model).cls.load(folder, runtime)
    numbers, expected = model.item_numbers, train.dataset.item_numbers
    if (numbers is None) != (expected is None):
        raise InputError(
            f"channel {config.name}: the model in {folder} numbers other items (it was made by an"
            " earlier version?)",
            TRAIN_AGAIN,
        )
    before, now = model.histories, train.histories()
    if not all(np.array_equal(a, vars(now)[name]) for name, a in vars(before).items()):
        raise InputError(
            f"channel {config.name}: the model in {folder} was fitted on other rows",
            "name a run of the same data set and protocol",
        )
    return model


def below(runtime: Runtime, name: str) -> Runtime:
    """Give a part of a job a checkpoint folder of its own."""
    folder = runtime.checkpoint
    return replace(runtime, checkpoint=folder / name if folder else None)


def quietly(on_event: OnEvent) -> OnEvent:
    """Pass on progress without metrics: the job's curve is the ranker's."""
    return lambda event: on_event(replace(event, metrics={}, epoch=None))


def make_model(
    config: ChannelConfig,
    params: dict[str, Any],
    runtime: Runtime,
    schema: FeatureSchema | None,
) -> RecallModel[Any]:
    """Build the recall model of a channel.

    Raises
    ------
    InputError
        The model is none of the recall models, or has no such field.
    """
    info = recall_info(config)
    more = () if schema is None else (schema,)
    model: RecallModel[Any] = info.cls(check_channel(config, params), runtime, *more)
    return model


def channel_schema(config: ChannelConfig, dataset: Dataset) -> FeatureSchema | None:
    """Load what a channel's model reads; None: it reads no features.

    Raises
    ------
    InputError
        No such schema, or one that the model or the data set does not fit.
    """
    info = recall_info(config)
    if not reads_features(info):
        return None
    try:
        return load_tower_schema(info, config.features, dataset)
    except InputError as error:
        raise InputError(f"channel {config.name}: {error.problem}", error.remedy) from None


def _refusal(
    configs: tuple[ChannelConfig, ...], refused: ChannelConfig, error: CapacityError
) -> CapacityError:
    """Say what a two-stage job can do about a channel that refuses, and others of its kind."""
    problem = f"channel {refused.name}: {error.problem}"
    if not _may_refuse(refused):  # a model of another package that does not say so
        return CapacityError(problem, error.remedy)
    kept = {each.name: each for each in configs if not _may_refuse(each)}
    instead = [
        each if each.name in kept else ChannelConfig(model=FEW_PAIRS, quota=each.quota)
        for each in configs
    ]
    distinct = {each.name: each for each in reversed(instead)}  # those that were there stay
    distinct |= kept
    channels = [
        distinct[name].model_dump(mode="json", exclude_defaults=True)
        for name in dict.fromkeys(each.name for each in instead)
    ]
    changes = [{"params": {"channels": channels}}]
    return CapacityError(problem, say_changes(changes), changes)


def _may_refuse(config: ChannelConfig) -> bool:
    cls: type[RecallModel[Any]] = recall_info(config).cls if config.model else RecallModel
    return cls.all_pairs


def check_channel(config: ChannelConfig, params: Mapping[str, Any]) -> Config:
    """Validate the fields of a channel's model.

    Raises
    ------
    InputError
        The model is none of the recall models, or has no such field.
    """
    where = f"channel {config.name} ({config.model})"
    if config.features is not None and not reads_features(recall_info(config)):
        raise InputError(
            f"{where}: it takes no feature schema", "remove 'features' from the channel"
        )
    fields: Config = parse_config(recall_info(config).cls.Config, params, where)
    return fields


def recall_info(config: ChannelConfig) -> ModelInfo:
    """Look up the recall model of a channel.

    Raises
    ------
    InputError
        There is no such model, or it is no recall model.
    """
    info = model_info(config.model)
    if info.stage != "recall":
        raise InputError(
            f"channel {config.name}: {config.model} is a {info.stage} model",
            "a channel is a recall model",
        )
    return info


def best_epochs(model: RecallModel[Any]) -> dict[str, int]:
    """Give the number of epochs after which `model` was best on its validation rows, if any."""
    curve: list[dict[str, float]] = getattr(model, "curve", [])
    values = [epoch.get(METRIC, np.nan) for epoch in curve]
    if "epochs" not in type(model.config).model_fields or not values or np.isnan(values).any():
        return {}
    best = np.argmax(values) if higher_is_better(METRIC) else np.argmin(values)
    return {"epochs": int(best) + 1}
