"""An update: from what a run has learned to a model of data that have grown."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recsys_core.data.dataset import Column, Dataset, FloatArray, Numeric
from recsys_core.data.prepared import write_prepared
from recsys_core.errors import InputError
from recsys_core.events import Event
from recsys_core.pipeline.recommender import Recommender
from recsys_core.pipeline.refit import refit_spec
from recsys_core.pipeline.run import check_split, load_split, reuse_key, run
from recsys_core.pipeline.spec import JobSpec
from recsys_core.pipeline.update import find_origin, update_spec
from recsys_core.protocols.split import Split
from recsys_core.recall.ials import IALS
from recsys_core.registry import model_info
from tests.data.small import small

NEW_ITEM = "a new item"
IALS_FIELDS = {"dim": 4, "epochs": 20}


def part(data: Dataset, name: str, keep: np.ndarray[Any, Any]) -> Dataset:
    """Take some events, and the users and items that have one."""
    users, items = (np.unique(getattr(data, side)[keep]) for side in ("user", "item"))
    return replace(
        data,
        name=name,
        user=np.searchsorted(users, data.user[keep]).astype(np.int32),
        item=np.searchsorted(items, data.item[keep]).astype(np.int32),
        rating=data.rating[keep],
        timestamp=data.timestamp[keep],
        user_ids=data.user_ids[users],
        item_ids=data.item_ids[items],
        user_columns={},
        item_columns={"year": Numeric(_years(data)[items])},
    )


def late_events(data: Dataset) -> np.ndarray[Any, Any]:
    order = np.argsort(data.timestamp, kind="stable")
    return order[-len(order) // 8 :]


def with_new_item(data: Dataset) -> Dataset:
    """Let some late events, of different users, be of an item that nobody knew."""
    late = late_events(data)
    _, first = np.unique(data.user[late], return_index=True)
    item = data.item.copy()
    item[late[first[:5]]] = data.n_items
    columns: dict[str, Column] = {"year": Numeric(np.append(_years(data), np.float32(2000)))}
    ids = np.append(data.item_ids, NEW_ITEM)
    return replace(data, item=item, item_ids=ids, item_columns=columns)


def _years(data: Dataset) -> FloatArray:
    column = data.item_columns["year"]
    assert isinstance(column, Numeric)
    return column.values


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`all`, `old` without the last events and what only they have, and data that fit badly."""
    folder, data = tmp_path_factory.mktemp("data"), with_new_item(small())
    early = np.ones(data.n_interactions, dtype=np.bool_)
    early[late_events(data)] = False
    early &= data.user != 3  # a new user
    every = part(data, "all", np.ones(len(early), dtype=np.bool_))
    changed = _years(every).copy()
    changed[:2] += 1
    sets = [
        every,
        part(data, "old", early),
        part(data, "late", ~early),
        replace(part(data, "fewer", data.user != 5), item_columns={"year": Numeric(changed)}),
        replace(every, name="bare", item_columns={}),
    ]
    for each in sets:
        write_prepared(folder, each, {"path": "made up"}, {})
    return folder


def spec(model: str, dataset: str = "old", **changes: Any) -> JobSpec:
    values = {"dataset": dataset, "model": model, "threads": 1, "ks": (5,)}
    return JobSpec.model_validate({**values, **changes})


def done(job: JobSpec, data_dir: Path, folder: Path) -> Path:
    """Run a job into a folder, with the file that later jobs read; return the folder."""
    split = load_split(job, data_dir=data_dir)
    result = run(job, data_dir=data_dir, out_dir=folder, split=split)
    content = {**result.content(), "reuse_key": reuse_key(job, split)}
    (folder / "metrics.json").write_text(json.dumps(content))
    return folder


def content(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "metrics.json").read_text())
    return found


@pytest.fixture(scope="module")
def popular(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return done(spec("popularity"), data_dir, tmp_path_factory.mktemp("runs") / "popularity-1")


@pytest.mark.parametrize("model", ["item-cf", "ease"])
def test_a_closed_form_is_that_of_a_full_fit(model: str, data_dir: Path, tmp_path: Path) -> None:
    before = done(spec(model), data_dir, tmp_path / "before")
    after = done(update_spec(spec(model), before, "all"), data_dir, tmp_path / "after")
    full = done(spec(model, "all"), data_dir, tmp_path / "full")
    others = _arrays(model, full)
    for name, own in _arrays(model, after).items():
        np.testing.assert_allclose(own, others[name], atol=1e-6)
    assert content(after)["metrics"] == content(full)["metrics"]


def _arrays(model: str, folder: Path) -> dict[str, np.ndarray[Any, Any]]:
    found: dict[str, Any] = model_info(model).cls.load(folder / "model").state()
    return found


def test_ials_solves_what_is_new_and_ends_where_a_full_fit_does(
    data_dir: Path, tmp_path: Path
) -> None:
    job = spec("ials", params=IALS_FIELDS)
    before = done(job, data_dir, tmp_path / "before")
    after = done(update_spec(job, before, "all"), data_dir, tmp_path / "after")
    model = IALS.load(after / "model")
    ids = load_split(spec("ials", "all"), data_dir=data_dir).dataset.item_ids.tolist()
    number = ids.index(NEW_ITEM)
    assert np.abs(model.item_vectors[number]).max() > 0.01
    assert len(content(after)["curve"]) == 1
    # on the data of before, one more pass hardly moves what twenty have found
    again = done(update_spec(job, before, "old"), data_dir, tmp_path / "again")
    still, were = (IALS.load(folder / "model").item_vectors for folder in (again, before))
    assert np.linalg.norm(still - were) < 0.05 * np.linalg.norm(were)


def test_a_run_knows_where_it_comes_from(popular: Path, data_dir: Path, tmp_path: Path) -> None:
    job = update_spec(spec("popularity"), popular, "all")
    assert job.name == "popularity-update"
    after = done(job, data_dir, tmp_path / "second")
    found = content(after)["updated_from"]
    old, new = (load_split(spec("popularity", name), data_dir=data_dir) for name in ("old", "all"))
    assert found["run"] == popular.name
    known = set(old.dataset.user_ids.tolist())
    assert found["changes"]["new_users"] == len(set(new.dataset.user_ids.tolist()) - known)
    assert found["changes"]["new_items"] == 1
    learned = len(new.train) + len(new.valid)
    assert found["changes"]["new_events"] == learned - len(old.train) - len(old.valid)
    (before,) = found["lineage"]
    assert (before["split"], before["judged"]) == (old.fingerprint, len(old.test))
    assert 0 < before["seen"] <= before["judged"]

    third = update_spec(job, after, "all")
    assert third.name == "popularity-update"  # not -update-update
    lineage = find_origin(third, new, data_dir).lineage
    assert [each["run"] for each in lineage] == [after.name, popular.name]
    assert lineage[0]["seen"] == 0  # the same data: what was judged stays unseen
    assert Recommender.load(after, data_dir=data_dir)


def test_the_run_before_is_part_of_the_reuse_key(popular: Path, data_dir: Path) -> None:
    job = update_spec(spec("popularity"), popular, "all")
    split = load_split(job, data_dir=data_dir)
    assert job.update is not None
    other = job.model_copy(update={"update": job.update.model_copy(update={"key": "another"})})
    moved = job.model_copy(update={"update": job.update.model_copy(update={"folder": "/moved"})})
    assert reuse_key(job, split) != reuse_key(other, split)
    assert reuse_key(job, split) == reuse_key(moved, split)
    assert reuse_key(job, split) != reuse_key(spec("popularity", "all"), split)


def test_what_changed_is_said(popular: Path, data_dir: Path) -> None:
    before = load_split(spec("popularity"), data_dir=data_dir)
    of_user = before.dataset.user_ids == "6"  # user number 5, whom the new data lack
    gone = sum(of_user[part.user].sum() for part in (before.train, before.valid))
    job = update_spec(spec("popularity"), popular, "fewer")
    split = load_split(job, data_dir=data_dir)
    events: list[Event] = []
    run(job, data_dir=data_dir, split=split, on_event=events.append)
    said = [event.message for event in events]
    assert "updating run popularity-1 fitted in full, which is as fast" in said[0]
    assert said[0].endswith("1 new item")
    assert said[1:3] == [
        f"no longer in the data: {gone} earlier events, 1 user",
        "other attributes than before: 2 items",
    ]


def _prepare(job: JobSpec, split: Split, data_dir: Path) -> None:
    check_split(job, split)
    find_origin(job, split, data_dir)


def refused(job: JobSpec, data_dir: Path) -> str:
    split = load_split(job, data_dir=data_dir)
    with pytest.raises(InputError) as caught:
        _prepare(job, split, data_dir)
    assert len(str(caught.value).splitlines()) == 2
    return str(caught.value)


def test_new_events_alone_are_refused(popular: Path, data_dir: Path) -> None:
    text = refused(update_spec(spec("popularity"), popular, "late"), data_dir)
    assert "has 0% of the events" in text
    assert "give all events, those of before and the new ones" in text


def test_rows_that_were_learned_are_not_judged_on(data_dir: Path, tmp_path: Path) -> None:
    job = spec("popularity", protocol={"name": "random-rows"})
    before = done(job, data_dir, tmp_path / "before")
    text = refused(update_spec(job, before, "all"), data_dir)
    assert "test rows of protocol random-rows are rows that run before learned from" in text


def test_columns_that_are_gone_are_named(data_dir: Path, tmp_path: Path) -> None:
    job = spec("lr", params={"epochs": 1})
    before = done(job, data_dir, tmp_path / "before")
    text = refused(update_spec(job, before, "bare"), data_dir)
    assert "feature 'year' of run before, which is updated" in text


def test_what_is_no_basis_of_an_update(popular: Path, data_dir: Path, tmp_path: Path) -> None:
    job = spec("popularity")
    with pytest.raises(InputError, match="lightgcn cannot be updated"):
        update_spec(spec("lightgcn"), popular, "all")
    refit = done(refit_spec(job, popular, lambda folder: folder), data_dir, tmp_path / "refit")
    with pytest.raises(InputError, match="was fitted on all rows"):
        update_spec(refit_spec(job, popular, lambda folder: folder), refit, "all")
    job = update_spec(job, popular, "all")
    after = done(job, data_dir, tmp_path / "after")
    with pytest.raises(InputError, match=r"run after is an update of popularity-1"):
        refit_spec(job, after, lambda folder: folder)


def test_what_is_gone_from_the_data_stays_learned(
    popular: Path, data_dir: Path, tmp_path: Path
) -> None:
    second = done(update_spec(spec("popularity"), popular, "fewer"), data_dir, tmp_path / "second")
    old, every = (
        load_split(spec("popularity", name), data_dir=data_dir) for name in ("old", "all")
    )
    learned, known = (
        int((cut.dataset.user_ids == "6")[part.user].sum())  # whom the data of the second lack
        for cut, part in ((old, old.known), (every, every.known))
    )
    assert len(np.load(second / "model" / "seen.npy")) == learned
    third = find_origin(update_spec(spec("popularity"), second, "all"), every, data_dir)
    assert (third.changes["gone_events"], len(third.gone)) == (0, 0)  # they have come back
    assert third.changes["new_events"] == known - learned


def test_what_was_seen_is_read_with_care(popular: Path, data_dir: Path, tmp_path: Path) -> None:
    job = update_spec(spec("popularity"), popular, "all")
    after = done(job, data_dir, tmp_path / "after")
    (after / "model" / "seen.npy").write_bytes(b"nonsense")
    assert "seen.npy: cannot be read" in refused(update_spec(job, after, "all"), data_dir)
