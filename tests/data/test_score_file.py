"""Files of scores: what is read of them, and what is refused."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from recsys_core.data.score_file import read_scores
from recsys_core.errors import InputError


def write(folder: Path, text: str, name: str = "lists.csv") -> Path:
    path = folder / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "user,item,score\nu,a,0.1\nu,b,-2e-3\n"),
        ("a.csv.gz", "user_id,item_id,prediction\nu,a,0.1\nu,b,-2e-3\n"),
        ("a.tsv", "score\tuser\tmore\titem\n0.1\tu\tx\ta\n-2e-3\tu\ty\tb\n"),
        ("a.csv", '# made by hand\nuser,item,score\nu,"a",0.1\nu,b,-2e-3\n'),
    ],
)
def test_a_table_with_a_score_is_read_with_all_its_digits(
    tmp_path: Path, name: str, text: str
) -> None:
    found = read_scores(write(tmp_path, text, name))
    assert found.user_ids[found.user].tolist() == ["u", "u"]
    assert found.item_ids[found.item].tolist() == ["a", "b"]
    assert found.score is not None
    assert found.score.tolist() == [0.1, -0.002]
    assert (found.rank, found.timestamp) == (None, None)


def test_ranks_scores_and_times_stand_beside_each_other(tmp_path: Path) -> None:
    text = "user,rank,item,score,time\n1,2,7,0.5,10\n1,1,8,0.25,11\n"
    found = read_scores(write(tmp_path, text))
    assert found.rank is not None
    assert found.score is not None
    assert found.timestamp is not None
    assert found.rank.tolist() == [2, 1]
    assert found.score.tolist() == [0.5, 0.25]
    assert found.timestamp.tolist() == [10, 11]


def test_parquet_is_read_as_text_is(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    columns = {"user": ["u", "u"], "item": [3, 4], "score": [0.1, -0.002], "rank": [1, 2]}
    parquet.write_table(pa.table(columns), tmp_path / "a.parquet")
    found = read_scores(tmp_path / "a.parquet")
    assert found.score is not None
    assert found.rank is not None
    assert found.score.tolist() == [0.1, -0.002]
    assert found.rank.tolist() == [1, 2]
    assert found.item_ids[found.item].tolist() == ["3", "4"]
    parquet.write_table(pa.table({**columns, "score": [0.1, np.nan]}), tmp_path / "b.parquet")
    with pytest.raises(InputError, match=r"row 2: the score is missing .* in all: 1"):
        read_scores(tmp_path / "b.parquet")


def test_the_content_decides_the_digest_and_not_the_name(tmp_path: Path) -> None:
    text = "user,item,rank\n1,2,1\n"
    first, second = write(tmp_path, text, "a.csv"), write(tmp_path, text, "b.csv")
    assert read_scores(first).digest == read_scores(second).digest
    assert read_scores(write(tmp_path, text + "1,3,2\n")).digest != read_scores(first).digest


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("user,item\n1,2\n", "no column is the score or rank; the first line is: user, item"),
        ("who,item,score\n1,2,3\n", "no column is the user; the first line is: who, item, score"),
        ("user,item,score,score\n1,2,3,4\n", "there are 2 columns 'score'"),
        ("user,item,score\n1,2,nan\n1,3,1\n1,4,\n", "line 2, column 3 (score): 'nan' is not a "),
        ("user,item,score\n1,2,nan\n1,3,1\n1,4,\n", "; bad rows in all: 2"),
        ("user,item,score\n1,2,high\n", "line 2, column 3 (score): 'high' is not a number"),
        ("user,item,score\n1,2,1e999\n", "'1e999' is not a number"),
        ("user,item,score\n1,,0.5\n", "line 2, column 2 (item): the id is missing"),
        (
            "user,item,score,rank\n1,2,0.5,first\n1,3,0.5,1\n",
            "'first' is not a number; bad rows in",
        ),
        (
            "user,item,score,rank\n1,2,0.5,\n1,3,0.5,2\n",
            "row 1: the rank is missing; such rows in all: 1",
        ),
        ("user,item,score\n", "there are no rows"),
        ("", "the file is empty"),
    ],
)
def test_what_is_no_file_of_scores_is_refused_in_two_lines(
    tmp_path: Path, text: str, problem: str
) -> None:
    with pytest.raises(InputError) as caught:
        read_scores(write(tmp_path, text))
    assert problem in caught.value.problem
    assert caught.value.remedy
    assert "data import" not in caught.value.remedy


def test_a_file_that_is_not_there_or_no_regular_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_scores(tmp_path / "none.csv")
    with pytest.raises(InputError, match="is a folder, not a file"):
        read_scores(tmp_path)
