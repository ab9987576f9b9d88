"""Filters that leave items out: smaller models, in whose place original ids say the same."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recsys_core.data.prepared import write_prepared
from recsys_core.errors import InputError
from recsys_core.evaluation.recommendations import evaluate_recommendations
from recsys_core.export.run import export_run
from recsys_core.pipeline.recommender import Recommender
from recsys_core.pipeline.run import load_split, run
from recsys_core.pipeline.spec import JobSpec
from recsys_core.pipeline.update import find_origin, update_spec
from recsys_core.protocols.numbering import Numbering
from recsys_core.protocols.registry import make_protocol
from recsys_core.protocols.split import Split
from recsys_core.recall.item_cf import ItemCF, ItemCFConfig
from recsys_core.registry import model_info
from tests.data.small import small
from workbench.cli.main import run_command_line
from workbench.store import results
from workbench.store.listing import list_runs

PROTOCOL = {"name": "user-timeline", "k_core": 12, "relevance": 3}
TWO_STAGE: dict[str, Any] = {
    "channels": [{"model": "item-cf", "quota": 20}, {"model": "popularity", "quota": 10}],
    "ranker": {"params": {"hidden": [4], "epochs": 1}},
}


def spec(model: str, **changes: Any) -> JobSpec:
    values = {"dataset": "small", "model": model, "protocol": PROTOCOL, "threads": 1, "ks": (5,)}
    return JobSpec.model_validate({**values, **changes})


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small set, and one in which every user has met four more items, three in all."""
    folder, data = tmp_path_factory.mktemp("data"), small()
    write_prepared(folder, data, {"path": "made up"}, {})
    rare = np.argsort(np.bincount(data.item))[[0, 1, 2, 0]]
    new = 4 * data.n_users
    grown = replace(
        data,
        name="grown",
        user=np.append(data.user, np.repeat(np.arange(data.n_users, dtype=np.int32), 4)),
        item=np.append(data.item, np.tile(rare, data.n_users).astype(np.int32)),
        rating=np.append(data.rating, np.full(new, 5, dtype=np.float32)),
        timestamp=np.append(data.timestamp, data.timestamp.max() + 1 + np.arange(new)),
    )
    write_prepared(folder, grown, {"path": "made up"}, {})
    return folder


@pytest.fixture(scope="module")
def split(data_dir: Path) -> Split:
    return load_split(spec("popularity"), data_dir=data_dir)


@pytest.fixture(scope="module")
def folders(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Runs by their models; two-stage has a channel of the run of item-cf."""
    runs = tmp_path_factory.mktemp("runs")
    start = ["--runs-dir", str(runs), "--data-dir", str(data_dir), "eval", "--dataset", "small"]
    start += ["--quiet", "--threads", "1", "--k", "5"]
    protocol = [f"protocol.{name}={value}" for name, value in PROTOCOL.items() if name != "name"]

    def done(models: str, *fields: str) -> dict[str, Path]:
        words = [word for field in (*protocol, *fields) for word in ("--set", field)]
        assert run_command_line([*start, "--models", models, *words], lambda *_: 1) == 0
        return {run.label: run.folder for run in list_runs(runs)}

    channels = with_channel(done("item-cf,ials")["item-cf"])
    return done(
        "two-stage",
        *(f"two-stage.{name}={json.dumps(each)}" for name, each in (TWO_STAGE | channels).items()),
    )


def with_channel(run_folder: Path) -> dict[str, Any]:
    """Take the first channel of two-stage from a run."""
    own = {"run": str(run_folder), "quota": 20, "label": "item-cf"}
    return {"channels": [own, *TWO_STAGE["channels"][1:]]}


def left_out(split: Split) -> str:
    """Give an item that the filters leave out."""
    own = Numbering.of(split).own(np.arange(split.dataset.n_items))
    return str(split.dataset.item_ids[own < 0][0])


def test_items_that_remain_keep_their_order_events_and_attributes() -> None:
    split = make_protocol(PROTOCOL).split(small())
    whole, numbering = split.dataset, Numbering.of(split)
    own, part = numbering.dataset, numbering.split(split)
    assert numbering.items is not None
    assert own.item_ids.tolist() == whole.item_ids[numbering.items].tolist()
    assert own.n_users == whole.n_users
    for name in ("train", "valid", "test"):
        before, now = getattr(split, name), getattr(part, name)
        assert own.item_ids[now.item].tolist() == whole.item_ids[before.item].tolist()
        for column in ("user", "rating", "timestamp"):
            assert getattr(now, column).tolist() == getattr(before, column).tolist()
    assert part.fingerprint == split.fingerprint
    assert own.timeline.tolist() == replace(own).timeline.tolist()  # worked out anew
    # the events that the filters leave out are there, those of other items are not
    of_these = np.isin(whole.item, numbering.items)
    assert own.n_interactions == of_these.sum() > sum(map(len, split.row_parts().values()))
    ties = np.argsort(whole.tie_rank[numbering.items])
    assert np.argsort(own.tie_rank).tolist() == ties.tolist()
    genres, before = (data.item_columns["genres"] for data in (own, whole))
    for number, item in enumerate(numbering.items.tolist()):
        a, b = (
            each.codes[each.offsets[n] : each.offsets[n + 1]]  # type: ignore[union-attr]
            for each, n in ((genres, number), (before, item))
        )
        assert a.tolist() == b.tolist()


def test_what_leaves_no_item_out_changes_no_number() -> None:
    for fields in ({}, {"drop_ratings": [3]}):
        split = make_protocol({"name": "user-timeline", **fields}).split(small())
        assert Numbering.of(split).split(split) is split


@pytest.mark.parametrize("model", ["popularity", "item-cf", "user-cf", "session-knn"])
def test_a_smaller_model_says_the_same(model: str, split: Split) -> None:
    result = run(spec(model), data_dir=Path(), split=split)
    info = model_info(model)
    whole = info.cls(info.cls.Config()).fit(split.train)
    users = np.unique(split.test.user)
    top = whole.recommend(users, 100, histories=split.requests(users))
    expected = evaluate_recommendations(users, top.items, split, (5,))
    assert result.metrics == expected.metrics
    assert result.judged.evaluation.ci95 == expected.ci95
    assert result.judged.evaluation.counts == expected.counts
    lists = result.judged.recommendations
    assert lists is not None
    assert lists.items.tolist() == top.items.tolist()


@pytest.mark.parametrize("label", ["item-cf", "ials", "two-stage"])
def test_a_run_serves_original_ids(
    label: str, folders: dict[str, Path], data_dir: Path, split: Split
) -> None:
    recommender = Recommender.load(folders[label], data_dir)
    remaining = int(np.count_nonzero(Numbering.of(split).own(np.arange(60)) >= 0))
    assert recommender.model.n_items == remaining < 60  # type: ignore[attr-defined]
    ids = split.dataset.item_ids
    for user in np.unique(split.test.user)[:3].tolist():
        saved = results.recommendations(folders[label] / "results.sqlite", user)[:5]
        found = recommender.recommend(str(split.dataset.user_ids[user]), k=5)
        assert [one.item_id for one in found] == [str(ids[item]) for item, _, _ in saved]
    other, known = left_out(split), str(recommender.dataset.item_ids[0])
    assert recommender.recommend(history=[other, known], k=5) == recommender.recommend(
        history=[known], k=5
    )
    only = recommender.recommend("1", candidates=[other, known], exclude_seen=False)
    assert [one.item_id for one in only] == [known]
    with pytest.raises(InputError, match="the filters of the run's protocol left it out"):
        recommender.item_number(other)


def test_an_export_has_the_ids_of_its_numbers(
    folders: dict[str, Path], data_dir: Path, tmp_path: Path
) -> None:
    export_run(folders["item-cf"], data_dir, "npz", tmp_path / "it")
    recommender = Recommender.load(folders["item-cf"], data_dir)
    with np.load(tmp_path / "it" / "data.npz") as exported:
        assert exported["item_ids"].tolist() == recommender.dataset.item_ids.tolist()


def test_commands_speak_of_the_items_of_the_data_set(
    folders: dict[str, Path],
    data_dir: Path,
    split: Split,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run_folder = folders["item-cf"]
    recommender = Recommender.load(run_folder, data_dir)

    def said(*line: str) -> Any:
        capsys.readouterr()
        start = ["--runs-dir", str(run_folder.parent), "--data-dir", str(data_dir), "--headless"]
        assert run_command_line([*start, *line, "--json"], lambda *_: 1) == 0
        return json.loads(capsys.readouterr().out)

    item = str(recommender.dataset.item_ids[-1])
    model: Any = recommender.model
    top = model.similar_items(np.array([recommender.item_number(item)]), 3).items[0]
    expected = recommender.dataset.item_ids[top[top >= 0]].tolist()
    (alike,) = said("similar", item, "--run", run_folder.name, "--k", "3")["runs"]
    assert [one["item_id"] for one in alike["items"]] == expected
    (none,) = said("similar", left_out(split), "--run", run_folder.name)["runs"]
    assert none["items"] == []
    user = said("user", "1", "--run", run_folder.name, "--k", "3", "--recompute")
    listed = user["runs"][0]["items"]
    assert [one["item_id"] for one in listed] == [
        one.item_id for one in recommender.recommend("1", k=3)
    ]
    history = {one["item_id"] for one in user["history"]}
    causes = [cause["item_id"] for one in listed for cause in one["why"]["causes"]]
    assert causes
    assert set(causes) <= history


def test_a_model_of_all_items_is_served_as_ever(
    folders: dict[str, Path], data_dir: Path, split: Split, tmp_path: Path
) -> None:
    """Runs of earlier versions have numbers for all items."""
    expected = Recommender.load(folders["item-cf"], data_dir).recommend("1", k=5)
    (tmp_path / "metrics.json").write_bytes((folders["item-cf"] / "metrics.json").read_bytes())
    ItemCF(ItemCFConfig()).fit(split.train).save(tmp_path / "model")
    recommender = Recommender.load(tmp_path, data_dir)
    assert recommender.dataset is recommender.numbering.whole
    assert recommender.recommend("1", k=5) == expected


def test_a_channel_with_other_numbers_is_refused(
    folders: dict[str, Path], split: Split, tmp_path: Path
) -> None:
    """One of an earlier version has numbers for all items."""
    (tmp_path / "metrics.json").write_bytes((folders["item-cf"] / "metrics.json").read_bytes())
    ItemCF(ItemCFConfig()).fit(split.train).save(tmp_path / "model")
    job = spec("two-stage", params=TWO_STAGE | with_channel(tmp_path))
    with pytest.raises(InputError, match="numbers other items"):
        run(job, data_dir=Path(), split=split)


def test_an_update_finds_its_items_among_others(folders: dict[str, Path], data_dir: Path) -> None:
    """Of grown data other items pass the filter; each is found by its id in the earlier model."""
    job = update_spec(spec("ials"), folders["ials"], "grown")
    after = load_split(job, data_dir=data_dir)
    origin = find_origin(job, after, data_dir)
    here = Numbering.of(after).dataset.item_ids
    there = Recommender.load(folders["ials"], data_dir).dataset.item_ids
    assert origin.earlier is not None
    places = origin.earlier.items
    assert len(places) == len(here) != len(there)
    assert here[places >= 0].tolist() == there[places[places >= 0]].tolist()
    assert not set(here[places < 0]) & set(there)
    assert origin.changes["new_items"] == origin.changes["gone_items"] == 0
