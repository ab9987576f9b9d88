"""Further columns of events as features of rows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from recsys_core.data.dataset import Categorical, Column, Dataset, Numeric
from recsys_core.data.interactions import Interactions
from recsys_core.errors import InputError
from recsys_core.features.columns import row_values
from recsys_core.features.encoder import FeatureEncoder
from recsys_core.features.known import Known
from recsys_core.features.queries import Queries
from recsys_core.features.schema import load_schema
from tests.protocols.build import Row, dataset

ROWS: list[Row] = [(u, i, float(u == i), 3600 * (u + i)) for u in range(6) for i in range(6)]
N = len(ROWS)
COLUMNS: dict[str, Column] = {
    "device": Categorical(np.arange(N, dtype=np.int32) % 3 - 1, np.array(["phone", "tv"])),
    "hour": Numeric(np.full(N, 99, dtype=np.float32)),
    "price": Numeric(np.append(np.arange(N - 1), np.nan).astype(np.float32)),
    "type": Categorical(np.zeros(N, dtype=np.int32), np.array(["view"])),
}


def log(**columns: Column) -> Dataset:
    return replace(dataset(ROWS), labelled=True, event_columns={**COLUMNS, **columns})


def write(tmp_path: Path, *features: str) -> str:
    path = tmp_path / "mine.yaml"
    lines = "".join(f"  - {feature}\n" for feature in features)
    path.write_text(f"name: mine\nfeatures:\n{lines}")
    return str(path)


def test_a_row_has_what_was_known_at_its_event() -> None:
    data = log()
    some = Interactions.in_time_order(data, np.array([0, 1, 2, N - 1]), 1.0)
    queries = Queries.of_events(some)
    device = row_values("device", queries)
    assert isinstance(device, Categorical)
    assert device.codes.tolist() == [-1, 0, 1, (N - 1) % 3 - 1]
    # the set's own column, not the hour of its time
    assert row_values("hour", queries).values.tolist() == [99] * 4  # type: ignore[union-attr]
    price = row_values("price", queries).values  # type: ignore[union-attr]
    assert price[:3].tolist() == [0, 1, 2]
    assert np.isnan(price[3])
    elsewhere = replace(queries, event=np.full(4, -1))
    assert np.isnan(row_values("price", elsewhere).values).all()  # type: ignore[union-attr]


def test_by_default_ranking_models_read_all_but_what_came_of_the_event() -> None:
    data = log(user_id=Numeric(np.arange(N, dtype=np.float32)))
    features = load_schema(None, data).features
    assert [feature.name for feature in features] == [
        *("user_id", "item_id", "device", "hour", "price", "event_user_id"),
    ]
    assert load_schema(None, dataset(ROWS)).features == features[:2]
    for at_request in (
        load_schema(None, data, requested=True),  # candidates
        load_schema(None, data, towers=True),
    ):
        assert not any(feature.source == "interaction" for feature in at_request.features)


def test_values_of_few_rows_have_no_embedding_of_their_own() -> None:
    codes = np.zeros(N, dtype=np.int32)
    codes[:4] = 1
    data = log(site=Categorical(codes, np.array(["a", "rare"])))
    everything = Interactions.in_time_order(data, np.arange(N), 1.0)
    queries, known = Queries.of_events(everything), Known.of(everything)
    encoder = FeatureEncoder.fit(load_schema(None, data), queries, known)
    slots = encoder.slots(queries, known, "site").codes[:, 0]
    assert slots[np.argsort(everything.rows)].tolist() == [0] * 4 + [1] * (N - 4)


@pytest.mark.parametrize(
    ("feature", "problem"),
    [
        ("{name: devise, source: interaction, kind: categorical}", "'devise'\n.*'device'"),
        ("{name: type, source: interaction, kind: categorical}", "says what came of the event"),
        ("{name: label, source: interaction, kind: numeric}", "the label is what is predicted"),
        ("{name: device, source: interaction, kind: multi}", "device has one value per row"),
        ("{name: device, source: interaction, kind: numeric}", None),
        ("{name: price, source: interaction, kind: numeric}", None),
    ],
)
def test_schemas_name_them(tmp_path: Path, feature: str, problem: str | None) -> None:
    path = write(tmp_path, feature)
    if problem is None:
        assert load_schema(path, log()).features[0].source == "interaction"
        return
    with pytest.raises(InputError, match=problem):
        load_schema(path, log())


def test_those_who_recommend_cannot_read_them(tmp_path: Path) -> None:
    item = "{name: item_id, source: item, kind: categorical}"
    path = write(tmp_path, item, "{name: device, source: interaction, kind: categorical}")
    for asked in ({"towers": True}, {"requested": True}):
        with pytest.raises(InputError, match=r"device is known of events; a request .* has none"):
            load_schema(path, log(), **asked)
    assert load_schema(path, log(), requested=True, towers=None)  # only described
