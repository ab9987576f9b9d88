"""Rankers by name: the small network, or any registered ranking model."""

from __future__ import annotations

from pathlib import Path

from recsys_core.config import Config, parse_config
from recsys_core.data.dataset import Dataset
from recsys_core.errors import InputError
from recsys_core.features.feature import Feature
from recsys_core.features.schema import FeatureSchema, load_schema
from recsys_core.protocols.interactions import Interactions
from recsys_core.registry import model_info
from recsys_core.training.runtime import Runtime
from recsys_core.two_stage.config import RankerConfig
from recsys_core.two_stage.mlp import MLPConfig, MLPRanker
from recsys_core.two_stage.ranker import ListRanker

MLP_NAME, NONE = "mlp", "none"


def make_ranker(
    config: RankerConfig,
    names: tuple[str, ...],
    train: Interactions,
    saved: Path | None,
    runtime: Runtime,
) -> ListRanker | None:
    """Build the ranker, unfitted; one of a finished run comes as it is.

    Parameters
    ----------
    names
        Names of the features that come with the candidates.
    saved
        Folder of a fitted ranking model.

    Raises
    ------
    InputError
        The model is no ranking model, or has no such field or feature.
    """
    if config.model == NONE:
        return None
    if config.model == MLP_NAME:
        return MLPRanker(_mlp_config(config), len(names), runtime)
    from recsys_core.ranking.ranker import Ranker  # slow to import, and mlp does without
    from recsys_core.two_stage.fields import FieldRanker

    if saved is not None:
        return FieldRanker(Ranker.load(saved, runtime), names, train)
    fields = check_ranker(config)
    schema = with_given(ranker_schema(config, train.dataset), names)
    return FieldRanker(Ranker(config.model, fields, schema, runtime), names, train)


def check_ranker(config: RankerConfig) -> Config:
    """Validate the fields of the ranker's model, one of `mlp` and the registered ones.

    Raises
    ------
    InputError
        The model is no ranking model, or has no such field.
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


def ranker_schema(config: RankerConfig, dataset: Dataset) -> FeatureSchema:
    """Load the features that a registered ranking model sees of `dataset`.

    Raises
    ------
    InputError
        No such schema, a column that the data set does not have, or no history for a model that
        attends to histories.
    """
    histories = model_info(config.model).cls.needs_histories
    schema = load_schema(config.features, dataset, histories=histories)
    if histories and not any(each.kind == "sequence" and each.shares for each in schema.features):
        raise InputError(
            f"ranker: {config.model} attends to histories, and the schema has none that shares the "
            "item's embeddings",
            "add {name: liked, source: user-history, kind: sequence, shares: item_id}",
        )
    return schema


def load_ranker(
    config: RankerConfig,
    names: tuple[str, ...],
    threshold: float | None,
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
    from recsys_core.two_stage.fields import FieldRanker  # slow to import, and mlp does without

    return FieldRanker.load(folder, names, threshold, runtime)


def _mlp_config(config: RankerConfig) -> MLPConfig:
    return parse_config(MLPConfig, config.params, "ranker (mlp)")


def with_given(schema: FeatureSchema, names: tuple[str, ...]) -> FeatureSchema:
    """Add a numeric feature for each column that comes with the candidates."""
    given = [Feature(name=name, source="given", kind="numeric") for name in names]
    return schema.model_copy(update={"features": (*schema.features, *given)})
