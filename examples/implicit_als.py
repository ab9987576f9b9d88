"""Fit ALS of the package `implicit` on the train rows of a split, and write lists to score.

recsys-workbench data split ml-100k --to parts
python examples/implicit_als.py parts
recsys-workbench score parts/implicit-als.csv --dataset ml-100k
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from implicit.als import AlternatingLeastSquares
from scipy.sparse import csr_matrix

folder = Path(sys.argv[1])
ids = {"user": str, "item": str}
parts = [folder / f"{name}.csv" for name in ("train", "valid")]
train, *valid = (pd.read_csv(part, dtype=ids) for part in parts if part.exists())
known = pd.concat([train, *valid])  # at test time the validation rows are known, too
users, items = pd.Index(known["user"].unique()), pd.Index(train["item"].unique())


def matrix(rows: pd.DataFrame) -> csr_matrix:
    """Mark the user and item of each row."""
    rows = rows[rows["item"].isin(items)]
    places = users.get_indexer(rows["user"]), items.get_indexer(rows["item"])
    return csr_matrix((np.ones(len(rows)), places), (len(users), len(items)), dtype=np.float32)


liked = train[train["rating"] >= 4] if "rating" in train else train
model = AlternatingLeastSquares(factors=64, regularization=0.05, iterations=15, random_state=0)
model.fit(matrix(liked), show_progress=False)

asked = users.intersection(pd.read_csv(folder / "test.csv", dtype=ids)["user"])
places = users.get_indexer(asked)
found, scores = model.recommend(places, matrix(known)[places], N=min(100, len(items)))
lists = pd.DataFrame({"user": np.repeat(asked, found.shape[1]), "score": scores.ravel()})
lists["item"] = items[found.ravel()]
lists = lists[lists["score"] > -1e30]  # places beyond the items that are left
lists.to_csv(folder / "implicit-als.csv", index=False)
