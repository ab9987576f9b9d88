"""Fit a logistic regression of scikit-learn on the train rows, and predict the test rows.

recsys-workbench data split ml-100k --to parts
python examples/sklearn_ranking.py parts
recsys-workbench score parts/sklearn-lr.csv --dataset ml-100k --stage ranking
"""

import sys
from pathlib import Path

import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

folder = Path(sys.argv[1])
ids = {"user": str, "item": str}
train = pd.read_csv(folder / "train.csv", dtype=ids)
test = pd.read_csv(folder / "test.csv", dtype=ids)

fields = ["user", "item"]
model = make_pipeline(
    OneHotEncoder(handle_unknown="ignore"), LogisticRegression(C=0.5, max_iter=200)
)
model.fit(train[fields], train["rating"] >= 4)

test["score"] = model.predict_proba(test[fields])[:, 1]
columns = [name for name in ("user", "item", "timestamp", "score") if name in test]
test[columns].to_csv(folder / "sklearn-lr.csv", index=False)
