"""The known events of a recommender on disk: attributes, their order, and learned ratings.

The events themselves are the histories that every recall model keeps.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys_core.config import Config, parse_config
from recsys_core.data.interactions import Histories
from recsys_core.errors import TRAIN_AGAIN
from recsys_core.features.feature import Feature
from recsys_core.features.known import Known
from recsys_core.features.predicted_ratings import DIM, PredictedRatings
from recsys_core.features.saved import read_attributes
from recsys_core.reading import read_json
from recsys_core.saving.model import damaged

ORDER, RATING_MEAN, RATING_ITEMS = "known.order", "ratings.mean", "ratings.items"
#: what the network reads of candidates, as declared when it was trained
FEATURES = "features.json"


class ReadFeatures(Config):
    """Content of features.json."""

    features: tuple[Feature, ...]


def write_features(folder: Path, features: tuple[Feature, ...]) -> None:
    """Write what the network reads of candidates."""
    content = ReadFeatures(features=features).model_dump_json()
    (folder / FEATURES).write_text(content + "\n", encoding="utf-8")


def read_features(folder: Path) -> tuple[Feature, ...]:
    """Read what `write_features` wrote.

    Raises
    ------
    InputError
        The file is missing or damaged, or of another format version.
    """
    path = folder / FEATURES
    content = read_json(path, remedy=TRAIN_AGAIN)
    return parse_config(ReadFeatures, ReadFeatures.current(content), f"{path}").features


def known_arrays(known: Known) -> dict[str, NDArray[Any]]:
    """Give by name what `read_known` needs beside attributes and histories."""
    order = np.empty(len(known), dtype=np.int64)
    order[np.argsort(known.user, kind="stable")] = np.arange(len(known))
    arrays: dict[str, NDArray[Any]] = {ORDER: order}
    if "predictions" in vars(known):  # they were asked for, and take time to learn
        ratings = known.predictions
        arrays |= {RATING_MEAN: ratings.mean, RATING_ITEMS: ratings.items}
    return arrays


def read_known(
    folder: Path, histories: Histories, threshold: float | None, arrays: dict[str, NDArray[Any]]
) -> Known:
    """Put together what was known at fit.

    Parameters
    ----------
    arrays
        Those of `known_arrays`.

    Raises
    ------
    InputError
        Something is missing or damaged.
    """
    if ORDER not in arrays:
        raise damaged(folder, f"{ORDER} is missing (it was made by an earlier version?)")
    dataset, order = read_attributes(folder), arrays[ORDER]
    events = len(histories.items)
    if not np.array_equal(np.sort(order), np.arange(events)):
        raise damaged(folder, f"{ORDER} does not order its {events:,} events")
    rating = histories.ratings[order]
    known = Known(
        dataset,
        histories.row[order].astype(np.int32),
        histories.items[order],
        rating,
        histories.timestamps[order],
        np.ones(events, dtype=np.bool_) if threshold is None else rating >= threshold,
        np.full(events, -1, dtype=np.int64),
        threshold,
    )
    if RATING_ITEMS in arrays:
        ratings = PredictedRatings(arrays[RATING_MEAN], arrays[RATING_ITEMS])
        if ratings.mean.shape != () or ratings.items.shape != (dataset.n_items, 1 + DIM):
            raise damaged(folder, f"{RATING_ITEMS} has shape {ratings.items.shape}")
        vars(known)["predictions"] = ratings
    return known
