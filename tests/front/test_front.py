"""What stands at the front of the package: cheap to import, equal to a run, clear when refused."""

from __future__ import annotations

import doctest
import subprocess
from dataclasses import replace
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import recsys_core
from recsys_core import (
    Dataset,
    Fitted,
    Result,
    Split,
    compare,
    evaluate,
    fit,
    recommend,
    score,
    split,
)
from recsys_core.data.dataset import Dataset as Events
from recsys_core.data.sample import make_sample
from recsys_core.errors import InputError
from recsys_core.pipeline.recommender import Recommender
from recsys_core.pipeline.run import run
from recsys_core.pipeline.spec import JobSpec
from recsys_core.processes import python_command

#: all but what is defined in terms of these
MODULES = ("comparison", "dataset", "models", "results", "scores", "shown", "splits", "wording")
FAST = {"epochs": 1, "hidden": [8]}
STAGES: dict[str, dict[str, Any]] = {
    "item-cf": {},
    "lr": {"epochs": 1},
    "two-stage": {
        "channels": [{"model": "popularity", "quota": 20}, {"model": "item-cf", "quota": 20}],
        "merge": {"size": 20},
        "ranker": {"params": FAST},
    },
}


@cache
def small() -> Events:
    return replace(make_sample(n_users=40, n_items=40, mean_events=15), name="small")


@pytest.fixture(scope="module")
def parts() -> Split:
    return split(small(), "leave-last-out", relevance=3)


@pytest.fixture(scope="module")
def fitted(parts: Split) -> dict[str, Fitted]:
    return {name: fit(name, parts, seed=3, threads=1, **params) for name, params in STAGES.items()}


@pytest.fixture(scope="module")
def results(fitted: dict[str, Fitted]) -> dict[str, Result]:
    return {name: evaluate(one, ks=[5, 10]) for name, one in fitted.items()}


def test_importing_it_loads_nothing() -> None:
    code = (
        "import sys, recsys_core; recsys_core.__version__;"
        "print(sorted({'torch', 'pandas', 'scipy', 'numpy', 'pydantic'} & set(sys.modules)),"
        " set(recsys_core.__all__) <= set(dir(recsys_core)))"
    )
    done = subprocess.run(python_command("-c", code), capture_output=True, text=True, check=True)
    assert done.stdout == "[] True\n"


def test_all_names_are_there() -> None:
    for name in recsys_core.__all__:
        assert getattr(recsys_core, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        recsys_core.trian  # noqa: B018


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("recsys_core.data.load.load_dataset", lambda *_, **__: small())
    found = doctest.testmod(import_module(f"recsys_core.front.{name}"))
    assert found.attempted or name == "results"
    assert not found.failed


@pytest.mark.parametrize("name", STAGES)
def test_figures_are_those_of_a_run(name: str, parts: Split, results: dict[str, Result]) -> None:
    spec = JobSpec.model_validate(
        {
            "dataset": "small",
            "protocol": {"name": "leave-last-out", "relevance": 3},
            "model": name,
            "params": STAGES[name],
            "ks": (5, 10),
            "seed": 3,
            "threads": 1,
        }
    )
    there, here = run(spec, data_dir=Path(), split=parts), results[name]
    assert repr(here.metrics) == repr(there.metrics)  # to the last digit; NaN is no number
    assert repr(here.ci95) == repr(there.judged.evaluation.ci95)
    assert here.run.validation == there.validation
    for metric, values in there.judged.evaluation.user_metrics.items():
        assert np.array_equal(here.frame()[metric].to_numpy(), values, equal_nan=True)
    timed = {"fit_seconds", "eval_seconds", "peak_rss_mb", "timings"}
    ours, theirs = (
        {key: value for key, value in one.content().items() if key not in timed}
        for one in (here, there)
    )
    assert ours.pop("protocol")["fingerprint"] == theirs.pop("protocol")["fingerprint"]
    assert repr(ours) == repr(theirs)


def test_frames_of_a_result(results: dict[str, Result], parts: Split) -> None:
    lists = results["item-cf"].lists()
    first = lists[lists["user"] == lists["user"][0]]
    assert first["rank"].tolist() == list(range(1, len(first) + 1))
    assert first["score"].is_monotonic_decreasing
    assert results["item-cf"].predictions().empty
    rows = results["lr"].predictions()
    assert rows[["user", "item"]].to_numpy().tolist() == (
        parts.frame("test")[["user", "item"]].to_numpy().tolist()
    )
    assert set(rows["label"]) == {0.0, 1.0}
    assert results["lr"].lists().empty
    summary = results["lr"].summary()
    value, low, high = summary.loc["auc"].to_numpy(float)
    assert low < value < high


def test_what_is_shown(results: dict[str, Result], fitted: dict[str, Fitted], parts: Split) -> None:
    text = repr(results["item-cf"])
    assert text.startswith("item-cf on 'small' by leave-last-out: ")
    assert "ndcg@5" in text
    assert "ndcg@10" not in text
    assert "<td>ndcg@5</td>" in results["item-cf"]._repr_html_()
    assert repr(fitted["lr"]).startswith("Fitted lr (ranking, seed 3) on 'small' by leave-last-out")
    assert f"fingerprint: {parts.fingerprint}" in repr(parts)
    found = compare(results["item-cf"], results["two-stage"])
    assert repr(found).startswith("differences from item-cf\nmetric")
    assert "<td>two-stage</td>" in found._repr_html_()
    clear = replace(found["ndcg@5"], p_value=1e-9)
    assert repr(replace(found, differences=(clear,))).endswith(" <0.001")


def test_recommendations_are_those_of_a_recommender(
    fitted: dict[str, Fitted], parts: Split
) -> None:
    users = ["2", "1", "17"]
    for name in ("item-cf", "two-stage"):
        theirs = Recommender(fitted[name].model, parts)
        assert recommend(fitted[name], "2", k=5) == theirs.recommend("2", k=5)
        history = [theirs.dataset.item_ids[3], theirs.dataset.item_ids[5]]
        assert recommend(fitted[name], history=history) == theirs.recommend(history=history)
        frame = recommend(fitted[name], users, k=5)
        assert frame["user"].drop_duplicates().tolist() == users
        for user, own in frame.groupby("user"):
            listed = theirs.recommend(str(user), k=5)
            assert own["item"].tolist() == [each.item_id for each in listed]
            assert own["title"].tolist() == [each.title for each in listed]
            assert np.allclose(own["score"], [each.score for each in listed])
        some, banned = theirs.dataset.item_ids[:30].tolist(), theirs.dataset.item_ids[:3].tolist()
        chosen = {"candidates": some, "without": banned}
        assert recommend(fitted[name], "2", **chosen) == theirs.recommend("2", **chosen)
        frame = recommend(fitted[name], users, **chosen)
        assert set(frame["item"]) <= set(some) - set(banned)
        assert not frame.empty
    whole = Recommender(fitted["item-cf"].model, parts, known="all")
    assert recommend(fitted["item-cf"], "2", known="all") == whole.recommend("2")
    assert recommend(fitted["item-cf"], [], k=5).empty


def test_comparing_several_corrects_for_their_number(results: dict[str, Result]) -> None:
    lists = results["item-cf"], results["two-stage"]
    alone = compare(*lists)["ndcg@10"]
    twice = compare(lists[0], lists[1], lists[1], metrics=["ndcg@10"])
    assert alone.p_value is not None
    assert [each.p_value for each in twice.differences] == [min(1.0, 2 * alone.p_value)] * 2
    frame = compare(*lists).frame()
    assert frame.loc[frame["metric"] == "coverage@10", "low"].isna().all()  # none per user
    same = compare(lists[0], lists[0])["recall@5"]
    assert (same.delta, same.ci95, same.p_value) == (0, (0, 0), 1)


def test_what_is_refused(fitted: dict[str, Fitted], results: dict[str, Result]) -> None:
    other = split(small(), "user-timeline")
    item_cf = fitted["item-cf"]
    refused: dict[str, Any] = {
        "evaluate: item-cf was fitted on another split": lambda: evaluate(item_cf, other),
        r"k 100 is larger than the catalogue .*\nchoose .* with ks=…": lambda: evaluate(
            item_cf, ks=[100]
        ),
        "every K must be at least 1": lambda: evaluate(item_cf, ks=[0]),
        "judged on different splits": lambda: compare(
            results["item-cf"], evaluate(fit("popularity", other), ks=[10])
        ),
        "there is one result": lambda: compare(results["lr"]),
        "lr, item-cf have no metric in common": lambda: compare(results["lr"], results["item-cf"]),
        "unknown value of known 'every'": lambda: recommend(item_cf, "1", known="every"),  # type: ignore[call-overload]
        "ks = 5: ": lambda: evaluate(item_cf, ks=5),  # type: ignore[arg-type]
        "unknown metric of these results 'ndgc@5'": lambda: compare(
            *[results["item-cf"]] * 2, metrics=["ndgc@5"]
        ),
        "unknown metric here 'x'": lambda: compare(*[results["lr"]] * 2)["x"],
        "recommend: lr is a ranking model": lambda: recommend(fitted["lr"], "1"),
        "no user 'nobody' in data set 'small'": lambda: recommend(item_cf, "nobody"),
        "no user and no history": lambda: recommend(item_cf),
        "one history for several users": lambda: recommend(item_cf, ["1"], history=["2"]),  # type: ignore[call-overload]
        "unknown model 'item_cf'": lambda: fit("item_cf", other),
        "unknown field of model item-cf 'neighbors'": lambda: fit("item-cf", other, neighbors=3),
        "item-cf takes no feature schema": lambda: fit("item-cf", other, features="base"),
        "fit: Dataset instead of a split": lambda: fit("item-cf", small()),  # type: ignore[arg-type]
        "split: str instead of a data set": lambda: split("sample"),  # type: ignore[arg-type]
        "unknown protocol 'random'": lambda: split(small(), "random"),
        "unknown field of protocol random-rows 'seed'": lambda: split(
            small(), "random-rows", seed=1
        ),
        "no rating is above 5\nset relevance": lambda: split(small(), relevance=6),
        "unknown part of a split 'dev'": lambda: other.frame("dev"),  # type: ignore[arg-type]
    }
    for problem, call in refused.items():
        with pytest.raises(InputError, match=problem):
            call()


def test_a_set_without_ratings_has_no_ranking_models() -> None:
    frame = pd.DataFrame({"user": [1, 1, 1, 2, 2, 2], "item": [*"abcabd"]})
    cut = split(Dataset.from_frame(frame), "random-per-user", test_share=0.4, valid_share=0.4)
    with pytest.raises(InputError, match="'frame' has no ratings"):
        fit("lr", cut)


def test_scores_from_elsewhere_are_judged_alike(
    results: dict[str, Result], parts: Split, tmp_path: Path
) -> None:
    """Of frames and of files; what was double or unknown is counted."""
    lists, rows = results["item-cf"].lists(), results["lr"].predictions()
    rows = rows.assign(time=parts.frame("test")["timestamp"])
    lists.to_csv(tmp_path / "mine.csv", index=False)
    for given in (lists, pa.Table.from_pandas(lists), tmp_path / "mine.csv"):
        found = score(given, parts, ks=[5, 10])
        assert found.metrics == pytest.approx(results["item-cf"].metrics, abs=1e-12, nan_ok=True)
    assert found.label == "mine"
    again = score(rows.drop(columns="label"), parts, stage="ranking", ks=[10], label="theirs")
    assert again.metrics == pytest.approx(results["lr"].metrics, abs=1e-12, nan_ok=True)
    assert compare(results["lr"], again)["auc"].label == "theirs"
    with pytest.raises(InputError, match="ks"):
        score(lists, parts, ks=10)  # type: ignore[arg-type]
    more = pd.concat([lists, lists[:3], lists[:1].assign(item="nothing")])
    counts = score(more, parts, ks=[10]).file_counts
    assert counts["duplicate_rows"] == 3
    assert counts["unknown_items"] == 1
    for frame, problem in (
        (lists.drop(columns="item"), "scores: no column is the item; its columns are: user, rank"),
        (lists.assign(score=np.nan), "scores, row 1: the score is missing or not a finite number"),
        (lists.assign(user="nobody"), "scores: no user of it is in data set 'small'"),
        ([1], "scores: a list is not a table"),
    ):
        with pytest.raises(InputError, match=problem):
            score(frame, parts, ks=[10])
