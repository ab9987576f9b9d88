"""Descriptions by hand, and what the sample must be like to be of use."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from recsys_core.data.describe import describe
from recsys_core.data.importer import import_dataset
from recsys_core.data.sample import make_sample
from tests.data.files import write_files


def test_a_description_by_hand(tmp_path: Path) -> None:
    files = {
        "ratings.dat": b"1::1::5::0\n1::2::3::0\n1::3::3::172800\n2::1::3::5\n",
        "movies.dat": b"1::One (1990)::Drama\n2::Two::Drama|War\n",
    }
    dataset = import_dataset(write_files(tmp_path / "raw", files), tmp_path / "data", "x")
    facts = describe(dataset)
    json.dumps(facts)
    assert facts["density"] == 4 / (2 * 3)
    assert facts["time"] == {
        "first": "1970-01-01T00:00:00+00:00",
        "last": "1970-01-03T00:00:00+00:00",
        "days": 2.0,
        "shared_moments": 2 / 4,  # the two of user 1 at time 0
    }
    assert facts["ratings"] == [
        {"rating": 3.0, "count": 3, "share": 3 / 4},
        {"rating": 5.0, "count": 1, "share": 1 / 4},
    ]
    assert facts["events_per_user"] == {
        "min": 1.0,
        "q25": 1.5,
        "median": 2.0,
        "q75": 2.5,
        "max": 3.0,
        "mean": 2.0,
    }
    # items have 1, 1 and 2 events: gini = (-2 * 1 + 0 * 1 + 2 * 2) / (3 * 4)
    assert facts["popularity"]["gini"] == pytest.approx(2 / 12)
    assert facts["popularity"]["top_1_percent"] == 2 / 4
    attributes = facts["attributes"]["item"]
    assert attributes["year"] == {"kind": "number", "missing": pytest.approx(2 / 3), "values": 1}
    assert attributes["genres"] == {"kind": "any of", "missing": pytest.approx(1 / 3), "values": 2}
    assert attributes["title"] == {"kind": "text", "missing": pytest.approx(1 / 3), "values": 2}
    plots = facts["plots"]
    assert plots["history_length"] == [  # 3 events and 1
        {"least": 1, "most": 1, "users": 1},
        {"least": 2, "most": 3, "users": 1},
    ]
    assert [point["events"] for point in plots["item_popularity"]] == [2, 1, 1]
    assert [point["rank"] for point in plots["item_popularity"]] == [1, 2, 3]
    periods = plots["ratings_over_time"]
    assert periods["days"] == 2.0 / 60
    assert (periods["counts"][0], periods["counts"][-1], sum(periods["counts"])) == (3, 1, 4)


def test_many_different_ratings_are_put_into_bins(tmp_path: Path) -> None:
    lines = "".join(f"u{n},i,{n / 10}\n" for n in range(101))
    path = write_files(tmp_path, {"t.csv": f"user,item,rating\n{lines}".encode()}) / "t.csv"
    histogram = describe(import_dataset(path, tmp_path / "data"))["ratings"]
    assert len(histogram) == 10
    assert sum(level["count"] for level in histogram) == 101
    assert histogram[0]["rating"] == 0


def test_the_sample_looks_like_movielens_1m() -> None:
    dataset = make_sample()
    facts = describe(dataset)
    assert dataset.synthetic
    assert facts["users"] == 1000
    assert facts["items"] == 800
    assert 50_000 < facts["interactions"] < 70_000
    assert facts["popularity"]["gini"] > 0.45
    assert facts["events_per_user"]["min"] >= 3
    assert facts["time"]["shared_moments"] > 0.01
    shares = [level["share"] for level in facts["ratings"]]
    assert len(shares) == 5
    assert np.argmax(shares) == 3  # ratings of 4 are the most frequent
    assert set(dataset.user_columns) == {"age", "gender", "occupation", "zip"}
    assert set(dataset.item_columns) == {"title", "year", "genres"}
    assert make_sample().fingerprint == dataset.fingerprint


def test_in_the_sample_neighbours_beat_popularity() -> None:
    """Rank unseen items by co-occurrence with the older half of a history, and by popularity."""
    dataset = make_sample()
    liked = np.zeros((dataset.n_users, dataset.n_items))
    later = np.zeros_like(liked)
    seen = np.zeros(liked.shape, dtype=bool)
    order = np.lexsort((np.arange(dataset.n_interactions), dataset.timestamp, dataset.user))
    counts = np.bincount(dataset.user)
    place = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    old = order[place < 0.8 * np.repeat(counts, counts)]
    new = np.setdiff1d(order, old)
    seen[dataset.user[old], dataset.item[old]] = True
    good = dataset.rating >= 4
    liked[dataset.user[old[good[old]]], dataset.item[old[good[old]]]] = 1
    later[dataset.user[new[good[new]]], dataset.item[new[good[new]]]] = 1

    def hits(scores: np.ndarray) -> float:
        top = np.argsort(-np.where(seen, -np.inf, scores), axis=1)[:, :10]
        return float(np.take_along_axis(later, top, axis=1).sum() / later.sum())

    together = liked.T @ liked
    norm = np.sqrt(np.diag(together)) + 1e-9
    np.fill_diagonal(together, 0)
    neighbours = hits(liked @ (together / np.outer(norm, norm)))
    popular = hits(np.broadcast_to(liked.sum(axis=0), liked.shape))
    assert neighbours > 1.5 * popular
