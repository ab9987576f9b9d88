"""A two-stage job: the whole and its parts, models of finished runs, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recsys_core.errors import InputError
from recsys_core.evaluation.names import check_metric_name, higher_is_better
from recsys_core.pipeline.result import RunResult
from recsys_core.pipeline.run import check_split, model_config, run
from recsys_core.pipeline.spec import JobSpec
from recsys_core.protocols.registry import make_protocol
from recsys_core.protocols.split import Split
from tests.two_stage.build import FIELDS, planted

FAST = {"hidden": [16], "epochs": 6, "batch_size": 16, "dropout": 0}


def spec(model: str = "two-stage", **params: Any) -> JobSpec:
    fields = {**FIELDS, "ranker": {"params": FAST}} if model == "two-stage" else {}
    values = {"dataset": "tiny", "model": model, "params": {**fields, **params}, "threads": 1}
    return JobSpec.model_validate({**values, "ks": (5, 10)})


@pytest.fixture(scope="module")
def result() -> RunResult:
    return run(spec(), data_dir=Path(), split=planted())


def test_parts_are_judged_on_the_same_users(result: RunResult) -> None:
    metrics = result.metrics
    assert result.stage == "two-stage"
    for name in metrics:
        check_metric_name(name)
    assert metrics["gain/ndcg@10"] == pytest.approx(metrics["ndcg@10"] - metrics["merge/ndcg@10"])
    assert metrics["gain/ndcg@10"] > 0.05
    assert metrics["oracle/ndcg@10"] >= metrics["ndcg@10"]
    assert metrics["oracle/recall@200"] == pytest.approx(metrics["candidates/recall"])
    # pools hold at most 50 candidates, so their best 200 are all of them
    assert metrics["candidates/recall@200"] == pytest.approx(metrics["candidates/recall"])
    assert 0 < metrics["candidates/size"] <= 50
    # no hit is ever right, and popularity knows little else
    assert metrics["channel/item-cf/recall@10"] > metrics["channel/popularity/recall@10"]
    assert metrics["channel/item-cf/only"] > metrics["channel/popularity/only"]
    low, high = result.judged.evaluation.ci95["gain/ndcg@10"]
    assert low < metrics["gain/ndcg@10"] < high


def test_a_channel_is_judged_as_if_it_ran_alone(result: RunResult) -> None:
    alone = run(spec("item-cf"), data_dir=Path(), split=planted())
    for metric in ("ndcg@10", "recall@10"):
        assert result.metrics[f"channel/item-cf/{metric}"] == pytest.approx(alone.metrics[metric])


def test_segments_are_means_over_their_users(result: RunResult) -> None:
    split = planted()
    known = np.bincount(split.known.user, minlength=split.dataset.n_users)[
        result.judged.evaluation.users
    ]
    few = known <= np.quantile(known, 0.25)
    mean = result.judged.evaluation.user_metrics["ndcg@10"][few].mean()
    assert result.metrics["segment/users=new/ndcg@10"] == pytest.approx(float(mean))
    # each block of users watches one genre
    comedies = result.judged.evaluation.user_metrics["recall@10"][
        result.judged.evaluation.users < 30
    ].mean()
    assert result.metrics["segment/genre=Comedy/recall@10"] == pytest.approx(float(comedies))


def test_channels_stand_beside_the_recommendations(result: RunResult) -> None:
    top = result.judged.recommendations
    assert top is not None
    assert top.sources is not None
    assert top.channels == ("popularity", "item-cf")
    assert top.sources.shape == (*top.items.shape, 2)
    assert (top.sources.any(axis=2) == (top.items >= 0)).all()


def test_the_cost_of_requests_is_noted(result: RunResult) -> None:
    timings = result.judged.timings
    requests = {"request_ms_p50", "request_ms_p95", "request_cpu_ms_p95"}
    assert set(timings) == {*requests, "users_per_second"}
    assert 0 < timings["request_ms_p50"] <= timings["request_ms_p95"]


def test_two_runs_of_a_spec_agree_bit_for_bit(result: RunResult) -> None:
    again = run(spec(), data_dir=Path(), split=planted())
    np.testing.assert_equal(again.metrics, result.metrics)
    assert again.validation == result.validation


def test_names_of_parts() -> None:
    assert higher_is_better("channel/ease/recall@200")
    assert not higher_is_better("merge/popularity@10")
    for wrong in ("merge/ndgc@10", "candidates/recal", "channel/ease/recall@x"):
        with pytest.raises(InputError):
            check_metric_name(wrong)


def finished(folder: Path, split: Split, model: str) -> str:
    """Leave what a run folder has of a run."""
    done = run(spec(model), data_dir=Path(), out_dir=folder, split=split)
    (folder / "metrics.json").write_text(json.dumps(done.content()))
    return str(folder)


def test_models_of_finished_runs_are_used(tmp_path: Path, result: RunResult) -> None:
    split = planted()
    recall = finished(tmp_path / "a-cf-run", split, "item-cf")
    ranking = finished(tmp_path / "lr-run", split, "lr")
    channels = [{"model": "popularity", "quota": 30}, {"run": recall, "quota": 30}]
    taken = run(spec(channels=channels), data_dir=Path(), split=split)
    assert taken.metrics["ndcg@10"] == result.metrics["ndcg@10"]
    assert taken.metrics["channel/a-cf-run/ndcg@10"] == result.metrics["channel/item-cf/ndcg@10"]
    ranked = run(spec(ranker={"run": ranking}), data_dir=Path(), split=split)
    assert ranked.metrics["channel/item-cf/ndcg@10"] == result.metrics["channel/item-cf/ndcg@10"]
    assert ranked.curve  # of the ranking run


def test_runs_of_another_stage_or_split_are_refused(tmp_path: Path) -> None:
    split = planted()
    other = make_protocol({"name": "leave-last-out"}).split(split.dataset)
    recall = finished(tmp_path / "other-split", other, "item-cf")
    message = (
        r"run other-split learned from another split .* it may know rows that are to be judged"
    )
    with pytest.raises(InputError, match=message):
        run(spec(channels=[{"run": recall}]), data_dir=Path(), split=split)
    ranking = finished(tmp_path / "lr-run", split, "lr")
    with pytest.raises(InputError, match="run lr-run is a ranking run, a recall run is needed"):
        run(spec(channels=[{"run": ranking}]), data_dir=Path(), split=split)
    with pytest.raises(InputError, match="no result here"):
        run(spec(channels=[{"run": str(tmp_path / "gone")}]), data_dir=Path(), split=split)


def test_a_feature_schema_belongs_to_the_ranker() -> None:
    job = spec().model_copy(update={"features": "default"})
    with pytest.raises(
        InputError, match=r"two-stage takes no feature schema\nwrite it into a channel"
    ):
        model_config(job)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"channels": [{"model": "two-stage"}]}, "channel two-stage: two-stage is a two-stage"),
        ({"channels": [{"model": "lr"}]}, "channel lr: lr is a ranking model"),
        ({"channels": [{"model": "ease", "params": {"l3": 1}}]}, "unknown field of channel ease"),
        ({"channels": [{"model": "eas"}]}, "unknown model 'eas'"),
        ({"ranker": {"model": "ease"}}, "ranker: ease is a recall model"),
        ({"ranker": {"model": "lr", "params": {"dim": 3}}}, r"unknown field of ranker \(lr\)"),
        ({"ranker": {"params": {"hiden": [3]}}}, r"unknown field of ranker \(mlp\) 'hiden'"),
    ],
)
def test_models_that_do_not_fit_are_refused_without_the_data(
    params: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        model_config(spec(**params))


def test_what_does_not_fit_the_data_is_refused_before_anything_is_fitted(tmp_path: Path) -> None:
    split = planted()
    other = make_protocol({"name": "leave-last-out"}).split(split.dataset)
    recall = finished(tmp_path / "other-split", other, "popularity")
    ids = {"name": "item_id", "source": "item", "kind": "categorical"}
    (tmp_path / "ids.yaml").write_text(json.dumps({"name": "ids", "features": [ids]}))
    for params, message in (
        ({"channels": [{"run": recall}]}, "run other-split learned from another split"),
        ({"ranker": {"run": recall}}, "is a recall run, a ranking run is needed"),
        ({"ranker": {"model": "lr", "features": "no"}}, "no feature schema is called 'no'"),
        ({"ranker": {"model": "din", "features": str(tmp_path / "ids.yaml")}}, "has none that"),
    ):
        with pytest.raises(InputError, match=message):
            check_split(spec(**params), split)
