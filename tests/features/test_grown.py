"""What an earlier fit has taught grows: codes stay, numbers keep their meaning."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from recsys_core.data.interactions import Interactions
from recsys_core.features.encoder import FeatureEncoder
from recsys_core.features.grown import grown, kept_codes
from recsys_core.features.known import Known
from recsys_core.features.queries import Queries
from recsys_core.features.schema import FeatureSchema
from recsys_core.features.transforms import Buckets, Crossed, EventLookup, Hashed, Lookup
from recsys_core.testing.rated import dataset, split
from recsys_core.testing.updates import grown as with_more


def test_values_keep_their_codes_and_new_ones_follow() -> None:
    found = grown(Lookup(values=("b", "d")), Lookup(values=("a", "b", "c")), [])
    assert found == Lookup(values=("b", "d", "a", "c"))
    events = grown(
        EventLookup(of="", values=("b",), centre=3.5),
        EventLookup(of="", values=("a", "b"), centre=4.0),
        [],
    )
    assert events == EventLookup(of="", values=("b", "a"), centre=3.5)


def test_numbers_keep_their_edges() -> None:
    assert grown(Buckets(edges=(1.0, 2.0)), Buckets(edges=(1.5,)), []).edges == (1.0, 2.0)  # type: ignore[union-attr]


def test_crosses_are_written_with_the_sizes_of_today() -> None:
    # two features: three codes each before, now four and five; the codes themselves stay
    codes = [np.arange(3), np.arange(3)]
    before = Crossed(sizes=(3, 3), keys=(1 * 3 + 2, 2 * 3 + 1), buckets=None)
    now = Crossed(sizes=(4, 5), keys=(3 * 5 + 4,), buckets=None)
    both = grown(before, now, codes)
    assert both == Crossed(sizes=(4, 5), keys=(1 * 5 + 2, 2 * 5 + 1, 3 * 5 + 4), buckets=None)
    # code 0, the pair (1, 2), the pair (2, 1)
    assert kept_codes(before, both, codes).tolist() == [0, 1, 2]


def test_a_hashed_cross_of_other_sizes_starts_anew() -> None:
    before, now = (Crossed(sizes=sizes, keys=(), buckets=2) for sizes in ((3, 3), (4, 5)))
    assert kept_codes(before, now, []).tolist() == [0, -1, -1]
    assert kept_codes(Hashed(buckets=2), Hashed(buckets=2), []).tolist() == [0, 1, 2]


def test_each_row_of_the_table_is_found_again_by_what_it_stands_for() -> None:
    old = replace(dataset(), user_columns={}, item_columns={})
    train = split(old).train
    before = FeatureEncoder.fit(_schema(), Queries.of_events(train), Known.of(train))
    new = with_more(old)
    rows = Interactions(new, np.arange(new.n_interactions), 4.0)
    after = FeatureEncoder.fit(_schema(), Queries.of_events(rows), Known.of(rows), before)
    here, there = after.kept_rows(before)
    assert len(there) == before.layout.n_rows  # every row is kept
    names_before, names_after = _names(before), _names(after)
    assert [names_after[row] for row in here] == [names_before[row] for row in there]
    assert ("user_id", "a new one") in names_after.values()


def _schema() -> FeatureSchema:
    ids = [
        {"name": f"{side}_id", "source": side, "kind": "categorical", "column": f"{side}_id"}
        for side in ("user", "item")
    ]
    cross = {"name": "both", "source": "cross", "kind": "categorical", "of": ["user_id", "item_id"]}
    return FeatureSchema.model_validate({"name": "mine", "features": [*ids, cross]})


def _names(encoder: FeatureEncoder) -> dict[int, Any]:
    """Name what each row of the table stands for."""
    found: dict[int, Any] = {0: "padding"}
    values: dict[str, list[Any]] = {}
    for each in encoder.features:
        name, fitted = each.feature.name, each.fitted
        if isinstance(fitted, Lookup):
            values[name] = [None, *fitted.values]
        else:
            assert isinstance(fitted, Crossed)
            size = fitted.sizes[1]
            pairs = [
                (values["user_id"][k // size], values["item_id"][k % size]) for k in fitted.keys
            ]
            values[name] = [None, *pairs]
    for name, offset in zip(encoder.layout.names, encoder.layout.offsets, strict=True):
        found |= {offset + code: (name, value) for code, value in enumerate(values[name])}
    return found
