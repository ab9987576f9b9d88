"""What must be the same on every machine, as digests that were written down on one of them.

`make sameness` runs this file at three levels of the processor's vector instructions, with three
kernels of BLAS and two hash seeds. A digest that fails there alone depends on one of them: mend the
code. One that fails everywhere was changed on purpose, or not: then write the new one down.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from hashlib import blake2b
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from recsys_core.compute.powers import exp2, power
from recsys_core.compute.threads import limited_threads
from recsys_core.data.dataset import PART, Categorical, Dataset, update_digest
from recsys_core.data.large import Sizes, generate
from recsys_core.data.sample import make_sample
from recsys_core.data.score_file import Scores
from recsys_core.features.encoder import FeatureEncoder
from recsys_core.features.known import Known
from recsys_core.features.queries import Queries
from recsys_core.features.schema import packaged_schema
from recsys_core.features.schema_files import schema_names
from recsys_core.features.tower_encoder import TowerEncoder
from recsys_core.pipeline.score_lists import lists_of
from recsys_core.protocols.registry import make_protocol, protocol_names
from recsys_core.protocols.split import Split
from recsys_core.recall import item_cf
from recsys_core.recall.hstu import Spans
from recsys_core.recall.neural.sequences import asked_after, intervals_of
from recsys_core.sampling.config import SamplingConfig
from recsys_core.sampling.samplers import make_sampler
from tests.recall.build import fit

#: a label: a model and its fields
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "item-cf": ("item-cf", {}),
    "item-cf, jaccard": ("item-cf", {"similarity": "jaccard"}),
    "item-cf, dice": ("item-cf", {"similarity": "dice", "shrinkage": 3, "neighbours": 20}),
    "item-cf, weighted": (
        "item-cf",
        {"history_half_life": 3, "rating_exponent": 0.7, "activity_damping": 0.9},
    ),
    "user-cf": ("user-cf", {}),
    "user-cf, weighted": (
        "user-cf",
        {"history_half_life": 5, "rating_exponent": 1, "amplification": 1.7},
    ),
    "popularity by time": ("popularity", {"half_life_days": 30}),
}


def digest(*arrays: NDArray[Any]) -> str:
    """Eight digits are enough to tell that something has changed."""
    state = blake2b(digest_size=4)
    for array in arrays:
        update_digest(state, array)
    return state.hexdigest()


@pytest.fixture(scope="module")
def sample() -> Dataset:
    return make_sample()


@pytest.fixture(scope="module")
def split(sample: Dataset) -> Split:
    return make_protocol({"name": "user-timeline"}).split(sample)


def test_sample(sample: Dataset) -> None:
    assert sample.fingerprint == "815142f58c4367503191124135f387cf"
    assert make_sample(60, 40, 15).fingerprint == "123d567ccad9d975b493d5ce119a41df"
    assert digest(sample.timeline) == "f0c9ed08"
    assert digest(sample.tie_rank) == "7b856495"


def test_large() -> None:
    assert (
        generate("large", Sizes(5_000, 300, 90)).fingerprint == "b0f52fc62d7a4b74063cb9df1a1004eb"
    )


class Nudged:
    """A generator whose continuous draws are off in late digits, as another libm would have it."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._noise = np.random.default_rng(1)

    def __getattr__(self, name: str) -> Any:
        draw = getattr(self._rng, name)
        if name not in ("gumbel", "lognormal", "exponential", "standard_normal"):
            return draw
        return lambda *args, **named: self._nudge(draw(*args, **named))

    def _nudge(self, values: Any) -> Any:
        return values * (1 + 1e-10 * self._noise.uniform(-1, 1, np.shape(values)))


def test_no_late_digit_decides_in_the_sample(
    sample: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Choices, ratings and times are cut from floats: none of these lies at its cut."""
    rng = Nudged(np.random.default_rng(20_000))
    monkeypatch.setattr(np.random, "default_rng", lambda seed: rng)
    nudged = make_sample()
    monkeypatch.undo()
    assert nudged.fingerprint == sample.fingerprint


def test_powers() -> None:
    base = np.random.default_rng(0).random(1000) * 100
    bits = [power(base, exponent) for exponent in (-0.5, -0.3, 0.25, 0.7, 1.7, 3.5, 9)]
    assert digest(*bits, exp2(base - 50)) == "8f51641b"


PARTS = np.array(["test", "train"])
#: fingerprint and parts
SPLITS = {
    "user-timeline": ("b19e786b", "2ea891e4"),
    "global-timeline": ("2999dd31", "c21e9702"),
    "leave-last-out": ("ee780a77", "f6e0e85f"),
    "random-rows": ("0bdbe179", "6e507ab2"),
    "random-per-user": ("9617102d", "ad92f5df"),
    "given": ("25c6d2be", "1958be98"),
    "held-out-users": ("6c4c62a4", "cbb3e20c"),
    "cold-items": ("0034d075", "4d5aded9"),
}


def cut(name: str, sample: Dataset) -> Split:
    """Split as the protocol does by default; of each ten rows one is said to be test."""
    part = Categorical((np.arange(sample.n_interactions) % 10 > 0).astype(np.int32), PARTS)
    if name == "given":
        sample = replace(sample, event_columns={**sample.event_columns, PART: part})
    return make_protocol({"name": name}).split(sample)


@pytest.mark.parametrize("name", protocol_names())
def test_splits(name: str, sample: Dataset) -> None:
    split = cut(name, sample)
    assert (split.fingerprint[:8], digest(split.parts())) == SPLITS[name]


FEATURES = {
    "ids": "7a020c51",
    "movielens": "0b951363",
    "movielens-context": "e68b4e44",
    "movielens-full": "624e0ab8",
    "movielens-full-crosses": "f06f3efe",
    "movielens-full-others": "3755f22c",
    "movielens-numbers": "d23b2f7e",
}


#: those that events can be asked with; numbers of candidates are trained in part
OF_EVENTS = sorted(set(schema_names()) - {"two-stage", "movielens-towers"})


@pytest.mark.parametrize("name", OF_EVENTS)
def test_features(name: str, split: Split) -> None:
    queries, known = Queries.of_events(split.train), Known.of(split.train)
    encoder = FeatureEncoder.fit(packaged_schema(name), queries, known)
    rows = encoder.encode(Queries.of_events(split.test), Known.of(split.known))
    codes = [array for table in rows.tables for array in (table.single, table.weighted)]
    events = [array for each in rows.sequences for array in (each.index, each.start, each.end)]
    assert digest(*rows.owners, *codes, *events) == FEATURES[name]


def test_features_of_towers(split: Split) -> None:
    histories = split.train.histories()
    known = Known.of_histories(split.dataset, histories, split.train.threshold)
    encoder = TowerEncoder.fit(packaged_schema("movielens-towers"), known)
    tables = (
        encoder.users(split.dataset),
        encoder.items(split.dataset),
        encoder.request_fields(Queries.after_events(known), known),
    )
    codes = [array for table in tables for array in (table.index, table.all_weights)]
    assert digest(*codes, intervals_of(histories)) == "507a97c1"


def test_times_of_requests(sample: Dataset) -> None:
    target = make_protocol({"name": "leave-last-out", "request_time": "target"}).split(sample)
    assert target.fingerprint[:8] == "035b6090"
    asked = target.requests(np.unique(target.test.user))
    assert digest(asked_after(asked, "target")) == "6d54a085"
    assert digest(Spans().limits.numpy()) == "0952c377"


SAMPLERS = {
    "uniform": "581debab",
    "popularity": "47fc65a4",
    "in-batch": "ce70d845",
    "mixed": "de4d9552",
}


@pytest.mark.parametrize("name", SAMPLERS)
def test_samplers(name: Any, split: Split) -> None:
    counts = torch.from_numpy(split.train.item_counts())
    torch.manual_seed(5)
    sampler = make_sampler(SamplingConfig(sampler=name), counts)
    drawn = sampler.draw(100_000, torch.arange(50))
    assert digest(drawn.numpy()) == SAMPLERS[name]


LISTS = {
    "user-timeline": {
        "item-cf": "951d88a3",
        "item-cf, jaccard": "a8770d35",
        "item-cf, dice": "26c3c444",
        "item-cf, weighted": "f7a41d53",
        "user-cf": "fa034aca",
        "user-cf, weighted": "8f0eaefc",
        "popularity by time": "e7427418",
    },
    "global-timeline": {
        "item-cf": "a763ede5",
        "item-cf, jaccard": "0c0ac6f1",
        "item-cf, dice": "86f52860",
        "item-cf, weighted": "bed3d544",
        "user-cf": "b20c5697",
        "user-cf, weighted": "9d82948e",
        "popularity by time": "cc4429c0",
    },
    "leave-last-out": {
        "item-cf": "0439a6e9",
        "item-cf, jaccard": "b2e678e7",
        "item-cf, dice": "f53ce168",
        "item-cf, weighted": "a3895bd8",
        "user-cf": "e652d0ff",
        "user-cf, weighted": "a45373d8",
        "popularity by time": "f096c053",
    },
    "random-rows": {
        "item-cf": "819e8ec0",
        "item-cf, jaccard": "79055373",
        "item-cf, dice": "37b0fe47",
        "item-cf, weighted": "43f01818",
        "user-cf": "80459616",
        "user-cf, weighted": "fe1d1595",
        "popularity by time": "47ccefc7",
    },
    "random-per-user": {
        "item-cf": "8d1c79d4",
        "item-cf, jaccard": "1e35ee6b",
        "item-cf, dice": "7a39ef72",
        "item-cf, weighted": "a5511741",
        "user-cf": "cc6c9182",
        "user-cf, weighted": "f54983b5",
        "popularity by time": "033a4690",
    },
    "given": {"item-cf": "50192222", "user-cf": "8cd316af"},
    "held-out-users": {"item-cf": "b39de238", "user-cf": "a5344a93"},
    "cold-items": {"item-cf": "e4cea1ce", "user-cf": "81a4589b"},
}


@pytest.fixture(params=[1, 2])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    with limited_threads(request.param):
        yield request.param


def lists(label: str, split: Split) -> str:
    name, fields = MODELS[label]
    model = fit(name, split.train, **fields)
    users = np.unique(split.test.user)[::3]
    top = model.recommend(users, 50, histories=split.known.histories().take(users))
    return digest(top.items, top.scores)


@pytest.mark.parametrize("name", protocol_names())
def test_lists_of_models_that_count(name: str, sample: Dataset) -> None:
    split = cut(name, sample)
    assert {label: lists(label, split) for label in LISTS[name]} == LISTS[name]


def test_threads_and_blocks_change_no_list(
    split: Split, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recsys_core.recall.lists.BLOCK_SCORES", 100 * split.dataset.n_items)
    monkeypatch.setattr(item_cf, "GRAM_BLOCK", 100)
    assert {label: lists(label, split) for label in MODELS} == LISTS["user-timeline"]


def test_many_items_are_counted_alike(split: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sparse blocks, for which catalogues beyond the dense matrix are meant."""
    monkeypatch.setattr(item_cf, "DENSE_ITEMS", 0)
    assert lists("item-cf", split) == LISTS["user-timeline"]["item-cf"]


def test_lists_of_nearest_sessions(split: Split) -> None:
    model = fit("session-knn", split.train, neighbours=300)
    top = model.recommend(np.arange(100), 50)
    assert digest(top.items, top.scores) == "bb745cea"


def test_lists_of_scores_from_elsewhere(split: Split) -> None:
    user, item = (each.ravel() for each in np.meshgrid(np.arange(99), np.arange(200)))
    ids = split.dataset.user_ids[:99], split.dataset.item_ids[::4]
    tied = ((3 * user + item) % 7).astype(np.float64)
    scores = Scores(
        "made", "", user.astype(np.int32), item.astype(np.int32), *ids, tied, None, None
    )
    top, counts = lists_of(scores, split, [10])
    assert digest(top.users, top.items, top.scores) == "e64e4845"
    assert counts["duplicate_rows"] == 0
