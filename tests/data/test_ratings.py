"""Rating files to arrays: every bad row is named or counted, good files read the same both ways."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys_core.data import ratings as ratings_module
from recsys_core.data.file_layout import MISSING, Layout
from recsys_core.data.numbering import Ratings
from recsys_core.data.ratings import read_ratings
from recsys_core.errors import DataError

NAMES = ("user", "item", "rating", "timestamp")
DAT = Layout("::", NAMES, 0, 1, 2, 3, whole=True)
TAB = Layout("\t", NAMES, 0, 1, 2, 3, whole=True, scale=(1, 5))
CSV = Layout(",", NAMES, 0, 1, 2, 3, header_lines=1, quoted=True, scale=(0, 10))

GOOD = b"1::10::5::100\n2::9::3::200\n"


def read(content: bytes, layout: Layout = DAT, skip: bool = False) -> Ratings:
    def chunks() -> Iterator[bytes]:
        yield content

    return read_ratings(chunks, "f.dat", layout, "skip" if skip else "error")


def test_users_and_items_are_numbered_in_numeric_order_and_rows_keep_their_order() -> None:
    ratings = read(b"7::10::5::300\n12::9::3::100\n7::9::1::100\n")
    assert ratings.user_ids.tolist() == ["7", "12"]
    assert ratings.item_ids.tolist() == ["9", "10"]
    assert ratings.user.tolist() == [0, 1, 0]
    assert ratings.item.tolist() == [1, 0, 0]
    assert ratings.rating is not None
    assert ratings.timestamp is not None
    assert ratings.rating.tolist() == [5, 3, 1]
    assert ratings.timestamp.tolist() == [300, 100, 100]
    assert ratings.user.dtype == np.dtype(np.int32)
    assert ratings.rating.dtype == np.dtype(np.float32)


def test_ids_that_are_not_all_numbers_are_in_text_order() -> None:
    ratings = read(b"u,i,r,t\nb,10,1,1\na,9,2,2\n007,9,3,3\n", CSV)
    assert ratings.user_ids.tolist() == ["007", "a", "b"]
    assert ratings.item_ids.tolist() == ["9", "10"]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b"3::9::4", "line 3: 3 fields where 4 are expected"),  # the file was cut off
        (b"3::9::4::5::6", "line 3: 5 fields where 4"),
        (b"3:9:4:5", "line 3: 1 field where 4"),
        (b"3:9::4::5::", "line 3, column 1 (user): '3:9' is not a whole number"),
        (b"3::::4::5", "line 3, column 2 (item): the id is missing"),
        (b"3\0::9::4::5", "line 3, column 1 (user): '3\\x00' has a null character"),
        (b"x::9::4::5", "line 3, column 1 (user): 'x' is not a whole number"),
        (b"-3::9::4::5", "line 3, column 1 (user): '-3' is not a whole number"),
        (b"3::99999999999999999999::4::5", "line 3, column 2 (item)"),
        (b"3::9::nan::5", "line 3, column 3 (rating): 'nan' is not a number"),
        (
            b"3::9::4::2020-01-01",
            "(timestamp): '2020-01-01' is not a number; times are in seconds since 1970",
        ),
        (b"3::9::inf::5", "line 3, column 3 (rating): 'inf' is not a number"),
        (b"3::9::::5", "line 3, column 3 (rating): the rating is missing"),
        (b"3::9::6::5", "line 3, column 3 (rating): '6' is not within 0.5 to 5"),
        (b"3::9::4::-5", "line 3, column 4 (timestamp): '-5' is not in seconds since 1970"),
        (b"3::9::4::978300760000", "--time-unit ms"),
        (b"3::9::4::\xff", "line 3, column 4 (timestamp)"),
        (b"3\x00::9::4::5", "line 3, column 1 (user)"),
        (b"1::10::4::500", "line 3: user 1 and item 10 were already on line 1"),
    ],
)
def test_a_bad_row_is_named_with_file_line_and_column_or_skipped(line: bytes, says: str) -> None:
    content = GOOD + line + b"\n4::9::1::300\n"
    with pytest.raises(DataError) as error:
        read(content)
    assert "f.dat, " in error.value.problem
    assert says in error.value.problem
    assert "--on-bad-rows skip" in error.value.remedy
    ratings = read(content, skip=True)
    assert ratings.user_ids.tolist() == ["1", "2", "4"]
    assert ratings.user.tolist() == [0, 1, 2]
    assert sum(ratings.bad_rows.values()) == 1


def test_a_surplus_field_does_not_hide_behind_a_missing_one() -> None:
    # five fields and three: the number of separators is right, the rows are not
    with pytest.raises(DataError, match="line 2: 5 fields"):
        read(b"u,i,r,t\n1,2,3,4,5\n1,3,4\n", CSV)
    partly = Layout(",", ("a", "b", "c", "d"), 0, 1, None, None, quoted=True)
    with pytest.raises(DataError, match="line 1: 5 fields"):
        read(b"1,2,3,4,5\n1,3,4\n", partly)


def test_ids_of_thousands_of_digits_are_text() -> None:
    long = "9" * 5000
    ratings = read(f"u,i,r,t\n{long},1,3,4\n10,0,3,4\n9,01,3,4\n".encode(), CSV)
    assert ratings.user_ids.tolist() == ["10", "9", long]
    assert ratings.item_ids.tolist() == ["0", "01", "1"]  # 01 is no plain number


def test_bytes_that_are_not_utf8_are_named() -> None:
    with pytest.raises(DataError, match=r"line 3, column 2 \(item\): .* is not UTF-8"):
        read("u,i,r,t\n1,naïve,3,4\n".encode() + b"1,na\xefve,3,4\n", CSV)


def test_of_repeated_pairs_the_first_in_the_file_is_kept() -> None:
    content = b"1::9::5::300\n2::9::4::100\n1::9::1::100\n2::9::2::50\n1::9::2::60\n"
    ratings = read(content, skip=True)
    assert ratings.rating is not None
    assert ratings.rating.tolist() == [5, 4]
    assert ratings.bad_rows == {"duplicate": 3}
    with pytest.raises(DataError, match="line 3: user 1 and item 9 were already on line 1"):
        read(content)


def test_a_repeat_is_found_among_few_and_many_possible_pairs() -> None:
    """A table of all pairs where that is small, sorted pairs where it would be large."""
    for users in (2, 100):
        rows = [f"{user}::{user}::5::100\n" for user in range(1, users + 1)]
        assert len(read("".join(rows).encode()).user) == users
        with pytest.raises(DataError, match=f"line {users + 1}: user 1 and item 1 were already"):
            read("".join([*rows, rows[0]]).encode())


def test_quoted_fields_may_hold_separators_and_quotes() -> None:
    ratings = read(b'u,i,r,t\n"a,b","say ""hi""",3,4\n', CSV)
    assert ratings.user_ids.tolist() == ["a,b"]
    assert ratings.item_ids.tolist() == ['say "hi"']


def test_a_field_that_cannot_be_split_is_a_bad_row() -> None:
    content = b'u,i,r,t\n"x",1,2,3\na\rb,1,2,3\n'
    with pytest.raises(DataError, match="line 3"):
        read(content, CSV)
    partly = Layout("\t", ("a", "b", "c"), 0, 1, None, None, quoted=True)
    with pytest.raises(DataError, match="line 1: new-line character"):
        read(b"\r\ta\t1\n2\tb\t0\n", partly)
    assert read(content, CSV, skip=True).user_ids.tolist() == ["x"]


@pytest.mark.parametrize("content", [b"", b"\n\n", b"x\n"])
@pytest.mark.parametrize("layout", [DAT, CSV])
def test_no_rows_at_all_is_an_error_even_when_skipping(content: bytes, layout: Layout) -> None:
    with pytest.raises(DataError, match=r"f\.dat: (there are no rows|every row is bad)"):
        read(content, layout, skip=True)


def test_line_ends_of_windows_and_blank_lines_are_no_trouble() -> None:
    plain = read(GOOD)
    for content in (GOOD.replace(b"\n", b"\r\n"), GOOD.replace(b"\n", b"\n\n"), GOOD.rstrip()):
        same = read(content)
        assert same.user.tolist() == plain.user.tolist()
        assert same.user_ids.tolist() == plain.user_ids.tolist()
        assert not same.bad_rows


def test_pieces_of_a_file_are_put_together_in_order() -> None:
    rows = [f"{user}::{item}::3::{user + item}\n" for user in range(50) for item in range(7)]
    pieces = ["".join(rows[start : start + 11]).encode() for start in range(0, len(rows), 11)]
    cut = read_ratings(lambda: iter(pieces), "f.dat", DAT)
    whole = read("".join(rows).encode())
    for name in ("user", "item", "rating", "timestamp"):
        assert np.array_equal(getattr(cut, name), getattr(whole, name))


numbers = st.integers(0, 10**12)
texts = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\n"), min_size=1, max_size=6
).filter(lambda text: text.lower() not in MISSING and not text.endswith(".0"))


def _pairs(ids: st.SearchStrategy[object]) -> st.SearchStrategy[list[tuple[object, object]]]:
    return st.lists(st.tuples(ids, ids), min_size=1, max_size=20, unique=True)


@given(_pairs(numbers), st.data())
def test_both_passes_read_whole_numbers_alike(
    pairs: list[tuple[object, object]], data: st.DataObject
) -> None:
    lines = [
        f"{user}\t{item}\t{data.draw(st.integers(1, 5))}\t{data.draw(st.integers(0, 2**33))}\n"
        for user, item in pairs
    ]
    _same_both_ways("".join(lines).encode(), TAB, pairs)


@settings(max_examples=50)
@given(_pairs(texts), st.data())
def test_both_passes_read_any_ids_alike(
    pairs: list[tuple[object, object]], data: st.DataObject
) -> None:
    def quoted(text: object) -> str:
        return '"' + str(text).replace('"', '""') + '"'

    rows = [(data.draw(st.floats(0, 10, width=32)), data.draw(st.integers(0, 9))) for _ in pairs]
    lines = [
        f"{quoted(user)},{quoted(item)},{rating},{time}\n"
        for (user, item), (rating, time) in zip(pairs, rows, strict=True)
    ]
    _same_both_ways(("u,i,r,t\n" + "".join(lines)).encode(), CSV, pairs)
    if not any(set(str(pair)) & set(',"') for pair in pairs):
        _same_both_ways(("u,i,r,t\n" + "".join(lines)).replace('"', "").encode(), CSV, pairs)


def _same_both_ways(content: bytes, layout: Layout, pairs: list[tuple[object, object]]) -> None:
    """Compare what is read with the pairs that were written, and the two passes."""
    fast = read(content, layout)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ratings_module, "_parse", lambda *_: None)
        slow = read(content, layout)
    for ratings in (fast, slow):
        users = ratings.user_ids[ratings.user].tolist()
        items = ratings.item_ids[ratings.item].tolist()
        assert list(zip(users, items, strict=True)) == [(str(u), str(i)) for u, i in pairs]
    for name in ("user", "item", "rating", "timestamp", "user_ids", "item_ids"):
        assert np.array_equal(getattr(fast, name), getattr(slow, name))


@pytest.mark.parametrize("user", [b"a\0", b"\0a", b"a\0b", b"\0"])
def test_an_id_with_a_null_character_is_refused_with_its_place(user: bytes) -> None:
    content = b"u,i,r,t\na,1,1,1\n" + user + b",1,1,2\n"
    with pytest.raises(DataError, match=r"line 3, column 1 \(user\): .* has a null character"):
        read(content, CSV)
    assert read(content, CSV, skip=True).bad_rows == {"id": 1}
