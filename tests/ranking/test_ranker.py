"""Fit, predict, save and load, on data whose structure is known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recsys_core.compute.runtime import Runtime
from recsys_core.data.dataset import Dataset
from recsys_core.data.interactions import Interactions
from recsys_core.errors import InputError
from recsys_core.evaluation.rows import auc
from recsys_core.features.schema import load_schema
from recsys_core.protocols.split import Split
from recsys_core.ranking.deepfm import DeepFM
from recsys_core.ranking.ranker import HEADER, WEIGHTS, Ranker
from recsys_core.registry import model_info
from tests.ranking.build import N_ITEMS, dataset, schema, split

FAST: dict[str, Any] = {"epochs": 15, "batch_size": 256, "learning_rate": 0.02}


def ranker(model: str, data: Dataset, seed: int = 0, **fields: Any) -> Ranker:
    config_class = model_info(model).cls.Config
    small = {"hidden": (64, 32)} if "hidden" in config_class.model_fields else {}
    config = config_class.model_validate({**FAST, **small, **fields})
    return Ranker(model, config, schema(data), Runtime(seed=seed))


def area(trained: Ranker, parts: Split) -> float:
    """AUC on the test rows."""
    return area_of(trained, parts.test)


def area_of(trained: Ranker, rows: Interactions) -> float:
    scores = trained.predict(rows, rows)[:, 0]
    return auc(rows.relevant.astype(np.int8), scores.astype(np.float64))


@pytest.fixture(scope="module")
def parts() -> Split:
    return split(dataset())


@pytest.fixture(scope="module")
def deepfm(parts: Split) -> Ranker:
    return ranker("deepfm", parts.dataset).fit(parts)


def test_an_interaction_is_found_by_deepfm_and_not_by_lr(parts: Split, deepfm: Ranker) -> None:
    # one label in ten is flipped: the best possible AUC is about .9
    assert area(deepfm, parts) > 0.88
    assert area(ranker("lr", parts.dataset).fit(parts), parts) < 0.55


def test_lr_finds_what_an_item_alone_says() -> None:
    parts = split(dataset(interaction=False))
    assert area(ranker("lr", parts.dataset).fit(parts), parts) > 0.88


def test_a_penalty_on_whole_tables_makes_them_small(parts: Split) -> None:
    def norm(table_l2: float) -> float:
        fields: dict[str, Any] = {"epochs": 2, "table_l2": table_l2, "batch_norm": True}
        module = ranker("deepfm", parts.dataset, **fields).fit(parts).module
        assert isinstance(module, DeepFM)
        return float(module.embedding.table.norm().item())

    assert norm(10.0) < 0.2 * norm(0.0)


def test_predictions_are_calibrated_probabilities(parts: Split, deepfm: Ranker) -> None:
    scores = deepfm.predict(parts.test, parts.known)
    assert scores.shape == (len(parts.test), 1)
    assert scores.dtype == np.float32
    assert ((scores > 0) & (scores < 1)).all()
    assert scores.mean() == pytest.approx(parts.test.relevant.mean(), abs=0.05)


def test_the_bias_starts_at_the_prior(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = split(dataset())
    seen: list[float] = []

    def no_training(module: Any, *rest: Any) -> Any:
        seen.append(module.bias.item())
        return type("Progress", (), {"curve": []})

    monkeypatch.setattr("recsys_core.ranking.ranker.train", no_training)
    ranker("lr", parts.dataset).fit(parts)
    share = parts.train.relevant.mean()
    assert seen == [pytest.approx(np.log(share / (1 - share)), abs=1e-5)]


def test_curve_and_early_stopping(parts: Split) -> None:
    trained = ranker("deepfm", parts.dataset, epochs=40, patience=2).fit(parts)
    areas = [epoch["auc"] for epoch in trained.curve]
    assert set(trained.curve[0]) == {"loss", "auc", "logloss"}
    assert len(areas) < 40
    assert int(np.argmax(areas)) == len(areas) - 3
    valid = trained.predict(parts.valid, parts.train)[:, 0]
    assert auc(parts.valid.relevant.astype(np.int8), valid.astype(np.float64)) == pytest.approx(
        max(areas)
    )


def test_monitor_chooses_the_epoch(parts: Split) -> None:
    trained = ranker("deepfm", parts.dataset, epochs=12, monitor="logloss").fit(parts)
    losses = [epoch["logloss"] for epoch in trained.curve]
    scores = trained.predict(parts.valid, parts.train)[:, 0].astype(np.float64)
    labels = parts.valid.relevant
    measured = -np.mean(np.where(labels, np.log(scores), np.log1p(-scores)))
    assert measured == pytest.approx(min(losses), abs=1e-4)


def test_save_and_load_predict_the_same(tmp_path: Path, parts: Split, deepfm: Ranker) -> None:
    deepfm.save(tmp_path / "model")
    loaded = Ranker.load(tmp_path / "model")
    np.testing.assert_array_equal(
        loaded.predict(parts.test, parts.known), deepfm.predict(parts.test, parts.known)
    )
    assert (loaded.config, loaded.schema, loaded.curve) == (
        deepfm.config,
        deepfm.schema,
        deepfm.curve,
    )
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == [HEADER, WEIGHTS]


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        (HEADER, None, "no saved ranking model here"),
        (HEADER, b"{", r"ranker\.json: .*damaged"),
        (HEADER, b'{"format": 99}', "saved in format 99, this version reads 3"),
        (HEADER, b"[]", "damaged: expected a JSON object"),
        (WEIGHTS, None, r"ranker\.safetensors: the saved model is damaged"),
        (WEIGHTS, b"x" * 50, "damaged"),
    ],
)
def test_damaged_models_are_named(
    tmp_path: Path, deepfm: Ranker, file: str, content: bytes | None, message: str
) -> None:
    deepfm.save(tmp_path)
    (tmp_path / file).unlink()
    if content is not None:
        (tmp_path / file).write_bytes(content)
    with pytest.raises(InputError, match=message):
        Ranker.load(tmp_path)


def test_unknown_users_and_items_get_a_prediction(parts: Split) -> None:
    """Ids and attributes outside train: every id that fit did not see scores alike."""
    seen = parts.train.item < N_ITEMS // 2
    narrow = replace(parts, train=parts.train.where(seen & (parts.train.user < 40)))
    trained = ranker("deepfm", parts.dataset).fit(narrow)
    scores = trained.predict(parts.test, parts.known)[:, 0]
    assert np.isfinite(scores).all()
    # items 41, 47 and 53 have the same genres and year, and no train row
    alike = [np.median(scores[parts.test.item == item]) for item in (41, 47, 53)]
    same_user = [
        trained.predict(_row(parts, user=3, item=item), parts.known)[0, 0] for item in (41, 47, 53)
    ]
    assert len(set(same_user)) == 1
    assert np.isfinite(alike).all()


def _row(parts: Split, user: int, item: int) -> Interactions:
    data = parts.dataset
    row = np.flatnonzero((data.user == user) & (data.item == item))
    return Interactions(data, row, parts.threshold)


def test_no_rows_no_predictions(parts: Split, deepfm: Ranker) -> None:
    nothing = parts.test.where(np.zeros(len(parts.test), dtype=np.bool_))
    assert deepfm.predict(nothing, parts.known).shape == (0, 1)


def test_without_validation_rows_all_epochs_run(parts: Split) -> None:
    nothing = parts.valid.where(np.zeros(len(parts.valid), dtype=np.bool_))
    trained = ranker("lr", parts.dataset, epochs=5).fit(replace(parts, valid=nothing))
    assert [set(epoch) for epoch in trained.curve] == [{"loss"}] * 5


def test_one_class_of_labels_is_refused() -> None:
    data = dataset()
    with pytest.raises(InputError, match=r"relevance is null and .*, so that every row is"):
        ranker("lr", data).fit(split(data, threshold=None))
    nothing = split(data)
    nothing = replace(nothing, train=nothing.train.where(np.zeros(len(nothing.train), np.bool_)))
    with pytest.raises(InputError, match="need train rows; there are none"):
        ranker("lr", data).fit(nothing)


def test_recall_models_are_refused(parts: Split) -> None:
    config = model_info("lr").cls.Config()
    with pytest.raises(InputError, match="popularity is a recall model"):
        Ranker("popularity", config, load_schema(None, parts.dataset))
