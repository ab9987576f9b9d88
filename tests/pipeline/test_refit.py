"""A refit: the same job on all rows, for as long as the validation rows found best."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recsys_core.errors import InputError
from recsys_core.events import Event, OnEvent, ignore
from recsys_core.pipeline.recommender import Recommender
from recsys_core.pipeline.refit import refit_spec
from recsys_core.pipeline.result import RunResult
from recsys_core.pipeline.run import check_split, load_split, reuse_key, run
from recsys_core.pipeline.spec import JobSpec
from recsys_core.protocols.registry import make_protocol
from recsys_core.protocols.split import Split
from recsys_core.ranking.ranker import read_calibrations
from recsys_core.two_stage.model import TwoStage
from tests.data.small import prepare_small
from tests.protocols.build import random_dataset
from tests.two_stage.build import FIELDS, planted

MF = {"epochs": 4, "schedule": "cosine", "patience": 0, "dim": 8}
FAST = {"hidden": [8], "epochs": 3, "batch_size": 16, "dropout": 0}


def spec(model: str, params: dict[str, Any] | None = None, **changes: Any) -> JobSpec:
    values = {"dataset": "tiny", "model": model, "params": params or {}, "threads": 1, "ks": (5,)}
    return JobSpec.model_validate({**values, **changes})


def done(job: JobSpec, folder: Path, split: Split, on_event: OnEvent = ignore) -> RunResult:
    """Run a job into a folder, with the file that later jobs read."""
    result = run(job, data_dir=folder, out_dir=folder, split=split, on_event=on_event)
    (folder / "metrics.json").write_text(json.dumps(result.content()))
    return result


def no_runs(folder: Path) -> Path:
    raise AssertionError(f"{folder} is no part of this job")


def whole(split: Split) -> Split:
    return make_protocol({"name": split.protocol, **split.parameters}).whole(split.dataset)


@pytest.mark.parametrize(
    "protocol",
    [
        {"name": "user-timeline", "drop_ratings": [3.0]},
        {"name": "global-timeline"},
        {"name": "random-rows", "k_core": 2},
    ],
    ids=lambda protocol: protocol["name"],
)
def test_all_rows_that_pass_the_filters_are_train_rows(protocol: dict[str, Any]) -> None:
    made, data = make_protocol(protocol), random_dataset(3)
    cut, every = made.split(data), made.whole(data)
    parts = np.concatenate([cut.train.rows, cut.valid.rows, cut.test.rows])
    assert np.isin(parts, every.train.rows).all()
    left_out = data.n_interactions - len(every.train)
    assert left_out == cut.counts["filtered_rows"] == every.counts["filtered_rows"]
    assert (len(every.valid), len(every.test)) == (0, 0)
    assert every.fingerprint != cut.fingerprint
    assert every.threshold == cut.threshold


def test_it_takes_the_steps_that_validation_chose(tmp_path: Path) -> None:
    """Interrupted after an epoch it goes on, and ends as one that never was."""
    split = planted()
    job, first = spec("mf", MF), tmp_path / "first"
    judged = done(job, first, split)
    values = [epoch["ndcg@10"] for epoch in judged.curve]
    chosen = 1 + values.index(max(values))
    assert judged.chosen_epochs == {"model": chosen}
    again = refit_spec(job, first, no_runs)
    assert again.label == "mf-refit"
    assert again.params == job.params
    assert again.refit is not None
    assert (again.refit.run, again.refit.epochs) == ("first", {"model": chosen})
    every = whole(split)
    check_split(again, every)
    result = done(again, tmp_path / "refit", every)
    assert len(result.curve) == chosen
    assert (result.metrics, result.judged.evaluation.user_metrics) == ({}, {})
    assert result.content()["refit_of"] == "first"
    assert result.chosen_epochs == result.validation == {}

    def interrupt(event: Event) -> None:
        if event.epoch == 1:
            raise KeyboardInterrupt

    if chosen > 1:
        with pytest.raises(KeyboardInterrupt):
            done(again, tmp_path / "cut-off", every, interrupt)
    done(again, tmp_path / "cut-off", every)
    arrays = [np.load(tmp_path / name / "model" / "model.npz") for name in ("refit", "cut-off")]
    for name in arrays[0]:
        np.testing.assert_array_equal(arrays[0][name], arrays[1][name])


def test_what_was_judged_decides_the_key(tmp_path: Path) -> None:
    split, job = planted(), spec("popularity")
    done(job, tmp_path, split)
    again, every = refit_spec(job, tmp_path, no_runs), whole(split)
    assert again.refit is not None
    other = again.refit.model_copy(update={"epochs": {"model": 2}})
    keys = {
        reuse_key(job, split),
        reuse_key(job, every),
        reuse_key(again, every),
        reuse_key(again.model_copy(update={"refit": other}), every),
    }
    assert len(keys) == 4
    assert reuse_key(again.model_copy(update={"label": "x"}), every) == reuse_key(again, every)


def test_a_ranking_model_keeps_its_calibration(tmp_path: Path) -> None:
    split = planted()
    job = spec("lr", {"epochs": 3, "batch_size": 256, "calibration": "platt"})
    done(job, tmp_path / "first", split)
    again = refit_spec(job, tmp_path / "first", no_runs)
    result = done(again, tmp_path / "refit", whole(split))
    maps = read_calibrations(tmp_path / "first" / "model")
    assert len(maps) == 1
    assert read_calibrations(tmp_path / "refit" / "model") == maps
    assert (result.metrics, result.judged.rows) == ({}, None)


def test_channels_and_ranker_of_two_stages_stop_where_they_were_best(tmp_path: Path) -> None:
    split = planted()
    channels = [{"model": "item-cf", "quota": 30}, {"model": "mf", "quota": 30, "params": MF}]
    ranker = {"params": FAST, "max_lists": 60}
    job = spec("two-stage", {**FIELDS, "channels": channels, "ranker": ranker})
    judged = done(job, tmp_path / "first", split)
    chosen = judged.chosen_epochs
    assert set(chosen) == {"channel/mf", "ranker"}
    again = refit_spec(job, tmp_path / "first", no_runs)
    result = done(again, tmp_path / "refit", whole(split))
    assert len(result.curve) == chosen["ranker"]
    model = TwoStage.load(tmp_path / "refit" / "model")
    assert model.stage.channels.learned is not None
    assert len(model.stage.channels.learned) == len(whole(split).train)
    assert model.config.inner.split == "time"
    users = np.arange(5)
    assert (model.recommend(users, 5).items >= 0).all()


def test_models_of_runs_come_from_their_refits(tmp_path: Path) -> None:
    split = planted()
    part = spec("item-cf")
    done(part, tmp_path / "part", split)
    fields = {
        "channels": [{"run": str(tmp_path / "part"), "label": "cf"}],
        "ranker": {"model": "none"},
    }
    job = spec("two-stage", fields)
    done(job, tmp_path / "first", split)
    done(refit_spec(part, tmp_path / "part", no_runs), tmp_path / "again", whole(split))
    asked: list[Path] = []

    def find(folder: Path) -> Path:
        asked.append(folder)
        return tmp_path / "again"

    again = refit_spec(job, tmp_path / "first", find)
    assert asked == [tmp_path / "part"]
    done(again, tmp_path / "refit", whole(split))
    model = TwoStage.load(tmp_path / "refit" / "model")
    assert len(model.stage.channels.models["cf"].histories.items) == len(whole(split).train)
    with pytest.raises(InputError, match="run part learned from another split"):
        check_split(again.model_copy(update={"params": fields}), whole(split))


def test_what_cannot_be_refitted(tmp_path: Path) -> None:
    split, job = planted(), spec("popularity")
    done(job, tmp_path, split)
    again = refit_spec(job, tmp_path, no_runs)
    with pytest.raises(InputError, match="fitted on all rows already"):
        refit_spec(again, tmp_path, no_runs)
    with pytest.raises(InputError, match="no result here"):
        refit_spec(job, tmp_path / "nowhere", no_runs)
    assert again.refit is not None
    other = again.model_copy(update={"refit": again.refit.model_copy(update={"data": "older"})})
    with pytest.raises(InputError, match=r"is not the one run .* chose its epochs on"):
        check_split(other, whole(split))
    content = json.loads((tmp_path / "metrics.json").read_text())
    del content["chosen_epochs"]
    (tmp_path / "metrics.json").write_text(json.dumps(content))
    assert refit_spec(job, tmp_path, no_runs) == again  # as earlier versions wrote it
    with pytest.raises(InputError, match="made by an earlier version"):
        refit_spec(spec("two-stage", FIELDS), tmp_path, no_runs)


def test_a_recommender_of_a_refit_knows_all_events(tmp_path: Path) -> None:
    prepare_small(tmp_path / "data")
    job = spec("popularity", dataset="small")
    split = load_split(job, data_dir=tmp_path / "data")
    done(job, tmp_path / "first", split)
    again = refit_spec(job, tmp_path / "first", no_runs)
    done(again, tmp_path / "refit", load_split(again, data_dir=tmp_path / "data"))
    first, refit = (
        Recommender.load(tmp_path / name, tmp_path / "data") for name in ("first", "refit")
    )
    events = np.bincount(split.dataset.user, minlength=split.dataset.n_users)
    assert len(first.known_of(0).items) < events[0]
    assert len(refit.known_of(0).items) == events[0]
    held_out = set(split.test.item[split.test.user == 0].tolist())
    listed = {refit.item_number(one.item_id) for one in refit.recommend("1", 1000)}
    assert not held_out & listed
