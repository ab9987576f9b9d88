"""What a job would take is told without doing it, and every refusal names what would fit."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from torch import Tensor

from recsys_core.compute import capacity, rehearsal
from recsys_core.errors import CapacityError, InputError
from recsys_core.pipeline import estimate
from recsys_core.pipeline.estimate import Estimate, estimate_job
from recsys_core.pipeline.spec import JobSpec
from recsys_core.protocols.registry import make_protocol
from recsys_core.protocols.split import Split
from recsys_core.registry import model_info
from recsys_core.training.adam import Adam
from tests.protocols.build import random_dataset

MIB = 2**20
#: of channels: one that refuses, one of the same kind, one that does not
CHANNELS = [{"model": "ease"}, {"model": "seq-ridge"}, {"model": "popularity", "quota": 5}]
FEW_EPOCHS = {"hidden": [8], "epochs": 2}
LISTS = {
    "channels": [{"model": "popularity", "quota": 20}, {"model": "item-cf", "quota": 20}],
    "ranker": {"params": FEW_EPOCHS},
}


@cache
def cut(n_items: int) -> Split:
    data = random_dataset(3, n_users=150, n_items=n_items, n=3_000, last_time=10**6)
    return make_protocol({"name": "user-timeline"}).split(data)


def job(model: str, **params: Any) -> JobSpec:
    return JobSpec(dataset="tiny", model=model, params=params, threads=1)


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FIT_SECONDS", "JUDGE_SECONDS"):
        monkeypatch.setattr(estimate, name, 0.0)


def spare(megabytes: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capacity, "available_memory", lambda: int(megabytes * MIB))


def changed(spec: JobSpec, change: Any) -> JobSpec:
    """Do what a refusal names."""
    if "model" in change:
        return job(change["model"])
    return job(spec.model, **{**spec.params, **change["params"]})


@pytest.mark.parametrize(
    ("spec", "n_items", "free", "named"),
    [
        # 16 bytes per pair of items: 30.5 MiB
        (job("ease"), 1414, 20, ["model"]),
        # 36 bytes with two histories, 16 with one: 17.2 and 7.6 MiB
        (job("seq-ridge"), 707, 10, ["params", "model"]),
        (job("seq-ridge", history_half_lives=[1, 2], l2=[9, 8]), 707, 10, ["params", "model"]),
        (job("seq-ridge"), 707, 5, ["model"]),
        (job("two-stage", channels=CHANNELS, ranker={"model": "none"}), 707, 4, ["params"]),
        # two windows of 140 users with lists of 100 rows of 19 features, twice: 4.1 MiB
        (job("two-stage", **LISTS), 100, 3.5, ["params", "params"]),
        # too little for 100 lists
        (job("two-stage", **LISTS), 100, 1, ["params"]),
    ],
)
def test_what_a_refusal_names_fits(
    spec: JobSpec, n_items: int, free: float, named: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    spare(free, monkeypatch)
    with pytest.raises(CapacityError) as refused:
        estimate_job(spec, cut(n_items))
    changes = refused.value.changes
    assert [kind for change in changes for kind in change] == named
    for change in changes:
        assert estimate_job(changed(spec, change), cut(n_items)).fit_seconds >= 0


def test_a_refusal_says_how_to_set_it(monkeypatch: pytest.MonkeyPatch) -> None:
    spare(10, monkeypatch)
    with pytest.raises(CapacityError) as refused:
        estimate_job(job("seq-ridge", history_half_lives=[1, 2], l2=[9, 8]), cut(707))
    said = refused.value.remedy
    assert said == "set history_half_lives=[2.0], l2=[8.0], or use item-cf"


def test_models_that_may_refuse_say_so() -> None:
    """Whoever calls `require_memory` has a refusal above."""
    refusing = [
        name
        for name in ("item-cf", "ease", "seq-ridge", "user-cf", "ials")
        if model_info(name).cls.all_pairs
    ]
    assert refusing == ["ease", "seq-ridge"]


def test_training_takes_a_few_steps_of_one_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = 0

    def count(self: Adam, closure: None = None) -> Tensor | None:
        nonlocal steps
        steps += 1
        return None

    monkeypatch.setattr(Adam, "step", count)
    found = estimate_job(job("mf", epochs=40, patience=4, negatives=20, batch_size=8), cut(100))
    assert steps == rehearsal.WARMING + rehearsal.LEAST_STEPS
    assert found.fit_seconds > found.fit_seconds_least > 0
    assert found.cpu_seconds > found.cpu_seconds_least
    assert found.how == "steps"


@pytest.mark.parametrize("model", ["popularity", "user-cf", "ials", "lr"])
def test_jobs_of_every_kind_are_estimated(model: str) -> None:
    found = estimate_job(job(model), cut(100))
    assert found.eval_seconds > 0
    assert found.fit_seconds >= found.fit_seconds_least >= 0
    assert found.peak_rss_mb > 50


@pytest.mark.parametrize("spec", [job("popularity"), job("two-stage", **LISTS)])
def test_a_model_of_a_package_is_not_trained(
    spec: JobSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = model_info("popularity")
    foreign = replace(info, cls=type("Foreign", (info.cls,), {"__module__": "somewhere.else"}))
    others = {"popularity": foreign}
    monkeypatch.setattr(estimate, "model_info", lambda name: others.get(name) or model_info(name))
    with pytest.raises(InputError, match=r"comes with another package \(somewhere.else\)"):
        estimate_job(spec, cut(100))


def test_few_users_are_enough_if_one_of_them_can_be_judged() -> None:
    split = cut(100)
    chosen = np.flatnonzero(split.test.relevant)[:1]
    mask = ~np.isin(split.test.user, split.test.user[split.test.relevant])
    mask[chosen] = True
    found = estimate_job(job("popularity"), replace(split, test=split.test.where(mask)))
    assert found.eval_seconds > 0


def test_windows_come_one_after_the_other() -> None:
    one = Estimate(2.0, 1.0, 3.0, 4.0, 3.0, 100.0, "steps")
    found = estimate._together([one, replace(one, peak_rss_mb=200.0)])
    assert found == Estimate(4.0, 2.0, 6.0, 8.0, 6.0, 200.0, "steps")
