"""Fit item-based neighbours of the package `lenskit` on the train rows, and write lists to score.

recsys-workbench data split ml-100k --to parts
python examples/lenskit_knn.py parts
recsys-workbench score parts/lenskit-knn.csv --dataset ml-100k
"""

import sys
from pathlib import Path

import pandas as pd
from lenskit.batch import recommend
from lenskit.data import from_interactions_df
from lenskit.knn import ItemKNNScorer
from lenskit.pipeline import topn_pipeline

folder = Path(sys.argv[1])
ids = {"user": object, "item": object}
columns = {"user": "user_id", "item": "item_id"}
train = pd.read_csv(folder / "train.csv", dtype=ids).rename(columns=columns)
liked = train[train["rating"] >= 4] if "rating" in train else train
pipeline = topn_pipeline(ItemKNNScorer(max_nbrs=50, feedback="implicit"))
pipeline.train(from_interactions_df(liked[["user_id", "item_id"]]))

asked = pd.read_csv(folder / "test.csv", dtype=ids)["user"].unique()
lists = recommend(pipeline, asked, n=200, n_jobs=1).to_df()
# what is known but was not learned from (disliked, validation) is left out by `score`
lists[["user_id", "item_id", "rank", "score"]].to_csv(folder / "lenskit-knn.csv", index=False)
