"""The real sets, by their known counts; both ways to ml-100k give the same data."""

from __future__ import annotations

import numpy as np
import pytest

from recsys_core.data.browse import plain_values
from recsys_core.data.dataset import Dataset
from recsys_core.data.fetch import RECBOLE, RECBOLE_SHA256, download_wheel
from recsys_core.data.importer import import_dataset
from recsys_core.data.prepared import find_prepared
from recsys_core.data.redirects import SourceError
from tests.data.real import prepared_folder, raw_folder, real_data


def counts(dataset: Dataset) -> tuple[int, int, int]:
    return dataset.n_interactions, dataset.n_users, dataset.n_items


def test_movielens_100k() -> None:
    dataset = real_data("ml-100k")
    assert dataset.name == "ml-100k"
    assert counts(dataset) == (100_000, 943, 1_682)
    assert dataset.fingerprint == "59ad5e5e4343249fda745edd2120f9c7"
    assert np.bincount(dataset.rating.astype(int)).tolist() == [0, 6110, 11370, 27145, 34174, 21201]
    assert dataset.user_ids[dataset.user[0]] == "196"
    assert dataset.item_ids[dataset.item[0]] == "242"
    assert dataset.timestamp[0] == 881250949
    assert dataset.user_ids.tolist() == [str(number) for number in range(1, 944)]
    titles = plain_values(dataset.item_columns["title"])
    assert titles[0] == "Toy Story (1995)"
    assert titles[266] is None  # "unknown" in the file
    assert titles.count(None) == 1
    years = plain_values(dataset.item_columns["year"])
    assert (years[0], years.count(None)) == (1995.0, 1)
    genres = plain_values(dataset.item_columns["genres"])
    assert genres[0] == ["Animation", "Children's", "Comedy"]
    assert len(plain_values(dataset.user_columns["age"])) == 943


def test_movielens_1m() -> None:
    dataset = real_data("ml-1m")
    assert dataset.name == "ml-1m"
    assert counts(dataset) == (1_000_209, 6_040, 3_706)  # movies.dat has 3,883
    assert np.bincount(dataset.rating.astype(int))[1:].tolist() == [
        56_174,
        107_557,
        261_197,
        348_971,
        226_310,
    ]
    first = (dataset.user_ids[dataset.user[0]], dataset.item_ids[dataset.item[0]])
    assert first == ("1", "1193")
    assert "Misérables, Les (1995)" in plain_values(dataset.item_columns["title"])
    assert None not in plain_values(dataset.item_columns["year"])
    assert dataset.item_columns["genres"].vocabulary.size == 18  # type: ignore[union-attr]


def test_the_rebuilt_archive_is_known_as_ml_1m_but_not_as_the_official_one() -> None:
    real_data("ml-1m")
    prepared = find_prepared(prepared_folder(), "ml-1m")
    assert prepared is not None
    assert prepared.meta["source"]["published_as"] == "ml-1m"
    raw = raw_folder("ml-1m")
    assert raw is not None
    rebuilt = (raw / "ml-1m-rebuilt.zip").exists() and not (raw / "ratings.dat").exists()
    if rebuilt:
        assert prepared.meta["source"]["checksum_official"] is False
        assert prepared.meta["fingerprint"] == "bcff9cae632831fa2a606b48e5415fd9"


def test_the_copy_in_recboles_wheel_has_the_same_fingerprint() -> None:
    original = real_data("ml-100k")
    if raw_folder("ml-100k") is None:
        pytest.skip("ml-100k was fetched: there may be nothing to compare the wheel with")
    try:
        wheel = download_wheel(RECBOLE, RECBOLE_SHA256, prepared_folder() / "downloads")
    except SourceError as error:
        pytest.skip(f"no package index here: {error}")
    copy = import_dataset(wheel, prepared_folder())
    assert copy.name == "ml-100k"
    assert copy.fingerprint == original.fingerprint
