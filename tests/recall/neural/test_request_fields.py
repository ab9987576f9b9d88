"""What is known of a request itself: hour, length of the history, favourite genres."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recsys_core.compute.threads import limited_threads
from recsys_core.config import parse_config
from recsys_core.data.dataset import Categorical, Vectors
from recsys_core.data.interactions import Histories, Interactions
from recsys_core.features.known import Known
from recsys_core.features.layout import Table
from recsys_core.features.queries import Queries
from recsys_core.features.schema import load_schema
from recsys_core.features.tower_encoder import TowerEncoder
from recsys_core.recall.neural import layers
from recsys_core.recall.neural.layers import EventEmbedding, QueryFields
from recsys_core.recall.neural.sequential import SequentialModel
from recsys_core.registry import model_info
from recsys_core.two_stage.config import TwoStageConfig
from recsys_core.two_stage.model import TwoStage
from tests.protocols.build import Row, dataset
from tests.recall.build import history

MODELS = ["dssm", "youtube-dnn", "sasrec", "hstu"]
N_USERS, N_ITEMS, GENRES = 24, 20, 4
HOUR = 3_600
SCHEMA = """\
name: requests
features:
  - {name: item_id, source: item, kind: categorical}
  - {name: looks, source: item, kind: vector}
  - {name: hour, source: interaction, kind: categorical}
  - {name: events, source: user-history, kind: numeric, column: count, transform: {name: log}}
  - {name: favourites, source: user-history, kind: multi, by: genres}
  - {name: colour, source: user, kind: categorical}
  - {name: colour_hour, source: cross, kind: categorical, of: [colour, hour]}
"""
SMALL: dict[str, Any] = {"dim": 8, "max_len": 6, "epochs": 2, "batch_size": 16}
USERS = np.arange(N_USERS)


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    with limited_threads(1):
        yield


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("schema") / "requests.yaml"
    path.write_text(SCHEMA)
    return path


@cache
def train() -> Interactions:
    """Everybody watches some items of two genres, some of them in one second."""
    rng = np.random.default_rng(0)
    rows: list[Row] = []
    for user in range(N_USERS):
        items = rng.permutation(N_ITEMS)
        items = items[(items - user) % GENRES < 2][: 4 + user % 4]
        times = np.sort(rng.integers(3, size=len(items))) * 5 * HOUR + user * HOUR
        ratings = rng.choice([2.0, 5.0], size=len(items))
        seen = zip(items.tolist(), ratings.tolist(), times.tolist(), strict=True)
        rows += [(user, *event) for event in seen]
    genres = [[f"g{item % GENRES}"] for item in range(N_ITEMS)]
    data = dataset(rows, n_users=N_USERS, n_items=N_ITEMS, genres=genres)
    colours = (np.arange(N_USERS) % 3 - 1).astype(np.int32)  # a third has none
    data.user_columns["colour"] = Categorical(colours, np.array(["blue", "red"]))
    looks = rng.normal(size=(N_ITEMS, 3)).astype(np.float32)
    looks[0] = np.nan  # one item has none
    data.item_columns["looks"] = Vectors(looks)
    return Interactions.in_time_order(data, np.arange(len(rows)), 4.0)


@cache
def fitted(name: str, path: Path) -> SequentialModel[Any]:
    info = model_info(name)
    config = parse_config(info.cls.Config, SMALL, name)
    model: SequentialModel[Any] = info.cls(
        config, None, load_schema(str(path), train().dataset, towers=True)
    )
    model.fit(train())
    embedding = model.state()["module.fields.embedding"]
    assert embedding[model.inputs.encoder.request_rows].any()  # zeros before training
    return model


def brought(n: int = 2) -> Histories:
    """Bring histories that differ in items, hours and lengths; every other one is the same."""
    histories = history([0, 4, 8], [3, 7, 1, 5, 2])
    histories.timestamps[:] += HOUR * np.array([1, 1, 1, 6, 6, 6, 6, 6])
    return histories.take(np.arange(n) % 2)


@pytest.mark.parametrize("name", MODELS)
def test_a_known_user_asked_twice_is_two_requests(name: str, schema: Path) -> None:
    """Neither the user's own events nor the other history has a say in a list."""
    model, histories = fitted(name, schema), brought()
    together = model.recommend(np.array([5, 5]), 10, histories=histories)
    for row in range(2):
        alone = model.recommend(np.array([5]), 10, histories=histories.take(np.array([row])))
        np.testing.assert_array_equal(together.items[row], alone.items[0])
        np.testing.assert_allclose(together.scores[row], alone.scores[0], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", MODELS)
def test_the_hour_is_that_of_the_history_at_hand(name: str, schema: Path) -> None:
    """The same events at another hour, and nothing else that differs, score otherwise."""
    histories = brought().take(np.array([0, 0]))
    histories.timestamps[3:] += 5 * HOUR
    early, late = fitted(name, schema).score(np.array([5, 5]), histories)
    assert np.abs(early - late).max() > 1e-3


@pytest.mark.parametrize("name", MODELS)
def test_saved_and_loaded_it_reads_requests_alike(name: str, schema: Path, tmp_path: Path) -> None:
    """The file of the schema is not needed again: features and attributes are kept."""
    model = fitted(name, schema)
    model.save(tmp_path)
    loaded = type(model).load(tmp_path)
    assert loaded.schema == model.schema
    for users, histories in ((USERS, None), (np.array([5, -1]), brought())):
        one, two = (each.recommend(users, 10, histories=histories) for each in (model, loaded))
        np.testing.assert_array_equal(one.items, two.items)
        np.testing.assert_array_equal(one.scores, two.scores)


def test_towers_that_read_the_same_share_it(schema: Path) -> None:
    """A channel beside others scores as it does alone; who reads another schema reads anew."""
    models = [fitted("dssm", schema), fitted("youtube-dnn", schema)]
    without = parse_config(model_info("dssm").cls.Config, SMALL, "dssm")
    models.append(model_info("dssm").cls(without).fit(train()))
    read: dict[str, Any] = {}
    for model, windows in zip(models, (1, 1, 2), strict=True):
        found = model.score_sharing(np.array([5, -1]), brought(), read)
        np.testing.assert_array_equal(found, model.score(np.array([5, -1]), brought()))
        assert len(read) == windows


@pytest.mark.parametrize("name", MODELS)
def test_what_is_kept_of_users_and_items_is_bounded_and_no_matter(
    name: str, schema: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = fitted(name, schema)
    kept = model.score(USERS[:3], brought(3))
    parts = [
        part for part in model.module.modules() if isinstance(part, EventEmbedding | QueryFields)
    ]
    monkeypatch.setattr(layers, "MOST_KEPT", 0)
    for part in parts:
        assert part.kept is not None
        monkeypatch.setattr(part, "kept", None)
        part.keep()
        assert part.kept is None
    np.testing.assert_array_equal(model.score(USERS[:3], brought(3)), kept)


def test_training_reads_what_a_request_at_that_moment_would(schema: Path) -> None:
    """After each event of every user: the same as for one who asks with the history up to it."""
    data, histories = train().dataset, train().histories()
    known = Known.of_histories(data, histories, 4.0)
    encoder = TowerEncoder.fit(load_schema(str(schema), data, towers=True), known)
    trained = encoder.request_fields(Queries.after_events(known), known)
    owner, place = histories.row, np.arange(len(histories.items)) - histories.offsets[histories.row]
    whole = histories.take(owner)  # one request for each event, which brings what was until then
    reached = np.arange(len(whole.items)) - whole.offsets[whole.row] <= place[whole.row]
    requests = known.requests(owner, whole.where(reached))
    request = np.arange(len(owner))
    served = encoder.request_fields(
        Queries.of_requests(requests, request, np.zeros_like(request)), requests
    )
    assert len(trained) == len(histories.items)
    for one, two in zip(read(trained), read(served), strict=True):
        assert one == pytest.approx(two)


def read(table: Table) -> list[dict[int, float]]:
    """Weights of each row by table row, however wide the fields are."""
    rows = zip(table.index.tolist(), table.all_weights.tolist(), strict=True)
    return [{at: share for at, share in zip(*row, strict=True) if at} for row in rows]


def test_two_stages_keep_what_a_channel_reads(schema: Path, tmp_path: Path) -> None:
    """A channel with features of its own, saved and loaded with the whole, answers the same."""
    channel = {"model": "dssm", "params": SMALL, "features": str(schema), "quota": 10}
    fields = {
        "channels": [channel, {"model": "popularity", "quota": 10}],
        "ranker": {"params": {"hidden": [8], "epochs": 1, "batch_size": 16}},
    }
    model = TwoStage(parse_config(TwoStageConfig, fields, "two-stage")).fit(train())
    model.save(tmp_path)
    loaded = TwoStage.load(tmp_path)
    channels = (each.stage.channels.models["dssm"] for each in (model, loaded))
    assert [each.schema.name for each in channels] == ["requests", "requests"]  # type: ignore[attr-defined]
    for users, histories in ((USERS, None), (np.array([5, 5, -1]), brought(3))):
        one, two = (each.recommend(users, 10, histories=histories) for each in (model, loaded))
        np.testing.assert_array_equal(one.items, two.items)
        np.testing.assert_array_equal(one.scores, two.scores)
        np.testing.assert_array_equal(one.sources, two.sources)
