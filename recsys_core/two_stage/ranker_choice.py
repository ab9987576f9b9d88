"""Rankers by name: the small network, or any registered ranking model."""

from __future__ import annotations

from pathlib import Path

from recsys_core.compute.runtime import Runtime
from recsys_core.config import Config, parse_config
from recsys_core.data.dataset import Dataset
from recsys_core.errors import InputError
from recsys_core.features.feature import Feature
from recsys_core.features.known import Known
from recsys_core.features.schema import FeatureSchema, joined, load_schema, packaged_schema
from recsys_core.registry import model_info
from recsys_core.two_stage.config import MLP_NAME, NONE, RankerConfig
from recsys_core.two_stage.list_ranker import ListRanker
from recsys_core.two_stage.mlp_ranker import MLPConfig, MLPRanker

#: the packaged schema of what every ranker sees, unless told otherwise
CONTEXT = "two-stage"


def ranker_schema(config: RankerConfig, dataset: Dataset) -> FeatureSchema | None:
    """Load what the ranker sees of a candidate beside what the channels say; None: nothing.

    Raises
    ------
    InputError
        No such schema, a column that the data set does not have, or a feature that the ranker
        cannot read.
    """
    numbers = config.model == MLP_NAME
    own = None
    if config.model == NONE or config.run:
        return None
    if numbers and config.features is not None:
        own = load_schema(config.features, dataset, requested=True)
        _check_numbers(own)
    elif not numbers:
        check_ranker(config)
        histories = model_info(config.model).cls.needs_histories
        own = load_schema(config.features, dataset, histories=histories, requested=True)
        if histories:
            _check_histories(config.model, own)
    if not config.context:
        return own
    context = packaged_schema(CONTEXT).fitting(dataset)
    return context if own is None or context is None else joined(context, own)


def _check_numbers(schema: FeatureSchema) -> None:
    for feature in schema.features:
        if feature.kind != "numeric" or feature.source == "given":
            kind = "given" if feature.source == "given" else feature.kind
            raise InputError(
                f"ranker: mlp reads numbers of users and items, and feature '{feature.name}' of "
                f"{schema.name} is {kind}",
                "remove it from the schema, or rank by a ranking model, e.g. deepfm",
            )


def _check_histories(model: str, schema: FeatureSchema) -> None:
    if not any(each.kind == "sequence" and each.share_embedding for each in schema.features):
        raise InputError(
            f"ranker: {model} attends to histories, and the schema has none that shares the "
            "item's embeddings",
            "add {name: liked, source: user-history, kind: sequence, share_embedding: item_id}",
        )


def make_ranker(
    config: RankerConfig,
    names: tuple[str, ...],
    schema: FeatureSchema | None,
    known: Known,
    saved: Path | None,
    runtime: Runtime,
) -> ListRanker | None:
    """Build the ranker, unfitted; one of a finished run comes as it is.

    Parameters
    ----------
    names
        Names of the features that come with the candidates.
    schema
        As of `ranker_schema`.
    saved
        Folder of a fitted ranking model.

    Raises
    ------
    InputError
        The model is not a ranking model, or has no such field or feature.
    """
    if config.model == NONE:
        return None
    if config.model == MLP_NAME:
        return MLPRanker(_mlp_config(config), len(names), runtime)
    from recsys_core.ranking.ranker import Ranker  # slow to import, and mlp does without
    from recsys_core.two_stage.field_ranker import FieldRanker

    if saved is not None:
        return FieldRanker(Ranker.load(saved, runtime), names, known)
    assert schema is not None
    ranker = Ranker(config.model, check_ranker(config), with_given(schema, names), runtime)
    return FieldRanker(ranker, names, known)


def check_ranker(config: RankerConfig) -> Config:
    """Validate the fields of the ranker's model, one of `mlp` and the registered ones.

    Raises
    ------
    InputError
        The model is not a ranking model, or has no such field.
    """
    if config.model == MLP_NAME:
        return _mlp_config(config)
    info = model_info(config.model)
    if info.stage != "ranking":
        raise InputError(
            f"ranker: {config.model} is a {info.stage} model", "use mlp, none or a ranking model"
        )
    fields: Config = parse_config(info.cls.Config, config.params, f"ranker ({config.model})")
    return fields


def load_ranker(
    config: RankerConfig,
    names: tuple[str, ...],
    known: Known,
    folder: Path,
    runtime: Runtime,
) -> ListRanker | None:
    """Read a fitted ranker from its folder.

    Raises
    ------
    InputError
        A file is missing or damaged.
    """
    if config.model == NONE:
        return None
    if config.model == MLP_NAME:
        return MLPRanker.load(folder, _mlp_config(config), len(names), runtime)
    from recsys_core.two_stage.field_ranker import (
        FieldRanker,  # slow to import, and mlp does without
    )

    return FieldRanker.load(folder, names, known, runtime)


def _mlp_config(config: RankerConfig) -> MLPConfig:
    return parse_config(MLPConfig, config.params, "ranker (mlp)")


def with_given(schema: FeatureSchema, names: tuple[str, ...]) -> FeatureSchema:
    """Add a numeric feature for each column that comes with the candidates."""
    given = [Feature(name=name, source="given", kind="numeric") for name in names]
    return schema.model_copy(update={"features": (*schema.features, *given)})
