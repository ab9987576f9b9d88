"""The whole: ranking beats the merge, whoever asks gets a list, and a saved model is the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recsys_core.compute.runtime import Runtime
from recsys_core.config import parse_config
from recsys_core.errors import CapacityError, InputError
from recsys_core.evaluation.recommendations import evaluate_recommendations
from recsys_core.events import Event
from recsys_core.features.known import Known
from recsys_core.recall.ease import Ease, EaseConfig
from recsys_core.saving.npz import map_arrays, write_arrays
from recsys_core.two_stage.channels import LeakError
from recsys_core.two_stage.config import TwoStageConfig
from recsys_core.two_stage.lists import Lists
from recsys_core.two_stage.mlp_ranker import MLPConfig, Network, _put_together
from recsys_core.two_stage.model import Saved, TwoStage
from tests.recall.build import history
from tests.two_stage.build import (
    BLOCKS,
    HITS,
    ITEMS,
    N_ITEMS,
    N_USERS,
    USERS,
    config,
    fit,
    fitted,
    known,
    planted,
)


def ndcg(model: TwoStage) -> float:
    split = planted()
    users, histories = known(split)
    items = model.recommend(users, 10, histories=histories).items
    return evaluate_recommendations(users, items, split, [10]).metrics["ndcg@10"]


def test_ranking_beats_the_merge_order_where_a_channel_misleads() -> None:
    """Merged by turns every second item is a hit that nobody will watch; the ranker learns that."""
    merged = fit(planted(), ranker={"model": "none"})
    assert merged.ranker is None
    assert ndcg(fitted()) > 1.3 * ndcg(merged)
    users, histories = known(planted())
    top = fitted().recommend(users, 6, histories=histories)
    assert (top.items >= BLOCKS * ITEMS).mean() < 0.05
    assert (top.items // ITEMS == (users // USERS)[:, None]).mean() > 0.9


@pytest.mark.parametrize(
    "ranker",
    [
        {"loss": "pointwise"},
        {"rows": "rated", "loss": "pointwise"},
        {"negatives": 4},
    ],
)
def test_every_kind_of_row_and_loss_learns(ranker: dict[str, Any]) -> None:
    params = {"hidden": [16], "epochs": 5, "batch_size": 16, "dropout": 0}
    model = fit(planted(), ranker={"params": params, **ranker})
    losses = [epoch["loss"] for epoch in model.curve]
    assert losses[-1] < losses[0]
    assert all("ndcg@10" in epoch for epoch in model.curve)


def test_lists_hold_candidates_and_their_channels() -> None:
    users, histories = known(planted())
    model = fitted()
    top = model.recommend(users, 10, histories=histories)
    assert model.channel_names == ("popularity", "item-cf")
    assert top.sources.shape == (*top.items.shape, 2)
    assert top.sources.any(axis=2).all()
    alone = model.stage.channels.models["item-cf"].recommend(users, 30, histories=histories).items
    for row in range(0, len(users), 11):
        for item, sources in zip(top.items[row], top.sources[row], strict=True):
            assert sources[1] == (item in alone[row])
    assert (np.diff(top.scores, axis=1) <= 0).all()


def test_seen_items_are_left_out_unless_told_otherwise() -> None:
    users, histories = known(planted())
    top = fitted().recommend(users, N_ITEMS, histories=histories)
    seen = set(zip(histories.row.tolist(), histories.items.tolist(), strict=True))
    rows, places = np.nonzero(top.items >= 0)
    assert not seen & set(zip(rows.tolist(), top.items[rows, places].tolist(), strict=True))
    every = fitted().recommend(users, 20, histories=histories, exclude_seen=False)
    rows, places = np.nonzero(every.items >= 0)
    assert seen & set(zip(rows.tolist(), every.items[rows, places].tolist(), strict=True))


def test_channels_fill_their_quotas_from_what_is_allowed() -> None:
    """Everything that no pool had is allowed, and fills the pools; scores stay what they were."""
    users, histories = known(planted())
    model = fit(
        planted(),
        channels=[{"model": "popularity", "quota": 8}, {"model": "item-cf", "quota": 8}],
    )
    for row in range(0, len(users), 25):
        one, own = users[row : row + 1], histories.take(np.array([row]))
        pool = model.recommend(one, 20, histories=own)
        allowed = np.ones(N_ITEMS, dtype=np.bool_)
        allowed[pool.items[pool.items >= 0]] = False
        rest = model.recommend(one, 8, histories=own, allowed=allowed)
        assert allowed[rest.items].all()
        assert (rest.items >= 0).all()
        assert not set(rest.items[0]) & set(own.items)
        last = pool.items[0, 3:8]
        again = model.recommend(one, 5, histories=own, allowed=np.isin(np.arange(N_ITEMS), last))
        np.testing.assert_array_equal(again.items[0], last)
        np.testing.assert_allclose(again.scores[0], pool.scores[0, 3:8], rtol=1e-6)


def test_somebody_new_is_served_from_a_history_and_nobody_known_from_popularity() -> None:
    model = fitted()
    blocks = [[block * ITEMS + film for film in range(6)] for block in range(BLOCKS)]
    strangers = history(*([80, 81, 82, *films] for films in blocks), [])
    users = np.array([-1, N_USERS, 10**6, -1, -1])
    top = model.recommend(users, 5, histories=strangers)
    assert (top.items[:4] // ITEMS == np.arange(4)[:, None]).mean() > 0.9
    counts = planted().train.positives().item_counts()
    np.testing.assert_array_equal(counts[top.items[4]], np.sort(counts)[::-1][:5])
    np.testing.assert_array_equal(top.items[4], model.recommend(users[2:3], 5).items[0])


def test_lists_longer_than_the_pool_are_padded() -> None:
    users, histories = known(planted())
    top = fitted().recommend(users[:3], 200, histories=histories.take(np.arange(3)))
    listed = top.items >= 0
    assert top.items.shape == (3, 200)
    assert (listed.sum(axis=1) <= 50).all()
    assert np.isneginf(top.scores[~listed]).all()
    nobody = fitted().recommend(users[:0], 5)
    assert nobody.items.shape == (0, 5)
    with pytest.raises(InputError, match="k = 0"):
        fitted().recommend(users, 0)


def test_lists_do_not_depend_on_who_else_asks() -> None:
    users, histories = known(planted())
    together = fitted().recommend(users, 10, histories=histories)
    for row in (0, 50, 100):
        alone = fitted().recommend(
            users[row : row + 1], 10, histories=histories.take(np.array([row]))
        )
        np.testing.assert_array_equal(alone.items[0], together.items[row])
        np.testing.assert_allclose(alone.scores[0], together.scores[row], rtol=1e-4, atol=1e-4)


def test_scores_of_the_catalogue_are_those_of_the_lists() -> None:
    users, histories = known(planted())
    scores = fitted().score(users[:4], histories.take(np.arange(4)))
    top = fitted().recommend(
        users[:4], 10, histories=histories.take(np.arange(4)), exclude_seen=False
    )
    np.testing.assert_allclose(
        np.take_along_axis(scores, top.items, axis=1), top.scores, rtol=1e-4, atol=1e-4
    )
    assert np.isneginf(scores).sum(axis=1).min() >= N_ITEMS - 50


def test_saved_and_loaded_it_recommends_the_same(tmp_path: Path) -> None:
    users, histories = known(planted())
    model = fitted()
    model.save(tmp_path / "model")
    loaded = TwoStage.load(tmp_path / "model")
    one, two = (m.recommend(users, 20, histories=histories) for m in (model, loaded))
    for name in ("items", "scores", "sources"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    assert loaded.config == model.config
    with pytest.raises(InputError, match="no saved model here"):
        TwoStage.load(tmp_path)
    (tmp_path / "model/ranker/mlp.safetensors").write_bytes(b"cut off")
    with pytest.raises(InputError, match=r"mlp.safetensors: the saved model is damaged"):
        TwoStage.load(tmp_path / "model")


def test_lists_that_do_not_fit_are_refused_before_anything_is_fitted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    needed: list[int] = []

    def require(model: str, size: int, why: str, changes: object) -> None:
        needed.append(size)
        raise CapacityError(why)

    monkeypatch.setattr("recsys_core.two_stage.lists.require_memory", require)
    messages: list[str] = []
    model = TwoStage(config(), None, Saved())
    with pytest.raises(CapacityError, match=r"rows of 21 features"):
        model.fit(planted().train, on_event=lambda event: messages.append(event.message))
    assert messages == []
    # two windows of 120 users with 2 likes each beside at most 48 other candidates of 50
    assert needed == [2 * 4 * 21 * 2 * 120 * 50]


def test_features_are_standardised_part_by_part_as_all_at_once() -> None:
    rng = np.random.default_rng(0)
    parts, train = [], planted().train
    for n, width in ((700, 3), (40, 5)):
        items = rng.integers(-1, 9, (n, width)).astype(np.int32)
        features = rng.normal(3, 2, (n, width, 4)).astype(np.float32)
        features[:, :, 2] = 7  # tells nothing
        labels, users = items > 5, np.arange(n, dtype=np.int32)
        past = train.histories().take(users % train.n_users)
        relevant = labels.sum(axis=1)
        parts.append(Lists(Known.of(train), users, past, items, labels, features, relevant))
    network = Network(4, MLPConfig())
    network.standardise_by(parts)
    listed = np.concatenate([part.features[part.listed] for part in parts]).astype(np.float64)
    deviation = listed.std(axis=0)
    deviation[2] = 1
    np.testing.assert_allclose(network.mean.numpy(), listed.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(network.deviation.numpy(), deviation, rtol=1e-6)
    together = _put_together(parts)
    assert together.shape == (740, 5, 4)
    np.testing.assert_array_equal(together[:700, :3].numpy(), parts[0].features)
    assert not together[:700, 3:].any()
    np.testing.assert_array_equal(together[700:].numpy(), parts[1].features)


def test_loaded_channels_still_refuse_rows_that_they_learned_from(tmp_path: Path) -> None:
    split = planted()
    fitted().save(tmp_path)
    channels = TwoStage.load(tmp_path).stage.channels
    with pytest.raises(LeakError, match="labelled rows are rows that the channels learned from"):
        channels.refuse_own(split.train.where(np.arange(len(split.train)) < 3))
    channels.refuse_own(split.test)
    assert split.valid is not None
    channels.refuse_own(split.valid)


def test_a_channel_of_another_data_set_is_refused(tmp_path: Path) -> None:
    fitted().save(tmp_path)
    header = tmp_path / "channels" / "0" / "model.json"
    content = json.loads(header.read_text())
    header.write_text(json.dumps({**content, "fingerprint": "other"}))
    with pytest.raises(InputError, match="channel popularity is a model of another data set"):
        TwoStage.load(tmp_path)


def test_foreign_statistics_are_refused(tmp_path: Path) -> None:
    fitted().save(tmp_path)
    # copied, as the file that they are mapped from is written anew
    arrays = {name: array.copy() for name, array in map_arrays(tmp_path / "model.npz").items()}
    for name in arrays:
        if not name.startswith(("context.", "channels.")):
            continue
        write_arrays(tmp_path / "model.npz", {**arrays, name: arrays[name][None]})
        with pytest.raises(InputError, match=f"damaged: {name}"):
            TwoStage.load(tmp_path)


def test_same_seed_same_lists_other_seed_other_ranker() -> None:
    users, histories = known(planted())
    ranker = {"params": {"hidden": [8], "epochs": 2, "batch_size": 16}}
    one, same, other = (
        fit(planted(), Runtime(seed=seed), ranker=ranker)
        .recommend(users, 10, histories=histories)
        .scores
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_a_cut_off_fit_goes_on_and_ends_the_same(tmp_path: Path) -> None:
    users, histories = known(planted())
    ranker = {"params": {"hidden": [8], "epochs": 4, "batch_size": 16}}

    def cut_off(event: Event) -> None:
        if "ndcg@10" in event.metrics:
            raise KeyboardInterrupt

    split, runtime = planted(), Runtime(checkpoint=tmp_path)
    with pytest.raises(KeyboardInterrupt):
        TwoStage(config(ranker=ranker), runtime, Saved()).fit(
            split.train, valid=split.valid, on_event=cut_off
        )
    resumed, whole = fit(split, runtime, ranker=ranker), fit(split, ranker=ranker)
    assert resumed.curve == whole.curve
    np.testing.assert_array_equal(
        resumed.recommend(users, 10, histories=histories).scores,
        whole.recommend(users, 10, histories=histories).scores,
    )


def test_random_protocols_train_on_every_fold() -> None:
    from recsys_core.protocols.registry import make_protocol

    split = make_protocol({"name": "random-per-user"}).split(planted().dataset)
    messages: list[str] = []
    small = {"params": {"hidden": [8], "epochs": 1}}
    TwoStage(config(ranker=small, inner={"folds": 3})).fit(
        split.train, valid=split.valid, on_event=lambda event: messages.append(event.message)
    )
    fits = [message for message in messages if message.startswith("channel item-cf")]
    assert len(fits) == 1 + 3


def test_re_ranking_changes_the_order_alone() -> None:
    """All hits are Action: with a cap of 1 at most one of them is among the first five."""
    users, histories = known(planted())
    plain = fit(planted(), ranker={"model": "none"})
    capped = TwoStage(
        config(ranker={"model": "none"}, rerank=[{"name": "genre-caps", "cap": 1, "top": 2}]),
        saved=Saved(),
    ).fit(planted().train)
    before, after = (m.recommend(users, 50, histories=histories) for m in (plain, capped))
    np.testing.assert_array_equal(np.sort(before.items), np.sort(after.items))
    assert ((after.items[:, :2] >= N_ITEMS - HITS).sum(axis=1) <= 1).all()
    assert (before.items != after.items).any()


def test_fitted_channels_are_taken_as_they_are(tmp_path: Path) -> None:
    split = planted()
    ease = Ease(EaseConfig(l2=20)).fit(split.train)
    ease.save(tmp_path)
    some = config(
        channels=[{"model": "ease", "params": {"l2": 20}}, {"model": "popularity"}],
        ranker={"model": "none"},
    )
    saved = Saved(channels={"ease": tmp_path})
    messages: list[str] = []
    model = TwoStage(some, saved=saved).fit(
        split.train, valid=split.valid, on_event=lambda event: messages.append(event.message)
    )
    assert [m for m in messages if m.startswith("channel")] == [
        f"channel popularity: {len(split.train):,} rows"
    ]
    used = model.stage.channels.models["ease"]
    assert isinstance(used, Ease)
    np.testing.assert_array_equal(used.weights, ease.weights)
    Ease(EaseConfig()).fit(split.known).save(tmp_path)
    with pytest.raises(InputError, match=r"channel ease: .* was fitted on other rows"):
        TwoStage(some, saved=saved).fit(split.train, valid=split.valid)


def test_configuration() -> None:
    default = TwoStageConfig()
    written = json.loads(json.dumps(default.model_dump(mode="json")))
    assert parse_config(TwoStageConfig, written, "test") == default
    assert all(field.description for field in TwoStageConfig.model_fields.values())
    for changes, message in (
        ({"channels": [{"model": "ease"}, {"model": "ease"}]}, "channel 'ease' occurs twice"),
        ({"channels": [{"model": "ease", "run": "a"}]}, "give either model"),
        ({"channels": [{"label": "a"}]}, "give either model"),
        ({"merge": {"method": "vote"}}, "merge.method"),
        ({"rerank": [{"name": "mmr", "trade_off": 2}]}, "trade_off"),
        ({"ranker": {"modle": "mlp"}}, "modle"),
    ):
        with pytest.raises(InputError, match=message):
            config(**changes)
    with pytest.raises(InputError, match="lr is a ranking model"):
        fit(planted(), channels=[{"model": "lr"}])
    with pytest.raises(InputError, match="ranker: ease is a recall model"):
        fit(planted(), ranker={"model": "ease"})
    with pytest.raises(InputError, match=r"channel ease \(ease\) 'l3'"):
        fit(planted(), channels=[{"model": "ease", "params": {"l3": 1}}])
