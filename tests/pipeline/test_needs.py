"""Notes on a data set say what protocols and models then do: each is tried."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from recsys_core.data.dataset import Dataset
from recsys_core.errors import InputError
from recsys_core.pipeline.needs import lack, notes
from recsys_core.pipeline.spec import JobSpec
from recsys_core.protocols.registry import PROTOCOLS, make_protocol, protocol_names
from recsys_core.protocols.split import Split
from tests.protocols.build import Row, dataset

EVENTS: list[Row] = [
    (user, (user + place) % 9, float(1 + (user + place) % 5), 10 * place + user)
    for user in range(8)
    for place in range(6)
]


def rated(rating: float) -> list[Row]:
    return [(user, item, rating, time) for user, item, _, time in EVENTS]


#: those that every set with ratings and times may be cut by
NAMES = [name for name in protocol_names() if not PROTOCOLS[name].needs_parts]

#: fields with which they take sets as small as these
SMALL = {"held-out-users": {"known_share": 0.1}}


def refused(data: Dataset, **parameters: object) -> list[str]:
    """List the protocols that refuse a set, those aside that need parts."""
    found = []
    for name in NAMES:
        try:
            make_protocol({"name": name, **SMALL.get(name, {}), **parameters}).split(data)
        except InputError:
            found.append(name)
    return found


def learns(data: Dataset, model: str = "lr", **parameters: object) -> bool:
    """Tell whether a ranking model has something to learn from."""
    split = make_protocol({"name": "random-rows", **parameters}).split(data)
    return lack(JobSpec(dataset=data.name, model=model), split) is None


def split_of(data: Dataset) -> Split:
    return make_protocol({"name": "leave-last-out"}).split(data)


def test_a_set_that_has_everything_has_no_notes() -> None:
    data = dataset(EVENTS)
    assert notes(data) == []
    assert refused(data) == []
    assert learns(data)


def test_protocols_that_are_said_to_refuse_a_set_without_times_do() -> None:
    data = dataset(EVENTS, timed=False)
    (note,) = notes(data)
    assert note == (
        "no times: user-timeline, global-timeline and leave-last-out refuse it;"
        " use random-rows, random-per-user, held-out-users or cold-items"
    )
    said, advised = note.split(" refuse it; use ")
    assert re.findall(r"[a-z]+-[a-z-]+", said) == refused(data)
    assert set(re.findall(r"[a-z]+-[a-z-]+", advised)) == set(NAMES) - set(refused(data))


def test_ranking_models_are_said_to_need_two_kinds_of_rows() -> None:
    bare, same = dataset(rated(1.0), explicit=False), dataset(rated(5.0))
    (note,) = notes(bare)
    assert note == (
        "no ratings and no labels: every event is relevant, and ranking models learn only from"
        " rows drawn beside the events, with recsys-workbench eval --set protocol.negatives=4"
    )
    assert learns(bare, negatives=4)
    assert notes(same) == [
        "every rating is 5: every event is relevant, and ranking models have nothing to learn from"
    ]
    for data in (bare, same):
        assert split_of(data).test.relevant.all()
        assert not learns(data)
        assert learns(data, "popularity")


def test_a_relevance_that_no_rating_reaches_is_said_with_one_that_does() -> None:
    data = dataset([(user, item, min(rating, 3.0), time) for user, item, rating, time in EVENTS])
    (note,) = notes(data)
    assert note == (
        "no rating reaches relevance 4, so that protocols refuse it;"
        " use recsys-workbench eval --set protocol.relevance=3, or null"
    )
    assert refused(data) == NAMES
    assert refused(data, relevance=3) == refused(data, relevance=None) == []


@pytest.mark.parametrize(
    ("side", "alone"),
    [("user", lambda row: (0, *row[1:])), ("item", lambda row: (row[0], 0, *row[2:]))],
)
def test_every_protocol_refuses_one_user_or_item(side: str, alone: Callable[[Row], Row]) -> None:
    data = dataset([alone(row) for row in EVENTS])
    first, repeats = notes(data)
    assert first == f"1 {side}: every protocol refuses it, 2 are needed"
    assert repeats.startswith(f"events of a user with an item met before: {data.n_repeats}; lists")
    assert refused(data) == NAMES


def test_users_on_whom_cuts_only_train_are_counted() -> None:
    data = dataset([*EVENTS, (8, 0, 5.0, 0), (9, 1, 5.0, 0), (9, 2, 5.0, 0)])
    assert notes(data) == [
        "users with fewer than 3 events, on whom user-timeline and leave-last-out only train: 2"
    ]
    for name in ("user-timeline", "leave-last-out"):
        split = make_protocol({"name": name}).split(data)
        assert split.counts["users_only_in_train"] == 2


def test_made_up_data_are_said_to_be() -> None:
    assert notes(dataset(EVENTS)) == []
    made_up = Dataset(**{**vars(dataset(EVENTS)), "synthetic": True})
    assert notes(made_up)[0].startswith("synthetic: generated")
