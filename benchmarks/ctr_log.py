"""A made-up log of what was shown and clicked: DeepFM against a logistic regression.

Clicks follow a planted logistic model of what is known of each showing, with interactions that no
sum of single effects has: which item suits which user, which site which device, and which hour
which site. The log is imported as anybody's would be, cut by time, and both models are judged on
the same test rows.

The import is measured as wall and as CPU time. `python -m benchmarks ctr_log` runs it.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import Figure
from recsys_core.data.dataset import Categorical, Dataset
from recsys_core.data.interactions import Interactions
from recsys_core.protocols.split import Split

ROWS = 1_000_000
USERS, ITEMS = 20_000, 1_000
DEVICES = ("phone", "tablet", "desktop", "tv", "watch")
SITES, HOURS, POSITIONS = 40, 24, 8
CONTEXT = ("device", "site", "hour", "position", "price")
COLUMNS = {"user": "user", "item": "item", "label": "click", "timestamp": "time"} | {
    name: name for name in CONTEXT
}
#: a short training; validation chooses the epoch
DEEPFM: dict[str, Any] = {"epochs": 6, "patience": 2, "batch_size": 4096, "learning_rate": 2e-3}
#: strengths of the logistic regression's penalty, of which validation chooses one
STRENGTHS = (0.03, 0.1, 0.3, 1.0)
FIRST_DAY, DAY = 1_700_000_000, 86_400
#: users and items have tastes of so many numbers
TASTES = 4


def write_log(path: Path, rows: int = ROWS, seed: int = 0) -> None:
    """Write a log of `rows` showings, oldest first."""
    rng = np.random.default_rng(seed)
    user = (USERS * rng.random(rows) ** 1.5).astype(np.int64)
    item = (ITEMS * rng.random(rows) ** 2).astype(np.int64)
    device = rng.integers(len(DEVICES), size=rows)
    site = (SITES * rng.random(rows) ** 1.5).astype(np.int64)
    seconds = np.sort(rng.integers(14 * DAY, size=rows))
    hour = seconds // 3600 % HOURS
    position = rng.integers(1, 1 + POSITIONS, size=rows)
    price = np.round(np.exp(rng.normal(3, 0.7, size=rows)), 2)
    tastes = rng.normal(size=(USERS + ITEMS, TASTES))
    logit = -2.2 + 0.4 * rng.normal(size=ITEMS)[item] + 0.4 * rng.normal(size=USERS)[user]
    logit += 0.6 * np.einsum("ij,ij->i", tastes[user], tastes[USERS + item])
    logit += 0.3 * rng.normal(size=SITES)[site] - 0.15 * position - 0.3 * (np.log(price) - 3)
    logit += 0.7 * rng.normal(size=(SITES, len(DEVICES)))[site, device]
    logit += 0.7 * rng.normal(size=(SITES, HOURS))[site, hour]
    click = rng.random(rows) < 1 / (1 + np.exp(-logit))
    names = np.array(DEVICES)[device].tolist()
    columns = (user, item, click.astype(int), FIRST_DAY + seconds, site, hour, position, price)
    with path.open("w", encoding="utf-8") as file:
        file.write("user,item,click,time,site,hour,position,price,device\n")
        for row, name in zip(zip(*(c.tolist() for c in columns), strict=True), names, strict=True):
            u, i, *rest = row
            file.write(f"u{u},i{i},{','.join(map(str, rest))},{name}\n")


def measure() -> Iterator[Figure]:
    """Import the log, train both models on its earlier rows and judge them on the latest."""
    from recsys_core.data.importer import ImportOptions, import_dataset
    from recsys_core.pipeline.run import run
    from recsys_core.pipeline.spec import JobSpec
    from recsys_core.protocols.registry import make_protocol

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.csv"
        write_log(path)
        started, cpu = time.perf_counter(), time.process_time()
        options = ImportOptions(columns=COLUMNS, repeats="keep")
        dataset = import_dataset(path, Path(folder) / "data", "log", options)
        wall, cpu = time.perf_counter() - started, time.process_time() - cpu
        yield Figure("CTR log: import, 1M rows, 5 further columns", "s", wall, None, "")
        yield Figure("CTR log: import, CPU", "s", cpu, None, "")
        protocol = {"name": "global-timeline"}
        split = make_protocol(protocol).split(dataset)
        spec = JobSpec(dataset="log", protocol=protocol, model="deepfm", params=DEEPFM)
        result = run(spec, data_dir=Path(folder) / "data", split=split)
        low, high = result.judged.evaluation.ci95["auc"]
        auc = _logistic_auc(split)
        name = f"CTR log: AUC of deepfm [{low:.4f}, {high:.4f}] / logistic"
        yield Figure(name, "AUC", result.metrics["auc"], auc, "scikit-learn", 1.0)


def _logistic_auc(split: Split) -> float:
    """Fit a logistic regression on one-hot columns, numbers in 50 quantiles; give its test AUC."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.preprocessing import OneHotEncoder

    parts = (split.train, split.valid, split.test)
    edges = _price_edges(split.train)
    encoder = OneHotEncoder(handle_unknown="ignore", dtype=np.float32)
    encoder.fit(_columns(split.train, edges))
    train, valid, test = (encoder.transform(_columns(part, edges)) for part in parts)
    labels = [part.relevant for part in parts]
    models = [LogisticRegression(C=c, max_iter=200).fit(train, labels[0]) for c in STRENGTHS]
    best = max(models, key=lambda m: roc_auc_score(labels[1], m.decision_function(valid)))
    return float(roc_auc_score(labels[2], best.decision_function(test)))


def _values(dataset: Dataset, name: str) -> np.ndarray[Any, Any]:
    column = dataset.context[name]
    return column.codes if isinstance(column, Categorical) else column.values  # type: ignore[union-attr]


def _price_edges(train: Interactions) -> np.ndarray[Any, Any]:
    prices = _values(train.dataset, "price")[train.rows]
    return np.asarray(np.quantile(prices, np.arange(1, 50) / 50))


def _columns(rows: Interactions, edges: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Shape (n, columns): user, item and the further columns as whole numbers."""
    further = [_values(rows.dataset, name)[rows.rows] for name in CONTEXT]
    further[-1] = np.searchsorted(edges, further[-1], side="right")
    return np.stack([rows.user, rows.item, *further], axis=1).astype(np.int64)
