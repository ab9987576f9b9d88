"""The feature schemas of a job: which it reads, loaded and checked against its data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from recsys_core.config import Config
from recsys_core.data.dataset import Dataset
from recsys_core.features.columns import check_feature
from recsys_core.features.saved import load_tower_schema, saved_schema
from recsys_core.features.schema import FeatureSchema, load_schema
from recsys_core.pipeline.spec import JobSpec
from recsys_core.registry import ModelInfo, model_info, reads_features
from recsys_core.run_folder import MODEL


def feature_schema(info: ModelInfo, name_or_path: str | None, dataset: Dataset) -> FeatureSchema:
    """Load what a model that reads features sees.

    Parameters
    ----------
    name_or_path
        None: the model's default.

    Raises
    ------
    InputError
        No such schema, a column that the data set does not have, or a feature that the model
        cannot use.
    """
    if info.stage == "ranking":
        return load_schema(name_or_path, dataset, histories=info.cls.needs_histories)
    return load_tower_schema(info, name_or_path, dataset)


def job_schema(spec: JobSpec, info: ModelInfo, dataset: Dataset) -> FeatureSchema:
    """Load what the model of a job sees; that of an update sees what the run that it updates saw.

    Raises
    ------
    InputError
        As for `feature_schema`.
    """
    if spec.update is None:
        return feature_schema(info, spec.features, dataset)
    folder = Path(spec.update.folder) / MODEL
    schema = saved_schema(folder, ranking=info.stage == "ranking")
    for feature in schema.scoped():
        where = f"feature '{feature.name}' of run {spec.update.run}, which is updated"
        check_feature(feature, dataset, where, requested=info.stage != "ranking")
    return schema


def resolved_schemas(spec: JobSpec, config: Config, dataset: Dataset) -> list[FeatureSchema]:
    """Load all that a job reads: of its model, or of the channels and the ranker of two stages."""
    info = model_info(spec.model)
    if reads_features(info):
        return [job_schema(spec, info, dataset)]
    if info.stage != "two-stage":
        return []
    from recsys_core.two_stage.channels import channel_schema  # torch is slow to import
    from recsys_core.two_stage.config import TwoStageConfig
    from recsys_core.two_stage.ranker_choice import ranker_schema

    assert isinstance(config, TwoStageConfig)
    own = [channel_schema(channel, dataset) for channel in config.channels if channel.model]
    return [schema for schema in (*own, ranker_schema(config.ranker, dataset)) if schema]


def describe_schema(schema: FeatureSchema, *, towers: bool) -> dict[str, Any]:
    """Say in a result what was read; of histories towers see what is earlier, always."""
    return {"schema": schema.name, "scopes": [] if towers else schema.scopes}
