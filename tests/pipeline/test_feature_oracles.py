"""One feature in a YAML file tells what is liked: with it every stage knows, without it none."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recsys_core.pipeline.run import run
from recsys_core.pipeline.spec import JobSpec
from recsys_core.protocols.split import Split
from tests.pipeline import oracles

ITEM = "{name: item_id, source: item, kind: categorical}"
COLOUR = "{name: colour, source: user, kind: categorical}"
LOOKS = "{name: looks, source: item, kind: vector}"
HOUR = "{name: hour, source: interaction, kind: categorical}"
#: of each set what tells, and what stands in the schema beside it
SETS = {"user": (COLOUR, (ITEM,)), "vector": (LOOKS, (ITEM, COLOUR)), "request": (HOUR, (ITEM,))}

RANKING = {"embedding_size": 8, "embedding_dropout": 0, "ema_decay": 0, "learning_rate": 0.03}
DEEPFM = {**RANKING, "hidden": [16], "dropout": 0, "batch_size": 64, "epochs": 7}
DSSM = {
    "dim": 16,
    "max_len": 8,
    "user_hidden": [32],
    "item_hidden": [],
    "sampler": "uniform",
    "logq": False,
    "batch_size": 32,
    "learning_rate": 0.01,
    "epochs": 10,
}
EVERYTHING = [{"model": "popularity", "quota": 100}]
FM = {**RANKING, "batch_size": 1024, "learning_rate": 0.05}
FM_EPOCHS = {"user": 7, "vector": 12, "request": 7}

#: ndcg@10 of one list for all: at each rank a user in five likes the item, who likes 8 in all
ONE_LIST = sum(1 / np.log2(1 + rank) for rank in range(1, 11)) / (
    5 * sum(1 / np.log2(1 + rank) for rank in range(1, 9))
)


@cache
def planted(name: str) -> Split:
    if name == "vector":
        return oracles.told_by_vector()
    return oracles.told_by_user(colour=name == "user")


def metrics(name: str, folder: Path, *, told: bool, **job: Any) -> dict[str, float]:
    """Write the schema, with what tells or without it, and run a job that reads it."""
    telling, others = SETS[name]
    lines = [*others, telling] if told else others
    path = folder / f"told-{told}.yaml"
    path.write_text("name: mine\nfeatures:\n" + "".join(f"  - {line}\n" for line in lines))
    if job["model"] == "two-stage":
        params = {**FM, "epochs": FM_EPOCHS[name]}
        ranker = {"model": "fm", "params": params, "context": False, "features": str(path)}
        job["params"] = {"channels": EVERYTHING, "ranker": ranker}
    else:
        job["features"] = str(path)
    spec = JobSpec.model_validate({"dataset": "oracle", "threads": 1, "ks": [10], **job})
    return run(spec, data_dir=folder, split=planted(name)).metrics


every_set = pytest.mark.parametrize("name", SETS)


@every_set
def test_a_ranking_model(name: str, tmp_path: Path) -> None:
    """Without what tells a user has no say in the score, and a user in five likes each item: .5.

    New items have each been liked once, whatever they look like: .5 but for how they were drawn.
    """
    told, untold = (
        metrics(name, tmp_path, told=told, model="deepfm", params=DEEPFM)["auc"]
        for told in (True, False)
    )
    assert told > 0.9
    assert untold == pytest.approx(0.5, abs=0.1 if name == "vector" else 0.02)


@every_set
def test_two_towers(name: str, tmp_path: Path) -> None:
    """Without what tells all users have the same query and get one list.

    New items look the same without their vectors: 10 of 50 are liked.
    """
    told, untold = (
        metrics(name, tmp_path, told=told, model="dssm", params=DSSM)["ndcg@10"]
        for told in (True, False)
    )
    assert told > 0.8
    check_chance(name, untold)


@every_set
def test_two_stages(name: str, tmp_path: Path) -> None:
    """Popularity proposes everything, and the ranker alone reads the schema."""
    told, untold = (
        metrics(name, tmp_path, told=told, model="two-stage")["ndcg@10"] for told in (True, False)
    )
    assert told > 0.8
    check_chance(name, untold)


def check_chance(name: str, ndcg: float) -> None:
    """Five lists, one per colour, of 10 items drawn from 50 have a mean of .2, deviation .06."""
    if name == "vector":
        assert ndcg == pytest.approx(0.2, abs=0.2)
    else:
        assert ndcg == pytest.approx(ONE_LIST, abs=0.01)  # rounding may tell equal scores apart
