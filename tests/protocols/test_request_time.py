"""When a user is asked: the same time in training, validation, test, both stages and in use."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recsys_core.compute.threads import limited_threads
from recsys_core.config import parse_config
from recsys_core.data.interactions import Interactions
from recsys_core.features.schema import load_schema
from recsys_core.pipeline.recommender import Recommender
from recsys_core.protocols.leaks import TARGET_TIME
from recsys_core.protocols.registry import make_protocol
from recsys_core.protocols.split import Split
from recsys_core.recall.neural.sequences import asked_after
from recsys_core.recall.neural.sequential import SequentialModel
from recsys_core.recall.shared.validation import METRIC, Validation
from recsys_core.registry import model_info
from recsys_core.two_stage.config import TwoStageConfig
from recsys_core.two_stage.cuts import inner_cuts
from recsys_core.two_stage.lists import judged_lists, training_lists
from recsys_core.two_stage.model import TwoStage
from tests.protocols.build import Row, dataset
from tests.recall.build import history

HOUR = 3_600
N_USERS, HALF, EVENTS = 48, 8, 7
SCHEMA = """\
name: hours
features:
  - {name: item_id, source: item, kind: categorical}
  - {name: hour, source: interaction, kind: categorical}
"""
SMALL: dict[str, Any] = {"dim": 8, "epochs": 5, "batch_size": 16, "learning_rate": 0.05}
USERS = np.arange(N_USERS)


@cache
def cut(request_time: str = "target") -> Split:
    """What is watched depends on the hour alone: items 0 to 7 at eight, 8 to 15 at twenty."""
    rng = np.random.default_rng(0)
    rows: list[Row] = []
    for user in range(N_USERS):
        evening = rng.integers(2, size=EVENTS)
        halves = [rng.permutation(HALF).tolist() for _ in range(2)]
        for day, late in enumerate(evening.tolist()):
            time = HOUR * (24 * day + 8 + 12 * late)
            rows.append((user, HALF * late + halves[late].pop(), 5.0, time))
    fields = {"name": "leave-last-out", "relevance": None, "request_time": request_time}
    return make_protocol(fields).split(dataset(rows, n_users=N_USERS, n_items=2 * HALF))


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("schema") / "hours.yaml"
    path.write_text(SCHEMA)
    return path


def right_half(lists: np.ndarray[Any, Any], part: Interactions) -> float:
    """Share of first items that belong to the hour of what is asked for."""
    wanted = np.empty(N_USERS, dtype=np.int64)
    wanted[part.user] = part.item // HALF
    return float(np.mean(lists[:, 0] // HALF == wanted))


def test_told_or_not() -> None:
    last, target = cut("last"), cut("target")
    assert target.leaks == f"{last.leaks} {TARGET_TIME}"
    assert TARGET_TIME not in last.leaks
    assert target.fingerprint != last.fingerprint
    # what was measured before there was a choice stays comparable
    named = {"name": "leave-last-out", "relevance": None}
    assert make_protocol(named).split(last.dataset).fingerprint == last.fingerprint
    assert last.requests(USERS).asked is None
    asked = target.requests(USERS[::-1]).asked
    assert asked is not None
    order = np.argsort(target.test.user)
    assert asked.tolist() == target.test.timestamp[order][::-1].tolist()
    whole = make_protocol({**named, "request_time": "target"}).whole(last.dataset)
    assert whole.train.request_time == "target"


def test_who_has_no_test_event_is_asked_at_the_last_one() -> None:
    rows = [(0, 0, 5.0, 10), (0, 1, 5.0, 20), (0, 2, 5.0, 30), (1, 0, 5.0, 5), (1, 1, 5.0, 7)]
    split = make_protocol({"name": "leave-last-out", "request_time": "target"}).split(dataset(rows))
    assert split.requests(np.array([1, 0])).asked.tolist() == [7, 30]  # type: ignore[union-attr]


def test_what_is_asked_after_each_event_by_hand() -> None:
    rows = history([1, 2, 3], [], [4], [5, 6])
    rows.timestamps[:] = [10, 20, 40, 7, 1, 2]
    assert asked_after(rows, "last").tolist() == [10, 20, 40, 7, 1, 2]
    assert asked_after(rows, "target").tolist() == [20, 40, 40, 7, 2, 2]
    nobody = Interactions(cut().dataset, np.empty(0, np.int64), None, request_time="target")
    last = int(cut().dataset.timestamp.max())  # of those who have no row here each is asked as ever
    assert np.array_equal(nobody.asked(np.arange(4), rows).asked, [40, last, 7, 2])  # type: ignore[arg-type]
    later = rows.take(np.array([0, 3]))
    vars(later)["asked"] = np.array([99, 100])
    assert asked_after(later, "target").tolist() == [20, 40, 99, 2, 100]
    assert asked_after(later, "last").tolist() == [10, 20, 99, 1, 100]
    kept = later.where(np.array([True, False, False, True, True])).take(np.array([1, 0, 1]))
    assert kept.asked.tolist() == [100, 99, 100]  # type: ignore[union-attr]


def test_a_tower_is_told_in_training_validation_test_and_use(schema: Path, tmp_path: Path) -> None:
    """Told the time, a model is right; untold, it guesses one of two halves."""
    info = model_info("youtube-dnn")
    config = parse_config(info.cls.Config, SMALL, "youtube-dnn")
    found = {}
    for told in ("last", "target"):
        split = cut(told)
        read = load_schema(str(schema), split.dataset, towers=True)
        with limited_threads(1):
            model: SequentialModel[Any] = info.cls(config, None, read)
            model.fit(split.train, valid=split.valid)
        lists = model.recommend(USERS, 5, histories=split.requests(USERS)).items
        found[told] = right_half(lists, split.test)
        assert model.curve[-1][METRIC] > 0
        validated = max(epoch[METRIC] for epoch in model.curve)
        assert Validation(split.valid)(model)[METRIC] == pytest.approx(validated)
    assert found["target"] == 1
    assert found["last"] < 0.75
    model.save(tmp_path)
    loaded = Recommender(type(model).load(tmp_path), split)
    assert loaded.model.request_time == "target"  # type: ignore[attr-defined]
    single = [[int(one.item_id[1:]) for one in loaded.recommend(f"u{u}", 5)] for u in USERS[:9]]
    assert single == lists[:9].tolist()


def test_the_lists_of_two_stages_are_asked_when_the_first_labelled_event_happens() -> None:
    split = cut()
    fields = {"channels": [{"model": "popularity", "quota": 16}], "ranker": {"model": "none"}}
    model = TwoStage(parse_config(TwoStageConfig, fields, "two-stage"))
    model.fit(split.train, valid=split.valid)
    asked = split.requests(USERS)
    assert model.stage.known.requests(USERS, asked).times is asked.asked
    [inner] = inner_cuts(split.train, split.valid, model.config.inner)
    view = inner.views[-1]
    assert view.labelled.request_time == "target"
    stage = model.stage
    channels = type(stage.channels)(stage.channels.models, np.empty(0, np.int64))
    vars(stage)["channels"] = channels  # as if they had not learned from what is labelled
    some = training_lists(stage, view, model.config.ranker, 0, 100)
    assert some.histories.asked is not None
    for user, asked_at in zip(some.users, some.histories.asked, strict=True):
        assert asked_at == view.labelled.timestamp[view.labelled.user == user][0]
    judged = judged_lists(stage, type(view)(split.train, split.valid), USERS[:5].astype(np.int32))
    first = [split.valid.timestamp[split.valid.user == user][0] for user in USERS[:5]]
    assert np.array_equal(judged.histories.asked, first)  # type: ignore[arg-type]
