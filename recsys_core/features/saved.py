"""The features of a fitted model beside it: schema, encoder, and the attributes that it reads."""

from __future__ import annotations

from dataclasses import replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys_core.config import Config, parse_config
from recsys_core.data.dataset import Dataset
from recsys_core.data.prepared import find_prepared, write_prepared
from recsys_core.errors import TRAIN_AGAIN, InputError
from recsys_core.features.schema import FeatureSchema, load_schema
from recsys_core.features.tower_encoder import TowerEncoder
from recsys_core.reading import DamagedError, read_json
from recsys_core.registry import ModelInfo
from recsys_core.saving.model import damaged

Array = NDArray[np.uint8]
#: name of the prepared set that holds the attributes of users and items
ATTRIBUTES = "known"
FEATURES = "features.json"
#: what a data set has a row of for each event
_EVENTS = ("user", "item", "rating", "timestamp")


class Features(Config):
    """Content of features.json."""

    features: FeatureSchema
    encoder: TowerEncoder


def load_tower_schema(info: ModelInfo, name_or_path: str | None, dataset: Dataset) -> FeatureSchema:
    """Load what a recall model that reads features sees; None: its default.

    Raises
    ------
    InputError
        No such schema, a column that the data set does not have, or a feature that the model
        cannot use.
    """
    schema = load_schema(name_or_path, dataset, towers=True)
    info.cls.check_schema(schema)
    return schema


def digest_of(schema: FeatureSchema, encoder: TowerEncoder, dataset: Dataset) -> Array:
    """Hash what lies beside a model, shape (16,), uint8: arrays go by it."""
    return _digest(Features(features=schema, encoder=encoder).model_dump_json(), dataset)


def _digest(text: str, dataset: Dataset) -> Array:
    attributes = replace(dataset, name=ATTRIBUTES, **_without_events(dataset)).fingerprint
    digest = blake2b(f"{attributes} {text}".encode(), digest_size=16).digest()
    return np.frombuffer(digest, dtype=np.uint8)


def _without_events(dataset: Dataset) -> dict[str, Any]:
    arrays = {name: getattr(dataset, name)[:0] for name in _EVENTS}
    return {**arrays, "event_columns": {}}


def write_features(
    folder: Path, schema: FeatureSchema, encoder: TowerEncoder, dataset: Dataset
) -> None:
    """Write what a model reads.

    Parameters
    ----------
    dataset
        The attributes that are needed to encode a request.
    """
    write_attributes(folder, dataset)
    text = Features(features=schema, encoder=encoder).model_dump_json()
    (folder / FEATURES).write_text(text + "\n", encoding="utf-8")


def read_features(folder: Path) -> tuple[FeatureSchema, TowerEncoder, Dataset, Array]:
    """Read what `write_features` wrote.

    Returns
    -------
    Schema, encoder, attributes, and the digest of all of it as it was written.

    Raises
    ------
    InputError
        Something is missing or damaged.
    """
    path = folder / FEATURES
    if not path.exists():
        raise damaged(folder, f"{FEATURES} is missing (it was made by an earlier version?)")
    content = read_json(path, remedy=TRAIN_AGAIN)
    try:
        found = parse_config(Features, Features.current(content), FEATURES)
    except InputError as error:
        raise damaged(folder, error.problem) from error
    dataset = read_attributes(folder)
    text = path.read_text(encoding="utf-8").rstrip("\n")
    return found.features, found.encoder, dataset, _digest(text, dataset)


def saved_schema(folder: Path, *, ranking: bool) -> FeatureSchema:
    """Read the schema of a saved model, without the rest of it.

    Raises
    ------
    InputError
        It is missing or damaged.
    """
    path, key = (folder / "ranker.json", "schema") if ranking else (folder / FEATURES, "features")
    if not path.exists():
        raise damaged(folder, f"{path.name} is missing (it was made by an earlier version?)")
    content = read_json(path, remedy=TRAIN_AGAIN).get(key)
    return parse_config(FeatureSchema, FeatureSchema.current(content or {}), f"{path}: {key}")


def write_attributes(folder: Path, dataset: Dataset) -> None:
    """Write the attributes of users and items, without events."""
    bare = replace(dataset, name=ATTRIBUTES, **_without_events(dataset))
    write_prepared(folder, bare, {}, {})


def read_attributes(folder: Path) -> Dataset:
    """Read what `write_attributes` wrote.

    Raises
    ------
    InputError
        It is missing or damaged.
    """
    try:
        prepared = find_prepared(folder, ATTRIBUTES)
        if prepared is not None:
            return prepared.load(without_events=True)
    except DamagedError as error:
        raise damaged(folder, error.problem) from error
    raise damaged(folder, "its table of attributes is missing (it was made by an earlier version?)")
