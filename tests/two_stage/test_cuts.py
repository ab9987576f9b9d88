"""Train cut once more: nothing labelled was learned from or is known."""

from __future__ import annotations

import numpy as np
import pytest

from recsys_core.data.interactions import Interactions
from recsys_core.protocols.registry import make_protocol
from recsys_core.two_stage.config import InnerConfig
from recsys_core.two_stage.cuts import InnerCut, inner_cuts, later
from tests.protocols.build import dataset, random_dataset


def timeline(lengths: list[int]) -> Interactions:
    """User u has lengths[u] events, one per second."""
    rows = [(user, time, 5.0, time) for user, n in enumerate(lengths) for time in range(n)]
    data = dataset(rows)
    return Interactions.in_time_order(data, np.arange(len(rows)), 4.0)


def items(rows: Interactions, user: int) -> list[int]:
    return [int(item) for item in rows.item[rows.user == user]]


def test_windows_by_hand() -> None:
    """Ten events, windows of floor(.2 * 10) = 2; three events: windows of 1; two are too few."""
    (cut,) = inner_cuts(timeline([10, 3, 2]), None, InnerConfig(share=0.2, windows=2))
    assert items(cut.fitted, 0) == [0, 1, 2, 3, 4, 5]
    first, second = cut.views
    assert (items(first.known, 0), items(first.labelled, 0)) == ([0, 1, 2, 3, 4, 5], [6, 7])
    assert (items(second.known, 0), items(second.labelled, 0)) == (list(range(8)), [8, 9])
    assert items(cut.fitted, 1) == [0]
    assert [items(view.labelled, 1) for view in cut.views] == [[1], [2]]
    assert items(cut.fitted, 2) == [0, 1]
    assert [items(view.labelled, 2) for view in cut.views] == [[], []]


def test_folds_label_every_row_of_long_histories_once() -> None:
    train = timeline([9, 2])
    cuts = inner_cuts(train, None, InnerConfig(split="folds", folds=3))
    labelled = np.concatenate([view.labelled.rows for cut in cuts for view in cut.views])
    assert sorted(labelled.tolist()) == list(range(9))
    assert [items(cut.views[0].labelled, 0) for cut in cuts] != [[0, 1], [2, 3], [4, 5]]
    assert all(items(cut.fitted, 1) == [0, 1] for cut in cuts)


def test_half_a_fold_is_known_while_the_other_is_labelled() -> None:
    """Twelve events in three folds of four: 8 to learn from, 10 known, 2 labelled, as at test."""
    for cut in inner_cuts(timeline([12]), None, InnerConfig(split="folds", folds=3)):
        first, second = (view.labelled.rows.tolist() for view in cut.views)
        learned = cut.fitted.rows.tolist()
        assert (len(learned), len(first), len(second)) == (8, 2, 2)
        known = [view.known.rows.tolist() for view in cut.views]
        assert known == [sorted(learned + second), sorted(learned + first)]


@pytest.mark.parametrize(
    ("protocol", "by_time"),
    [
        ("user-timeline", True),
        ("leave-last-out", True),
        ("global-timeline", True),
        ("random-per-user", False),
        ("random-rows", False),
    ],
)
def test_a_protocol_that_cuts_by_time_is_cut_by_time_again(protocol: str, by_time: bool) -> None:
    split = make_protocol({"name": protocol, "relevance": None}).split(random_dataset(0))
    assert later(split.train, split.valid) is by_time
    cuts = inner_cuts(split.train, split.valid, InnerConfig())
    assert len(cuts) == (1 if by_time else 4)
    assert all(holds_nothing_back(cut, split.train) for cut in cuts)


def test_a_set_without_times_is_cut_into_folds() -> None:
    data = dataset([(0, item, 5.0, 0) for item in range(9)], timed=False)
    train = Interactions.in_time_order(data, np.arange(8), 4.0)
    assert not later(train, Interactions.in_time_order(data, np.array([8]), 4.0))


def holds_nothing_back(cut: InnerCut, train: Interactions) -> bool:
    """Whether labelled rows are train rows that are neither learned from nor known."""
    for view in cut.views:
        labelled = set(view.labelled.rows.tolist())
        assert labelled <= set(train.rows.tolist())
        assert not labelled & set(cut.fitted.rows.tolist())
        assert not labelled & set(view.known.rows.tolist())
        assert set(cut.fitted.rows.tolist()) <= set(view.known.rows.tolist())
    return True
