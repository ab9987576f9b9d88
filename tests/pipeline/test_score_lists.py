"""Recommendations and predictions of a file against a split, worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from recsys_core.data.score_file import Scores, read_scores
from recsys_core.errors import InputError
from recsys_core.evaluation.recommendations import evaluate_recommendations
from recsys_core.pipeline.external import ScoreJob
from recsys_core.pipeline.score_lists import lists_of
from recsys_core.pipeline.score_rows import rows_of
from recsys_core.protocols.split import Split
from tests.protocols import build

#: u0 and u1 have test rows; u2 is only trained on
ROWS = [(0, 0, 5, 1), (0, 1, 5, 2), (0, 2, 5, 3), (1, 0, 5, 1), (1, 1, 2, 2), (1, 3, 5, 3)]
DATA = build.dataset([*ROWS, (2, 3, 5, 1), (2, 2, 4, 1)], n_items=5)
SPLIT = build.split(DATA, [0, 3, 6, 7], [1], [2, 4, 5])


def scores(folder: Path, *lines: str) -> Scores:
    path = folder / "lists.csv"
    path.write_text("\n".join(lines) + "\n")
    return read_scores(path)


def listed(
    found: Scores, split: Split = SPLIT, k: int = 2
) -> tuple[dict[str, list[str]], dict[str, int]]:
    top, counts = lists_of(found, split, [k])
    ids = [*DATA.item_ids.tolist(), "-"]
    lists = {
        str(DATA.user_ids[user]): [ids[item] for item in row]
        for user, row in zip(top.users, top.items[:, :4], strict=True)
    }
    return lists, {name: n for name, n in counts.items() if n}


def test_the_highest_score_comes_first_and_the_lowest_rank(tmp_path: Path) -> None:
    by_score = scores(tmp_path, "user,item,score", "u0,i2,.1", "u0,i3,.5", "u1,i2,-1", "u1,i3,2")
    by_rank = scores(tmp_path, "user,item,rank", "u0,i2,2", "u0,i3,1", "u1,i2,7", "u1,i3,3")
    wanted = {"u0": ["i3", "i2", "-", "-"], "u1": ["i3", "i2", "-", "-"]}
    assert listed(by_score) == (wanted, {"rows": 4})
    assert listed(by_rank) == (wanted, {"rows": 4})
    top, _ = lists_of(by_rank, SPLIT, [2])
    assert top.scores[0, :2].tolist() == [-1, -2]  # a rank alone is kept as a falling score


def test_equal_scores_stand_in_the_fixed_order_of_the_items(tmp_path: Path) -> None:
    found = scores(tmp_path, "user,item,score", "u1,i2,1", "u1,i4,1", "u1,i3,1", "u1,new,1")
    lists, _ = listed(found)
    ties = sorted(["i2", "i3", "i4"], key=lambda name: DATA.tie_rank[int(name[1])])
    assert lists["u1"] == ["-", *ties]  # an unknown item is never put behind a known one


def test_what_does_not_fit_is_counted_and_said(tmp_path: Path) -> None:
    found = scores(
        tmp_path,
        "user,item,score",
        "u0,i1,9",  # known: left out
        "u0,gone,8",  # no item of the set: keeps its place
        "u0,i2,7",
        "u0,i2,6",  # double
        "u2,i1,5",  # trained on, not asked about
        "nobody,i1,5",
    )
    lists, counts = listed(found, k=3)
    assert lists == {"u0": ["-", "i2", "-", "-"], "u1": ["-"] * 4}
    assert counts == {
        "rows": 6,
        "unknown_user_rows": 1,
        "other_user_rows": 1,
        "duplicate_rows": 1,
        "known_item_rows": 1,
        "unknown_items": 1,
        "users_without_list": 1,
    }
    top, _ = lists_of(found, SPLIT, [3])
    ndcg = evaluate_recommendations(top.users, top.items, SPLIT, [3]).user_metrics["ndcg@3"]
    assert ndcg.tolist() == pytest.approx([1 / np.log2(3), 0])  # second place, and no list at all


def test_a_list_is_short_where_there_would_be_more(tmp_path: Path) -> None:
    # u0 knows i0 and i1, u1 knows i0: of the catalogue i0, i2, i3 two items are left for each
    found = scores(tmp_path, "user,item,score", "u0,i3,2", "u0,i2,1", "u1,i2,1")
    assert listed(found, k=3)[1] == {"rows": 3, "short_lists": 1}


def test_known_items_stay_where_the_protocol_allows_them(tmp_path: Path) -> None:
    from dataclasses import replace

    parts = {name: replace(getattr(SPLIT, name), known_items="allow") for name in ("train", "test")}
    found = scores(tmp_path, "user,item,score", "u0,i1,9", "u0,i2,7", "u1,i3,1")
    lists, counts = listed(found, replace(SPLIT, **parts), k=1)
    assert lists["u0"] == ["i1", "i2", "-", "-"]
    assert "known_item_rows" not in counts


def test_a_list_is_cut_where_runs_cut_theirs(tmp_path: Path) -> None:
    many = build.dataset([(0, 0, 5, 1), (0, 1, 5, 2), (1, 0, 5, 1)], n_items=130)
    split = build.split(many, [0, 2], [], [1])
    rows = [f"u0,i{item},{200 - item}" for item in range(1, 130)]
    top, counts = lists_of(scores(tmp_path, "user,item,score", *rows), split, [10])
    assert top.items.shape == (1, 100)
    assert counts["surplus_rows"] == 29


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (["x,i1,1"], "no user of it is in data set 'tiny': it has user 'x', the set has 'u0'"),
        (["u0,film,1"], "no item of it is in data set 'tiny'"),
        (["u2,i1,1"], "it has no user that the test part of this split asks about"),
        (["u0,i2,.5", "u1,i1,.1", "u1,i3,.9"], "its rows are the rows of the test part"),
    ],
)
def test_files_for_other_rows_are_refused(tmp_path: Path, lines: list[str], problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        lists_of(scores(tmp_path, "user,item,score", *lines), SPLIT, [2])


def test_predictions_find_their_rows_in_any_order(tmp_path: Path) -> None:
    found = scores(
        tmp_path,
        "user,item,score",
        *("u1,i3,.9", "u0,i2,.5", "u1,i1,.1", "u1,i1,.2", "u0,i0,.3", "u1,gone,.3", "who,i1,.3"),
    )
    rows, counts = rows_of(found, SPLIT)
    pairs = [
        f"{DATA.user_ids[u]} {DATA.item_ids[i]}"
        for u, i in zip(rows.users, rows.items, strict=True)
    ]
    assert dict(zip(pairs, rows.scores.tolist(), strict=True)) == {
        "u0 i2": 0.5,
        "u1 i1": 0.1,  # the first of two
        "u1 i3": 0.9,
    }
    assert rows.labels.tolist() == [1.0 if pair != "u1 i1" else 0.0 for pair in pairs]
    assert {name: n for name, n in counts.items() if n} == {
        "rows": 7,
        "unknown_user_rows": 1,
        "unknown_item_rows": 1,
        "other_rows": 1,
        "duplicate_rows": 1,
    }


def test_times_tell_rows_of_one_pair_apart(tmp_path: Path) -> None:
    again = build.dataset([(0, 0, 5, 1), (0, 1, 5, 7), (0, 1, 1, 9), (1, 1, 5, 1)])
    split = build.split(again, [0, 3], [], [1, 2])
    found = scores(tmp_path, "user,item,time,score", "u0,i1,9,.1", "u0,i1,7,.8")
    assert rows_of(found, split)[0].scores.tolist() == pytest.approx([0.8, 0.1])
    one = scores(tmp_path, "user,item,score", "u0,i1,.6")
    assert rows_of(one, split)[0].scores.tolist() == pytest.approx([0.6, 0.6])
    late = scores(tmp_path, "user,item,time,score", "u0,i1,9,.1", "u0,i1,8,.8")
    with pytest.raises(InputError, match=r"1 of 2 rows .* first is user u0, item i1, time 7"):
        rows_of(late, split)


def test_a_test_row_without_a_prediction_is_named(tmp_path: Path) -> None:
    found = scores(tmp_path, "user,item,score", "u1,i1,.1")
    with pytest.raises(InputError, match=r"2 of 3 rows of the test part .* user u0, item i2"):
        rows_of(found, SPLIT)
    ranks = scores(tmp_path, "user,item,rank", "u1,i1,1")
    with pytest.raises(InputError, match="need a score"):
        rows_of(ranks, SPLIT)


def test_events_alone_have_no_rows_to_tell_apart(tmp_path: Path) -> None:
    data = build.dataset([(0, 0, 1, 1), (0, 1, 1, 2), (1, 0, 1, 1)], explicit=False)
    found = scores(tmp_path, "user,item,score", "u0,i1,.1")
    with pytest.raises(InputError, match="no ratings and no labels"):
        rows_of(found, build.split(data, [0, 2], [], [1], threshold=None))


def test_new_items_of_a_file_are_ranked_among_themselves(tmp_path: Path) -> None:
    """i5 and i6 are new. u0 likes both and u2 likes i6; u1 has none and is left out.

    Among new items the file has i6 before i5 for u0, and i5 before i6 for u2, whatever is beside
    them: at 1 both hits of u0 are 1 of 2, u2 has none; at 2 all are there.
    """
    rows: list[build.Row] = [(user, user, 5.0, 0) for user in range(3)]
    rows += [(0, 5, 5.0, 1), (0, 6, 5.0, 1), (1, 0, 5.0, 1), (2, 6, 5.0, 1), (2, 0, 5.0, 1)]
    cut = build.split(build.dataset(rows), range(3), [], range(3, 8))
    cut = replace(cut, train=replace(cut.train, new_items=np.array([5, 6], dtype=np.int32)))
    path = tmp_path / "lists.csv"
    lists = {"u0": "i1 i2 i6 i5", "u1": "i0 i6", "u2": "i5 i0 i1 i6"}
    lines = [
        f"{user},{item},{rank}"
        for user, items in lists.items()
        for rank, item in enumerate(items.split(), start=1)
    ]
    path.write_text("\n".join(["user,item,rank", *lines]))
    job = ScoreJob.read(
        path, {"dataset": "x", "protocol": {"name": "cold-items"}, "ks": (1, 2)}, "recall"
    )
    found = job.judge(cut).judged.evaluation
    np.testing.assert_array_equal(found.user_metrics["new/recall@1"], [1 / 2, np.nan, 0])
    assert found.metrics["new/recall@1"] == (1 / 2 + 0) / 2
    assert found.metrics["new/recall@2"] == 1
    # u0: both of two; u2: the only one at rank 2
    assert found.metrics["new/ndcg@2"] == pytest.approx((1 + 1 / np.log2(3)) / 2)
    assert found.metrics["new/mrr@2"] == (1 + 1 / 2) / 2
    # of all items u0 has none of two at 2, u1 i0 at 1, u2 i0 at 2 of two
    np.testing.assert_array_equal(found.user_metrics["recall@2"], [0, 1, 1 / 2])
    assert found.counts["users_with_new_items"] == 2
