"""Ranking models against RecBole: same rows, fields and networks.

Rows per second of training, DeepFM and DCN-v2, and DeepFM's time to RecBole's AUC.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import WORK, Figure, load_ml1m, peer_python, run_peer

RECBOLE = ["torch==2.13.0", "recbole==1.2.1", "numpy<2", "pandas<2.3", "scipy<1.14"]
PROTOCOL = {"name": "random-rows", "drop_ratings": [3], "relevance": 4}
ROUNDS = 3
#: by model: our fields and the peer's for networks of one size
NETWORKS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "deepfm": (
        {"hidden": (128, 128, 128)},
        {"model": "DeepFM", "mlp_hidden_size": [128, 128, 128]},
    ),
    "dcn-v2": (
        {"hidden": (256, 256), "cross_layers": 2, "structure": "parallel"},
        {
            "model": "DCNV2",
            "mlp_hidden_size": [256, 256],
            "cross_layer_num": 2,
            "structure": "parallel",
        },
    ),
}
GOALS = {"deepfm": 2.5, "dcn-v2": 2.0}
#: the best AUC on test rows that RecBole's DeepFM was measured at
AUC = 0.8983
#: a short training of DeepFM with the peer's network, chosen by validation AUC; the peer keeps the
#: settings that it publishes for these data
SHORT: dict[str, Any] = {
    **NETWORKS["deepfm"][0],
    "epochs": 5,
    "patience": 1,
    "batch_size": 4096,
    "learning_rate": 6e-3,
    "schedule": "constant",  # weights are averaged, so that steps need not become shorter
    "ema_decay": 0.994,
}


def measure() -> Iterator[Figure]:
    """Train a few epochs of each, in turn; the rate is that of the better epoch of a round."""
    from recsys_core.protocols.registry import make_protocol

    dataset = load_ml1m()
    split = make_protocol(PROTOCOL).split(dataset)
    folder = WORK / "recbole-data" / "ml-1m-ctr"
    _write_atomic_files(dataset, split, folder)
    python = peer_python("recbole", RECBOLE)

    def peer(name: str, task: str) -> dict[str, Any]:
        settings = json.dumps(NETWORKS[name][1])
        return run_peer(python, "recbole_ranking.py", str(folder), settings, task)

    for name, goal in GOALS.items():
        rounds = [
            (_rows_per_second(split, name), peer(name, "rate")["rate"]) for _ in range(ROUNDS)
        ]
        ours, theirs = (statistics.median(rates) for rates in zip(*rounds, strict=True))
        yield Figure(f"{name} training, 7 fields", "rows/s", ours, theirs, "RecBole 1.2.1", goal)
    seconds = _seconds_to_auc(split)
    fitted = peer("deepfm", "fit")
    label = f"RecBole 1.2.1, AUC {fitted['auc']:.4f}"
    yield Figure(f"deepfm to AUC {AUC}", "s", seconds, fitted["seconds"], label, 3.0)


def _rows_per_second(split: Any, name: str) -> float:
    ranker = _ranker(  # regularised as the peer is: dropout in the MLP alone
        split,
        name,
        epochs=3,
        batch_size=4096,
        patience=0,
        embedding_l2=0,
        embedding_dropout=0,
        ema_decay=0,
        **NETWORKS[name][0],
    )
    rates: list[float] = []
    ranker.fit(split, lambda event: rates.append(event.metrics.get("rows_per_second", 0.0)))
    return max(rates)


def _seconds_to_auc(split: Any) -> float:
    """Time a whole fit, features and validation included; it must end above `AUC` on test rows."""
    from recsys_core.evaluation.rows import auc

    ranker = _ranker(split, "deepfm", **SHORT)
    started = time.perf_counter()
    ranker.fit(split)
    seconds = time.perf_counter() - started
    predicted = ranker.predict(split.test, split.known)[:, 0].astype(np.float64)
    reached = auc(split.test.relevant.astype(np.int8), predicted)
    if reached < AUC:
        raise RuntimeError(f"deepfm ended at AUC {reached:.4f}, not {AUC}")
    return seconds


def _ranker(split: Any, name: str, **fields: Any) -> Any:
    from recsys_core.features.schema import load_schema
    from recsys_core.ranking.ranker import Ranker
    from recsys_core.registry import model_info

    config = model_info(name).cls.Config(**fields)
    return Ranker(name, config, load_schema("movielens", split.dataset))


def _write_atomic_files(dataset: Any, split: Any, folder: Path) -> None:
    """Write rows and attributes in RecBole's format; the label is a column already."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = np.sort(np.concatenate([split.train.rows, split.valid.rows, split.test.rows]))
    label = (dataset.rating[rows] >= 4).astype(int)
    with (folder / "ml-1m-ctr.inter").open("w") as file:
        file.write("user_id:token\titem_id:token\tlabel:float\n")
        for user, item, value in zip(dataset.user[rows], dataset.item[rows], label, strict=True):
            file.write(f"{user}\t{item}\t{value}\n")
    users = [dataset.user_columns[name] for name in ("age", "gender", "occupation")]
    with (folder / "ml-1m-ctr.user").open("w") as file:
        file.write("user_id:token\tage:token\tgender:token\toccupation:token\n")
        for user in range(dataset.n_users):
            values = "\t".join(str(column.vocabulary[column.codes[user]]) for column in users)
            file.write(f"{user}\t{values}\n")
    genres, years = dataset.item_columns["genres"], dataset.item_columns["year"].values
    with (folder / "ml-1m-ctr.item").open("w") as file:
        file.write("item_id:token\tgenre:token_seq\trelease_year:token\n")
        for item in range(dataset.n_items):
            codes = genres.codes[genres.offsets[item] : genres.offsets[item + 1]]
            names = " ".join(genres.vocabulary[codes].tolist())
            file.write(f"{item}\t{names}\t{years[item]:.0f}\n")
