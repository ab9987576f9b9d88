"""DeepFM training rows a second against RecBole: same rows, fields and network."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import WORK, Figure, load_ml1m, peer_python, run_peer

RECBOLE = ["torch==2.13.0", "recbole==1.2.1", "numpy<2", "pandas<2.3", "scipy<1.14"]
PROTOCOL = {"name": "random-rows", "drop_ratings": [3], "relevance": 4}
ROUNDS = 3


def measure() -> Iterator[Figure]:
    """Train a few epochs of each, in turn; the rate is that of the better epoch of a round."""
    from recsys_core.protocols.catalogue import make_protocol

    dataset = load_ml1m()
    split = make_protocol(PROTOCOL).split(dataset)
    folder = WORK / "recbole-data" / "ml-1m-ctr"
    _write_atomic_files(dataset, split, folder)
    python = peer_python("recbole", RECBOLE)
    rounds = [
        (_rows_per_second(split), run_peer(python, "recbole_deepfm.py", str(folder))["rate"])
        for _ in range(ROUNDS)
    ]
    ours, peer = (statistics.median(rates) for rates in zip(*rounds, strict=True))
    yield Figure("DeepFM training, 7 fields", "rows/s", ours, peer, "RecBole 1.2.1", 2.5)


def _rows_per_second(split: Any) -> float:
    from recsys_core.features.schema import load_schema
    from recsys_core.ranking.deepfm import DeepFM
    from recsys_core.ranking.ranker import Ranker

    config = DeepFM.Config(  # regularised as the peer is: dropout in the MLP alone
        epochs=3,
        batch_size=4096,
        embedding_size=16,
        hidden=(128, 128, 128),
        patience=0,
        embedding_l2=0,
        embedding_dropout=0,
        average_decay=0,
    )
    ranker = Ranker("deepfm", config, load_schema(None, split.dataset), _runtime())
    rates: list[float] = []
    ranker.fit(split, lambda event: rates.append(event.metrics.get("rows_per_second", 0.0)))
    return max(rates)


def _runtime() -> Any:
    from recsys_core.training.runtime import Runtime

    return Runtime()


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
