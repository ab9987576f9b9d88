"""`run(spec)`: the same spec gives the same result, and nothing of the future helps."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from recsys_core import registry
from recsys_core.errors import InputError
from recsys_core.events import Event
from recsys_core.features.statistics import STATISTICS, Statistic
from recsys_core.pipeline.environment import package_versions
from recsys_core.pipeline.run import load_split, model_config, reuse_key, run, validation_metric
from recsys_core.pipeline.spec import JobSpec
from recsys_core.protocols.registry import make_protocol
from recsys_core.protocols.split import Split
from recsys_core.recall.item_cf import ItemCF, ItemCFConfig
from recsys_core.recall.shared.validation import Validation
from recsys_core.registry import ModelInfo
from tests.protocols.build import dataset

CHEAP = {
    "popularity": {},
    "item-cf": {},
    "mf": {"epochs": 2},
    "ease": {},
    "lr": {"epochs": 2},
    "deepfm": {"epochs": 1, "hidden": [32, 16]},
}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def split(data_dir: Path) -> Split:
    return load_split(spec("popularity"), data_dir=data_dir)


def spec(model: str, **changes: object) -> JobSpec:
    values = {"dataset": "sample", "model": model, "params": CHEAP.get(model, {}), "threads": 1}
    return JobSpec.model_validate({**values, **changes})


def without_rates(curve: list[dict[str, float]]) -> list[dict[str, float]]:
    return [{k: v for k, v in epoch.items() if k != "rows_per_second"} for epoch in curve]


@pytest.mark.parametrize("model", CHEAP)
def test_two_runs_of_a_spec_agree_bit_for_bit(model: str, data_dir: Path, split: Split) -> None:
    one, two = (run(spec(model), data_dir=data_dir, split=split) for _ in range(2))
    ours, theirs = one.judged.evaluation, two.judged.evaluation
    assert ours.metrics == theirs.metrics
    assert ours.ci95 == theirs.ci95
    assert one.params == two.params
    assert without_rates(one.curve) == without_rates(two.curve)
    np.testing.assert_array_equal(ours.users, theirs.users)
    for name, values in ours.user_metrics.items():
        np.testing.assert_array_equal(values, theirs.user_metrics[name])


def test_a_result_is_complete_and_plain(data_dir: Path, tmp_path: Path, split: Split) -> None:
    result = run(spec("item-cf", ks=(5, 3)), data_dir=data_dir, out_dir=tmp_path, split=split)
    assert result.spec.ks == (3, 5)
    assert {"recall@3", "ndcg@5", "coverage@5"} <= set(result.metrics)
    judged, content = result.judged, result.content()
    assert judged.recommendations is not None
    assert judged.recommendations.items.shape == (len(np.unique(split.test.user)), 100)
    assert judged.rows is None
    assert result.environment["split_fingerprint"] == split.fingerprint
    assert content["protocol"]["train"] == len(split.train)
    assert content["dataset"]["synthetic"] is True
    assert (tmp_path / "model").is_dir()
    json.dumps([content, result.environment])
    # metrics are means over the users that have them
    mean = np.nanmean(judged.evaluation.user_metrics["ndcg@5"])
    assert result.metrics["ndcg@5"] == pytest.approx(float(mean), abs=1e-12)


def test_a_ranking_result_has_every_test_row(data_dir: Path, split: Split) -> None:
    result = run(spec("lr"), data_dir=data_dir, split=split)
    rows = result.judged.rows
    assert rows is not None
    assert result.judged.recommendations is None
    np.testing.assert_array_equal(rows.items, split.test.item)
    np.testing.assert_array_equal(rows.labels, split.test.rating >= 4)
    assert ((rows.scores > 0) & (rows.scores < 1)).all()
    assert result.judged.features == {"schema": "default", "scopes": []}


@pytest.mark.parametrize(
    ("model", "metric", "params"),
    [
        ("mf", "ndcg@10", {"epochs": 2, "learning_rate": 1.0}),
        (
            "lr",
            "auc",
            {"epochs": 3, "learning_rate": 0.3, "schedule": "constant", "batch_size": 512},
        ),
    ],
)
def test_validation_is_that_of_the_epoch_that_was_kept(
    data_dir: Path, split: Split, model: str, metric: str, params: dict[str, object]
) -> None:
    job = spec(model, params=params)
    result = run(job, data_dir=data_dir, split=split)
    assert validation_metric(job) == metric
    best = max(epoch[metric] for epoch in result.curve)
    assert result.curve[-1][metric] < best, "the last epoch is not the one that was kept"
    assert result.validation == {metric: pytest.approx(best)}


def test_a_model_without_epochs_is_judged_on_the_validation_rows_too(
    data_dir: Path, split: Split
) -> None:
    found = run(spec("item-cf"), data_dir=data_dir, split=split).validation
    assert found == Validation(split.valid)(ItemCF(ItemCFConfig()).fit(split.train))
    assert 0 < found["ndcg@10"] < 1


def test_stages_are_reported_in_order(data_dir: Path) -> None:
    events: list[Event] = []
    run(spec("mf"), data_dir=data_dir, on_event=events.append)
    stages = list(dict.fromkeys(event.stage for event in events))
    assert stages == ["load", "split", "fit", "evaluate"]


def test_an_edited_schema_file_is_another_run(split: Split, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    lines = "name: mine\nfeatures:\n  - {name: user_id, source: user, kind: categorical}\n"
    keys = []
    for more in ("", "  - {name: item_id, source: item, kind: categorical}\n", ""):
        path.write_text(lines + more)
        keys.append(reuse_key(spec("lr", features=str(path)), split))
    assert keys[0] != keys[1]
    assert keys[0] == keys[2]


def test_reuse_key_ignores_what_does_not_decide_the_outcome(split: Split) -> None:
    key = reuse_key(spec("mf"), split)
    assert key == reuse_key(spec("mf", label="another name"), split)
    written_out = model_config(spec("mf")).model_dump(mode="json")
    assert key == reuse_key(spec("mf", params=written_out), split)
    other_split = make_protocol({"name": "leave-last-out"}).split(split.dataset)
    changed = [
        reuse_key(spec("mf", seed=1), split),
        reuse_key(spec("mf", params={"epochs": 3}), split),
        reuse_key(spec("mf", ks=(10,)), split),
        reuse_key(spec("item-cf"), split),
        reuse_key(spec("mf"), other_split),
    ]
    assert len({key, *changed}) == 6


def test_what_does_not_fit_together_is_refused() -> None:
    with pytest.raises(InputError, match="item-cf takes no feature schema"):
        model_config(spec("item-cf", features="default"))
    with pytest.raises(InputError, match="unknown field of model mf 'learning_rat'"):
        model_config(spec("mf", params={"learning_rat": 0.1}))


@pytest.mark.parametrize("model", ["item-cf", "ease", "mf", "lr", "deepfm"])
def test_a_signal_of_the_future_helps_no_model_under_a_global_cut(
    model: str, data_dir: Path
) -> None:
    """After the cut every user likes just the items of one half; before it tastes are random.

    A model that saw later rows would rank that half first; one that did not is at chance.
    """
    rng = np.random.default_rng(0)
    users, items, cut = 120, 60, 1_000
    rows = []
    for user in range(users):
        chosen = rng.permutation(items)[:30]
        for place, item in enumerate(chosen):
            later = place >= 24
            liked = item < items // 2 if later else rng.random() < 0.5
            time = cut + place if later else int(rng.integers(cut))
            rows.append((user, int(item), 5.0 if liked else 2.0, time))
    data = dataset(rows, n_users=users, n_items=items)
    protocol = {"name": "global-timeline", "valid_share": 0.1, "test_share": 0.1}
    split = make_protocol(protocol).split(data)
    assert split.train.timestamp.max() < cut <= split.valid.timestamp.min()

    result = run(
        spec(model, params={}, protocol=protocol, ks=(10,)), data_dir=data_dir, split=split
    )
    if result.stage == "recall":
        assert result.judged.recommendations is not None
        top = result.judged.recommendations.items[:, :10]
        assert abs((top < items // 2).mean() - 0.5) < 0.1
    else:
        # early stopping may look at validation rows, which are of the future half as well, but
        # weights are fitted on train alone
        assert abs(result.metrics["auc"] - 0.5) < 0.1


def test_another_version_of_a_library_is_another_run(
    split: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = reuse_key(spec("mf"), split)
    versions = {**package_versions(), "torch": "0.4.1"}
    monkeypatch.setattr("recsys_core.pipeline.run.package_versions", lambda: versions)
    assert reuse_key(spec("mf"), split) != key


def test_packages_of_statistics_and_of_inner_models_count(
    split: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whose they are: statistics that the schema reads, channels and rankers of a stage."""
    statistic = Statistic("t", type("Own", (), {"__module__": "own_statistics.shares"}))
    monkeypatch.setitem(STATISTICS, "own_share", statistic)
    channel = type("Channel", (), {"__module__": "own_models.channel", "Config": ItemCFConfig})
    info = ModelInfo("own", "recall", "t", "p", channel, deterministic=True)
    monkeypatch.setitem(registry._registered, "own", info)
    asked: list[tuple[str, tuple[str, ...]]] = []

    def note(model: str, modules: tuple[str, ...]) -> str:
        asked.append((model, modules))
        return ""

    monkeypatch.setattr("recsys_core.pipeline.run.code_fingerprint", note)
    path = tmp_path / "mine.yaml"
    line = "  - {name: a, source: user-history, kind: numeric, column: own_share}\n"
    for more in ("", line):
        path.write_text(
            "name: mine\nfeatures:\n  - {name: user_id, source: user, kind: categorical}\n" + more
        )
        reuse_key(spec("lr", features=str(path)), split)
    path.write_text("name: mine\nfeatures:\n" + line)
    channels = [{"model": "popularity"}, {"model": "own"}]
    stages = {"channels": channels, "ranker": {"features": str(path)}}
    reuse_key(spec("two-stage", params=stages), split)
    core = {"recsys_core.features.statistics", "recsys_core.recall.popularity"}
    found = [(model, set(modules) - core) for model, modules in asked]
    assert found == [
        ("lr", set()),
        ("lr", {"own_statistics.shares"}),
        ("two-stage", {"own_models.channel", "own_statistics.shares"}),
    ]


def test_several_windows_are_one_run_of_means(data_dir: Path, tmp_path: Path) -> None:
    def measured(out: str, **protocol: object) -> dict[str, float]:
        job = spec("lr", protocol={"name": "global-timeline", **protocol})
        return run(job, data_dir=data_dir, out_dir=tmp_path / out).metrics

    one, two, end = "2000-10-01", "2000-12-01", "2001-01-01"
    whole = measured("whole", dates=[one, two], until=end)
    first, second = measured("first", date=one, until=two), measured("second", date=two, until=end)
    assert set(first) > {"auc", "logloss"}
    for name, value in first.items():
        assert whole[f"window/{one}/{name}"] == value
        assert whole[f"window/{two}/{name}"] == second[name]
        assert whole[name] == pytest.approx((value + second[name]) / 2, rel=1e-12)
        assert whole[f"spread/{name}"] == pytest.approx(abs(value - second[name]) / np.sqrt(2))
    assert (tmp_path / "whole" / "model").is_dir()
