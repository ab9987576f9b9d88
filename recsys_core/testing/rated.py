"""Ratings with a planted structure for ranking models, and batches written out by hand."""

from __future__ import annotations

import numpy as np
import torch

from recsys_core.data.dataset import Categorical, Dataset, MultiCategorical, Numeric
from recsys_core.data.interactions import Interactions
from recsys_core.features.batch import Batch
from recsys_core.features.layout import EmbeddingLayout, History
from recsys_core.features.schema import FeatureSchema, default_schema
from recsys_core.protocols.split import Split

N_USERS, N_ITEMS = 60, 80


def dataset(seed: int = 0, *, interaction: bool = True) -> Dataset:
    """Every user rates every item; likes depend on whether the two groups agree, or on the item.

    With `interaction`, group of user XOR group of item decides (90 %), so neither side alone says
    anything. Without, popular items (the first half) are liked by everybody.
    """
    rng = np.random.default_rng(seed)
    user = np.repeat(np.arange(N_USERS), N_ITEMS).astype(np.int32)
    item = np.tile(np.arange(N_ITEMS), N_USERS).astype(np.int32)
    planted = (user % 2 == item % 2) if interaction else (item < N_ITEMS // 2)
    liked = planted ^ (rng.random(len(user)) < 0.1)
    order = rng.permutation(len(user))
    genders = rng.integers(-1, 2, N_USERS).astype(np.int32)
    genres = [[number % 3, 3] if number % 2 else [] for number in range(N_ITEMS)]
    return Dataset(
        name="planted",
        user=user[order],
        item=item[order],
        rating=np.where(liked, 5, 1).astype(np.float32)[order],
        timestamp=np.arange(len(user), dtype=np.int64),
        user_ids=np.array([str(number) for number in range(N_USERS)]),
        item_ids=np.array([str(number) for number in range(N_ITEMS)]),
        user_columns={"gender": Categorical(genders, np.array(["F", "M"]))},
        item_columns={
            "year": Numeric(np.where(np.arange(N_ITEMS) % 5, 1990.0, np.nan).astype(np.float32)),
            "genres": MultiCategorical(
                np.cumsum([0, *map(len, genres)]).astype(np.int64),
                np.array([code for codes in genres for code in codes], np.int32),
                np.array(["Action", "Comedy", "Drama", "War"]),
            ),
        },
    )


def split(data: Dataset, *, threshold: float | None = 4.0) -> Split:
    """First 70 % of the rows are train, 15 % valid, 15 % test."""
    n = data.n_interactions
    rows = np.arange(n)
    ends = (int(0.7 * n), int(0.85 * n))
    train, valid, test = (Interactions(data, part, threshold) for part in np.split(rows, ends))
    return Split("planted", {}, "", train, valid, test)


def schema(data: Dataset, *, histories: bool = False) -> FeatureSchema:
    """Ids, gender, year and genres, the price-like numeric year, and maybe short histories."""
    features = [feature.model_dump() for feature in default_schema(data).features]
    numeric = {"name": "age", "source": "item", "kind": "numeric", "column": "year"}
    history = {
        "source": "user-history",
        "kind": "sequence",
        "share_embedding": "item_id",
        "max_len": 5,
    }
    past = [{"name": name, **history} for name in ("liked", "disliked") if histories]
    return FeatureSchema.model_validate({"name": "all", "features": [*features, numeric, *past]})


#: two categorical fields (rows 1-3, 4-6), a multi-valued one (7-10), a numeric one (11) and a
#: history of values of the second
LAYOUT = EmbeddingLayout(
    ("a", "b", "many", "number", "past"),
    (None,) * 5,
    (1, 4, 7, 11, 4),
    (1, 4, 7),
    12,
    (History(field=4, target=1),),
)


def batch() -> Batch:
    """Three rows; the second has one of three values, the third the unknown one and no past."""
    return Batch(
        single=torch.tensor([[2, 5], [3, 4], [1, 6]], dtype=torch.int32),
        weighted=torch.tensor(
            [[8, 9, 10, 11, 5, 6], [9, 0, 0, 11, 4, 0], [7, 0, 0, 11, 0, 0]], dtype=torch.int32
        ),
        weights=torch.tensor(
            [
                [1 / 3, 1 / 3, 1 / 3, -1.5, 0.5, 0.5],
                [1.0, 0.0, 0.0, 0.0, 1.0, 0.0],
                [1.0, 0.0, 0.0, 2.0, 0.0, 0.0],
            ]
        ),
        widths=(3, 1, 2),
        labels=torch.tensor([[1.0], [0.0], [1.0]]),
    )


def wider(narrow: Batch) -> Batch:
    """Pad the multi-valued field and the history with two more unused slots each."""
    many, number, past = narrow.widths
    indices = torch.split(narrow.weighted, [many, number, past], dim=1)
    weights = torch.split(narrow.weights, [many, number, past], dim=1)
    none = torch.zeros(len(narrow.labels), 2)
    return Batch(
        narrow.single,
        torch.cat([indices[0], none.int(), *indices[1:], none.int()], dim=1),
        torch.cat([weights[0], none, *weights[1:], none], dim=1),
        (many + 2, number, past + 2),
        narrow.labels,
    )
