"""Cuts at a date: which side rows fall on, and dates that are none."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from recsys_core.errors import InputError
from recsys_core.pipeline.run import fit_job
from recsys_core.pipeline.spec import JobSpec
from recsys_core.protocols.export import write_split
from recsys_core.protocols.leaks import NOTHING
from recsys_core.protocols.registry import make_protocol
from recsys_core.protocols.split import Split
from tests.protocols.build import dataset

HOUR, DAY = 3_600, 86_400


def cut(**fields: Any) -> Split:
    """Cut 48 rows, one every six hours from 1970-01-01 on: twelve days."""
    rows = [(place % 2, place % 3, 4.0, 6 * HOUR * place) for place in range(48)]
    fields = {"name": "global-timeline", "relevance": None, **fields}
    return make_protocol(fields).split(dataset(rows))


def sizes(split: Split) -> tuple[int, int, int]:
    return len(split.train), len(split.valid), len(split.test)


def test_test_rows_are_those_from_the_date_on() -> None:
    split = cut(date="1970-01-11")  # 40 rows before, of which a tenth are validation
    assert sizes(split) == (36, 4, 8)
    assert split.test.timestamp.min() == 10 * DAY
    assert split.leaks == NOTHING
    assert cut(date=date(1970, 1, 11)).fingerprint == split.fingerprint  # as YAML reads it
    assert sizes(cut(date="1970-01-11T06:00:00")) == (37, 4, 7)
    assert sizes(cut(date="1970-01-11", utc_offset=6)) == (36, 3, 9)  # midnight there is earlier


def test_until_leaves_out_what_is_later() -> None:
    split = cut(date="1970-01-11", until="1970-01-12")
    assert sizes(split) == (36, 4, 4)
    assert split.counts["rows_after_until"] == 4
    shares = cut(until="1970-01-11")  # 40 rows, 80/10/10
    assert sizes(shares) == (32, 4, 4)


def test_days_before_the_date_are_cut_by_their_number() -> None:
    split = cut(date="1970-01-11", unit="days", valid_share=0.3)  # days 0 to 9, above 6.3
    assert sizes(split) == (28, 12, 8)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"date": "soon"}, "date = 'soon': not a date; write it like 2000-12-01"),
        ({"date": "1970-13-01"}, "date = '1970-13-01': not a date"),
        ({"date": 19700111}, "date = 19700111: input should be a valid string"),
        (
            {"date": "1969-12-31"},
            "no rows before\nchoose a date between 1970-01-01 and 1970-01-12",
        ),
        ({"date": "2000-12-01"}, "date = 2000-12-01, but data set 'tiny' has no rows from then on"),
        ({"until": "1970-01-01"}, "until = 1970-01-01, but data set 'tiny' has no rows before"),
        ({"date": "1970-01-05", "until": "1970-01-05"}, "until 1970-01-05 is not after date"),
        ({"date": "1970-01-05", "test_share": 0.2}, "test_share = 0.2 has no effect with a date"),
    ],
)
def test_dates_that_are_none_or_outside_of_the_set(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        cut(**fields)


def test_several_dates_are_several_windows() -> None:
    split = cut(dates=["1970-01-06", "1970-01-09", "1970-01-11"], until="1970-01-12")
    assert [sizes(window) for window in split.windows.values()] == [
        (18, 2, 12),
        (29, 3, 8),
        (36, 4, 4),
    ]
    assert list(split.windows) == ["1970-01-06", "1970-01-09", "1970-01-11"]
    assert sizes(split) == (36, 4, 4)  # the last one
    assert split.counts["windows"] == 3
    assert split.leaks == f"3 windows. {NOTHING}"
    alone = cut(date="1970-01-11", until="1970-01-12")
    assert list(split.windows.values())[2].fingerprint == alone.fingerprint != split.fingerprint
    assert cut(
        **{**split.parameters, "dates": "1970-01-06, 1970-01-09,1970-01-11"}
    ).fingerprint == (split.fingerprint)
    fewer = cut(dates=["1970-01-09", "1970-01-11"], until="1970-01-12")
    assert fewer.fingerprint != split.fingerprint


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"dates": ["1970-01-06"]}, "dates must be at least two, ascending, and before until"),
        ({"dates": ["1970-01-06", "1970-01-06"]}, "dates must be at least two, ascending"),
        ({"dates": ["1970-01-06", "1970-01-09"], "until": "1970-01-08"}, "and before until"),
        ({"dates": "1970-01-06,never"}, "dates.1 = 'never': not a date"),
        ({"dates": ["1970-01-06", "1970-01-09"], "date": "1970-01-07"}, "exclude each other"),
        (
            {"dates": ["1970-01-06", "1980-01-01"]},
            "dates = 1980-01-01, but data set 'tiny' has no rows from then on",
        ),
    ],
)
def test_windows_that_cannot_be(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        cut(**fields)


def test_what_is_of_one_split_is_not_of_windows(tmp_path: Any) -> None:
    split = cut(dates=["1970-01-06", "1970-01-09"])
    job = JobSpec(dataset="tiny", model="popularity")
    with pytest.raises(InputError, match="has 2 windows; a model is fitted on one split\ntake one"):
        fit_job(job, split)
    with pytest.raises(InputError, match="has 2 windows; a folder holds one split\ntake one by"):
        write_split(split, tmp_path / "out")
