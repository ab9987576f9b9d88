"""What a ranker sees is declared: one feature in a file decides; what does not fit is refused."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recsys_core.data.dataset import Categorical, Numeric
from recsys_core.errors import TRAIN_AGAIN, InputError
from recsys_core.evaluation.recommendations import evaluate_recommendations
from recsys_core.pipeline.run import reuse_key
from recsys_core.pipeline.spec import JobSpec
from recsys_core.protocols.registry import make_protocol
from recsys_core.protocols.split import Split
from recsys_core.two_stage.model import TwoStage
from recsys_core.two_stage.ranker_choice import ranker_schema
from tests.protocols.build import dataset
from tests.two_stage.build import config, fit, known, planted

COLOURS, SHADES, USERS = 10, 10, 120
#: items of the colours that the user has liked: with half_life the latest count most
COLOUR = "{name: colours, source: user-history, kind: numeric, column: similarity, by: colour}"
EXTENDED = f"name: colourful\nextends: two-stage\nfeatures:\n  - {COLOUR}\n"
RANKERS: dict[str, dict[str, Any]] = {
    "mlp": {"hidden": [16], "epochs": 12, "batch_size": 16, "dropout": 0},
    "deepfm": {
        "hidden": [16],
        "embedding_size": 8,
        "epochs": 3,
        "learning_rate": 0.01,
        "batch_size": 512,
    },
}


@cache
def colourful() -> Split:
    """Everybody watches all items of one colour, in any order; genres and years say nothing."""
    rng = np.random.default_rng(3)
    rows = [
        (user, user % COLOURS * SHADES + int(shade), 5.0, 86_400 * time)
        for user in range(USERS)
        for time, shade in enumerate(rng.permutation(SHADES))
    ]
    n = COLOURS * SHADES
    genres = [[str(rng.integers(5))] for _ in range(n)]
    data = dataset(rows, n_users=USERS, n_items=n, genres=genres)
    data.item_columns["year"] = Numeric(rng.integers(1950, 2000, n).astype(np.float32))
    codes = np.repeat(np.arange(COLOURS, dtype=np.int32), SHADES)
    data.item_columns["colour"] = Categorical(codes, np.arange(COLOURS).astype(np.str_))
    return make_protocol({"name": "user-timeline", "test_share": 0.2}).split(data)


def ndcg(ranker: dict[str, Any]) -> float:
    split = colourful()
    channels = [{"model": "popularity", "quota": 100}]
    model = fit(split, channels=channels, merge={"size": 100}, ranker=ranker)
    users, histories = known(split)
    items = model.recommend(users, 10, histories=histories).items
    return evaluate_recommendations(users, items, split, [10]).metrics["ndcg@10"]


@pytest.mark.parametrize("model", list(RANKERS))
def test_one_declared_feature_tells_what_will_be_liked(model: str, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(EXTENDED)
    ranker = {"model": model, "params": RANKERS[model]}
    assert ndcg({**ranker, "features": "two-stage"}) < 0.15  # 2 of 92 at random: .05
    assert ndcg({**ranker, "features": str(tmp_path / "mine.yaml")}) > 0.8


def test_without_context_a_schema_stands_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(f"name: mine\nfeatures:\n  - {COLOUR}\n")
    ranker = config(ranker={"features": str(tmp_path / "mine.yaml"), "context": False}).ranker
    schema = ranker_schema(ranker, colourful().dataset)
    assert schema is not None
    assert [feature.name for feature in schema.features] == ["colours"]


def test_a_saved_ranker_does_not_need_the_file_again(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "name: mine\nextends: two-stage\nfeatures:\n"
        "  - {name: year_gap, source: item-history, kind: numeric, column: rating_variance}\n"
        "  - {name: genres_recent, source: user-history, kind: numeric, column: similarity, "
        "by: genres, half_life: 2}\n"
    )
    data = planted().dataset
    years = {"year": Numeric(np.arange(data.n_items, dtype=np.float32))}
    split = make_protocol({"name": "user-timeline", "test_share": 0.12}).split(
        replace(data, item_columns={**data.item_columns, **years})
    )
    params = {"hidden": [16], "epochs": 2, "batch_size": 16}
    model = fit(split, ranker={"params": params, "features": str(path)})
    model.save(tmp_path / "model")
    path.unlink()
    loaded = TwoStage.load(tmp_path / "model")
    assert loaded.stage.features == model.stage.features
    assert len(loaded.stage.features) == 16
    users, histories = known(split)
    one, two = (m.recommend(users, 20, histories=histories) for m in (model, loaded))
    np.testing.assert_array_equal(one.items, two.items)
    np.testing.assert_array_equal(one.scores, two.scores)


def test_the_packaged_features_are_those_that_the_data_have() -> None:
    """Without years there is no gap of years; named by the user, the schema is refused."""
    data = planted().dataset
    schema = ranker_schema(config().ranker, data)
    assert schema is not None
    names = {feature.name for feature in schema.features}
    assert "year_gap" not in names
    assert {"genres_recent", "count_gap", "predicted_rating"} <= names
    bare = ranker_schema(config().ranker, replace(data, item_columns={}))
    assert bare is not None
    assert "genres_recent" not in {feature.name for feature in bare.features}
    with pytest.raises(InputError, match=r"year_gap.* by item"):
        ranker_schema(config(ranker={"features": "two-stage"}).ranker, data)


def test_a_network_reads_numbers_alone() -> None:
    with pytest.raises(InputError, match=r"mlp reads numbers .*'user_id' of ids is categorical"):
        fit(planted(), ranker={"features": "ids"})


def test_a_job_is_another_where_the_schema_is(tmp_path: Path) -> None:
    """A file that was edited under its name is another job; without context nothing is read."""
    path = tmp_path / "mine.yaml"
    fields = {"dataset": "tiny", "model": "two-stage"}
    keys = []
    for half_life in (1, 2):
        one = COLOUR.replace("}", f", half_life: {half_life}}}")
        path.write_text(f"name: mine\nfeatures:\n  - {one}\n")
        params = {"ranker": {"features": str(path)}}
        spec = JobSpec.model_validate({**fields, "params": params})
        keys += [reuse_key(spec, colourful()), reuse_key(spec, colourful())]
    assert keys[0] == keys[1]
    assert keys[2] == keys[3]
    assert keys[0] != keys[2]


def test_a_model_of_an_earlier_version_is_trained_again(tmp_path: Path) -> None:
    fit(planted(), ranker={"model": "none"}).save(tmp_path)
    (tmp_path / "known/meta.json").unlink()
    with pytest.raises(InputError, match="made by an earlier version") as error:
        TwoStage.load(tmp_path)
    assert error.value.remedy == TRAIN_AGAIN
